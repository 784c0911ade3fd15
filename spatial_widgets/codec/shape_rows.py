"""Multipoints, lines and polygons: a block of features by a parser that hands out numbers as buffers.

No Python object is made for a vertex. What is not regular (nulls or text among the numbers, curves, open or
tiny rings, parts without vertices) is read feature by feature the exact way.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spatial_widgets.codec.rows import PlainRows, RowReader, exact_geometries
from spatial_widgets.codec.shapes import (
    KEEPS_M,
    build_lines,
    build_multipoints,
    build_polygons,
    warn_of_lost_measures,
)
from spatial_widgets.codec.spatialref import is_same_reference
from spatial_widgets.errors import CodecError

try:
    import simdjson as _simdjson
except ImportError:  # no wheel for this Python: shapes are read the exact way, which is slower
    simdjson: Any = None
else:
    simdjson = _simdjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.codec.columns import Column
    from spatial_widgets.codec.rows import GeometryKind

__all__ = ["ShapeRows", "build_regular"]

_KEYS = {
    "esriGeometryMultipoint": "points",
    "esriGeometryPolyline": "paths",
    "esriGeometryPolygon": "rings",
}
#: The vertices that a part must have.
_LEAST: dict[str | None, int] = {
    "esriGeometryMultipoint": 1,
    "esriGeometryPolyline": 2,
    "esriGeometryPolygon": 4,
}
_LOOKED_AT = 8
_BUILT_TOGETHER = 3 << 20  # bytes of vertices
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[],"))


class _Shapes(NamedTuple):
    """Regular shapes that are not built yet, with their attributes."""

    rows: list[dict[str, Any]]
    coords: Any
    sizes: Any
    parts: Any


class ShapeRows(RowReader):
    """Reads features of one shape; see :meth:`can_read`.

    Text is parsed in small blocks, for which the caches suffice. Regular shapes of several blocks are built
    together, since each of numpy's many steps costs as much for a small array as for one of some kB.
    """

    def __init__(self, kind: GeometryKind) -> None:
        self._kind = kind
        self._key = _KEYS[kind.name or ""]
        self._exact = PlainRows(kind)
        self._parser = simdjson.Parser()
        self._short = [b"[" + b"," * k + b"]" for k in range(kind.width - 1)]
        self._blocks = 0
        self._held: list[_Shapes] = []
        self._held_from = 0
        self._built: list[Any] = []

    @staticmethod
    def can_read(kind: GeometryKind) -> bool:
        """Whether this is the reader for a kind of geometry, here."""
        return simdjson is not None and kind.name in _KEYS

    def read(self, text: bytes, columns: Sequence[Column], *, first: int, path: str) -> tuple[int, Any]:
        """Read a block; as :meth:`.RowReader.read`."""
        read = None if self._is_suspect(text) else self._parsed(text, first, path)
        if isinstance(read, _Shapes):
            self._held_from = self._held_from if self._held else first
            self._held.append(read)
            enough = sum(shapes.coords.nbytes for shapes in self._held) >= _BUILT_TOGETHER
            return len(read.rows), self.finish(columns, path=path) if enough else None
        self._build_held(columns, path)
        if read is None:
            count, geometries = self._exact.read(text, columns, first=first, path=path)
        else:
            count, geometries = len(read[0]), read[1]
            _fill(columns, read[0], first, path)
        self._built.append(geometries)
        return count, self._handed_over()

    def finish(self, columns: Sequence[Column], *, path: str) -> Any:
        """Build what was kept back; as :meth:`.RowReader.finish`."""
        self._build_held(columns, path)
        return self._handed_over()

    def _handed_over(self) -> Any:
        built, self._built = self._built, []
        return np.concatenate(built) if len(built) > 1 else built[0] if built else None

    def _build_held(self, columns: Sequence[Column], path: str) -> None:
        held, self._held = self._held, []
        if not held:
            return
        _fill(columns, [row for shapes in held for row in shapes.rows], self._held_from, path)
        _, coords, sizes, parts = zip(*held, strict=True)
        self._built.append(
            _build(self._kind, np.concatenate(coords), np.concatenate(sizes), np.concatenate(parts))
        )

    def _is_suspect(self, text: bytes) -> bool:
        """Whether a vertex may be too short, and another's further numbers make up for it in the count.

        No server is known to write so, and looking costs as much as all of the parsing's bookkeeping: the
        first megabytes are looked at, and a sample of the rest.
        """
        self._blocks += 1
        if self._blocks > _LOOKED_AT and self._blocks % _LOOKED_AT:
            return False
        brackets = text.translate(None, _NOT_BRACKETS)
        return any(short in brackets for short in self._short)

    def _parsed(
        self, text: bytes, first: int, path: str
    ) -> _Shapes | tuple[list[dict[str, Any]], Any] | None:
        """Return a block's shapes, where all are regular; else rows and geometries; None if it wants the exact way."""
        try:
            document = self._parser.parse(text)
            shapes = self._regular(document)
            if shapes is None:
                return self._careful(document, first, path)
            _, coords, sizes, parts = shapes
            if _all_regular(self._kind, coords, sizes):
                return shapes
            geometries, odd = build_regular(self._kind, coords, sizes, parts)
            self._add_odd(geometries, document, odd, first, path)
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, IndexError) as error:
            if isinstance(error, CodecError):
                raise
            return None
        else:
            return shapes.rows, geometries
        finally:
            document = None

    def _regular(self, document: Any) -> _Shapes | None:
        """Return the shapes of a block where all are whole, with nothing beside them; else None."""
        try:
            features = list(document)
            shapes = [feature["geometry"] for feature in features]
            if set(map(len, shapes)) != {1}:
                return None
            arrays = [shape[self._key] for shape in shapes]
            rows = [feature["attributes"].as_dict() for feature in features]
            if self._key == "points":
                parts = [1] * len(arrays)
                sizes = list(map(len, arrays))
            else:
                parts = list(map(len, arrays))
                sizes = [size for array in arrays for size in map(len, array)]
            if 0 in parts or 0 in sizes:
                return None
            coords = np.frombuffer(b"".join([a.as_buffer(of_type="d") for a in arrays]), dtype=np.float64)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        if len(coords) != self._kind.width * sum(sizes):
            return None
        return _Shapes(rows, coords.reshape(-1, self._kind.width), np.array(sizes), np.array(parts))

    def _careful(self, document: Any, first: int, path: str) -> tuple[list[dict[str, Any]], Any]:
        """Read a block feature by feature: some have no shape, or one that wants the exact way."""
        key, width = self._key, self._kind.width
        known = 1 if self._kind.reference is None else 2  # members of a geometry that may be passed over
        rows: list[dict[str, Any]] = []
        buffers: list[Any] = []
        sizes: list[int] = []
        parts: list[int] = []
        there: list[int] = []
        odd: list[int] = []
        for i, feature in enumerate(document):
            attributes = feature.get("attributes")
            rows.append({} if attributes is None else attributes.as_dict())
            shape = feature.get("geometry")
            if shape is None:
                continue
            if len(shape) != 1 and (len(shape) != known or not self._is_in_layers_system(shape)):
                odd.append(i)
                continue
            try:
                array = shape[key]
                lengths = [len(array)] if key == "points" else list(map(len, array))
                buffer = memoryview(array.as_buffer(of_type="d") if lengths and all(lengths) else b"")
            except (ValueError, TypeError, KeyError, AttributeError):
                odd.append(i)
                continue
            if not buffer.nbytes or buffer.nbytes != 8 * width * sum(lengths):
                odd.append(i)
                continue
            there.append(i)
            buffers.append(buffer)
            sizes += lengths
            parts.append(len(lengths))
        geometries = np.empty(len(rows), dtype=object)
        if there:
            coords = np.frombuffer(b"".join(buffers), dtype=np.float64).reshape(-1, width)
            geometries[there], of_there = build_regular(self._kind, coords, np.array(sizes), np.array(parts))
            odd += [there[i] for i in of_there]
        self._add_odd(geometries, document, odd, first, path)
        return rows, geometries

    def _is_in_layers_system(self, shape: Any) -> bool:
        own = shape.get("spatialReference")
        return own is not None and is_same_reference(_plain(own), self._kind.reference)

    def _add_odd(self, geometries: Any, document: Any, odd: list[int], first: int, path: str) -> None:
        for i in odd:
            shape = document[i]["geometry"].as_dict()
            geometries[i] = exact_geometries([shape], self._kind, first + i, path)[0]


def build_regular(kind: GeometryKind, coords: Any, sizes: Any, parts: Any) -> tuple[Any, list[int]]:
    """Return the geometries, and the numbers of those that want the exact way and are still None.

    Vertices, sizes and parts are as :mod:`.shapes` has them; no part is without vertices.
    """
    if _all_regular(kind, coords, sizes):
        return _build(kind, coords, sizes, parts), []
    regular = sizes >= _LEAST[kind.name]
    if kind.name == "esriGeometryPolygon":
        regular &= np.equal(*_ends_of_rings(coords, sizes)).all(axis=1)
    feature = np.repeat(np.arange(len(parts)), parts)
    good = np.ones(len(parts), dtype=bool)
    good[feature[~regular]] = False
    of_good = good[feature]
    built = np.empty(len(parts), dtype=object)
    built[good] = _build(kind, coords[np.repeat(of_good, sizes)], sizes[of_good], parts[good])
    return built, np.flatnonzero(~good).tolist()


def _all_regular(kind: GeometryKind, coords: Any, sizes: Any) -> bool:
    """Whether all parts are long enough, and closed if they are rings."""
    if sizes.min() < _LEAST[kind.name]:
        return False
    return kind.name != "esriGeometryPolygon" or np.array_equal(*_ends_of_rings(coords, sizes))


def _ends_of_rings(coords: Any, sizes: Any) -> tuple[Any, Any]:
    """Return the first and the last vertex of each ring."""
    ends = np.cumsum(sizes)
    return coords[ends - sizes], coords[ends - 1]


def _build(kind: GeometryKind, coords: Any, sizes: Any, parts: Any) -> Any:
    z, m = kind.z, kind.m
    if m and not KEEPS_M:
        warn_of_lost_measures()
        coords, m = coords[:, : 2 + z], False
    if kind.name == "esriGeometryMultipoint":
        return build_multipoints(coords, sizes, z=z, m=m)
    build = build_lines if kind.name == "esriGeometryPolyline" else build_polygons
    return build(coords, sizes, parts, z=z, m=m)


def _plain(value: Any) -> Any:
    return value.as_dict() if hasattr(value, "as_dict") else value


def _fill(columns: Sequence[Column], rows: list[dict[str, Any]], first: int, path: str) -> None:
    for column, values in zip(columns, _columns_of(rows, [c.name for c in columns]), strict=True):
        column.take(values, first=first, path=path)


def _columns_of(rows: list[dict[str, Any]], names: list[str]) -> list[list[Any]]:
    """Return the values of each name; None where a row lacks it."""
    if len(names) > 1 and rows:
        try:
            return [list(values) for values in zip(*map(itemgetter(*names), rows), strict=True)]
        except KeyError:
            pass
    return [[row.get(name) for row in rows] for name in names]
