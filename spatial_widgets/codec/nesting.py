"""Which ring is a shell, which a hole, and of whom: the even-odd rule, for many features at once.

Esri writes exterior rings clockwise and holes counter-clockwise, but not every writer does, and their order
is free. So neither is trusted: a ring that lies inside an odd number of others of its feature is a hole.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/geometry-objects/
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

__all__ = ["nest_rings"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

_PAIRS_AT_ONCE = 4_000_000
_VOTERS = 3
_ON = 1e-12  # relative to the distances: a vertex that near to a segment may lie on it


def nest_rings(xy: Floats, sizes: Ints, parts: Ints) -> tuple[Ints, Ints, Ints]:
    """Return ``(order, polygon_of, polygons_in)``.

    ``order`` lists the rings polygon by polygon, the shell first; ``polygon_of`` is the polygon's number
    for each entry of it; ``polygons_in`` the number of polygons of each feature. Shells keep their order.

    Parameters
    ----------
    xy : shape ``(n, 2)``, the vertices of all rings, ring by ring, each ring closed.
    sizes : vertices of each ring.
    parts : rings of each feature.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)])
    with np.errstate(
        all="ignore"
    ):  # coordinates near the end of the numbers overflow; no answer is then right
        outer, inner = _containments(xy, starts, parts)
    feature = np.repeat(np.arange(len(parts)), parts)
    depth = np.bincount(inner, minlength=len(sizes))
    is_hole = depth % 2 == 1
    owner = np.arange(len(sizes))
    direct = is_hole[inner] & (depth[outer] == depth[inner] - 1)
    owner[inner[direct]] = outer[direct]
    # A hole whose shell cannot be told (rings that cross) is drawn as a part of its own: nothing is lost.
    is_hole &= owner != np.arange(len(sizes))
    order = np.lexsort((is_hole, owner))
    shells = np.flatnonzero(~is_hole)
    number = np.empty(len(sizes), dtype=np.int64)
    number[shells] = np.arange(len(shells))
    polygons_in = np.bincount(feature[shells], minlength=len(parts))
    return order, number[owner[order]], polygons_in


def _containments(xy: Floats, starts: Ints, parts: Ints) -> tuple[Ints, Ints]:
    """Return pairs ``(outer, inner)`` of rings of one feature, the inner lying inside the outer."""
    first = starts[:-1]
    x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    box = [
        np.minimum.reduceat(x, first),
        np.minimum.reduceat(y, first),
        np.maximum.reduceat(x, first),
        np.maximum.reduceat(y, first),
    ]
    outer, inner = _boxed_pairs(box, parts)
    if not len(outer):
        return outer, inner
    same = np.all([side[outer] == side[inner] for side in box], axis=0)
    if same.any():  # each box lies in the other: the larger ring, or else the earlier, is the outer one
        area = {r: shapely.area(_disc(x, y, starts, r)) for r in np.unique(outer[same]).tolist()}
        wrong = [(area[i], -i) < (area[j], -j) for i, j in zip(outer[same], inner[same], strict=True)]
        keep = np.ones(len(outer), dtype=bool)
        keep[np.flatnonzero(same)[wrong]] = False
        outer, inner = outer[keep], inner[keep]
    inside = _is_inside(x, y, starts, outer, inner)
    return outer[inside], inner[inside]


def _disc(x: Floats, y: Floats, starts: Ints, ring: int) -> Any:
    one = slice(starts[ring], starts[ring + 1])
    return shapely.polygons(np.column_stack([x[one], y[one]]))


def _boxed_pairs(box: list[Floats], parts: Ints) -> tuple[Ints, Ints]:
    """Return pairs of different rings of one feature, the box of the second lying in that of the first."""
    left, low, right, high = box
    begins = np.cumsum(parts) - parts
    found_outer, found_inner = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for count in np.unique(parts[parts > 1]).tolist():
        rings = begins[parts == count][:, None] + np.arange(count)
        for rows in _slices(len(rings), count * count):
            some = rings[rows]
            for lefts in _slices(count, count * len(some)):
                i, j = some[:, lefts, None], some[:, None, :]
                boxed = (
                    (left[i] <= left[j]) & (right[i] >= right[j]) & (low[i] <= low[j]) & (high[i] >= high[j])
                )
                boxed &= i != j
                a, b, c = np.nonzero(boxed)
                found_outer.append(some[:, lefts][a, b])
                found_inner.append(some[a, c])
    return np.concatenate(found_outer), np.concatenate(found_inner)


def _slices(count: int, pairs_each: int) -> list[slice]:
    step = max(1, _PAIRS_AT_ONCE // pairs_each)
    return [slice(i, i + step) for i in range(0, count, step)]


def _is_inside(
    x: Floats, y: Floats, starts: Ints, outer: Ints, inner: Ints
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell for each pair whether the inner ring lies inside the outer one.

    Rings of one feature may touch, but do not cross. So one vertex of the inner ring tells, unless it
    lies on the outer one; then others are asked, and in the end a point inside the inner ring.
    """
    votes = np.zeros(len(outer), dtype=np.int64)
    sizes = np.diff(starts)
    for k in range(_VOTERS):
        open_ = np.flatnonzero(votes == 0)
        if not len(open_):
            break
        ring = inner[open_]
        voter = starts[ring] + (sizes[ring] - 1) * k // _VOTERS
        votes[open_] = _vote(x, y, starts, outer[open_], voter)
    inside = votes > 0
    for pair in np.flatnonzero(votes == 0):
        a, b = (_disc(x, y, starts, r) for r in (outer[pair], inner[pair]))
        inside[pair] = shapely.covers(a, shapely.point_on_surface(b))
    return inside


def _vote(x: Floats, y: Floats, starts: Ints, ring: Ints, voter: Ints) -> Ints:
    """Return 1 where the voter, a vertex, lies inside its ring, -1 outside, 0 where it may lie on it.

    A ray to the right is followed; only the few segments that reach over its height are looked at closely.
    """
    sizes = starts[ring + 1] - starts[ring]
    begins = np.cumsum(sizes) - sizes
    at = np.arange(int(sizes.sum())) + np.repeat(starts[ring] - begins, sizes)
    height = y[at] - np.repeat(y[voter], sizes)
    is_above = height > 0
    reaches = is_above[:-1] != is_above[1:]
    reaches |= (height[:-1] == 0) & (height[1:] == 0)
    reaches[begins[1:] - 1] = False  # from one ring's end to the next ring's begin
    segment = np.flatnonzero(reaches)
    pair = np.searchsorted(begins, segment, side="right") - 1
    first, point = at[segment], voter[pair]
    ax, ay = x[first] - x[point], y[first] - y[point]
    bx, by = x[first + 1] - x[point], y[first + 1] - y[point]
    turn = ax * by - bx * ay
    is_on = (np.abs(turn) <= _ON * (ax * ax + ay * ay + bx * bx + by * by)) & (ax * bx + ay * by <= 0)
    crosses = ((ay > 0) != (by > 0)) & ((turn > 0) == (by > ay))
    odd = np.bincount(pair, weights=crosses, minlength=len(ring)) % 2 == 1
    touched = np.bincount(pair, weights=is_on, minlength=len(ring)) > 0
    return np.where(touched, 0, np.where(odd, 1, -1))
