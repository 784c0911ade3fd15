"""What becomes of the jobs that a service left in mid-run when it was killed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from spatial_widgets.protocol import JobMessage, JobStatus
from spatial_widgets.protocol.message import WARNING
from spatial_widgets.server.verdict import after_interruption

if TYPE_CHECKING:
    from spatial_widgets.server.executors.base import Executor
    from spatial_widgets.server.store import Store

__all__ = ["recover"]

_LOG = logging.getLogger("spatial_widgets.server")


def recover(store: Store, executor: Executor, *, attempts: int) -> None:
    """Give every job that was executing or being cancelled a true status, after ending its process.

    What was waiting keeps its place. Call this before anything is run.
    """
    store.files.remove_all_but(store.ids())
    for row in store.running():
        gone = executor.reap(row)
        verdict = after_interruption(row, attempts=attempts)
        messages = list(verdict.messages)
        status = verdict.status
        if not gone:
            _LOG.error("process %s of job %s cannot be ended", row.pid, row.id)
            if status is JobStatus.WAITING:  # never two processes on one job
                status = JobStatus.FAILED
                messages = list(after_interruption(row, attempts=0).messages)
            messages.append(JobMessage(WARNING, "Its process could not be ended and may still run."))
        store.move(row.id, status, attempt=row.attempt, why=verdict.why, messages=messages)
