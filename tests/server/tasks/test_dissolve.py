from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.dissolve import dissolve_boundaries


@pytest.fixture
def squares():
    # a and b touch; c stands alone; d touches b by a corner only; e overlaps c
    shapes = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(5, 5, 6, 6), box(2, 1, 3, 2), box(5.5, 5.5, 7, 7)]
    return gpd.GeoDataFrame(
        {"kind": ["x", "x", "x", "x", "X"], "people": [1, 2, 4, 8, 16]}, geometry=shapes, crs=4326
    )


def test_touching_and_overlapping_polygons_merge_but_a_corner_does_not_join(ctx, squares):
    made = dissolve_boundaries(ctx, squares, summaryFields=["people Sum"])["dissolvedLayer"]
    assert sorted(zip(made["Count"], made["sum_people"], strict=True)) == [(1, 8), (2, 3), (2, 20)]
    assert set(made.geom_type) == {"Polygon"}
    assert made["Count"].sum() == 5
    assert made["sum_people"].sum() == 31
    assert shapely.area(made.geometry.to_numpy()).sum() == pytest.approx(1 + 1 + 1 + 1 + 2.25 - 0.25)


def test_fields_must_match_by_case_and_the_polygons_touch(ctx, squares):
    made = dissolve_boundaries(ctx, squares, dissolveFields=["kind"])["dissolvedLayer"]
    assert sorted(zip(made["kind"], made["Count"], strict=True)) == [("X", 1), ("x", 1), ("x", 1), ("x", 2)]


def test_multipart_gives_one_feature_for_each_value(ctx, squares):
    made = dissolve_boundaries(ctx, squares, dissolveFields=["kind"], multiPartFeatures=True)[
        "dissolvedLayer"
    ]
    assert made[["kind", "Count"]].to_numpy().tolist() == [["X", 1], ["x", 4]]
    assert made.geom_type.tolist() == ["Polygon", "MultiPolygon"]


def test_null_is_a_value_like_any_other(ctx, squares):
    squares["kind"] = ["x", None, None, "x", "x"]
    made = dissolve_boundaries(ctx, squares, dissolveFields=["kind"], multiPartFeatures=True)[
        "dissolvedLayer"
    ]
    assert sorted(made["Count"]) == [2, 3]
    assert made["kind"].isna().sum() == 1


def test_a_feature_of_several_parts_counts_once_where_its_largest_part_lies(ctx):
    islands = MultiPolygon([box(0, 0, 1, 1), box(9, 9, 12, 12)])
    layer = gpd.GeoDataFrame({"people": [10, 1]}, geometry=[islands, box(1, 0, 2, 1)], crs=4326)
    made = dissolve_boundaries(ctx, layer, summaryFields=["people Sum"])["dissolvedLayer"].sort_values(
        "Count"
    )
    assert made["Count"].tolist() == [1, 1]
    assert made["sum_people"].sum() == 11
    assert shapely.area(made.geometry.to_numpy()).sum() == 11
    assert "several parts were counted once" in ctx.text()


def test_counties_become_states_and_their_counts_add_up(ctx):
    counties = sample("counties")
    made = dissolve_boundaries(ctx, counties, dissolveFields=["state"], multiPartFeatures=True)[
        "dissolvedLayer"
    ]
    assert len(made) == 56
    assert made["Count"].sum() == 3231
    counts = made.set_index("state")["Count"]
    assert counts[["Texas", "California", "Rhode Island"]].tolist() == [254, 58, 5]
    assert made.geometry.is_valid.all()
    parts = dissolve_boundaries(ctx, counties, dissolveFields=["state"])["dissolvedLayer"]
    assert parts["Count"].sum() == 3231
    assert set(parts.geom_type) == {"Polygon"}
    both = gpd.GeoSeries(
        [shapely.union_all(parts.geometry.to_numpy()), shapely.union_all(made.geometry.to_numpy())]
    )
    assert both.area.iloc[0] == pytest.approx(both.area.iloc[1])


def test_the_order_of_rows_does_not_matter(ctx, squares):
    def key(frame):
        made = dissolve_boundaries(ctx, frame, dissolveFields=["kind"], summaryFields=["people Sum"])[
            "dissolvedLayer"
        ]
        return sorted(
            (row.kind, row.Count, row.sum_people, row.geometry.normalize().wkt) for row in made.itertuples()
        )

    assert key(squares.iloc[::-1]) == key(squares)


def test_a_lone_bow_tie_comes_back_valid(ctx):
    bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    made = dissolve_boundaries(ctx, gpd.GeoDataFrame(geometry=[bow], crs=3857))["dissolvedLayer"]
    assert made.geometry.is_valid.all()
    assert shapely.area(made.geometry.to_numpy()).sum() == 2
    assert made["Count"].sum() == 1


cells = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.none() | st.sampled_from("xX"), st.integers(0, 9)),
    min_size=1,
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells, st.booleans())
def test_what_hangs_together_is_what_a_search_over_all_pairs_finds(ctx, rows, by_field):
    layer = gpd.GeoDataFrame(
        {"kind": pd.Series([r[2] for r in rows], dtype=object), "n": [r[3] for r in rows]},
        geometry=[box(x, y, x + 1, y + 1) for x, y, _, _ in rows],
        crs=4326,
    )
    group = list(range(len(rows)))
    for _ in rows:
        for i, (x, y, kind, _) in enumerate(rows):
            for j, (u, v, other, _) in enumerate(rows):
                touch = abs(x - u) + abs(y - v) <= 1  # the same cell, or one that shares a side
                if touch and (not by_field or kind == other):
                    group[i] = group[j] = min(group[i], group[j])
    expected = sorted(
        (group.count(g), sum(r[3] for r, h in zip(rows, group, strict=True) if h == g)) for g in set(group)
    )
    made = dissolve_boundaries(
        ctx, layer, dissolveFields=["kind"] if by_field else None, summaryFields=["n Sum"]
    )["dissolvedLayer"]
    assert sorted(zip(made["Count"], made["sum_n"], strict=True)) == expected
    assert shapely.area(made.geometry.to_numpy()).sum() == pytest.approx(
        sum(
            shapely.union_all(part.geometry.to_numpy()).area
            for _, part in (layer.groupby("kind", dropna=False) if by_field else [(0, layer)])
        )
    )


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (
            {"dissolveFields": ["nothing"]},
            "dissolveFields: the layer has no field 'nothing'. Its fields are kind, people",
        ),
        ({"summaryFields": ["kind Sum"]}, "summaryFields: Sum of the field 'kind' cannot be computed"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, squares, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        dissolve_boundaries(ctx, squares, **parameters)


def test_points_are_refused(ctx):
    with pytest.raises(ParameterError, match="inputLayer: the layer holds points, but polygons are needed"):
        dissolve_boundaries(ctx, gpd.GeoDataFrame(geometry=[Point(0, 0)], crs=4326))


def test_areas_on_either_side_of_180_degrees_that_share_a_border_are_one(ctx):
    shapes = [
        box(170, -5, 180, 5),
        box(-180, 4, -170, 9),
        box(-180, -20, -170, -5),  # a corner alone
        box(160, 50, 170, 60),
        box(165, 55, 180, 70),
        box(-180, 60, -175, 62),
    ]
    layer = gpd.GeoDataFrame({"people": [1, 2, 4, 8, 16, 32]}, geometry=shapes, crs=4326)
    made = dissolve_boundaries(ctx, layer, summaryFields=["people Sum"])["dissolvedLayer"]
    assert sorted(zip(made["Count"], made["sum_people"], strict=True)) == [(1, 4), (2, 3), (3, 56)]
    assert sorted(made.geom_type) == ["MultiPolygon", "MultiPolygon", "Polygon"]
    plane = dissolve_boundaries(ctx, layer.set_crs(32633, allow_override=True))["dissolvedLayer"]
    assert len(plane) == 5
