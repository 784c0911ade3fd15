from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.merge import merge_layers


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


ONE = layer(Point(0, 0), Point(1, 1), code=["a", "b"], n=pd.array([1, None], dtype="Int64"))
TWO = layer(Point(2, 2), status=["c"], N=[2.5], extra=[True])


def test_all_fields_of_both_layers_come_and_the_others_are_null(ctx):
    made = merge_layers(ctx, ONE, TWO)["mergedLayer"]
    assert list(made.columns) == ["code", "n", "status", "extra", "geometry"]
    assert len(made) == 3
    assert made["n"].tolist()[::2] == [1, 2.5]
    assert made["code"].isna().tolist() == [False, False, True]
    assert "Only mergeLayer has status, extra" in ctx.text()


@pytest.mark.parametrize(
    "rules",
    [
        ["status Match code", "extra Remove", "N Rename m"],
        ["STATUS,match,CODE", "extra, Remove", "n, Rename, m"],
    ],
)
def test_fields_are_matched_renamed_and_removed(ctx, rules):
    made = merge_layers(ctx, ONE, TWO, mergingAttributes=rules)["mergedLayer"]
    assert list(made.columns) == ["code", "n", "m", "geometry"]
    assert made["code"].tolist() == ["a", "b", "c"]
    assert made["n"].isna().tolist() == [False, True, True]
    assert made["m"].tolist()[2] == 2.5


def test_numbers_become_text_but_text_no_number(ctx):
    numbers = layer(Point(0, 0), Point(1, 0), code=[7.0, 2.5])
    made = merge_layers(ctx, ONE, numbers)["mergedLayer"]
    assert made["code"].tolist() == ["a", "b", "7", "2.5"]
    with pytest.raises(
        ParameterError, match="the field 'code' holds number in inputLayer and text in mergeLayer"
    ):
        merge_layers(ctx, numbers, ONE)


def test_the_result_is_in_the_system_of_the_first_and_shapes_are_kept_as_they_are(ctx):
    made = merge_layers(ctx, ONE, layer(Point(3, 3, 9), None).to_crs(3857))["mergedLayer"]
    assert made.crs.to_epsg() == 4326
    assert made.geometry.iloc[2].x == pytest.approx(3)
    assert made.geometry.iloc[2].z == pytest.approx(9)
    assert made.geometry.isna().tolist() == [False, False, False, True]


def test_states_and_countries_are_all_there(ctx):
    states, countries = sample("states"), sample("countries")
    made = merge_layers(ctx, states, countries)["mergedLayer"]
    assert len(made) == len(states) + len(countries)
    assert made["name"].tolist() == states["name"].tolist() + countries["name"].tolist()
    assert made.geometry.iloc[: len(states)].geom_equals(states.geometry.reset_index(drop=True)).all()


def test_empty_layers_can_be_merged(ctx):
    made = merge_layers(ctx, ONE.iloc[:0], TWO)["mergedLayer"]
    assert len(made) == 1
    assert set(made.columns) == {"code", "n", "status", "extra", "geometry"}
    assert len(merge_layers(ctx, ONE.iloc[:0], TWO.iloc[:0])["mergedLayer"]) == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    *[
        st.dictionaries(
            st.sampled_from("abcd"),
            st.lists(st.none() | st.integers(-9, 9), min_size=3, max_size=3),
            max_size=4,
        )
    ]
    * 2
)
def test_no_value_is_lost_and_none_appears(ctx, one, two):
    frames = [
        layer(*[Point(i, 0)] * 3, **{k: pd.array(v, dtype="Int64") for k, v in columns.items()})
        for i, columns in enumerate((one, two))
    ]
    made = merge_layers(ctx, *frames)["mergedLayer"]
    for name in set(one) | set(two):
        expected = one.get(name, [None] * 3) + two.get(name, [None] * 3)
        assert [None if pd.isna(v) else v for v in made[name]] == expected


@pytest.mark.parametrize(
    ("other", "rules", "reason"),
    [
        (layer(LineString([(0, 0), (1, 1)])), [], "mergeLayer: it holds lines, and inputLayer points"),
        (layer(Point(0, 0), crs=None), [], "mergeLayer: the layer has no coordinate system"),
        (TWO, ["status"], 'write "field Remove"'),
        (TWO, ["status Remove x"], 'write "field Remove"'),
        (TWO, ["status Lose"], 'write "field Remove"'),
        (TWO, ["nothing Remove"], "mergingAttributes: the layer has no field 'nothing'"),
        (TWO, ["status Match nothing"], "mergingAttributes: the layer has no field 'nothing'"),
        (TWO, ["status Rename code"], "inputLayer has a field 'code'; write Match"),
        (TWO, ["status Remove", "status Rename x"], "status is named twice"),
        (TWO, ["status Rename extra"], "two fields of mergeLayer would be called 'extra'"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, other, rules, reason):
    with pytest.raises(ParameterError, match=reason):
        merge_layers(ctx, ONE, other, mergingAttributes=rules)
