"""The tables of a store, and a job as it is read out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spatial_widgets.protocol import JobMessage
    from spatial_widgets.server.jobfiles import ResultFile

__all__ = ["COLUMNS", "HOSTED_SCHEMA", "SCHEMA", "SCHEMA_VERSION", "JobRow", "JobView", "read_row"]

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, status TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, restartable INTEGER NOT NULL, timeout_s REAL NOT NULL, idem_key TEXT UNIQUE,
    submitted REAL NOT NULL, started REAL, finished REAL, pid INTEGER, pid_start TEXT, percent INTEGER, doing TEXT);
CREATE INDEX jobs_by_status ON jobs(status, seq);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    src TEXT NOT NULL, dst TEXT NOT NULL, attempt INTEGER NOT NULL, at REAL NOT NULL, why TEXT NOT NULL);
CREATE INDEX events_by_job ON events(job);
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    type TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX messages_by_job ON messages(job);
CREATE TABLE results (
    job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, name TEXT NOT NULL, attempt INTEGER NOT NULL,
    file TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (job, name));
"""
#: Names under which jobs keep their outputs as layers; ``name`` is folded, ``spelled`` as it was given.
HOSTED_SCHEMA = """
CREATE TABLE IF NOT EXISTS hosted (
    name TEXT PRIMARY KEY, spelled TEXT NOT NULL, job TEXT NOT NULL UNIQUE REFERENCES jobs(id) ON DELETE CASCADE);
"""
COLUMNS = (
    "seq",
    "id",
    "task",
    "status",
    "attempt",
    "restartable",
    "timeout_s",
    "submitted",
    "started",
    "finished",
    "pid",
    "pid_start",
    "percent",
    "doing",
)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job, as the database has it. Times are seconds since 1970 UTC; ``attempt`` counts from 1 once it runs."""

    seq: int
    id: str
    task: str
    status: JobStatus
    attempt: int
    restartable: bool
    timeout_s: float
    submitted: float
    started: float | None
    finished: float | None
    pid: int | None
    pid_start: str | None
    percent: int | None
    doing: str | None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with its messages and results, all of one moment."""

    row: JobRow
    messages: tuple[JobMessage, ...]
    results: Mapping[str, ResultFile]


def read_row(values: Sequence[Any]) -> JobRow:
    """Return the job for one row of :data:`COLUMNS`."""
    named = dict(zip(COLUMNS, values, strict=True))
    return JobRow(
        **named | {"status": JobStatus.parse(named["status"]), "restartable": bool(named["restartable"])}
    )
