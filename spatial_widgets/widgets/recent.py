"""The jobs of the user's history, and whom a table may ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import GPService
from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    import datetime as dt

    from spatial_widgets.client import Job
    from spatial_widgets.local import LocalService

__all__ = ["RecentJob", "recent_jobs"]


@dataclass(frozen=True, slots=True)
class RecentJob:
    """A job of the history.

    Attributes
    ----------
    submitted, ended : seconds since 1970-01-01 UTC, None where the history does not know.
    is_followed : whether its service may be asked how it stands; if not, it is shown as last seen.
    """

    job: Job
    submitted: float | None = None
    ended: float | None = None
    is_followed: bool = True


def recent_jobs(limit: int, *, service: GPService | str | None, auth: Any) -> list[RecentJob]:
    """Return the last jobs of the history, newest first, with the token of the local service or ``auth`` for those that run.

    No request but the question whether the local service runs, and that only if a job may run there.

    Raises
    ------
    ParameterError : ``auth`` would go to more than one server.
    """
    from spatial_widgets.client import history  # type: ignore[attr-defined]

    url = service.url if isinstance(service, GPService) else service
    if auth is None and isinstance(service, GPService):
        auth = service.auth
    past = [p for p in history.recent(limit, service=url) if p.url is not None]
    running = [p for p in past if not p.status.is_terminal]
    local = _local_service() if running else None
    strangers = {origin(p.service_url) for p in running if local is None or p.service_url != local.url}
    if auth is not None and len(strangers) > 1:
        raise ParameterError(
            f"auth= would be sent to {len(strangers)} servers: {', '.join(sorted(map(_shown, strangers)))}. "
            "Name the one it is for: JobTable.recent(service=…, auth=…).",
            parameter="auth",
        )
    found = []
    for p in past:
        is_local = local is not None and p.service_url == local.url
        key = local.token if local is not None and is_local else auth
        is_followed = not p.status.is_terminal and (is_local or auth is not None)
        found.append(RecentJob(p.job(auth=key), _seconds(p.submitted_at), _seconds(p.ended_at), is_followed))
    return found


def _local_service() -> LocalService | None:
    from spatial_widgets.local import LocalService

    return LocalService.running()


def _seconds(moment: dt.datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _shown(place: object) -> str:
    return "://".join(map(str, place[:2])) if isinstance(place, tuple) else str(place)
