"""Polygons in longitude and latitude that cross 180 degrees or lie around a pole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    import pyproj

__all__ = ["EARTH_RADIUS_M", "is_geodesic", "rings_to_polygons", "split_at_antimeridian", "unproject"]

#: Mean radius of the IUGG, in metres: http://www.iugg.org/assemblies/2007perugia/resolutions.php
EARTH_RADIUS_M = 6371008.8

_TURNS = 2

Array = np.ndarray[Any, Any]
#: Planar x and y to longitude and latitude.
Inverse = Callable[[Array, Array], tuple[Array, Array]]


def is_geodesic(crs: pyproj.CRS) -> bool:
    """Whether distances must be measured on the ellipsoid: degrees, or Web Mercator's stretched metres."""
    if crs.is_geographic:
        return True
    operation = crs.coordinate_operation
    return operation is not None and "Pseudo Mercator" in operation.method_name


def split_at_antimeridian(shapes: Array) -> Array:
    """Return polygons or lines with longitudes beyond ±180 cut there and moved to where they belong."""
    bounds = shapely.bounds(shapes)
    beyond = (bounds[:, 0] < -180) | (bounds[:, 2] > 180)
    if not beyond.any():
        return shapes
    result = np.array(shapes, dtype=object)
    inside = shapes[beyond]
    broken = ~shapely.is_valid(inside)
    inside[broken] = shapely.make_valid(inside[broken], method="structure", keep_collapsed=False)
    first = int((np.floor((bounds[beyond, 0] + 180) / 360)).min())
    last = int((np.ceil((bounds[beyond, 2] + 180) / 360)).max())
    pieces = []
    for turn in range(first, last):
        window = shapely.box(-180 + 360 * turn, -90, 180 + 360 * turn, 90)
        cut = shapely.intersection(inside, window)
        pieces.append(shapely.transform(cut, lambda xy, shift=360 * turn: xy - (shift, 0)))
    result[beyond] = _only(
        shapely.union_all(np.array(pieces, dtype=object), axis=0), shapely.get_dimensions(inside)
    )
    return result


def _only(shapes: Array, dimensions: Array) -> Array:
    """Drop the points and lines that cutting leaves where a shape only touches the cut."""
    mixed = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION)
    for i in mixed:
        parts = shapely.get_parts(shapes[i])
        shapes[i] = shapely.union_all(parts[shapely.get_dimensions(parts) == dimensions[i]])
    return shapes


def rings_to_polygons(lon: Array, lat: Array, center_lat: Array) -> Array:
    """Return polygons for closed rings in longitude and latitude, cut at ±180 and taken around poles.

    Parameters
    ----------
    lon, lat : degrees, shape ``(n, vertices)``; the first vertex is repeated at the end.
    center_lat : shape ``(n,)``; tells which pole a ring that goes around the Earth encloses.
    """
    unwound = np.unwrap(lon, period=360, axis=1)
    around = np.abs(unwound[:, -1] - unwound[:, 0]) > 180
    polygons = np.empty(len(lon), dtype=object)
    if (~around).any():
        polygons[~around] = shapely.polygons(np.stack([unwound[~around], lat[~around]], axis=-1))
    for i in np.flatnonzero(around):
        polygons[i] = _polar(unwound[i], lat[i], center_lat[i])
    return split_at_antimeridian(polygons)


def _polar(unwound: Array, lat: Array, center_lat: float) -> Any:
    pole = 90.0 if center_lat >= 0 else -90.0
    # Several turns, of which one is cut out at ±180: a seam at the ring's first vertex would leave a hairline gap.
    turn = np.copysign(360.0, unwound[-1] - unwound[0])
    lon = np.concatenate([unwound[:-1] + number * turn for number in range(-_TURNS, _TURNS + 1)])
    ring = np.column_stack([lon, np.tile(lat[:-1], 2 * _TURNS + 1)])
    around = shapely.make_valid(
        shapely.Polygon([*ring, (lon[-1], pole), (lon[0], pole)]), method="structure", keep_collapsed=False
    )
    return shapely.intersection(around, shapely.box(-180, -90, 180, 90))


def unproject(shapes: Array, inverse: Inverse, center_lat: float) -> Array:
    """Return planar polygons in longitude and latitude, cut at ±180 and taken around poles.

    Parameters
    ----------
    inverse : planar x, y to longitude, latitude; the plane must be continuous where the polygons are.
    center_lat : tells which pole a ring that goes around the Earth encloses.
    """

    def move(xy: Array) -> Array:
        return np.column_stack(inverse(xy[:, 0], xy[:, 1]))

    moved = shapely.transform(shapes, move)
    for i in _owners_of_jumps(moved):
        parts = [_unproject_part(part, center_lat) for part in shapely.get_parts(moved[i])]
        moved[i] = shapely.union_all(parts)
    return split_at_antimeridian(moved)


def _owners_of_jumps(shapes: Array) -> Array:
    """Return the numbers of the shapes in which a ring jumps by more than 180 degrees of longitude."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    jump = (np.abs(np.diff(xy[:, 0])) > 180) & (np.diff(ring) == 0)
    found: Array = np.unique(owner[part[ring[1:][jump]]])
    return found


def _unproject_part(polygon: Any, center_lat: float) -> Any:
    shell, *holes = (
        rings_to_polygons(xy[None, :, 0], xy[None, :, 1], np.array([center_lat]))[0]
        for xy in map(shapely.get_coordinates, shapely.get_rings(polygon))
    )
    return shapely.difference(shell, shapely.union_all(holes)) if holes else shell
