"""What was submitted from this machine: a trace that a kernel restart, a crash and a lost answer leave.

It holds where and what each job is, when it was submitted, how it stood last, and a SHA-256 of its parameters; never
a token, a user, a value, a message or the name of a file. ``SPATIAL_WIDGETS_HISTORY=off`` keeps none,
``SPATIAL_WIDGETS_STATE`` names another folder for it. It is written in :mod:`.traces`.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any, TypeVar

from spatial_widgets.client.historyfile import FILE, history_path, is_on, unusable
from spatial_widgets.client.pastjob import COLUMNS, PastJob, past_job
from spatial_widgets.protocol import GPUrl, JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.task import GPTask

__all__ = [
    "PastJob",
    "clear",
    "close",
    "forget",
    "is_on",
    "recent",
    "reusable",
    "reusable_in",
    "unanswered",
    "unanswered_in",
]

_T = TypeVar("_T")

_UNANSWERED_S = 3600.0
_UNFIT = [
    status.value
    for status in JobStatus
    if (status.is_terminal and not status.is_success) or status in {JobStatus.CANCELLING, JobStatus.DELETING}
]


def recent(limit: int = 50, *, service: str | None = None) -> list[PastJob]:
    """Return the jobs that were submitted or attached to last, newest first. No request.

    Parameters
    ----------
    limit : at most so many.
    service : a GPServer's URL, to see its jobs only.

    Raises
    ------
    SpatialWidgetsError : the history's file cannot be read.
    """
    where, values = _of_service(service)
    return _rows(f"{where} ORDER BY id DESC LIMIT ?", [*values, max(0, limit)])


def forget(job: Job | PastJob | str) -> bool:
    """Remove one job, given by itself, its entry or its URL; return whether there was such an entry.

    Raises
    ------
    SpatialWidgetsError : the history's file cannot be written.
    """
    if isinstance(job, PastJob):
        return _removed("id=?", [job.row]) > 0
    parts = GPUrl.parse(job if isinstance(job, str) else job.url)
    return _removed("service=? AND task=? AND job=?", [parts.service, parts.task, parts.job_id]) > 0


def clear(*, service: str | None = None) -> int:
    """Remove all entries, or those of one service; return how many they were.

    Raises
    ------
    SpatialWidgetsError : the history's file cannot be written.
    """
    return _removed(*_of_service(service))


def close() -> None:
    """Close the file; the next use opens it again."""
    FILE.close()


# ---------------------------------------------------------------- read by submit(reuse=True)


def reusable(task: GPTask, fingerprint: str) -> PastJob | None:
    """Return the newest job of a task and its parameters that ran or succeeded when it was last seen."""
    return _read(lambda db: reusable_in(db, task.service.url, task.name, fingerprint), None)


def reusable_in(
    db: sqlite3.Connection, service: str, task: str, fingerprint: str | None, *, unfit: Collection[str] = ()
) -> PastJob | None:
    """Return what :func:`reusable` does, within a transaction, but for jobs of these IDs."""
    row = db.execute(
        f"SELECT {COLUMNS} FROM jobs WHERE service=? AND task=? AND fingerprint=? AND job IS NOT NULL "  # noqa: S608
        f"AND status NOT IN ({_marks(_UNFIT)}) AND job NOT IN ({_marks(unfit)}) ORDER BY id DESC LIMIT 1",
        (service, task, fingerprint, *_UNFIT, *unfit),
    ).fetchone()
    return past_job(row) if row else None


def _marks(values: Collection[str]) -> str:
    return ",".join("?" * len(values))


def unanswered(task: GPTask, fingerprint: str) -> PastJob | None:
    """Return the newest submit of these parameters, within an hour, that has had no answer."""
    return _read(lambda db: unanswered_in(db, task.service.url, task.name, fingerprint), None)


def unanswered_in(db: sqlite3.Connection, service: str, task: str, fingerprint: str | None) -> PastJob | None:
    """Return what :func:`unanswered` does, within a transaction."""
    row = db.execute(
        f"SELECT {COLUMNS} FROM jobs WHERE service=? AND task=? AND fingerprint=? AND job IS NULL AND submitted>? "  # noqa: S608
        "ORDER BY id DESC LIMIT 1",
        (service, task, fingerprint, time.time() - _UNANSWERED_S),
    ).fetchone()
    return past_job(row) if row else None


# ---------------------------------------------------------------- rows


def _of_service(service: str | None) -> tuple[str, list[Any]]:
    return ("1", []) if service is None else ("service=?", [GPUrl.parse(service).service])


def _rows(where: str, values: Sequence[Any]) -> list[PastJob]:
    query = f"SELECT {COLUMNS} FROM jobs WHERE {where}"  # noqa: S608 -- our own words
    found: list[Sequence[Any]] = []
    return [past_job(row) for row in _read(lambda db: db.execute(query, values).fetchall(), found)]


def _read(work: Callable[[sqlite3.Connection], _T], default: _T) -> _T:
    try:
        return FILE.read(work, default) if is_on() else default
    except (OSError, sqlite3.Error) as error:
        raise unusable("read", error) from error


def _removed(where: str, values: Sequence[Any]) -> int:
    def work(db: sqlite3.Connection) -> int:
        return db.execute(f"DELETE FROM jobs WHERE {where}", values).rowcount  # noqa: S608 -- our own words

    try:
        return FILE.write(work) if history_path().exists() else 0
    except (OSError, sqlite3.Error) as error:
        raise unusable("written", error) from error
