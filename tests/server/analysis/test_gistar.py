"""Gi*, Moran's I and the bins, against formulas written out here and numbers computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import norm

from spatial_widgets.server.analysis import gistar
from spatial_widgets.server.analysis.gistar import confidence_bins, gi_star, moran_z


def pairs_within(xy, distance):
    near = cdist(xy, xy) <= distance
    np.fill_diagonal(near, False)
    return np.nonzero(near)


def published_gi_star(x, w):
    """The formula as printed on Esri's page "How Hot Spot Analysis (Getis-Ord Gi*) works", one feature at a time."""
    n, mean = len(x), sum(x) / len(x)
    s = math.sqrt(sum(v * v for v in x) / n - mean**2)
    z = []
    for i in range(n):
        total, square = sum(w[i]), sum(v * v for v in w[i])
        if total == n:  # all are neighbours
            z.append(math.nan)
            continue
        above = sum(w[i][j] * x[j] for j in range(n)) - mean * total
        z.append(above / (s * math.sqrt((n * square - total**2) / (n - 1))))
    return z


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(3, 40),
    reach=st.floats(0.05, 1.5),
    shift=st.sampled_from([0, -50, 1000]),
)
def test_z_is_that_of_the_published_formula(seed, n, reach, shift):
    rng = np.random.default_rng(seed)
    xy, x = rng.random((n, 2)), rng.gamma(2, 3, n) + shift
    made = gi_star(x, *pairs_within(xy, reach))
    w = (cdist(xy, xy) <= reach).astype(float)  # the feature itself is in
    expected = published_gi_star(x.tolist(), w.tolist())
    assert made.z == pytest.approx(expected, rel=1e-6, abs=1e-7, nan_ok=True)
    assert made.neighbors.tolist() == (w.sum(axis=1) - 1).astype(int).tolist()


def test_z_of_a_row_of_five_by_hand():
    # x = 1 2 3 4 10 in a row, neighbours next to each other: mean 4, s = sqrt(26 - 16) = sqrt(10)
    focal, neighbor = np.array([0, 1, 1, 2, 2, 3, 3, 4]), np.array([1, 0, 2, 1, 3, 2, 4, 3])
    made = gi_star(np.array([1.0, 2, 3, 4, 10]), focal, neighbor)
    end, middle = math.sqrt(10) * math.sqrt((5 * 2 - 4) / 4), math.sqrt(10) * math.sqrt((5 * 3 - 9) / 4)
    assert made.z == pytest.approx(
        [(3 - 8) / end, (6 - 12) / middle, (9 - 12) / middle, (17 - 12) / middle, (14 - 8) / end]
    )
    assert made.p == pytest.approx([2 * (1 - norm.cdf(abs(z))) for z in made.z])


def test_p_is_two_sided():
    made = gi_star(np.array([0.0, 0, 0, 9, 9, 9]), np.array([0, 1, 4, 5]), np.array([1, 0, 5, 4]))
    assert made.p[0] == pytest.approx(made.p[5])
    assert made.z[0] == pytest.approx(-made.z[5])
    assert norm.isf(made.p[5] / 2) == pytest.approx(made.z[5])


def test_a_feature_without_neighbours_is_compared_by_its_own_value():
    x = np.array([1.0, 2, 3, 10])
    made = gi_star(x, np.array([0, 1]), np.array([1, 0]))
    assert made.neighbors.tolist() == [1, 1, 0, 0]
    assert made.z[3] == pytest.approx((10 - 4) / x.std())


def test_where_all_are_neighbours_there_is_no_z():
    focal, neighbor = np.nonzero(~np.eye(4, dtype=bool))
    made = gi_star(np.array([1.0, 2, 3, 10]), focal, neighbor)
    assert np.isnan(made.z).all()
    assert confidence_bins(made.z, made.p).tolist() == [0, 0, 0, 0]


def test_bins_follow_the_false_discovery_rate():
    # n = 10. Benjamini-Hochberg: the largest k with p(k) < k * alpha / n, then the k smallest are significant.
    # alpha 0.01: 0.0005 < 0.001, 0.0015 < 0.002, then 0.004 > 0.003 and 0.006 > 0.004     -> 2
    # alpha 0.05: 0.004 < 0.015, 0.006 < 0.02, 0.024 < 0.025, then 0.04 > 0.03              -> 5
    # alpha 0.10: 0.04 < 0.06, then 0.08 > 0.07                                              -> 6
    p = np.array([0.0005, 0.0015, 0.004, 0.006, 0.024, 0.04, 0.08, 0.3, 0.5, 0.9])
    z = np.array([4, -4, 3, -3, 2.2, -2, 1.7, 1, 0.5, 0.1])
    assert confidence_bins(z, p).tolist() == [3, -3, 2, -2, 2, -1, 0, 0, 0, 0]


def test_what_looks_significant_alone_is_not_among_many():
    p = np.full(100, 0.6)
    p[:3] = 0.04
    assert not confidence_bins(np.full(100, 2.0), p).any()


def test_bins_leave_unknown_values_out():
    assert confidence_bins(np.array([5.0, np.nan]), np.array([1e-6, np.nan])).tolist() == [3, 0]


def test_moran_agrees_with_esda():
    import esda

    rng = np.random.default_rng(2)
    xy = rng.random((60, 2))
    values = xy[:, 0] + rng.normal(size=60)
    focal, neighbor = pairs_within(xy, 0.3)
    reference = esda.Moran(values, gistar._graph(focal, neighbor), transformation="r", permutations=0)
    assert moran_z(values, focal, neighbor) == pytest.approx(reference.z_norm)
