"""The jobs that a service itself has, for a table and a terminal. Only the local service lists them; ArcGIS has no such thing."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import NotFound, ProtocolError, ServiceError
from spatial_widgets.pastjobs import in_columns, ran, shown
from spatial_widgets.protocol import JobStatus
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client import GPService

__all__ = ["ServiceJob", "as_json", "as_table", "list_jobs"]

_HEAD = ("TASK", "STATUS", "SUBMITTED", "RAN", "URL")
_MISSING = {400, 404}


@dataclass(frozen=True, slots=True)
class ServiceJob:
    """One job, as its service lists it. Times are UTC; ``started`` and ``finished`` are None until then."""

    task: str
    job_id: str
    status: JobStatus
    url: str
    submitted: dt.datetime | None
    started: dt.datetime | None
    finished: dt.datetime | None


def list_jobs(service: GPService, limit: int) -> list[ServiceJob]:
    """Return the newest jobs of a service. One GET for its description, and one for each task.

    Raises
    ------
    NotFound : the service does not list its jobs.
    """
    found = []
    for name in service.tasks():
        url = join(service.task(name).url, "jobs")
        try:
            document = service.session.get_json(f"{url}?num={limit}")
            found += [_read(name, url, one) for one in document["jobs"]]
        except (ProtocolError, KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise _not_listed(service, url) from error
        except ServiceError as error:
            if error.code not in _MISSING:
                raise
            raise _not_listed(service, url) from error
    longest_ago = dt.datetime.min.replace(tzinfo=dt.UTC)
    return sorted(found, key=lambda job: job.submitted or longest_ago, reverse=True)[:limit]


def _not_listed(service: GPService, url: str) -> NotFound:
    return NotFound(
        f"{service.url} does not list its jobs; only the local service does. "
        "JobTable.recent() and `spatial-widgets jobs` list what was submitted from this machine.",
        url=url,
    )


def _read(task: str, url: str, line: dict[str, Any]) -> ServiceJob:
    times = [_time(line.get(name)) for name in ("submitted", "started", "finished")]
    job_id = str(line["jobId"])
    return ServiceJob(task, job_id, JobStatus.parse(str(line["jobStatus"])), join(url, job_id), *times)


def _time(value: Any) -> dt.datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return dt.datetime.fromtimestamp(value / 1000, dt.UTC)


def as_table(jobs: Sequence[ServiceJob]) -> str:
    """Return one line for each job, below a head; times are this machine's."""
    rows = [
        (
            shown(job.task),
            shown(job.status.label),
            job.submitted.astimezone().strftime("%Y-%m-%d %H:%M") if job.submitted else "-",
            ran(job.started, job.finished),
            shown(job.url),
        )
        for job in jobs
    ]
    return in_columns(_HEAD, rows) if rows else "No jobs."


def as_json(jobs: Sequence[ServiceJob]) -> str:
    """Return a list of objects."""
    moments = ("submitted", "started", "finished")
    return json.dumps(
        [
            {"task": job.task, "status": job.status.value, "url": job.url}
            | {name: moment and moment.isoformat() for name in moments for moment in [getattr(job, name)]}
            for job in jobs
        ],
        indent=2,
    )
