"""Names of layers' services: each belongs to one job, from its submit until it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import JobStatus

if TYPE_CHECKING:
    import sqlite3

__all__ = ["claim"]

_GIVEN_UP = {status.value for status in JobStatus if status.is_terminal and not status.is_success}


def claim(db: sqlite3.Connection, name: str, job_id: str) -> None:
    """Give a new job a name, within the transaction that keeps the job.

    A job that failed or was cancelled has no layers: it gives its name up.

    Raises
    ------
    ParameterError : another job has it.
    """
    folded = name.casefold()
    owner = db.execute(
        "SELECT jobs.id, jobs.status FROM hosted JOIN jobs ON jobs.id = hosted.job WHERE hosted.name=?",
        (folded,),
    ).fetchone()
    if owner is not None and owner[1] not in _GIVEN_UP:
        raise ParameterError(
            f"outputName: the name {name!r} is taken, by the job {owner[0]}. Choose another one; "
            "this one is free again when that job is deleted.",
            parameter="outputName",
            value=name,
        )
    db.execute("DELETE FROM hosted WHERE name=?", (folded,))
    db.execute("INSERT INTO hosted (name, spelled, job) VALUES (?,?,?)", (folded, name, job_id))
