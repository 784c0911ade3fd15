"""One row of a batch: the parameters of one job, and what became of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.client.parameters import check_complete, encoded_fields
from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.parameters import Submission
    from spatial_widgets.client.task import GPTask

__all__ = ["BatchRow", "Stage", "rows_of"]

_SHOWN = 60


class Stage(enum.StrEnum):
    """How far a row has come."""

    NEW = "to be submitted"
    NEXT = "about to be submitted"
    SENDING = "submitting"
    RUNNING = "running"
    OVER = "over"


@dataclass(eq=False, slots=True)
class BatchRow:
    """One job of a batch.

    Attributes
    ----------
    number : its place, from 0.
    label : its name: the index label of a frame's row, or the place in a list.
    shown : its parameters as a table shows them: numbers and short texts, a description of anything large.
    submission : the checked form, until the service has accepted it.
    key : the idempotency key it is sent with, where the service takes one; None where it goes without.
    is_again : whether an earlier session may have sent it.
    error : what it ended with, other than success.
    unread : why the results of a success could not be read the last time.
    """

    number: int
    label: Hashable
    shown: dict[str, Any]
    submission: Submission | None = field(repr=False)
    stage: Stage = Stage.NEW
    key: str | None = None
    is_again: bool = False
    job: Job | None = None
    error: Exception | None = None
    unread: Exception | None = None

    @property
    def trouble(self) -> Exception | None:
        """What somebody who wants the results is told, None while all is well."""
        return self.error or self.unread

    @property
    def status(self) -> str:
        """The wire value of the job's status; before there is a job, or without one, a word of ours."""
        if self.job is not None:
            return self.job.status.value
        return "not submitted" if self.stage is Stage.OVER else self.stage.value

    @property
    def loaded(self) -> str | None:
        """What was loaded of the job's results, in a line; None where nothing was."""
        if self.job is None:
            return None
        said = []
        for name in self.job.info.results:
            if self.job.results.is_loaded(name):
                value = self.job.results[name]
                size = (
                    f" of {len(value):,} rows" if isinstance(value, pd.DataFrame) else f" {str(value)[:60]}"
                )
                said.append(f"{name}: {type(value).__name__}{size}")
        return "; ".join(said) or None


def rows_of(task: GPTask, rows: Any, common: Mapping[str, Any]) -> list[BatchRow]:
    """Return the rows of a batch, each with its checked form; what is common is encoded once.

    Raises
    ------
    ParameterError : as :meth:`GPTask.submit`; it names the row. Nothing was sent.
    """
    info = task.info()
    shared = encoded_fields(task.name, info, common)
    found = []
    for number, (label, parameters) in enumerate(_pairs(rows)):
        try:
            own = encoded_fields(task.name, info, parameters)
            check_complete(task.name, info, shared | own)
        except ParameterError as error:
            error.args = (f"Row {label!r}: {error.args[0]}",)
            raise
        shown = {name: _shown(value) for name, value in parameters.items()}
        found.append(BatchRow(number, label, shown, shared | own))
    return found


def _pairs(rows: Any) -> Iterator[tuple[Hashable, dict[str, Any]]]:
    """Yield label and parameters of each row; an empty cell of a frame is a parameter that is not given."""
    if isinstance(rows, pd.DataFrame):
        if not rows.index.is_unique:
            raise ParameterError(
                "The rows' index is not unique, and names the results; frame.reset_index(drop=True) numbers them.",
                parameter="rows",
            )
        names = [str(name) for name in rows.columns]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ParameterError(
                f"Two columns of the rows are called {twice!r}; a job takes one value of that name.",
                parameter="rows",
            )
        columns = [rows.iloc[:, n].tolist() for n in range(len(names))]
        labels: Iterable[Hashable] = rows.index.tolist()
        for label, values in zip(
            labels, zip(*columns, strict=True) if columns else [()] * len(rows), strict=True
        ):
            yield label, {name: _given(value) for name, value in zip(names, values, strict=True)}
        return
    if isinstance(rows, (str, bytes, dict)) or not hasattr(rows, "__iter__"):
        raise ParameterError(
            f"Expected a DataFrame, or a list with a dict of parameters for each job, got {type(rows).__name__}.",
            parameter="rows",
        )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ParameterError(
                f"Row {number}: expected a dict of parameter names and values, got {type(row).__name__}.",
                parameter="rows",
            )
        yield number, dict(row)


def _given(value: Any) -> Any:
    """Return a cell's value, None for a missing one."""
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, pd.DataFrame):
        return f"{type(value).__name__} of {len(value):,} rows"
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
