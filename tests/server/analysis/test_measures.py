"""Areas and lengths, held to GeographicLib by way of pyproj.Geod."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box

from spatial_widgets.data import sample
from spatial_widgets.server.analysis.measures import areas_m2, lengths_m

GEOD = pyproj.Geod(ellps="WGS84")
DEGREES = pyproj.CRS(4326)


def array(*shapes):
    return np.array(shapes, dtype=object)


def geographiclib_area(shape):
    dense = shapely.segmentize(shape, 0.02)  # sides are straight in degrees here, and geodesics there
    return sum(GEOD.geometry_area_perimeter(shapely.orient_polygons(p))[0] for p in shapely.get_parts(dense))


def geographiclib_length(shape):
    return GEOD.geometry_length(shapely.segmentize(shape, 0.02))


def test_the_whole_earth_and_its_halves_have_their_areas():
    earth = areas_m2(array(box(-180, -90, 180, 90), box(-180, 0, 180, 90), box(0, -90, 180, 90)), DEGREES)
    assert earth[0] == pytest.approx(510_065_621_724_088.44, rel=1e-12)  # the ellipsoid's own area
    assert earth[1:] == pytest.approx([earth[0] / 2] * 2, rel=1e-12)


def test_countries_and_states_have_the_areas_that_geographiclib_gives():
    for name in ("countries", "states"):
        shapes = shapely.make_valid(sample(name).geometry.to_numpy())
        expected = [geographiclib_area(shape) for shape in shapes]
        assert areas_m2(shapes, DEGREES) == pytest.approx(expected, rel=2e-6, abs=500)


def test_lines_have_the_lengths_that_geographiclib_gives():
    lines = array(
        LineString([(0, 0), (1, 0)]),
        LineString([(0, 0), (0, 90)]),
        LineString([(-100, 49), (-95, 49), (-95, 60)]),
        LineString([(10, 80), (100, 85), (-170, 20)]),
    )
    assert lengths_m(lines, DEGREES) == pytest.approx([geographiclib_length(s) for s in lines], rel=1e-6)


def test_holes_are_left_out_and_parts_add_up():
    holed = Polygon(box(0, 40, 4, 44).exterior.coords, [box(1, 41, 2, 42).exterior.coords])
    whole, hole = areas_m2(array(box(0, 40, 4, 44), box(1, 41, 2, 42)), DEGREES)
    both = MultiPolygon([holed, box(10, 0, 11, 1)])
    mixed = shapely.GeometryCollection([both, LineString([(0, 0), (1, 1)]), Point(0, 0)])
    made = areas_m2(array(holed, both, mixed, Point(0, 0), Polygon(), None), DEGREES)
    assert made[0] == pytest.approx(whole - hole, rel=1e-12)
    assert made[1] == made[2] == pytest.approx(whole - hole + areas_m2(array(box(0, 0, 1, 1)), DEGREES)[0])
    assert made[3:].tolist() == [0, 0, 0]
    assert lengths_m(array(mixed, box(0, 0, 1, 1)), DEGREES)[1] == 0


@pytest.mark.parametrize("crs", [3857, 32633, 3035, 2227])
def test_a_projected_layer_has_true_areas_and_lengths_too(crs):
    middle = {3857: (10, 60), 32633: (15, 50), 3035: (20, 55), 2227: (-120, 38)}[crs]
    there = gpd.GeoSeries([Point(*middle)], crs=4326).to_crs(crs).iloc[0]
    side = 50_000 / pyproj.CRS(crs).axis_info[0].unit_conversion_factor
    square = box(there.x, there.y, there.x + side, there.y + side)
    dense = gpd.GeoSeries([shapely.segmentize(square, side / 500)], crs=crs).to_crs(4326).iloc[0]
    expected = abs(GEOD.geometry_area_perimeter(dense)[0])
    assert areas_m2(array(square), pyproj.CRS(crs)) == pytest.approx([expected], rel=1e-6)
    around = GEOD.geometry_length(dense.exterior)
    assert lengths_m(array(square.exterior), pyproj.CRS(crs)) == pytest.approx([around], rel=1e-6)


def test_a_polygon_around_a_pole_or_across_180_degrees_in_a_plane_is_measured():
    cap = Point(0, 0).buffer(1_000_000, quad_segs=200)
    polar = pyproj.CRS.from_proj4("+proj=laea +lat_0=90 +datum=WGS84")
    assert areas_m2(array(cap), polar) == pytest.approx([cap.area], rel=2e-5)
    pacific = pyproj.CRS.from_proj4("+proj=laea +lat_0=0 +lon_0=180 +datum=WGS84")
    assert areas_m2(array(cap), pacific) == pytest.approx([cap.area], rel=2e-5)


def test_a_plane_that_is_nowhere_on_the_earth_keeps_its_own_measures():
    local = pyproj.CRS(
        'ENGCRS["site",EDATUM["x"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
    )
    assert areas_m2(array(box(0, 0, 3, 4)), local).tolist() == [12]
    assert lengths_m(array(LineString([(0, 0), (3, 4)])), local).tolist() == [5]


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-179, 170), st.floats(-89, 80), st.floats(0.001, 9), st.floats(0.001, 9), st.floats(0.1, 0.9)
)
def test_the_pieces_of_a_cut_shape_add_up_to_the_whole(west, south, width, height, share):
    shape = Polygon([(west, south), (west + width, south + height / 3), (west + width / 2, south + height)])
    cut = west + share * width
    pieces = array(
        shapely.clip_by_rect(shape, -180, -90, cut, 90), shapely.clip_by_rect(shape, cut, -90, 180, 90)
    )
    assert areas_m2(pieces, DEGREES).sum() == pytest.approx(areas_m2(array(shape), DEGREES)[0], rel=1e-6)
    line = array(shape.exterior)
    halves = array(
        *(shapely.intersection(shape.exterior, box(a, -90, b, 90)) for a, b in ((-180, cut), (cut, 180)))
    )
    assert lengths_m(halves, DEGREES).sum() == pytest.approx(lengths_m(line, DEGREES)[0], rel=1e-6)
