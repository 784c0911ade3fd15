"""Limits of classes for the values of a surface."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

__all__ = ["Classification", "class_limits"]

Array = np.ndarray[Any, Any]
Classification = Literal[
    "EqualInterval", "EqualArea", "GeometricInterval", "NaturalBreaks", "StandardDeviation"
]

_RATIOS = np.geomspace(0.2, 5.0, 161)
_JENKS_VALUES = 400


def class_limits(values: Array, kind: Classification, count: int) -> Array:
    """Return the limits of at most ``count`` classes, ascending, from the least value to the largest.

    ``EqualInterval`` has equal steps; ``EqualArea`` as many values in each class, which is as much area for
    the cells of an equal-area plane. ``GeometricInterval`` has steps that grow or shrink by one ratio, the one
    with which the classes are most alike in size. ``NaturalBreaks`` has the least squared differences within
    classes (Fisher's exact method, on 400 quantiles when there are more values). ``StandardDeviation`` has steps of
    one standard deviation from the mean, as many as there may be and nearest to the mean first.

    Limits that coincide are one, so that fewer classes may come out.
    """
    low, high = float(values.min()), float(values.max())
    if low == high or count < 2:
        return np.array([low, high])
    if kind == "EqualInterval":
        inner = np.linspace(low, high, count + 1)[1:-1]
    elif kind == "EqualArea":
        inner = np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])
    elif kind == "GeometricInterval":
        inner = _geometric(np.sort(values), count)
    elif kind == "NaturalBreaks":
        inner = _natural(values, count)
    else:
        inner = _deviations(values, count)
    inner = inner[(inner > low) & (inner < high)]
    return np.unique(np.concatenate([[low], inner, [high]]))


def _geometric(ordered: Array, count: int) -> Array:
    steps = np.arange(1, count)
    best: float = np.inf
    chosen: Array = np.array([])
    for ratio in _RATIOS:
        share = steps / count if abs(ratio - 1) < 1e-9 else (ratio**steps - 1) / (ratio**count - 1)
        inner = ordered[0] + share * (ordered[-1] - ordered[0])
        sizes = np.diff(np.concatenate([[0], np.searchsorted(ordered, inner), [len(ordered)]]))
        unlike = float((sizes.astype(float) ** 2).sum())
        if unlike < best:
            best, chosen = unlike, inner
    return chosen


def _deviations(values: Array, count: int) -> Array:
    mean, spread = float(values.mean()), float(values.std())
    reach = min(count, 32)
    limits = mean + spread * np.arange(-reach, reach + 1)
    limits = limits[(limits > values.min()) & (limits < values.max())]
    nearest = np.argsort(np.abs(limits - mean), kind="stable")[: count - 1]
    return np.asarray(np.sort(limits[nearest]))


def _natural(values: Array, count: int) -> Array:
    distinct, repeats = np.unique(values, return_counts=True)
    if len(distinct) > _JENKS_VALUES:
        distinct = np.unique(np.quantile(values, np.linspace(0, 1, _JENKS_VALUES), method="nearest"))
        repeats = np.bincount(np.searchsorted(distinct, values), minlength=len(distinct))
    n = len(distinct)
    if n <= count:
        return np.asarray((distinct[1:] + distinct[:-1]) / 2)
    weight, first, second = (
        np.concatenate([[0], np.cumsum(repeats * distinct**power)]) for power in (0, 1, 2)
    )
    # cost[i, j] is what the values i to j - 1 differ from their mean, squared
    inside = np.maximum(weight[None, :] - weight[:, None], 1)
    cost = second[None, :] - second[:, None] - (first[None, :] - first[:, None]) ** 2 / inside
    cost[np.tril_indices(n + 1)] = np.inf
    best = cost[0].copy()
    origins = []
    for _ in range(count - 1):
        total = best[:, None] + cost
        origins.append(total.argmin(axis=0))
        best = total.min(axis=0)
    cuts: list[int] = []
    end = n
    for origin in reversed(origins):
        end = int(origin[end])
        cuts.append(end)
    chosen = np.array(sorted(cuts))
    return np.asarray((distinct[chosen - 1] + distinct[chosen]) / 2)
