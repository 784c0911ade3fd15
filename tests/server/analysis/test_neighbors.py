from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from shapely import MultiPolygon, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis import neighbors, scale
from spatial_widgets.server.analysis.neighbors import Sites, middles

GEOD = pyproj.Geod(ellps="WGS84")


def test_distances_follow_the_globe_across_180_degrees():
    xy = np.array([[179.9, 0], [-179.9, 0], [170, 0]])
    sites = Sites.of(xy, pyproj.CRS(4326))
    assert sites.nearest(1)[:2, 0] == pytest.approx([22_239, 22_239], rel=0.001)  # 0.2 degrees of 111.195 km
    assert sorted(zip(*sites.pairs(30_000, parameter="distanceBand"), strict=True)) == [(0, 1), (1, 0)]


def test_distances_differ_from_the_ellipsoid_by_less_than_0_6_percent():
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(-180, 180, 200), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 200)))
    sites = Sites.of(np.column_stack([lon, lat]), pyproj.CRS(4326))
    nearest = sites.nearest(199)
    exact = np.sort(
        GEOD.inv(*np.broadcast_arrays(lon[:, None], lat[:, None], lon[None], lat[None]))[2], axis=1
    )[:, 1:]
    assert nearest == pytest.approx(exact, rel=0.006)


def test_a_plane_is_measured_in_metres():
    feet = Sites.of(np.array([[0.0, 0], [1000, 0]]), pyproj.CRS(2227))  # US survey feet
    assert feet.nearest(1)[0, 0] == pytest.approx(1000 * 1200 / 3937)


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(neighbors, "MOST_PAIRS", 3)
    sites = Sites(np.zeros((4, 2)), spherical=False)
    with pytest.raises(ParameterError, match="distanceBand: 1 km makes more than 3 pairs"):
        sites.pairs(1000, parameter="distanceBand")


def test_the_middle_of_a_country_on_both_sides_of_180_degrees_is_where_it_is():
    both = MultiPolygon([box(178, -1, 180, 1), box(-180, -1, -178, 1)])
    lon, lat = middles(gpd.GeoDataFrame(geometry=[both], crs=4326))[0]
    assert abs(lon) == pytest.approx(180)
    assert lat == pytest.approx(0)
    alaska = sample("states").set_index("name").loc[["Alaska"]]
    lon, lat = middles(alaska)[0]
    assert (lon, lat) == pytest.approx((-152, 64), abs=2)


def test_the_cell_size_is_twice_the_nearest_distance_of_a_regular_lattice():
    x, y = np.meshgrid(np.arange(20) * 100.0, np.arange(20) * 100.0)
    lattice = np.column_stack([x.ravel(), y.ravel()])
    repeated = np.vstack([lattice, lattice[:50]])  # coincident points count once
    choice = scale.choose_cell_size(Sites(repeated, spherical=False))
    assert choice.meters == pytest.approx(200)
    far = np.vstack([lattice, [[50_000, 50_000]]])
    choice = scale.choose_cell_size(Sites(far, spherical=False))
    assert choice.meters == pytest.approx(200)
    assert "without 1 locational outliers" in choice.reason


def test_the_band_is_the_size_of_a_cluster_or_gives_enough_neighbours():
    rng = np.random.default_rng(4)
    x, y = np.meshgrid(np.arange(30) * 1000.0, np.arange(30) * 1000.0)
    sites = Sites(np.column_stack([x.ravel(), y.ravel()]), spherical=False)
    clustered = np.exp(-(((sites.positions - 15_000) / 4000) ** 2).sum(axis=1)) * 10 + rng.normal(size=900)
    choice = scale.choose_band(sites, clustered)
    assert 1000 < choice.meters < 15_000
    noise = scale.choose_band(sites, rng.normal(size=900))
    assert "peak" in noise.reason or "30 neighbours" in noise.reason
    few = scale.choose_band(
        Sites(np.array([[0.0, 0], [10, 0], [20, 0], [30, 0]]), spherical=False), np.array([1.0, 2, 3, 4])
    )
    assert 10 <= few.meters <= 30


def test_a_point_has_itself_as_middle():
    assert middles(gpd.GeoDataFrame(geometry=[Point(10, 50)], crs=4326))[0] == pytest.approx([10, 50])
    assert middles(gpd.GeoDataFrame(geometry=[Point(10, 50)], crs=3035))[0] == pytest.approx([10, 50])
