"""Attributes: Esri's fields and values in, pandas columns out."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["decode_columns", "to_epoch_ms"]

_INTEGERS = {
    "esriFieldTypeOID",
    "esriFieldTypeSmallInteger",
    "esriFieldTypeInteger",
    "esriFieldTypeBigInteger",
}
_FLOATS = {"esriFieldTypeSingle", "esriFieldTypeDouble"}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US_TIME = ("%I:%M:%S %p", "%I:%M %p", "%I:%M:%S.%f %p")


def decode_columns(
    fields: Sequence[Any] | None,
    rows: Sequence[Mapping[str, Any]],
    *,
    reserved: str | None = None,
    path: str = "features",
) -> dict[str, pd.Series[Any]]:
    """Return the columns that ``fields`` lists, in its order; each has one value per row.

    Integers become ``Int64`` (nulls stay nulls), floats ``float64``, dates ``datetime64[ms, UTC]``,
    dates without time ``datetime64[s]``, times ``datetime.time`` objects, everything else text.
    Without ``fields`` the columns and their types are taken from the values.

    Parameters
    ----------
    reserved : a name that no attribute may take (the geometry column); such a one gets ``_1`` appended.

    Raises
    ------
    CodecError : a value does not fit its field, with the place.
    """
    if fields is None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        kinds: list[str | None] = [None] * len(names)
    else:
        listed = [f for f in fields if isinstance(f, dict) and f.get("type") != "esriFieldTypeGeometry"]
        names = [str(f.get("name")) for f in listed]
        kinds = [f.get("type") for f in listed]
    columns: dict[str, pd.Series[Any]] = {}
    taken = {reserved} if reserved else set()
    for name, kind in zip(names, kinds, strict=True):
        values = [row.get(name) for row in rows]
        label = _free_name(name, taken)
        try:
            columns[label] = decode_values(values, kind)
        except (TypeError, ValueError, OverflowError) as error:
            raise CodecError(
                f"a value of field {name!r} is no {kind}: {error}", path=f"{path}.attributes.{name}"
            ) from error
    return columns


def _free_name(name: str, taken: set[str]) -> str:
    label, n = name, 0
    while label in taken:
        n += 1
        label = f"{name}_{n}"
    taken.add(label)
    return label


def decode_values(values: Sequence[Any], kind: str | None) -> pd.Series[Any]:
    """Return one column for a field type; None as the type infers it."""
    if kind is None:
        kind = _infer(values)
    if kind == "boolean":
        return pd.Series(pd.array(values, dtype="boolean"))
    if kind in _INTEGERS:
        return pd.Series(pd.array([None if v is None else _integer(v) for v in values], dtype="Int64"))
    if kind in _FLOATS:
        return pd.Series([math.nan if v is None else float(v) for v in values], dtype="float64")
    if kind == "esriFieldTypeDate":
        return _timestamps([None if v is None else to_epoch_ms(v) for v in values])
    if kind == "esriFieldTypeTimestampOffset":
        return _timestamps([None if v is None else to_epoch_ms(_us_offset(v)) for v in values])
    if kind == "esriFieldTypeDateOnly":
        days = np.array(
            ["NaT" if v is None else _date_only(v).isoformat() for v in values], dtype="datetime64[s]"
        )
        return pd.Series(days)
    if kind == "esriFieldTypeTimeOnly":
        return pd.Series([None if v is None else _time_only(v) for v in values], dtype=object)
    if kind == "object":
        return pd.Series(list(values), dtype=object)
    return _text([None if v is None else v if isinstance(v, str) else str(v) for v in values])


def _text(values: list[str | None]) -> pd.Series[Any]:
    column: pd.Series[Any] = pd.Series(values, dtype=object)
    return column.astype("str") if int(pd.__version__.split(".")[0]) >= 3 else column


def _timestamps(milliseconds: Sequence[int | None]) -> pd.Series[Any]:
    nat = np.iinfo(np.int64).min
    stamps = np.array([nat if v is None else v for v in milliseconds], dtype="int64").astype("datetime64[ms]")
    return pd.Series(stamps).dt.tz_localize("UTC")


def _infer(values: Sequence[Any]) -> str:
    present = [v for v in values if v is not None]
    if present and all(isinstance(v, bool) for v in present):
        return "boolean"
    if present and all(isinstance(v, int) and not isinstance(v, bool) for v in present):
        return "esriFieldTypeBigInteger"
    if present and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in present):
        return "esriFieldTypeDouble"
    if all(isinstance(v, str) for v in present):
        return "esriFieldTypeString"
    return "object"


def _integer(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) and value != number:
        raise ValueError(f"{value!r} is not whole")
    return number


def to_epoch_ms(value: Any) -> int:
    """Return milliseconds since 1970-01-01 UTC for a number of them, ISO text, or a Python or pandas date.

    What has no time zone is taken as UTC.
    """
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{value!r} is not a date")
    if isinstance(value, (int, float, np.integer, np.floating)):
        return round(float(value)) if isinstance(value, (float, np.floating)) else int(value)
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value.strip())
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[ms]").astype("int64"))
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if not isinstance(value, dt.datetime) or value is pd.NaT:
        raise TypeError(f"{value!r} is not a date")
    aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // dt.timedelta(milliseconds=1)


def _us_offset(text: Any) -> Any:
    """Turn ``8/2/2020 10:00:00.0000 AM -07:00``, as GP pages print it, into a datetime; leave ISO text alone."""
    if not isinstance(text, str) or "/" not in text:
        return text
    day, clock, half, offset = text.split()
    time = _time_only(f"{clock} {half}")
    return dt.datetime.fromisoformat(f"{_date_only(day).isoformat()}T{time.isoformat()}{offset}")


def _date_only(text: Any) -> dt.date:
    if isinstance(text, str) and "/" in text:
        month, day, year = (int(n) for n in text.split("/"))
        return dt.date(year, month, day)
    return dt.date.fromisoformat(str(text)[:10])


def _time_only(text: Any) -> dt.time:
    written = str(text).strip()
    if written[-2:].upper() not in {"AM", "PM"}:
        return dt.time.fromisoformat(written)
    clock, half = written[:-2].strip(), written[-2:].upper()
    hours, minutes, seconds = (*clock.split(":"), "0")[:3]
    whole, _, part = seconds.partition(".")
    return dt.time(
        int(hours) % 12 + 12 * (half == "PM"), int(minutes), int(whole), int((part + "000000")[:6])
    )
