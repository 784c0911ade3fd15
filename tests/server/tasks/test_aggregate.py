from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import MultiPoint, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.aggregate import aggregate_points

GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture
def points():
    return gpd.GeoDataFrame(
        {
            "mag": [1.0, 2.0, None, 6.0, 7.0],
            "felt": pd.array([1, 2, 3, None, 5], dtype="Int64"),
            "kind": ["a", "b", "a", "c", "c"],
            "time": pd.to_datetime(["2018-01-01", "2018-01-03", "2018-01-02", None, "2018-01-05"], utc=True),
        },
        geometry=[Point(0.2, 0.5), Point(0.4, 0.5), Point(0.6, 0.5), Point(1.5, 0.5), Point(9, 9)],
        crs=4326,
    )


@pytest.fixture
def areas():
    return gpd.GeoDataFrame(
        {"name": ["west", "east", "far"]},
        geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1), box(5, 5, 6, 6)],
        crs=4326,
    )


def test_counts_and_statistics_leave_nulls_out(ctx, points, areas):
    asked = ["mag Mean", "mag Sum", "mag Stddev", "felt sum", "time Max", "kind Min"][:5]
    made = aggregate_points(ctx, points, areas, summaryFields=asked)["aggregatedLayer"]
    assert made["name"].tolist() == ["west", "east", "far"]
    assert made["Point_Count"].tolist() == [3, 1, 0]
    assert made["mean_mag"].tolist()[:2] == [1.5, 6.0]
    assert made["sum_mag"].tolist()[:2] == [3.0, 6.0]
    assert made["stddev_mag"].iloc[0] == pytest.approx(0.7071067811865476)  # n - 1
    assert made.loc[1:, "stddev_mag"].isna().all()
    assert made["sum_felt"].tolist() == [6, pd.NA, pd.NA]
    assert made["max_time"].iloc[0] == pd.Timestamp("2018-01-03", tz="UTC")
    assert made["max_time"].isna().tolist() == [False, True, True]
    assert made.columns[-1] == "geometry"
    assert "4 of 5 points lie in 2 of 3 areas; 1 in none." in ctx.text()


def test_areas_without_points_can_be_left_out(ctx, points, areas):
    made = aggregate_points(ctx, points, areas, keepBoundariesWithNoPoints=False)["aggregatedLayer"]
    assert made["name"].tolist() == ["west", "east"]


def test_a_point_on_a_shared_border_counts_once_and_one_in_an_overlap_twice(ctx):
    points = gpd.GeoDataFrame(geometry=[Point(1, 0.5), Point(1, 1), Point(3.5, 0.5)], crs=4326)
    areas = gpd.GeoDataFrame(
        geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1), box(3, 0, 4, 1), box(3, 0, 5, 1)], crs=4326
    )
    assert aggregate_points(ctx, points, areas)["aggregatedLayer"]["Point_Count"].tolist() == [2, 0, 1, 1]
    # a border point that is inside another area belongs to that one alone
    inside = gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1), box(0.5, 0, 1.5, 1)], crs=4326)
    assert aggregate_points(ctx, points.head(1), inside)["aggregatedLayer"]["Point_Count"].tolist() == [0, 1]


def test_groups_have_a_table_and_extremes(ctx, points, areas):
    made = aggregate_points(
        ctx,
        points,
        areas,
        groupByField="kind",
        minorityMajority=True,
        percentPoints=True,
        summaryFields=["mag Max"],
    )
    layer, table = made["aggregatedLayer"], made["groupSummary"]
    assert table[["Join_ID", "kind", "Point_Count"]].to_numpy().tolist() == [
        [0, "a", 2],
        [0, "b", 1],
        [1, "c", 1],
    ]
    assert table["Percent_Points"].tolist() == pytest.approx([200 / 3, 100 / 3, 100])
    assert table["max_mag"].tolist() == [1, 2, 6]
    assert table["Point_Count"].sum() == layer["Point_Count"].sum()
    assert layer["Join_ID"].tolist() == [0, 1, 2]
    assert layer["Majority_kind"].tolist()[:2] == ["a", "c"]
    assert layer["Minority_kind"].tolist()[:2] == ["b", "c"]
    assert layer["Majority_kind"].isna().tolist() == [False, False, True]
    assert layer["Majority_kind_Percent"].tolist()[:2] == pytest.approx([200 / 3, 100])


def test_without_groups_there_is_no_table(ctx, points, areas):
    assert aggregate_points(ctx, points, areas)["groupSummary"] is None


@pytest.mark.parametrize("shape", ["Square", "Hexagon"])
def test_bins_hold_every_earthquake_exactly_once(ctx, shape):
    quakes = sample("earthquakes")
    made = aggregate_points(ctx, quakes, binType=shape, binSize=300, binSizeUnit="Kilometers")[
        "aggregatedLayer"
    ]
    assert made["Point_Count"].sum() == 1707
    assert made.geometry.is_valid.all()
    assert made.total_bounds[0] >= -180
    assert made.total_bounds[2] <= 180
    assert (made.geometry.bounds["maxx"] - made.geometry.bounds["minx"]).max() < 180
    # each point lies in the polygon that counted it
    joined = gpd.sjoin(quakes[["geometry"]], made[["GRID_ID", "geometry"]])
    counted = joined.groupby("GRID_ID").size().reindex(made["GRID_ID"]).fillna(0)
    assert counted.tolist() == made["Point_Count"].tolist()


@pytest.mark.parametrize(("shape", "factor"), [("Square", 1.0), ("Hexagon", 3**0.5 / 2)])
def test_bins_have_equal_and_true_areas(ctx, shape, factor):
    somewhere = gpd.GeoDataFrame(geometry=[Point(10, 50), Point(14, 54)], crs=4326)
    made = aggregate_points(ctx, somewhere, binType=shape, binSize=20, binSizeUnit="Kilometers")[
        "aggregatedLayer"
    ]
    sizes = [abs(GEOD.geometry_area_perimeter(g)[0]) / 1e6 for g in made.geometry]
    assert sizes == pytest.approx([400 * factor] * len(made), rel=0.001)


def test_neighbouring_bins_leave_no_gap(ctx):
    somewhere = gpd.GeoDataFrame(geometry=[Point(10, 50), Point(14, 54)], crs=4326)
    made = aggregate_points(ctx, somewhere, binType="Hexagon", binSize=20, binSizeUnit="Miles")[
        "aggregatedLayer"
    ]
    whole = shapely.union_all(made.geometry.to_numpy())
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    assert whole.area == pytest.approx(shapely.area(made.geometry.to_numpy()).sum(), rel=1e-9)


def test_bins_of_a_projected_layer_are_exact_in_its_plane(ctx):
    points = gpd.GeoDataFrame(geometry=[Point(500_010, 5_000_010), Point(500_990, 5_000_990)], crs=32633)
    made = aggregate_points(ctx, points, binType="Square", binSize=100)["aggregatedLayer"]
    assert made.crs.to_epsg() == 32633
    assert len(made) == 100
    assert made.geometry.area.to_numpy() == pytest.approx(np.full(100, 10_000))
    assert made.total_bounds.tolist() == [500_000, 5_000_000, 501_000, 5_001_000]


def test_the_order_of_rows_does_not_matter(ctx, areas):
    quakes = sample("earthquakes")
    states = sample("states")
    first = aggregate_points(ctx, quakes, states, summaryFields=["mag Mean"])["aggregatedLayer"]
    again = aggregate_points(ctx, quakes.sample(frac=1, random_state=1), states, summaryFields=["mag Mean"])[
        "aggregatedLayer"
    ]
    assert again["Point_Count"].tolist() == first["Point_Count"].tolist()
    assert first.set_index("name").loc[["California", "Alaska", "Nevada"], "Point_Count"].tolist() == [
        831,
        213,
        167,
    ]
    assert again["mean_mag"].to_numpy() == pytest.approx(first["mean_mag"].to_numpy(), nan_ok=True)


def test_layers_in_different_systems_are_brought_together(ctx, points, areas):
    made = aggregate_points(ctx, points, areas.to_crs(3857))["aggregatedLayer"]
    assert made.crs.to_epsg() == 3857
    assert made["Point_Count"].tolist() == [3, 1, 0]


def test_multipoints_count_by_their_parts_and_taken_names_give_way(ctx, areas):
    points = gpd.GeoDataFrame(geometry=[MultiPoint([(0.5, 0.5), (0.6, 0.6), (1.5, 0.5)])], crs=4326)
    made = aggregate_points(ctx, points, areas.assign(Point_Count=9))["aggregatedLayer"]
    assert made["Point_Count"].tolist() == [9, 9, 9]
    assert made["Point_Count_1"].tolist() == [2, 1, 0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 12), st.integers(0, 12), st.none() | st.sampled_from("ab"), st.integers(0, 9)
        ),
        min_size=1,
        max_size=20,
    ),
    st.lists(st.tuples(*[st.integers(0, 5)] * 4), min_size=1, max_size=6),
)
def test_counts_groups_and_sums_are_those_of_a_loop_over_all_pairs(ctx, places, corners):
    points = gpd.GeoDataFrame(
        {"kind": pd.Series([p[2] for p in places], dtype=object), "n": [p[3] for p in places]},
        geometry=[Point(x / 2, y / 2) for x, y, _, _ in places],
        crs=4326,
    )
    areas = gpd.GeoDataFrame(geometry=[box(x, y, x + w + 1, y + h + 1) for x, y, w, h in corners], crs=4326)
    members = [[] for _ in corners]
    for i, point in enumerate(points.geometry):
        inside = [a for a, area in enumerate(areas.geometry) if area.contains(point)]
        touched = [a for a, area in enumerate(areas.geometry) if area.touches(point)]
        for a in inside or touched[:1]:
            members[a].append(i)
    made = aggregate_points(
        ctx, points, areas, summaryFields=["n Sum"], groupByField="kind", minorityMajority=True
    )
    result, table = made["aggregatedLayer"], made["groupSummary"]
    assert result["Point_Count"].tolist() == [len(m) for m in members]
    assert result["sum_n"].fillna(0).tolist() == [sum(places[i][3] for i in m) for m in members]
    assert table["Point_Count"].sum() == sum(map(len, members))
    for area, m in enumerate(members):
        kinds = [places[i][2] for i in m]
        rows = table[table["Join_ID"] == area]
        found = {
            (None if pd.isna(k) else k): n for k, n in zip(rows["kind"], rows["Point_Count"], strict=True)
        }
        assert found == {k: kinds.count(k) for k in set(kinds)}
        if kinds:
            most = result["Majority_kind"].iloc[area]
            assert kinds.count(None if pd.isna(most) else most) == max(map(kinds.count, kinds))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "polygonLayer: give either polygonLayer or binType"),
        ({"binType": "Square"}, "binSize: with binType the size"),
        ({"binType": "Square", "binSize": 1.0}, "binSize: cells of this size would be about"),
        ({"binType": "Square", "binSize": 0.0}, "binSize: 0 is no usable distance"),
        ({"minorityMajority": True}, "minorityMajority: it describes groups"),
        ({"groupByField": "nothing"}, "groupByField: the layer has no field 'nothing'"),
        ({"summaryFields": ["mag"]}, "summaryFields: 'mag' is not understood; write \"field Statistic\""),
        ({"summaryFields": ["kind Mean"]}, "summaryFields: Mean of the field 'kind' cannot be computed"),
        ({"summaryFields": ["time Sum"]}, "Numbers have every statistic, dates have Min and Max"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, points, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        aggregate_points(ctx, points, **parameters)
