"""Single attribute values, read exactly: every field type, in every form that servers write it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["INTEGERS", "NAT_MS", "READERS", "infer", "to_epoch_ms"]

INTEGERS = {
    "esriFieldTypeOID",
    "esriFieldTypeSmallInteger",
    "esriFieldTypeInteger",
    "esriFieldTypeBigInteger",
    "esriFieldTypeLong",  # some pages print these two; the real names are Integer and OID
    "esriFieldTypeObjectID",
}
#: pandas' own mark for "no date", as an integer.
NAT_MS = int(np.iinfo(np.int64).min)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def infer(values: Sequence[Any]) -> str:
    """Return the field type that values without a field have: ``esriFieldType…``, ``boolean`` or ``object``."""
    present = [v for v in values if v is not None]
    if present and all(isinstance(v, bool) for v in present):
        return "boolean"
    if present and all(isinstance(v, int) and not isinstance(v, bool) for v in present):
        return "esriFieldTypeBigInteger" if all(-(2**63) <= v < 2**63 for v in present) else "object"
    if present and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in present):
        return "esriFieldTypeDouble"
    if all(isinstance(v, str) for v in present):
        return "esriFieldTypeString"
    return "object"


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


def _integer(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) and value != number:
        raise ValueError(f"{value!r} is not whole")
    return number


def _offset_ms(text: Any) -> int:
    """Read ``8/2/2020 10:00:00.0000 AM -07:00``, as GP pages print it, or ISO text."""
    if not isinstance(text, str) or "/" not in text:
        return to_epoch_ms(text)
    day, clock, half, offset = text.split()
    time = _time_only(f"{clock} {half}")
    return to_epoch_ms(f"{_date_only(day).isoformat()}T{time.isoformat()}{offset}")


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


def _integers(values: Sequence[Any]) -> list[int]:
    return [_integer(v) for v in values]


def _dates(values: Sequence[Any]) -> Any:
    return np.array([NAT_MS if v is None else to_epoch_ms(v) for v in values], dtype=np.int64)


def _offsets(values: Sequence[Any]) -> Any:
    return np.array([NAT_MS if v is None else _offset_ms(v) for v in values], dtype=np.int64)


def _days(values: Sequence[Any]) -> Any:
    return np.array(
        ["NaT" if v is None else _date_only(v).isoformat() for v in values], dtype="datetime64[s]"
    )


def _times(values: Sequence[Any]) -> list[Any]:
    return [None if v is None else _time_only(v) for v in values]


#: Field type to the reader of a block of values; integers come without nulls, the others with.
READERS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "esriFieldTypeInteger": _integers,
    "esriFieldTypeDate": _dates,
    "esriFieldTypeTimestampOffset": _offsets,
    "esriFieldTypeDateOnly": _days,
    "esriFieldTypeTimeOnly": _times,
}
