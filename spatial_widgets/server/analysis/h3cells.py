"""Cells of H3, the hexagons of the whole Earth; needs h3.

Source: https://h3geo.org/docs/api/regions
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import shapely

from spatial_widgets.server.analysis.cells import too_many_cells
from spatial_widgets.server.analysis.sphere import rings_to_polygons

__all__ = ["cells_of_boxes", "enclosing_boxes", "outlines"]

Array = np.ndarray[Any, Any]

_WIDEST_DEG = 90.0  # a polygon of H3 is taken to go the shorter way around, so wide boxes are cut


def enclosing_boxes(shapes: Array) -> Array:
    """Return the smallest extent of shapes in degrees, shape ``(1 or 2, 4)``: two boxes where it crosses ±180."""
    bounds = shapely.bounds(shapely.get_parts(shapes))
    south, north = bounds[:, 1].min(), bounds[:, 3].max()
    order = np.argsort(bounds[:, 0])
    west, east = bounds[order, 0], np.maximum.accumulate(bounds[order, 2])
    gaps = np.r_[west[1:] - east[:-1], west[0] + 360 - east[-1]]
    widest = int(gaps.argmax())
    if widest == len(gaps) - 1:
        return np.array([(west[0], south, east[-1], north)])
    return np.array([(west[widest + 1], south, 180.0, north), (-180.0, south, east[widest], north)])


def cells_of_boxes(boxes: Array, resolution: int, *, most: int) -> list[str]:
    """Return the cells that reach into boxes in degrees, in the order of their names.

    Raises
    ------
    ParameterError : there would be more than ``most``.
    """
    import h3

    west, south, east, north = boxes.T
    share = (np.sin(np.deg2rad(north)) - np.sin(np.deg2rad(south))) * (east - west) / 720
    expected = float(share.sum()) * h3.get_num_cells(resolution)
    if expected > 1.2 * most:
        raise too_many_cells(
            f"cells of resolution {resolution} would be about {expected:,.0f} in number",
            most,
            "binResolution",
        )
    found: set[str] = set()
    for left, bottom, right, top in boxes:
        number = int(np.ceil(max(right - left, 1e-9) / _WIDEST_DEG))
        sides = np.linspace(left, right, number + 1)
        for a, b in itertools.pairwise(sides):
            found |= _cells_of_box((a, bottom, b, top), resolution)
    if len(found) > most:
        raise too_many_cells(
            f"cells of resolution {resolution} would be {len(found):,}", most, "binResolution"
        )
    return sorted(found)


def _cells_of_box(box: tuple[float, float, float, float], resolution: int) -> set[str]:
    import h3

    west, south, east, north = box
    # An extent without width or height is one all the same.
    west, east = (west, east) if east - west > 1e-7 else (west - 1e-7, east + 1e-7)
    south, north = (south, north) if north - south > 1e-7 else (south - 1e-7, north + 1e-7)
    ring = [(lat, lon) for lon, lat in ((west, south), (east, south), (east, north), (west, north))]
    return set(h3.polygon_to_cells_experimental(h3.LatLngPoly(ring), resolution, contain="overlap"))


def outlines(cells: list[str]) -> Array:
    """Return the cells as polygons in degrees, cut at ±180 and taken around the poles."""
    import h3

    rings = [h3.cell_to_boundary(cell) for cell in cells]
    sizes = np.array([len(ring) for ring in rings])
    made = np.empty(len(cells), dtype=object)
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        latlon = np.array([rings[i] for i in rows])
        closed = np.concatenate([latlon, latlon[:, :1]], axis=1)
        made[rows] = rings_to_polygons(closed[..., 1], closed[..., 0], latlon[..., 0].mean(axis=1))
    return made
