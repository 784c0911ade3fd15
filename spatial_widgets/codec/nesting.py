"""Which ring is a shell, which a hole, and of whom: the even-odd rule, for many features at once.

Esri writes exterior rings clockwise and holes counter-clockwise, but not every writer does, and their order
is free. So neither is trusted: a ring that lies inside an odd number of others of its feature is a hole.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/geometry-objects/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["nest_rings"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

_PAIRS_AT_ONCE = 4_000_000
_VOTERS = 3
_CROWD = 64  # from so many rings or voters on, they are looked up instead of each compared with each
_ON = 1e-6  # relative to the distances: a vertex that near to a segment may lie on it,
_NEAR = 1e-9  # or relative to its coordinates: writers round them, and 1 mm is one to Esri


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
    x, y = np.ascontiguousarray(xy.T)
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
    begins = np.cumsum(parts) - parts
    found_outer, found_inner = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for count in np.unique(parts[parts > 1]).tolist():
        rings = begins[parts == count][:, None] + np.arange(count)
        pairs = _boxed_in_crowds(box, rings) if count >= _CROWD else _boxed_each_by_each(box, rings)
        for outer, inner in pairs:
            found_outer.append(outer)
            found_inner.append(inner)
    return np.concatenate(found_outer), np.concatenate(found_inner)


def _boxed_each_by_each(box: list[Floats], rings: Ints) -> Iterator[tuple[Ints, Ints]]:
    count = rings.shape[1]
    for rows in _slices(len(rings), count * count):
        some = rings[rows]
        for lefts in _slices(count, count * len(some)):
            a, b, c = np.nonzero(_is_boxed(box, some[:, lefts, None], some[:, None, :]))
            yield some[:, lefts][a, b], some[a, c]


def _boxed_in_crowds(box: list[Floats], rings: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Do the same for features of many rings, most of them far from each other."""
    for ring in rings:
        boxes = shapely.box(*(side[ring] for side in box))
        tree = shapely.STRtree(boxes)
        for some in _slices(len(ring), _PAIRS_AT_ONCE // 1000):
            inner, outer = tree.query(boxes[some])
            outer, inner = ring[outer], ring[some][inner]
            boxed = _is_boxed(box, outer, inner)
            yield outer[boxed], inner[boxed]


def _is_boxed(box: list[Floats], outer: Ints, inner: Ints) -> Any:
    left, low, right, high = box
    boxed = (left[outer] <= left[inner]) & (right[outer] >= right[inner])
    boxed &= (low[outer] <= low[inner]) & (high[outer] >= high[inner])
    return boxed & (outer != inner)


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

    A ray to the right is followed; only the few segments that reach its height are looked at closely.
    """
    crossings = np.zeros(len(ring), dtype=np.int64)
    touched = np.zeros(len(ring), dtype=bool)
    slack = _NEAR * (np.abs(x[voter]) + np.abs(y[voter]))
    for pair, first in _reaching(y, starts, ring, voter, slack):
        point = voter[pair]
        ax, ay = x[first] - x[point], y[first] - y[point]
        bx, by = x[first + 1] - x[point], y[first + 1] - y[point]
        turn = ax * by - bx * ay
        span = np.sqrt(ax * ax + ay * ay + bx * bx + by * by)
        is_on = (np.abs(turn) <= (_ON * span + slack[pair]) * span) & (
            ax * bx + ay * by <= slack[pair] * span
        )
        touched[pair[is_on]] = True
        crosses = ((ay > 0) != (by > 0)) & ((turn > 0) == (by > ay))
        np.add.at(crossings, pair[crosses], 1)
    return np.where(touched, 0, np.where(crossings % 2 == 1, 1, -1))


def _reaching(y: Floats, starts: Ints, ring: Ints, voter: Ints, slack: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Yield ``(pair, first vertex of a segment)`` for all segments of a pair's ring that reach the voter's height."""
    segments = starts[ring + 1] - starts[ring] - 1
    asked = np.bincount(ring)[ring]
    is_crowd = (asked >= _CROWD) & (asked * segments > _PAIRS_AT_ONCE // 4)
    few = np.flatnonzero(~is_crowd)
    piece = np.cumsum(segments[few]) // _PAIRS_AT_ONCE
    for pairs in np.split(few, np.flatnonzero(np.diff(piece)) + 1):
        yield from _reaching_few(y, starts, ring[pairs], voter[pairs], slack[pairs], pairs)
    many = np.flatnonzero(is_crowd)
    many = many[np.argsort(ring[many], kind="stable")]
    for pairs in np.split(many, np.flatnonzero(np.diff(ring[many])) + 1):
        if len(pairs):
            one = slice(int(starts[ring[pairs[0]]]), int(starts[ring[pairs[0]] + 1]))
            yield from _reaching_many(y, one, voter[pairs], float(slack[pairs].max()), pairs)


def _reaching_few(
    y: Floats, starts: Ints, ring: Ints, voter: Ints, slack: Floats, pairs: Ints
) -> Iterator[tuple[Ints, Ints]]:
    """Look at every segment of each pair's ring."""
    sizes = starts[ring + 1] - starts[ring]
    begins = np.cumsum(sizes) - sizes
    at = np.arange(int(sizes.sum())) + np.repeat(starts[ring] - begins, sizes)
    height = y[at] - np.repeat(y[voter], sizes)
    allowed = np.repeat(slack, sizes)
    is_up, is_down = height >= -allowed, height <= allowed
    reaches = (is_up[:-1] & is_down[1:]) | (is_down[:-1] & is_up[1:])
    reaches[begins[1:] - 1] = False  # from one ring's end to the next ring's begin
    segment = np.flatnonzero(reaches)
    yield pairs[np.searchsorted(begins, segment, side="right") - 1], at[segment]


def _reaching_many(
    y: Floats, one: slice, voter: Ints, slack: float, pairs: Ints
) -> Iterator[tuple[Ints, Ints]]:
    """For many voters of one long ring: look up, segment by segment, those at its height."""
    by_height = np.argsort(y[voter])
    heights, pairs = y[voter][by_height], pairs[by_height]
    ends = y[one][:-1], y[one][1:]
    begin = np.searchsorted(heights, np.minimum(*ends) - slack, side="left")
    counts = np.searchsorted(heights, np.maximum(*ends) + slack, side="right") - begin
    piece = np.cumsum(counts) // _PAIRS_AT_ONCE
    for some in np.split(np.arange(len(counts)), np.flatnonzero(np.diff(piece)) + 1):
        count = counts[some]
        at = np.arange(int(count.sum())) + np.repeat(begin[some] - (np.cumsum(count) - count), count)
        yield pairs[at], np.repeat(one.start + some, count)
