"""A limit on how often a widget speaks, whatever happens to what it shows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from spatial_widgets.client import Poller

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pace"]

_GATHER_S = 0.05  # what happens at the same time is told together
_PAUSE_S = 0.25  # at most five times in any second


class Pace:
    """Work that may be asked for at any rate, from any thread, and is done on the poller's thread at a bounded one.

    At most once in each pause by the poller's clock, and once more after the last asking.

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
        Poller.shared().call(self._do, delay_s=self._gather_s)

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
            self._do()
