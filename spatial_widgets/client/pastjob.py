"""One entry of the job history."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import JobInfo, JobStatus
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client.job import Job

__all__ = ["COLUMNS", "SUBMITTING", "PastJob", "past_job"]

#: The status of a submit whose answer has not come (yet); no word of Esri's.
SUBMITTING = JobStatus.parse("submitting")

#: What :func:`past_job` reads, as SQL.
COLUMNS = "id, service, task, job, status, fingerprint, idempotency_key, submitted, ended, version"


@dataclass(frozen=True, slots=True)
class PastJob:
    """One entry of the history, as it was last known here.

    Attributes
    ----------
    url, job_id : None while no answer has told them: ``status`` is then ``submitting``, and the job may exist or not.
    task, service_url : the task's name, and its GPServer.
    status : :class:`JobStatus`, as a poll of this machine saw it last.
    submitted_at : aware, UTC; None for a job that was not submitted from here.
    ended_at : when its end was first seen, aware, UTC; None before, and for one that had ended when it was attached to.
    fingerprint : SHA-256 of the parameters as they were sent; None for a job that was not submitted from here.
    version : of spatial_widgets, at the time.
    """

    url: str | None
    job_id: str | None
    task: str
    service_url: str
    status: JobStatus
    submitted_at: dt.datetime | None
    ended_at: dt.datetime | None
    fingerprint: str | None
    version: str
    idempotency_key: str | None = field(default=None, repr=False)
    row: int = field(default=0, repr=False, compare=False)

    def job(self, auth: Any = None) -> Job:
        """Return the job as it was last known; ``refresh()`` asks how it stands. No request.

        Raises
        ------
        ParameterError : no answer has told the job's ID.
        """
        from spatial_widgets.client.job import Job
        from spatial_widgets.client.service import GPService

        if self.job_id is None:
            raise ParameterError(
                f"The answer to this submit of {self.task} was lost, so its job is not known here, if there is one. "
                "Look for it at the service; task.attach(job_id) takes it up.",
                parameter="job_id",
            )
        task = GPService(self.service_url, auth=auth).task(self.task)
        return Job(task, JobInfo(self.job_id, self.status))


def past_job(row: Sequence[Any]) -> PastJob:
    """Return the entry of a row of :data:`COLUMNS`."""
    number, service, task, job, status, fingerprint, key, submitted, ended, version = row
    return PastJob(
        url=None if job is None else join(service, task, "jobs", job),
        job_id=job,
        task=task,
        service_url=service,
        status=JobStatus.parse(status),
        submitted_at=_moment(submitted),
        ended_at=_moment(ended),
        fingerprint=fingerprint,
        version=version,
        idempotency_key=key,
        row=number,
    )


def _moment(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
