from __future__ import annotations

import contextlib
import json
import math

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from spatial_widgets.codec import encode_features
from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.expressions import Expression
from spatial_widgets.server.registry import REGISTRY
from spatial_widgets.server.tasks.calculator import calculate_fields

GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture
def layer():
    return gpd.GeoDataFrame(
        {
            "POP": pd.array([100, None, 300], dtype="Int64"),
            "area": [2.0, 4.0, 0.0],
            "name": ["Bern", None, "Zug's"],
            "time": pd.to_datetime(["2018-01-01", "2019-06-01", None], utc=True),
            "two words": [1, 2, 3],
        },
        geometry=[Point(0, 0), None, Point(1, 1)],
        crs=4326,
    )


def calculate(ctx, layer, *expressions):
    return calculate_fields(ctx, layer, list(expressions))["resultLayer"]


def values(column):
    return [None if pd.isna(v) else v for v in column]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!pop! / !area!", [50, None, None]),  # null, and a division by 0
        ("!POP! * 2 + 1", [201, None, 601]),
        ("-!POP! // 7 % 5", [-100 // 7 % 5, None, -300 // 7 % 5]),
        ("!area! ** 2", [4, 16, 0]),
        ("POP", [100, None, 300]),
        ("!two words! + 1", [2, 3, 4]),
        ("!name!.upper() + '!' ", ["BERN!", None, "ZUG'S!"]),
        ("!name![0:2]", ["Be", None, "Zu"]),
        ("!name![-1]", ["n", None, "s"]),
        ('str(!POP!) + "\'"', ["100'", None, "300'"]),
        ("len(!name!)", [4, None, 5]),
        ("'e' in !name!", [1, None, 0]),
        ("1 if !POP! > 150 else 0", [0, 0, 1]),
        ("'none' if !name! is None else !name!", ["Bern", "none", "Zug's"]),
        ("!POP! in (100, 5)", [1, None, 0]),
        ("!area! > 1 and !POP! != 300", [1, None, 0]),
        ("1 < !area! < 3", [1, 0, 0]),
        ("not !area!", [0, 0, 1]),
        ("round(math.sqrt(!area!), 2)", [1.41, 2.0, 0.0]),
        ("math.log(!area!)", [math.log(2), math.log(4), None]),
        ("int('7') * math.pi", [7 * math.pi] * 3),
        ("max(!two words!, !area!)", [2, 4, 3]),
        ("!time! > '2018-12-31'", [0, 1, None]),
        ("None", [None] * 3),
        ("5", [5, 5, 5]),
        ("!area! if !area! > 3 else None", [None, 4, None]),
    ],
)
def test_an_expression_is_calculated_for_every_row(ctx, layer, expression, expected):
    made = calculate(ctx, layer, {"field": "made", "expression": expression})
    assert values(made["made"]) == pytest.approx(expected)
    assert made.columns[-1] == "geometry"
    assert len(made) == 3


def test_later_expressions_see_what_earlier_ones_made(ctx, layer):
    made = calculate(
        ctx,
        layer,
        {"field": "POP", "expression": "!POP! + 1"},
        {"field": {"name": "double", "type": "Double"}, "expression": "!pop! * 2"},
    )
    assert values(made["POP"]) == [101, None, 301]
    assert values(made["double"]) == [202, None, 602]
    assert str(made["double"].dtype) == "float64"
    assert values(layer["POP"]) == [100, None, 300]
    assert "POP calculated for 3 features by !POP! + 1; 1 are null." in ctx.text()


def test_a_new_field_has_the_type_that_is_asked_for(ctx, layer):
    made = calculate(
        ctx,
        layer,
        {"field": {"name": "whole", "type": "esriFieldTypeInteger"}, "expression": "!area! / 3"},
        {"field": {"name": "text", "type": "String"}, "expression": "!POP!"},
        {"field": {"name": "day", "type": "Date"}, "expression": "'2020-02-03'"},
        {"field": {"name": "empty", "type": "Date"}, "expression": "None"},
    )
    assert values(made["whole"]) == [0, 1, 0]
    assert values(made["text"]) == ["100", None, "300"]
    assert made["day"].iloc[0] == pd.Timestamp("2020-02-03", tz="UTC")
    assert made["empty"].isna().all()
    assert "decimals of 2 values were cut off" in ctx.text("warn")


def test_shapes_have_geodesic_areas_and_lengths(ctx):
    states = sample("states")
    made = calculate(ctx, states, {"field": "ha", "expression": "!shape.area@hectares!"})
    expected = [
        GEOD.geometry_area_perimeter(shapely.orient_polygons(shapely.segmentize(s, 0.02)))[0] / 1e4
        for s in states.geometry
    ]
    assert made["ha"].tolist() == pytest.approx(expected, rel=1e-5)
    line = gpd.GeoDataFrame(geometry=[LineString([(7, 47), (8, 47.5)])], crs=4326).to_crs(3857)
    made = calculate(ctx, line, {"field": "km", "expression": "!Shape.Length@kilometers!"})
    assert made["km"].iloc[0] == pytest.approx(GEOD.line_length([7, 8], [47, 47.5]) / 1000, rel=1e-4)


def test_the_task_runs_from_texts(ctx, layer):
    task = REGISTRY["FieldCalculator"]
    form = {
        "inputLayer": json.dumps(encode_features(layer)),
        "expressions": json.dumps([{"field": {"name": "d", "type": "Double"}, "expression": "!POP!/2"}]),
    }
    made = task.run(ctx, task.decode(task.given(form)))["resultLayer"]
    assert [f["attributes"]["d"] for f in made["features"]] == [50, None, 150]
    assert next(f["type"] for f in made["fields"] if f["name"] == "d") == "esriFieldTypeDouble"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("__import__('os').system('true')", "there is no function '__import__' here"),
        ("().__class__", "has no meaning here"),
        ("!name!.__class__", "has no meaning here"),
        ("open('/etc/passwd')", "there is no function 'open' here"),
        ("lambda: 1", "has no meaning here"),
        ("[x for x in (1, 2)]", "has no meaning here"),
        ("f'{5}'", "has no meaning here"),
        ("'a'.format(1)", "there is no function 'format' here"),
        ("(y := 5)", "has no meaning here"),
        ("9**9**9**9", None),
        ("2**62 * 4 * !POP!", None),
        ("9223372036854775807 * !POP!", "more than 64 bits"),
        ("99999999999999999999999 + 1", "more than 64 bits"),
        ("'a' * 1000000000", "text \\* numbers cannot be computed"),
        ("!name! + 1", "text \\+ numbers cannot be computed"),
        ("!nothing! + 1", "has no field 'nothing'. Its fields are POP"),
        ("!geometry!", "has no field 'geometry'"),
        ("!POP! +", "invalid syntax"),
        ("import os", "invalid syntax"),
        ("(" * 300 + "1" + ")" * 300, "too many nested parentheses|cannot be read|parenthes"),
        ("!POP! & 1", "an operator that is not known"),
        ("~!POP!", "~ is not known"),
        ("round(!POP!, 1, 2)", "round takes 1 to 2 values, not 3"),
        ("float('x')", "'x' is no number"),
        ("!shape.area@furlongs!", "'furlongs' is no unit of shape.area"),
        ("!name! if 1 else 2", "both sides of an if must be of one kind"),
        ("!time! > 5", "dates and numbers cannot be compared"),
        ("1" + "+1" * 2400, None),
        ("1" * 6000, "over 5,000 characters"),
        (".".join(["!name!"] + ["replace('e', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeee')"] * 30), "too long"),
    ],
)  # fmt: skip
def test_what_is_no_expression_here_is_refused_and_nothing_is_executed(ctx, layer, expression, reason):
    item = {"field": "made", "expression": expression}
    if reason is None:  # harmless, with some result or a refusal of its own
        with contextlib.suppress(ParameterError):
            calculate(ctx, layer, item)
    else:
        with pytest.raises(ParameterError, match=reason):
            calculate(ctx, layer, item)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("POP", "is not understood"),
        ({"field": "x"}, "is not understood"),
        ({"expression": "1"}, "is not understood"),
        ({"field": "geometry", "expression": "1"}, "geometry is the geometry"),
        ({"field": {"name": "x", "type": "Blob"}, "expression": "1"}, "a field of the type 'Blob'"),
        ({"field": "area", "expression": "!name!"}, "area holds numbers, and this gives text"),
        ({"field": "time", "expression": "5"}, "time holds dates, and this gives numbers"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layer, item, reason):
    with pytest.raises(ParameterError, match=reason):
        calculate(ctx, layer, item)
    with pytest.raises(ParameterError, match="give at least one"):
        calculate(ctx, layer)


number = st.integers(-9, 9) | st.floats(-9, 9).map(lambda x: round(x, 2))
leaf = number.map(lambda n: f"({n})") | st.sampled_from(["!a!", "!b!"])
trees = st.recursive(
    leaf,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner)
        | st.builds("({} if {} < {} else {})".format, inner, inner, inner, inner)
        | st.builds("abs({})".format, inner)
        | st.builds("min({}, {})".format, inner, inner)
        | st.builds("({} < {} and {} >= {})".format, inner, inner, inner, inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trees,
    st.lists(
        st.tuples(st.integers(-5, 5), st.floats(-5, 5).map(lambda x: round(x, 1))), min_size=1, max_size=5
    ),
)
def test_columns_are_what_python_gives_row_by_row(text, rows):
    frame = pd.DataFrame(rows, columns=["a", "b"]).astype({"a": "Int64", "b": "Float64"})
    try:
        expected = [
            eval(text.replace("!", ""), {"a": a, "b": b, "abs": abs, "min": min}) for a, b in rows
        ]  # the oracle
    except (ZeroDivisionError, OverflowError):
        return
    made = Expression.read(text).of(frame.__getitem__)
    found = made.tolist() if isinstance(made, pd.Series) else [made] * len(rows)
    assert [float(v) for v in found] == pytest.approx([float(v) for v in expected], rel=1e-9, abs=1e-9)


def test_a_layer_without_rows_has_the_new_field(ctx, layer):
    made = calculate(ctx, layer.iloc[:0], {"field": "n", "expression": "!POP! * 2"})
    assert len(made) == 0
    assert "n" in made


def test_boxes_are_calculated_without_their_shapes(ctx):
    made = calculate(
        ctx,
        gpd.GeoDataFrame({"n": [1]}, geometry=[box(0, 0, 1, 1)], crs=None),
        {"field": "m", "expression": "!n!"},
    )
    assert made["m"].tolist() == [1]
