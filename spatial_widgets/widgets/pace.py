"""A limit on how often a widget speaks, and on how often all of them do, whatever happens to what they show."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from spatial_widgets.client import Poller

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pace"]

_GATHER_S = 0.05  # what happens at the same time is told together
_PAUSE_S = 0.25  # at most five times in any second
_TURN_S = 0.01  # of all widgets of a process


class _Turns:
    """Who speaks when: one at a time, in the order in which they asked, so that nobody is passed over.

    A notebook's server and page take a few hundred messages a second, on a machine that is busy fewer. What is more
    than that queues up there, where nobody can take it back: the page falls further and further behind the jobs, and
    the end of a cell comes when all of it was shown.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at = float("-inf")

    def book(self, now: float, soonest_s: float) -> float:
        """Return the seconds from now to the next turn that nobody has."""
        with self._lock:
            at = max(now + soonest_s, self._free_at)
            self._free_at = at + _TURN_S
            return at - now


_turns: weakref.WeakKeyDictionary[Poller, _Turns] = weakref.WeakKeyDictionary()


class Pace:
    """Work that may be asked for at any rate, from any thread, and is done on the poller's thread at a bounded one.

    At most once in each pause by the poller's clock, and once more after the last asking. All of them together do
    theirs at most a hundred times a second: a crowd is slow, each has its turn, and says how things stand then.

    Parameters
    ----------
    work : what is done.
    gather_s : seconds from the first asking to the work, for what happens at the same time.
    pause_s : seconds between the end of the work and the next time.
    """

    def __init__(
        self, work: Callable[[], None], *, gather_s: float = _GATHER_S, pause_s: float = _PAUSE_S
    ) -> None:
        self._work = work
        self._gather_s, self._pause_s = gather_s, pause_s
        self._lock = threading.Lock()
        self._is_asked = False
        self._is_busy = False  # it is about to be done, or was done just now

    def ask(self) -> None:
        """Have it done soon; however often that is said before, it is done once."""
        with self._lock:
            self._is_asked = True
            if self._is_busy:
                return
            self._is_busy = True
        self._book(self._gather_s)

    def _book(self, soonest_s: float) -> None:
        poller = Poller.shared()
        turns = _turns.setdefault(poller, _Turns())
        poller.call(self._do, delay_s=turns.book(poller.now(), soonest_s))

    def _do(self) -> None:
        with self._lock:
            self._is_asked = False
        try:
            self._work()
        finally:
            Poller.shared().call(self._end_pause, delay_s=self._pause_s)

    def _end_pause(self) -> None:
        with self._lock:
            self._is_busy = self._is_asked
        if self._is_busy:
            self._book(0.0)
