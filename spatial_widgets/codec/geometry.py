"""Geometries: Esri's JSON objects in, arrays of shapely geometries out.

Coordinates are in the order x, y (longitude, latitude), then z. Measures (m) are not kept.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["decode_geometries"]

Geometry = Any  # shapely publishes no types
_MIN_RING = 4

_TYPE_OF_KEY = {
    "x": "esriGeometryPoint",
    "points": "esriGeometryMultipoint",
    "paths": "esriGeometryPolyline",
    "rings": "esriGeometryPolygon",
    "xmin": "esriGeometryEnvelope",
}
_CURVES = {"curvePaths": "paths", "curveRings": "rings"}


def decode_geometries(
    documents: Sequence[Any],
    *,
    geometry_type: str | None = None,
    has_z: bool = False,
    has_m: bool = False,
    path: str = "features",
) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return an object array, shape ``(n,)``, of shapely geometries; a null geometry gives None.

    Rings may come in any order and orientation: what is filled follows the even-odd rule, so that
    holes, parts, and islands inside holes come out right. Unclosed rings are closed.

    Parameters
    ----------
    documents : Esri geometry objects or None.
    geometry_type : ``esriGeometry…``; used for objects that do not show their own type.
    has_z, has_m : what a third number of a vertex means, unless an object says it itself.

    Raises
    ------
    CodecError : with the place, for curves without straight twins and for what is no geometry.
    """
    decoded = np.empty(len(documents), dtype=object)
    dropped_m = False
    for i, document in enumerate(documents):
        if document is None:
            continue
        where = f"{path}[{i}].geometry"
        if not isinstance(document, dict):
            raise CodecError(f"{type(document).__name__} is no geometry", path=where)
        z = bool(document.get("hasZ", has_z))
        m = bool(document.get("hasM", has_m))
        dropped_m = dropped_m or m
        try:
            decoded[i] = _decode_one(document, geometry_type, z=z, path=where)
        except CodecError:
            raise
        except (TypeError, ValueError, IndexError, KeyError, shapely.errors.ShapelyError) as error:
            raise CodecError(f"not a geometry: {error}", path=where) from error
    if dropped_m:
        warnings.warn("The measures (m) of this result are not kept.", UserWarning, stacklevel=3)
    return decoded


def _decode_one(document: dict[str, Any], geometry_type: str | None, *, z: bool, path: str) -> Geometry:
    for curves, plain in _CURVES.items():
        if document.get(curves) and not document.get(plain):
            raise CodecError(
                f"true curves ({curves}) are not supported; ask the service for straight lines (returnTrueCurves=false)",
                path=path,
            )
    kind = next((t for key, t in _TYPE_OF_KEY.items() if key in document), geometry_type)
    if not document or kind is None:
        return None
    return _DECODERS[kind](document, z, path)


def _decode_point(document: dict[str, Any], z: bool, path: str) -> Geometry:  # noqa: ARG001 -- one signature for all
    x, y = (_number(document.get(key)) for key in "xy")
    if math.isnan(x) or math.isnan(y):
        return shapely.Point()
    height = document.get("z")
    return shapely.Point(x, y) if height is None else shapely.Point(x, y, _number(height))


def _decode_multipoint(document: dict[str, Any], z: bool, path: str) -> Geometry:
    points = document.get("points") or []
    return (
        shapely.multipoints(shapely.points(_vertices(points, z, f"{path}.points")))
        if points
        else shapely.MultiPoint()
    )


def _decode_polyline(document: dict[str, Any], z: bool, path: str) -> Geometry:
    lines = [
        shapely.linestrings(_at_least(_vertices(part, z, f"{path}.paths[{i}]"), 2))
        for i, part in enumerate(document.get("paths") or [])
        if part
    ]
    if not lines:
        return shapely.LineString()
    return lines[0] if len(lines) == 1 else shapely.multilinestrings(lines)


def _decode_polygon(document: dict[str, Any], z: bool, path: str) -> Geometry:
    rings = []
    for i, part in enumerate(document.get("rings") or []):
        if part:
            vertices = _vertices(part, z, f"{path}.rings[{i}]")
            if not np.array_equal(vertices[0], vertices[-1], equal_nan=True):
                vertices = np.vstack([vertices, vertices[:1]])
            rings.append(shapely.linearrings(_at_least(vertices, _MIN_RING)))
    if not rings:
        return shapely.Polygon()
    polygons = _fill_even_odd(rings)
    return polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)


def _decode_envelope(document: dict[str, Any], z: bool, path: str) -> Geometry:  # noqa: ARG001 -- one signature for all
    corners = [_number(document.get(key)) for key in ("xmin", "ymin", "xmax", "ymax")]
    return shapely.Polygon() if any(math.isnan(c) for c in corners) else shapely.box(*corners)


_DECODERS: dict[str, Callable[[dict[str, Any], bool, str], Geometry]] = {
    "esriGeometryPoint": _decode_point,
    "esriGeometryMultipoint": _decode_multipoint,
    "esriGeometryPolyline": _decode_polyline,
    "esriGeometryPolygon": _decode_polygon,
    "esriGeometryEnvelope": _decode_envelope,
}


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)  # "NaN" as text occurs


def _vertices(part: Sequence[Any], z: bool, path: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    width = 3 if z and all(len(v) > 2 for v in part) else 2
    try:
        vertices = np.array([v[:width] for v in part], dtype=float)
    except (TypeError, ValueError) as error:
        raise CodecError("a vertex is not a list of numbers", path=path) from error
    if vertices.ndim != 2 or vertices.shape[1] < 2 or not np.isfinite(vertices[:, :2]).all():
        raise CodecError("a vertex has no finite x and y", path=path)
    return vertices


def _at_least(vertices: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    # Degenerate parts occur in real layers; they are kept as they are, only long enough for GEOS.
    missing = count - len(vertices)
    return np.vstack([vertices, np.repeat(vertices[:1], missing, axis=0)]) if missing > 0 else vertices


def _fill_even_odd(rings: list[Geometry]) -> list[Geometry]:
    """Return the polygons that rings enclose: a ring inside an odd number of others is a hole."""
    if len(rings) == 1:
        return [shapely.polygons(rings[0])]
    discs = shapely.polygons(np.array(rings, dtype=object))
    order = np.argsort(-shapely.area(discs), kind="stable")
    parent: dict[int, int] = {}
    depth: dict[int, int] = {}
    placed: list[int] = []
    shapely.prepare(discs)
    bounds = shapely.bounds(discs)
    for i in order:
        around = [j for j in placed if _boxed(bounds[i], bounds[j]) and shapely.covers(discs[j], discs[i])]
        depth[i] = len(around)
        if around:
            parent[i] = around[-1]  # the smallest so far: rings are placed from large to small
        placed.append(i)
    shells = [i for i in range(len(rings)) if depth[i] % 2 == 0]
    holes: dict[int, list[Geometry]] = {i: [] for i in shells}
    for i in range(len(rings)):
        if depth[i] % 2:
            owner = next(
                j
                for j in reversed(placed[: placed.index(i)])
                if depth[j] == depth[i] - 1 and shapely.covers(discs[j], discs[i])
            )
            holes[owner].append(rings[i])
    return [shapely.polygons(rings[i], holes[i] or None) for i in shells]


def _boxed(inner: np.ndarray[Any, Any], outer: np.ndarray[Any, Any]) -> bool:
    return bool((inner[:2] >= outer[:2]).all() and (inner[2:] <= outer[2:]).all())
