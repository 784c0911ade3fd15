"""Layers whose fields have the names of a task's own results keep them: nothing is lost, nothing is there twice."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely
from shapely import Point, box

from spatial_widgets.server.tasks.aggregate import aggregate_points
from spatial_widgets.server.tasks.dissolve import dissolve_boundaries
from spatial_widgets.server.tasks.enrich import enrich_layer
from spatial_widgets.server.tasks.nearby import summarize_nearby
from spatial_widgets.server.tasks.within import summarize_within

NAMES = ["Join_ID", "Point_Count", "Percent_Points", "sum_v"]
POINTS = gpd.GeoDataFrame(
    {"v": [1.0, 2.0, 3.0, 4.0], **{name: [7, 7, 8, 8] for name in NAMES}},
    geometry=[Point(0, 0), Point(1, 0), Point(1.1, 0), Point(0.1, 0)],
    crs=4326,
)
AREAS = gpd.GeoDataFrame(
    {"Join_ID": [70, 80], "Point_Count": [5, 6]},
    geometry=[box(-0.5, -1, 0.5, 1), box(0.5, -1, 1.5, 1)],
    crs=4326,
)


@pytest.mark.parametrize("field", NAMES)
def test_a_group_may_have_the_name_of_what_is_computed(ctx, field):
    made = aggregate_points(
        ctx,
        POINTS,
        AREAS,
        summaryFields=["v Sum"],
        groupByField=field,
        minorityMajority=True,
        percentPoints=True,
    )
    table, layer = made["groupSummary"], made["aggregatedLayer"]
    assert table.columns.is_unique
    assert table[field].tolist() == [7, 8, 7, 8]
    assert table.iloc[:, 0].tolist() == [0, 0, 1, 1]
    sums = next(name for name in table.columns if name.startswith("sum_v") and name != field)
    assert table[sums].tolist() == [1, 4, 2, 3]
    assert layer.columns.is_unique
    assert layer["Join_ID"].tolist() == [70, 80]
    assert layer["Join_ID_1"].tolist() == [0, 1]
    assert layer[f"Majority_{field}"].tolist() == [7, 7]


@pytest.mark.parametrize("field", ["Join_ID", "Point_Count"])
def test_sums_within_areas_are_told_by_such_a_field_too(ctx, field):
    made = summarize_within(ctx, POINTS, AREAS, summaryFields=[f"{field} Sum"], groupByField=field)
    assert made["groupBySummary"][field].tolist() == [7, 8, 7, 8]
    assert made["resultLayer"][f"sum_{field}"].tolist() == [15, 15]
    assert made["resultLayer"]["Point_Count_1"].tolist() == [2, 2]
    lines = POINTS.set_geometry(shapely.boundary(shapely.buffer(POINTS.geometry.to_numpy(), 0.01)))
    made = summarize_within(ctx, lines, AREAS, summaryFields=[f"{field} Max"], groupByField=field)
    assert made["groupBySummary"][field].tolist() == [7, 8, 7, 8]
    assert made["resultLayer"][f"max_{field}"].tolist() == [8, 8]


def test_names_that_differ_by_case_alone_are_not_made(ctx):
    layer = AREAS.rename(columns={"Point_Count": "point_count"})
    made = aggregate_points(ctx, POINTS, layer)["aggregatedLayer"]
    assert made.columns.tolist() == ["Join_ID", "point_count", "Point_Count_1", "geometry"]
    merged = dissolve_boundaries(
        ctx, layer.rename(columns={"point_count": "count"}), dissolveFields=["count"]
    )
    assert merged["dissolvedLayer"].columns.tolist() == ["count", "Count_1", "geometry"]


def test_features_keep_their_own_number_of_a_join(ctx):
    nearby = summarize_nearby(ctx, POINTS, POINTS, [20.0], units="Kilometers", groupByField="Join_ID")
    assert nearby["resultLayer"]["Join_ID"].tolist() == [7, 7, 8, 8]
    assert nearby["resultLayer"]["Join_ID_1"].tolist() == [0, 1, 2, 3]
    assert sorted(nearby["groupBySummary"]["Join_ID"]) == [7, 7, 7, 7, 8, 8, 8, 8]
    enriched = enrich_layer(ctx, POINTS, distance=20.0, units="Kilometers", enrichmentLayer=AREAS)
    assert enriched["enrichedLayer"]["Join_ID"].tolist() == [7, 7, 8, 8]
