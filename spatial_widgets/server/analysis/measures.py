"""Areas and lengths on the WGS 84 ellipsoid, whole arrays at once.

A side is the straight line between two vertices as the layer has it: in degrees, or in its own plane. So the
pieces of a cut shape add up to the whole, which they would not along geodesics. The formula of the area between the
equator and a parallel: J. P. Snyder, Map Projections: A Working Manual, 1987, page 17,
https://pubs.usgs.gov/publication/pp1395
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["areas_m2", "lengths_m"]

Array = np.ndarray[Any, Any]

_GEOD = pyproj.Geod(ellps="WGS84")
_A, _B, _E2 = _GEOD.a, _GEOD.b, _GEOD.es
_E = float(np.sqrt(_E2))
_SHORT_RAD = np.deg2rad(0.5)  # up to this difference of latitude two nodes are exact to 1e-11
_STRIDE_M = 10_000.0  # sides that are straight in a plane bend in degrees; so they are cut first


def areas_m2(shapes: Array, crs: pyproj.CRS) -> Array:
    """Return the areas in square metres, shape ``(n,)``; 0 for points, lines, empty and missing shapes.

    A coordinate system that is not on the Earth has areas of its own plane.
    """
    if not _is_on_earth(crs):
        planar: Array = np.nan_to_num(shapely.area(shapes)) * _unit_m(crs) ** 2
        return planar
    polygons, owner = _parts(_with_short_sides(shapes, crs), dimension=2)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    lon, lat, ring = _vertices(rings, crs)
    begins, ends, east, number = _sides(lon, lat, ring, wrap=not crs.is_geographic)
    under = np.zeros(len(begins))
    for share, weight, rows in _nodes(begins, ends):
        latitude = begins[rows] + share * (ends[rows] - begins[rows])
        under[rows] += weight * _zone(latitude)
    enclosed = np.bincount(number, under * east, minlength=len(rings))
    turn = np.bincount(number, east, minlength=len(rings))
    area = np.abs(enclosed)
    around = np.abs(turn) > np.pi  # a ring around a pole encloses what is beyond it
    area[around] = 2 * np.pi * _zone(np.array([np.pi / 2])) - area[around]
    is_shell = np.r_[True, polygon[1:] != polygon[:-1]][: len(polygon)]
    signed = np.where(is_shell, area, -area)
    return np.bincount(owner[polygon], signed, minlength=len(shapes))


def lengths_m(shapes: Array, crs: pyproj.CRS) -> Array:
    """Return the lengths of lines in metres, shape ``(n,)``; 0 for anything else."""
    lines, owner = _parts(shapes, dimension=1)
    if not _is_on_earth(crs):
        return np.bincount(owner, shapely.length(lines) * _unit_m(crs), minlength=len(shapes))
    lon, lat, line = _vertices(_with_short_sides(lines, crs), crs)
    begins, ends, east, number = _sides(lon, lat, line, wrap=not crs.is_geographic)
    total = np.zeros(len(begins))
    for share, weight, rows in _nodes(begins, ends):
        latitude = begins[rows] + share * (ends[rows] - begins[rows])
        curved = 1 - _E2 * np.sin(latitude) ** 2
        north = _A * (1 - _E2) / curved**1.5 * (ends[rows] - begins[rows])
        total[rows] += weight * np.hypot(north, _A / np.sqrt(curved) * np.cos(latitude) * east[rows])
    return np.bincount(owner, np.bincount(number, total, minlength=len(lines)), minlength=len(shapes))


def _is_on_earth(crs: pyproj.CRS) -> bool:
    return bool(crs.is_geographic or crs.is_projected)


def _unit_m(crs: pyproj.CRS) -> float:
    return float(crs.axis_info[0].unit_conversion_factor)


def _parts(shapes: Array, *, dimension: int) -> tuple[Array, Array]:
    """Return the simple parts of one dimension, collections taken apart, and the shapes that they are of."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    kept = (shapely.get_dimensions(parts) == dimension) & ~shapely.is_empty(parts)
    return parts[kept], owner[kept]


def _with_short_sides(shapes: Array, crs: pyproj.CRS) -> Array:
    if crs.is_geographic or len(shapes) == 0:
        return shapes
    cut: Array = shapely.segmentize(shapes, _STRIDE_M / _unit_m(crs))
    return cut


def _vertices(lines: Array, crs: pyproj.CRS) -> tuple[Array, Array, Array]:
    """Return longitudes and latitudes in radians, and the number of the line that each vertex is of."""
    xy, number = shapely.get_coordinates(lines, return_index=True)
    lon, lat = xy.T
    if crs.to_epsg() != 4326:
        lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(lon, lat)
    return np.deg2rad(lon), np.deg2rad(lat), number


def _sides(lon: Array, lat: Array, line: Array, *, wrap: bool) -> tuple[Array, Array, Array, Array]:
    """Return for each side its latitudes, its step to the east, and its line's number."""
    inside = line[1:] == line[:-1]
    east = np.diff(lon)[inside]
    if wrap:
        east = (east + np.pi) % (2 * np.pi) - np.pi
    return lat[:-1][inside], lat[1:][inside], east, line[1:][inside]


def _nodes(begins: Array, ends: Array) -> Iterator[tuple[float, float, Array]]:
    """Yield where on a side to look and with which weight (Gauss-Legendre), and for which sides."""
    short = np.abs(ends - begins) <= _SHORT_RAD
    for rows, order in ((np.flatnonzero(short), 2), (np.flatnonzero(~short), 12)):
        if len(rows):
            for node, weight in zip(*np.polynomial.legendre.leggauss(order), strict=True):
                yield (1 + float(node)) / 2, float(weight) / 2, rows


def _zone(latitude: Array) -> Array:
    """Return the area between the equator and a latitude, for one radian of longitude."""
    sine = np.sin(latitude)
    area: Array = _B**2 / 2 * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)
    return area
