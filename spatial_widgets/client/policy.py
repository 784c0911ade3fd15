"""Numbers and decisions of polling, retrying and giving up: pure, no I/O, no clock of its own.

Three things that are never mixed: *retry* (this request failed), *polling* (the job is not done yet), and
the caller's *time-out* (our patience).
"""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spatial_widgets.errors import AuthenticationError, ProtocolError, ServiceError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.protocol import JobInfo, JobStatus

__all__ = ["ContactPolicy", "PollPolicy", "PollSchedule", "RetryPolicy", "Severity", "severity"]

_LONGEST_PAUSE_S = 300.0  # a server's wish beyond this is taken for a slip
_LEAST_S = 3.0  # an answer needs some time, however long its request had to wait
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


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """When contact counts as lost: so many failures in a row, and so long without a good answer.

    Each poll has a total deadline: ``deadline_s``, and ``failing_deadline_s`` once polls fail, so that
    even a server that only hangs is given up before ``latest_s``.
    """

    failures: int = 5
    silence_s: float = 60.0
    latest_s: float = 150.0
    first_s: float = 1.0
    max_s: float = 15.0
    deadline_s: float = 30.0
    failing_deadline_s: float = 15.0


class Severity(enum.Enum):
    """What a failed poll means for the watch."""

    SOFT = "try again, within the budget"
    REPEAT = "final when it comes twice in a row"
    FINAL = "end now"


def severity(error: BaseException) -> Severity:
    """Sort a poll's error. What is not one of ours is final: it is a defect, not the network."""
    if isinstance(error, AuthenticationError) and error.code in _TOKEN_CODES:
        return Severity.FINAL  # the session has already renewed the token once
    if isinstance(error, ServiceError):
        return Severity.REPEAT if error.code in _FINAL_CODES else Severity.SOFT
    if isinstance(error, (TransportError, ProtocolError)):
        return Severity.SOFT
    return Severity.FINAL


class PollSchedule:
    """When to poll one job next, fed with what each poll brought. Not thread-safe.

    Parameters
    ----------
    now : the moment the watch starts, monotonic seconds.
    """

    def __init__(
        self,
        now: float,
        *,
        poll: PollPolicy | None = None,
        contact: ContactPolicy | None = None,
        random_spread: Callable[[], float] = lambda: random.uniform(-1, 1),
    ) -> None:
        self._poll = poll or PollPolicy()
        self._contact = contact or ContactPolicy()
        self._spread = random_spread
        self._started = now
        self._last_good = now
        self._status: JobStatus | None = None
        self.failures = 0
        self._repeats = 0

    @property
    def soon_s(self) -> float:
        """The shortest pause between two polls."""
        return self._poll.min_s if self._poll.fixed_s is None else self._poll.fixed_s

    @property
    def deadline_s(self) -> float:
        """Seconds that the next poll may take in total."""
        return self._contact.failing_deadline_s if self.failures else self._contact.deadline_s

    def deadline_for(self, now: float, *, since: float | None = None) -> float:
        """Return seconds that a poll which starts now may take, having waited for its turn ``since`` then.

        While polls fail, waiting is part of it, and what is needed is kept for the failures still missing,
        so that contact is not counted as lost late.
        """
        if not self.failures:
            return self._contact.deadline_s
        missing = max(1, self._contact.failures - self.failures)
        room = (self._contact.latest_s - 2 - self.silent_s(now)) / missing - _LEAST_S - 0.5
        allowed = min(self._contact.failing_deadline_s, max(room, _LEAST_S))
        return allowed if since is None else min(allowed, max(since + allowed - now, _LEAST_S))

    def silent_s(self, now: float) -> float:
        """Return seconds since the last good answer."""
        return now - self._last_good

    def after_reply(self, now: float, info: JobInfo, *, retry_after_s: float | None = None) -> float:
        """Note a good answer and return the seconds to the next poll."""
        self._last_good = now
        self.failures = self._repeats = 0
        if info.status != self._status:  # a change often comes with others: look closely again
            self._status, self._started = info.status, now
        if retry_after_s is not None:
            return min(max(retry_after_s, self.soon_s), _LONGEST_PAUSE_S)
        return self._poll.interval_s(
            now - self._started, has_progress=info.progress is not None, spread=self._spread()
        )

    def after_failure(self, now: float, error: BaseException) -> float | None:
        """Note a failed poll and return the seconds to the next; None means that the watch is over."""
        kind = severity(error)
        if kind is Severity.FINAL:
            return None
        if kind is Severity.REPEAT:
            self._repeats += 1
            return None if self._repeats > 1 else self._contact.first_s
        self.failures += 1
        silent, missing = self.silent_s(now), self._contact.failures - self.failures
        if missing <= 0 and silent >= self._contact.silence_s:
            return None
        pause = min(float(self._contact.first_s * 2 ** (self.failures - 1)), self._contact.max_s)
        asked = getattr(error, "retry_after_s", None)
        if asked is not None:
            pause = max(pause, asked)
        if missing > 0:
            # Leave room for the failures still needed, each of which may use its whole deadline.
            room = self._contact.latest_s - 2 - silent - missing * self._contact.failing_deadline_s
            return max(0.5, min(pause, room / missing))
        return max(0.5, min(pause, self._contact.silence_s - silent))

    def is_lost(self, error: BaseException) -> bool:
        """Whether a watch that ended with this error lost contact, as opposed to being told no."""
        return severity(error) is Severity.SOFT
