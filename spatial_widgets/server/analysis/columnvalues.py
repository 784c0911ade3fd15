"""Columns and single values as expressions compute with them: their kinds, their types, and the numbers a layer can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["as_columns", "as_given", "check_range", "finite", "kind_of", "nullable"]

_INT64 = 2.0**63


def nullable(value: Any) -> Any:
    """Return a column with a type that knows null: Int64, Float64, boolean, string or dates; and other values as they are."""
    if not isinstance(value, pd.Series):
        return value
    dtype = value.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype) or str(dtype) in {"Int64", "Float64", "boolean", "string"}:
        return value
    if pd.api.types.is_bool_dtype(dtype):
        return value.astype("boolean")
    if pd.api.types.is_integer_dtype(dtype):
        return value.astype("Int64")
    if pd.api.types.is_float_dtype(dtype):
        return value.astype("Float64")
    if value.isna().all():
        return pd.Series(pd.NA, index=value.index, dtype="Float64")
    return value.astype("string")


def kind_of(value: Any) -> str:
    """Return ``"numbers"``, ``"truth"``, ``"text"``, ``"dates"`` or ``"nothing"``."""
    if value is None or value is pd.NA:
        return "nothing"
    if isinstance(value, pd.Series):
        if str(value.dtype) == "string":
            return "text"
        if str(value.dtype) == "boolean":
            return "truth"
        return "dates" if pd.api.types.is_datetime64_any_dtype(value.dtype) else "numbers"
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "numbers"


def as_columns(*values: Any) -> tuple[list[Any], bool]:
    """Return values as columns of one length, and whether all of them were single values."""
    series = [value for value in values if isinstance(value, pd.Series)]
    index = series[0].index if series else pd.RangeIndex(1)
    made = [value if isinstance(value, pd.Series) else _repeated(value, index) for value in values]
    return made, not series


def _repeated(value: Any, index: pd.Index[Any]) -> pd.Series[Any]:
    kind = {"text": "string", "truth": "boolean", "nothing": "Float64"}.get(kind_of(value))
    if kind is None:
        kind = "Int64" if isinstance(value, int) else "Float64"
    return pd.Series(pd.NA if value is None else value, index=index, dtype=kind)


def as_given(value: pd.Series[Any], *, was_single: bool) -> Any:
    """Return a column, or its only value where single values were given."""
    if not was_single:
        return value
    only = value.iloc[0]
    return None if only is pd.NA else only.item() if isinstance(only, np.generic) else only


def check_range(values: pd.Series[Any]) -> None:
    """Refuse whole numbers of more than 64 bits."""
    if (values.abs() >= _INT64).any():
        raise ValueError("a result has more than 64 bits; make decimal numbers of it, with float()")


def finite(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers without the infinite and undefined ones, which no layer can hold."""
    if str(values.dtype) != "Float64":
        return values
    plain = values.to_numpy(dtype=float, na_value=np.nan)
    if np.isfinite(plain).all():
        return values
    return pd.Series(
        pd.array(np.where(np.isfinite(plain), plain, np.nan), dtype="Float64"), index=values.index
    )
