from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from spatial_widgets.server.analysis.relations import pairs_within, related

GEOD = pyproj.Geod(ellps="WGS84")
PREDICATES = {
    "IdenticalTo": shapely.equals,
    "Intersects": shapely.intersects,
    "CompletelyContains": shapely.contains_properly,
    "CompletelyWithin": lambda one, two: shapely.contains_properly(two, one),
    "Contains": shapely.covers,
    "Within": shapely.covered_by,
}
corner = st.integers(0, 4)
shapes = st.lists(
    st.one_of(
        st.builds(Point, corner, corner),
        st.builds(lambda x, y, w, h: box(x, y, x + w + 1, y + h + 1), corner, corner, corner, corner),
        st.builds(lambda x, y, w: LineString([(x, y), (x + w + 1, y + 1)]), corner, corner, corner),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=120, deadline=None)
@given(shapes, shapes, st.sampled_from(sorted(PREDICATES)))
def test_relations_are_those_of_every_pair_by_itself(first, second, relation):
    one, two = np.array(first), np.array(second)
    expected = [
        (i, j) for i in range(len(one)) for j in range(len(two)) if PREDICATES[relation](one[i], two[j])
    ]
    found = related(one.copy(), two.copy(), relation)
    assert list(zip(*(side.tolist() for side in found), strict=True)) == expected


@settings(max_examples=60, deadline=None)
@given(
    *[st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=9)] * 2,
    st.floats(1, 9_000_000),
)
def test_points_within_a_distance_are_those_that_geographiclib_measures(one, two, meters):
    layers = [gpd.GeoDataFrame(geometry=[Point(p) for p in places], crs=4326) for places in (one, two)]
    found = pairs_within(*layers, meters)
    expected = [(i, j) for i, a in enumerate(one) for j, b in enumerate(two) if GEOD.inv(*a, *b)[2] <= meters]
    assert list(zip(*(side.tolist() for side in found), strict=True)) == expected


@pytest.mark.parametrize(
    ("here", "there", "meters"),
    [  # the circle passes next to a pole, where its sides in degrees run far inside
        ((95.37, -22.31), (55.98, -88.88), 7_506_422),
        ((154.83, -19.55), (117.60, -85.49), 7_462_929),
        ((-153.73, 23.88), (-166.72, 83.10), 6_613_305),
        ((0.0, 89.9), (179.0, 89.9995), 11_300),
    ],
)
def test_points_beyond_a_pole_are_near_too(here, there, meters):
    assert GEOD.inv(*here, *there)[2] <= meters
    layers = [gpd.GeoDataFrame(geometry=[Point(place)], crs=4326) for place in (here, there)]
    assert [side.tolist() for side in pairs_within(*layers, meters)] == [[0], [0]]


@pytest.mark.parametrize("turned", [False, True])
def test_lines_and_polygons_are_near_across_180_degrees_too(turned):
    lines = gpd.GeoDataFrame(
        geometry=[LineString([(179, 0), (179.5, 0)]), LineString([(0, 60), (1, 60)])], crs=4326
    )
    points = gpd.GeoDataFrame(geometry=[Point(-179.5, 0), Point(0.5, 60.1), Point(50, 50)], crs=4326)
    far = GEOD.inv(179.5, 0, -179.5, 0)[2]
    for meters, expected in ((far * 1.01, [(0, 0), (1, 1)]), (far * 0.99, [(1, 1)]), (1000, [])):
        found = pairs_within(points, lines, meters) if turned else pairs_within(lines, points, meters)
        assert list(zip(*(side.tolist() for side in found), strict=True)) == expected


def test_layers_in_a_plane_are_measured_there():
    one = gpd.GeoDataFrame(geometry=[Point(0, 0), Point(100, 0)], crs=2227)
    two = gpd.GeoDataFrame(geometry=[Point(3, 4)], crs=2227)
    foot = 1200 / 3937
    assert [side.tolist() for side in pairs_within(one, two, 5.001 * foot)] == [[0], [0]]
    assert [side.tolist() for side in pairs_within(one, two, 4.999 * foot)] == [[], []]
