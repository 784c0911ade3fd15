"""The cancelling of one job, which a service may refuse until the job has started."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from spatial_widgets.client.deadline import Budget
from spatial_widgets.errors import ServiceError, SpatialWidgetsError
from spatial_widgets.protocol import JobStatus
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from spatial_widgets.client.job import Job
    from spatial_widgets.protocol import JobInfo

__all__ = ["Cancelling"]

logger = logging.getLogger(__name__)

_RUNNING = {JobStatus.WAITING, JobStatus.EXECUTING}
_NOT_YET = {JobStatus.NEW, JobStatus.SUBMITTED}
_REFUSED = 400
_CANCEL_S = 30.0


class Cancelling:
    """Asks for the end of a job, now or as soon as the service takes it."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def begin(self) -> None:
        """Send it; where the service refuses, have it sent again when the job runs."""
        try:
            self._send(Budget(self._job.session.clock, _CANCEL_S))
        except ServiceError as error:
            if error.code != _REFUSED:
                raise
            status = self._job.refresh().status
            if status in _NOT_YET:
                self._job.snapshot.cancel_wanted = True
            elif status in _RUNNING:  # it started in between
                self._send(Budget(self._job.session.clock, _CANCEL_S))

    def go_on(self, budget: Budget) -> None:
        """Send what is pending, if the job runs now; where that does not get through, it stays wanted."""
        if not (self._job.cancel_pending and self._job.status in _RUNNING):
            return
        try:
            self._send(budget)
        except SpatialWidgetsError as error:
            # The poll before it was well, and must not count as failed for it.
            logger.info("The cancel of job %s is sent again with its next poll. %s", self._job.job_id, error)
        else:
            self._job.snapshot.cancel_wanted = False

    def _send(self, budget: Budget) -> None:
        document = self._job.session.post_json(join(self._job.url, "cancel"), {}, deadline_s=budget.left_s)
        said = document.get("jobStatus") if isinstance(document, dict) else None
        status = JobStatus.parse(said) if isinstance(said, str) else JobStatus.CANCELLING
        now = time.time()
        # Only a poll brings the last messages, so a final word is left to it.
        word = JobStatus.CANCELLING if status.is_terminal else status

        def said_so(info: JobInfo) -> JobInfo:
            return info if info.status.is_terminal else replace(info, status=word, received_at=now)

        self._job.snapshot.change(said_so, timeout_s=budget.left_s or 0.0)
        self._job.tell_watch()
