"""The file of the job history: a small SQLite database that several kernels write at once.

Where it is, who may read it, its schema, and what happens to a damaged one. What the rows mean is in
:mod:`.history`.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import platformdirs

from spatial_widgets.errors import SpatialWidgetsError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILE", "STEPS", "HistoryFile", "history_path", "is_on", "unusable"]

_T = TypeVar("_T")

logger = logging.getLogger(__name__)

_NAME = "jobs.sqlite3"
_BUSY_S = 5.0
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_WAL_BYTES = 1 << 20
_OFF = {"off", "0", "false", "no"}

#: The schema's history: a file of version n has had the first n steps. Only ever appended to.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            service TEXT NOT NULL,      -- the GPServer's URL, without a query
            task TEXT NOT NULL,
            job TEXT,                   -- the job's ID; NULL while no answer has told it
            status TEXT NOT NULL,
            fingerprint TEXT,           -- SHA-256 of the parameters; NULL where they are not known
            idempotency_key TEXT,
            noted REAL NOT NULL,        -- when this row was made; seconds since 1970, like all times here
            submitted REAL,
            ended REAL,
            version TEXT NOT NULL       -- of this package
        )""",
        "CREATE UNIQUE INDEX jobs_by_job ON jobs (service, task, job)",
        "CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint, service, task)",
    ),
)
_PROBE = (
    "SELECT id, service, task, job, status, fingerprint, idempotency_key, noted, submitted, ended, version "
    "FROM jobs LIMIT 0"
)


def history_path() -> Path:
    """Return where the history is: in ``$SPATIAL_WIDGETS_STATE``, or in this user's folder for state."""
    named = os.environ.get("SPATIAL_WIDGETS_STATE")
    folder = Path(named).expanduser() if named else platformdirs.user_state_path("spatial_widgets")
    return folder / _NAME


def is_on() -> bool:
    """Whether a history is kept."""
    return os.environ.get("SPATIAL_WIDGETS_HISTORY", "").strip().casefold() not in _OFF


def unusable(how: str, error: Exception) -> SpatialWidgetsError:
    """Return the error for a history that cannot be read, or written."""
    return SpatialWidgetsError(
        f"The job history {history_path()} cannot be {how}: {error}. Mend that, or name another folder in "
        "SPATIAL_WIDGETS_STATE, or keep none: SPATIAL_WIDGETS_HISTORY=off."
    )


class HistoryFile:
    """The database at :func:`history_path`, opened when it is first needed. Thread-safe, and safe to fork.

    One connection behind a lock. It is closed before a fork, because SQLite's locks do not cross one, and
    opened anew when the file was moved, removed, or named elsewhere.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._identity: tuple[str, int, int] | None = None
        self._pid = 0
        self._is_registered = False

    def read(self, work: Callable[[sqlite3.Connection], _T], default: _T) -> _T:
        """Return what ``work`` finds; ``default`` where there is no file, which is not made for it.

        Raises
        ------
        OSError, sqlite3.Error : it cannot be read.
        """
        return self._run(work, "DEFERRED") if history_path().exists() else default

    def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what ``work`` gives, and keep what it wrote, or all of it not.

        Raises
        ------
        OSError, sqlite3.Error : it cannot be written.
        """
        return self._run(work, "IMMEDIATE")

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            self._close()

    def _run(self, work: Callable[[sqlite3.Connection], _T], kind: str) -> _T:
        with self._lock:
            try:
                return _transaction(self._connected(), work, kind)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._set_aside(error)
            return _transaction(self._connected(), work, kind)

    def _connected(self) -> sqlite3.Connection:
        path = history_path()
        if self._db is not None and self._pid != os.getpid():
            _ABANDONED.append(self._db)  # forked behind Python's back: not ours to close
            self._db = None
        if self._db is not None and self._identity != _identity(path):
            self._close()
        if self._db is None:
            _create(path)
            self._register()
            self._identity, self._pid = _identity(path), os.getpid()
            self._db = _opened(path)
        return self._db

    def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None and self._pid == os.getpid():
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def _register(self) -> None:
        if self._is_registered:
            return
        self._is_registered = True
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=self._lock.release,
                after_in_child=self._lock.release,
            )

    def _before_fork(self) -> None:
        self._lock.acquire()
        self._close()

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Move a damaged file out of the way, unless another process has done so already."""
        self._close()
        path = history_path()
        if self._identity != _identity(path):
            return
        aside = path.with_name(f"{_NAME}.damaged")
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(_NAME + suffix).replace(aside.with_name(aside.name + suffix))
        logger.warning(
            "The job history %s was damaged (%s). It is now %s; a new one begins.", path, error, aside
        )


#: The one of this process.
FILE = HistoryFile()

_ABANDONED: list[sqlite3.Connection] = []


def _identity(path: Path) -> tuple[str, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return str(path), found.st_dev, found.st_ino


def _create(path: Path) -> None:
    """Make the folder and an empty file for their owner's eyes only; SQLite gives its side files the same mode."""
    folder = path.parent
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not os.environ.get("SPATIAL_WIDGETS_STATE") and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)  # a folder that the user named may have other tenants
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    until, pause = time.monotonic() + _BUSY_S, threading.Event()
    try:
        while True:
            try:
                _prepare(db)
            except sqlite3.OperationalError as error:
                # Turning a new file to WAL does not wait for others who do the same.
                if _code(error) not in _BUSY or time.monotonic() > until:
                    raise
                pause.wait(0.01)
            else:
                return db
    except BaseException:
        db.close()
        raise


def _prepare(db: sqlite3.Connection) -> None:
    # Without a sync at each commit: a killed process loses nothing, a power cut perhaps the last rows.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "secure_delete=ON",
        f"journal_size_limit={_WAL_BYTES}",
    ):
        db.execute(f"PRAGMA {pragma}")
    if _version(db) > len(STEPS):
        raise sqlite3.NotSupportedError("a newer version of spatial_widgets wrote it")
    try:
        if _version(db) < len(STEPS):
            _transaction(db, _migrate, "IMMEDIATE")
        db.execute(_PROBE)
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_ERROR:
            raise
        raise _NotOurs(str(error)) from error


class _NotOurs(sqlite3.DatabaseError):
    """A sound database, but not this one."""


def _migrate(db: sqlite3.Connection) -> None:
    for step in STEPS[_version(db) :]:  # asked again: another process may have been quicker
        for statement in step:
            db.execute(statement)
    db.execute(f"PRAGMA user_version={len(STEPS)}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _transaction(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T], kind: str) -> _T:
    if db.in_transaction:  # an interrupt came at the worst moment
        db.execute("ROLLBACK")
    db.execute(f"BEGIN {kind}")
    try:
        found = work(db)
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
            db.execute("ROLLBACK")
        raise
    return found


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return isinstance(error, _NotOurs) or _code(error) in _DAMAGED
