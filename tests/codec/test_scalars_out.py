"""Numbers, text, dates and quantities on the wire, compared with texts written by hand."""

import datetime as dt
import decimal
import fractions
import json
import math
import re
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.codec import FileReference, encode_value, form_text
from spatial_widgets.errors import CodecError, SpatialWidgetsError
from spatial_widgets.protocol import ArealUnit, LinearUnit, TimeUnit

JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


def wire(data_type, value):
    return form_text(encode_value(data_type, value))


@given(st.integers(-(2**52) + 1, 2**52 - 1))
def test_a_whole_number_is_its_digits(number):
    assert wire("GPLong", number) == wire("GPLong", str(number)) == f"{number}"
    assert wire("GPLong", decimal.Decimal(number)) == f"{number}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_a_json_number_of_the_same_value(number):
    text = wire("GPDouble", number)
    assert JSON_NUMBER.fullmatch(text)
    assert float(text) == number
    assert float(wire("GPDouble", np.float64(number))) == number


@given(st.datetimes())
def test_a_date_is_milliseconds_since_1970(moment):
    days = moment.date().toordinal() - dt.date(1970, 1, 1).toordinal()
    seconds = days * 86400 + moment.hour * 3600 + moment.minute * 60 + moment.second
    expected = str(seconds * 1000 + moment.microsecond // 1000)
    assert wire("GPDate", moment) == expected
    assert wire("GPDate", moment.isoformat()) == expected
    assert wire("GPDate", np.datetime64(moment, "us")) == expected
    assert wire("GPDate", pd.Timestamp(moment)) == expected
    assert wire("GPDate", int(expected)) == expected


@given(st.text(st.characters(codec="utf-8")))
def test_a_text_goes_as_it_is(text):
    for data_type in ("GPString", "GPStringHidden", "GPSQLExpression"):
        assert wire(data_type, text) == text


@given(
    st.sampled_from(
        [
            ("GPLinearUnit", LinearUnit, "distance", "kilometers", "esriKilometers"),
            ("GPArealUnit", ArealUnit, "area", "hectares", "esriHectares"),
            ("GPTimeUnit", TimeUnit, "time", "weeks", "esriTimeUnitsWeeks"),
        ]
    ),
    st.integers(0, 10**6) | st.floats(0, 1e6),
)
def test_a_quantity_is_a_number_and_esris_word(kind, number):
    data_type, made, key, word, units = kind
    text = f'{{"{key}":{number!r},"units":"{units}"}}'
    assert wire(data_type, made(number, word)) == wire(data_type, (number, word)) == text
    by_text = f'{{"{key}":{float(number)!r},"units":"{units}"}}'
    assert wire(data_type, f"{number!r} {word}") == wire(data_type, {key: number, "units": word}) == by_text


@given(st.lists(st.booleans(), max_size=5))
def test_booleans_are_words(flags):
    assert (
        wire("GPMultiValue:GPBoolean", flags) == "[" + ",".join("true" if f else "false" for f in flags) + "]"
    )


@pytest.mark.parametrize(
    ("data_type", "value", "text"),
    [
        ("GPLong", np.uint8(3), "3"), ("GPLong", "1e3", "1000"), ("GPDouble", decimal.Decimal("1.5"), "1.5"), ("GPDouble", fractions.Fraction(1, 4), "0.25"),
        ("GPDouble", np.longdouble(1.5), "1.5"), ("GPDouble", 2**70, "1.1805916207174113e+21"), ("GPDate", dt.date(2020, 1, 1), "1577836800000"), ("GPDate", "1577836800000", "1577836800000"),
        ("GPDate", pd.Timestamp("0001-01-01"), "-62135596800000"), ("GPDate", {"date": "1.2.2020", "format": "d.M.yyyy"}, '{"date":"1.2.2020","format":"d.M.yyyy"}'),
        ("GPString", uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"), ("GPString", {"a": [np.int64(1), LinearUnit(5, "miles"), (1.5, None)]}, '{"a":[1,{"distance":5,"units":"esriMiles"},[1.5,null]]}'),
        ("GPString", {1: "é"}, '{"1":"é"}'), ("GPString", np.array([1, 2]), "[1,2]"), ("GPString", True, "true"), ("GPLinearUnit", LinearUnit(np.int64(5)), '{"distance":5,"units":"esriMeters"}'),
        ("GPMultiValue:GPLong", pd.Series([1, 2]), "[1,2]"), ("GPMultiValue:GPLong", (n for n in (1, 2)), "[1,2]"), ("GPMultiValue:GPString", '["a"]', '["a"]'), ("GPMultiValue:GPString", [], "[]"),
        ("GPMultiValue:GPDate", [dt.date(1970, 1, 2)], "[86400000]"), ("GPMultiValue:GPComposite", [1, "a"], '[1,"a"]'), ("GPComposite", {"dataType": "GPLong", "value": 5}, '{"dataType":"GPLong","value":5}'),
        ("GPDataFile", "HTTPS://h/x.zip", '{"url":"HTTPS://h/x.zip"}'), ("GPRasterDataLayer", FileReference("https://h/x.tif", "tif"), '{"url":"https://h/x.tif"}'),
        ("Field", {"name": "POP", "type": "esriFieldTypeDouble"}, '{"name":"POP","type":"esriFieldTypeDouble"}'),
        ("GPCoordinateSystem", 102100, '{"wkid":102100,"latestWkid":3857}'), ("GPCoordinateSystem", "25832", '{"wkid":25832,"latestWkid":25832}'), ("GPSpatialReference", "EPSG:2193", '{"wkid":2193,"latestWkid":2193}'),
        ("GPSpatialReference", {"wkt2": "x"}, '{"wkt2":"x"}'), ("GPSpatialReference", "EPSG:5555", '{"wkid":25832,"latestWkid":25832,"vcsWkid":5783,"latestVcsWkid":5783}'),
    ],
)  # fmt: skip
def test_many_spellings_have_one_wire_form(data_type, value, text):
    assert wire(data_type, value) == text


@pytest.mark.parametrize(
    ("data_type", "value", "says"),
    [
        ("GPLong", 10**400, "±4503599627370495"), ("GPLong", 1 + 0j, "whole number"), ("GPLong", pd.NA, "leave the parameter out"), ("GPLong", math.nan, "whole number"), ("GPLong", [5], "whole number"),
        ("GPDouble", 10**400, "finite"), ("GPDouble", "Infinity", "finite"), ("GPDouble", pd.NaT, "missing"), ("GPDouble", "1" * 5000, "finite"), ("GPDouble", b"5", "finite"),
        ("GPDate", np.datetime64("NaT"), "missing"), ("GPDate", pd.Period("2020"), "to_timestamp"), ("GPDate", 10**20, "1 to 9999"), ("GPDate", dt.time(1), "expected a date"), ("GPDate", {"a": 1}, "'format'"),
        ("GPLinearUnit", LinearUnit(math.nan), "finite"), ("GPLinearUnit", "nan meters", "finite"), ("GPLinearUnit", LinearUnit("5"), "finite"), ("GPLinearUnit", (5, "parsecs"), "esriMeters"), ("GPLinearUnit", (5, 3), "expected a LinearUnit"),
        ("GPLinearUnit", TimeUnit(1), "expected a LinearUnit"), ("GPLinearUnit", (1, 2, 3), "expected a LinearUnit"), ("GPString", b"x", "decode"), ("GPString", dt.date(2020, 1, 1), "isoformat"), ("GPString", {"a": math.nan}, "expected"),
        ("GPString", dt.timedelta(1), "seconds"), ("GPString", {"a": {1, 2}}, "set"), ("GPString", "\ud800", "half of a pair"), ("GPString", {(1,): 2}, "keys"), ("GPSQLExpression", 5, "text"),
        ("GPMultiValue:GPString", {"a": 1}, "a list of GPString"), ("GPMultiValue:GPLong", [1, None], r"\[1\]: .*missing"), ("GPMultiValue:GPLong", [1, "x"], r"\[1\]: .*'x'"), ("GPMultiValue:GPRecordSet", pd.DataFrame({"a": [1]}), r"\[layer\]"),
        ("GPMultiValue:GPWorkspace", ["x"], "own disk"), ("GPTinLayer", "x", "no form in JSON"), ("Field", "", "field's name"), ("Field", {"type": "x"}, "field's name"), ("GPSpatialReference", {}, "wkid"), ("GPSpatialReference", True, "coordinate system"),
        ("GPSpatialReference", 999999, "999999"), ("GPSpatialReference", "nonsense", "coordinate system"), ("GPExtent", (3, 1, 2, 3), "xmin ≤ xmax"), ("GPExtent", (0, math.nan, 1, 1), "finite"), ("GPExtent", {"xmin": 1}, "ymin"), ("GPDataFile", {}, "empty"),
    ],
)  # fmt: skip
def test_a_value_that_is_none_of_the_type_says_what_to_do(data_type, value, says):
    with pytest.raises(CodecError, match=says):
        form_text(encode_value(data_type, value))


def test_a_list_that_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(CodecError, match="holds itself"):
        encode_value("GPString", {"a": endless})


def test_no_message_shows_a_token_or_a_hidden_text():
    for data_type, value in [
        ("GPLong", "https://h/x?token=very-secret"),
        ("GPSpatialReference", {"token": "very-secret"}),
        ("GPStringHidden", b"very-secret"),
    ]:
        with pytest.raises(SpatialWidgetsError) as caught:
            encode_value(data_type, value)
        assert "very-secret" not in str(caught.value)


def test_a_result_is_passed_on_by_its_url_without_its_token():
    found = FileReference("https://h/FeatureServer/0?token=very-secret&f=x", "", "very-secret")
    for data_type in ("GPDataFile", "GPFeatureRecordSetLayer", "GPRecordSet", "GPRasterData", "GPString"):
        assert json.loads(wire(data_type, found)) == {"url": "https://h/FeatureServer/0?f=x"}


EVERYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.decimals(), st.fractions(), st.text(max_size=9), st.binary(max_size=4),
    st.dates(), st.datetimes(), st.times(), st.timedeltas(), st.uuids(), st.just(pd.NA), st.just(pd.NaT), st.just(object()), st.just(FileReference("x")),
    st.builds(LinearUnit, st.floats()), st.lists(st.integers() | st.none() | st.text(max_size=3), max_size=3), st.dictionaries(st.text(max_size=3), st.floats(), max_size=2),
)  # fmt: skip


@given(
    st.sampled_from(
        ["GPString", "GPStringHidden", "GPSQLExpression", "GPLong", "GPDouble", "GPBoolean", "GPDate", "GPLinearUnit", "GPArealUnit", "GPTimeUnit", "GPFeatureRecordSetLayer",
         "GPRecordSet", "GPRasterDataLayer", "GPDataFile", "Field", "GPValueTable", "GPComposite", "GPSpatialReference", "GPExtent", "Unheard", "GPMultiValue:GPLong", "GPMultiValue:GPString"]
    ),
    EVERYTHING,
)  # fmt: skip
def test_anything_at_all_gives_json_or_one_of_our_errors(data_type, value):
    try:
        encoded = encode_value(data_type, value)
        text = form_text(encoded)
    except SpatialWidgetsError:
        return
    if not isinstance(encoded, str):
        json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
