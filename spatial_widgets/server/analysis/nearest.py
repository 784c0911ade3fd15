"""The nearest features of another layer: exact distances, found with a tree instead of by comparing all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.outlines import DEEPEST_M, ROUNDEST_M, Outlines, farthest_through, feet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_COMPARED", "MOST_PAIRS", "Pairs", "nearest"]

Array = np.ndarray[Any, Any]

#: More pairs of features than this are refused.
MOST_PAIRS = 5_000_000
#: So many pairs of lines or polygons are looked at, where more than one is to be found for each.
MOST_COMPARED = 25_000_000
_SAMPLES = 8
_BLOCK = 1_000_000  # numbers of one step
_ROUNDS = 4  # how often the nearest place is looked for from the other side
_NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Pairs:
    """Features and those near them, by positions; where they are nearest, in degrees or metres; how far that is."""

    here: Array
    there: Array
    begins: Array
    ends: Array
    meters: Array
    rank: Array


def nearest(here: Outlines, there: Outlines, count: int, limit_m: float = np.inf) -> Pairs:
    """Return for each feature the nearest ones of another layer, at most ``count`` and within ``limit_m`` metres.

    Between points distances are exact. Lines and polygons are at the distance of their nearest places, and 0
    where they touch or lie inside. Of equal distances (to a micrometre) the first in the layer is nearer.

    Raises
    ------
    ParameterError : there are more than :data:`MOST_PAIRS`.
    """
    if there.are_points:
        there = there.thinned(count)
    touching = _touching(here, there)
    mine, theirs, begins = _candidates(here, there, count, limit_m, touching[:2])
    a, b = here.owner[mine], there.owner[theirs]
    begins, ends = _approach(here, there, mine, theirs, begins)
    meters = here.meters(begins, ends) if len(a) else np.zeros(0)
    a, b = np.concatenate([touching[0], a]), np.concatenate([touching[1], b])
    begins = np.vstack([touching[2], begins])
    ends = np.vstack([touching[2], ends])
    meters = np.concatenate([np.zeros(len(touching[0])), meters])
    kept = np.flatnonzero(meters <= limit_m)
    kept = kept[np.lexsort((b[kept], np.round(meters[kept], 6), a[kept]))]
    rank = _place_in_row(a[kept])
    kept, rank = kept[rank < count], rank[rank < count]
    return Pairs(a[kept], b[kept], begins[kept], ends[kept], meters[kept], rank + 1)


def _place_in_row(rows: Array) -> Array:
    """Return 0, 1, 2 … within each run of equal numbers."""
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]][: len(rows)])
    return np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))


def _touching(here: Outlines, there: Outlines) -> tuple[Array, Array, Array]:
    """Return pairs of features that have a place in common, and such a place."""
    if here.are_points and there.are_points:
        return np.zeros(0, dtype="int64"), np.zeros(0, dtype="int64"), np.zeros((0, 2))
    a, b = shapely.STRtree(there.shapes).query(here.shapes, predicate="intersects")
    common = shapely.intersection(here.shapes[a], there.shapes[b])
    return a, b, shapely.get_coordinates(shapely.point_on_surface(common)).reshape(-1, 2)


# ---------------------------------------------------------------- which features may be the nearest


def _candidates(
    here: Outlines, there: Outlines, count: int, limit_m: float, touching: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """Return pieces of pairs among which the nearest are, one for each pair, and the places from which they were found.

    Pairs that touch are left out, and so are features that touch as many as are asked for.
    """
    xy, mine = here.corners()
    is_open = np.bincount(touching[0], minlength=len(here.shapes)) < count
    xy, mine = xy[is_open[here.owner[mine]]], mine[is_open[here.owner[mine]]]
    if count == 1 or (here.are_points and there.are_points):
        found = list(_searched(here.place(xy), there, count, limit_m))
    else:
        a, b = _possible(here, there, count, limit_m)
        known = np.isin(a * len(there.shapes) + b, touching[0] * len(there.shapes) + touching[1])
        kept = is_open[a] & ~known
        found = list(_compared(here.place(xy), here.owner[mine], there, a[kept], b[kept]))
    found.append((np.zeros(0, dtype="int64"), np.zeros(0, dtype="int64"), np.zeros(0)))
    corner, piece, far = (np.concatenate([block[i] for block in found]) for i in range(3))
    a, b = here.owner[mine[corner]], there.owner[piece]
    order = np.lexsort((far, b, a))
    a, b, corner, piece = a[order], b[order], corner[order], piece[order]
    new = _is_new(a, b)
    return mine[corner[new]], piece[new], xy[corner[new]]


def _is_new(*columns: Array) -> Array:
    """Return where a row differs from the one before it."""
    changes = np.zeros(max(0, len(columns[0]) - 1), dtype=bool)
    for column in columns:
        changes |= column[1:] != column[:-1]
    is_new: Array = np.r_[True, changes][: len(columns[0])]
    return is_new


def _compared(
    places: Array, owner: Array, there: Outlines, a: Array, b: Array
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield the same as :func:`_searched` for pairs of features: the pieces of one would fill a search for several."""
    by_owner = np.argsort(owner, kind="stable")
    first = np.searchsorted(owner[by_owner], np.arange(a.max(initial=0) + 2))
    order = np.argsort(b, kind="stable")
    a, b = a[order], b[order]
    starts = np.searchsorted(b, np.arange(len(there.shapes) + 1))
    for feature in np.unique(b):
        some = a[starts[feature] : starts[feature + 1]]
        corners = np.concatenate([by_owner[first[one] : first[one + 1]] for one in some])
        for row, piece, far in _searched(places[corners], there.only(feature), 1, np.inf):
            yield corners[row], piece + there.first[feature], far


def _possible(here: Outlines, there: Outlines, count: int, limit_m: float) -> tuple[Array, Array]:
    """Return the pairs of features that cannot be ruled out by balls around them and a few of their places."""
    if len(here.shapes) * len(there.shapes) > MOST_COMPARED:
        raise ParameterError(
            f"maxCount: with lines or polygons, and more than one to find, at most {MOST_COMPARED:,} pairs of features "
            f"are compared, and here are {len(here.shapes) * len(there.shapes):,}. Use maxCount 1, smaller layers, or points.",
            parameter="maxCount",
        )
    (centers, radii), (others, reaches) = here.balls, there.balls
    mine = here.some(1 if here.are_points else _SAMPLES)
    theirs = there.some(1 if there.are_points else _SAMPLES).reshape(-1, centers.shape[1])
    number = min(count, len(others)) - 1
    found = []
    for rows in np.array_split(np.arange(len(here.shapes)), 1 + len(here.shapes) * len(theirs) // _BLOCK):
        least = np.maximum(_apart(centers[rows], others) - radii[rows, None] - reaches[None], 0)
        most = np.full(least.shape, np.inf)
        for sample in range(mine.shape[1]):
            far = _apart(mine[rows, sample], theirs).reshape(len(rows), len(others), -1)
            np.minimum(most, far.min(axis=-1), out=most)
        last = np.partition(most, number, axis=1)[:, number]
        bound = np.minimum(_widened(last, there), limit_m + DEEPEST_M)
        row, other = np.nonzero(least <= bound[:, None])
        found.append((rows[row], other))
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _apart(some: Array, others: Array) -> Array:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(some, others))


def _searched(
    places: Array, there: Outlines, count: int, limit_m: float
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield places, pieces and straight distances: the nearest piece of each feature that may be among the nearest."""
    total = 0
    pieces = len(there.owner)
    wide = min(pieces, count + 1 if there.are_points else 2 * count + 2)
    farthest = min(limit_m, 1e9)  # a straight way is never longer than one on the ellipsoid
    waiting = np.arange(len(places))
    while len(waiting):
        unsure = []
        size = max(1, _BLOCK // wide)
        for rows in np.split(waiting, np.arange(size, len(waiting), size)):
            row, piece, far, is_sure = _look(places, rows, there, count, wide, farthest)
            sure = np.isin(row, rows[is_sure])
            total += int(sure.sum())
            if total > MOST_PAIRS:
                raise ParameterError(
                    f"maxCount: more than {MOST_PAIRS:,} pairs of features; choose a smaller maxCount or searchCutoff.",
                    parameter="maxCount",
                )
            yield row[sure], piece[sure], far[sure]
            unsure.append(rows[~is_sure])
        waiting, wide = np.concatenate(unsure), min(pieces, 4 * wide)


def _look(
    places: Array, rows: Array, there: Outlines, count: int, wide: int, farthest: float
) -> tuple[Array, Array, Array, Array]:
    """Return features among the ``wide`` nearest pieces of each row, and for which rows that is all there is to know."""
    near, piece = there.tree.query(
        places[rows], k=np.arange(1, wide + 1), distance_upper_bound=farthest + there.reach + 1e-6
    )
    exists = np.isfinite(near)
    piece, row = piece[exists], np.repeat(rows, exists.sum(axis=1))
    far = near[exists] if there.are_points else feet(places[row], there, piece)[1]
    feature = there.owner[piece]
    order = np.lexsort((far, feature, row))
    order = order[_is_new(row[order], feature[order])]
    order = order[np.lexsort((far[order], row[order]))]
    row, piece, far = row[order], piece[order], far[order]
    last = np.full(len(rows), np.inf)  # how far the last one is that is asked for
    is_last = _place_in_row(row) == count - 1
    position = np.searchsorted(rows, row)
    last[position[is_last]] = far[is_last]
    bound = _widened(last, there)
    is_sure = (near[:, -1] - there.reach > bound) | ~exists[:, -1] | (wide == len(there.owner))
    kept = far <= bound[position]
    return row[kept], piece[kept], far[kept], is_sure


def _widened(straight: Array, there: Outlines) -> Array:
    """Return how far through space a place may be that is no farther on the ellipsoid than one at this distance."""
    if not there.geodesic:
        return straight * (1 + 1e-12) + 1e-6
    longest = 2 * ROUNDEST_M * np.arcsin(np.clip(straight / (2 * ROUNDEST_M), 0, 1))
    below = 1e-6 if there.are_points else DEEPEST_M
    return np.where(straight < 2 * ROUNDEST_M, farthest_through(longest) + 2 * below, np.inf)


# ---------------------------------------------------------------- where they are nearest


def _approach(
    here: Outlines, there: Outlines, mine: Array, theirs: Array, begins: Array
) -> tuple[Array, Array]:
    """Return where the features of each pair are nearest, beginning at a place of the first and a piece of each."""
    theirs, ends = _nearest_place(there, theirs, here.place(begins))
    if not here.are_points:
        for _ in range(_ROUNDS):
            mine, begins = _nearest_place(here, mine, there.place(ends))
            theirs, ends = _nearest_place(there, theirs, here.place(begins))
    return begins, ends


def _nearest_place(outlines: Outlines, pieces: Array, places: Array) -> tuple[Array, Array]:
    """Return the place that is nearest to each given one, on a piece or its neighbours in the same feature, and its piece."""
    if outlines.are_points:
        return pieces, outlines.begins[pieces]
    best, share, least = pieces, *feet(places, outlines, pieces)
    owner = outlines.owner[pieces]
    for step in range(-_NEIGHBOURS, _NEIGHBOURS + 1):
        beside = np.clip(pieces + step, 0, len(outlines.owner) - 1)
        beside = np.where(outlines.owner[beside] == owner, beside, pieces)
        there, far = feet(places, outlines, beside)
        better = far < least
        best, share = np.where(better, beside, best), np.where(better, there, share)
        least = np.minimum(far, least)
    begin, end = outlines.begins[best], outlines.ends[best]
    return best, begin + share[:, None] * (end - begin)
