"""The threads that requests run on: few, daemons, and gone when there is nothing to do."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RequestPool", "Workers"]

logger = logging.getLogger(__name__)
_THREADS = 32
_IDLE_S = 2.0


class Workers(Protocol):
    """Something that runs work, now or soon, on a thread of its choice."""

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` once."""


class RequestPool:
    """At most ``size`` daemon threads for requests; idle ones end after ``idle_s`` seconds.

    Not a ThreadPoolExecutor: that one is joined at exit, and a request that hangs would hold up the
    shutdown of a kernel.
    """

    def __init__(self, size: int = _THREADS, idle_s: float = _IDLE_S, name: str = "request") -> None:
        self._size = size
        self._idle_s = idle_s
        self._name = name
        self._work: deque[Callable[[], None]] = deque()
        self._ready = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._numbers = itertools.count(1)

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` on a thread of the pool."""
        with self._ready:
            self._work.append(work)
            if self._idle >= len(self._work):
                self._ready.notify()
            elif self._threads < self._size:
                self._threads += 1
                name = f"spatial-widgets-{self._name}-{next(self._numbers)}"
                threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._ready:
                self._idle += 1
                has_work = self._ready.wait_for(lambda: self._work, self._idle_s)
                self._idle -= 1
                if not has_work:
                    self._threads -= 1
                    return
                work = self._work.popleft()
            try:
                work()
            except Exception:
                logger.exception("A request's own handling failed")
