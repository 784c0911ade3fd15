"""The functions that an expression may call on whole columns, by Python's names for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.server.analysis.columntexts import on_text
from spatial_widgets.server.analysis.columnvalues import as_columns, as_given, check_range, finite, kind_of
from spatial_widgets.server.analysis.columnwise import both, choose, compare, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FUNCTIONS", "NUMBERS"]

NUMBERS = {"pi": math.pi, "e": math.e}


def _number(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        if kind_of(value) not in {"numbers", "truth", "nothing"}:
            raise ValueError(
                f"{getattr(function, '__name__', 'it')} works on numbers, not on {kind_of(value)}"
            )
        (column,), single = as_columns(value)
        with np.errstate(all="ignore"):
            made = function(column.to_numpy(dtype=float, na_value=np.nan))
        return as_given(
            finite(pd.Series(pd.array(made, dtype="Float64"), index=column.index)), was_single=single
        )

    return call


def _whole(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    decimal = _number(function)

    def call(value: Any) -> Any:
        if kind_of(value) == "text":
            value = _float(value)
        (column,), single = as_columns(decimal(value))
        check_range(column)
        return as_given(column.astype("Int64"), was_single=single)

    return call


def _float(value: Any) -> Any:
    if kind_of(value) != "text":
        return _number(np.asarray)(value)

    def read(text: str) -> Any:
        try:
            return float(text)
        except ValueError as error:
            raise ValueError(f"{text[:40]!r} is no number") from error

    made = on_text(value, "float", read, "Float64")
    return finite(made) if isinstance(made, pd.Series) else made


def _str(value: Any) -> Any:
    if kind_of(value) in {"text", "nothing"}:
        return value
    (column,), single = as_columns(value)
    return as_given(column.map(str, na_action="ignore").astype("string"), was_single=single)


def _round(value: Any, places: Any = 0) -> Any:
    if not isinstance(places, int) or isinstance(places, bool) or abs(places) > 20:
        raise ValueError("round takes a whole number of places")
    rounded = _number(lambda numbers: np.round(numbers, places))(value)
    return _whole(np.asarray)(rounded) if places == 0 else rounded


def _extreme(operator: str) -> Callable[..., Any]:
    def call(first: Any, *others: Any) -> Any:
        found = first
        for other in others:
            found = choose(
                both(compare(operator, other, found), True), other, choose(missing(other), None, found)
            )
        return found

    return call


def _absolute(value: Any) -> Any:
    if isinstance(value, pd.Series) and str(value.dtype) == "Int64":
        return value.abs()
    return abs(value) if isinstance(value, int) else _number(np.abs)(value)


#: Functions by name, with the fewest and the most values that they take.
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "abs": (_absolute, 1, 1),
    "round": (_round, 1, 2),
    "int": (_whole(np.trunc), 1, 1),
    "floor": (_whole(np.floor), 1, 1),
    "ceil": (_whole(np.ceil), 1, 1),
    "float": (_float, 1, 1),
    "str": (_str, 1, 1),
    "len": (lambda value: on_text(value, "len", len, "Int64"), 1, 1),
    "min": (_extreme("<"), 2, 20),
    "max": (_extreme(">"), 2, 20),
    **{
        name: (_number(function), 1, 1)
        for name, function in {
            "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "log10": np.log10, "sin": np.sin, "cos": np.cos,
            "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "radians": np.radians,
            "degrees": np.degrees,
        }.items()
    },
}  # fmt: skip
