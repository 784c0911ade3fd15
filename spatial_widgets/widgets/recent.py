"""Past jobs: those of the user's history, with whom a table may ask for them, and those that a service lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import GPService, Job, history
from spatial_widgets.errors import ParameterError
from spatial_widgets.local import LocalService
from spatial_widgets.protocol import JobInfo
from spatial_widgets.protocol.urls import origin
from spatial_widgets.servicejobs import list_jobs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from spatial_widgets.client.history import PastJob

__all__ = ["RecentJob", "jobs_at", "recent_jobs"]


@dataclass(frozen=True, slots=True)
class RecentJob:
    """A job of the history, or of a service's own list.

    Attributes
    ----------
    submitted, ended : seconds since 1970-01-01 UTC, None where that is not known.
    is_followed : whether its service may be asked how it stands; if not, it is shown as last seen.
    """

    job: Job
    submitted: float | None = None
    ended: float | None = None
    is_followed: bool = True


def recent_jobs(limit: int, *, service: GPService | str | None, auth: Any) -> list[RecentJob]:
    """Return the last jobs of the history, newest first; those that run with somebody's leave to ask for them.

    No request but the question whether the local service runs, and that only where a job may run.

    Raises
    ------
    ParameterError : ``auth`` would go to more than one server.
    """
    given = service if isinstance(service, GPService) else None
    past = history.recent(limit, service=service.url if isinstance(service, GPService) else service)
    known = [p for p in past if p.job_id is not None]  # of the others no answer has told which job it is
    running = {p.service_url for p in known if not p.status.is_terminal}
    services = {given.url: given} if given is not None else {}
    local = LocalService.running() if running - services.keys() else None
    if local is not None:
        services[local.url] = local.service()
    strangers = running - services.keys()
    if auth is not None:
        _refuse_several(strangers)
        services |= {url: GPService(url, auth=auth) for url in strangers}
    return [
        RecentJob(
            Job((services.get(p.service_url) or GPService(p.service_url)).task(p.task), _info(p)),
            _seconds(p.submitted_at),
            _seconds(p.ended_at),
            is_followed=not p.status.is_terminal and p.service_url in services,
        )
        for p in known
    ]


def jobs_at(service: GPService, limit: int) -> list[RecentJob]:
    """Return the last jobs that a service has, newest first, whoever submitted them; as :func:`list_jobs` does.

    Raises
    ------
    NotFound : the service does not list its jobs.
    """
    return [
        RecentJob(
            Job(service.task(listed.task), JobInfo(listed.job_id, listed.status)),
            _seconds(listed.submitted),
            _seconds(listed.finished),
        )
        for listed in list_jobs(service, limit)
    ]


def _refuse_several(services: Iterable[str]) -> None:
    """Refuse to send what signs in at one server to others."""
    origins = {"{}://{}:{}".format(*origin(url)) for url in services}
    if len(origins) > 1:
        raise ParameterError(
            f"auth= would be sent to {len(origins)} servers: {', '.join(sorted(origins))}. "
            "Name the one that it is for: JobTable.recent(service=…, auth=…).",
            parameter="auth",
        )


def _info(past: PastJob) -> JobInfo:
    return JobInfo(str(past.job_id), past.status)


def _seconds(moment: dt.datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
