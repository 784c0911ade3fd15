"""The nearest features, beside all pairs."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis import nearest as module
from spatial_widgets.server.analysis.connecting import geodesics
from spatial_widgets.server.analysis.nearest import nearest
from spatial_widgets.server.analysis.outlines import Outlines

GEOD = pyproj.Geod(ellps="WGS84")
# Degrees in halves: there are equal places, the poles, and both ends of the antimeridian.
LONLAT = st.tuples(st.integers(-360, 360), st.integers(-180, 180)).map(
    lambda halves: (halves[0] / 2, halves[1] / 2)
)
LAYER = st.lists(LONLAT, min_size=1, max_size=25)


def points(lonlat, crs=4326):
    return gpd.GeoDataFrame(geometry=shapely.points(np.array(lonlat, dtype=float)), crs=crs)


def all_pairs(here, there, distance):
    table = np.array([[distance(a, b) for b in there] for a in here])
    return np.argsort(np.round(table, 6), axis=1, kind="stable"), table


def geodesic(a, b):
    return GEOD.inv(*a, *b)[2]


def planar(a, b):
    return np.hypot(a[0] - b[0], a[1] - b[1])


@given(here=LAYER, there=LAYER, count=st.integers(1, 6), crs=st.sampled_from([4326, 32633]))
@settings(deadline=None, max_examples=60)
def test_points_equal_all_pairs(here, there, count, crs):
    pairs = nearest(Outlines.of(points(here, crs)), Outlines.of(points(there, crs)), count)
    order, table = all_pairs(here, there, geodesic if crs == 4326 else planar)
    number = min(count, len(there))
    assert pairs.there.reshape(len(here), number).tolist() == order[:, :number].tolist()
    assert pairs.rank.reshape(len(here), number).tolist() == [list(range(1, number + 1))] * len(here)
    assert pairs.meters == pytest.approx(table[pairs.here, pairs.there], abs=1e-5)


@given(here=LAYER, there=LAYER, limit_km=st.integers(1, 20_000))
@settings(deadline=None, max_examples=40)
def test_a_limit_leaves_out_what_is_farther(here, there, limit_km):
    pairs = nearest(Outlines.of(points(here)), Outlines.of(points(there)), 25, limit_km * 1000.0)
    _, table = all_pairs(here, there, geodesic)
    assert sorted(zip(pairs.here, pairs.there, strict=True)) == sorted(
        zip(*np.nonzero(table <= limit_km * 1000), strict=True)
    )


def shapes(seed, number, kind):
    rng = np.random.default_rng(seed)
    made = []
    for lon, lat in zip(rng.uniform(-175, 175, number), rng.uniform(-80, 80, number), strict=True):
        ring = np.array([lon, lat]) + rng.uniform(-4, 4, (5, 2))
        made.append(shapely.LineString(ring) if kind == "lines" else shapely.MultiPoint(ring).convex_hull)
    return gpd.GeoDataFrame(geometry=made, crs=4326)


def dense(shape):
    """Places on a shape, 2 km apart or nearer."""
    return shapely.get_coordinates(shapely.segmentize(shape, 0.02))


def sampled_distance(one, other):
    """Return the distance of two shapes as it looks from many places on both: never less than it is."""
    if one.intersects(other):
        return 0.0
    mine, theirs = dense(one), dense(other)
    begin = mine[0]
    for _ in range(6):
        end = theirs[GEOD.inv(*np.broadcast_to(begin, theirs.shape).T, *theirs.T)[2].argmin()]
        begin = mine[GEOD.inv(*np.broadcast_to(end, mine.shape).T, *mine.T)[2].argmin()]
    return geodesic(begin, end)


@pytest.mark.parametrize("kind", ["lines", "polygons"])
@pytest.mark.parametrize("count", [1, 3])
def test_lines_and_polygons_are_at_the_distance_of_their_nearest_places(kind, count):
    here, there = shapes(1, 6, kind), shapes(101, 12, "polygons")
    pairs = nearest(Outlines.of(here), Outlines.of(there), count)
    table = [[sampled_distance(one, other) for other in there.geometry] for one in here.geometry]
    found = pairs.meters.reshape(len(here), count)
    expected = np.sort(table, axis=1)[:, :count]
    assert (found <= expected * (1 + 1e-6) + 1e-6).all()
    assert found == pytest.approx(expected, rel=1e-3, abs=1000)


def test_a_point_inside_is_at_0_and_one_outside_at_its_distance_to_the_border():
    square = gpd.GeoDataFrame(geometry=[shapely.box(10, -1, 12, 1)], crs=4326)
    pairs = nearest(Outlines.of(points([(11, 0), (9, 0), (12, 0)])), Outlines.of(square), 1)
    assert pairs.meters.tolist() == pytest.approx([0, GEOD.inv(9, 0, 10, 0)[2], 0], abs=1e-3)
    assert pairs.ends.tolist()[1] == pytest.approx([10, 0], abs=1e-4)


def test_many_equal_places_do_not_make_many_comparisons():
    same = points([(5, 5)] * 3000)
    pairs = nearest(Outlines.of(same), Outlines.of(same), 2)
    assert pairs.there.tolist() == [0, 1] * 3000
    assert pairs.meters.tolist() == [0] * 6000


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 100)
    monkeypatch.setattr(module, "MOST_COMPARED", 100)
    some = points([(i, 0) for i in range(50)])
    with pytest.raises(ParameterError, match="maxCount: more than 100 pairs"):
        nearest(Outlines.of(some), Outlines.of(some), 3)
    with pytest.raises(ParameterError, match="at most 100 pairs of features are compared"):
        nearest(Outlines.of(some), Outlines.of(shapes(1, 3, "polygons")), 2)


def test_geodesics_are_as_long_as_they_should_be_and_cross_180_degrees():
    begins = np.array([(170.0, 60.0), (-170, 60), (0, 0), (10, 89), (7, 7)])
    ends = np.array([(-170.0, 60.0), (170, 60), (0.1, 0), (-170, 89), (7, 7)])
    lines = geodesics(begins, ends)
    meters = GEOD.inv(*begins.T, *ends.T)[2]
    assert [GEOD.geometry_length(line) for line in lines[:4]] == pytest.approx(meters[:4], rel=1e-3)
    assert lines[4] is None
    assert [line.geom_type for line in lines[:3]] == ["MultiLineString", "MultiLineString", "LineString"]
    assert (np.abs(shapely.bounds(lines[:4])[:, [0, 2]]) <= 180).all()
    for line, begin, end in zip(lines[:3], begins, ends, strict=False):
        corners = shapely.get_coordinates(line).tolist()
        assert begin.tolist() in corners
        assert end.tolist() in corners
