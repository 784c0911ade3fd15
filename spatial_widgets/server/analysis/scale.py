"""Cell sizes and distance bands chosen from the data.

The rules follow the published description of Optimized Hot Spot Analysis, and approximate it:
https://pro.arcgis.com/en/pro-app/latest/tool-reference/spatial-statistics/how-optimized-hot-spot-analysis-works.htm
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.server.analysis.gistar import moran_z
from spatial_widgets.server.analysis.lengths import in_words

if TYPE_CHECKING:
    from spatial_widgets.server.analysis.neighbors import Sites

__all__ = ["Choice", "choose_band", "choose_cell_size"]

Array = np.ndarray[Any, Any]

_STEPS = 20
_MOST_PAIRS = 1_500_000  # trying out distances stays a matter of seconds
_SIGNIFICANT_Z = 1.96
_FEWEST, _MOST = 3, 30
_STARTED = 0.9


@dataclass(frozen=True, slots=True)
class Choice:
    """A length in metres and the sentence that explains it."""

    meters: float
    reason: str


def _ordinary(sites: Sites) -> tuple[Array, Array]:
    """Return nearest-neighbour distances, and which sites are no locational outliers (3 standard deviations)."""
    nearest = sites.nearest(1)[:, 0]
    return nearest, nearest <= nearest.mean() + 3 * nearest.std()


def choose_cell_size(sites: Sites) -> Choice:
    """Return twice the mean or the median distance between nearest points, whichever is larger.

    Points at the same place count once; locational outliers are left out.
    """
    distinct = sites.distinct()
    nearest, ordinary = _ordinary(distinct)
    mean, median = float(nearest[ordinary].mean()), float(np.median(nearest[ordinary]))
    word, larger = ("mean", mean) if mean >= median else ("median", median)
    reason = f"twice the {word} distance between nearest points ({in_words(larger)}), without {int((~ordinary).sum()):,} locational outliers"
    return Choice(2 * larger, reason)


def choose_band(sites: Sites, values: Array) -> Choice:
    """Return the distance of the first peak of spatial autocorrelation, or else one that gives enough neighbours.

    From the distance at which nine of ten sites have a neighbour, 20 steps as long as the mean nearest
    distance of these nine are tried. The first distance at which the z-score of their Moran's I peaks (and is
    above 1.96) is taken. Without a peak it is the mean distance to the K-th nearest neighbour, locational
    outliers left out, K being 5 % of the sites but 3 to 30, and at most one standard distance.

    The published rule starts where every site but the outliers has a neighbour. On data that is dense in some
    places and sparse in others, such as the Earth's earthquakes, that is already too far.
    """
    nearest = sites.nearest(1)[:, 0]
    start = float(np.quantile(nearest, _STARTED, method="higher")) * 1.0001
    rows = np.flatnonzero(nearest <= start)
    inner, step = sites.take(rows), float(nearest[rows].mean())
    tried: list[tuple[float, float]] = []
    if step > 0 and np.ptp(values[rows]) > 0:
        for i in range(_STEPS):
            distance = start + i * step
            count = inner.pair_count(distance, _MOST_PAIRS)
            if count > _MOST_PAIRS or 2 * count >= len(rows) * (len(rows) - 1):
                break
            tried.append((distance, moran_z(values[rows], *inner.pairs(distance, parameter="distanceBand"))))
            if len(tried) >= 3 and _peak(tried[-3:]):
                return Choice(
                    tried[-2][0], f"the first peak of spatial autocorrelation (z = {tried[-2][1]:.2f})"
                )
    return _by_neighbors(sites)


def _peak(three: list[tuple[float, float]]) -> bool:
    before, here, after = (z for _, z in three)
    return before < here > after and here > _SIGNIFICANT_Z


def _by_neighbors(sites: Sites) -> Choice:
    count = min(len(sites) - 1, max(_FEWEST, min(_MOST, round(0.05 * len(sites)))))
    distance = float(sites.nearest(count)[_ordinary(sites)[1], -1].mean())
    limit = sites.standard_distance()
    if 0 < limit < distance:
        return Choice(limit, "one standard distance; no distance stands out by spatial autocorrelation")
    return Choice(
        distance,
        f"the mean distance to {count} neighbours; no distance stands out by spatial autocorrelation",
    )
