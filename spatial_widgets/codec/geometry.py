"""Geometries: Esri's JSON objects in, arrays of shapely geometries out.

Coordinates are in the order x, y (longitude, latitude), then z, then m.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from spatial_widgets.codec.shapes import (
    KEEPS_M,
    build_lines,
    build_multipoints,
    build_points,
    build_polygons,
    warn_of_lost_measures,
)
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["decode_geometries", "longest_vertex"]

Geometry = Any  # shapely publishes no types
Floats = np.ndarray[Any, np.dtype[np.float64]]
_MIN_RING = 4
_NUMBERS = {int, float, type(None)}

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
    first: int = 0,
) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return an object array, shape ``(n,)``, of shapely geometries; a null geometry gives None.

    Rings may come in any order and orientation: what is filled follows the even-odd rule, so that
    holes, parts, and islands inside holes come out right. Unclosed rings are closed. Measures (m) are
    kept where GEOS can hold them (3.12), else dropped with a warning.

    Parameters
    ----------
    documents : Esri geometry objects or None.
    geometry_type : ``esriGeometry…``; used for objects that do not show their own type.
    has_z, has_m : what further numbers of a vertex mean, unless an object says it itself.
    path, first : where the documents stand and the number of the first, for errors.

    Raises
    ------
    CodecError : with the place, for curves without straight twins and for what is no geometry.
    """
    decoded = np.empty(len(documents), dtype=object)
    lost_m = False
    for i, document in enumerate(documents, first):
        if document is None:
            continue
        where = f"{path}[{i}].geometry"
        if not isinstance(document, dict):
            raise CodecError(f"{type(document).__name__} is no geometry", path=where)
        kind = _kind_of(document, geometry_type, where)
        if kind is None:
            continue
        z, m = bool(document.get("hasZ", has_z)), bool(document.get("hasM", has_m))
        if kind == "esriGeometryPoint":
            m = "m" in document
        lost_m = lost_m or (m and not KEEPS_M)
        try:
            decoded[i - first] = _DECODERS[kind](document, z, m and KEEPS_M, where)
        except CodecError:
            raise
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError) as error:
            raise CodecError(f"not a geometry: {error}", path=where) from error
        except shapely.errors.ShapelyError as error:
            raise CodecError(f"not a geometry: {error}", path=where) from error
    if lost_m:
        warn_of_lost_measures()
    return decoded


def longest_vertex(document: dict[str, Any]) -> int:
    """Return how many numbers the longest vertex of an Esri geometry has; 0 for what has no list of vertices."""
    parts = document.get("rings") or document.get("paths") or [document.get("points")]
    if not isinstance(parts, list):
        return 0
    return max(
        (len(v) for part in parts if isinstance(part, list) for v in part if isinstance(v, list)), default=0
    )


def _kind_of(document: dict[str, Any], geometry_type: str | None, path: str) -> str | None:
    for curves, plain in _CURVES.items():
        if document.get(curves) and not document.get(plain):
            raise CodecError(
                f"true curves ({curves}) are not supported; ask the service for straight lines (returnTrueCurves=false)",
                path=path,
            )
    kind = next((t for key, t in _TYPE_OF_KEY.items() if key in document), geometry_type)
    if not document or kind is None:
        return None
    if kind not in _DECODERS:
        raise CodecError(f"{kind} is not supported; ask the service for points, lines or polygons", path=path)
    return kind


def _decode_point(document: dict[str, Any], _z: bool, m: bool, path: str) -> Geometry:
    x, y = (_number(document.get(key)) for key in "xy")
    if math.isnan(x) or math.isnan(y):
        return shapely.Point()
    ordinates = [x, y]
    z = document.get("z") is not None
    if z:
        ordinates.append(_number(document["z"]))
    if m:
        ordinates.append(_number(document["m"]))
    if math.isinf(x) or math.isinf(y):
        raise CodecError("a point has no finite x and y", path=path)
    return build_points(np.array([ordinates]), z=z, m=m)[0]


def _decode_multipoint(document: dict[str, Any], z: bool, m: bool, path: str) -> Geometry:
    parts, z, m = _parts([document.get("points")], z, m, f"{path}.points")
    if not parts:
        return shapely.MultiPoint()
    return build_multipoints(parts[0], _lengths(parts), z=z, m=m)[0]


def _decode_polyline(document: dict[str, Any], z: bool, m: bool, path: str) -> Geometry:
    parts, z, m = _parts(document.get("paths"), z, m, f"{path}.paths")
    if not parts:
        return shapely.LineString()
    paths = [_at_least(part, 2) for part in parts]
    return build_lines(np.vstack(paths), _lengths(paths), np.array([len(paths)]), z=z, m=m)[0]


def _decode_polygon(document: dict[str, Any], z: bool, m: bool, path: str) -> Geometry:
    parts, z, m = _parts(document.get("rings"), z, m, f"{path}.rings")
    if not parts:
        return shapely.Polygon()
    rings = []
    for part in parts:
        is_closed = np.array_equal(part[0], part[-1], equal_nan=True)
        rings.append(_at_least(part if is_closed else np.vstack([part, part[:1]]), _MIN_RING))
    return build_polygons(np.vstack(rings), _lengths(rings), np.array([len(rings)]), z=z, m=m)[0]


def _decode_envelope(document: dict[str, Any], _z: bool, _m: bool, _path: str) -> Geometry:
    corners = [_number(document.get(key)) for key in ("xmin", "ymin", "xmax", "ymax")]
    return shapely.Polygon() if any(math.isnan(c) for c in corners) else shapely.box(*corners)


_DECODERS: dict[str, Callable[[dict[str, Any], bool, bool, str], Geometry]] = {
    "esriGeometryPoint": _decode_point,
    "esriGeometryMultipoint": _decode_multipoint,
    "esriGeometryPolyline": _decode_polyline,
    "esriGeometryPolygon": _decode_polygon,
    "esriGeometryEnvelope": _decode_envelope,
}


def _number(value: Any) -> float:
    if value is None or value == "NaN":  # as text it occurs as well
        return math.nan
    if type(value) not in _NUMBERS:
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _parts(documents: Any, z: bool, m: bool, path: str) -> tuple[list[Floats], bool, bool]:
    """Return the parts that have vertices, and whether any of them has z and m; where one is missing stands NaN."""
    named = [(part, f"{path}[{i}]") for i, part in enumerate(documents or []) if part]
    lengths = {_length(v, where) for part, where in named for v in part}
    longest = max(lengths, default=2)
    has_z, has_m = z and longest > 2, m and longest > 2 + z
    columns = [0, 1, *([2] if has_z else []), *([2 + z] if has_m else [])]
    return [_vertices(part, columns, where) for part, where in named], has_z, has_m


def _length(vertex: Any, path: str) -> int:
    if not isinstance(vertex, list):
        raise CodecError("a vertex is not a list of numbers", path=path)
    return len(vertex)


def _vertices(part: Sequence[Any], columns: list[int], path: str) -> Floats:
    rows = [[v[k] if k < len(v) else None for k in columns] for v in part]
    try:
        if any(type(n) not in _NUMBERS for row in rows for n in row):
            rows = [[_number(n) for n in row] for row in rows]
        vertices = np.array(rows, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise CodecError("a vertex is not a list of numbers", path=path) from error
    if not np.isfinite(vertices[:, :2]).all():
        raise CodecError("a vertex has no finite x and y", path=path)
    return vertices


def _lengths(parts: list[Floats]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([len(part) for part in parts])


def _at_least(vertices: Floats, count: int) -> Floats:
    # Degenerate parts occur in real layers; they are kept as they are, only long enough for GEOS.
    missing = count - len(vertices)
    return np.vstack([vertices, np.repeat(vertices[:1], missing, axis=0)]) if missing > 0 else vertices
