"""Time as the client sees it: one seam, so that tests can turn the hands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

__all__ = ["SYSTEM_CLOCK", "Clock"]


class Clock(Protocol):
    """What waiting needs to know of time, in seconds."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        """Wait on a held condition; False when the time ran out first."""


class _SystemClock:
    def now(self) -> float:
        return time.monotonic()

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        return condition.wait(timeout_s)


SYSTEM_CLOCK: Clock = _SystemClock()
