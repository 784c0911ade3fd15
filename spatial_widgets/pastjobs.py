"""The job history in a terminal: as a table, as JSON, and brought up to date."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import GPService, Job, traces
from spatial_widgets.errors import AuthenticationError, NotFound, SpatialWidgetsError, TransportTimeout
from spatial_widgets.protocol import JobInfo
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spatial_widgets.client.history import PastJob

__all__ = ["as_json", "as_table", "in_columns", "ran", "refresh", "shown"]

_HEAD = ("TASK", "STATUS", "SUBMITTED", "RAN", "URL")
_PATIENCE_S = 10.0


def as_table(rows: Sequence[PastJob]) -> str:
    """Return one line for each job, below a head; times are this machine's."""
    if not rows:
        return "No jobs."
    return in_columns(_HEAD, [_line(past) for past in rows])


def in_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows below their head, in columns as wide as they need to be."""
    table = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def as_json(rows: Sequence[PastJob], failures: Mapping[str, str]) -> str:
    """Return a list of objects; ``error`` is there where asking failed."""
    documents: list[dict[str, Any]] = []
    for past in rows:
        document = dataclasses.asdict(past)
        del document["row"], document["idempotency_key"]
        document["status"] = past.status.value
        for name in ("submitted_at", "ended_at"):
            moment = document[name]
            document[name] = None if moment is None else moment.isoformat(timespec="seconds")
        if past.url is not None and past.url in failures:
            document["error"] = failures[past.url]
        documents.append(document)
    return json.dumps(documents, indent=2)


def refresh(
    rows: Sequence[PastJob], local_token: Callable[[str], str | None], token: str | None
) -> dict[str, str]:
    """Ask each job that has not ended how it stands, once; return the reason for each that could not be asked.

    Parameters
    ----------
    local_token : gives the token for a URL of the local service, None for any other.
    token : for the one other service; with several, it is sent to none, as it cannot be meant for all.
    """
    open_jobs = [past for past in rows if past.url is not None and not past.status.is_terminal]
    services: dict[str, GPService] = {}
    own = {url: local_token(url) for url in {past.service_url for past in open_jobs}}
    others = {origin(url) for url, found in own.items() if found is None}
    hint = ""
    if token is not None and len(others) > 1:
        token, hint = None, " No token was sent, as the jobs are at several services: choose one with --url."
    failures: dict[str, str] = {}
    silent: dict[str, str] = {}
    for past in open_jobs:
        where = past.service_url
        service = services.setdefault(where, GPService(where, auth=own[where] or token))
        job = Job(service.task(past.task), JobInfo(str(past.job_id), past.status))
        if where in silent:
            failures[job.url] = f"Not asked, as its service did not answer for another job: {silent[where]}"
            continue
        try:
            job.refresh(deadline_s=_PATIENCE_S)
        except TransportTimeout as error:
            failures[job.url] = silent[where] = str(error)
        except NotFound as error:
            traces.gone(job.task, job.job_id)
            failures[job.url] = f"{error} It is not asked again."
        except SpatialWidgetsError as error:
            failures[job.url] = f"{error}{hint if isinstance(error, AuthenticationError) else ''}"
    return failures


def _line(past: PastJob) -> tuple[str, ...]:
    submitted = past.submitted_at.astimezone().strftime("%Y-%m-%d %H:%M") if past.submitted_at else "-"
    url = past.url or f"{past.service_url} (no answer: the job may be there)"
    return (
        shown(past.task),
        shown(past.status.label),
        submitted,
        ran(past.submitted_at, past.ended_at),
        url,
    )


def ran(start: dt.datetime | None, end: dt.datetime | None) -> str:
    """Return the time between two moments in words, "-" where one is not known."""
    if start is None or end is None:
        return "-"
    seconds = max(0.0, (end - start).total_seconds())
    return f"{seconds:.1f} s" if seconds < 60 else str(dt.timedelta(seconds=round(seconds)))


def shown(text: str) -> str:
    """Return a server's word without what would steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
