"""One layer laid over another: what both have in common, and what only one has."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import shapely

from spatial_widgets.server.analysis.clipping import of_dimension

__all__ = ["common", "on_grid", "snapped", "without"]

Array = np.ndarray[Any, Any]

_ONE_BY_ONE = 16  # more hits than that are merged before they are taken away


def common(one: Array, two: Array, kind: Literal["Input", "Line", "Point"]) -> tuple[Array, Array, Array]:
    """Return positions of valid shapes that have something in common, and what that is; sorted.

    "Input" gives the lowest dimension of the two. "Line" and "Point" give what their outlines have in common, where
    both are of a higher dimension than that: borders that are shared, places where lines cross.
    """
    turned = shapely.get_num_coordinates(one).mean() > shapely.get_num_coordinates(two).mean()
    if turned:
        i, j = shapely.STRtree(two).query(one, predicate="intersects")
    else:
        j, i = shapely.STRtree(one).query(two, predicate="intersects")
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    lowest = np.minimum(shapely.get_dimensions(one)[i], shapely.get_dimensions(two)[j])
    wanted = {"Input": lowest, "Line": np.minimum(lowest, 1), "Point": np.minimum(lowest, 0)}[kind]
    shapes = np.empty(len(i), dtype=object)
    plain = wanted == lowest
    shapes[plain] = _cut(one, two, i[plain], j[plain])
    shapes[~plain] = shapely.intersection(_outlines(one)[i[~plain]], _outlines(two)[j[~plain]])
    shapes = of_dimension(shapes, wanted)
    kept = (shapely.get_dimensions(shapes) == wanted) & ~shapely.is_empty(shapes)
    return i[kept], j[kept], shapes[kept]


def _cut(one: Array, two: Array, i: Array, j: Array) -> Array:
    """Return intersections; where one shape covers the other, that is the other as it is."""
    shapely.prepare(one)
    shapely.prepare(two)
    shapes = one[i]
    inside = shapely.covers(two[j], shapes)
    around = ~inside & shapely.covers(one[i], two[j])
    shapes[around] = two[j[around]]
    rest = ~inside & ~around
    shapes[rest] = shapely.intersection(shapes[rest], two[j[rest]])
    return shapes


def _outlines(shapes: Array) -> Array:
    found = shapes.copy()
    polygons = shapely.get_dimensions(found) == 2
    found[polygons] = shapely.boundary(found[polygons])
    return found


def without(one: Array, two: Array) -> Array:
    """Return the first shapes without what the second ones cover; nothing left is an empty shape, shape ``(n,)``."""
    j, i = shapely.STRtree(one).query(two, predicate="intersects")
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    counts = np.bincount(i, minlength=len(one))
    begin = np.r_[0, np.cumsum(counts)]
    left = one.copy()
    for number in range(min(int(counts.max(initial=0)), _ONE_BY_ONE)):
        rows = np.flatnonzero((counts > number) & (counts <= _ONE_BY_ONE))
        left[rows] = shapely.difference(left[rows], two[j[begin[rows] + number]])
    for row in np.flatnonzero(counts > _ONE_BY_ONE):
        left[row] = shapely.difference(left[row], shapely.union_all(two[j[begin[row] : begin[row + 1]]]))
    return of_dimension(left, shapely.get_dimensions(one))


def on_grid(shapes: Array, tolerance: float) -> Array:
    """Return valid shapes with their vertices on a grid; what is smaller than its cells becomes empty."""
    moved: Array = shapely.set_precision(shapes, grid_size=tolerance)
    return moved


def snapped(shapes: Array, to: Array, tolerance: float) -> Array:
    """Return shapes whose vertices moved to vertices and sides of others that are at most a tolerance away."""
    i, j = shapely.STRtree(to).query(shapes, predicate="dwithin", distance=tolerance)
    order = np.argsort(i, kind="stable")
    i, j = i[order], j[order]
    rows = np.unique(i)
    targets = shapely.geometrycollections(to[j], indices=np.searchsorted(rows, i))
    moved = shapes.copy()
    moved[rows] = shapely.snap(shapes[rows], targets, tolerance)
    broken = ~shapely.is_valid(moved)
    moved[broken] = shapely.make_valid(moved[broken], method="structure", keep_collapsed=False)
    return moved
