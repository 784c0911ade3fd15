"""Every field type and every odd attribute, in documents as GPServers write them; expectations by hand."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from feeders import every_feed

from spatial_widgets.errors import CodecError

pytestmark = every_feed

# Milliseconds since 1970, from calendars and not from a library.
YEAR_1, YEAR_1600, LEAP_DAY, YEAR_9999 = -62135596800000, -11676096000000, 1709164800000, 253402300799999
NOON = dt.time(12)


def column(read, kind, *values, name="v"):
    """Return one column of a table whose rows hold these values, a null and nothing."""
    field = {"name": name} | ({} if kind is None else {"type": f"esriFieldType{kind}"})
    features = [{"attributes": {name: v}} for v in (*values, None)]
    frame = read({"fields": [field], "features": [*features, {"attributes": {}}]})
    assert list(frame.columns) == [name]
    assert frame[name].iloc[-2:].isna().all()
    return frame[name].iloc[:-2]


class TestNumbers:
    @pytest.mark.parametrize("kind", ["OID", "SmallInteger", "Integer", "BigInteger"])
    def test_whole_numbers_beside_nulls_stay_whole(self, read, kind):
        found = column(read, kind, 0, -1, 32767)
        assert str(found.dtype) == "Int64"
        assert found.tolist() == [0, -1, 32767]

    @pytest.mark.parametrize("kind", ["BigInteger", "OID"])
    def test_no_digit_of_a_large_number_is_lost(self, read, kind):
        large = [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 9007199254740993]
        assert column(read, kind, *large).tolist() == large

    def test_a_number_that_is_larger_still_is_refused(self, read):
        with pytest.raises(CodecError, match="'v'"):
            column(read, "BigInteger", 2**63)

    def test_whole_numbers_written_with_a_point_are_whole(self, read):
        assert column(read, "Integer", 5.0, -0.0, 1e3).tolist() == [5, 0, 1000]

    @pytest.mark.parametrize("value", [1.5, "many", [], {}])
    def test_what_is_no_whole_number_is_refused_by_field(self, read, value):
        with pytest.raises(CodecError, match="'v'") as caught:
            column(read, "Integer", 1, value)
        assert caught.value.path.startswith("features")

    @pytest.mark.parametrize("kind", ["Single", "Double"])
    def test_fractions_keep_every_digit_and_take_whole_numbers(self, read, kind):
        values = [0.1, -1e300, 5e-324, 3, 2**53, 0.30000000000000004]
        found = column(read, kind, *values)
        assert str(found.dtype) == "float64"
        assert found.tolist() == values

    def test_booleans_in_a_number_are_one_and_zero(self, read):
        assert column(read, "SmallInteger", True, False, 1).tolist() == [1, 0, 1]
        assert column(read, "Double", True, 0.5).tolist() == [1.0, 0.5]

    @pytest.mark.parametrize("kind", ["Long", "ObjectID"])
    def test_the_wrong_names_that_pages_print_hold_numbers(self, read, kind):
        assert column(read, kind, 5, 2**40).tolist() == [5, 2**40]


class TestText:
    @pytest.mark.parametrize("kind", ["String", "GUID", "GlobalID", "XML", "Raster", "Blob"])
    def test_text_comes_as_it_is(self, read, kind):
        values = [
            "",
            " a ",
            "{6E8AA8B1-41FB-3FB0-5145-148917CA99E8}",
            "<a>\u00fc</a>",
            "5",
            "null",
            "\U0001f3dc",
        ]
        found = column(read, kind, *values)
        assert pd.api.types.is_string_dtype(found.dtype)
        assert found.tolist() == values

    def test_what_is_not_text_is_written_out(self, read):
        assert column(read, "String", "a", 5, 0.5).tolist() == ["a", "5", "0.5"]


class TestTime:
    def test_dates_are_aware_and_exact_from_year_1_to_9999(self, read):
        moments = [YEAR_1, YEAR_1600, -1, 0, 1, 999, LEAP_DAY, YEAR_9999]
        found = column(read, "Date", *moments)
        assert str(found.dtype) == "datetime64[ms, UTC]"
        assert found.astype("int64").tolist() == moments
        assert found.dt.year.tolist() == [1, 1600, 1969, 1970, 1970, 1970, 2024, 9999]
        assert found.iloc[6] == pd.Timestamp("2024-02-29", tz="UTC")

    def test_dates_written_as_fractions_or_exponents_are_dates(self, read):
        assert column(read, "Date", 1577836800000.0, -1.5e12).astype("int64").tolist() == [
            1577836800000,
            -1500000000000,
        ]

    def test_days_come_in_both_spellings(self, read):
        texts = [
            "1899-12-30",
            "0001-01-01",
            "9999-12-31",
            "8/2/2020",
            "12/31/1999",
            "08/02/2020",
            "2/29/2024",
        ]
        found = column(read, "DateOnly", *texts)
        assert str(found.dtype) == "datetime64[s]"
        assert [day.date().isoformat() for day in found] == [
            "1899-12-30",
            "0001-01-01",
            "9999-12-31",
            "2020-08-02",
            "1999-12-31",
            "2020-08-02",
            "2024-02-29",
        ]

    @pytest.mark.parametrize(
        ("text", "time"),
        [
            ("15:54:36", dt.time(15, 54, 36)),
            ("00:00:00", dt.time(0)),
            ("23:59:59.250", dt.time(23, 59, 59, 250000)),
            ("10:00:00 AM", dt.time(10)),
            ("12:00:00 AM", dt.time(0)),
            ("12:00:00 PM", NOON),
            ("1:05:09 PM", dt.time(13, 5, 9)),
            ("11:59:59 pm", dt.time(23, 59, 59)),
        ],
    )
    def test_times_come_in_both_spellings(self, read, text, time):
        assert column(read, "TimeOnly", text, "12:00:00").tolist() == [time, NOON]

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2023-05-03T11:44:08-07:00", "2023-05-03T18:44:08Z"),
            ("2023-05-03T11:44:08Z", "2023-05-03T11:44:08Z"),
            ("2023-05-03T11:44:08.125+05:30", "2023-05-03T06:14:08.125Z"),
            ("1899-12-30T00:00:00+00:00", "1899-12-30T00:00:00Z"),
            ("8/2/2020 10:00:00.0000 AM -07:00", "2020-08-02T17:00:00Z"),
            ("12/31/2019 11:59:59.5000 PM +01:00", "2019-12-31T22:59:59.500Z"),
        ],
    )
    def test_moments_with_an_offset_come_in_both_spellings(self, read, text, moment):
        found = column(read, "TimestampOffset", text)
        assert str(found.dtype) == "datetime64[ms, UTC]"
        assert found.tolist() == [pd.Timestamp(moment)]

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("Date", "soon"),
            ("Date", {}),
            ("Date", 1e30),
            ("DateOnly", "2/30/2020"),
            ("DateOnly", 5),
            ("TimeOnly", "25:00:00"),
            ("TimestampOffset", "8/2/2020"),
        ],
    )
    def test_what_is_no_time_is_refused_by_field(self, read, kind, value):
        with pytest.raises(CodecError, match="'v'") as caught:
            column(read, kind, value)
        assert caught.value.path.startswith("features")


class TestNames:
    def test_names_that_differ_in_case_are_different(self, read):
        names = ["Name", "name", "NAME"]
        fields = [{"name": n, "type": "esriFieldTypeInteger"} for n in names]
        row = {"name": 2, "NAME": 3, "Name": 1}
        frame = read({"fields": fields, "features": [{"attributes": row}]})
        assert list(frame.columns) == names
        assert frame.iloc[0].tolist() == [1, 2, 3]

    def test_an_attribute_called_geometry_makes_way(self, read):
        fields = [
            {"name": n, "type": "esriFieldTypeString"}
            for n in ("geometry", "Geometry", "attributes", "features")
        ]
        row = {"geometry": "a", "Geometry": "b", "attributes": "c", "features": "d"}
        feature = {"attributes": row, "geometry": {"x": 1, "y": 2}}
        frame = read({"geometryType": "esriGeometryPoint", "fields": fields, "features": [feature]})
        assert list(frame.columns) == ["geometry_1", "Geometry", "attributes", "features", "geometry"]
        assert frame.iloc[0, :4].tolist() == ["a", "b", "c", "d"]
        assert (frame.geometry[0].x, frame.geometry[0].y) == (1, 2)
        table = read({"fields": fields, "features": [{"attributes": row}]})
        assert list(table.columns) == ["geometry", "Geometry", "attributes", "features"]

    def test_the_new_name_of_an_attribute_called_geometry_is_free(self, read):
        fields = [{"name": n, "type": "esriFieldTypeString"} for n in ("geometry_1", "geometry")]
        feature = {"attributes": {"geometry": "a", "geometry_1": "b"}, "geometry": {"x": 1, "y": 2}}
        frame = read({"geometryType": "esriGeometryPoint", "fields": fields, "features": [feature]})
        assert len(set(frame.columns)) == 3
        assert frame["geometry_1"].tolist() == ["b"]
        assert sorted(frame.drop(columns="geometry").iloc[0]) == ["a", "b"]

    def test_the_shape_field_makes_no_column(self, read):
        fields = [
            {"name": "Shape", "type": "esriFieldTypeGeometry"},
            {"name": "n", "type": "esriFieldTypeDouble"},
        ]
        feature = {"attributes": {"n": 0.5}, "geometry": {"x": 1, "y": 2}}
        frame = read({"geometryType": "esriGeometryPoint", "fields": fields, "features": [feature]})
        assert list(frame.columns) == ["n", "geometry"]

    def test_a_field_that_no_row_has_is_null(self, read):
        kinds = {"OBJECTID": "OID", "t": "String", "when": "Date", "d": "Double", "day": "DateOnly"}
        fields = [{"name": n, "type": f"esriFieldType{k}"} for n, k in kinds.items()]
        frame = read({"fields": fields, "features": [{"attributes": {}}, {"attributes": None}, {}]})
        assert list(frame.columns) == list(kinds)
        assert len(frame) == 3
        assert frame.isna().all(axis=None)
        assert str(frame["OBJECTID"].dtype) == "Int64"
        assert str(frame["when"].dtype) == "datetime64[ms, UTC]"

    def test_an_attribute_that_no_field_lists_makes_no_column(self, read):
        document = {
            "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
            "features": [{"attributes": {"x": [1], "n": 1, "y": {"n": 7}}}, {"attributes": {"N": 5, "n": 2}}],
        }
        frame = read(document)
        assert list(frame.columns) == ["n"]
        assert frame["n"].tolist() == [1, 2]

    def test_what_else_a_field_says_changes_nothing(self, read):
        field = {
            "name": "OBJECTID",
            "type": "esriFieldTypeOID",
            "alias": "esriFieldTypeString",
            "length": 8,
            "domain": None,
            "nullable": False,
            "defaultValue": None,
        }
        assert read({"fields": [field], "features": [{"attributes": {"OBJECTID": 2**40}}]})[
            "OBJECTID"
        ].tolist() == [2**40]


class TestNoFields:
    @pytest.mark.parametrize("fields", [{}, {"fields": None}])
    def test_the_values_decide(self, read, fields):
        rows = [
            {"i": 1, "d": 1, "s": "x", "b": True, "late": None},
            {"i": None, "d": 0.5, "b": None, "late": 2**53 + 1},
            {"s": None, "b": False, "more": "\u00fc"},
        ]
        frame = read({**fields, "features": [{"attributes": row} for row in rows]})
        assert list(frame.columns) == ["i", "d", "s", "b", "late", "more"]
        assert [str(frame[n].dtype) for n in ("i", "d", "b", "late")] == [
            "Int64",
            "float64",
            "boolean",
            "Int64",
        ]
        assert frame["i"].tolist() == [1, pd.NA, pd.NA]
        assert frame["d"].tolist()[:2] == [1.0, 0.5]
        assert frame["s"][0] == "x"
        assert frame["b"].tolist() == [True, pd.NA, False]
        assert frame["late"].tolist()[1] == 2**53 + 1
        assert frame["more"].isna().tolist() == [True, True, False]

    def test_a_field_without_a_type_goes_by_its_values(self, read):
        assert column(read, None, 5, 6).tolist() == [5, 6]
        assert column(read, None, "a").tolist() == ["a"]

    def test_text_that_looks_like_a_date_stays_text(self, read):
        frame = read({"features": [{"attributes": {"s": s}} for s in ("2020-01-01", "8/2/2020", "10:00:00")]})
        assert frame["s"].tolist() == ["2020-01-01", "8/2/2020", "10:00:00"]


def test_a_field_of_an_unknown_type_keeps_its_values(read):
    assert [str(v) for v in column(read, "Tomorrow", "a", "b")] == ["a", "b"]


def test_no_column_is_longer_or_shorter_than_the_layer(read):
    rows = [{"attributes": {"n": i} if i % 3 else {}} for i in range(1000)]
    frame = read({"fields": [{"name": "n", "type": "esriFieldTypeInteger"}], "features": rows})
    expected = [i if i % 3 else None for i in range(1000)]
    assert [None if v is pd.NA else v for v in frame["n"].tolist()] == expected
    assert np.array_equal(frame.index, np.arange(1000))


def test_a_refused_value_names_its_row(read):
    rows = [{"attributes": {"n": i}} for i in range(5)]
    rows[3] = {"attributes": {"n": "three"}}
    with pytest.raises(CodecError) as caught:
        read({"fields": [{"name": "n", "type": "esriFieldTypeInteger"}], "features": rows})
    assert caught.value.path == "features[3].attributes.n"
