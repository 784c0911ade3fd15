"""How values of each field type become parts of a column, block by block, and the parts an array at the end.

For each type: a way for values that a decoder has already held to the type, the fastest; a way for values as
JSON gives them, which falls back to the exact readers of :mod:`.fieldvalues`; and how the parts are joined.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from spatial_widgets.codec.fieldvalues import INTEGERS, NAT_MS, READERS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Way", "join_objects", "way_of"]

_FLOATS = {"esriFieldTypeSingle", "esriFieldTypeDouble"}
_HAS_ARROW = find_spec("pyarrow") is not None


class Way(NamedTuple):
    """The functions of one field type: values of a block to a part of the column, and parts to the column.

    ``form`` is what a part is: "integers", ``(int64 array, mask of nulls or None)``; "floats", a float64 array
    with NaN for nulls; "dates", an int64 array with NAT_MS for them; "arrow", an Arrow array of large strings;
    "objects", anything else.
    """

    take: Callable[[list[Any]], Any]
    join: Callable[[list[Any]], Any]
    take_typed: Callable[[list[Any]], Any]
    form: str = "objects"


def way_of(kind: str | None) -> Way:
    """Return the way of a field type; without a type, values are kept as they are."""
    if kind is None:
        return Way(list, join_objects, list)
    if kind in INTEGERS:
        return Way(_take_integers, _join_integers, _take_typed_integers, "integers")
    if kind in _FLOATS:
        return Way(_take_floats, _join_floats, _take_typed_floats, "floats")
    if kind == "esriFieldTypeDate":
        return Way(_take_dates, _join_dates, _take_typed_dates, "dates")
    if kind == "esriFieldTypeTimestampOffset":
        return Way(READERS[kind], _join_dates, READERS[kind])
    if kind == "esriFieldTypeDateOnly":
        return Way(READERS[kind], np.concatenate, READERS[kind])
    if kind == "esriFieldTypeTimeOnly":
        return Way(READERS[kind], join_objects, READERS[kind])
    return _way_of_text()


def _without_nulls(values: list[Any], instead: int) -> tuple[Any, Any]:
    """Return whole numbers, nulls replaced, and where they were."""
    if _HAS_ARROW:
        return _without_nulls_by_arrow(values, instead)
    objects, mask = _objects_without_nulls(values, instead)
    return objects.astype(np.int64), mask


def _without_nulls_by_arrow(values: list[Any], instead: int) -> tuple[Any, Any]:
    import pyarrow as pa

    numbers = pa.array(values, pa.int64())
    valid, data = numbers.buffers()
    whole = np.frombuffer(data, np.int64, len(values))
    if not numbers.null_count:
        return whole, np.zeros(len(values), dtype=bool)
    mask = np.unpackbits(np.frombuffer(valid, np.uint8), count=len(values), bitorder="little") == 0
    return np.where(mask, np.int64(instead), whole), mask


def _objects_without_nulls(values: list[Any], instead: Any) -> tuple[Any, Any]:
    """Return the values as an array of objects, nulls replaced, and where they were."""
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    mask = np.equal(objects, np.array(None, dtype=object))
    objects[mask] = instead
    return objects, mask


# ---------------------------------------------------------------- whole numbers


def _take_typed_integers(values: list[Any]) -> tuple[Any, Any]:
    try:
        return np.fromiter(values, np.int64, len(values)), None
    except TypeError:  # nulls
        return _without_nulls(values, 0)


def _take_integers(values: list[Any]) -> tuple[Any, Any]:
    if set(map(type, values)) <= {int, type(None)}:
        return _take_typed_integers(values)
    objects, mask = _objects_without_nulls(values, 0)
    whole = READERS["esriFieldTypeInteger"](objects.tolist())
    return np.fromiter(whole, np.int64, len(values)), mask


def _join_integers(parts: list[tuple[Any, Any]]) -> Any:
    numbers = _joined([n for n, _ in parts], np.int64)
    mask = np.zeros(len(numbers), dtype=bool)
    start = 0
    for part, nulls in parts:
        if nulls is not None:
            mask[start : start + len(part)] = nulls
        start += len(part)
    return pd.arrays.IntegerArray(numbers, mask)


def _joined(parts: list[Any], dtype: Any) -> Any:
    """Concatenate arrays of 8-byte numbers.

    Not in memory of numpy's own: from 4 MB on, it asks for huge pages, and where those are scarce the kernel's
    search for them costs several times what they save.
    """
    count = sum(map(len, parts))
    numbers = np.ndarray(count, dtype, buffer=bytearray(8 * count))
    return np.concatenate(parts, out=numbers)


# ---------------------------------------------------------------- other numbers, and dates


def _join_floats(parts: list[Any]) -> Any:
    return _joined(parts, np.float64)


def _take_typed_floats(values: list[Any]) -> Any:
    try:
        return np.fromiter(values, np.float64, len(values))
    except TypeError:
        return np.array(values, dtype=np.float64)  # None becomes NaN


def _take_floats(values: list[Any]) -> Any:
    if set(map(type, values)) <= {float, int, type(None)}:
        return np.array(values, dtype=np.float64)
    return np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)


def _take_typed_dates(values: list[Any]) -> Any:
    try:
        return np.fromiter(values, np.int64, len(values))
    except TypeError:  # nulls
        return _without_nulls(values, NAT_MS)[0]


def _take_dates(values: list[Any]) -> Any:
    is_plain = set(map(type, values)) <= {int, type(None)}
    return _take_typed_dates(values) if is_plain else READERS["esriFieldTypeDate"](values)


def _join_dates(parts: list[Any]) -> Any:
    stamps = _joined(parts, np.int64).view("datetime64[ms]")
    return pd.DatetimeIndex(stamps).tz_localize("UTC").array


def join_objects(parts: list[list[Any]]) -> Any:
    """Return an array of objects of all values."""
    array = np.empty(sum(map(len, parts)), dtype=object)
    start = 0
    for part in parts:
        array[start : start + len(part)] = part
        start += len(part)
    return array


# ---------------------------------------------------------------- text


def _way_of_text() -> Way:
    """Return how to take and join text in the way that pandas itself holds text, Arrow's where it can."""
    dtype = pd.Series(["text"]).dtype
    if isinstance(dtype, pd.StringDtype) and dtype.storage == "pyarrow":
        import pyarrow as pa

        def join_arrow(parts: list[Any]) -> Any:
            from_arrow: Any = dtype.__from_arrow__  # type: ignore[attr-defined]
            return from_arrow(pa.chunked_array(parts, pa.large_string()))

        return Way(_take_arrow_texts, join_arrow, _take_arrow_texts, "arrow")

    def join(parts: list[Any]) -> Any:
        array = join_objects(parts)
        return pd.array(array, dtype=dtype) if isinstance(dtype, pd.StringDtype) else array

    return Way(_texts, join, list)


def _texts(values: list[Any]) -> list[Any]:
    return [v if v is None or isinstance(v, str) else str(v) for v in values]


def _take_arrow_texts(values: list[Any]) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values, pa.large_string())
    except pa.ArrowTypeError:  # some are no text
        return pa.array(_texts(values), pa.large_string())
