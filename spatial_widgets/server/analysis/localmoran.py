"""Local Moran's I with row-standardized weights, and its significance by conditional permutation; needs esda."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

__all__ = ["LocalMoran", "cluster_types", "local_moran"]

Array = np.ndarray[Any, Any]

_ALPHA = 0.05
_MOST_DRAWN = 4_000_000  # numbers in memory at once
_SAME = 1e-9  # sums that differ by less, in standard deviations, are the same number added in another order


@dataclass(frozen=True, slots=True)
class LocalMoran:
    """``index``, ``z``, pseudo ``p``, the number of ``neighbors``, and whether ``own`` and ``around`` are above the mean.

    Each of shape ``(n,)``; index, z and p of a feature without neighbours are NaN.
    """

    index: Array
    z: Array
    p: Array
    neighbors: Array
    own: Array
    around: Array

    def take(self, rows: Array) -> LocalMoran:
        """Return the statistic of some features, or in another order."""
        return LocalMoran(*(getattr(self, one.name)[rows] for one in fields(self)))


def local_moran(
    values: Array, focal: Array, neighbor: Array, permutations: int, rng: np.random.Generator
) -> LocalMoran:
    """Return Anselin's local Moran's I for values and pairs of neighbours, each given in both directions.

    The other features' values are dealt out anew ``permutations`` times around each feature. ``p`` is the
    share of the deals, the observed one included, whose index is at least as extreme in the same direction:
    the one-tailed pseudo p-value of esda and GeoDa. ``z`` is the index in standard deviations of the deals.

    The deals are shared by all features, as in esda. What a feature with k neighbours is dealt is the sum of the
    first k of a row of values drawn without replacement; where the feature itself is among them, the next one
    in the row stands in for it. So all sums are there at once, as cumulative sums of the rows.

    Source: Anselin, L. (1995), Local Indicators of Spatial Association, Geographical Analysis 27, 93-115.
    """
    n = len(values)
    score = (values - values.mean()) / values.std()
    count = np.bincount(focal, minlength=n)
    some = count > 0
    lag = np.full(n, np.nan)
    lag[some] = np.bincount(focal, score[neighbor], minlength=n)[some] / count[some]
    dealt = _Dealt.none(n)
    length = min(int(count.max()) + 1, n)
    at_once = max(1, _MOST_DRAWN // length)
    for start in range(0, permutations, at_once):
        rows = min(at_once, permutations - start)
        dealt.add(score, count, lag, np.stack([rng.choice(n, length, replace=False) for _ in range(rows)]))
    mean = dealt.first / permutations
    spread = np.sqrt(np.maximum(dealt.second / permutations - mean**2, 0))
    index = (n - 1) / n * score * lag
    # The index grows with the lag where the score is positive, and falls where it is negative.
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.sign(score) * (lag - mean) / spread
    z[~np.isfinite(z)] = np.nan
    p = (np.minimum(dealt.above, dealt.below) + 1.0) / (permutations + 1)
    p[~some | (score == 0)] = np.nan
    return LocalMoran(index, z, p, count, score > 0, lag > 0)


@dataclass(frozen=True, slots=True)
class _Dealt:
    """How many dealt lags were at least and at most the observed one, and the sums of them and of their squares."""

    above: Array
    below: Array
    first: Array
    second: Array

    @classmethod
    def none(cls, n: int) -> _Dealt:
        return cls(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))

    def add(self, score: Array, count: Array, lag: Array, drawn: Array) -> None:
        """Add rows of draws, shape ``(rows, length)``."""
        total = np.cumsum(score[drawn], axis=1)  # column k - 1 holds the sums of the first k
        for k in np.unique(count[count > 0]):
            mine = np.flatnonzero(count == k)
            sums = np.sort(total[:, k - 1] / k)
            self.above[mine] += len(drawn) - np.searchsorted(sums, lag[mine] - _SAME, side="left")
            self.below[mine] += np.searchsorted(sums, lag[mine] + _SAME, side="right")
            self.first[mine] += sums.sum()
            self.second[mine] += (sums**2).sum()
        row, place = np.nonzero(np.arange(drawn.shape[1]) < count[drawn])
        who = drawn[row, place]
        k = count[who]
        wrong = total[row, k - 1] / k
        right = (total[row, np.minimum(k, drawn.shape[1] - 1)] - score[who]) / k
        for sign, sums in ((-1, wrong), (1, right)):
            np.add.at(self.above, who, sign * (sums >= lag[who] - _SAME))
            np.add.at(self.below, who, sign * (sums <= lag[who] + _SAME))
            np.add.at(self.first, who, sign * sums)
            np.add.at(self.second, who, sign * sums**2)


def cluster_types(statistic: LocalMoran) -> Array:
    """Return HH, HL, LH or LL for what is significant at 95 % after the false discovery rate correction, else ``""``.

    The first letter stands for the feature, the second for its neighbours: high or low, beside the mean.
    """
    import esda

    known = np.isfinite(statistic.p)
    words = np.full(len(known), "", dtype=object)
    if known.any():
        significant = known & (statistic.p < esda.fdr(statistic.p[known], _ALPHA))
        letters = np.array(["L", "H"], dtype=object)
        both = letters[statistic.own.astype(int)] + letters[statistic.around.astype(int)]
        words[significant] = both[significant]
    return words
