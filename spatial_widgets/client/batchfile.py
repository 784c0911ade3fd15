"""The file of a batch: what tomorrow's session needs to go on where today's was.

One SQLite database, readable by its owner only, and held by one process at a time. A row's form is in it until
the service has accepted the job, so that it may hold the input data; a token never is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.batchrow import BatchRow, Stage
from spatial_widgets.client.parameters import Submission
from spatial_widgets.client.secret import Secret
from spatial_widgets.codec import LocalFile
from spatial_widgets.errors import ParameterError, SpatialWidgetsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from spatial_widgets.client.body import FormValue

__all__ = ["BatchFile"]

_VERSION = 1
_LAYOUT = (
    "CREATE TABLE batch (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE rows (
        number INTEGER PRIMARY KEY,
        label TEXT NOT NULL,     -- JSON
        shown TEXT NOT NULL,     -- JSON: the parameters as a table shows them
        stage TEXT NOT NULL,
        key TEXT,                -- the idempotency key it was or will be sent with
        job TEXT,                -- the job's ID
        status TEXT,             -- of the job, when it was last seen
        error TEXT
    )""",
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    """CREATE TABLE fields (
        number INTEGER NOT NULL, name TEXT NOT NULL, text INTEGER NOT NULL REFERENCES texts(id),
        is_file INTEGER NOT NULL,  -- whether the text is JSON with files of this machine in it
        PRIMARY KEY (number, name)
    ) WITHOUT ROWID""",
)
_FILE = "spatial_widgets:file"


class BatchFile:
    """An open file of a batch. Thread-safe.

    Parameters
    ----------
    path : where it is; made if it is not there.

    Raises
    ------
    SpatialWidgetsError : it cannot be read, is no batch, or another process has it.
    """

    def __init__(self, path: str | os.PathLike[str], *, is_new: bool) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        if is_new and self.path.exists():
            raise SpatialWidgetsError(
                f"{self.path} is there already. Batch.load({str(self.path)!r}) goes on with it; or name another file."
            )
        if not is_new and not self.path.is_file():
            raise SpatialWidgetsError(f"There is no file {self.path}.")
        with self._told("opened"):
            if is_new:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(self.path, timeout=2.0, isolation_level=None, check_same_thread=False)
            # Held from the first write to the end of the process, however it ends.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("BEGIN EXCLUSIVE")
            if is_new:
                for statement in _LAYOUT:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={_VERSION}")
            self._db.execute("COMMIT")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            self.close()
            raise SpatialWidgetsError(
                f"{self.path} is no batch that this version of spatial_widgets can read (layout {version}, expected {_VERSION})."
            )

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    # ------------------------------------------------------------ writing

    def write_all(
        self, settings: dict[str, Any], rows: Sequence[BatchRow], *, hidden: AbstractSet[str] = frozenset()
    ) -> None:
        """Write a whole batch; a text that several rows share is written once.

        Raises
        ------
        ParameterError : a row has a parameter that is ``hidden``.
        """
        for form in filter(None, (row.submission for row in rows)):
            for name in hidden & form.fields.keys():
                raise ParameterError(
                    f"The parameter {name!r} is hidden, and is not written to a file. Run the batch without saving it.",
                    parameter=name,
                )
        with self._lock, self._told("written"), self._transaction():
            self._db.executemany(
                "INSERT INTO batch VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in settings.items()],
            )
            self._db.executemany(
                "INSERT INTO rows (number, label, shown, stage) VALUES (?, ?, ?, 'to be submitted')",
                [(row.number, _plain_json(row.label), json.dumps(row.shown)) for row in rows],
            )
            known: dict[int, int] = {}
            for row in rows:
                self._write_state(row)
                if row.submission is not None:
                    self._write_form(row.number, row.submission, known)

    def write(self, *rows: BatchRow) -> None:
        """Write how far rows have come, all or none; the form of one that was accepted is forgotten."""
        with self._lock, self._told("written"), self._transaction():
            for row in rows:
                self._write_state(row)
                if row.submission is None:
                    self._db.execute("DELETE FROM fields WHERE number=?", (row.number,))

    def _write_state(self, row: BatchRow) -> None:
        job = row.job
        self._db.execute(
            "UPDATE rows SET stage=?, key=?, job=?, status=?, error=? WHERE number=?",
            (
                row.stage.value,
                row.key,
                job.job_id if job else None,
                job.status.value if job else None,
                str(row.error) if row.error else None,
                row.number,
            ),
        )

    def _write_form(self, number: int, form: Submission, known: dict[int, int]) -> None:
        texts: list[tuple[str, Any, bool]] = [(name, value, False) for name, value in form.fields.items()]
        texts += [(name, tree, True) for name, tree in form.waiting.items()]
        for name, value, is_file in texts:
            if id(value) not in known:
                body = json.dumps(_with_paths(value)).encode() if is_file else _bytes_of(value)
                known[id(value)] = int(
                    self._db.execute("INSERT INTO texts (body) VALUES (?)", (body,)).lastrowid or 0
                )
            self._db.execute(
                "INSERT INTO fields VALUES (?, ?, ?, ?)", (number, name, known[id(value)], is_file)
            )

    # ------------------------------------------------------------ reading

    def settings(self) -> dict[str, Any]:
        """Return what was written about the batch as a whole."""
        with self._lock, self._told("read"):
            return {
                name: json.loads(value) for name, value in self._db.execute("SELECT name, value FROM batch")
            }

    def rows(self) -> list[tuple[BatchRow, str | None, str | None]]:
        """Return all rows, each with its job's ID and last status; texts that were shared are shared again."""
        with self._lock, self._told("read"):
            forms = self._forms()
            found = []
            query = "SELECT number, label, shown, stage, key, job, status, error FROM rows ORDER BY number"
            for number, label, shown, stage, key, job, status, error in self._db.execute(query):
                row = BatchRow(
                    number, json.loads(label), json.loads(shown), forms.get(number), Stage(stage), key
                )
                row.error = SpatialWidgetsError(error) if error else None
                found.append((row, job, status))
            return found

    def _forms(self) -> dict[int, Submission]:
        texts: dict[int, bytes] = dict(self._db.execute("SELECT id, body FROM texts"))
        pieces = {number: [body] for number, body in texts.items()}
        forms: dict[int, Submission] = {}
        for number, name, text, is_file in self._db.execute("SELECT number, name, text, is_file FROM fields"):
            form = forms.setdefault(number, Submission({}, {}))
            if is_file:
                form.waiting[name] = _with_files(json.loads(texts[text]))
            else:
                form.fields[name] = pieces[text]
        return forms

    # ------------------------------------------------------------ trouble

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _told(self, how: str) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            is_busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            why = "another session goes on with it; end that one first" if is_busy else str(error)
            raise SpatialWidgetsError(f"The batch {self.path} cannot be {how}: {why}.") from error


def _bytes_of(value: FormValue) -> bytes:
    if isinstance(value, Secret):
        raise TypeError("A secret is not written to a file.")
    return value.encode() if isinstance(value, str) else b"".join(value)


def _plain_json(label: Any) -> str:
    return json.dumps(label if isinstance(label, (str, int, float, bool)) else str(label))


def _with_paths(tree: Any) -> Any:
    if isinstance(tree, LocalFile):
        return {_FILE: str(tree.path.absolute())}
    if isinstance(tree, dict):
        return {key: _with_paths(value) for key, value in tree.items()}
    return [_with_paths(value) for value in tree] if isinstance(tree, list) else tree


def _with_files(tree: Any) -> Any:
    if isinstance(tree, dict):
        if tree.keys() == {_FILE}:
            return LocalFile(Path(tree[_FILE]))
        return {key: _with_files(value) for key, value in tree.items()}
    return [_with_files(value) for value in tree] if isinstance(tree, list) else tree
