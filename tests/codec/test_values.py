import contextlib
import datetime as dt
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.codec import FileReference, decode_value, encode_value, form_text
from spatial_widgets.codec.values import ENCODERS, REFUSED
from spatial_widgets.errors import CodecError, SpatialWidgetsError
from spatial_widgets.protocol import ArealUnit, LinearUnit, TimeUnit

# The list of https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
DATA_TYPES = [
    "GPString",
    "GPStringHidden",
    "GPSQLExpression",
    "GPBoolean",
    "GPLong",
    "GPDouble",
    "GPDate",
    "GPLinearUnit",
    "GPArealUnit",
    "GPTimeUnit",
    "GPFeatureRecordSetLayer",
    "GPRecordSet",
    "GPRasterData",
    "GPRasterDataLayer",
    "GPDataFile",
    "Field",
    "GPValueTable",
    "GPComposite",
    "GPSpatialReference",
    "GPCoordinateSystem",
    "GPExtent",
    "GPEnvelope",
    "GPWorkspace",
    # not on that page, and met where a desktop tool was published
    "DEWorkspace",
    "DEFolder",
    "GPNetworkDatasetLayer",
    "GPTinLayer",
    "GPTerrainLayer",
    "GPLasDatasetLayer",
]

LAYER = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(1, 2)], crs=4326)


def test_every_data_type_is_in_the_table_or_refused_with_a_reason():
    assert set(DATA_TYPES) == ENCODERS.keys() | REFUSED.keys()
    for name, reason in REFUSED.items():
        with pytest.raises(CodecError, match=name) as caught:
            encode_value(name, "x")
        assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("data_type", "value", "wire"),
    [
        ("GPString", "text", "text"),
        ("GPString", {"a": [1]}, '{"a":[1]}'),
        ("GPString", ["field Sum"], '["field Sum"]'),
        ("GPBoolean", True, "true"),
        ("GPBoolean", np.False_, "false"),
        ("GPLong", 5, "5"),
        ("GPLong", np.int64(5), "5"),
        ("GPLong", 5.0, "5"),
        ("GPDouble", 2.5, "2.5"),
        ("GPDouble", np.float32(0.5), "0.5"),
        ("GPDate", dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "1577836800000"),
        ("GPDate", pd.Timestamp("2020-01-01"), "1577836800000"),
        ("GPDate", "2020-01-01T01:00:00+01:00", "1577836800000"),
        ("GPLinearUnit", LinearUnit(5, "kilometers"), '{"distance":5,"units":"esriKilometers"}'),
        ("GPLinearUnit", (5, "kilometers"), '{"distance":5,"units":"esriKilometers"}'),
        ("GPLinearUnit", "5 kilometers", '{"distance":5.0,"units":"esriKilometers"}'),
        ("GPArealUnit", ArealUnit(3, "hectares"), '{"area":3,"units":"esriHectares"}'),
        ("GPTimeUnit", TimeUnit(2, "hours"), '{"time":2,"units":"esriTimeUnitsHours"}'),
        ("GPMultiValue:GPString", ["a", "b"], '["a","b"]'),
        ("GPMultiValue:GPDouble", np.array([1.0, 2.0]), "[1.0,2.0]"),
        ("GPMultiValue:GPLinearUnit", ["1 meters"], '[{"distance":1.0,"units":"esriMeters"}]'),
        ("GPFeatureRecordSetLayer", "https://h/FeatureServer/0", '{"url":"https://h/FeatureServer/0"}'),
        ("GPDataFile", {"itemID": "i1"}, '{"itemID":"i1"}'),
        ("GPExtent", (0, 1, 2, 3), '{"xmin":0.0,"ymin":1.0,"xmax":2.0,"ymax":3.0}'),
        ("GPSpatialReference", 4326, '{"wkid":4326,"latestWkid":4326}'),
        ("GPValueTable", [["a", 1]], '[["a",1]]'),
        ("Field", "name", '{"name":"name"}'),
        ("SomethingNew", {"x": 1}, '{"x":1}'),
    ],
)
def test_values_travel_in_esris_form(data_type, value, wire):
    assert form_text(encode_value(data_type, value)) == wire


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("GPBoolean", 1), ("GPBoolean", "yes"), ("GPLong", 1.5), ("GPLong", True), ("GPLong", "x"), ("GPLong", 2**60), ("GPDouble", "far"), ("GPDouble", float("nan")), ("GPDouble", False),
        ("GPDate", "tomorrow"), ("GPDate", True), ("GPLinearUnit", 5), ("GPLinearUnit", "5 parsecs"), ("GPMultiValue:GPString", "a"), ("GPMultiValue:GPLong", [1, "x"]),
        ("GPFeatureRecordSetLayer", pd.DataFrame({"a": [1]})), ("GPFeatureRecordSetLayer", shapely.Point(0, 91)), ("GPFeatureRecordSetLayer", "local.shp"), ("GPRecordSet", 4), ("GPString", object()), ("GPString", float("inf")),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_says_what_is_expected(data_type, value):
    with pytest.raises(SpatialWidgetsError) as caught:
        encode_value(data_type, value)
    assert "expected" in str(caught.value)


def test_a_layer_goes_as_a_feature_set_and_into_text_as_a_collection():
    assert set(encode_value("GPFeatureRecordSetLayer", LAYER)) >= {
        "geometryType",
        "features",
        "fields",
        "spatialReference",
    }
    assert set(encode_value("GPString", LAYER)) == {"layerDefinition", "featureSet"}


@pytest.mark.parametrize(
    ("data_type", "wire", "value"),
    [
        ("GPString", "", None),
        ("GPFeatureRecordSetLayer", {}, None),
        ("GPString", "text", "text"),
        ("GPString", {"numObjects": 9, "credits": 4.5}, {"numObjects": 9, "credits": 4.5}),
        ("GPString", '{"a": 1}', {"a": 1}),
        ("GPString", "{not json", "{not json"),
        ("GPLong", 5, 5),
        ("GPLong", "5", 5),
        ("GPDouble", "-1.5E2", -150.0),
        ("GPBoolean", "TRUE", True),
        ("GPBoolean", False, False),
        ("GPDate", 0, pd.Timestamp("1970-01-01", tz="UTC")),
        ("GPLinearUnit", {"distance": 5, "units": "esriMiles"}, LinearUnit(5, "esriMiles")),
        ("GPArealUnit", {"area": 5, "units": "esriAcres"}, ArealUnit(5, "esriAcres")),
        ("GPMultiValue:GPLong", [1, "2"], [1, 2]),
        ("GPMultiValue:GPDouble", "1 2.5", [1.0, 2.5]),
        ("GPMultiValue:GPString", "a;b", ["a", "b"]),
        ("GPDataFile", {"url": "https://h/x.zip"}, FileReference("https://h/x.zip")),
        (
            "GPRasterDataLayer",
            {"url": "https://h/x.tif", "format": "tif"},
            FileReference("https://h/x.tif", "tif"),
        ),
    ],
)
def test_results_become_python_values(data_type, wire, value):
    assert decode_value(data_type, wire) == value


def test_the_shape_decides_not_the_declared_type():
    layer = encode_value("GPFeatureRecordSetLayer", LAYER)
    for wire in (layer, {"layerDefinition": {}, "featureSet": layer}, json.dumps(layer)):
        assert isinstance(decode_value("GPString", wire), gpd.GeoDataFrame)
    assert decode_value("GPValueTable", [["a", 1], ["b", 2]]).shape == (2, 2)


def test_a_value_that_is_not_of_its_type_names_the_place():
    with pytest.raises(CodecError, match="^distance: "):
        decode_value("GPDouble", "far", path="distance")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["features", "featureSet", "rings", "attributes", "geometry", "url", "fields", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(DATA_TYPES),
)
def test_any_json_gives_a_value_or_one_of_our_errors(document, data_type):
    with contextlib.suppress(SpatialWidgetsError):
        decode_value(data_type, document)


def test_a_value_table_has_rows_of_one_length():
    assert decode_value("GPValueTable", [["a", 1], ["b", 2]]).shape == (2, 2)
    assert list(decode_value("GPValueTable", [{"f": "a"}, {"f": "b"}]).columns) == ["f"]
    with pytest.raises(CodecError, match="rows of a value table"):
        decode_value("GPValueTable", [["a", 1], ["b"]])


def test_geojson_is_read_as_what_it_is():
    document = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [1, 2]}}
        ],
    }
    frame = decode_value("GPString", document)
    assert (frame.crs.to_epsg(), frame.loc[0, "n"], frame.geometry[0].x) == (4326, 1, 1)
    document["features"][0]["geometry"] = {"type": "Blob"}
    with pytest.raises(CodecError, match=r"^value: this is no GeoJSON"):
        decode_value("GPString", document)
