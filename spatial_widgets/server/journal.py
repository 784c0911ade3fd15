"""What happens to jobs, one line for each event: as JSON in the store, as plain text for people.

A line tells the job and its task, never a parameter, a message or a token.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import threading
from typing import IO, TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus

if TYPE_CHECKING:
    from pathlib import Path

    from spatial_widgets.server.schema import JobRow

__all__ = ["JOBS_LOG", "Journal", "event_of"]

#: The file of a store that has the events, a JSON object on each line.
JOBS_LOG = "jobs.log"
_LOG = logging.getLogger("spatial_widgets.server.jobs")
_MOST_BYTES = 10_000_000
_WAITING = {JobStatus.SUBMITTED, JobStatus.WAITING}


def event_of(row: JobRow, source: JobStatus) -> dict[str, Any] | None:
    """Return the event that a job's change of status is, or None where it is none.

    ``submitted``, ``started``, ``requeued`` (its service stopped in mid-run), ``cancelled`` (a client asked for it),
    ``ended`` with ``status`` and ``seconds``, how long it executed; 0 where it never began.
    """
    event: dict[str, Any] = {"job": row.id, "task": row.task}
    if row.status.is_terminal:
        ran = 0.0 if row.started is None or row.finished is None else row.finished - row.started
        return {"event": "ended", **event, "status": row.status.value, "seconds": round(max(0.0, ran), 3)}
    words = {
        (JobStatus.NEW, JobStatus.SUBMITTED): "submitted",
        (source, JobStatus.EXECUTING): "started",
        (source, JobStatus.CANCELLING): "cancelled",
        (JobStatus.EXECUTING, JobStatus.WAITING): "requeued",
    }
    word = words.get((source, row.status))
    return {"event": word, **event} if word else None


class Journal:
    """The events of one service; from any thread.

    A full disk loses lines here, never a job.
    """

    def __init__(self, store: Path) -> None:
        self._path = store / JOBS_LOG
        self._lock = threading.Lock()
        self._file: IO[str] | None = None

    def moved(self, row: JobRow, source: JobStatus) -> None:
        """Note that a job has another status now."""
        if row.status is JobStatus.CANCELLED and source in _WAITING:
            self._write({"event": "cancelled", "job": row.id, "task": row.task})
        event = event_of(row, source)
        if event is not None:
            self._write(event)

    def refused(self, task: str, code: int) -> None:
        """Note that a submit was refused; there is no job."""
        self._write({"event": "refused", "task": task, "code": code})

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _write(self, event: dict[str, Any]) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        text = json.dumps({"time": now, **event})
        with self._lock, contextlib.suppress(OSError):
            file = self._opened()
            file.write(f"{text}\n")
            file.flush()
        _LOG.info(" ".join(_shown(name, value) for name, value in event.items()))

    def _opened(self) -> IO[str]:
        if self._file is not None and self._file.tell() > _MOST_BYTES:
            self._file.close()
            self._file = None
            self._path.replace(self._path.with_name(f"{JOBS_LOG}.1"))
        if self._file is None:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "a", encoding="utf-8")
        return self._file


def _shown(name: str, value: Any) -> str:
    return {"seconds": f"after {value} s", "code": f"with error {value}"}.get(name, str(value))
