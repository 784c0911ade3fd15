"""Attributes: pandas columns in, Esri's fields and values out."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.codec.fieldvalues import to_epoch_ms
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["encode_columns"]

_INT32 = range(-(2**31), 2**31)


def encode_columns(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return ``(fields, attributes)``: field descriptions, and one object per row.

    Whole numbers become Integer where they fit into 32 bits, else BigInteger; booleans become 0 and 1;
    dates with a time become Date (no time zone is taken as UTC); NaN becomes null.

    Raises
    ------
    CodecError : a column holds what no field can.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise CodecError(f"column names must differ, got {names}")
    fields: list[dict[str, Any]] = []
    columns: list[list[Any]] = []
    for position, name in enumerate(names):
        field, values = _encode_column(name, frame.iloc[:, position])
        fields.append(field)
        columns.append(values)
    if not columns:
        return fields, [{} for _ in range(len(frame))]
    return fields, [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _encode_column(name: str, column: pd.Series[Any]) -> tuple[dict[str, Any], list[Any]]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    present = [
        None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)
    ]
    kind, convert = _wire_type(name, column, [v for v in present if v is not None])
    values = [None if v is None else convert(v) for v in present]
    field: dict[str, Any] = {"name": name, "type": f"esriFieldType{kind}", "alias": name}
    if kind == "String":
        field["length"] = max([255, *(len(v) for v in values if v is not None)])
    return field, values


def _wire_type(name: str, column: pd.Series[Any], present: list[Any]) -> tuple[str, Callable[[Any], Any]]:
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) or (
        present and all(isinstance(v, (bool, np.bool_)) for v in present)
    ):
        return "SmallInteger", int
    if pd.api.types.is_integer_dtype(dtype):
        return (
            "Integer"
            if all(v in _INT32 for v in (min(present, default=0), max(present, default=0)))
            else "BigInteger"
        ), int
    if pd.api.types.is_float_dtype(dtype):
        return "Double", _finite
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "Date", to_epoch_ms
    for kinds, wire, convert in _OBJECT_TYPES:
        if all(isinstance(v, kinds) for v in present):
            return wire, convert
    odd = type(present[0]).__name__
    raise CodecError(
        f"column {name!r} ({dtype}, holding {odd}) has no Esri field type; drop it or turn it into text or numbers",
        path=f"attributes.{name}",
    )


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


_OBJECT_TYPES: tuple[tuple[tuple[type, ...], str, Callable[[Any], Any]], ...] = (
    ((str,), "String", str),
    ((dt.datetime, np.datetime64), "Date", to_epoch_ms),
    ((dt.date,), "DateOnly", lambda v: v.isoformat()),
    ((dt.time,), "TimeOnly", lambda v: v.isoformat()),
    ((int, np.integer), "BigInteger", int),
    ((int, float, np.number), "Double", _finite),
)
