"""Ordinary kriging from the nearest values, with a variogram fitted to all of them; needs scipy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from spatial_widgets.server.analysis.neighbors import Sites

__all__ = ["Variogram", "fit_variogram", "krige"]

Array = np.ndarray[Any, Any]
Model = Literal["exponential", "spherical"]

_MODELS: tuple[Model, ...] = ("exponential", "spherical")
_SAMPLE = 1500  # sites whose pairs tell the variogram
_LAGS = 15
_AT_ONCE = 4_000_000  # numbers in memory
_JITTER = 1e-10  # of the sill: keeps systems of nearly equal rows solvable


@dataclass(frozen=True, slots=True)
class Variogram:
    """How unlike values are: ``nugget`` at once, ``nugget + sill`` at the ``range`` in metres and beyond.

    An exponential one comes to 95 % of the sill at the range.
    """

    model: Model
    nugget: float
    sill: float
    range: float

    def correlation(self, distance: Array) -> Array:
        """Return how alike the part of values is that is not nugget, from 1 at no distance to 0."""
        if self.model == "exponential":
            return np.asarray(np.exp(-3 * distance / self.range))
        share = np.minimum(distance / self.range, 1)
        return np.asarray(1 - 1.5 * share + 0.5 * share**3)

    def gamma(self, distance: Array) -> Array:
        """Return the semivariance at distances above 0."""
        return self.nugget + self.sill * (1 - self.correlation(distance))


def fit_variogram(sites: Sites, values: Array, rng: np.random.Generator) -> Variogram:
    """Return the exponential or the spherical variogram that fits best, by weighted least squares.

    It is fitted to mean half squared differences in 15 classes of distance up to half of the largest, weighted by
    the number of pairs and by the inverse square of the model (Cressie 1985, https://doi.org/10.1007/BF01032109).
    Pairs are those of all sites, or of 1,500 of them.
    """
    from scipy.optimize import least_squares

    rows = np.arange(len(values))
    if len(rows) > _SAMPLE:
        rows = np.sort(rng.choice(len(rows), _SAMPLE, replace=False))
    distance, gamma, pairs = _empirical(sites.take(rows), values[rows])
    variance = float(values.var())
    limits = ([0, 1e-4, distance[0] / distance[-1] / 2], [5, 20, 5])
    tried = []
    for model in _MODELS:

        def made(numbers: Array, model: Model = model) -> Variogram:
            nugget, sill, reach = (float(number) for number in numbers)
            return Variogram(model, nugget * variance, sill * variance, reach * float(distance[-1]))

        def misfit(numbers: Array, made: Any = made) -> Array:
            return np.asarray(np.sqrt(pairs) * (gamma / made(numbers).gamma(distance) - 1))

        for start in (0.2, 0.6):
            found = least_squares(misfit, [0.1, 0.9, start], bounds=limits)
            tried.append((float(found.cost), made(found.x)))
    return min(tried, key=lambda one: one[0])[1]


def _empirical(sites: Sites, values: Array) -> tuple[Array, Array, Array]:
    """Return mean distance, mean half squared difference and number of pairs for classes of distance."""
    first, second = np.triu_indices(len(values), k=1)
    distance = sites.arc(np.linalg.norm(sites.positions[first] - sites.positions[second], axis=1))
    half = 0.5 * (values[first] - values[second]) ** 2
    limit = float(distance.max()) / 2
    close = (distance > 0) & (distance <= limit)
    lag = np.minimum((distance[close] / limit * _LAGS).astype("int64"), _LAGS - 1)
    pairs = np.bincount(lag, minlength=_LAGS)
    some = pairs > 0
    total, unlike = (np.bincount(lag, one[close], minlength=_LAGS)[some] for one in (distance, half))
    return total / pairs[some], np.maximum(unlike / pairs[some], 1e-12 * values.var()), pairs[some]


def krige(
    sites: Sites, values: Array, variogram: Variogram, targets: Sites, count: int
) -> tuple[Array, Array]:
    """Return predictions at targets and their standard errors, each from the ``count`` nearest sites.

    Sites are distinct. At a site the prediction is its value, and the error 0.

    Source: Cressie, N. (1993), Statistics for Spatial Data, section 3.2.
    """
    from scipy.spatial import KDTree

    count = min(count, len(values))
    tree = KDTree(sites.positions)
    prediction, error = np.empty(len(targets)), np.empty(len(targets))
    step = max(1, _AT_ONCE // (count * count * sites.positions.shape[1]))
    for start in range(0, len(targets), step):
        rows = slice(start, start + step)
        places = targets.positions[rows]
        chord, near = tree.query(places, k=count)
        chord, near = chord.reshape(len(places), count), near.reshape(len(places), count)
        prediction[rows], error[rows] = _solve(sites, values[near], variogram, chord, sites.positions[near])
    return prediction, error


def _solve(
    sites: Sites, values: Array, variogram: Variogram, chord: Array, positions: Array
) -> tuple[Array, Array]:
    n, count = values.shape
    whole = variogram.nugget + variogram.sill
    between = sites.arc(np.linalg.norm(positions[:, :, None] - positions[:, None], axis=3))
    system = np.ones((n, count + 1, count + 1))
    system[:, :count, :count] = variogram.sill * variogram.correlation(between) / whole
    system[:, np.arange(count), np.arange(count)] = 1 + _JITTER
    system[:, count, count] = 0
    right = np.ones((n, count + 1))
    here = chord <= 1e-9 * np.maximum(chord.max(axis=1), 1e-9)[:, None]
    away = variogram.sill * variogram.correlation(sites.arc(chord)) / whole
    right[:, :count] = np.where(here, 1.0, away)
    weights = np.linalg.solve(system, right[:, :, None])[:, :, 0]
    # Differences from the nearest value: weights add up to 1, but for rounding.
    base = values[:, :1]
    prediction = base[:, 0] + (weights[:, :count] * (values - base)).sum(axis=1)
    variance = whole * (1 - (weights * right).sum(axis=1))
    at = here[:, 0]  # the nearest comes first
    return np.where(at, values[:, 0], prediction), np.where(at, 0.0, np.sqrt(np.maximum(variance, 0)))
