"""The threads that requests run on: few, daemons, shared fairly, and gone when there is nothing to do."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from spatial_widgets.client.forking import renewed_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Errand", "Loads", "RequestPool", "Workers"]

logger = logging.getLogger(__name__)
_THREADS = 32
_IDLE_S = 2.0
_LASTING = 8  # threads that may be busy with what takes minutes
_MANY = 1000
_SHARE = 3  # an origin may have this many times the threads that are left free


class Workers(Protocol):
    """Something that runs work, now or soon, on a thread of its choice."""

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` once."""


class Errand:
    """Work that says whom it asks, so that one silent server does not take every thread.

    Parameters
    ----------
    origin : the server it speaks to.
    lasting : whether it may take minutes, as the loading of a result.
    """

    def __init__(
        self, work: Callable[[], None], *, origin: Hashable | None = None, lasting: bool = False
    ) -> None:
        self._work = work
        self.origin = origin
        self.lasting = lasting
        self.started = False
        self.cancelled = False

    def __call__(self) -> None:
        """Do it, unless it was cancelled."""
        self.started = True
        work, self._work = self._work, _nothing  # what it holds may go when it is done
        if not self.cancelled:
            work()


def _nothing() -> None:
    pass


class Loads:
    """Workers for the results of one origin: what it is given may last."""

    def __init__(self, workers: Workers, origin: Hashable) -> None:
        self._workers = workers
        self._origin = origin

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` once."""
        self._workers.submit(Errand(work, origin=self._origin, lasting=True))


class RequestPool:
    """At most ``size`` daemon threads for requests; idle ones end after ``idle_s`` seconds.

    An origin may start one more request while it has fewer than three times the threads that are free:
    alone it gets 24 of 32, two silent ones leave room for a third. Work that lasts has 8 in all.

    Not a ThreadPoolExecutor: that one is joined at exit, and a request that hangs would hold up the
    shutdown of a kernel.
    """

    def __init__(self, size: int = _THREADS, idle_s: float = _IDLE_S, name: str = "request") -> None:
        self._size = size
        self._idle_s = idle_s
        self._name = name
        self._begin()
        renewed_after_fork(self)

    def _begin(self) -> None:
        self._queue: list[Errand] = []
        self._busy: Counter[Hashable] = Counter()  # by origin
        self._lasting = 0
        self._ready = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._most_queued = _MANY
        self._numbers = itertools.count(1)

    def after_fork(self) -> None:
        """Forget, in a forked child, the threads and the work of the parent."""
        self._begin()

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` on a thread of the pool, as soon as its origin may have one.

        Raises
        ------
        RuntimeError : there is no thread, and none can be started (a limit, or the interpreter's end).
        """
        errand = work if isinstance(work, Errand) else Errand(work)
        with self._ready:
            if len(self._queue) > self._most_queued:  # polls that were given up may never get a thread
                self._queue = [e for e in self._queue if not e.cancelled]
                self._most_queued = 2 * len(self._queue) + _MANY
            self._queue.append(errand)
            try:
                self._call_threads()
            except RuntimeError:
                if self._threads == 0:
                    self._queue.remove(errand)
                    raise

    def _startable(self) -> list[Errand]:
        """Return the errands that may start now, in order, each counted against those after it."""
        busy, lasting, free = self._busy.copy(), self._lasting, self._size - self._busy.total()
        chosen = []
        for errand in self._queue:
            if free <= 0:
                break
            if busy[errand.origin] >= _SHARE * free or (errand.lasting and lasting >= _LASTING):
                continue
            chosen.append(errand)
            busy[errand.origin] += 1
            lasting += errand.lasting
            free -= 1
        return chosen

    def _call_threads(self) -> None:
        wanted = len(self._startable())
        if wanted:
            self._ready.notify(wanted)
        for _ in range(min(wanted - self._idle, self._size - self._threads)):
            name = f"spatial-widgets-{self._name}-{next(self._numbers)}"
            threading.Thread(target=self._run, name=name, daemon=True).start()
            self._threads += 1  # not before: the start may fail

    def _take(self) -> Errand | None:
        errand = next(iter(self._startable()), None)
        if errand is not None:
            self._queue.remove(errand)
            self._busy[errand.origin] += 1
            self._lasting += errand.lasting
            errand.started = True
        return errand

    def _next(self, done: Errand | None) -> Errand | None:
        """Give back one errand's place and wait for another; None means that this thread's time is over."""
        with self._ready:
            if done is not None:
                self._busy[done.origin] -= 1
                self._busy += Counter()  # drops origins without a request
                self._lasting -= done.lasting
            self._idle += 1
            with contextlib.suppress(RuntimeError):  # no more threads to be had; this one is here
                self._call_threads()  # one place that is free may let several start
            errand = self._ready.wait_for(self._take, self._idle_s)
            self._idle -= 1
            if errand is None:
                self._threads -= 1
            return errand

    def _run(self) -> None:
        errand = self._next(None)
        while errand is not None:
            try:
                errand()
            except BaseException:  # the thread's place would stay taken
                logger.exception("A request's own handling failed")
            errand = self._next(errand)
