"""Kriging against the Gaussian process of scikit-learn, and against laws that hold for any values."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from spatial_widgets.server.analysis.kriging import Variogram, fit_variogram, krige
from spatial_widgets.server.analysis.neighbors import Sites


def flat(xy):
    return Sites(np.asarray(xy, dtype=float), spherical=False)


def hills(n, seed=1):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (n, 2))
    return xy, np.sin(xy[:, 0] / 15) * 5 + xy[:, 1] / 20 + rng.normal(0, 0.3, n)


@pytest.mark.parametrize("nugget", [0.0, 0.2])
def test_prediction_and_error_are_those_of_a_gaussian_process_with_an_unknown_mean(nugget):
    xy, values = hills(60)
    variogram = Variogram("exponential", nugget, 4.0, 60.0)
    targets = np.random.default_rng(2).uniform(0, 100, (40, 2))
    predicted, error = krige(flat(xy), values, variogram, flat(targets), 60)
    # A constant of enormous variance stands for the mean that is not known. 95 % of the sill at 60 is exp(-d / 20).
    kernel = ConstantKernel(4.0, "fixed") * Matern(20.0, "fixed", nu=0.5) + ConstantKernel(1e6, "fixed")
    process = GaussianProcessRegressor(kernel, alpha=nugget + 1e-10, optimizer=None).fit(xy, values)
    mean, deviation = process.predict(targets, return_std=True)
    assert predicted == pytest.approx(mean, abs=1e-4)
    assert error == pytest.approx(np.sqrt(deviation**2 + nugget), abs=1e-4)


def test_few_neighbours_come_close_to_all_of_them():
    xy, values = hills(160)
    variogram = fit_variogram(flat(xy), values, np.random.default_rng(0))
    targets = flat(np.random.default_rng(3).uniform(5, 95, (60, 2)))
    near, _ = krige(flat(xy), values, variogram, targets, 16)
    everything, _ = krige(flat(xy), values, variogram, targets, 160)
    assert np.sqrt(((near - everything) ** 2).mean()) < 0.1 * values.std()


places = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=15, unique=True)


@settings(max_examples=50, deadline=None)
@given(places, st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from(["exponential", "spherical"]))
def test_measured_values_come_back_and_a_shift_shifts_all(xy, seed, nugget, model):
    rng = np.random.default_rng(seed)
    values, targets = rng.normal(size=len(xy)), flat(rng.uniform(-5, 25, (6, 2)))
    variogram = Variogram(model, nugget, 1.0, 12.0)
    back, error = krige(flat(xy), values, variogram, flat(xy), 8)
    assert back == pytest.approx(values, abs=1e-9)
    assert error == pytest.approx(0)
    first, spread = krige(flat(xy), values, variogram, targets, 8)
    second, same = krige(flat(xy), values * 3 + 1000, variogram, targets, 8)
    assert second == pytest.approx(first * 3 + 1000, abs=1e-6)
    assert same == pytest.approx(spread)


def test_a_fitted_variogram_is_close_to_the_one_that_made_the_values():
    rng = np.random.default_rng(4)
    xy = rng.uniform(0, 100, (900, 2))
    truth = Variogram("exponential", 0.5, 4.0, 30.0)
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    covariance = truth.sill * truth.correlation(distance) + truth.nugget * np.eye(900)
    values = np.linalg.cholesky(covariance) @ rng.normal(size=900)
    made = fit_variogram(flat(xy), values, rng)
    lags = np.array([3.0, 10, 20, 40])
    assert made.gamma(lags) == pytest.approx(truth.gamma(lags), rel=0.3)


def test_errors_are_as_large_as_they_say():
    xy, values = hills(600, seed=5)
    variogram = fit_variogram(flat(xy[:400]), values[:400], np.random.default_rng(0))
    predicted, error = krige(flat(xy[:400]), values[:400], variogram, flat(xy[400:]), 16)
    assert 0.85 < (np.abs(predicted - values[400:]) < 1.96 * error).mean() <= 1
    assert np.sqrt(((predicted - values[400:]) ** 2).mean()) < 0.25 * values.std()


def test_distances_follow_the_globe_across_180_degrees():
    lon, lat = np.random.default_rng(6).uniform(-5, 5, (2, 60))
    values = np.sin(lon) + lat / 3
    variogram = Variogram("exponential", 0.0, 1.0, 500_000.0)
    here, there = (
        krige(*(make(shift) for make in (
            lambda s: Sites.of(np.column_stack([(lon + s + 180) % 360 - 180, lat]), pyproj.CRS(4326)),
            lambda s: values,
            lambda s: variogram,
            lambda s: Sites.of(np.array([[(0.3 + s + 180) % 360 - 180, 0.2]]), pyproj.CRS(4326)),
        )), 12)
        for shift in (0, 180)
    )  # fmt: skip
    assert there[0] == pytest.approx(here[0])
    assert there[1] == pytest.approx(here[1])
