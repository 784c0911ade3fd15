"""FindSimilarLocations, against loops over every feature and field written out here."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.similarity import rank_by_similarity
from spatial_widgets.server.tasks.similar import find_similar_locations


def layer(crs=4326, **columns):
    n = len(next(iter(columns.values())))
    return gpd.GeoDataFrame(columns, geometry=[Point(i, 0) for i in range(n)], crs=crs)


def by_hand(target, everything, candidates):
    fields = range(len(target))
    mean = [sum(row[f] for row in everything) / len(everything) for f in fields]
    spread = [math.sqrt(sum((row[f] - mean[f]) ** 2 for row in everything) / len(everything)) for f in fields]
    return [
        sum(
            ((row[f] - mean[f]) / spread[f] - (target[f] - mean[f]) / spread[f]) ** 2
            for f in fields
            if spread[f]
        )
        for row in candidates
    ]


rows = st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 5)), min_size=1, max_size=15)


@settings(max_examples=60, deadline=None)
@given(rows, rows)
def test_index_and_rank_are_those_of_a_loop_over_everything(references, candidates):
    first, second = np.array(references, dtype=float), np.array(candidates, dtype=float)
    target = first.mean(axis=0)
    made = rank_by_similarity(target, first, second)
    expected = by_hand(target.tolist(), references + candidates, candidates)
    assert made.index == pytest.approx(expected, rel=1e-9, abs=1e-9)
    for i in range(len(candidates)):
        for j in range(len(candidates)):
            if made.index[i] < made.index[j]:
                assert made.rank[i] < made.rank[j]
            if candidates[i] == candidates[j]:
                assert made.rank[i] == made.rank[j]
    assert made.rank.min() == 1


def test_the_earthquakes_most_like_the_strongest_one(ctx):
    quakes = sample("earthquakes")
    result = find_similar_locations(
        ctx, quakes, quakes, ["mag", "depth", "sig"], inputQuery="mag = 6.4", numberOfResults=5
    )
    made = result["similarResultLayer"]
    assert list(made.columns[-3:]) == ["SIMRANK", "SIMINDEX", "geometry"]
    assert set(quakes.columns) <= set(made.columns)
    assert made["SIMRANK"].tolist() == [1, 2, 3, 3, 5]  # two are alike
    assert made["mag"].iloc[0] == 6.4
    assert made["SIMINDEX"].iloc[0] == 0
    numbers = quakes[["mag", "depth", "sig"]].to_numpy(dtype=float)
    strongest = numbers[numbers[:, 0].argmax()]
    together = np.vstack([strongest, numbers])
    index = (((numbers - strongest) / together.std(axis=0)) ** 2).sum(axis=1)
    assert made["SIMINDEX"].to_numpy() == pytest.approx(np.sort(index)[:5])
    assert made["id"].tolist() == quakes["id"].iloc[np.argsort(index, kind="stable")[:5]].tolist()
    lines = [one["message"] for one in result["processInfo"]]
    assert "1 of 1,707 input features satisfy the inputQuery." in lines
    assert any(line.startswith("depth: target ") for line in lines)


def test_the_order_of_rows_does_not_matter(ctx):
    quakes = sample("earthquakes")
    first, second = (
        find_similar_locations(ctx, quakes.head(20), one, ["mag", "rms"])["similarResultLayer"].set_index(
            "id"
        )
        for one in (quakes, quakes.sample(frac=1, random_state=4))
    )
    assert second.loc[first.index, "SIMRANK"].tolist() == first["SIMRANK"].tolist()
    assert second.loc[first.index, "SIMINDEX"].to_numpy() == pytest.approx(first["SIMINDEX"].to_numpy())


def test_several_input_features_make_their_average_the_target(ctx):
    inputs, search = layer(a=[1.0, 3.0, None], b=[0.0, 0, 6]), layer(a=[2.0, 9.0], b=[2.0, 9.0])
    made = find_similar_locations(ctx, inputs, search, ["a", "b"])["similarResultLayer"]
    assert made["SIMINDEX"].iloc[0] == 0
    assert "the average of 3 input features" in ctx.text()


def test_the_result_keeps_the_coordinate_system_and_kind_of_the_candidates(ctx):
    search = gpd.GeoDataFrame(
        {"A": [5, 1, 4]}, geometry=shapely.buffer(shapely.points([[0, 0], [1e6, 0], [0, 1e6]]), 9.0), crs=3857
    )
    made = find_similar_locations(ctx, layer(a=[4.0]), search, ["a"])["similarResultLayer"]
    assert made.crs.to_epsg() == 3857
    assert made["A"].tolist() == [4, 5, 1]
    assert set(made.geom_type) == {"Polygon"}


def test_shapes_play_no_part_not_even_missing_or_broken_ones(ctx):
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    search = gpd.GeoDataFrame({"a": [5.0, 1, 3]}, geometry=[None, bow, Point(0, 0)], crs=4326)
    made = find_similar_locations(ctx, layer(a=[5.0]), search, ["a"])["similarResultLayer"]
    assert made["a"].tolist() == [5, 3, 1]
    assert made.geometry.iloc[0] is None
    assert made.geometry.iloc[2].equals_exact(bow, 0)


def test_nulls_and_constants_are_told(ctx):
    search = layer(a=[1.0, None, 3.0], b=[7.0, 7, 7])
    made = find_similar_locations(ctx, layer(a=[3.0], b=[7.0]), search, ["a", "b"])["similarResultLayer"]
    assert made["a"].tolist() == [3, 1]
    assert "1 candidates left out, in which a field is null." in ctx.text("warn")
    assert "b is 7 everywhere and tells nothing." in ctx.text("warn")


@pytest.mark.parametrize(
    ("inputs", "search", "more", "reason"),
    [
        (layer(a=[1.0]), layer(a=[1.0, 1.0]), {}, "analysisFields: no field differs"),
        (layer(a=[1.0]), layer(b=[1.0]), {}, "analysisFields: the layer has no field 'a'. Its fields are b"),
        (layer(b=[1.0]), layer(a=[1.0]), {}, "analysisFields: the layer has no field 'a'. Its fields are b"),
        (layer(a=["x"]), layer(a=[1.0]), {}, "analysisFields: the field 'a' holds .*, not numbers"),
        (layer(a=[None]), layer(a=[1.0]), {}, "inputLayer: a of the input features is null"),
        (layer(a=[1.0]), layer(a=[None]), {}, "searchLayer: no candidate has a value in all"),
        (layer(a=[1.0]), layer(a=[2.0]), {"inputQuery": "a > 5"}, "inputQuery: no feature of inputLayer"),
        (layer(a=[1.0]), layer(a=[2.0]), {"inputQuery": "drop table"}, "inputQuery"),
        (layer(a=[1.0]).iloc[:0], layer(a=[2.0]), {}, "inputLayer: the layer has no features"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, inputs, search, more, reason):
    with pytest.raises(ParameterError, match=reason):
        find_similar_locations(ctx, inputs, search, ["a"], **more)


def test_no_field_is_refused(ctx):
    with pytest.raises(ParameterError, match="analysisFields: name at least one"):
        find_similar_locations(ctx, layer(a=[1.0]), layer(a=[1.0]), [])
