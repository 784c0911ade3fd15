"""Answers of a feature service as Esri's protocol buffers: pages, counts, object IDs.

Coordinates become whole numbers on a grid whose steps are powers of two, so fine that a coordinate of a double
float's full length comes back as it was. Only small ones, under a 256th of the largest, may be rounded, by less
than 1e-18 of the largest: 2e-16 degrees, 2e-11 metres.

Source: https://github.com/Esri/arcgis-pbf/tree/main/proto/FeatureCollection
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.codec.pbf import FIELD_TYPES, GEOMETRY_TYPES, REFERENCE
from spatial_widgets.codec.protobuf_out import double, message, number, packed, varint, varints, zigzagged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spatial_widgets.codec.features_out import FeatureSet
    from spatial_widgets.codec.pbf_parts import Parts
    from spatial_widgets.codec.protobuf import Ints

__all__ = ["PowerGrid", "write_count", "write_ids", "write_page"]

_VERSION = message(1, b"1.0.0")
_BITS = 61  # of a coordinate; the difference of two, and its sign, take two more
_FINEST = 900  # a finer step would be no number
_NONE = 127  # the number of "no geometry"
_LOWER_LEFT = 1
_SQL_OTHER = 15
_NULL = message(1, b"")  # an attribute without a value
_TEXT, _DOUBLE, _SINT, _UINT, _INT64, _SINT64 = 1, 3, 4, 5, 6, 8
# What stands before a text so short that both lengths, its own and that of the message around it, take one byte.
_TEXT_HEADS = tuple(bytes([0x0A, size + 2, 0x0A, size]) for size in range(126))
_MEMBERS = {
    "esriFieldTypeSmallInteger": _SINT,
    "esriFieldTypeInteger": _SINT,
    "esriFieldTypeDouble": _DOUBLE,
    "esriFieldTypeSingle": _DOUBLE,
    "esriFieldTypeDate": _SINT64,
    "esriFieldTypeOID": _UINT,
    "esriFieldTypeBigInteger": _INT64,
}


@dataclass(frozen=True, slots=True)
class PowerGrid:
    """Steps of x, y, z and m: ``2 ** -power`` each. The origin is zero, y counts upwards."""

    powers: tuple[int, int, int, int]

    @classmethod
    def over(cls, largest: Sequence[float]) -> PowerGrid:
        """Return the finest grid for coordinates whose absolute values are at most ``largest``: x, y, z, m."""
        x, y, z, m = (min(_FINEST, _BITS - int(np.frexp(value)[1])) for value in largest)
        return cls((x, y, z, m))

    def numbers(self, vertices: Any, axes: Sequence[int]) -> Ints:
        """Return vertices, shape ``(n, len(axes))``, as whole numbers."""
        powers = np.array([self.powers[axis] for axis in axes], np.int32)
        found: Ints = np.rint(np.ldexp(vertices, powers)).astype(np.int64)
        return found

    def to_bytes(self) -> bytes:
        """Return the Transform message."""
        x, y, z, m = (2.0**-power for power in self.powers)
        scale = double(1, x) + double(2, y) + double(3, m) + double(4, z)
        return number(1, _LOWER_LEFT) + message(2, scale) + message(3, b"")


def write_count(count: int) -> bytes:
    """Return the answer to ``returnCountOnly``."""
    return _VERSION + message(2, message(2, number(1, count)))


def write_ids(name: str, ids: Any) -> bytes:
    """Return the answer to ``returnIdsOnly``: ``name`` is the field of the object IDs."""
    return _VERSION + message(2, message(3, message(1, name.encode()) + packed(3, ids)))


def write_page(page: FeatureSet, grid: PowerGrid, *, id_field: str, exceeded: bool) -> bytes:
    """Return a page of features; ``exceeded`` says that there are more of them.

    Raises
    ------
    CodecError : a coordinate is NaN or infinite; a missing z or m cannot be told.
    """
    head = page.head
    kind = head.get("geometryType")
    code = next((code for code, name in GEOMETRY_TYPES.items() if name == kind), _NONE)
    result = message(1, id_field.encode()) + number(7, code)
    shapes: list[bytes] | None = None
    if page.shapes is not None:
        has_z, has_m = page.shapes.has_z, page.shapes.has_m
        result += message(8, _reference(head["spatialReference"]))
        result += number(9, exceeded) + number(10, has_z) + number(11, has_m)
        result += message(12, grid.to_bytes())
        shapes = _shapes(page.shapes.parts(), grid)
    else:
        result += number(9, exceeded)
    result += b"".join(message(13, _field(column.field)) for column in page.columns)
    rows = _rows(page, shapes)
    return _VERSION + message(2, message(1, result + b"".join(message(15, row) for row in rows)))


def _rows(page: FeatureSet, shapes: list[bytes] | None) -> list[bytes]:
    size = len(page)
    columns = [
        _attributes(_MEMBERS.get(column.field["type"], _TEXT), column.values(0, size))
        for column in page.columns
    ]
    if shapes is not None:
        columns.append(shapes)
    return [b"".join(row) for row in zip(*columns, strict=True)] if columns else [b""] * size


def _reference(document: Mapping[str, Any]) -> bytes:
    found = b""
    for field, name in REFERENCE.items():
        value = document.get(name)
        if isinstance(value, str):
            found += message(field, value.encode())
        elif value:
            found += number(field, int(value))
    return found


def _field(field: Mapping[str, Any]) -> bytes:
    kind = number(2, FIELD_TYPES.index(field["type"])) + message(3, str(field.get("alias") or "").encode())
    return message(1, field["name"].encode()) + kind + number(4, _SQL_OTHER)


def _attributes(member: int, values: list[Any]) -> list[bytes]:
    """Return an attribute for each value: a message that holds one value, or none for null."""
    if member == _TEXT:
        return [_NULL if value is None else _text(value.encode()) for value in values]
    if member == _DOUBLE:
        head = message(1, double(_DOUBLE, 1.0))[:3]
        pack: Callable[[float], bytes] = struct.Struct("<d").pack
        return [_NULL if value is None else head + pack(value) for value in values]
    numbers = np.array([0 if value is None else value for value in values], np.int64)
    written, sizes = varints(zigzagged(numbers) if member in {_SINT, _SINT64} else numbers.view(np.uint64))
    # A tag of one byte stands before each number, so that a number's length tells that of the message.
    heads = [b"\x0a" + bytes([1 + size]) + varint(member << 3) for size in range(11)]
    ends = np.cumsum(sizes).tolist()
    return [
        _NULL if value is None else heads[size] + written[end - size : end]
        for value, size, end in zip(values, sizes.tolist(), ends, strict=True)
    ]


def _text(content: bytes) -> bytes:
    size = len(content)
    return _TEXT_HEADS[size] + content if size < len(_TEXT_HEADS) else message(1, message(1, content))


def _shapes(parts: Parts, grid: PowerGrid) -> list[bytes]:
    """Return the geometry of each feature; nothing where there is none."""
    numbers = grid.numbers(parts.vertices, parts.axes)
    deltas = numbers.copy()
    if len(numbers):
        deltas[1:] -= numbers[:-1]
        firsts = (np.cumsum(parts.sizes) - parts.sizes)[parts.sizes > 0]
        deltas[firsts] = numbers[firsts]  # each part begins anew
    written, sizes = varints(zigzagged(deltas.ravel()))
    ends = np.concatenate([[0], np.cumsum(sizes)])
    vertex_ends = np.concatenate([[0], np.cumsum(parts.sizes)])
    part_ends = np.cumsum(parts.parts)
    last = ends[vertex_ends[part_ends] * len(parts.axes)].tolist()
    first = ends[vertex_ends[part_ends - parts.parts] * len(parts.axes)].tolist()
    lengths, length_sizes = varints(parts.sizes.astype(np.uint64))
    length_ends = np.concatenate([[0], np.cumsum(length_sizes)])
    length_last = length_ends[part_ends].tolist()
    length_first = length_ends[part_ends - parts.parts].tolist()
    found = []
    for row, there in enumerate(parts.present.tolist()):
        if not there:
            found.append(b"")
            continue
        told = lengths[length_first[row] : length_last[row]] if parts.has_lengths else b""
        shape = message(2, told) if told else b""
        coords = written[first[row] : last[row]]
        found.append(message(2, shape + (message(3, coords) if coords else b"")))
    return found
