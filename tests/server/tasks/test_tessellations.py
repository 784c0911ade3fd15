from __future__ import annotations

import dataclasses

import geopandas as gpd
import h3
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.tasks.tessellations import generate_tessellations

GEOD = pyproj.Geod(ellps="WGS84")
SHAPES = ["Square", "Hexagon", "TransverseHexagon", "Triangle", "Diamond"]
AREAS = {
    "Square": 1,
    "Hexagon": 3**0.5 / 2,
    "TransverseHexagon": 3**0.5 / 2,
    "Triangle": 3**0.5 / 4,
    "Diamond": 0.5,
}


def named(name):
    states = sample("states")
    return states[states["name"] == name]


def plane(*shapes):
    return gpd.GeoDataFrame(geometry=list(shapes), crs=32633)


@given(
    shape=st.sampled_from(SHAPES),
    width=st.integers(0, 900),
    height=st.integers(0, 900),
    size=st.integers(40, 700),
)
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cells_cover_an_extent_without_gaps_overlaps_or_strangers(ctx, shape, width, height, size):
    corners = plane(Point(500_000, 100), Point(500_000 + width, 100 + height))
    extent = box(500_000, 100, 500_000 + width, 100 + height)
    made = generate_tessellations(ctx, shape, size, "Meters", corners)[
        "tessellationLayer"
    ].geometry.to_numpy()
    assert shapely.area(made) == pytest.approx(np.full(len(made), AREAS[shape] * size**2))
    whole = shapely.union_all(made)
    assert whole.area == pytest.approx(shapely.area(made).sum())
    assert whole.buffer(1e-6).contains(extent)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    if width and height:
        assert (shapely.area(shapely.intersection(made, extent)) > 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_cells_have_the_true_area_that_was_asked_for(ctx, shape):
    made = generate_tessellations(ctx, shape, 500.0, "SquareMiles", named("Colorado"))["tessellationLayer"]
    areas = [abs(GEOD.geometry_area_perimeter(shapely.segmentize(g, 0.02))[0]) for g in made.geometry]
    assert areas == pytest.approx([500 * 1609.344**2] * len(made), rel=1e-3)
    assert made["GRID_ID"].is_unique
    assert made.crs.to_epsg() == 4326
    assert (
        shapely.union_all(made.geometry.to_numpy()).buffer(1e-3).contains(named("Colorado").geometry.iloc[0])
    )


@pytest.mark.parametrize("shape", [*SHAPES, "H3_Hexagon"])
def test_cells_that_meet_no_feature_can_be_left_out(ctx, shape):
    florida = named("Florida")
    size = {"binResolution": 4} if shape == "H3_Hexagon" else {"binSize": 30.0, "binSizeUnit": "Kilometers"}
    every = generate_tessellations(ctx, shape, extentLayer=florida, **size)["tessellationLayer"]
    some = generate_tessellations(ctx, shape, extentLayer=florida, intersectStudyArea=True, **size)[
        "tessellationLayer"
    ]
    assert 0 < len(some) < len(every)
    assert some["GRID_ID"].isin(every["GRID_ID"]).all()
    meets = every.intersects(florida.geometry.iloc[0])
    # In degrees a side is a little bent, so a cell that only grazes may be told otherwise.
    assert len(set(every["GRID_ID"][meets]) ^ set(some["GRID_ID"])) <= 1


def test_names_are_letters_for_columns_and_numbers_for_rows_from_the_lower_left(ctx):
    extent = plane(box(500_000, 0, 502_800, 300))
    made = generate_tessellations(ctx, "Square", 100, "Meters", extent)["tessellationLayer"]
    assert made["GRID_ID"].tolist()[:4] == ["A-1", "A-2", "A-3", "B-1"]
    assert made["GRID_ID"].tolist()[-1] == "AB-3"
    assert made.geometry.iloc[0].bounds == (500_000, 0, 500_100, 100)
    assert made.geometry.iloc[-1].bounds == (502_700, 200, 502_800, 300)


def test_lines_and_points_have_extents_too(ctx):
    line = plane(LineString([(500_000, 0), (500_500, 500)]))
    every = generate_tessellations(ctx, "Square", 100, "Meters", line)["tessellationLayer"]
    some = generate_tessellations(ctx, "Square", 99, "Meters", line, intersectStudyArea=True)[
        "tessellationLayer"
    ]
    assert len(every) == 25
    assert len(some) < 20
    point = gpd.GeoDataFrame(geometry=[Point(9, 50)], crs=4326)
    one = generate_tessellations(ctx, "Square", 1.0, "Acres", point)["tessellationLayer"]
    assert len(one) == 1
    assert one.geometry.iloc[0].buffer(1e-9).contains(point.geometry.iloc[0])


def test_a_layer_across_180_degrees_has_an_extent_there(ctx):
    fiji = gpd.GeoDataFrame(geometry=[box(177, -19, 180, -16), box(-180, -19, -178, -16)], crs=4326)
    made = generate_tessellations(ctx, "Hexagon", 60, "Kilometers", fiji)["tessellationLayer"]
    assert len(made) < 120
    assert made.geometry.is_valid.all()
    assert (made.geometry.bounds["maxx"] - made.geometry.bounds["minx"] > 359).any()  # cut in two at ±180
    cells = generate_tessellations(ctx, "H3_Hexagon", binResolution=4, extentLayer=fiji)["tessellationLayer"]
    assert len(cells) < 200
    assert cells["GRID_ID"].isin([h3.latlng_to_cell(-17.5, 179.99, 4)]).any()


def test_without_a_layer_the_whole_earth_is_covered(ctx):
    made = generate_tessellations(ctx, "Hexagon", 1000, "Kilometers", intersectStudyArea=True)[
        "tessellationLayer"
    ]
    assert made.geometry.is_valid.all()
    assert shapely.area(made.geometry.to_numpy()).sum() == pytest.approx(360 * 180, rel=1e-4)
    assert "intersectStudyArea: not used" in ctx.text("warn")
    cells = generate_tessellations(ctx, "H3_Hexagon", binResolution=1)["tessellationLayer"]
    assert len(cells) == h3.get_num_cells(1)
    assert cells.geometry.is_valid.all()
    assert shapely.area(cells.geometry.to_numpy()).sum() == pytest.approx(360 * 180)


def test_web_mercator_gets_true_sizes_and_comes_back_as_it_was(ctx):
    made = generate_tessellations(ctx, "Square", 100.0, extentLayer=named("Colorado").to_crs(3857))[
        "tessellationLayer"
    ]
    assert made.crs.to_epsg() == 3857
    first = gpd.GeoSeries(made.geometry.iloc[:1], crs=3857).to_crs(4326).iloc[0]
    assert abs(GEOD.geometry_area_perimeter(first)[0]) == pytest.approx(1e8, rel=1e-3)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "binSize: is needed"),
        ({"binSize": 0.0}, "binSize: 0 is no usable size"),
        ({"binSize": float("nan")}, "binSize: nan is no usable size"),
        ({"binSize": 1.0}, "binSize: cells of this size would be about .* at most 2,000 are made"),
        ({"binSize": 150.0}, "binSize: cells of this size would be [23],"),
        ({"binType": "H3_Hexagon"}, "binResolution: for H3_Hexagon a resolution"),
        (
            {"binType": "H3_Hexagon", "binResolution": 9},
            "binResolution: cells of resolution 9 would be about",
        ),
    ],
)
def test_mistakes_are_refused_by_name(ctx, parameters, reason):
    ctx.limits = dataclasses.replace(Limits(), cells=2000)
    with pytest.raises(ParameterError, match=reason):
        generate_tessellations(ctx, **{"binType": "Square", "extentLayer": named("Florida"), **parameters})
