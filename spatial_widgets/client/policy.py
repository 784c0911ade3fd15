"""Numbers and decisions of polling, retrying and giving up: pure, no I/O, no clock of its own.

Three things that are never mixed: *retry* (this request failed), *polling* (the job is not done yet), and
the caller's *time-out* (our patience).
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from spatial_widgets.errors import (
    AuthenticationError,
    ParameterError,
    ProtocolError,
    ServiceError,
    TransportError,
)

__all__ = [
    "ContactPolicy",
    "PollPolicy",
    "RetryPolicy",
    "Severity",
    "checked_interval",
    "severity",
]

_TOKEN_CODES = {498, 499}
_FINAL_CODES = {400, 401, 403, 404}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one GET is asked again before its error is raised.

    With the defaults the pauses before the second and third attempt are 0.3 and 0.9 s (± 25 %).
    """

    attempts: int = 3
    first_s: float = 0.3
    factor: float = 3.0
    jitter: float = 0.25
    retry_after_max_s: float = 30.0

    def pause_s(self, attempt: int, retry_after_s: float | None, spread: float) -> float:
        """Return the pause after failed attempt number ``attempt`` (from 1); ``spread`` is in [-1, 1]."""
        if retry_after_s is not None:
            return min(max(retry_after_s, 0.0), self.retry_after_max_s)
        return float(self.first_s * self.factor ** (attempt - 1) * (1 + self.jitter * spread))


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """How long to wait between two polls: a tenth of the time elapsed, within bounds.

    A job's end is then noticed at most about a tenth of its duration late, and an hour costs fewer
    requests than ten minutes at one a second. Servers refresh ``progress`` every five seconds.
    """

    share: float = 0.1
    min_s: float = 0.2
    max_s: float = 10.0
    progress_max_s: float = 5.0
    jitter: float = 0.1
    fixed_s: float | None = None

    def interval_s(self, elapsed_s: float, *, has_progress: bool, spread: float) -> float:
        """Return seconds to the next poll; ``spread`` is in [-1, 1]."""
        if self.fixed_s is not None:
            return self.fixed_s
        ceiling = self.progress_max_s if has_progress else self.max_s
        return min(max(self.share * elapsed_s, self.min_s), ceiling) * (1 + self.jitter * spread)


def checked_interval(seconds: object) -> float | None:
    """Return a ``poll_interval`` as it is used.

    Raises
    ------
    ParameterError : it is neither None nor a number of seconds above 0.
    """
    if seconds is None:
        return None
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not math.isfinite(seconds) or seconds <= 0:  # type: ignore[arg-type, operator]
        raise ParameterError(
            f"poll_interval is {seconds!r}: give the seconds between two polls, more than 0, or None for the usual pace.",
            parameter="poll_interval",
            value=seconds,
        )
    return float(seconds)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """When contact counts as lost: so many failures in a row, and so long without a good answer.

    Each poll has a total deadline: ``deadline_s``, and ``failing_deadline_s`` once polls fail, so that
    even a server that only hangs is given up before ``latest_s``.

    Where somebody still listens then, a job is asked for on and on: every ``lost_s`` at first, twice as long
    after each failure, at last every ``lost_max_s``.
    """

    failures: int = 5
    silence_s: float = 60.0
    latest_s: float = 150.0
    first_s: float = 1.0
    max_s: float = 15.0
    deadline_s: float = 30.0
    failing_deadline_s: float = 15.0
    lost_s: float = 30.0
    lost_max_s: float = 120.0


class Severity(enum.Enum):
    """What a failed poll means for the watch."""

    SOFT = "try again, within the budget"
    REPEAT = "final when it comes twice in a row"
    FINAL = "end now"


def severity(error: BaseException) -> Severity:
    """Sort a poll's error. What is not one of ours is final: it is a defect, not the network."""
    if isinstance(error, AuthenticationError) and error.code in _TOKEN_CODES:
        # The session has already renewed the token once; elsewhere none was sent.
        return Severity.REPEAT if error.is_elsewhere else Severity.FINAL
    if isinstance(error, ServiceError):
        return Severity.REPEAT if error.code in _FINAL_CODES else Severity.SOFT
    if isinstance(error, (TransportError, ProtocolError)):
        return Severity.SOFT
    return Severity.FINAL
