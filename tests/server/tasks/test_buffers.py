"""CreateBuffers, checked with pyproj.Geod and with distances measured on the result."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.measures import areas_m2
from spatial_widgets.server.tasks.buffers import create_buffers

GEOD = pyproj.Geod(ellps="WGS84")


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def area_m2(shape):
    dense = shapely.segmentize(shape, 0.1)
    return sum(abs(GEOD.geometry_area_perimeter(part)[0]) for part in shapely.get_parts(dense))


def distances_to_outline(shape, lon, lat):
    xy = shapely.get_coordinates(shape)
    xy = xy[np.abs(np.abs(xy[:, 0]) - 180) > 1e-9]  # the cut at 180 degrees is no outline
    return GEOD.inv(xy[:, 0], xy[:, 1], np.full(len(xy), lon), np.full(len(xy), lat))[2]


@pytest.mark.parametrize("lat", [0, 45, 60, 75])
@pytest.mark.parametrize("crs", [4326, 3857])
def test_a_10_km_circle_has_its_true_area_at_every_latitude(ctx, lat, crs):
    points = layer(Point(10, lat)).to_crs(crs)
    made = create_buffers(ctx, points, distances=[10.0], units="Kilometers")["bufferLayer"]
    assert made.crs.to_epsg() == crs
    assert area_m2(made.to_crs(4326).geometry.iloc[0]) == pytest.approx(math.pi * 10_000**2, rel=0.002)


@pytest.mark.parametrize("lat", [0, 45, 60, 75])
def test_the_outline_of_a_circle_is_exactly_as_far_as_asked(ctx, lat):
    made = create_buffers(ctx, layer(Point(10, lat)), distances=[5.0], units="Miles")["bufferLayer"]
    assert distances_to_outline(made.geometry.iloc[0], 10, lat) == pytest.approx(5 * 1609.344, rel=1e-6)


@pytest.mark.parametrize("lon", [180, -180, 179.95])
def test_a_circle_across_180_degrees_is_cut_there_and_valid(ctx, lon):
    made = create_buffers(ctx, layer(Point(lon, 51)), distances=[50.0], units="Kilometers")["bufferLayer"]
    circle = made.geometry.iloc[0]
    assert circle.is_valid
    assert circle.geom_type == "MultiPolygon"
    assert circle.bounds[0] == -180
    assert circle.bounds[2] == 180
    assert max(part.bounds[2] - part.bounds[0] for part in circle.geoms) < 2
    assert area_m2(circle) == pytest.approx(math.pi * 50_000**2, rel=0.002)
    assert distances_to_outline(circle, lon, 51) == pytest.approx(50_000, rel=1e-6)


@pytest.mark.parametrize("lat", [89.9, 90, -89.9])
def test_a_circle_around_a_pole_holds_the_pole(ctx, lat):
    made = create_buffers(ctx, layer(Point(10, lat)), distances=[500.0], units="Kilometers")["bufferLayer"]
    circle = made.geometry.iloc[0]
    assert circle.is_valid
    assert circle.bounds[0] == -180
    assert circle.bounds[2] == 180
    assert math.copysign(90, lat) in circle.bounds
    cap = 2 * math.pi * 6371008.8**2 * (1 - math.cos(500_000 / 6371008.8))
    assert area_m2(circle) == pytest.approx(cap, rel=0.01)


@pytest.mark.parametrize("lon", [-1e-05, 0, 123.4, 180])
def test_a_circle_around_a_pole_has_no_gap_below_its_centre(ctx, lon):
    made = create_buffers(ctx, layer(Point(lon, -40)), distances=[5_600.0], units="Kilometers")["bufferLayer"]
    circle = made.geometry.iloc[0]
    assert circle.geom_type == "Polygon"
    assert shapely.covers(circle, shapely.points(np.full(9, lon), np.linspace(-89, 9, 9))).all()


@pytest.mark.parametrize(
    ("lat", "kilometers"), [(18.1, 7454), (-19.6, 7463), (-57.0, 3000), (89.9, 10), (-89.9, 12)]
)
def test_a_circle_that_passes_next_to_a_pole_is_round_there_too(ctx, lat, kilometers):
    made = create_buffers(ctx, layer(Point(20, lat)), distances=[kilometers], units="Kilometers")[
        "bufferLayer"
    ]
    xy = shapely.get_coordinates(shapely.segmentize(made.geometry.iloc[0].boundary, 0.25))
    xy = xy[(np.abs(np.abs(xy[:, 0]) - 180) > 1e-9) & (np.abs(xy[:, 1]) < 90 - 1e-9)]
    far = GEOD.inv(np.full(len(xy), 20.0), np.full(len(xy), lat), *xy.T)[2] / (1000 * kilometers)
    assert far.min() > 0.999
    assert far.max() < 1.001


@pytest.mark.parametrize("name", ["states", "countries"])
def test_buffers_contain_their_features_and_are_valid(ctx, name):
    features = sample(name)
    made = create_buffers(ctx, features, distances=[25.0], units="Kilometers")["bufferLayer"]
    assert len(made) == len(features)
    assert made.geometry.is_valid.all()
    assert made["ORIG_FID"].tolist() == list(range(len(features)))
    assert made["name"].tolist() == features["name"].tolist()
    left = shapely.area(shapely.difference(features.geometry.to_numpy(), made.geometry.to_numpy()))
    assert left.max() == 0
    assert (made.total_bounds[[0, 2]] == [-180, 180]).all()


def test_a_large_polygon_grows_by_the_same_distance_everywhere(ctx):
    country = box(-120, 30, -70, 49)  # the 49th parallel is a straight line in degrees
    made = create_buffers(ctx, layer(country), distances=[100.0], units="Kilometers")[
        "bufferLayer"
    ].geometry.iloc[0]
    for lon in (-115, -95, -75):
        top = made.intersection(LineString([(lon, 40), (lon, 60)])).bounds[3]
        assert GEOD.inv(lon, 49, lon, top)[2] == pytest.approx(100_000, rel=0.002)
        bottom = made.intersection(LineString([(lon, 20), (lon, 40)])).bounds[1]
        assert GEOD.inv(lon, 30, lon, bottom)[2] == pytest.approx(100_000, rel=0.002)


def test_several_distances_give_disks_or_rings(ctx):
    points = layer(Point(0, 0), Point(20, 0), name=["a", "b"])
    disks = create_buffers(ctx, points, distances=[20.0, 10.0], units="Kilometers")["bufferLayer"]
    assert disks["BUFF_DIST"].tolist() == [10, 20, 10, 20]
    assert disks["ORIG_FID"].tolist() == [0, 0, 1, 1]
    rings = create_buffers(ctx, points, distances=[10.0, 20.0], units="Kilometers", ringType="Rings")[
        "bufferLayer"
    ]
    assert area_m2(rings.geometry.iloc[0]) == pytest.approx(math.pi * 1e8, rel=0.002)
    assert len(rings.geometry.iloc[1].interiors) == 1
    assert shapely.area(shapely.intersection(rings.geometry.iloc[0], rings.geometry.iloc[1])) < 1e-12


def test_dissolved_buffers_are_one_feature_for_each_distance(ctx):
    points = layer(Point(0, 0), Point(0.1, 0), Point(20, 0))
    made = create_buffers(ctx, points, distances=[10.0, 20.0], units="Kilometers", dissolveType="Dissolve")[
        "bufferLayer"
    ]
    assert list(made.columns) == ["BUFF_DIST", "geometry"]
    assert made["BUFF_DIST"].tolist() == [10, 20]
    assert [len(shape.geoms) for shape in made.geometry] == [2, 2]


@pytest.mark.parametrize("lon", [10, 179.9])
def test_split_gives_each_place_to_the_nearest_feature(ctx, lon):
    points = layer(Point(lon, 50), Point(lon + 0.3, 50.1), Point(lon + 0.1, 50.2), Point(lon - 9, 50))
    made = create_buffers(ctx, points, distances=[30.0], units="Kilometers", dissolveType="Split")[
        "bufferLayer"
    ]
    whole = create_buffers(ctx, points, distances=[30.0], units="Kilometers")["bufferLayer"]
    shapes = made.geometry.to_numpy()
    assert area_m2(shapely.union_all(shapes)) == pytest.approx(
        area_m2(shapely.union_all(whole.geometry.to_numpy())), rel=1e-4
    )
    assert sum(map(area_m2, shapes)) == pytest.approx(area_m2(shapely.union_all(shapes)), rel=1e-4)
    x, y = (
        np.random.default_rng(3).uniform(-0.5, 0.8, 400) + lon,
        np.random.default_rng(4).uniform(49.7, 50.5, 400),
    )
    x = np.where(x > 180, x - 360, x)
    far = np.array([GEOD.inv(np.full(400, p.x), np.full(400, p.y), x, y)[2] for p in points.geometry])
    two = np.sort(far, axis=0)[:2]
    clear = (two[0] < 29_900) & (two[1] - two[0] > 100)  # not on a line halfway, nor on the outline
    assert clear.sum() > 50
    for number, shape in enumerate(shapes):
        inside = shapely.intersects_xy(shape, x, y)
        assert inside[clear].tolist() == (far.argmin(axis=0) == number)[clear].tolist()


def test_split_works_for_lines_and_polygons_and_in_a_plane(ctx):
    shapes = layer(LineString([(0, 0), (0, 1000)]), LineString([(100, 0), (100, 1000)]), crs=32633)
    made = create_buffers(ctx, shapes, distances=[80.0], dissolveType="Split")["bufferLayer"]
    assert made.geometry.iloc[0].bounds[2] == pytest.approx(50, abs=0.5)
    assert made.geometry.iloc[1].bounds[0] == pytest.approx(50, abs=0.5)
    twins = create_buffers(ctx, layer(Point(0, 0), Point(0, 0)), distances=[80.0], dissolveType="Split")[
        "bufferLayer"
    ]
    assert twins["ORIG_FID"].tolist() == [0]
    assert "no place that is nearest" in ctx.text()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-89, 89)), min_size=1, max_size=6),
    st.floats(10, 3_000_000),
    st.randoms(use_true_random=False),
)
def test_circles_have_their_area_anywhere_in_any_order_and_merge_to_no_more(ctx, places, radius, random):
    points = layer(*(Point(p) for p in places))
    made = create_buffers(ctx, points, distances=[radius])["bufferLayer"]
    assert made.geometry.is_valid.all()
    cap = 2 * math.pi * 6371008.8**2 * (1 - math.cos(radius / 6371008.8))
    areas = areas_m2(made.geometry.to_numpy(), made.crs)
    assert areas == pytest.approx(np.full(len(places), cap), rel=0.02)
    order = list(range(len(places)))
    random.shuffle(order)
    again = create_buffers(ctx, points.iloc[order], distances=[radius])["bufferLayer"]
    assert areas_m2(again.geometry.to_numpy(), made.crs) == pytest.approx(areas[order])
    merged = create_buffers(ctx, points, distances=[radius], dissolveType="Dissolve")["bufferLayer"]
    total = areas_m2(merged.geometry.to_numpy(), made.crs)[0]
    assert areas.max() * (1 - 1e-6) <= total <= areas.sum() * (1 + 1e-6)


def test_a_field_gives_each_feature_its_own_distance(ctx):
    points = layer(Point(0, 0), Point(5, 0), Point(9, 0), Point(11, 0), reach=[1.0, 2.0, None, -1.0])
    made = create_buffers(ctx, points, field="reach", units="Kilometers")["bufferLayer"]
    assert made["BUFF_DIST"].tolist() == [1, 2]
    assert [area_m2(shape) for shape in made.geometry] == pytest.approx(
        [math.pi * 1e6, 4 * math.pi * 1e6], rel=0.002
    )
    assert "2 features left out" in ctx.text("warn")


def test_the_sides_and_ends_of_lines(ctx):
    line = layer(LineString([(0, 0), (1, 0)]))  # east along the equator: 111.3 km

    def make(**style):
        return create_buffers(ctx, line, distances=[10.0], units="Kilometers", **style)[
            "bufferLayer"
        ].geometry.iloc[0]

    length = 111_319.49
    assert area_m2(make()) == pytest.approx(length * 20_000 + math.pi * 1e8, rel=0.002)
    assert area_m2(make(endType="Flat")) == pytest.approx(length * 20_000, rel=0.002)
    left, right = make(sideType="Left"), make(sideType="Right")
    assert area_m2(left) == pytest.approx(length * 10_000, rel=0.002)
    assert left.bounds[1] == pytest.approx(0, abs=1e-9)  # left of eastward is north
    assert right.bounds[3] == pytest.approx(0, abs=1e-9)


def test_outside_leaves_the_polygon_out(ctx):
    square = layer(box(0, 0, 1, 1))
    made = create_buffers(ctx, square, distances=[10.0], units="Kilometers", sideType="Outside")[
        "bufferLayer"
    ].geometry.iloc[0]
    assert made.intersection(box(0, 0, 1, 1)).area == pytest.approx(0, abs=1e-12)
    assert len(made.interiors) == 1


def test_a_projected_layer_is_buffered_in_its_plane(ctx):
    made = create_buffers(
        ctx, layer(Point(500_000, 5_000_000), crs=32633), distances=[1.0], units="Kilometers"
    )["bufferLayer"]
    assert made.geometry.iloc[0].area == pytest.approx(math.pi * 1e6, rel=0.002)
    feet = create_buffers(ctx, layer(Point(6e6, 2e6), crs=2227), distances=[1.0], units="Kilometers")[
        "bufferLayer"
    ]
    west, _, east, _ = feet.total_bounds  # EPSG:2227 is in US survey feet
    assert (east - west) * 1200 / 3937 == pytest.approx(2000, rel=1e-6)
    assert "planar" in ctx.text()


def test_multipoints_keep_one_buffer_for_each_feature(ctx):
    made = create_buffers(ctx, layer(MultiPoint([(0, 0), (5, 5)])), distances=[1.0], units="Kilometers")[
        "bufferLayer"
    ]
    assert len(made) == 1
    assert area_m2(made.geometry.iloc[0]) == pytest.approx(2 * math.pi * 1e6, rel=0.002)


def test_web_mercator_is_cut_where_it_ends(ctx):
    made = create_buffers(ctx, layer(Point(0, 84)).to_crs(3857), distances=[1000.0], units="Kilometers")[
        "bufferLayer"
    ]
    assert np.isfinite(made.total_bounds).all()
    assert made.total_bounds[3] == pytest.approx(20037508.34, rel=1e-6)
    assert "Web Mercator ends" in ctx.text("warn")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "distances: give distances, or a field"),
        ({"distances": [1.0], "field": "n"}, "distances: give either distances or field"),
        ({"distances": [-1.0]}, "distances: -1 is no usable distance"),
        ({"distances": [20_000.0], "units": "Kilometers"}, "more than a quarter of the way around the Earth"),
        ({"field": "m"}, "field: the layer has no field 'm'"),
        ({"field": "t"}, "field: the field 't' holds .*, not numbers"),
        ({"distances": [1.0], "sideType": "Left"}, "sideType: Left needs lines"),
        ({"distances": [1.0], "sideType": "Outside"}, "sideType: Outside needs polygons"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        create_buffers(ctx, layer(Point(0, 0), n=[1], t=["x"]), **parameters)


def test_one_side_takes_one_distance(ctx):
    with pytest.raises(ParameterError, match="sideType: Right takes one distance, not 2"):
        create_buffers(ctx, layer(LineString([(0, 0), (1, 1)])), distances=[1.0, 2.0], sideType="Right")


def test_progress_grows_and_ends_at_100(ctx):
    create_buffers(ctx, sample("airports").head(20), distances=[1.0, 2.0, 3.0], units="Miles")
    assert ctx.percents == sorted(ctx.percents)
    assert ctx.percents[-1] == 100
