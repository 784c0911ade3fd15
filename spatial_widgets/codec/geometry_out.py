"""Geometries: arrays of shapely geometries in, Esri's JSON objects out.

Coordinates are in the order x, y (longitude, latitude), then z.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely import GeometryType

from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["encode_geometries"]

Geometry = Any  # shapely publishes no types

_FAMILY = {
    GeometryType.POINT: "esriGeometryPoint",
    GeometryType.MULTIPOINT: "esriGeometryMultipoint",
    GeometryType.LINESTRING: "esriGeometryPolyline",
    GeometryType.LINEARRING: "esriGeometryPolyline",
    GeometryType.MULTILINESTRING: "esriGeometryPolyline",
    GeometryType.POLYGON: "esriGeometryPolygon",
    GeometryType.MULTIPOLYGON: "esriGeometryPolygon",
}


def encode_geometries(
    geometries: Iterable[Any], *, path: str = "features"
) -> tuple[str, bool, list[dict[str, Any] | None]]:
    """Return ``(geometryType, hasZ, objects)`` for shapely geometries; None stays None.

    A layer has one type on the wire: points beside multipoints become multipoints. Exterior rings
    are written clockwise and holes counter-clockwise, as Esri's pages ask.

    Raises
    ------
    CodecError : kinds that no single layer can hold, collections, or coordinates that are not finite.
    """
    array = np.array(list(geometries), dtype=object)
    families: dict[str, int] = {}
    for i, code in enumerate(shapely.get_type_id(array)):
        if code < 0:
            continue
        family = _FAMILY.get(GeometryType(int(code)))
        if family is None:
            raise CodecError(
                f"a {array[i].geom_type} has no Esri form; explode it or split the layer by geometry type",
                path=f"{path}[{i}].geometry",
            )
        families.setdefault(family, i)
    if set(families) == {"esriGeometryPoint", "esriGeometryMultipoint"}:
        families = {"esriGeometryMultipoint": 0}
    if len(families) > 1:
        first, second = list(families)[:2]
        raise CodecError(
            f"a layer holds one kind of geometry, this one has {first} and {second}; split it by geometry type",
            path=f"{path}[{families[second]}].geometry",
        )
    kind = next(iter(families), "esriGeometryPoint")
    has_z = bool(shapely.has_z(array).any())
    _refuse_infinite(array, path)
    encode = _ENCODERS[kind]
    return kind, has_z, [None if g is None else encode(g, has_z) for g in array]


def _refuse_infinite(array: np.ndarray[Any, Any], path: str) -> None:
    vertices, owner = shapely.get_coordinates(array, return_index=True)
    bad = ~np.isfinite(vertices).all(axis=1)
    if bad.any():
        raise CodecError("a coordinate is NaN or infinite", path=f"{path}[{owner[bad.argmax()]}].geometry")


def _rows(geometry: Geometry, has_z: bool) -> list[list[float | None]]:
    rows: list[list[float | None]] = shapely.get_coordinates(geometry, include_z=has_z).tolist()
    if has_z:
        for row in rows:
            if row[2] is not None and math.isnan(row[2]):
                row[2] = None
    return rows


def _encode_point(point: Geometry, has_z: bool) -> dict[str, Any]:
    if point.is_empty:
        return {"x": None, "y": None}
    return dict(zip("xyz", _rows(point, has_z)[0], strict=False))


def _encode_multipoint(geometry: Geometry, has_z: bool) -> dict[str, Any]:
    return {"points": _rows(geometry, has_z)}


def _encode_polyline(geometry: Geometry, has_z: bool) -> dict[str, Any]:
    return {"paths": [_rows(part, has_z) for part in shapely.get_parts(geometry) if not part.is_empty]}


def _encode_polygon(geometry: Geometry, has_z: bool) -> dict[str, Any]:
    rings = []
    for part in shapely.get_parts(geometry):
        for i, ring in enumerate(shapely.get_rings(part)):
            rows = _rows(ring, has_z)
            clockwise = not shapely.is_ccw(ring)
            rings.append(rows if clockwise == (i == 0) else rows[::-1])
    return {"rings": rings}


_ENCODERS: dict[str, Callable[[Geometry, bool], dict[str, Any]]] = {
    "esriGeometryPoint": _encode_point,
    "esriGeometryMultipoint": _encode_multipoint,
    "esriGeometryPolyline": _encode_polyline,
    "esriGeometryPolygon": _encode_polygon,
}
