"""Kernel density against the formula for every pair, and against what must be conserved."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from shapely import LineString, MultiLineString

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis import kernels
from spatial_widgets.server.analysis.cells import plane_for
from spatial_widgets.server.analysis.kernels import choose_radius, kernel_density, pieces_of_lines
from spatial_widgets.server.analysis.neighbors import Sites
from spatial_widgets.server.analysis.surfaces import surface_over

GEOD = pyproj.Geod(ellps="WGS84")
RADIUS_M = 6371008.8


def flat(xy):
    return Sites(np.asarray(xy, dtype=float), spherical=False)


spots = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(spots, spots, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_density_is_the_sum_of_the_kernel_over_all_pairs(nodes, sources, radius, seed):
    nodes, sources = np.array(nodes, dtype=float), np.array(sources, dtype=float)
    weights = np.random.default_rng(seed).uniform(0.1, 3, len(sources))
    u = np.minimum(cdist(nodes, sources) / radius, 1)
    expected = (3 / (np.pi * radius**2) * (1 - u**2) ** 2 * weights).sum(axis=1)
    made = kernel_density(flat(nodes), flat(sources), weights, float(radius))
    assert made == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("block", [10, 10_000_000])
def test_blocks_make_no_difference_and_points_on_nodes_count(monkeypatch, block):
    monkeypatch.setattr(kernels, "_AT_ONCE", block)
    x, y = (part.ravel() for part in np.meshgrid(np.arange(15.0), np.arange(15.0)))
    nodes = flat(np.column_stack([x, y]))
    made = kernel_density(nodes, flat([[7, 7], [7, 7], [3, 4]]), np.array([1.0, 2, 1]), 5.0)
    assert made.reshape(15, 15)[7, 7] == pytest.approx(
        3 / (np.pi * 25) * (3 + (1 - (cdist([[7, 7]], [[3, 4]])[0, 0] / 5) ** 2) ** 2)
    )


@pytest.mark.parametrize("radius_km", [300, 1000, 5000])
def test_what_is_spread_over_the_sphere_adds_up(radius_km):
    n = 200_000  # a spiral from pole to pole, whose places stand for equal areas
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))
    lonlat = np.column_stack(
        [np.rad2deg(turn) % 360 - 180, np.rad2deg(np.arcsin(1 - (2 * np.arange(n) + 1) / n))]
    )
    nodes = Sites.of(lonlat, pyproj.CRS(4326))
    sources = Sites.of(np.array([[179.9, 10.0], [0, 89.5], [-120, -40]]), pyproj.CRS(4326))
    density = kernel_density(nodes, sources, np.array([1.0, 2.0, 3.0]), radius_km * 1000.0)
    assert density.sum() * 4 * np.pi * RADIUS_M**2 / n == pytest.approx(6, rel=0.001)


def test_the_sum_over_a_grid_is_the_number_of_points():
    rng = np.random.default_rng(2)
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(rng.normal(500_000, 5000, 300), rng.normal(5e6, 5000, 300)), crs=32633
    )
    xy = np.column_stack([points.geometry.x, points.geometry.y])
    bounds = points.total_bounds + np.array([-4000, -4000, 4000, 4000])
    surface = surface_over(plane_for(points), bounds, 500.0)
    density = kernel_density(surface.sites(), flat(xy), np.ones(300), 4000.0).reshape(surface.shape)
    assert (density * surface.areas_m2()).sum() == pytest.approx(300, rel=1e-4)


def test_pieces_of_lines_keep_the_length_and_lie_on_great_circles():
    line = MultiLineString([[(170, 50), (-170, 50)], [(0, 0), (0, 10), (10, 10)]])
    layer = gpd.GeoDataFrame(
        geometry=[MultiLineString([[(170, 50), (190, 50)]]), line.geoms[1]], crs=4326
    )  # 190 is 170 west
    sites, weights = pieces_of_lines(layer, np.array([1.0, 2.0]), 20_000.0)
    lengths = [GEOD.geometry_length(one) for one in layer.geometry]
    assert weights.sum() == pytest.approx(lengths[0] + 2 * lengths[1], rel=0.006)
    assert np.linalg.norm(sites.positions, axis=1) == pytest.approx(np.full(len(weights), RADIUS_M))
    first = sites.positions[weights < 20_001][: int(np.ceil(lengths[0] / 20_000))]
    gaps = np.linalg.norm(np.diff(first, axis=0), axis=1)
    assert gaps == pytest.approx(np.full(len(gaps), gaps[0]), rel=1e-6)


def test_the_density_beside_a_long_line_is_the_kernel_integrated_along_it():
    layer = gpd.GeoDataFrame(geometry=[LineString([(0, 0), (100_000, 0)])], crs=32633)
    sites, weights = pieces_of_lines(layer, np.ones(1), 125.0)
    for away in (0.0, 400.0, 900.0):
        made = kernel_density(flat([[50_000, away]]), sites, weights, 1000.0)[0]
        t = np.linspace(-1000, 1000, 200_001)
        u = np.minimum(np.hypot(t, away) / 1000, 1)
        assert made == pytest.approx(np.trapezoid(3 / (np.pi * 1000**2) * (1 - u**2) ** 2, t), rel=0.01)


def test_the_radius_is_that_of_the_published_rule():
    rng = np.random.default_rng(3)
    xy = rng.normal(0, 1000, (500, 2))
    distance = np.linalg.norm(xy - xy.mean(axis=0), axis=1)
    expected = (
        0.9 * min(np.sqrt((distance**2).mean()), np.sort(distance)[249] / np.sqrt(np.log(2))) * 500**-0.2
    )
    assert choose_radius(flat(xy), np.ones(500)) == pytest.approx(expected, rel=0.005)
    assert choose_radius(flat(xy), np.full(500, 7.0)) == pytest.approx(choose_radius(flat(xy), np.ones(500)))
    assert choose_radius(flat([[1, 1]] * 4), np.ones(4)) == 0


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(kernels, "_MOST_PAIRS", 3)
    with pytest.raises(ParameterError, match="radius: 4 pairs of cells and features are too many"):
        kernel_density(flat([[0, 0], [1, 0]]), flat([[0, 0], [1, 1]]), np.ones(2), 9.0)
