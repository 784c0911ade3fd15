"""The last snapshot of one job, and the one way to bring it up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.client.course import noted
from spatial_widgets.client.turns import Turns
from spatial_widgets.errors import TransportTimeout
from spatial_widgets.protocol import JobInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.course import Moment
    from spatial_widgets.client.deadline import Budget
    from spatial_widgets.client.session import GPSession

__all__ = ["Snapshot"]


class Snapshot:
    """What is known of a job. Its polls never overlap, whoever asks for them.

    Attributes
    ----------
    info : the snapshot itself.
    course : each status that it had, with the moment when it was first seen.
    taken_at : when its last poll was answered, in seconds of the session's clock; ``-inf`` before the first.
    retry_after_s : what the last good answer asked for, in seconds, or None.
    """

    def __init__(self, url: str, info: JobInfo) -> None:
        self.info = info
        self.course: tuple[Moment, ...] = noted((), info)
        self.retry_after_s: float | None = None
        self._url = url
        self.taken_at = float("-inf")
        self._turns = Turns()

    def after_fork(self) -> None:
        """Get a new lock, in a forked child: who held the old one is not there."""
        self._turns = Turns()

    def refresh(self, session: GPSession, budget: Budget) -> None:
        """Ask the service once; not where it is final, or somebody else's answer came since the call."""
        asked, turn = session.clock.now(), object()
        try:
            if not self._turns.take(turn, budget.left_s):
                raise TransportTimeout(
                    f"GET {self._url}: another poll of this job took longer than {budget}.", url=self._url
                )
            if not self.info.status.is_terminal and self.taken_at < asked:
                document = session.get_json(self._url, deadline_s=budget.left_s, retry=False)
                before = self.info
                self._take(JobInfo.from_json(document, job_id=before.job_id, url=self._url, before=before))
                self.retry_after_s = session.last_retry_after_s
                self.taken_at = session.clock.now()
        finally:
            self._turns.give_back(turn)

    def change(self, how: Callable[[JobInfo], JobInfo], *, timeout_s: float) -> None:
        """Change it by what another answer said; where a poll takes longer than that, the poll will tell."""
        turn = object()
        try:
            if self._turns.take(turn, timeout_s):
                self._take(how(self.info))
        finally:
            self._turns.give_back(turn)

    def _take(self, info: JobInfo) -> None:
        self.course = noted(self.course, info)  # first: whoever sees the new status finds its moment there
        self.info = info
