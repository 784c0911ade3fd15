"""Every data type's result as a GPServer writes it, and the Python value that it is; expectations by hand."""

import json

import geopandas as gpd
import pandas as pd
import pytest

from spatial_widgets.codec import FileReference, decode_value
from spatial_widgets.errors import CodecError, TransferLimitExceeded
from spatial_widgets.protocol import ArealUnit, LinearUnit, TimeUnit
from spatial_widgets.protocol.units import AREAL_UNITS, LINEAR_UNITS, TIME_UNITS

POINTS = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "features": [{"attributes": {"n": 1}, "geometry": {"x": 1, "y": 2}}],
}
EVERY_TYPE = [
    "GPString",
    "GPStringHidden",
    "GPBoolean",
    "GPLong",
    "GPDouble",
    "GPDate",
    "GPLinearUnit",
    "GPArealUnit",
    "GPTimeUnit",
    "GPFeatureRecordSetLayer",
    "GPRecordSet",
    "GPRasterDataLayer",
    "GPRasterData",
    "GPDataFile",
    "Field",
    "GPMultiValue:GPString",
    "GPMultiValue:GPFeatureRecordSetLayer",
    "GPValueTable",
    "GPSpatialReference",
    "GPCoordinateSystem",
    "GPExtent",
    "GPEnvelope",
    "SomethingNew",
]


@pytest.mark.parametrize("data_type", EVERY_TYPE)
@pytest.mark.parametrize("value", ["", {}, None])
def test_an_output_that_was_not_produced_is_none(data_type, value):
    assert decode_value(data_type, value) is None


@pytest.mark.parametrize(
    ("data_type", "wire", "value"),
    [
        ("GPString", "text", "text"),
        ("GPString", "5", "5"),
        ("GPString", "true", "true"),
        ("GPString", "{almost JSON", "{almost JSON"),
        ("GPString", "[a, b]", "[a, b]"),
        ("GPStringHidden", "secret", "secret"),
        ("GPSQLExpression", "STATE = 'CA'", "STATE = 'CA'"),
        ("GPSQLExpression", '{"a": 1}', '{"a": 1}'),
        ("GPBoolean", True, True),
        ("GPBoolean", False, False),
        ("GPBoolean", "false", False),
        ("GPLong", 4503599627370495, 4503599627370495),
        ("GPLong", -12345678.0, -12345678),
        ("GPLong", 0, 0),
        ("GPDouble", 345.67800000000000, 345.678),
        ("GPDouble", -1.23456789e7, -12345678.9),
        ("GPDouble", 0, 0.0),
        ("GPDate", 1199145600000, pd.Timestamp("2008-01-01", tz="UTC")),
        ("GPDate", -1, pd.Timestamp("1969-12-31T23:59:59.999Z")),
        ("GPLinearUnit", {"distance": 345.678, "units": "esriMiles"}, LinearUnit(345.678, "esriMiles")),
        ("GPLinearUnit", {"distance": 5}, LinearUnit(5, "esriMeters")),
        ("GPArealUnit", {"area": 3, "units": "esriSquareKilometers"}, ArealUnit(3, "esriSquareKilometers")),
        ("GPArealUnit", "3 SquareKilometers", ArealUnit(3, "esriSquareKilometers")),
        ("GPTimeUnit", {"time": 1, "units": "esriTimeUnitsWeeks"}, TimeUnit(1, "esriTimeUnitsWeeks")),
        ("GPTimeUnit", "1 Week", TimeUnit(1, "esriTimeUnitsWeeks")),
        ("GPMultiValue:GPString", ["Parcels", "Street Lights; new"], ["Parcels", "Street Lights; new"]),
        ("GPMultiValue:GPString", [], []),
        ("GPMultiValue:GPLong", [1, 2], [1, 2]),
        ("GPMultiValue:GPDouble", [1, 2.5], [1.0, 2.5]),
        ("GPMultiValue:GPBoolean", [True, False], [True, False]),
        ("GPMultiValue:GPDate", [0], [pd.Timestamp("1970-01-01", tz="UTC")]),
        ("GPMultiValue:GPLinearUnit", [{"distance": 1, "units": "esriFeet"}], [LinearUnit(1, "esriFeet")]),
        ("GPMultiValue:GPDataFile", [{"url": "https://h/a.zip"}], [FileReference("https://h/a.zip")]),
        (
            "GPDataFile",
            {"url": "https://h/x/scratch/_ags_map.pdf"},
            FileReference("https://h/x/scratch/_ags_map.pdf"),
        ),
        ("GPDataFile", {"url": "/rest/directories/x.zip"}, FileReference("/rest/directories/x.zip")),
        (
            "GPRasterDataLayer",
            {"url": "https://h/x.tif", "format": "tif"},
            FileReference("https://h/x.tif", "tif"),
        ),
        (
            "GPRasterData",
            {"url": "https://h/x.tif", "format": "tif"},
            FileReference("https://h/x.tif", "tif"),
        ),
    ],
)
def test_a_result_is_a_python_value(data_type, wire, value):
    found = decode_value(data_type, wire)
    assert found == value
    assert type(found) is type(value)


def test_a_number_is_no_true_and_a_true_no_number():
    assert decode_value("GPBoolean", 1) is True
    assert type(decode_value("GPLong", 1)) is int


@pytest.mark.parametrize(
    "value",
    [
        {"numObjects": 9, "credits": 4.5},
        [{"layoutTemplate": "A3 Landscape", "pageSize": [42, 29.7]}],
        {
            "messageCode": "SS_84464",
            "message": "${n} near",
            "params": {"n": "20"},
            "style": "<ul><li></li></ul>",
        },
        [1, 2],
        [],
    ],
)
def test_text_that_is_json_is_its_value_quoted_or_not(value):
    assert decode_value("GPString", value) == value
    assert decode_value("GPString", json.dumps(value)) == value
    assert decode_value("GPString", json.dumps(value, indent=2)) == value


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("Field", {"name": "NAME", "type": "esriFieldTypeString", "alias": "name", "length": 80}),
        ("GPSpatialReference", {"wkid": 4326, "vcsWkid": 5773}),
        ("GPCoordinateSystem", {"wkid": 4326}),
        ("GPExtent", {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1, "spatial_reference": {"wkid": 4326}}),
        ("GPEnvelope", {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1, "zmin": 0, "zmax": 1}),
        (
            "GPFeatureRecordSetLayer",
            {
                "mapImage": {
                    "href": "https://h/i.png",
                    "width": 400,
                    "height": 300,
                    "extent": {},
                    "scale": 1.5e6,
                }
            },
        ),
    ],
)
def test_an_object_without_a_form_of_its_own_comes_as_it_is(data_type, value):
    assert decode_value(data_type, value) == value


class TestLayers:
    @pytest.mark.parametrize(
        "data_type", ["GPFeatureRecordSetLayer", "GPRecordSet", "GPString", "SomethingNew"]
    )
    def test_the_shape_decides_and_not_the_declared_type(self, data_type):
        for value in (POINTS, {"layerDefinition": {}, "featureSet": POINTS}, json.dumps(POINTS)):
            frame = decode_value(data_type, value)
            assert isinstance(frame, gpd.GeoDataFrame)
            assert frame["n"].tolist() == [1]
            assert frame.crs.to_epsg() == 4326

    def test_a_record_set_is_a_table(self):
        fields = [
            {"name": "OBJECTID", "type": "esriFieldTypeOID"},
            {"name": "Id", "type": "esriFieldTypeInteger"},
        ]
        rows = [{"attributes": {"Id": 43}}, {"attributes": {"Id": 67}}]
        value = {"fields": fields, "features": rows, "exceededTransferLimit": False}
        for found in (decode_value("GPRecordSet", value), decode_value("GPString", value)):
            assert type(found) is pd.DataFrame
            assert found["Id"].tolist() == [43, 67]
            assert found["OBJECTID"].isna().all()

    def test_a_layer_elsewhere_is_a_reference_and_nothing_is_fetched(self):
        url = "https://h/arcgis/rest/services/Hosted/n/FeatureServer/0"
        for data_type in ("GPFeatureRecordSetLayer", "GPRecordSet", "GPString"):
            for value in ({"url": url}, {"url": url, "itemId": "i1"}, {"itemId": "i1", "url": url}):
                assert decode_value(data_type, value) == FileReference(url)

    def test_an_image_service_is_a_reference_as_well(self):
        url = "https://h/arcgis/rest/services/n/ImageServer"
        assert decode_value("GPRasterDataLayer", {"url": url, "type": "ImageService"}).url == url
        assert decode_value("GPString", {"itemId": "i1", "url": url}).url == url

    def test_several_layers_are_a_list(self):
        found = decode_value(
            "GPMultiValue:GPFeatureRecordSetLayer", [POINTS, {"url": "https://h/FeatureServer/0"}]
        )
        assert isinstance(found[0], gpd.GeoDataFrame)
        assert found[1] == FileReference("https://h/FeatureServer/0")

    @pytest.mark.parametrize("data_type", ["GPFeatureRecordSetLayer", "GPRecordSet", "GPString"])
    def test_rows_that_are_not_there_are_an_error(self, data_type):
        body = {**POINTS, "features": [], "exceededTransferLimit": True}
        for value in (body, {"layerDefinition": {}, "featureSet": body}, json.dumps(body)):
            with pytest.raises(TransferLimitExceeded) as caught:
                decode_value(data_type, value, url="https://h/r")
            assert caught.value.url == "https://h/r"
            assert len(decode_value(data_type, value, allow_truncated=True)) == 0


class TestValueTables:
    def test_rows_may_be_arrays(self):
        frame = decode_value("GPValueTable", [["NAME", "SUM", 5], ["", None, 0.5]])
        assert type(frame) is pd.DataFrame
        assert frame.shape == (2, 3)
        assert frame.iloc[0].tolist() == ["NAME", "SUM", 5]
        assert frame.iloc[1, 0] == ""
        assert pd.isna(frame.iloc[1, 1])

    def test_rows_may_be_objects(self):
        rows = [{"Field": "NAME", "Statistic": "SUM"}, {"Field": "AREA", "Statistic": ""}]
        frame = decode_value("GPValueTable", rows)
        assert list(frame.columns) == ["Field", "Statistic"]
        assert frame["Field"].tolist() == ["NAME", "AREA"]
        assert frame["Statistic"].tolist() == ["SUM", ""]

    def test_no_row_is_a_table_still(self):
        frame = decode_value("GPValueTable", [])
        assert type(frame) is pd.DataFrame
        assert len(frame) == 0


class TestUnits:
    @pytest.mark.parametrize(
        ("data_type", "kind", "key", "words"),
        [
            ("GPLinearUnit", LinearUnit, "distance", LINEAR_UNITS),
            ("GPArealUnit", ArealUnit, "area", AREAL_UNITS),
            ("GPTimeUnit", TimeUnit, "time", TIME_UNITS),
        ],
    )
    def test_every_unit_word_is_known_under_every_declared_type(self, data_type, kind, key, words):
        for word in words:
            expected = kind(2.5, word)
            assert expected.units == word
            assert decode_value(data_type, {key: 2.5, "units": word}) == expected
            assert decode_value("GPString", {key: 2.5, "units": word}) == expected


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("GPLong", "many"),
        ("GPLong", 1.5),
        ("GPLong", [1]),
        ("GPDouble", "far"),
        ("GPDouble", [1]),
        ("GPBoolean", "perhaps"),
        ("GPDate", "soon"),
        ("GPDate", True),
        ("GPDate", 1e300),
        ("GPLinearUnit", 5),
        ("GPLinearUnit", {"distance": 5, "units": "esriParsecs"}),
        ("GPLinearUnit", {"distance": "far", "units": "esriMiles"}),
        ("GPMultiValue:GPLong", [1, "x"]),
    ],
)
def test_a_value_that_is_not_of_its_type_is_a_codec_error_with_its_place(data_type, value):
    with pytest.raises(CodecError) as caught:
        decode_value(data_type, value, path="count")
    assert caught.value.path.startswith("count")
