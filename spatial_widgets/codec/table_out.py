"""Attributes: pandas columns in, Esri's fields and values out.

A column is looked at once, to find its field type; its values are made block by block.
"""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import math
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from spatial_widgets.codec.fieldvalues import to_epoch_ms
from spatial_widgets.codec.refusals_out import infinite, no_field_type
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Column",
    "encode_columns",
    "prepare_columns",
    "record_type",
    "records_of",
    "refuse_unclear_names",
    "rows_of",
]

_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
_FIELD_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Column:
    """One field: its description, and ``values(start, stop)``, the JSON values of some rows."""

    name: str
    field: dict[str, Any]
    values: Callable[[int, int], list[Any]]


def encode_columns(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return ``(fields, attributes)``: field descriptions, and one object per row.

    Whole numbers become Integer where they fit into 32 bits, else BigInteger; booleans become 0 and 1;
    dates with a time become Date (no time zone is taken as UTC); NaN becomes null.

    Raises
    ------
    CodecError : a column holds what no field can.
    """
    columns = prepare_columns(frame)
    return [column.field for column in columns], rows_of(columns, 0, len(frame))


def rows_of(columns: list[Column], start: int, stop: int) -> list[dict[str, Any]]:
    """Return the attributes of some rows, one object each."""
    if not columns:
        return [{} for _ in range(start, stop)]
    names = [column.name for column in columns]
    values = [column.values(start, stop) for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def record_type(columns: list[Column]) -> Callable[..., Any] | None:
    """Return what makes a row of its values and is written like :func:`rows_of`'s, in half the time.

    None where a name cannot be written without an escape; the dicts of :func:`rows_of` do it then.
    """
    fields = [(f"f{number}", Any) for number in range(len(columns))]
    names = {f"f{number}": column.name for number, column in enumerate(columns)}
    try:
        return msgspec.defstruct("Row", fields, rename=names, gc=False)
    except ValueError:
        return None


def records_of(record: Callable[..., Any], columns: list[Column], start: int, stop: int) -> list[Any]:
    """Return the attributes of some rows, made by a :func:`record_type`."""
    if not columns:
        return [record() for _ in range(start, stop)]
    return list(map(record, *(column.values(start, stop) for column in columns)))


def refuse_unclear_names(columns: pd.Index[Any]) -> None:
    """Raise CodecError where two columns would be one field."""
    if isinstance(columns, pd.MultiIndex):
        raise CodecError(
            "the columns have several levels; join them first: frame.columns = ['_'.join(map(str, c)) for c in frame.columns]"
        )
    names = [str(name) for name in columns]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise CodecError(f"column names must differ, got {', '.join(map(repr, twice))} more than once")


def prepare_columns(frame: pd.DataFrame) -> list[Column]:
    """Return the columns of a frame as fields.

    Raises
    ------
    CodecError : a column holds what no field can, or two have one name.
    """
    refuse_unclear_names(frame.columns)
    return [_column(str(name), frame.iloc[:, position]) for position, name in enumerate(frame.columns)]


def _column(name: str, column: pd.Series[Any]) -> Column:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(name, column)
    if isinstance(dtype, pd.SparseDtype):
        column = pd.Series(np.asarray(column.array))
        dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype) and not pd.api.types.is_numeric_dtype(dtype):
        return _objects(name, column)
    if pd.api.types.is_bool_dtype(dtype):
        return _made(name, "SmallInteger", _numbers(column, "int8"))
    if pd.api.types.is_integer_dtype(dtype):
        lowest, highest = (int(v) if pd.notna(v) else 0 for v in (column.min(), column.max()))
        unsigned = highest > np.iinfo(np.int64).max
        return _made(
            name,
            _integer_kind(name, lowest, highest),
            _numbers(column, "uint64" if unsigned else "int64"),
        )
    if pd.api.types.is_float_dtype(dtype):
        return _floats(name, column)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return _dates(name, column)
    if isinstance(dtype, pd.StringDtype):
        longest = column.str.len().max()
        return _texts(name, _present(column, str), int(longest) if pd.notna(longest) else 0)
    return _objects(name, column)


def _made(name: str, kind: str, values: Callable[[int, int], list[Any]], **more: Any) -> Column:
    return Column(name, {"name": name, "type": f"esriFieldType{kind}", "alias": name, **more}, values)


def _texts(name: str, values: Callable[[int, int], list[Any]], longest: int) -> Column:
    return _made(name, "String", values, length=max(_FIELD_LENGTH, longest))


def _integer_kind(name: str, lowest: int, highest: int) -> str:
    if lowest in _INT32 and highest in _INT32:
        return "Integer"
    if lowest in _INT64 and highest in _INT64:
        return "BigInteger"
    raise CodecError(
        f"column {name!r} holds a whole number that does not fit into 64 bits; send it as text: frame[{name!r}].astype(str)",
        path=f"attributes.{name}",
    )


def _categories(name: str, column: pd.Series[Any]) -> Column:
    labels = pd.Series(column.cat.categories)
    made = _column(name, labels)
    words = [*made.values(0, len(labels)), None]  # code -1, a missing value, meets the last one
    codes = column.cat.codes.to_numpy()
    return Column(name, made.field, lambda start, stop: [words[code] for code in codes[start:stop].tolist()])


def _numbers(column: pd.Series[Any], dtype: str) -> Callable[[int, int], list[Any]]:
    if isinstance(column.dtype, np.dtype):
        array = column.to_numpy()
        if array.dtype == bool:
            return lambda start, stop: array[start:stop].astype(dtype).tolist()
        return lambda start, stop: array[start:stop].tolist()

    blank = False if dtype == "int8" else 0

    def values(start: int, stop: int) -> list[Any]:
        block = column.iloc[start:stop]
        filled: list[Any] = block.fillna(blank).to_numpy(dtype=dtype).tolist()
        return _blank(filled, block.isna().to_numpy())

    return values


def _floats(name: str, column: pd.Series[Any]) -> Column:
    array = column.to_numpy(dtype="float64", na_value=math.nan)
    if np.isinf(array).any():
        raise infinite(name)

    def values(start: int, stop: int) -> list[Any]:
        block = array[start:stop]
        return _blank(block.tolist(), np.isnan(block))

    return _made(name, "Double", values)


def _dates(name: str, column: pd.Series[Any]) -> Column:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    array = column.to_numpy()

    def values(start: int, stop: int) -> list[Any]:
        block = array[start:stop].astype("datetime64[ms]")
        return _blank(block.astype("int64").tolist(), np.isnat(block))

    return _made(name, "Date", values)


def _blank(values: list[Any], missing: np.ndarray[Any, Any]) -> list[Any]:
    if not missing.any():
        return values
    return [None if gone else value for value, gone in zip(values, missing.tolist(), strict=True)]


def _present(column: pd.Series[Any], convert: Callable[[Any], Any]) -> Callable[[int, int], list[Any]]:
    def values(start: int, stop: int) -> list[Any]:
        block = column.iloc[start:stop]
        found = block.tolist()
        if convert is str and all(type(value) is str for value in found):
            return found
        pairs = zip(found, block.isna().tolist(), strict=True)
        return [None if gone else convert(value) for value, gone in pairs]

    return values


def _objects(name: str, column: pd.Series[Any]) -> Column:
    present = [value for value, gone in zip(column.tolist(), column.isna(), strict=True) if not gone]
    types = set(map(type, present))

    def only(*kinds: type) -> bool:
        return all(issubclass(found, kinds) for found in types)

    if only(str):
        return _texts(name, _present(column, _as_text), max(map(len, present), default=0))
    if only(bool, np.bool_):
        return _made(name, "SmallInteger", _present(column, int))
    if only(uuid.UUID):
        return _texts(name, _present(column, str), 0)
    if only(dt.date, np.datetime64):
        days = only(dt.date) and not any(issubclass(found, dt.datetime) for found in types)
        kind, convert = ("DateOnly", dt.date.isoformat) if days else ("Date", to_epoch_ms)
        return _made(name, kind, _present(column, convert))
    if only(dt.time):
        return _made(name, "TimeOnly", _present(column, dt.time.isoformat))
    if any(issubclass(found, (bool, np.bool_, np.complexfloating, np.timedelta64)) for found in types):
        raise no_field_type(name, column, types)
    if only(int, np.integer):
        kind = _integer_kind(name, int(min(present)), int(max(present)))
        return _made(name, kind, _present(column, int))
    if only(int, float, np.number, decimal.Decimal, fractions.Fraction):
        return _made(name, "Double", _present(column, _double(name)))
    raise no_field_type(name, column, types)


def _as_text(value: str) -> str:
    return str.__str__(value)


def _double(name: str) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        try:
            number = float(value)
        except (OverflowError, ValueError) as error:
            raise infinite(name) from error
        if math.isinf(number):
            raise infinite(name)
        return number

    return convert
