"""Values against a task's own description: members, columns, alternatives, choices and filters."""

import datetime as dt
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.codec import encode_parameter, form_text
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol import LinearUnit, ParameterInfo

POINTS = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(1, 2)], crs=4326)


def described(data_type, *members, **more):
    return {
        "name": "p",
        "dataType": data_type,
        **({"parameterInfos": list(members)} if members else {}),
        **more,
    }


def wire(document, value):
    return form_text(encode_parameter(ParameterInfo.from_json(document), value))


def refused(document, value, *words):
    with pytest.raises(CodecError) as caught:
        wire(document, value)
    for word in words:
        assert word in str(caught.value)


def column(name, data_type, **more):
    return {"name": name, "dataType": data_type, **more}


class TestValueTables:
    TABLE = described(
        "GPValueTable",
        column("field", "GPString", choiceList=["POP", "AREA"]),
        column("weight", "GPDouble", filter={"type": "range", "minimum": 0, "maximum": 1}),
        column("since", "GPDate"),
    )

    def test_rows_of_lists_stay_lists_and_cells_take_their_columns_type(self):
        assert wire(self.TABLE, [["POP", np.float32(0.5), dt.date(1970, 1, 2)]]) == '[["POP",0.5,86400000]]'
        assert wire(self.TABLE, (("POP", 1, 0),)) == '[["POP",1,0]]'
        assert wire(self.TABLE, '[["POP", 1, 0]]') == '[["POP",1,0]]'

    def test_rows_of_dicts_stay_objects_and_absent_cells_are_blank(self):
        assert (
            wire(self.TABLE, [{"weight": 1, "field": "POP"}]) == '[{"field":"POP","weight":1,"since":null}]'
        )

    def test_a_frame_is_matched_by_name(self):
        frame = pd.DataFrame({"weight": [1.0, None], "field": ["POP", None]})
        assert wire(self.TABLE, frame) == '[["POP",1.0,null],["",null,null]]'
        assert wire(self.TABLE, pd.DataFrame([["POP", 1, 0]])) == '[["POP",1,0]]'
        dated = pd.DataFrame({"since": pd.to_datetime(["1970-01-02", None])})
        assert wire(self.TABLE, dated) == '[["",null,86400000],["",null,null]]'

    @given(st.lists(st.sampled_from([None, math.nan, pd.NA, pd.NaT, ""]), min_size=3, max_size=3))
    def test_a_blank_is_an_empty_text_or_null_by_column(self, row):
        assert wire(self.TABLE, [row]) == '[["",null,null]]'

    def test_what_does_not_fit_is_told_by_row_and_column(self):
        refused(self.TABLE, [["POP", 1]], "[0]", "3 values (field, weight, since)", "got 2")
        refused(self.TABLE, [["POP", 1, 0], ["POP", 2, 0]], "[1].weight", "0.0 to 1.0")
        refused(self.TABLE, [["POPS", 1, 0]], "[0].field", "Did you mean 'POP'?", "POP, AREA")
        refused(self.TABLE, [{"wieght": 1}], "'wieght'", "Did you mean 'weight'?")
        refused(self.TABLE, pd.DataFrame({"wieght": [1]}), "'wieght'", "Did you mean 'weight'?")
        refused(self.TABLE, 5, "a DataFrame, or a list of rows")
        refused(self.TABLE, ["POP"], "[0]", "a list of rows")
        refused(self.TABLE, "x", "no JSON")

    def test_without_columns_the_cells_are_plain_json(self):
        frame = pd.DataFrame(
            {"a": ["x", None], "b": [np.int64(1), 2], "t": pd.to_datetime(["1970-01-02", None])}
        )
        assert wire(described("GPValueTable"), frame) == '[["x",1,86400000],[null,2,null]]'
        assert wire(described("GPValueTable"), [{"a": 1}]) == '[{"a":1}]'
        assert wire(described("GPValueTable"), [["POP", math.nan]]) == '[["POP",null]]'

    def test_a_cell_may_hold_a_layer(self):
        table = described(
            "GPValueTable", column("layer", "GPFeatureRecordSetLayer"), column("d", "GPLinearUnit")
        )
        text = wire(table, [[POINTS, "5 meters"]])
        assert text.startswith('[[{"geometryType":"esriGeometryPoint"')
        assert text.endswith(',{"distance":5.0,"units":"esriMeters"}]]')


class TestComposites:
    def composite(self, *types, **more):
        return described("GPComposite", *[column(t, t) for t in types], **more)

    @pytest.mark.parametrize(
        ("types", "value", "text"),
        [
            (("GPLong", "GPString"), 5, '{"dataType":"GPLong","value":5}'),
            (("GPLong", "GPString"), "abc", '{"dataType":"GPString","value":"abc"}'),
            (("GPLong", "GPString"), "5", '{"dataType":"GPString","value":"5"}'),
            (("GPString", "GPLong"), 5, '{"dataType":"GPLong","value":5}'),
            (("GPString", "GPDouble"), 5.5, '{"dataType":"GPDouble","value":5.5}'),
            (("GPLong", "GPLinearUnit"), "5 meters", '{"dataType":"GPLinearUnit","value":{"distance":5.0,"units":"esriMeters"}}'),
            (("GPDouble", "GPLinearUnit"), LinearUnit(5), '{"dataType":"GPLinearUnit","value":{"distance":5,"units":"esriMeters"}}'),
            (("GPDate", "GPString"), "1970-01-02", '{"dataType":"GPDate","value":86400000}'),
            (("GPDate", "GPLong"), 5, '{"dataType":"GPLong","value":5}'),
            (("GPLinearUnit", "Field"), "POP", '{"dataType":"Field","value":{"name":"POP"}}'),
            (("GPLong",), "5", '{"dataType":"GPLong","value":5}'),
            (("GPLong", "GPDouble"), 5.5, '{"dataType":"GPDouble","value":5.5}'),
            (("GPLong", "GPString"), {"dataType": "GPLong", "value": "5"}, '{"dataType":"GPLong","value":5}'),
            (("GPBoolean", "GPString"), True, '{"dataType":"GPBoolean","value":true}'),
        ],
    )  # fmt: skip
    def test_the_first_alternative_that_takes_the_value_is_named(self, types, value, text):
        assert wire(self.composite(*types), value) == text

    def test_a_layer_finds_the_alternative_for_layers(self):
        text = wire(self.composite("GPString", "GPFeatureRecordSetLayer"), POINTS)
        assert text.startswith('{"dataType":"GPFeatureRecordSetLayer","value":{"geometryType"')

    def test_each_alternative_has_its_own_filter(self):
        document = self.composite(
            "GPLong",
            "GPDouble",
            filter={"type": "composite", "list": [{"type": "range", "minimum": 0, "maximum": 9}, None]},
        )
        assert wire(document, 5) == '{"dataType":"GPLong","value":5}'
        assert wire(document, 50) == '{"dataType":"GPDouble","value":50}'

    def test_a_value_that_no_alternative_takes_is_told_with_all_of_them(self):
        refused(self.composite("GPLong", "GPLinearUnit"), "far", "GPLong, GPLinearUnit", "GPLong: expected")
        refused(self.composite("GPLong"), {"dataType": "GPString", "value": "x"}, "expected one of GPLong")

    def test_a_multi_value_of_composites_is_described_either_way(self):
        inner = self.composite("GPLong", "GPString")
        expected = '[{"dataType":"GPLong","value":1},{"dataType":"GPString","value":"a"}]'
        assert wire(described("GPMultiValue:GPComposite", inner), [1, "a"]) == expected
        assert wire(described("GPMultiValue:GPComposite", *inner["parameterInfos"]), [1, "a"]) == expected


RANGE = {"type": "range", "minimum": "-1.0E1", "maximum": 100}
CODES = {
    "type": "codedValue",
    "list": [
        {"dataType": "GPLong", "name": "Low", "value": 1},
        {"dataType": "GPLong", "name": "High", "value": 2},
    ],
}


class TestChoicesAndFilters:
    @pytest.mark.parametrize(
        ("data_type", "more", "value", "text"),
        [
            ("GPString", {"choiceList": ["a", "b"]}, "a", "a"), ("GPDouble", {"choiceList": ["5", "7"]}, 5, "5"), ("GPBoolean", {"choiceList": ["true"]}, True, "true"),
            ("GPMultiValue:GPString", {"choiceList": ["a", "b"]}, ["b", "a"], '["b","a"]'), ("GPDouble", {"filter": RANGE}, -10, "-10"), ("GPMultiValue:GPLong", {"filter": RANGE}, [1, 100], "[1,100]"),
            ("GPLong", {"filter": CODES}, "High", "2"), ("GPLong", {"filter": CODES}, "high", "2"), ("GPLong", {"filter": CODES}, 1, "1"), ("GPMultiValue:GPLong", {"filter": CODES}, ["Low", 2], "[1,2]"),
            ("GPFeatureRecordSetLayer", {"filter": {"type": "featureClass", "list": ["esriGeometryPolygon"]}}, {"url": "https://h/0"}, '{"url":"https://h/0"}'),
            ("Field", {"filter": {"type": "field", "list": ["esriFieldTypeDouble"]}}, "POP", '{"name":"POP"}'), ("GPDataFile", {"filter": {"type": "file", "list": ["zip", "csv"]}}, "https://h/x.ZIP?a=b.c", '{"url":"https://h/x.ZIP?a=b.c"}'),
            ("GPDataFile", {"filter": {"type": "file", "list": ["zip"]}}, {"itemID": "i1"}, '{"itemID":"i1"}'), ("GPDataFile", {"filter": {"type": "file", "list": ["zip"]}}, "https://h/download/17", '{"url":"https://h/download/17"}'),
        ],
    )  # fmt: skip
    def test_what_is_allowed_is_sent(self, data_type, more, value, text):
        assert wire(described(data_type, **more), value) == text

    @pytest.mark.parametrize(
        ("data_type", "more", "value", "words"),
        [
            ("GPString", {"choiceList": ["Meters", "Feet"]}, "meters", ["Did you mean 'Meters'?", "Meters, Feet"]), ("GPMultiValue:GPString", {"choiceList": ["a", "b"]}, ["a", "c"], ["[1]", "'c'", "a, b"]),
            ("GPLong", {"filter": RANGE}, 101, ["101", "-10.0 to 100.0"]), ("GPMultiValue:GPDouble", {"filter": RANGE}, [1, -11], ["[1]", "-10.0 to 100.0"]), ("GPLong", {"filter": {"type": "range", "minimum": 1}}, 0, ["at least 1.0"]),
            ("GPLong", {"filter": CODES}, 3, ["int 3", "'Low' (1), 'High' (2)"]), ("GPLong", {"filter": CODES}, "Hihg", ["Did you mean 'High'?", "'Low' (1), 'High' (2)"]), ("GPLong", {"choiceList": [5, 7]}, "x", ["whole number", "Choose one of 5, 7"]), ("GPDouble", {"filter": CODES}, 1.5, ["'Low' (1)"]),
            ("GPFeatureRecordSetLayer", {"filter": {"type": "featureClass", "list": ["esriGeometryPolygon", "esriGeometryPolyline"]}}, POINTS, ["esriGeometryPoint", "esriGeometryPolygon or esriGeometryPolyline"]),
            ("GPFeatureRecordSetLayer", {"filter": {"type": "featureClass", "list": ["esriGeometryPoint"]}}, {"geometryType": "esriGeometryPolygon", "features": []}, ["esriGeometryPolygon", "expected esriGeometryPoint"]),
            ("GPFeatureRecordSetLayer", {"filter": {"type": "featureClass", "list": ["esriGeometryPoint"]}}, {"layerDefinition": {"geometryType": "esriGeometryPolygon"}, "featureSet": {"features": []}}, ["expected esriGeometryPoint"]),
            ("GPMultiValue:GPFeatureRecordSetLayer", {"filter": {"type": "featureClass", "list": ["esriGeometryPolygon"]}}, [POINTS], ["[0]", "expected esriGeometryPolygon"]),
            ("GPString", {"filter": {"type": "featureClass", "list": ["esriGeometryPolygon"]}}, POINTS, ["expected esriGeometryPolygon"]),
            ("Field", {"filter": {"type": "field", "list": ["esriFieldTypeDouble"]}}, {"name": "a", "type": "esriFieldTypeString"}, ["esriFieldTypeString", "expected esriFieldTypeDouble"]),
            ("GPDataFile", {"filter": {"type": "file", "list": ["zip", ".csv"]}}, "https://h/x.tar.gz", ["'x.tar.gz'", ".zip or .csv"]),
        ],
    )  # fmt: skip
    def test_what_is_not_is_refused_with_what_is(self, data_type, more, value, words):
        refused(described(data_type, **more), value, *words)

    def test_a_multi_values_filter_may_sit_in_its_member(self):
        document = described("GPMultiValue:GPLong", column("m", "GPLong", filter=RANGE))
        assert wire(document, [1]) == "[1]"
        refused(document, [1, 101], "[1]", "-10.0 to 100.0")
        refused(
            described("GPMultiValue:GPString", column("m", "GPString", choiceList=["a"])),
            ["b"],
            "Choose one of a",
        )

    def test_an_empty_layer_takes_the_type_that_is_asked_for(self):
        limits = {"type": "featureClass", "list": ["esriGeometryPolygon"]}
        empty = gpd.GeoDataFrame(geometry=[], crs=4326)
        assert wire(described("GPFeatureRecordSetLayer", filter=limits), empty).startswith(
            '{"geometryType":"esriGeometryPolygon"'
        )

    def test_a_coded_layer_is_sent_by_its_name(self):
        value = {"geometryType": "esriGeometryPoint", "features": []}
        codes = {
            "type": "codedValue",
            "list": [{"dataType": "GPFeatureRecordSetLayer", "name": "Cities", "value": value}],
        }
        document = described("GPFeatureRecordSetLayer", filter=codes)
        assert wire(document, "Cities") == '{"geometryType":"esriGeometryPoint","features":[]}'
        refused(document, {"url": "https://h/0"}, "'Cities'")

    def test_an_unknown_filter_and_a_broken_one_refuse_nothing(self):
        for limits in (
            {"type": "novel"},
            {"type": "range", "minimum": "low"},
            {"type": "file"},
            {"type": "codedValue", "list": None},
        ):
            assert wire(described("GPLong", filter=limits), 5) == "5"
