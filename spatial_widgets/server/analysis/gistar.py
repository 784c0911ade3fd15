"""The Getis-Ord Gi* statistic with binary weights, its p-values, and their bins; needs esda and libpysal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["GiStar", "confidence_bins", "gi_star", "moran_z"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class GiStar:
    """``z``, two-sided ``p`` and the number of ``neighbors`` (without the feature itself), each of shape ``(n,)``."""

    z: Array
    p: Array
    neighbors: Array


def gi_star(values: Array, focal: Array, neighbor: Array) -> GiStar:
    """Return Gi* for values and pairs of neighbours, each given in both directions.

    Every feature is its own neighbour as well. Where all features are neighbours there is no z: it is NaN.

    Source: https://pro.arcgis.com/en/pro-app/latest/tool-reference/spatial-statistics/h-how-hot-spot-analysis-getis-ord-gi-spatial-stati.htm
    """
    import esda
    from scipy.stats import norm

    n = len(values)
    # z does not change under shifting and scaling, but esda divides by the sum of the values.
    scaled = (values - values.min()) / (values.max() - values.min())
    everyone = np.arange(n)
    graph = _graph(np.concatenate([focal, everyone]), np.concatenate([neighbor, everyone]))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.asarray(esda.G_Local(scaled, graph, transform="B", star=True, permutations=0).Zs, dtype=float)
    neighbors = np.bincount(focal, minlength=n)
    z[(neighbors == n - 1) | ~np.isfinite(z)] = np.nan
    return GiStar(z, 2 * norm.sf(np.abs(z)), neighbors)


def moran_z(values: Array, focal: Array, neighbor: Array) -> float:
    """Return the z-score of global Moran's I, row-standardized, under normality; every feature needs a neighbour.

    The textbook sums over the pairs themselves: building a weights object for each distance tried takes
    a hundred times as long.
    """
    n = len(values)
    deviation = values - values.mean()
    weight = 1 / np.bincount(focal, minlength=n)
    index = (weight[focal] * deviation[focal] * deviation[neighbor]).sum() / (deviation**2).sum()
    s1 = ((weight[focal] + weight[neighbor]) ** 2).sum() / 2
    s2 = ((1 + np.bincount(neighbor, weight[focal], minlength=n)) ** 2).sum()
    expected = -1 / (n - 1)
    variance = (n**2 * s1 - n * s2 + 3 * n**2) / ((n**2 - 1) * n**2) - expected**2
    return float((index - expected) / np.sqrt(variance)) if variance > 0 else 0.0


def _graph(focal: Array, neighbor: Array) -> Any:
    from libpysal.graph import Graph

    order = np.lexsort((neighbor, focal))  # the graph's rows then are the features, in their order
    return Graph.from_arrays(focal[order], neighbor[order], np.ones(len(focal)))


def confidence_bins(z: Array, p: Array) -> Array:
    """Return -3 to 3: significant at 99, 95 or 90 % after the false discovery rate correction, or 0.

    Source: https://pro.arcgis.com/en/pro-app/latest/tool-reference/spatial-statistics/what-is-a-z-score-what-is-a-p-value.htm
    """
    import esda

    bins = np.zeros(len(z), dtype="int64")
    known = np.isfinite(p)
    if not known.any():
        return bins
    for level, alpha in ((1, 0.10), (2, 0.05), (3, 0.01)):
        significant = known & (p < esda.fdr(p[known], alpha))
        bins[significant] = level * np.sign(z[significant]).astype("int64")
    return bins
