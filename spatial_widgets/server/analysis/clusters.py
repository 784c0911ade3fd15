"""Clusters of sites by density: DBSCAN, HDBSCAN and OPTICS of scikit-learn, in an order that rows do not decide."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from spatial_widgets.server.analysis.neighbors import Sites

__all__ = ["COLORS", "NOISE", "Method", "cluster", "colors_of"]

Array = np.ndarray[Any, Any]
Method = Literal["DBSCAN", "HDBSCAN", "OPTICS"]

#: The cluster and the colour of points that belong to none.
NOISE = -1
#: So many colours are used, numbered from 1.
COLORS = 8
_AROUND = 4


def cluster(sites: Sites, method: Method, fewest: int, distance: float | None) -> Array:
    """Return the cluster of each site, shape ``(n,)``: 1 for the largest, :data:`NOISE` for none.

    ``distance`` in metres is the radius of DBSCAN, and the longest that OPTICS looks; HDBSCAN has none.
    On the sphere it is measured along great circles; between themselves HDBSCAN and OPTICS compare chords,
    which are in the same order. Clusters of equal size are numbered from the first position on.

    Where a point could belong to two clusters, scikit-learn decides by the order of its input. It is given
    the sites in the order of their coordinates, so that the rows of a layer may come in any.
    """
    order = np.lexsort(sites.positions.T[::-1])
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        # OPTICS divides by reachabilities of 0, and warns where nothing is in reach: all is noise then.
        warnings.filterwarnings("ignore", "All reachability values are inf", UserWarning)
        labels = _estimator(sites, method, fewest, distance).fit_predict(sites.positions[order])
    found, first, size = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    name = np.empty(len(found), dtype="int64")
    name[np.lexsort((first, -size))] = np.arange(1, len(found) + 1)
    result = np.full(len(labels), NOISE, dtype="int64")
    result[order] = (
        np.where(labels >= 0, name[np.searchsorted(found, labels)], NOISE) if len(found) else NOISE
    )
    return result


def _estimator(sites: Sites, method: Method, fewest: int, distance: float | None) -> Any:
    from sklearn.cluster import DBSCAN, HDBSCAN, OPTICS

    reach = np.inf if distance is None else sites.chord(distance)
    if method == "DBSCAN":
        return DBSCAN(eps=reach, min_samples=fewest, algorithm="kd_tree")
    if method == "HDBSCAN":
        return HDBSCAN(min_cluster_size=fewest, algorithm="kd_tree", copy=True)
    return OPTICS(min_samples=fewest, max_eps=reach, cluster_method="xi", algorithm="kd_tree")


def colors_of(sites: Sites, clusters: Array) -> Array:
    """Return a colour from 1 to :data:`COLORS` for each site; clusters next to each other differ.

    Each cluster differs from those whose middles are nearest to its own, as far as the colours go.
    """
    from scipy.spatial import KDTree

    count = int(clusters.max(initial=0))
    inside = clusters > 0
    member = clusters[inside] - 1
    total = np.bincount(member, minlength=count)
    middle = np.column_stack(
        [np.bincount(member, axis, minlength=count) / total for axis in sites.positions[inside].T]
    )
    near: list[set[int]] = [set() for _ in range(count)]
    if count > 1:
        _, others = KDTree(middle).query(middle, k=min(_AROUND + 1, count))
        for i, row in enumerate(others.tolist()):
            for j in row:
                if i != j:
                    near[i].add(j)
                    near[j].add(i)
    color = np.zeros(count, dtype="int64")
    for i in range(count):
        around = sorted(near[i], key=lambda j: float(((middle[j] - middle[i]) ** 2).sum()))
        taken = [int(color[j]) for j in around if color[j]]
        free = [c for c in range(1, COLORS + 1) if c not in taken]
        color[i] = free[0] if free else taken[-1]
    result = np.full(len(clusters), NOISE, dtype="int64")
    result[inside] = color[member]
    return result
