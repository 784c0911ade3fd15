"""Centers and ellipses against published numbers, scipy's minimizer, and comparisons of everything with everything."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from spatial_widgets.server.analysis import centrography
from spatial_widgets.server.analysis.centrography import (
    central_site,
    distances_from,
    mean_center,
    median_center,
)
from spatial_widgets.server.analysis.ellipses import standard_ellipse
from spatial_widgets.server.analysis.neighbors import Sites

# Twelve points of the textbook of O'Sullivan and Unwin, as in the examples of pointpats:
# https://pysal.org/notebooks/explore/pointpats/centrography.html
TWELVE = np.array(
    [
        (66.22, 32.54), (22.52, 22.39), (31.01, 81.21), (9.47, 31.02), (30.78, 60.10), (75.21, 58.93),
        (79.26, 7.68), (8.23, 39.93), (98.73, 77.17), (89.78, 42.53), (65.19, 92.08), (54.46, 8.48),
    ]
)  # fmt: skip
ONES = np.ones(12)


def flat(xy):
    return Sites(np.asarray(xy, dtype=float), spherical=False)


def globe(lonlat):
    return Sites.of(np.asarray(lonlat, dtype=float), pyproj.CRS(4326))


def sums(sites, weights):
    return np.array([weights @ distances_from(sites, place) for place in sites.positions])


def test_the_centers_of_twelve_points_are_the_published_ones():
    assert mean_center(flat(TWELVE), ONES) == pytest.approx([52.57166667, 46.17166667], abs=1e-8)
    assert median_center(flat(TWELVE), ONES) == pytest.approx([54.16770671, 44.4242589], abs=1e-4)


def test_the_ellipse_of_twelve_points_is_the_published_one():
    # The published half axes, 42.62 and 39.62, divide by n - 2 (CrimeStat); here n divides, as at Esri.
    offsets = TWELVE - TWELVE.mean(axis=0)
    made = standard_ellipse(offsets, ONES, 1)
    spread = np.sqrt(made.major**2 / 2 + made.minor**2 / 2)
    assert spread == pytest.approx(40.14980648908671, rel=1e-9)  # the published standard distance
    # The textbook's formula for the direction, and the standard deviations along it:
    x, y = offsets.T
    a, b, c = (x**2).sum(), (y**2).sum(), (x * y).sum()
    theta = np.arctan((a - b + np.sqrt((a - b) ** 2 + 4 * c**2)) / (2 * c))
    along = x * np.sin(theta) + y * np.cos(theta)
    assert made.rotation == pytest.approx(np.rad2deg(theta) % 180)
    assert made.major == pytest.approx(np.sqrt(2 * (along**2).mean()))


def test_an_ellipse_of_normal_places_covers_what_it_should():
    rng = np.random.default_rng(1)
    xy = rng.normal(size=(200_000, 2)) @ np.array([[3.0, 0], [2, 1]])
    for deviations, share in ((1, 1 - np.exp(-1)), (2, 1 - np.exp(-4)), (3, 1 - np.exp(-9))):
        made = standard_ellipse(xy, np.ones(len(xy)), deviations)
        angle = np.deg2rad(made.rotation)
        along = xy @ [np.sin(angle), np.cos(angle)]
        across = xy @ [-np.cos(angle), np.sin(angle)]
        inside = (along / made.major) ** 2 + (across / made.minor) ** 2 <= 1
        assert inside.mean() == pytest.approx(share, abs=0.005)


def test_a_line_has_no_ellipse():
    assert standard_ellipse(np.array([[-1.0, -1], [1, 1]]), np.ones(2), 1) is None
    assert standard_ellipse(np.zeros((4, 2)), np.ones(4), 1) is None


places = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=25)
weighing = st.lists(st.integers(1, 5), min_size=25, max_size=25)


@settings(max_examples=80, deadline=None)
@given(places, weighing, st.booleans())
def test_the_central_site_has_the_least_sum_of_all(xy, weights, spherical):
    sites = globe(np.array(xy) * 5.0) if spherical else flat(xy)
    weights = np.array(weights[: len(xy)], dtype=float)
    every = sums(sites, weights)
    assert every[central_site(sites, weights)] == pytest.approx(every.min(), rel=1e-12, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(places, weighing, st.booleans())
def test_no_place_nearby_is_better_than_the_median_center(xy, weights, spherical):
    sites = globe(np.array(xy) * 5.0) if spherical else flat(xy)
    weights = np.array(weights[: len(xy)], dtype=float)
    place = median_center(sites, weights)
    here = weights @ distances_from(sites, place)
    assert here <= sums(sites, weights).min() * (1 + 1e-9) + 1e-5
    scale = 6.4e6 if spherical else 1.0
    for step in np.random.default_rng(0).normal(size=(12, len(place))) * 1e-3 * scale:
        there = place + step
        if spherical:
            there *= np.linalg.norm(place) / np.linalg.norm(there)
        assert here <= weights @ distances_from(sites, there) * (1 + 1e-9) + 1e-5


@pytest.mark.parametrize("kind", ["plane", "region", "world"])
def test_bounds_do_not_lose_the_central_site_of_thousands(kind, monkeypatch):
    rng = np.random.default_rng(2)
    if kind == "plane":
        sites = flat(rng.gamma(2, 500, (3000, 2)))
    elif kind == "region":
        sites = globe(np.column_stack([rng.normal(178, 3, 3000), rng.normal(60, 3, 3000)]))
    else:
        lat = np.rad2deg(np.arcsin(rng.uniform(-1, 1, 3000)))
        sites = globe(np.column_stack([rng.uniform(-180, 180, 3000), lat]))
    weights = rng.uniform(0, 2, 3000)
    asked = []
    monkeypatch.setattr(centrography, "distances_from", lambda s, p: asked.append(1) or distances_from(s, p))
    found = central_site(sites, weights)
    assert found == sums(sites, weights).argmin()
    assert len(asked) < 1500


def test_the_median_is_that_of_a_general_minimizer():
    rng = np.random.default_rng(3)
    xy, weights = rng.gamma(1, 10, (200, 2)), rng.uniform(0, 3, 200)
    best = minimize(
        lambda p: weights @ np.linalg.norm(xy - p, axis=1), xy.mean(axis=0), method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-9},
    )  # fmt: skip
    assert median_center(flat(xy), weights) == pytest.approx(best.x, abs=1e-6)


def test_a_heavy_site_is_the_median_itself():
    xy = np.array([[0.0, 0], [10, 0], [0, 10], [3, 3]])
    assert median_center(flat(xy), np.array([1.0, 1, 1, 3.5])).tolist() == [3, 3]


def test_turning_the_globe_turns_the_centers():
    rng = np.random.default_rng(4)
    sites = globe(np.column_stack([rng.normal(0, 10, 300), rng.normal(0, 10, 300)]))
    weights = rng.uniform(0, 1, 300)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = Sites(sites.positions @ turn.T, spherical=True)
    for find in (mean_center, median_center):
        assert find(turned, weights) == pytest.approx(turn @ find(sites, weights), abs=0.01)
    assert central_site(turned, weights) == central_site(sites, weights)


def test_opposite_sites_have_no_mean():
    assert mean_center(globe([(0, 90), (0, -90)]), np.ones(2)) is None
    assert median_center(globe([(0, 0), (180, 0)]), np.ones(2)) is None
