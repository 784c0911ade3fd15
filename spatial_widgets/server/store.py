"""The truth about jobs: a SQLite database in which every change of status is checked and fenced.

:meth:`Store.move` is the only writer of ``status``. It compares the status and the attempt and sets the new
status in one transaction, so that a late word of an attempt that was given up changes nothing. It is long because
each statement that changes a job stands here: whoever proves the fence reads one place.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobMessage, JobStatus
from spatial_widgets.server.hostednames import claim
from spatial_widgets.server.jobfiles import JobFiles, ResultFile
from spatial_widgets.server.locks import FileLock
from spatial_widgets.server.refusals import QueueFull, StoreUnwritable
from spatial_widgets.server.schema import (
    COLUMNS,
    HOSTED_SCHEMA,
    SCHEMA,
    SCHEMA_VERSION,
    JobRow,
    JobView,
    read_row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from spatial_widgets.server.journal import Journal

__all__ = ["JobRow", "JobView", "QueueFull", "Store", "StoreUnwritable"]

_QUEUED = (JobStatus.SUBMITTED, JobStatus.WAITING)
_RUNNING = (JobStatus.EXECUTING, JobStatus.CANCELLING)
_TERMINAL = tuple(status for status in JobStatus if status.is_terminal)


class Store:
    """The jobs of one service, in a folder of their own.

    Every method may be called from any thread. One service at a time owns a store.

    Raises
    ------
    SpatialWidgetsError : another service owns the folder, or a newer version wrote it.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clock = clock
        self._mutex = threading.RLock()
        self._moved = threading.Condition(threading.Lock())
        #: Is told of every change of status, once it is kept.
        self.journal: Journal | None = None
        self._owner = FileLock(self.folder / "service.lock")
        if not self._owner.acquire():
            raise SpatialWidgetsError(
                f"Another service owns the store {self.folder}. Stop it, or choose another folder as store."
            )
        try:
            self.files = JobFiles(self.folder / "jobs")
            self._db = self._open()
        except BaseException:
            self._owner.release()
            raise

    def _open(self) -> sqlite3.Connection:
        path = self.folder / "jobs.sqlite3"
        path.touch(mode=0o600)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA foreign_keys=ON;"
        )
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            db.close()
            raise SpatialWidgetsError(
                f"The store {self.folder} was written by another version. Choose another folder as store."
            )
        db.execute(HOSTED_SCHEMA)
        return db

    def close(self) -> None:
        """Close the database and give the store free."""
        with self._mutex:
            self._db.close()
            self._owner.release()
        if self.journal is not None:
            self.journal.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # On some errors, a full disk among them, SQLite has rolled back by itself.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    # ------------------------------------------------------------ writing

    def add(
        self,
        task: str,
        given: Mapping[str, str],
        *,
        restartable: bool,
        timeout_s: float,
        key: str | None = None,
        queue_limit: int | None = None,
        files: Mapping[str, bytes | Path] | None = None,
        hosted: str | None = None,
    ) -> str:
        """Keep a new job, Submitted, and return its ID; it survives whatever comes once this returns.

        ``files`` are put into its folder beside the parameters. The same ``key`` gives the job that it gave before.
        ``hosted`` is the name under which its outputs are kept as layers.

        Raises
        ------
        ParameterError : that name is taken.
        QueueFull : ``queue_limit`` jobs wait already.
        StoreUnwritable : the disk is full, or fails.
        FileNotFoundError : one of ``files`` is gone.
        """
        job_id = "j" + secrets.token_hex(16)
        with self._mutex:
            known = self._by_key(key)
            if known is not None:
                return known
            if queue_limit is not None and len(self.queued()) >= queue_limit:
                raise QueueFull(
                    f"The service has {queue_limit} jobs waiting already. Submit again when some have ended."
                )
            try:
                self.files.write_parameters(job_id, given, files)
                with self._transaction() as db:
                    now = self._clock()
                    db.execute(
                        "INSERT INTO jobs (id, task, status, restartable, timeout_s, idem_key, submitted) VALUES (?,?,?,?,?,?,?)",
                        (job_id, task, JobStatus.SUBMITTED.value, restartable, timeout_s, key, now),
                    )
                    if hosted is not None:
                        claim(db, hosted, job_id)
                    self._record(db, job_id, JobStatus.NEW, JobStatus.SUBMITTED, 0, "submitted")
                    self._say(db, job_id, [JobMessage("esriJobMessageTypeInformative", "Submitted.")])
            except (OSError, sqlite3.OperationalError) as error:
                self.files.remove(job_id)
                if isinstance(error, FileNotFoundError) and _is_any_gone(files):
                    raise
                raise StoreUnwritable(
                    f"The service cannot write to its store: {error}. Make room on the disk of {self.folder}, then submit again."
                ) from error
            except BaseException:
                self.files.remove(job_id)
                raise
            self._tell(job_id, JobStatus.NEW, JobStatus.SUBMITTED)
        return job_id

    def move(
        self,
        job_id: str,
        target: JobStatus,
        *,
        attempt: int,
        why: str,
        messages: Iterable[JobMessage] = (),
        results: Iterable[ResultFile] = (),
    ) -> bool:
        """Change a job's status, if this attempt may still speak for it and the step is a legal one.

        Returns whether it was done; messages and results are kept with it or not at all. A move to
        Executing begins the next attempt: ``attempt`` is then the number of the one before.
        """
        with self._transaction() as db:
            source = self._current(db, job_id, attempt)
            if source is None or target not in LEGAL_TRANSITIONS[source]:
                return False
            now, number = self._clock(), attempt + (target is JobStatus.EXECUTING)
            changes: dict[str, Any] = {"status": target.value, "attempt": number}
            if target is JobStatus.EXECUTING:
                changes |= {"started": now}
            if target in (JobStatus.EXECUTING, JobStatus.WAITING):
                changes |= {"pid": None, "pid_start": None, "percent": None, "doing": None}
            if target.is_terminal:
                changes |= {"finished": now}
            db.execute(
                f"UPDATE jobs SET {', '.join(f'{name}=?' for name in changes)} WHERE id=?",  # noqa: S608 -- our own names
                (*changes.values(), job_id),
            )
            self._record(db, job_id, source, target, number, why)
            self._say(db, job_id, messages)
            db.executemany(
                "INSERT INTO results (job, name, attempt, file, size, sha256) VALUES (?,?,?,?,?,?)",
                [(job_id, r.name, attempt, r.file, r.size, r.sha256) for r in results],
            )
        with self._moved:
            self._moved.notify_all()
        self._tell(job_id, source, target)
        return True

    def await_end(self, job_id: str, patience_s: float) -> JobRow | None:
        """Return a job as soon as it has ended, or as it is after so many seconds; None when it is not there."""
        until = time.monotonic() + patience_s
        with self._moved:
            while True:
                row = self.job(job_id)
                left = until - time.monotonic()
                if row is None or row.status.is_terminal or left <= 0:
                    return row
                self._moved.wait(left)

    def append(
        self,
        job_id: str,
        *,
        attempt: int,
        messages: Sequence[JobMessage] = (),
        progress: tuple[int, str] | None = None,
        process: tuple[int, str | None] | None = None,
    ) -> bool:
        """Keep what a running attempt says of itself; return False when it may no longer speak."""
        with self._transaction() as db:
            if self._current(db, job_id, attempt) not in _RUNNING:
                return False
            self._say(db, job_id, messages)
            if progress is not None:
                db.execute("UPDATE jobs SET percent=?, doing=? WHERE id=?", (*progress, job_id))
            if process is not None:
                db.execute("UPDATE jobs SET pid=?, pid_start=? WHERE id=?", (*process, job_id))
        return True

    def sweep(self, *, keep_s: float, keep_jobs: int, keep_bytes: int | None = None) -> list[str]:
        """Delete jobs that ended over ``keep_s`` ago, and the oldest ended ones over ``keep_jobs`` or ``keep_bytes``.

        Returns their IDs.
        """
        marks = ",".join("?" * len(_TERMINAL))
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT id, finished FROM jobs WHERE status IN ({marks}) ORDER BY finished DESC, seq DESC",  # noqa: S608
                _TERMINAL,
            ).fetchall()
            old, total, gone = self._clock() - keep_s, 0, []
            for rank, (job_id, finished) in enumerate(rows):
                total += self.files.size(job_id) if keep_bytes is not None else 0
                # The newest stays, however large: somebody is about to fetch it.
                too_much = keep_bytes is not None and total > keep_bytes and rank > 0
                if rank >= keep_jobs or finished < old or too_much:
                    gone.append(job_id)
            db.executemany("DELETE FROM jobs WHERE id=?", [(job_id,) for job_id in gone])
        for job_id in gone:
            self.files.remove(job_id)
        return gone

    def _current(self, db: sqlite3.Connection, job_id: str, attempt: int) -> JobStatus | None:
        """Return the status if that attempt is the job's current one: the fence."""
        found = db.execute("SELECT status FROM jobs WHERE id=? AND attempt=?", (job_id, attempt)).fetchone()
        return JobStatus.parse(found[0]) if found else None

    def _tell(self, job_id: str, source: JobStatus, target: JobStatus) -> None:
        row = self.job(job_id) if self.journal is not None else None
        if self.journal is not None and row is not None:
            self.journal.moved(replace(row, status=target), source)

    def _by_key(self, key: str | None) -> str | None:
        found = self._db.execute("SELECT id FROM jobs WHERE idem_key=?", (key,)).fetchone() if key else None
        return str(found[0]) if found else None

    def _record(
        self, db: sqlite3.Connection, job_id: str, src: JobStatus, dst: JobStatus, attempt: int, why: str
    ) -> None:
        db.execute(
            "INSERT INTO events (job, src, dst, attempt, at, why) VALUES (?,?,?,?,?,?)",
            (job_id, src.value, dst.value, attempt, self._clock(), why),
        )

    def _say(self, db: sqlite3.Connection, job_id: str, messages: Iterable[JobMessage]) -> None:
        now = self._clock()
        db.executemany(
            "INSERT INTO messages (job, type, text, at) VALUES (?,?,?,?)",
            [(job_id, message.type, message.description, now) for message in messages],
        )

    # ------------------------------------------------------------ reading

    def _rows(self, where: str, values: Sequence[Any]) -> list[JobRow]:
        query = f"SELECT {', '.join(COLUMNS)} FROM jobs WHERE {where} ORDER BY seq"  # noqa: S608 -- our own words
        with self._mutex:
            found = self._db.execute(query, values).fetchall()
        return [read_row(row) for row in found]

    def job(self, job_id: str) -> JobRow | None:
        """Return one job, or None."""
        return next(iter(self._rows("id=?", (job_id,))), None)

    def queued(self) -> list[JobRow]:
        """Return the jobs that have not begun, in the order of their submission."""
        return self._rows("status IN (?,?)", _QUEUED)

    def overdue_in_queue(self, wait_s: float) -> list[JobRow]:
        """Return the jobs that have never begun and were submitted over ``wait_s`` ago."""
        return [row for row in self.queued() if row.attempt == 0 and self._clock() - row.submitted > wait_s]

    def running(self) -> list[JobRow]:
        """Return the jobs that execute or are being cancelled."""
        return self._rows("status IN (?,?)", _RUNNING)

    def of_task(self, task: str, statuses: Sequence[JobStatus] = ()) -> list[JobRow]:
        """Return a task's jobs, oldest first; those of some statuses only, if any are given."""
        wanted = f" AND status IN ({','.join('?' * len(statuses))})" if statuses else ""
        return self._rows(f"task=?{wanted}", (task, *statuses))

    def view(self, job_id: str) -> JobView | None:
        """Return a job with its messages and results, or None."""
        with self._mutex:
            row = self.job(job_id)
            if row is None:
                return None
            said = self._db.execute(
                "SELECT type, text FROM messages WHERE job=? ORDER BY seq", (job_id,)
            ).fetchall()
            made = self._db.execute(
                "SELECT name, file, size, sha256 FROM results WHERE job=?", (job_id,)
            ).fetchall()
        return JobView(
            row, tuple(JobMessage(*line) for line in said), {line[0]: ResultFile(*line) for line in made}
        )

    def hosted(self) -> list[tuple[str, str]]:
        """Return the names of layers' services, with the job of each."""
        with self._mutex:
            return self._db.execute("SELECT spelled, job FROM hosted ORDER BY spelled").fetchall()

    def hosted_job(self, name: str) -> tuple[str, str] | None:
        """Return a service's name as it was given, in any case, and its job; or None."""
        query = "SELECT spelled, job FROM hosted WHERE name=?"
        with self._mutex:
            found = self._db.execute(query, (name.casefold(),)).fetchone()
        return (str(found[0]), str(found[1])) if found else None

    def hosted_name(self, job_id: str) -> str | None:
        """Return the name of the service that a job's layers are in, or None."""
        with self._mutex:
            found = self._db.execute("SELECT spelled FROM hosted WHERE job=?", (job_id,)).fetchone()
        return str(found[0]) if found else None

    def history(self, job_id: str) -> list[tuple[JobStatus, JobStatus, int]]:
        """Return every change of a job's status: from, to, attempt."""
        with self._mutex:
            found = self._db.execute(
                "SELECT src, dst, attempt FROM events WHERE job=? ORDER BY seq", (job_id,)
            ).fetchall()
        return [(JobStatus.parse(src), JobStatus.parse(dst), attempt) for src, dst, attempt in found]

    def counts(self) -> dict[str, int]:
        """Return how many jobs have which status."""
        with self._mutex:
            return dict(self._db.execute("SELECT status, COUNT(*) FROM jobs GROUP BY status").fetchall())

    def ids(self) -> set[str]:
        """Return the IDs of all jobs."""
        with self._mutex:
            return {row[0] for row in self._db.execute("SELECT id FROM jobs")}


def _is_any_gone(files: Mapping[str, bytes | Path] | None) -> bool:
    return any(isinstance(source, Path) and not source.exists() for source in (files or {}).values())
