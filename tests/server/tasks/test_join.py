from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Point, box

from spatial_widgets.codec import encode_features, encode_records
from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.registry import REGISTRY
from spatial_widgets.server.tasks.join import join_features


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


AREAS = layer(box(0, 0, 2, 2), box(5, 5, 6, 6), box(8, 8, 9, 9), name=["a", "b", "c"], key=[1, 2, None])
POINTS = layer(
    Point(1, 1), Point(2, 1), Point(5.5, 5.5), mag=[1.0, 3.0, None], name=["x", "y", "z"], key=[2, 2, 9]
)


def join(ctx, *layers, **parameters):
    return join_features(ctx, *layers, **parameters)["outputLayer"]


def test_one_to_one_gives_counts_and_statistics(ctx):
    made = join(ctx, AREAS, POINTS, spatialRelationship="Contains", summaryFields=["mag Mean"])
    assert made["name"].tolist() == ["a", "b"]
    assert made["Join_Count"].tolist() == [2, 1]
    assert made["mean_mag"].tolist()[0] == 2
    assert made.columns[-1] == "geometry"
    assert "2 of 3 targets have a match, 3 in all; 3 of 3 rows of joinLayer were used" in ctx.text()
    strict = join(ctx, AREAS, POINTS, spatialRelationship="CompletelyContains", joinType="Left")
    assert strict["Join_Count"].tolist() == [1, 1, 0]


def test_one_to_many_gives_each_match_with_its_fields(ctx):
    made = join(ctx, AREAS, POINTS, spatialRelationship="Intersects", joinOperation="JoinOneToMany")
    assert list(made.columns) == ["name", "key", "mag", "name_1", "key_1", "geometry"]
    assert made["name_1"].tolist() == ["x", "y", "z"]
    assert made.geometry.iloc[1].equals(AREAS.geometry.iloc[0])
    left = join(
        ctx, AREAS, POINTS, spatialRelationship="Intersects", joinOperation="JoinOneToMany", joinType="Left"
    )
    assert left["name"].tolist() == ["a", "a", "b", "c"]
    assert left["name_1"].isna().tolist() == [False, False, False, True]


def test_fields_can_be_compared_alone_and_with_places(ctx):
    relation = [{"targetField": "KEY", "joinField": "key", "operator": "equal"}]
    alone = join(ctx, AREAS, POINTS, attributeRelationship=relation, joinOperation="JoinOneToMany")
    assert list(zip(alone["name"], alone["name_1"], strict=True)) == [("b", "x"), ("b", "y")]
    both = join(
        ctx, AREAS, POINTS, spatialRelationship="Intersects", attributeRelationship=relation, joinType="Left"
    )
    assert both["Join_Count"].tolist() == [0, 0, 0]


def test_only_the_best_matches_can_be_taken(ctx):
    best = {"orderByFields": "mag DESC", "topCount": 1}
    made = join(ctx, AREAS, POINTS, spatialRelationship="Intersects", recordsToMatch=best)
    assert made["name_1"].tolist() == ["y", "z"]
    assert "Join_Count" not in made


def test_tables_are_joined_too(ctx):
    table = pd.DataFrame({"key": [2, 2, 1], "people": [10, 20, 5]})
    relation = [{"targetField": "key", "joinField": "key"}]
    made = join(ctx, AREAS, table, attributeRelationship=relation, summaryFields=["people Sum"])
    assert isinstance(made, gpd.GeoDataFrame)
    assert made["sum_people"].tolist() == [5, 30]
    turned = join(ctx, table, AREAS, attributeRelationship=relation, joinOperation="JoinOneToMany")
    assert type(turned) is pd.DataFrame
    assert turned["name"].tolist() == ["b", "b", "a"]


def test_distances_are_geodesic_and_layers_may_have_different_systems(ctx):
    made = join(ctx, layer(Point(179.9, 0)), layer(Point(-179.9, 0), n=[1]).to_crs(3857),
                spatialRelationship="WithinDistance", spatialRelationshipDistance=23.0, spatialRelationshipDistanceUnits="Kilometers")  # fmt: skip
    assert made["Join_Count"].tolist() == [1]
    assert "at most 23 km away" in ctx.text()


def test_counties_find_their_states_by_place_and_by_name(ctx):
    counties, states = sample("counties"), sample("states")
    by_name = join(
        ctx,
        counties,
        states,
        attributeRelationship=[{"targetField": "state", "joinField": "name"}],
        joinOperation="JoinOneToMany",
    )
    assert len(by_name) == len(counties)
    assert (by_name["state"] == by_name["name_1"]).all()
    points = sample("earthquakes")
    by_place = join(ctx, states, points, spatialRelationship="Contains", summaryFields=["mag Max"])
    assert by_place.set_index("name").loc[["California", "Alaska", "Nevada"], "Join_Count"].tolist() == [
        831,
        213,
        167,
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    *[st.lists(st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from("ab")), max_size=9)] * 2
)
def test_equal_fields_are_those_of_a_loop_over_all_pairs(ctx, one, two):
    frames = [
        pd.DataFrame(
            {
                "k": pd.array([k for k, _ in rows], dtype="Int64"),
                "t": pd.Series([t for _, t in rows], dtype=object),
            }
        ).assign(row=range(len(rows)))
        for rows in (one, two)
    ]
    relation = [{"targetField": name, "joinField": name} for name in ("k", "t")]
    made = join(ctx, *frames, attributeRelationship=relation, joinOperation="JoinOneToMany")
    expected = [
        (i, j) for i, a in enumerate(one) for j, b in enumerate(two) if None not in (*a, *b) and a == b
    ]
    assert list(zip(made["row"], made["row_1"], strict=True)) == expected


def test_the_task_takes_and_gives_layers_and_tables_as_texts(ctx):
    task = REGISTRY["JoinFeatures"]
    form = {
        "targetLayer": json.dumps(encode_records(pd.DataFrame({"key": [1, 2]}))),
        "joinLayer": json.dumps(encode_features(AREAS)),
        "attributeRelationship": json.dumps(
            [{"targetField": "key", "joinField": "key", "operator": "equal"}]
        ),
        "spatialRelationship": "",
    }
    table = task.run(ctx, task.decode(task.given(form)))["outputLayer"]
    assert "geometryType" not in table
    assert [f["attributes"]["Join_Count"] for f in table["features"]] == [1, 1]
    form["targetLayer"], form["spatialRelationship"] = json.dumps(encode_features(AREAS)), "identicalto"
    features = task.run(ctx, task.decode(task.given(form)))["outputLayer"]
    assert features["geometryType"] == "esriGeometryPolygon"
    assert len(features["features"]) == 2


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "spatialRelationship: give a spatialRelationship, an attributeRelationship, or both"),
        ({"spatialRelationship": "WithinDistance"}, "spatialRelationshipDistance: WithinDistance needs a distance"),
        ({"attributeRelationship": [{"a": 1}]}, "attributeRelationship: .* is not understood"),
        ({"attributeRelationship": [{"targetField": "name", "joinField": "mag"}]}, "holds text and mag of joinLayer numbers"),
        ({"attributeRelationship": [{"targetField": "x", "joinField": "mag"}]}, "has no field 'x'"),
        ({"spatialRelationship": "Contains", "recordsToMatch": {"topCount": 0}}, "topCount is a whole number"),
        ({"spatialRelationship": "Contains", "recordsToMatch": {"orderByFields": "q DESC"}}, "has no field 'q'"),
        ({"spatialRelationship": "Contains", "joinOperation": "JoinOneToMany", "summaryFields": ["mag Sum"]}, "statistics belong to JoinOneToOne"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_by_name(ctx, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        join(ctx, AREAS, POINTS, **parameters)


def test_a_table_has_no_place_and_too_many_matches_are_refused(ctx):
    table = pd.DataFrame({"k": [1] * 40})
    with pytest.raises(ParameterError, match="joinLayer: a layer with geometry is needed, not a table"):
        join(ctx, AREAS, table, spatialRelationship="Contains")
    ctx.limits = Limits(maximum_records=1000)
    with pytest.raises(ParameterError, match="1,600 rows would match, and at most 1,000"):
        join(ctx, table, table, attributeRelationship=[{"targetField": "k", "joinField": "k"}])
