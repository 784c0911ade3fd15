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

__all__ = ["decode_geometries"]

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


def _decode_point(document: dict[str, Any], _z: bool, m: bool, _path: str) -> Geometry:
    x, y = (_number(document.get(key)) for key in "xy")
    if math.isnan(x) or math.isnan(y):
        return shapely.Point()
    ordinates = [x, y]
    z = document.get("z") is not None
    if z:
        ordinates.append(_number(document["z"]))
    if m:
        ordinates.append(_number(document["m"]))
    return build_points(np.array([ordinates]), z=z, m=m)[0]


def _decode_multipoint(document: dict[str, Any], z: bool, m: bool, path: str) -> Geometry:
    points = document.get("points") or []
    if not points:
        return shapely.MultiPoint()
    coords, z, m = _vertices(points, z, m, f"{path}.points")
    return build_multipoints(coords, np.array([len(coords)]), z=z, m=m)[0]


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
    """Return the parts that have vertices, and whether they have z and m: a part without it drops it for all."""
    found = [_vertices(part, z, m, f"{path}[{i}]") for i, part in enumerate(documents or []) if part]
    has_z = z and all(with_z for _, with_z, _ in found)
    has_m = m and all(with_m for _, _, with_m in found)
    parts = []
    for coords, with_z, with_m in found:
        keep = [0, 1, *([2] if has_z else []), *([2 + with_z] if has_m and with_m else [])]
        parts.append(coords[:, keep])
    return parts, has_z, has_m


def _vertices(part: Sequence[Any], z: bool, m: bool, path: str) -> tuple[Floats, bool, bool]:
    """Return vertices, and whether they have z and m: z where all have it, m where any has."""
    at_m = 2 + z
    try:
        z = z and all(len(v) > 2 for v in part)
        m = m and any(len(v) > at_m for v in part)
        rows = [[*v[: 2 + z], *([v[at_m] if len(v) > at_m else None] if m else [])] for v in part]
        if any(type(n) not in _NUMBERS for row in rows for n in row):
            rows = [[_number(n) for n in row] for row in rows]
        vertices = np.array(rows, dtype=float)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise CodecError("a vertex is not a list of numbers", path=path) from error
    if vertices.ndim != 2 or vertices.shape[1] < 2 or not np.isfinite(vertices[:, :2]).all():
        raise CodecError("a vertex has no finite x and y", path=path)
    return vertices, z, m


def _lengths(parts: list[Floats]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([len(part) for part in parts])


def _at_least(vertices: Floats, count: int) -> Floats:
    # Degenerate parts occur in real layers; they are kept as they are, only long enough for GEOS.
    missing = count - len(vertices)
    return np.vstack([vertices, np.repeat(vertices[:1], missing, axis=0)]) if missing > 0 else vertices
