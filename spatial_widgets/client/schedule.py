"""When to poll one job next, and when contact to it counts as lost: pure, no I/O, no clock of its own."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from spatial_widgets.client.policy import ContactPolicy, PollPolicy, Severity, severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.protocol import JobInfo

__all__ = ["PollSchedule"]

_LONGEST_PAUSE_S = 300.0  # a server's wish beyond this is taken for a slip
_LEAST_S = 3.0  # an answer needs some time, however long its request had to wait
_TOO_MANY = 429
_MOST_FRESH = 5  # budgets given in a row, as after a laptop woke up: a clock that jumps for ever must not give them for ever


class PollSchedule:
    """When to poll one job next, fed with what each poll brought. Not thread-safe.

    Parameters
    ----------
    now : the moment the watch starts, monotonic seconds.

    Attributes
    ----------
    poll : the policy; may be replaced.
    failures : polls that failed in a row, within this budget.
    every_s : seconds from one poll's start to the next one's while contact is lost, else None.
    """

    def __init__(
        self,
        now: float,
        *,
        poll: PollPolicy | None = None,
        contact: ContactPolicy | None = None,
        random_spread: Callable[[], float] = lambda: random.uniform(-1, 1),
    ) -> None:
        self.poll = poll or PollPolicy()
        self._contact = contact or ContactPolicy()
        self._spread = random_spread
        self._started = now  # in this status
        self._info: JobInfo | None = None
        self._asked_at = now
        self._not_before = now  # a server's wish
        self._fresh = 0
        self._begin_budget(now)

    def _begin_budget(self, now: float) -> None:
        self._good_at = now  # the last good answer, or since when we may complain
        self._wished_s = 0.0  # pauses that a busy server asked for, in the time since
        self._pace_s = 0.0
        self.every_s: float | None = None
        self.failures = self._repeats = 0

    @property
    def soon_s(self) -> float:
        """The shortest pause between two polls."""
        return self.poll.min_s if self.poll.fixed_s is None else self.poll.fixed_s

    @property
    def deadline_s(self) -> float:
        """Seconds that the next poll may take in total."""
        is_failing = self.failures or self.every_s is not None
        return self._contact.failing_deadline_s if is_failing else self._contact.deadline_s

    def deadline_for(self, now: float, *, since: float | None = None) -> float:
        """Return seconds that a poll which starts now may take, having waited for its turn ``since`` then.

        While polls fail, waiting is part of it, and what is needed is kept for the failures still missing,
        so that contact is not counted as lost late.
        """
        if self.every_s is not None or not self.failures:
            return self.deadline_s
        missing = max(1, self._contact.failures - self.failures)
        room = (self._contact.latest_s - 2 - self._unexcused_s(now)) / missing - _LEAST_S - 0.5
        allowed = min(self._contact.failing_deadline_s, max(room, _LEAST_S))
        return allowed if since is None else min(allowed, max(since + allowed - now, _LEAST_S))

    def silent_s(self, now: float) -> float:
        """Return seconds since the last good answer, or since a fresh budget was given."""
        return now - self._good_at

    def _unexcused_s(self, now: float) -> float:
        return self.silent_s(now) - self._wished_s

    def asks(self, now: float) -> None:
        """Note that a poll is asked for."""
        self._asked_at = now

    def after_reply(self, now: float, info: JobInfo, *, retry_after_s: float | None = None) -> float:
        """Note a good answer and return the seconds to the next poll."""
        self._begin_budget(now)
        self._fresh = 0
        if self._info is None or info.status != self._info.status:
            self._started = now  # a change often comes with others: look closely again
        self._info = info
        self._not_before = now + min(retry_after_s or 0.0, _LONGEST_PAUSE_S)
        if retry_after_s is not None:
            return min(max(retry_after_s, self.soon_s), _LONGEST_PAUSE_S)
        return self._interval_s(now)

    def _interval_s(self, now: float) -> float:
        has_progress = self._info is not None and self._info.progress is not None
        return self.poll.interval_s(now - self._started, has_progress=has_progress, spread=self._spread())

    def until_next_s(self, now: float) -> float:
        """Return the seconds to the next poll of a job that answers, by the policy as it is now."""
        return max(self._good_at + self._interval_s(now), self._not_before, now) - now

    def heard(self, at: float) -> None:
        """Note when somebody else's request last got a good answer: the job is in reach, whatever failed before."""
        if at > self._good_at:
            self._begin_budget(at)

    def after_failure(self, now: float, error: BaseException) -> float | None:
        """Note a failed poll and return the seconds to the next; None means no more, see :meth:`is_lost`."""
        kind = severity(error)
        if kind is Severity.FINAL:
            return None
        if kind is Severity.REPEAT:
            self._repeats += 1
            return None if self._repeats > 1 else self._contact.first_s
        self.failures += 1
        asked = min(getattr(error, "retry_after_s", None) or 0.0, _LONGEST_PAUSE_S)
        wish = asked if _is_busy(error) else 0.0
        if self.every_s is not None:
            self._pace_s = min(2 * self._pace_s, self._contact.lost_max_s)
            return self._slow_pause_s(now, asked)
        silent, missing = self.silent_s(now), self._contact.failures - self.failures
        if missing < (0 if wish else 1) and silent >= self._contact.silence_s:
            return None
        pause = max(min(float(self._contact.first_s * 2 ** (self.failures - 1)), self._contact.max_s), asked)
        if missing > 0:
            # Leave room for the failures still needed, each of which may use its whole deadline.
            needed = missing * self._contact.failing_deadline_s
            pause = min(pause, (self._contact.latest_s - 2 - self._unexcused_s(now) - needed) / missing)
        else:
            pause = min(pause, self._contact.silence_s - silent)
        pause = max(0.5, pause)
        self._wished_s += max(0.0, wish - pause)
        return max(pause, wish)

    def is_lost(self, error: BaseException) -> bool:
        """Whether a watch that ended with this error lost contact, as opposed to being told no."""
        return severity(error) is Severity.SOFT

    def slow_down(self, now: float) -> float:
        """Go on at the slow pace of a lost job; return the seconds to the next poll."""
        self._pace_s = self._contact.lost_s
        return self._slow_pause_s(now, 0.0)

    def _slow_pause_s(self, now: float, wish: float) -> float:
        self.every_s = max(self._pace_s, wish)
        return max(self._asked_at + self.every_s - now, min(_LEAST_S, self.every_s), wish)

    def begin_anew(self, now: float) -> None:
        """Have the whole budget again: somebody new waits."""
        self._begin_budget(now)

    def excuse_absence(self, now: float) -> None:
        """Have the whole budget again: nobody could ask while this machine slept. At most five times in a row."""
        if self._fresh < _MOST_FRESH:
            self._fresh += 1
            self._begin_budget(now)


def _is_busy(error: BaseException) -> bool:
    return _TOO_MANY in {getattr(error, "status", None), getattr(error, "code", None)}
