from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Point

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.composite import calculate_composite_index

TWO = json.dumps([{"field": "a"}, {"field": "b", "weight": 3}])
METHODS = [
    "meanScaled", "meanPercentile", "meanRaw", "geomeanScaled", "geomeanPercentile", "geomeanRaw", "sumFlagsPercentile",
]  # fmt: skip


@pytest.fixture
def rows():
    return pd.DataFrame({"a": [0.0, 5.0, 10.0, None], "b": [4, 2, 3, 1], "name": list("wxyz")})


def index(ctx, rows, variables=TWO, *more, **given):
    return calculate_composite_index(ctx, rows, variables, *more, **given)["indexResultLayer"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("meanScaled", [0.75, 0.125, 0.625]),
        ("meanPercentile", [0.75, 0.125, 0.625]),
        ("meanRaw", [3, 2.75, 4.75]),
        ("geomeanScaled", [0, 0, 0.5**0.75]),
        ("geomeanPercentile", [0, 0, 0.5**0.75]),
        ("geomeanRaw", [0, (5 * 8) ** 0.25, (10 * 27) ** 0.25]),
        ("sumFlagsPercentile", [3, 0, 1]),
    ],
)
def test_methods_combine_as_they_say(ctx, rows, method, expected):
    made = index(ctx, rows, TWO, method)
    assert made["Index"].tolist()[:3] == pytest.approx(expected)
    assert np.isnan(made["Index"].iloc[3])
    assert made["Index_Rank"].isna().tolist() == [False] * 3 + [True]
    assert made["Index_Rank"].iloc[int(np.argmax(expected))] == 1
    assert "1 rows have a null" in ctx.text("warn")


def test_variables_and_the_index_may_be_reversed_and_stretched(ctx, rows):
    variables = json.dumps([{"field": "a", "reverseVariable": True}, {"field": "B"}])
    assert index(ctx, rows, variables)["Index"].tolist()[:3] == pytest.approx([1, 0.25, 0.25])
    made = index(ctx, rows, variables, outputIndexReverse=True, outputIndexMinMax='[{"min": 0, "max": 100}]')
    assert made["Index"].tolist()[:3] == pytest.approx([0, 100, 100])
    assert list(made.columns) == ["a", "b", "name", "Scaled_a", "Scaled_B", "Index", "Index_Rank"]


@given(
    values=st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=30),
    method=st.sampled_from([m for m in METHODS if m != "geomeanRaw"]),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scales_have_bounds_and_rows_no_order(ctx, values, method):
    rows = pd.DataFrame(values, columns=["a", "b"]).astype(float)
    made = index(ctx, rows, TWO, method)
    if "Raw" not in method:
        assert made["Index"].between(0, 4 if method.startswith("sum") else 1).all()
    again = index(ctx, rows.iloc[::-1], TWO, method)
    assert again["Index"].iloc[::-1].to_numpy() == pytest.approx(made["Index"].to_numpy())
    grown = index(ctx, rows * 7 + 3, TWO, method)
    if "Raw" not in method:
        assert grown["Index"].to_numpy() == pytest.approx(made["Index"].to_numpy(), abs=1e-9)


def test_features_keep_their_geometry_last(ctx, rows):
    layer = gpd.GeoDataFrame(rows, geometry=[Point(0, 0), None, Point(1, 1), Point()], crs=4326)
    made = index(ctx, layer)
    assert made.columns[-1] == "geometry"
    assert made.crs == layer.crs
    assert made.geometry.isna().tolist() == [False, True, False, False]


def test_earthquakes_by_magnitude_and_depth(ctx):
    variables = json.dumps([{"field": "mag"}, {"field": "depth", "reverseVariable": True}])
    made = index(ctx, sample("earthquakes"), variables, "meanPercentile")
    assert len(made) == 1707
    assert made["Index"].mean() == pytest.approx(0.5, abs=1e-9)
    assert made.nsmallest(1, "Index_Rank")["mag"].iloc[0] == 3.8


def test_a_variable_with_one_value_is_told(ctx, rows):
    made = index(ctx, rows.assign(a=7.0))
    assert made["Scaled_a"].tolist() == [0, 0, 0, 0]
    assert "'a' has one value only, 7, and tells nothing" in ctx.text("warn")


@pytest.mark.parametrize(
    ("variables", "given", "reason"),
    [
        ("nonsense", {}, "inputVariables: this is no JSON"),
        ('[{"field": "a"}]', {}, "inputVariables: a list of at least two"),
        ('[{"field": "a"}, "b"]', {}, r"inputVariables\[1\]: an object with a field"),
        ('[{"field": "a"}, {"field": "b", "wait": 2}]', {}, r"inputVariables\[1\]: there is no 'wait'"),
        ('[{"field": "a"}, {"field": "b", "weight": 0}]', {}, "weight is a number above 0"),
        ('[{"field": "a"}, {"field": "b", "reverseVariable": 1}]', {}, "reverseVariable is true or false"),
        ('[{"field": "a"}, {"field": "nothing"}]', {}, "inputVariables: the layer has no field 'nothing'"),
        ('[{"field": "a"}, {"field": "name"}]', {}, "holds .*, not numbers"),
        (TWO, {"outputIndexMinMax": '{"min": 5, "max": 5}'}, "outputIndexMinMax: a min below a max"),
        (TWO, {"outputIndexMinMax": "[]"}, "outputIndexMinMax: a min below a max"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, rows, variables, given, reason):
    with pytest.raises(ParameterError, match=reason):
        index(ctx, rows, variables, **given)


def test_values_below_0_have_no_geometric_mean(ctx, rows):
    with pytest.raises(ParameterError, match="'a' has values below 0"):
        index(ctx, rows.assign(a=-rows["a"] - 1), TWO, "geomeanRaw")


def test_nothing_but_nulls_and_no_rows_are_refused(ctx, rows):
    with pytest.raises(ParameterError, match="every row has a null"):
        index(ctx, rows.assign(a=np.nan))
    with pytest.raises(ParameterError, match="no features"):
        index(ctx, rows.iloc[:0])
