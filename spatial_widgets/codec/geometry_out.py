"""Geometries: arrays of shapely geometries in, Esri's JSON objects out.

Coordinates are in the order x, y (longitude, latitude), then z, then m. Works on blocks of whole arrays:
a loop over a million geometries would take minutes.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/geometry-objects/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import shapely
from shapely import GeometryType

from spatial_widgets.codec.jsontext import Written
from spatial_widgets.codec.pbf_parts import Parts
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Shapes", "encode_geometries"]

Array = np.ndarray[Any, Any]

_FAMILY = {
    GeometryType.POINT: "esriGeometryPoint",
    GeometryType.MULTIPOINT: "esriGeometryMultipoint",
    GeometryType.LINESTRING: "esriGeometryPolyline",
    GeometryType.LINEARRING: "esriGeometryPolyline",
    GeometryType.MULTILINESTRING: "esriGeometryPolyline",
    GeometryType.POLYGON: "esriGeometryPolygon",
    GeometryType.MULTIPOLYGON: "esriGeometryPolygon",
}
_KNOWS_M = shapely.geos_version >= (3, 12, 0)
# What stands in memory as objects at one time: about a megabyte of text.
_BLOCK_ROWS = 2000
_BLOCK_VERTICES = 20_000


def encode_geometries(
    geometries: Iterable[Any], *, path: str = "features"
) -> tuple[str, bool, list[dict[str, Any] | None]]:
    """Return ``(geometryType, hasZ, objects)`` for shapely geometries; None stays None.

    A layer has one type on the wire: points beside multipoints become multipoints. Exterior rings
    are written clockwise and holes counter-clockwise, as Esri's pages ask. Objects with measures say ``hasM``.

    Raises
    ------
    CodecError : kinds that no single layer can hold, collections, or coordinates that are not finite.
    """
    shapes = Shapes(np.array([*geometries, None], dtype=object)[:-1], path=path)
    objects = [shape for start, stop in shapes.blocks() for shape in shapes.encode(start, stop)]
    if shapes.has_m:
        for shape in objects:
            if shape is not None:
                shape["hasM"] = True
    return shapes.kind, shapes.has_z, objects


@dataclass(frozen=True, slots=True)
class _Dimensions:
    z: bool
    m: bool

    def vertices(self, shapes: Array) -> Array:
        extra = {"include_m": True} if self.m else {}
        found: Array = shapely.get_coordinates(shapes, include_z=self.z, **extra)
        return found


class Shapes:
    """The geometries of one layer: what they have in common, and their objects block by block.

    Parameters
    ----------
    geometries : object array, shape ``(n,)``, of shapely geometries and None.

    Raises
    ------
    CodecError : kinds that no single layer can hold, or collections.
    """

    def __init__(self, geometries: Array, *, path: str = "features") -> None:
        self._array = geometries
        self._path = path
        kinds = self._families()
        #: ``esriGeometry…``, or "" where there is no geometry that could tell.
        self.found = next(iter(kinds), "")
        self.has_z = bool(shapely.has_z(geometries).any())
        self.has_m = bool(_KNOWS_M and shapely.has_m(geometries).any())

    def __len__(self) -> int:
        return len(self._array)

    @property
    def kind(self) -> str:
        """``esriGeometry…``; points where there is no geometry that could tell."""
        return self.found or "esriGeometryPoint"

    def _families(self) -> dict[str, int]:
        codes = shapely.get_type_id(self._array)
        families: dict[str, int] = {}
        for code in np.unique(codes[codes >= 0]).tolist():
            first = int(np.argmax(codes == code))
            family = _FAMILY.get(GeometryType(code))
            if family is None:
                raise CodecError(
                    f"a {self._array[first].geom_type} has no Esri form; "
                    "explode it or split the layer by geometry type",
                    path=f"{self._path}[{first}].geometry",
                )
            families[family] = min(first, families.get(family, first))
        if set(families) == {"esriGeometryPoint", "esriGeometryMultipoint"}:
            return {"esriGeometryMultipoint": 0}
        if len(families) > 1:
            first_kind, second = sorted(families, key=lambda family: families[family])[:2]
            raise CodecError(
                f"a layer holds one kind of geometry, this one has {first_kind} and {second}; split it by geometry type",
                path=f"{self._path}[{families[second]}].geometry",
            )
        return families

    def blocks(
        self, *, rows: int = _BLOCK_ROWS, vertices: int = _BLOCK_VERTICES
    ) -> Iterator[tuple[int, int]]:
        """Yield ``(start, stop)`` of blocks of rows that are small as objects."""
        ends = np.cumsum(shapely.get_num_coordinates(self._array))
        start = 0
        while start < len(self._array):
            before = int(ends[start - 1]) if start else 0
            fit = int(np.searchsorted(ends, before + vertices, side="right"))
            stop = max(start + 1, min(start + rows, fit))
            yield start, stop
            start = stop

    def encode(self, start: int, stop: int, *, as_text: bool = False) -> list[dict[str, Any] | None]:
        """Return the objects of some rows.

        ``as_text`` leaves the vertices of a very large geometry to be written in pieces; such a block is one row.

        Raises
        ------
        CodecError : a coordinate is NaN or infinite; a missing z or m is null.
        """
        block = self.checked(start, stop)
        encode = _ENCODERS[self.kind]
        objects: list[dict[str, Any] | None] = [*encode(block, _Dimensions(self.has_z, self.has_m), as_text)]
        if shapely.is_missing(block).any():
            return [None if shape is None else made for shape, made in zip(block, objects, strict=True)]
        return objects

    def checked(self, start: int, stop: int) -> Array:
        """Return some of the geometries.

        Raises
        ------
        CodecError : a coordinate is NaN or infinite.
        """
        block = self._array[start:stop]
        self._refuse_infinite(block, start)
        return block

    def parts(self) -> Parts:
        """Return the geometries taken apart.

        Raises
        ------
        CodecError : a coordinate is NaN or infinite, a z or m among them.
        """
        shapes = self.checked(0, len(self))
        found = Parts.of(shapes, self.kind, has_z=self.has_z, has_m=self.has_m)
        if not np.isfinite(found.vertices).all():
            raise CodecError("a vertex has no z or m", path=self._path)
        return found

    def _refuse_infinite(self, block: Array, start: int) -> None:
        vertices = _Dimensions(self.has_z, self.has_m).vertices(block)
        bad = ~np.isfinite(vertices[:, :2]).all(axis=1) | np.isinf(vertices).any(axis=1)
        if bad.any():
            owner = np.repeat(np.arange(len(block)), shapely.get_num_coordinates(block))
            row = start + int(owner[bad.argmax()])
            raise CodecError("a coordinate is NaN or infinite", path=f"{self._path}[{row}].geometry")


def _rows(vertices: Array) -> list[list[float | None]]:
    """Return vertices as lists; NaN, which stands for a missing z or m, as None."""
    if vertices.shape[1] > 2 and (missing := np.isnan(vertices)).any():
        vertices = vertices.astype(object)
        vertices[missing] = None
    rows: list[list[float | None]] = vertices.tolist()
    return rows


class _Vertices(Written):
    """The vertices of a very large part, written without an object for each."""

    def __init__(self, vertices: Array) -> None:
        self._vertices = vertices

    def document(self) -> list[list[float | None]]:
        return _rows(self._vertices)

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self._vertices), _BLOCK_VERTICES):
            rows = self._vertices[start : start + _BLOCK_VERTICES].tolist()
            yield (b"," if start else b"[") + msgspec.json.encode(rows)[1:-1]  # NaN is written as null
        yield b"]"


def _split(vertices: Array, counts: Array, flipped: Array | None, *, as_text: bool) -> list[Any]:
    """Return the vertices of each part, in order; those of ``flipped`` parts from end to start."""
    ends = np.cumsum(counts).tolist()
    starts = [0, *ends[:-1]]
    turned = [False] * len(ends) if flipped is None else flipped.tolist()
    if as_text and len(vertices) > 2 * _BLOCK_VERTICES:
        return [
            _Vertices(vertices[a:b][::-1] if turn else vertices[a:b])
            for a, b, turn in zip(starts, ends, turned, strict=True)
        ]
    rows = _rows(vertices)
    return [rows[a:b][::-1] if turn else rows[a:b] for a, b, turn in zip(starts, ends, turned, strict=True)]


def _points(block: Array, has: _Dimensions, as_text: bool) -> list[dict[str, Any]]:  # noqa: ARG001 -- one signature
    keys = "xy" + "z" * has.z + "m" * has.m
    rows = _rows(has.vertices(block))
    if keys == "xy":
        full = [{"x": x, "y": y} for x, y in rows]
    else:
        full = [dict(zip(keys, row, strict=True)) for row in rows]
    if len(full) == len(block):
        return full
    made = iter(full)
    return [
        next(made) if count else {"x": None, "y": None}
        for count in shapely.get_num_coordinates(block).tolist()
    ]


def _multipoints(block: Array, has: _Dimensions, as_text: bool) -> list[dict[str, Any]]:
    parts = _split(has.vertices(block), shapely.get_num_coordinates(block), None, as_text=as_text)
    return [{"points": points} for points in parts]


def _polylines(block: Array, has: _Dimensions, as_text: bool) -> list[dict[str, Any]]:
    lines, owner = shapely.get_parts(block, return_index=True)
    return _gather("paths", len(block), lines, owner, None, has, as_text)


def _polygons(block: Array, has: _Dimensions, as_text: bool) -> list[dict[str, Any]]:
    parts, owner = shapely.get_parts(block, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    exterior = np.append(True, part[1:] != part[:-1])[: len(rings)]
    # Exterior rings go clockwise, holes counter-clockwise.
    flipped = shapely.is_ccw(rings) == exterior
    return _gather("rings", len(block), rings, owner[part], flipped, has, as_text)


def _gather(
    key: str,
    size: int,
    lines: Array,
    owner: Array,
    flipped: Array | None,
    has: _Dimensions,
    as_text: bool,
) -> list[dict[str, Any]]:
    counts = shapely.get_num_coordinates(lines)
    objects: list[dict[str, Any]] = [{key: []} for _ in range(size)]
    parts = _split(has.vertices(lines), counts, flipped, as_text=as_text)
    for number, count, vertices in zip(owner.tolist(), counts.tolist(), parts, strict=True):
        if count:
            objects[number][key].append(vertices)
    return objects


_ENCODERS: dict[str, Callable[[Array, _Dimensions, bool], list[dict[str, Any]]]] = {
    "esriGeometryPoint": _points,
    "esriGeometryMultipoint": _multipoints,
    "esriGeometryPolyline": _polylines,
    "esriGeometryPolygon": _polygons,
}
