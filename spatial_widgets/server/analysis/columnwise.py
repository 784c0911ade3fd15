"""What the operators of an expression do to whole columns: nullable Series, or one value for all rows.

Null with anything gives null, but for ``is None`` and for ``and`` and ``or``, which know enough with one side.
"""

from __future__ import annotations

import operator as op
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.server.analysis.columntexts import limited
from spatial_widgets.server.analysis.columnvalues import as_columns, as_given, check_range, finite, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["both", "choose", "compare", "compute", "either", "missing", "negate"]

_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": op.add, "-": op.sub, "*": op.mul, "/": op.truediv, "//": op.floordiv, "%": op.mod, "**": op.pow,
}  # fmt: skip
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": op.eq, "!=": op.ne, "<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge,
}  # fmt: skip


def compute(operator: str, left: Any, right: Any) -> Any:
    """Return the result of an arithmetic operator; what is divided by 0 is null."""
    kinds = kind_of(left), kind_of(right)
    if "nothing" in kinds:
        return _all_null(left, right)
    if kinds == ("text", "text") and operator == "+":
        (one, other), single = as_columns(left, right)
        return limited(as_given(one + other, was_single=single))
    if not set(kinds) <= {"numbers", "truth"}:
        raise ValueError(f"{kinds[0]} {operator} {kinds[1]} cannot be computed; str() makes text of numbers")
    (one, other), single = as_columns(left, right)
    one, other = (c.astype("Int64") if str(c.dtype) == "boolean" else c for c in (one, other))
    if operator == "**":
        one, other = one.astype("Float64"), other.astype("Float64")
    with np.errstate(all="ignore"):
        made = _ARITHMETIC[operator](one, other)
        if str(made.dtype) == "Int64" and operator in {"+", "-", "*"}:
            check_range(_ARITHMETIC[operator](one.astype("Float64"), other.astype("Float64")))
    if operator in {"//", "%"} and str(made.dtype) == "Int64":  # of decimals it is infinite, and goes below
        made = made.mask((other == 0).fillna(value=False))
    return as_given(finite(made), was_single=single)


def _all_null(*values: Any) -> Any:
    index = next((value.index for value in values if isinstance(value, pd.Series)), None)
    return None if index is None else pd.Series(pd.NA, index=index, dtype="Float64")


def compare(operator: str, left: Any, right: Any) -> Any:
    """Return whether a comparison holds; with null it is null."""
    kinds = {kind_of(left), kind_of(right)} - {"nothing"}
    (one, other), single = as_columns(left, right)
    if kinds == {"dates", "text"}:
        one, other = (c if pd.api.types.is_datetime64_any_dtype(c.dtype) else _dates(c) for c in (one, other))
    elif len(kinds - {"truth"}) > 1 or kinds == {"truth", "text"}:
        raise ValueError(f"{' and '.join(sorted(kinds))} cannot be compared")
    if "nothing" in {kind_of(left), kind_of(right)}:
        return as_given(pd.Series(pd.NA, index=one.index, dtype="boolean"), was_single=single)
    gone = one.isna() | other.isna()
    made = _COMPARISONS[operator](one, other).astype("boolean").mask(gone.astype(bool))
    return as_given(made, was_single=single)


def _dates(texts: pd.Series[Any]) -> pd.Series[Any]:
    try:
        return pd.to_datetime(texts.astype(object), utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise ValueError("a date is compared with a text such as '2018-02-03'") from error


def _truth(value: Any) -> Any:
    """Return whether values count as true: numbers that are not 0, texts that are not empty."""
    kind = kind_of(value)
    if kind in {"truth", "nothing"}:
        return value
    return compare("!=", value, "" if kind == "text" else 0) if kind != "dates" else negate(missing(value))


def negate(value: Any) -> Any:
    """Return ``not value``."""
    (column,), single = as_columns(_truth(value))
    return as_given(~column.astype("boolean"), was_single=single)


def both(left: Any, right: Any) -> Any:
    """Return ``left and right``."""
    (one, other), single = as_columns(_truth(left), _truth(right))
    return as_given(one.astype("boolean") & other.astype("boolean"), was_single=single)


def either(left: Any, right: Any) -> Any:
    """Return ``left or right``."""
    (one, other), single = as_columns(_truth(left), _truth(right))
    return as_given(one.astype("boolean") | other.astype("boolean"), was_single=single)


def missing(value: Any) -> Any:
    """Return ``value is None``."""
    (column,), single = as_columns(value)
    return as_given(column.isna().astype("boolean"), was_single=single)


def choose(test: Any, then: Any, otherwise: Any) -> Any:
    """Return ``then if test else otherwise``; a test that is null counts as false."""
    kinds = {kind_of(then), kind_of(otherwise)} - {"nothing"}
    if len(kinds) > 1 and kinds != {"numbers", "truth"}:
        raise ValueError(f"both sides of an if must be of one kind, not {' and '.join(sorted(kinds))}")
    (condition, one, other), single = as_columns(_truth(test), then, otherwise)
    if kind_of(then) == "nothing" or kind_of(otherwise) == "nothing":
        known = other if kind_of(then) == "nothing" else one
        one, other = (c.astype(known.dtype) if c.isna().all() else c for c in (one, other))
    elif str(one.dtype) != str(other.dtype) and kinds <= {"numbers", "truth"}:
        one, other = one.astype("Float64"), other.astype("Float64")
    true = condition.astype("boolean").fillna(value=False).astype(bool)
    return as_given(one.where(true, other), was_single=single)
