"""Time as the client sees it: one seam, so that tests can turn the hands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

__all__ = ["SYSTEM_CLOCK", "Absences", "Clock"]

_LEAP_S = 5.0  # what no correction of a clock in small steps does between two looks, nor a busy machine
_LOOK_S = 2.0


class Clock(Protocol):
    """What waiting needs to know of time, in seconds."""

    def now(self) -> float:
        """Return monotonic seconds; they may stand still while the machine sleeps."""

    def wall(self) -> float:
        """Return seconds since 1970-01-01 UTC; somebody may set them, forward or back."""

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        """Wait on a held condition; False when the time ran out first."""


class _SystemClock:
    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        return condition.wait(timeout_s)


SYSTEM_CLOCK: Clock = _SystemClock()


class Absences:
    """Notices that this process was away: a laptop slept, a virtual machine or the process was halted.

    Where the monotonic clock stands still meanwhile (Linux, macOS), the wall clock has run ahead of it; where
    it does not, a wait comes back far too late. A wall clock that somebody sets looks the same; whoever uses
    this must be content with being told of an absence that was none.

    Source: https://man7.org/linux/man-pages/man2/clock_gettime.2.html (CLOCK_MONOTONIC, CLOCK_BOOTTIME)
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = clock.wall() - clock.now()
        self._came_late = False

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> None:
        """Wait on a held condition, but not longer than 2 s: the rest of a long wait outlasts a sleep."""
        most = _LOOK_S if timeout_s is None else min(timeout_s, _LOOK_S)
        began = self._clock.now()
        self._clock.wait(condition, most)
        if self._clock.now() - began > most + _LEAP_S:
            self._came_late = True

    def noticed(self) -> bool:
        """Whether there was one since the last call."""
        ahead = self._clock.wall() - self._clock.now()
        was_away = self._came_late or abs(ahead - self._ahead) > _LEAP_S
        self._ahead, self._came_late = ahead, False
        return was_away
