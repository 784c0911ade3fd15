"""SummarizeWithin, held to GeographicLib, to conservation and to every pair by itself."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.measures import areas_m2, lengths_m
from spatial_widgets.server.tasks.within import summarize_within

GEOD = pyproj.Geod(ellps="WGS84")


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


AREAS = layer(box(0, 0, 1, 1), box(1, 0, 2, 1), box(8, 8, 9, 9), name=["west", "east", "far"])


def test_polygons_count_with_the_part_inside(ctx):
    parcels = layer(box(0.5, 0, 1.5, 1), box(0.2, 0.2, 0.4, 0.4), people=[100, 8], kind=["a", "b"])
    made = summarize_within(
        ctx,
        parcels,
        AREAS,
        shapeUnits="Hectares",
        summaryFields=["people Sum", "people Mean", "people Max"],
        groupByField="kind",
        minorityMajority=True,
        percentShape=True,
    )
    result, table = made["resultLayer"], made["groupBySummary"]
    half, small = (
        areas_m2(np.array([s]), AREAS.crs)[0] / 10_000 for s in (box(0.5, 0, 1, 1), box(0.2, 0.2, 0.4, 0.4))
    )
    assert result["Polygon_Count"].tolist() == [2, 1, 0]
    assert result["sum_Area_Hectares"].tolist() == pytest.approx([half + small, half, 0])
    assert result["sum_people"].tolist()[:2] == pytest.approx([58, 50])
    assert result["mean_people"].iloc[0] == pytest.approx((100 * half + 8 * small) / (half + small))
    assert result["max_people"].tolist()[:2] == [100, 100]
    assert result["Majority_kind"].tolist()[:2] == ["a", "a"]
    assert result["Minority_kind"].tolist()[:2] == ["b", "a"]
    assert result["Majority_kind_Percent"].tolist()[:2] == pytest.approx([100 * half / (half + small), 100])
    assert result["Join_ID"].tolist() == [0, 1, 2]
    assert list(table.columns) == [
        "Join_ID", "kind", "Polygon_Count", "sum_Area_Hectares", "sum_people", "mean_people", "max_people", "Percent_Area",
    ]  # fmt: skip
    assert table["sum_Area_Hectares"].tolist() == pytest.approx([half, small, half])
    assert "2 of 2 polygons lie in 2 of 3 areas, 2 times in part" in ctx.text()


def test_lines_count_with_the_length_inside(ctx):
    roads = layer(LineString([(-1, 0.5), (1.5, 0.5)]), LineString([(0.5, 0), (0.5, 0.25)]), lanes=[2, 4])
    made = summarize_within(ctx, roads, AREAS, shapeUnits="Miles", summaryFields=["lanes Mean"])[
        "resultLayer"
    ]
    first, second = (
        GEOD.geometry_length(LineString(xy)) / 1609.344
        for xy in ([(0, 0.5), (1, 0.5)], [(0.5, 0), (0.5, 0.25)])
    )
    assert made["Polyline_Count"].tolist() == [2, 1, 0]
    assert made["sum_Length_Miles"].tolist() == pytest.approx([first + second, first / 2, 0], rel=1e-5)
    assert made["mean_lanes"].tolist()[:2] == pytest.approx(
        [(2 * first + 4 * second) / (first + second), 2], rel=1e-5
    )
    assert made["mean_lanes"].isna().tolist() == [False, False, True]


def test_points_are_counted_by_their_parts_and_not_weighted(ctx):
    points = layer(MultiPoint([(0.5, 0.5), (1.5, 0.5)]), Point(0.2, 0.2), n=[4, 2])
    made = summarize_within(ctx, points, AREAS, summaryFields=["n Mean"])["resultLayer"]
    assert made["Point_Count"].tolist() == [2, 1, 0]
    assert made["mean_n"].tolist()[:2] == [3, 4]
    assert not [c for c in made.columns if c.startswith("sum_")]


def test_without_the_shape_only_statistics_come(ctx):
    parcels = layer(box(0.5, 0, 1.5, 1), people=[100])
    made = summarize_within(ctx, parcels, AREAS, sumShape=False, summaryFields=["people Sum"])["resultLayer"]
    assert list(made.columns) == ["name", "sum_people", "geometry"]


def test_counties_within_states_keep_every_square_kilometre(ctx):
    counties, states = sample("counties"), sample("states")
    made = summarize_within(ctx, counties, states, groupByField="state", minorityMajority=True)
    result, table = made["resultLayer"], made["groupBySummary"]
    expected = areas_m2(shapely.make_valid(counties.geometry.to_numpy()), counties.crs).sum() / 1e6
    assert result["sum_Area_SquareKilometers"].sum() == pytest.approx(expected, rel=1e-4)
    assert table["sum_Area_SquareKilometers"].sum() == pytest.approx(
        result["sum_Area_SquareKilometers"].sum()
    )
    assert (result["Majority_state"] == result["name"]).all()
    colorado = result.set_index("name").loc["Colorado", "sum_Area_SquareKilometers"]
    assert colorado == pytest.approx(269_601, rel=0.002)  # the Census Bureau's 104,094 square miles


@pytest.mark.parametrize("shape", ["Square", "Hexagon"])
def test_generated_areas_hold_everything_that_is_summarized(ctx, shape):
    states = sample("states")
    made = summarize_within(ctx, states, binType=shape, binSize=1000, binSizeUnit="Kilometers")["resultLayer"]
    shapes = shapely.make_valid(states.geometry.to_numpy())
    assert made["sum_Area_SquareKilometers"].sum() == pytest.approx(
        areas_m2(shapes, states.crs).sum() / 1e6, rel=1e-3
    )
    assert made.crs == states.crs
    assert "GRID_ID" in made


def test_layers_in_different_systems_are_brought_together(ctx):
    parcels = layer(box(0.5, 0.1, 1.5, 0.9), people=[100])
    plain = summarize_within(ctx, parcels, AREAS, summaryFields=["people Sum"])["resultLayer"]
    for crs in (3857, 32631):
        moved = summarize_within(ctx, parcels.to_crs(crs), AREAS, summaryFields=["people Sum"])["resultLayer"]
        assert moved["sum_Area_SquareKilometers"].tolist() == pytest.approx(
            plain["sum_Area_SquareKilometers"].tolist(), rel=5e-4
        )
        turned = summarize_within(ctx, parcels, AREAS.to_crs(crs))["resultLayer"]
        assert turned.crs.to_epsg() == crs
        assert turned["sum_Area_SquareKilometers"].tolist() == pytest.approx(
            plain["sum_Area_SquareKilometers"].tolist(), rel=5e-4
        )


def test_areas_across_180_degrees_and_at_the_poles_are_whole(ctx):
    areas = layer(box(170, -10, 190, 10), box(-180, 80, 180, 90))
    parcels = layer(box(175, -5, 179, 5), box(-179, -5, -175, 5), box(0, 85, 20, 90))
    made = summarize_within(ctx, parcels, areas)["resultLayer"]
    assert made["Polygon_Count"].tolist() == [2, 1]
    sizes = areas_m2(parcels.geometry.to_numpy(), parcels.crs) / 1e6
    assert made["sum_Area_SquareKilometers"].tolist() == pytest.approx(
        [sizes[0] + sizes[1], sizes[2]], rel=1e-9
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(*[st.integers(0, 20)] * 4, st.none() | st.integers(-5, 5)), min_size=1, max_size=8),
    st.sampled_from([1, 2]),
    st.randoms(use_true_random=False),
)
def test_the_sums_over_a_tiling_are_the_whole_in_any_order_of_rows(ctx, corners, dimension, random):
    rows = [(x, y, w + 1, h + 1, n) for x, y, w, h, n in corners]
    shapes = [
        box(x + 0.5, y + 0.5, x + w, y + h)
        if dimension == 2
        else LineString([(x + 0.5, y), (x + w, y + h + 0.3)])
        for x, y, w, h, _ in rows
    ]
    features = layer(*shapes, n=pd.array([row[4] for row in rows], dtype="Int64"))
    tiles = layer(*(box(x, y, x + 7, y + 7) for x in range(0, 49, 7) for y in range(0, 49, 7)))
    made = summarize_within(ctx, features, tiles, summaryFields=["n Sum"])["resultLayer"]
    column = "sum_Area_SquareKilometers" if dimension == 2 else "sum_Length_Kilometers"
    whole = (
        areas_m2(np.array(shapes), tiles.crs) / 1e6
        if dimension == 2
        else lengths_m(np.array(shapes), tiles.crs) / 1e3
    )
    assert made[column].sum() == pytest.approx(whole.sum(), rel=1e-6)
    assert made["sum_n"].sum() == pytest.approx(sum(row[4] or 0 for row in rows), rel=1e-6, abs=1e-6)
    order = list(range(len(rows)))
    random.shuffle(order)
    again = summarize_within(ctx, features.iloc[order], tiles, summaryFields=["n Sum"])["resultLayer"]
    assert again[column].tolist() == pytest.approx(made[column].tolist())


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "sumWithinLayer: give the areas to summarize in, or a binSize"),
        ({"sumWithinLayer": AREAS, "binSize": 1.0}, "binSize: give either sumWithinLayer or binSize"),
        (
            {"sumWithinLayer": AREAS, "shapeUnits": "Miles"},
            "shapeUnits: Miles does not measure polygons; use one of SquareMeters",
        ),
        (
            {"sumWithinLayer": AREAS, "sumShape": False},
            "summaryFields: without sumShape there is nothing to tell",
        ),
        ({"sumWithinLayer": AREAS, "percentShape": True}, "percentShape: it describes groups"),
        ({"sumWithinLayer": AREAS, "groupByField": "x"}, "groupByField: the layer has no field 'x'"),
        (
            {"sumWithinLayer": layer(Point(0, 0))},
            "sumWithinLayer: the layer holds points, but polygons are needed",
        ),
    ],
)
def test_mistakes_are_refused_by_name(ctx, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        summarize_within(ctx, layer(box(0, 0, 1, 1)), **parameters)
