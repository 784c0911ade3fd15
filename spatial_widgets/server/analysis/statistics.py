"""``summaryFields``: texts such as ``"mag Mean"``, and the columns they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import require_field

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STATISTICS", "Statistic", "Weights", "parse_statistics", "summarize"]

#: The statistics of the Spatial Analysis tasks.
STATISTICS = ("Sum", "Mean", "Min", "Max", "Stddev")


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic of one field; nulls are left out, and ``Stddev`` divides by n - 1."""

    field: str
    word: str

    @property
    def column(self) -> str:
        """The name of the result, such as ``mean_mag``."""
        return f"{self.word.lower()}_{self.field}"


def parse_statistics(
    texts: Sequence[str] | None, frame: pd.DataFrame, parameter: str = "summaryFields"
) -> list[Statistic]:
    """Return what the texts ask for, each once.

    Raises
    ------
    ParameterError : a text is not "field Statistic", the field is not there, or it has no such statistic.
    """
    asked = []
    for text in texts or []:
        field, _, word = text.strip().rpartition(" ")
        statistic = next((s for s in STATISTICS if s.casefold() == word.casefold()), None)
        if not field.strip() or statistic is None:
            expected = ", ".join(STATISTICS)
            raise ParameterError(
                f'{parameter}: {text!r} is not understood; write "field Statistic" with one of {expected}.',
                parameter=parameter,
                value=text,
                expected=expected,
            )
        name = require_field(frame, field.strip(), parameter)
        _check_type(frame[name], name, statistic, parameter)
        asked.append(Statistic(name, statistic))
    return list(dict.fromkeys(asked))


def _check_type(column: pd.Series[Any], name: str, word: str, parameter: str) -> None:
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    dated = pd.api.types.is_datetime64_any_dtype(column.dtype) and word in {"Min", "Max"}
    if not numeric and not dated and not column.isna().all():
        raise ParameterError(
            f"{parameter}: {word} of the field {name!r} cannot be computed, because it holds {column.dtype}. "
            "Numbers have every statistic, dates have Min and Max.",
            parameter=parameter,
            value=f"{name} {word}",
        )


@dataclass(frozen=True, slots=True)
class Weights:
    """The columns that say how much of each row counts.

    ``share`` is the part of the feature, 0 to 1, that its values are summed with; ``size`` the length or
    area that weights means and standard deviations.
    Source: https://enterprise.arcgis.com/en/portal/latest/use/summary-statistics-mv.htm
    """

    share: str
    size: str


def summarize(
    frame: pd.DataFrame,
    keys: Sequence[str | int],
    wanted: Sequence[Statistic],
    *,
    count: str,
    weights: Weights | None = None,
) -> pd.DataFrame:
    """Return one row for each combination of keys, nulls among them: the number of rows, and the statistics.

    The index holds the keys. A statistic of nothing but nulls is null.
    """
    groups = frame.groupby(list(keys), dropna=False, sort=True)
    result = pd.DataFrame({count: groups.size().astype("Int64")})
    number = groups.ngroup().to_numpy()
    for statistic in wanted:
        if weights is None or statistic.word in {"Min", "Max"}:
            result[statistic.column] = _compute(groups, frame, statistic)
        else:
            result[statistic.column] = _weighted(frame, number, len(result), statistic, weights)
    return result


def _weighted(
    frame: pd.DataFrame, number: np.ndarray[Any, Any], count: int, statistic: Statistic, weights: Weights
) -> np.ndarray[Any, Any]:
    """Return a statistic of the rows of each group; ``number`` is the group of each row."""
    values = frame[statistic.field].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    share, size = (frame[name].to_numpy(dtype=float) for name in (weights.share, weights.size))
    known = ~np.isnan(values) & (size > 0)
    values, share, size, number = values[known], share[known], size[known], number[known]

    def total(numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.bincount(number, numbers, minlength=count)

    rows = np.bincount(number, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        if statistic.word == "Sum":
            return np.where(rows > 0, total(values * share), np.nan)
        mean: np.ndarray[Any, Any] = total(size * values) / total(size)
        if statistic.word == "Mean":
            return mean
        squares = total(size * (values - mean[number]) ** 2)
        return np.where(rows > 1, np.sqrt(squares / (total(size) * (rows - 1) / rows)), np.nan)


def _compute(groups: Any, frame: pd.DataFrame, statistic: Statistic) -> pd.Series[Any]:
    column = groups[statistic.field]
    if statistic.word == "Sum":
        made: pd.Series[Any] = column.sum(min_count=1)
    elif statistic.word == "Stddev":
        made = column.std(ddof=1)
    else:
        made = column.agg(statistic.word.lower())
    if pd.api.types.is_datetime64_any_dtype(made.dtype):
        return made
    whole = pd.api.types.is_integer_dtype(frame[statistic.field].dtype) and statistic.word in {
        "Sum",
        "Min",
        "Max",
    }
    if whole:
        return made.astype("Int64")
    values = made.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(values, index=made.index)
