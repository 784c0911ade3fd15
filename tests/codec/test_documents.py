"""Whole documents as GPServers write them, with every quirk of the text and of the wrapping; expectations by hand."""

import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from feeders import FEEDS, as_text, every_feed

from spatial_widgets.codec import decode_value
from spatial_widgets.errors import CodecError, TransferLimitExceeded

pytestmark = every_feed

NASTY = [
    '"},{"attributes":{"',
    '{"attributes":{"n":7},"geometry":{"x":9,"y":9}}',
    '],"exceededTransferLimit":true,"features":[',
    '"features":[]}',
    "ends in a backslash \\",
    'a quote \\" and two \\\\" more',
    "}]}]}",
    "[[[{{{",
    "line\nfeed,\ttab, \b\f\r and a slash /",
    "D\u00fcne \u6c99\u4e18 \U0001f3dc \u2028 \x7f",
    "",
    " ",
    "null",
    "NaN",
]


def points(*names, **more):
    features = [
        {"attributes": {"n": i, "name": name}, "geometry": {"x": i, "y": -i}} for i, name in enumerate(names)
    ]
    return {
        "displayFieldName": "",
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 102100, "latestWkid": 3857},
        "fields": [
            {"name": "n", "type": "esriFieldTypeInteger", "alias": "n"},
            {"name": "name", "type": "esriFieldTypeString", "alias": "name", "length": 4000},
        ],
        "features": features,
        **more,
    }


def are_the_points(frame, *names):
    assert isinstance(frame, gpd.GeoDataFrame)
    assert list(frame.columns) == ["n", "name", "geometry"]
    assert str(frame["n"].dtype) == "Int64"
    assert frame["n"].tolist() == list(range(len(names)))
    assert frame["name"].tolist() == list(names)
    assert [(p.x, p.y) for p in frame.geometry] == [(i, -i) for i in range(len(names))]
    assert frame.index.equals(pd.RangeIndex(len(names)))
    assert frame.crs.to_epsg() == 3857
    return True


class TestTheText:
    def test_the_plain_case(self, read):
        assert are_the_points(read(points("a", "b", "c")), "a", "b", "c")

    @pytest.mark.parametrize("last", ["features", "fields", "spatialReference", "geometryType"])
    @pytest.mark.parametrize("first", ["features", "fields", "spatialReference", "geometryType"])
    def test_keys_come_in_any_order(self, read, first, last):
        document = points("a", "b")
        order = [first] + [key for key in document if key not in {first, last}] + [last]
        assert are_the_points(read({key: document[key] for key in order}), "a", "b")

    def test_keys_of_a_feature_come_in_any_order(self, read):
        document = points("a")
        document["features"].append({"geometry": {"y": -1, "x": 1}, "attributes": {"name": "b", "n": 1}})
        document["features"].append(
            {
                "symbol": {"attributes": {"n": 5}},
                "geometry": {"y": -2, "x": 2},
                "attributes": {"name": "c", "n": 2},
            }
        )
        assert are_the_points(read(document), "a", "b", "c")

    def test_text_that_looks_like_json_is_text(self, read):
        assert are_the_points(read(points(*NASTY)), *NASTY)

    def test_names_that_look_like_json_are_names(self, read):
        document = {
            "fields": [{"name": n, "type": "esriFieldTypeInteger"} for n in NASTY],
            "features": [{"attributes": {n: i for i, n in enumerate(NASTY)}}],
        }
        frame = read(document)
        assert list(frame.columns) == NASTY
        assert frame.iloc[0].tolist() == list(range(len(NASTY)))

    def test_escapes_are_read_in_values_and_in_keys(self, read):
        text = r"""{"geometryT\u0079pe":"esriGeometryPoint","spatialReference":{"wkid":3857},
            "fields":[{"name":"n","type":"esriFieldTypeInteger"},{"name":"na\u006de","type":"esriFieldTypeString"}],
            "f\u0065atures":[{"attributes":{"n":0,"\u006eame":"\u00e9\ud83d\ude00\/\"\\\u0022\n"},
            "geom\u0065try":{"x":0,"\u0079":-0}}]}"""
        assert are_the_points(read(text), 'é\U0001f600/"\\"\n')

    def test_white_space_is_nothing(self, read):
        text = as_text(points("a  b", "c")).replace(":", " :\r\n\t ").replace("},", "}\n\n , ")
        assert are_the_points(read(text), "a  b", "c")

    def test_numbers_come_in_every_spelling(self, read):
        text = """{"geometryType":"esriGeometryPoint","fields":[{"name":"d","type":"esriFieldTypeDouble"},
            {"name":"i","type":"esriFieldTypeInteger"}],"features":[
            {"attributes":{"d":-1.23456789E7,"i":1E3},"geometry":{"x":1e-7,"y":-0.0}},
            {"attributes":{"d":5,"i":-0},"geometry":{"x":1E+2,"y":12345678901234567890}},
            {"attributes":{"d":0.1000000000000000055511151231257827,"i":7.0},"geometry":{"x":-180,"y":5e-324}}]}"""
        frame = read(text)
        assert frame["d"].tolist() == [-12345678.9, 5.0, 0.1]
        assert frame["i"].tolist() == [1000, 0, 7]
        assert frame.geometry.x.tolist() == [1e-7, 100.0, -180.0]
        assert frame.geometry.y.tolist() == [-0.0, 12345678901234567890.0, 5e-324]

    def test_the_words_of_the_format_mean_nothing_elsewhere(self, read):
        document = {
            "metadata": {"features": [1, {"attributes": {"n": 9}}], "fields": "none", "spatialReference": 1},
            "fieldAliases": {"n": "features", "name": "fields"},
            "Fields": [{"name": "N", "type": "esriFieldTypeString"}],
            **points("a"),
        }
        assert are_the_points(read(document), "a")

    def test_many_features_are_all_there(self, read):
        names = [f"{NASTY[i % 6]} {i} " + "x" * 300 for i in range(4000)]
        assert are_the_points(read(points(*names)), *names)


class TestTheWrapping:
    def test_fields_and_type_stand_in_the_definition_alone(self, read):
        body = points("a", "b")
        definition = {
            "name": "layer",
            "type": "Feature Layer",
            "objectIdField": "n",
            "geometryType": body.pop("geometryType"),
            "fields": body.pop("fields"),
            "templates": [{"prototype": {"attributes": {"n": 9}}}],
            "drawingInfo": {"renderer": {"type": "simple", "symbol": {"color": [0, 0, 0, 255]}}},
        }
        collection = {"layerDefinition": definition, "featureSet": body}
        for document in (
            collection,
            {"featureSet": body, "layerDefinition": definition},
            {"layers": [collection]},
            {"showLegend": True, "layers": [{"featureSet": body, "layerDefinition": definition}]},
        ):
            assert are_the_points(read(document), "a", "b")

    def test_an_empty_definition_takes_nothing_away(self, read):
        assert are_the_points(read({"layerDefinition": {}, "featureSet": points("a")}), "a")

    def test_the_type_of_a_table_makes_no_geometry(self, read):
        body = {"features": [{"attributes": {"n": 1}}]}
        fields = [
            {"name": "OBJECTID", "type": "esriFieldTypeOID"},
            {"name": "n", "type": "esriFieldTypeInteger"},
        ]
        for document in (
            {"fields": fields, **body},
            {"displayFieldName": "", "exceededTransferLimit": False, **body, "fields": fields},
            {"layerDefinition": {"type": "Table", "fields": fields}, "featureSet": body},
        ):
            frame = read(document)
            assert type(frame) is pd.DataFrame
            assert list(frame.columns) == ["OBJECTID", "n"]
            assert frame["OBJECTID"].isna().all()
            assert frame["n"].tolist() == [1]

    @pytest.mark.parametrize("wkid", [102113, 2193])
    def test_a_lone_wkid_is_enough(self, read, wkid):
        frame = read(points("a", spatialReference={"wkid": wkid}))
        assert frame.crs.to_epsg() == {102113: 3785}.get(wkid, wkid)

    def test_a_reference_may_be_text_only_or_missing(self, read):
        wkt = 'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
        assert read(points("a", spatialReference={"wkt": wkt})).crs.ellipsoid.name == "WGS 84"
        assert read(points("a", spatialReference={})).crs is None
        bare = points("a")
        del bare["spatialReference"]
        assert read(bare).crs is None
        bare["features"][0]["geometry"]["spatialReference"] = {"wkid": 25832}
        assert read(bare).crs.to_epsg() == 25832

    def test_a_reference_in_the_definition_counts(self, read):
        body = points("a")
        definition = {"spatialReference": body.pop("spatialReference")}
        assert are_the_points(read({"featureSet": body, "layerDefinition": definition}), "a")

    def test_zero_rows_keep_columns_dtypes_and_crs(self, read):
        kinds = [
            "OID",
            "Integer",
            "BigInteger",
            "Single",
            "Double",
            "String",
            "Date",
            "DateOnly",
            "TimeOnly",
            "TimestampOffset",
            "GUID",
            "Blob",
        ]
        fields = [{"name": k, "type": f"esriFieldType{k}"} for k in kinds]
        row = [5, 5, 5, 0.5, 0.5, "x", 0, "2020-01-01", "10:00:00", "2020-01-01T00:00:00Z", "{A}", "x"]
        feature = {"attributes": dict(zip(kinds, row, strict=True)), "geometry": {"x": 1, "y": 2}}
        full = read(points(fields=fields, features=[feature]))
        empty = read(points(fields=fields))
        assert (len(full), len(empty)) == (1, 0)
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()
        assert list(empty.columns) == [*kinds, "geometry"]
        assert empty.crs == full.crs
        assert empty.index.equals(pd.RangeIndex(0))

    def test_no_field_and_no_row_is_a_layer_still(self, read):
        frame = read(
            {"geometryType": "esriGeometryPolygon", "spatialReference": {"wkid": 4326}, "features": []}
        )
        assert list(frame.columns) == ["geometry"]
        assert frame.crs.to_epsg() == 4326


class TestWhatIsMissing:
    @pytest.mark.parametrize("where", ["first", "last"])
    @pytest.mark.parametrize("wrapped", ["bare", "inside", "beside", "layer"])
    def test_the_limit_is_an_error_wherever_it_is_said(self, read, where, wrapped):
        flag = {"exceededTransferLimit": True}
        for rows in ([], ["a"]):
            body = points(*rows)
            flagged = {**flag, **body} if where == "first" else {**body, **flag}
            document = {
                "bare": flagged,
                "inside": {"layerDefinition": {}, "featureSet": flagged},
                "beside": {"layerDefinition": {}, "featureSet": body, **flag},
                "layer": {"layers": [{"layerDefinition": {}, "featureSet": flagged}]},
            }[wrapped]
            with pytest.raises(TransferLimitExceeded) as caught:
                read(document, url="https://h/results/layer")
            assert caught.value.url == "https://h/results/layer"
            assert are_the_points(read(document, allow_truncated=True), *rows)

    def test_a_table_has_the_limit_as_well(self, read):
        with pytest.raises(TransferLimitExceeded):
            read({"fields": [], "features": [], "exceededTransferLimit": True})

    def test_a_false_limit_is_none(self, read):
        assert are_the_points(read(points("a", exceededTransferLimit=False)), "a")

    @pytest.mark.parametrize(
        "document",
        [
            "{}",
            "[]",
            "null",
            "3",
            '"features"',
            '{"features": 5}',
            '{"features": {"attributes": {}}}',
            '{"layers": []}',
            '{"featureSet": {}}',
            '{"features": [5]}',
            '{"features": [[]]}',
            '{"fields": []}',
        ],
    )
    def test_what_is_no_layer_is_a_codec_error(self, read, document):
        with pytest.raises(CodecError):
            read(document)

    def test_an_error_names_the_place_in_the_whole_document(self, read):
        document = {"layerDefinition": {}, "featureSet": points("a", "b")}
        document["featureSet"]["features"][1]["geometry"] = {"x": {}, "y": 1}
        with pytest.raises(CodecError) as caught:
            read(document)
        assert caught.value.path.startswith("featureSet.features[1].geometry")
        with pytest.raises(CodecError) as caught:
            read(document, path="layer")
        assert caught.value.path.startswith("layer.featureSet.features[1].geometry")


def test_every_feed_gives_the_same_layer(read):
    document = points(*NASTY)
    document["features"][3]["attributes"]["name"] = None
    document["features"][4]["geometry"] = None
    mine, plain = read(document), FEEDS["dict"](document)
    pd.testing.assert_frame_equal(
        pd.DataFrame(mine.drop(columns="geometry")), pd.DataFrame(plain.drop(columns="geometry"))
    )
    assert all(shapely.equals_exact(mine.geometry.drop(4).values, plain.geometry.drop(4).values))
    assert mine.geometry[4] is None
    assert mine.crs == plain.crs


def test_the_hosted_services_text_is_a_layer(read):
    collection = {"layerDefinition": {"fields": points()["fields"]}, "featureSet": points("a")}
    assert are_the_points(read(collection), "a")
    for value in (collection, json.dumps(collection)):
        assert are_the_points(decode_value("GPString", value), "a")
