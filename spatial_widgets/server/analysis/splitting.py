"""Overlapping surroundings of features cut apart: each place goes to the feature that is nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

from spatial_widgets.server.analysis.buffering import union_by
from spatial_widgets.server.analysis.clipping import of_dimension
from spatial_widgets.server.analysis.sphere import unproject

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["split_to_nearest"]

Array = np.ndarray[Any, Any]

_VERTICES = 400  # of one feature's outline, at most; between them the line halfway is a zigzag
_MARGIN = 0.05


def split_to_nearest(features: Array, areas: Array, *, geographic: bool) -> Array:
    """Return each feature's area without the places that are nearer to another feature of an overlapping area.

    What overlaps, directly or by way of others, is worked together: in degrees in an azimuthal equidistant projection
    around the middle, which is true to distances within 0.1 % up to some four degrees from there.
    Features at the very same place cannot be told apart; the first of them gets it.
    """
    made = areas.copy()
    for rows in _clusters(areas):
        made[rows] = _split(features[rows], areas[rows], geographic=geographic)
    return made


def _clusters(areas: Array) -> Sequence[Array]:
    """Return the positions of areas that hang together, for each such group of more than one."""
    one, two = shapely.STRtree(areas).query(areas, predicate="intersects")
    label = np.arange(len(areas))
    while True:  # each round takes the smallest label among the neighbours, and then that one's own
        lower = label.copy()
        np.minimum.at(lower, one, label[two])
        lower = lower[lower]
        if (lower == label).all():
            break
        label = lower
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [group for group in groups if len(group) > 1]


def _split(features: Array, areas: Array, *, geographic: bool) -> Array:
    if not geographic:
        return _cut(areas, _cells(_outlines(features), areas))
    lonlat = shapely.get_coordinates(areas)
    radians = np.deg2rad(lonlat)
    vectors = np.column_stack(
        [
            np.cos(radians[:, 1]) * np.cos(radians[:, 0]),
            np.cos(radians[:, 1]) * np.sin(radians[:, 0]),
            np.sin(radians[:, 1]),
        ]
    )
    x, y, z = vectors.mean(axis=0)
    lat, lon = np.rad2deg(np.arctan2(z, np.hypot(x, y))), np.rad2deg(np.arctan2(y, x))
    plane = pyproj.Proj(proj="aeqd", lon_0=lon, lat_0=lat, ellps="WGS84")

    def flat(shapes: Array) -> Array:
        moved: Array = shapely.transform(shapes, lambda xy: np.column_stack(plane(*xy.T)))
        return moved

    def inverse(x: Array, y: Array) -> tuple[Array, Array]:
        turned, upright = plane(x, y, inverse=True)
        return lon + (turned - lon + 180) % 360 - 180, upright

    cells = _cells(flat(_outlines(features)), flat(areas))
    return _cut(areas, unproject(shapely.segmentize(cells, 50_000.0), inverse, lat))


def _outlines(features: Array) -> Array:
    """Return the vertices of each feature as multipoints, long sides cut."""
    length = shapely.length(features)
    dense = np.where(
        length > 0, shapely.segmentize(features, np.maximum(length / _VERTICES, 1e-12)), features
    )
    xy, owner = shapely.get_coordinates(dense, return_index=True)
    points: Array = shapely.multipoints(shapely.points(xy), indices=owner)
    return points


def _cells(outlines: Array, areas: Array) -> Array:
    """Return for each feature the places that are nearer to its vertices than to another one's."""
    xy, owner = shapely.get_coordinates(outlines, return_index=True)
    sites, first = np.unique(xy, axis=0, return_index=True)
    owner = owner[first]
    west, south, east, north = shapely.total_bounds(np.r_[areas, outlines])
    margin = _MARGIN * max(east - west, north - south)
    frame = shapely.box(west - margin, south - margin, east + margin, north + margin)
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(sites), extend_to=frame, ordered=True)
    )
    made = np.full(len(outlines), shapely.Polygon(), dtype=object)
    order = np.argsort(owner, kind="stable")
    known, counts = np.unique(owner, return_counts=True)
    made[known] = union_by(cells[order], np.repeat(np.arange(len(known)), counts), len(known))
    return made


def _cut(areas: Array, cells: Array) -> Array:
    broken = ~shapely.is_valid(cells)
    cells[broken] = shapely.make_valid(cells[broken], method="structure", keep_collapsed=False)
    return of_dimension(shapely.intersection(areas, cells), np.full(len(areas), 2))
