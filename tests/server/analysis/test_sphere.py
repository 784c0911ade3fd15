from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from shapely import LineString, Polygon, box

from spatial_widgets.server.analysis.sphere import (
    is_geodesic,
    rings_to_polygons,
    split_at_antimeridian,
    unproject,
)


@pytest.mark.parametrize(
    ("code", "geodesic"),
    [(4326, True), (4269, True), (3857, True), (32633, False), (5070, False), (2227, False)],
)
def test_degrees_and_web_mercator_need_geodesic_distances(code, geodesic):
    assert is_geodesic(pyproj.CRS(code)) is geodesic


def test_esris_own_number_for_web_mercator_counts_as_well():
    assert is_geodesic(pyproj.CRS("ESRI:102100"))


def test_shapes_beyond_180_are_cut_and_moved():
    shapes = np.array(
        [box(170, 0, 190, 10), box(-190, 0, -170, 10), box(0, 0, 1, 1), LineString([(175, 0), (185, 10)])],
        dtype=object,
    )
    made = split_at_antimeridian(shapes)
    expected = shapely.MultiPolygon([box(170, 0, 180, 10), box(-180, 0, -170, 10)])
    assert made[0].equals(expected)
    assert made[1].equals(expected)
    assert made[2] is shapes[2]
    assert made[3].equals(shapely.MultiLineString([[(175, 0), (180, 5)], [(-180, 5), (-175, 10)]]))


def test_a_shape_that_only_touches_180_stays_a_polygon():
    made = split_at_antimeridian(np.array([box(180, 0, 190, 10)], dtype=object))
    assert made[0].equals(box(-180, 0, -170, 10))


def test_a_ring_around_the_earth_takes_the_pole_in():
    lon = np.array([[-180.0, -90, 0, 90, 180]])
    made = rings_to_polygons(lon, np.full((1, 5), 80.0), np.array([85.0]))
    assert made[0].equals(box(-180, 80, 180, 90))
    made = rings_to_polygons(lon + 45, np.full((1, 5), -80.0), np.array([-85.0]))
    assert made[0].equals(box(-180, -90, 180, -80))


def test_a_planar_shape_with_a_hole_around_the_pole_comes_back_as_a_belt():
    polar = pyproj.Proj(proj="aeqd", lat_0=90, lon_0=0, ellps="WGS84")
    disc = shapely.Point(0, 0).buffer(1_000_000, quad_segs=32)
    belt = np.array([disc.difference(shapely.Point(0, 0).buffer(500_000, quad_segs=32))], dtype=object)
    made = unproject(belt, lambda x, y: polar(x, y, inverse=True), 90.0)[0]
    assert made.is_valid
    assert made.bounds == pytest.approx((-180, 81.04, 180, 85.53), abs=0.02)
    assert not made.contains(shapely.Point(0, 89))
    assert made.contains(shapely.Point(179, 83))


def test_a_hole_across_180_degrees_stays_a_hole():
    local = pyproj.Proj(proj="aeqd", lat_0=10, lon_0=180, ellps="WGS84")
    ring = np.array(
        [Polygon(box(-2e5, -2e5, 2e5, 2e5).exterior.coords, [box(-1e5, -1e5, 1e5, 1e5).exterior.coords])],
        dtype=object,
    )
    made = unproject(ring, lambda x, y: local(x, y, inverse=True), 10.0)[0]
    assert made.is_valid
    assert not made.intersects(shapely.Point(179.99, 10))
    assert made.intersects(shapely.Point(-178.5, 10))
    assert made.bounds[0] == -180
