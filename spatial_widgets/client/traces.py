"""What submit, attach and each poll write into the job history. None of it ever disturbs a job."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from spatial_widgets import __version__
from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.history import reusable_in, unanswered_in
from spatial_widgets.client.historyfile import FILE, history_path, is_on, unusable
from spatial_widgets.client.pastjob import SUBMITTING, PastJob
from spatial_widgets.protocol import JobInfo, JobStatus

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.task import GPTask

__all__ = ["accepted", "attached", "follow", "gone", "intend", "refused"]

_T = TypeVar("_T")

logger = logging.getLogger(__name__)

_MAX_ROWS = 2000
_BATCH = 50  # rows between two looks at the size
_MAX_AGE_S = 90 * 86_400.0
_LONGEST_ID = 500  # a service's words are kept as far as they may be meant: the file has a size
_LONGEST_WORD = 100
_PAUSE_S = 60.0  # after a failure: nobody's poller waits for a locked file again and again
_TERMINAL = [status.value for status in JobStatus if status.is_terminal]
_MARKS = ",".join("?" * len(_TERMINAL))


def intend(
    task: GPTask,
    fingerprint: str | None,
    key: str | None,
    *,
    alone: bool = False,
    unfit: Collection[str] = (),
) -> int | PastJob | None:
    """Note a submit that is about to be sent; return its row, or None where nothing can be noted.

    With ``alone``, a submit of the same parameters that has had no answer, or the job that it gave, is returned instead,
    at one go with the look for it: of two that start at once, one finds the other. Jobs with an ID in ``unfit`` are not.
    """
    service, now = task.service.url, time.time()

    def work(db: sqlite3.Connection) -> int | PastJob | None:
        names = (service, task.name, fingerprint)
        other = (reusable_in(db, *names, unfit=unfit) or unanswered_in(db, *names)) if alone else None
        return other or _insert(
            db,
            service=service,
            task=task.name,
            status=SUBMITTING.value,
            fingerprint=fingerprint,
            idempotency_key=key,
            submitted=now,
        )

    return _noted(work)


def accepted(row: int | None, info: JobInfo) -> None:
    """Note the job that a submit gave."""
    if not _is_notable(info):
        refused(row)
    elif row is not None:
        values = (info.job_id, _word(info), _ended(info), row)
        _noted(
            lambda db: db.execute("UPDATE OR REPLACE jobs SET job=?, status=?, ended=? WHERE id=?", values)
        )


def refused(row: int | None) -> None:
    """Remove a submit that gave no job."""
    if row is not None:
        _noted(lambda db: db.execute("DELETE FROM jobs WHERE id=? AND job IS NULL", (row,)))


def attached(task: GPTask, info: JobInfo) -> None:
    """Note a job that was attached to, or how it stands where it is known."""
    names = {"service": task.service.url, "task": task.name, "job": info.job_id}

    def work(db: sqlite3.Connection) -> None:
        if db.execute(
            "SELECT 1 FROM jobs WHERE service=? AND task=? AND job=?", [*names.values()]
        ).fetchone():
            _update(db, [*names.values()], info)
        else:
            _insert(db, **names, status=_word(info))

    if _is_notable(info):
        _noted(work)


def follow(job: Job, before: JobStatus) -> None:
    """Note a job's status where it is another than before; a job that is not in the history stays out of it."""
    info = job.info
    if info.status != before:
        names = [job.task.service.url, job.task.name, job.job_id]
        _noted(lambda db: _update(db, names, info))


def gone(task: GPTask, job_id: str) -> None:
    """Note that the service does not know a job any more."""
    info = JobInfo(job_id, JobStatus.DELETED)
    _noted(lambda db: _update(db, [task.service.url, task.name, job_id], info))


def _insert(db: sqlite3.Connection, **values: Any) -> int:
    values |= {"noted": time.time(), "version": __version__}
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    row = db.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", [*values.values()]).lastrowid  # noqa: S608 -- our own names
    if row is not None and row % _BATCH == 0:
        _trim(db)
    return int(row or 0)


def _trim(db: sqlite3.Connection) -> None:
    """Drop what is old; then, over the limit, what ended first of all, the oldest first."""
    db.execute("DELETE FROM jobs WHERE noted<?", (time.time() - _MAX_AGE_S,))
    surplus = db.execute("SELECT COUNT(*) FROM jobs").fetchone()[0] - (_MAX_ROWS - _BATCH)
    if surplus > 0:
        db.execute(
            f"DELETE FROM jobs WHERE id IN (SELECT id FROM jobs ORDER BY status NOT IN ({_MARKS}), id LIMIT ?)",  # noqa: S608
            (*_TERMINAL, surplus),
        )


def _update(db: sqlite3.Connection, names: Sequence[str], info: JobInfo) -> None:
    # An end stays: the poll of another kernel may be written down later than it was answered.
    db.execute(
        f"UPDATE jobs SET status=?, ended=COALESCE(ended, ?) "  # noqa: S608
        f"WHERE service=? AND task=? AND job=? AND (? OR status NOT IN ({_MARKS}))",
        (_word(info), _ended(info), *names, info.status.is_terminal, *_TERMINAL),
    )


def _is_notable(info: JobInfo) -> bool:
    return len(info.job_id) <= _LONGEST_ID


def _word(info: JobInfo) -> str:
    return info.status.value[:_LONGEST_WORD]


def _ended(info: JobInfo) -> float | None:
    return info.received_at if info.status.is_terminal else None


class _Health:
    """Whether the file could be written of late. A failure is told once, and the file left alone for a while."""

    def __init__(self) -> None:
        self.after_fork()
        renewed_after_fork(self)
        self._path = ""
        self._until = 0.0

    def after_fork(self) -> None:
        """Get a new lock, as in a forked child: who held the old one is not there."""
        self._lock = threading.Lock()

    def is_paused(self) -> bool:
        with self._lock:
            return self._path == str(history_path()) and time.monotonic() < self._until

    def failed(self, error: Exception) -> None:
        with self._lock:
            path, known = str(history_path()), self._path
            self._path, self._until = path, time.monotonic() + _PAUSE_S
        if path != known:
            logger.warning("%s Jobs run all the same, without a trace in it.", unusable("written", error))

    def well(self) -> None:
        with self._lock:
            self._path = ""


_health = _Health()


def _noted(work: Callable[[sqlite3.Connection], _T]) -> _T | None:
    """Write, if it can be done; a job is never disturbed by what becomes of its trace."""
    if not is_on() or _health.is_paused():
        return None
    try:
        found = FILE.write(work)
    except Exception as error:  # noqa: BLE001 -- told once; a job that was just made must not be lost for it
        _health.failed(error)
        return None
    _health.well()
    return found
