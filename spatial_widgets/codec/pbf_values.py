"""The attributes of features in Esri's protocol buffers: from values, a small message each, to columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.codec.fieldvalues import NAT_MS
from spatial_widgets.codec.protobuf import BYTES, FIXED32, FIXED64, VARINT, zigzag
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.codec.columns import Column
    from spatial_widgets.codec.protobuf import Fields, Ints, Wire

__all__ = ["Values"]

# What a value may be: the numbers of the members of Value.
_NULL, _TEXT, _FLOAT, _DOUBLE, _SINT32, _UINT32, _INT64, _UINT64, _SINT64, _BOOL, _NULL_SAID, _INDEX = range(
    12
)
_WIRES = np.array([-1, BYTES, FIXED32, FIXED64, *[VARINT] * 8])
_MOST_FIELDS = 4  # of a value: one, and perhaps its index
_NO_SIGN = {_UINT32, _INT64, _UINT64, _BOOL}
_ZIGZAG = {_SINT32, _SINT64}


class Values:
    """All attribute values of a page.

    Parameters
    ----------
    wire : the page.
    rows, places : of each value, the number of its feature, and its place among the attributes there.
    start, stop : where its message lies.
    path : where the features stand, for errors.
    """

    def __init__(self, wire: Wire, rows: Ints, places: Ints, start: Ints, stop: Ints, *, path: str) -> None:
        self._wire = wire
        self._path = path
        kind = np.zeros(len(rows), np.int64)
        number = np.zeros(len(rows), np.uint64)
        begin, end = start.copy(), stop.copy()
        for found in wire.columns(start, stop, path, most=_MOST_FIELDS, owner=rows):
            self._check(found, rows)
            if (found.number == _INDEX).any():
                index = found.where(found.number == _INDEX)
                places = places.copy()
                places[index.rows] = np.minimum(index.value, np.uint64(1 << 31)).astype(np.int64)
                found = found.where(found.number != _INDEX)  # noqa: PLW2901 -- the rest of it
            kind[found.rows] = np.where(found.number == _NULL_SAID, _NULL, found.number)
            number[found.rows], begin[found.rows], end[found.rows] = found.value, found.start, found.stop
        self._told = places, rows
        order = np.argsort(places, kind="stable")
        order = order[kind[order] != _NULL]
        self._places = places[order]
        self._rows, self._kind, self._number = rows[order], kind[order], number[order]
        self._start, self._stop = begin[order], end[order]

    def _check(self, found: Fields, rows: Ints) -> None:
        known = (found.number > _NULL) & (found.number <= _INDEX)
        wrong = ~known | (_WIRES[np.where(known, found.number, 0)] != found.wire)
        if wrong.any():
            raise CodecError(
                "an attribute is of an unknown kind", path=f"{self._path}[{rows[found.rows[wrong][0]]}]"
            )

    def fill(self, columns: Sequence[Column | None], count: int) -> None:
        """Fill the columns with the values of ``count`` features; None is a field without a column.

        Raises
        ------
        CodecError : a value is none of its field's type, or belongs to no field.
        """
        places, rows = self._told
        beyond = places >= len(columns)
        if beyond.any():
            raise CodecError(
                "a feature has more attributes than there are fields",
                path=f"{self._path}[{rows[beyond][0]}]",
            )
        bounds = np.searchsorted(self._places, np.arange(len(columns) + 1)).tolist()
        for column, first, last in zip(columns, bounds, bounds[1:], strict=False):
            if column is not None:
                self._fill(column, slice(first, last), count)

    def _fill(self, column: Column, some: slice, count: int) -> None:
        rows = self._rows[some]
        kinds = set(np.unique(self._kind[some]).tolist())
        block: Any = None
        if column.form == "arrow":
            block = self._arrow(some, rows, count) if kinds <= {_TEXT} else None
        elif column.form == "floats":
            numbers = self._doubles(some, kinds)
            if numbers is not None:
                block = np.full(count, np.nan)
                block[rows] = numbers
        elif column.form in {"integers", "dates"}:
            integers = self._integers(some, kinds)
            if integers is not None:
                block = np.full(count, NAT_MS if column.form == "dates" else 0, np.int64)
                block[rows] = integers
                if column.form == "integers":
                    nulls = np.ones(count, bool)
                    nulls[rows] = False
                    block = block, nulls if nulls.any() else None
        if block is None:
            column.take(self._objects(some, count), path=self._path)
        else:
            column.take_block(block)

    def _integers(self, some: slice, kinds: set[int]) -> Ints | None:
        """Return whole numbers of up to 63 bits and a sign; None where they are anything else."""
        if not kinds <= _NO_SIGN | _ZIGZAG:
            return None
        raw, kind = self._number[some], self._kind[some]
        if _UINT64 in kinds and (raw[kind == _UINT64] >> np.uint64(63)).any():
            return None
        if kinds <= _ZIGZAG:
            return zigzag(raw)
        plain = raw.view(np.int64)
        return (
            np.where((kind == _SINT32) | (kind == _SINT64), zigzag(raw), plain) if kinds & _ZIGZAG else plain
        )

    def _doubles(self, some: slice, kinds: set[int]) -> Any:
        if kinds <= {_DOUBLE}:
            return self._wire.doubles(self._start[some])
        if kinds <= {_FLOAT}:
            return self._wire.floats(self._start[some]).astype(np.float64)
        return None

    def _arrow(self, some: slice, rows: Ints, count: int) -> Any:
        """Return text as an Arrow array, cut out of the page by Arrow; None where that cannot be."""
        import pyarrow as pa

        # The page is read as one array of binaries: each text, and what lies before the next one.
        bounds = np.column_stack([self._start[some], self._stop[some]]).ravel()
        if not len(bounds):
            return pa.nulls(count, pa.large_string())
        if (np.diff(bounds) < 0).any():
            return None
        place = np.full(count, -1, np.int64)
        place[rows] = np.arange(0, len(bounds), 2)
        buffers = [None, pa.py_buffer(bounds), pa.py_buffer(self._wire.data)]
        pieces = pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)
        try:
            return pieces.take(pa.array(place, mask=place < 0)).cast(pa.large_string())
        except pa.ArrowInvalid:  # no UTF-8; the slow way says where
            return None

    def _objects(self, some: slice, count: int) -> list[Any]:
        """Return the values of one column as Python objects, one per feature; None is null."""
        values: list[Any] = [None] * count
        columns = (self._rows, self._kind, self._number, self._start, self._stop)
        for row, kind, number, start, stop in zip(*(c[some].tolist() for c in columns), strict=True):
            values[row] = self._object(row, kind, number, start, stop)
        return values

    def _object(self, row: int, kind: int, number: int, start: int, stop: int) -> Any:
        if kind == _TEXT:
            try:
                return self._wire.data[start:stop].decode()
            except UnicodeDecodeError as error:
                raise CodecError(f"a text is no UTF-8: {error}", path=f"{self._path}[{row}]") from error
        if kind in {_FLOAT, _DOUBLE}:
            at = np.array([start])
            return float((self._wire.floats(at) if kind == _FLOAT else self._wire.doubles(at))[0])
        if kind == _BOOL:
            return bool(number)
        if kind in _ZIGZAG:
            return (number >> 1) ^ -(number & 1)
        return number - (1 << 64) if kind == _INT64 and number >> 63 else number
