"""Documents that are odd, large or lopsided: nothing is lost, and nothing but an error of ours comes out."""

import json
import types

import pandas as pd
import pyarrow as pa
import pytest
import shapely
from feeders import every_feed, layer

from spatial_widgets.codec import decode_features, decode_value
from spatial_widgets.errors import CodecError

FIELDS = [{"name": "a", "type": "esriFieldTypeString"}]
TABLE = {"fields": FIELDS, "features": [{"attributes": {"a": "x"}}]}


def test_fields_of_the_definition_stand_where_the_feature_set_lists_none():
    document = {"layerDefinition": {"fields": FIELDS}, "featureSet": {**TABLE, "fields": []}}
    for written in (document, json.dumps(document), iter([json.dumps(document).encode()])):
        assert decode_features(written)["a"].tolist() == ["x"]


def test_a_list_of_layers_is_read_with_the_options_of_one():
    cut = {**TABLE, "exceededTransferLimit": True}
    (frame,) = decode_value("GPMultiValue:GPRecordSet", [cut], allow_truncated=True, dtype_backend="pyarrow")
    assert frame["a"].dtype == pd.ArrowDtype(pa.large_string())


def test_text_that_only_begins_like_json_stays_text_and_what_is_nested_too_deeply_is_refused():
    assert decode_value("GPString", "[see below") == "[see below"
    with pytest.raises(CodecError, match="nested too deeply"):
        decode_value("GPString", "[" * 100_000)


def test_an_object_with_layers_that_are_none_is_an_object():
    for layers in (["roads", "rivers"], [], [{"id": 0}]):
        assert decode_value("GPString", {"layers": layers}) == {"layers": layers}
    with pytest.raises(CodecError, match="expected one layer, got 2"):
        decode_value("GPString", {"layers": [TABLE, TABLE]})


def test_any_mapping_is_a_document_and_a_list_is_none():
    assert decode_features(types.MappingProxyType(TABLE))["a"].tolist() == ["x"]
    for document in ([TABLE], [1], ("{",)):
        with pytest.raises(CodecError, match="is no feature set"):
            decode_features(document)


def test_a_key_that_ends_in_features_is_not_the_features():
    text = json.dumps(
        {"fields": FIELDS, 'no "features': [{"attributes": {"a": "y"}}], "features": TABLE["features"]}
    )
    text = text.replace('no \\"features"', '\\"features"')
    assert decode_features(text)["a"].tolist() == ["x"]


@pytest.mark.parametrize("junk", ["[[1],[2]]", "null,{}", "{},[{}],{}", "[]", '"}{",{}', "{}}", "{},,{}"])
def test_what_is_no_feature_is_refused(junk):
    whole = f'{{"fields":[],"features":[{{}},{junk}]}}'.encode()
    for document in (whole, [whole], [whole[i : i + 1] for i in range(len(whole))]):
        with pytest.raises(CodecError):
            decode_features(iter(document) if isinstance(document, list) else document)


WEB = {"wkid": 102100, "latestWkid": 3857}
FAR = 111319.49079327358  # one degree of longitude in EPSG:3857


@every_feed
@pytest.mark.parametrize(
    ("kind", "there", "elsewhere"),
    [
        ("Point", {"x": 1, "y": 0}, {"x": FAR, "y": 0}),
        ("Multipoint", {"points": [[1, 0]]}, {"points": [[FAR, 0]]}),
        ("Polyline", {"paths": [[[1, 0], [2, 0]]]}, {"paths": [[[FAR, 0], [2 * FAR, 0]]]}),
        (
            "Polygon",
            {"rings": [[[1, 0], [1, 1], [2, 0], [1, 0]]]},
            {"rings": [[[FAR, 0], [FAR, 111325.1428663851], [2 * FAR, 0], [FAR, 0]]]},
        ),
    ],
)
def test_a_geometry_in_another_system_than_its_layers_is_brought_into_it(read, kind, there, elsewhere):
    same = {**there, "spatialReference": {"latestWkid": 4326, "wkid": 4326}}
    frame = read(layer(there, same, {**elsewhere, "spatialReference": WEB}, None, kind=kind))
    assert frame.crs == "EPSG:4326"
    expected = read(layer(there, there, there, None, kind=kind))
    assert frame.geometry[:3].geom_equals_exact(expected.geometry[:3], tolerance=1e-9).all()
    assert frame.geometry[3] is None


def test_z_is_kept_in_a_geometry_that_is_transformed_and_measures_refuse_it():
    line = {"paths": [[[FAR, 0, 7], [2 * FAR, 0, 8]]], "spatialReference": WEB}
    frame = decode_features(layer(line, kind="Polyline", hasZ=True))
    assert shapely.get_coordinates(frame.geometry, include_z=True)[:, 2].tolist() == [7, 8]
    with pytest.raises(CodecError, match=r"features\[0\]\.geometry\.spatialReference: .*measures"):
        decode_features(layer(line, kind="Polyline", hasM=True))


@every_feed
def test_a_point_at_infinity_is_refused(read):
    text = json.dumps(layer({"x": 1, "y": 2}, {"x": 3, "y": 12345}, kind="Point")).replace("12345", "1e400")
    with pytest.raises(CodecError, match=r"features\[1\]\.geometry: a point has no finite"):
        read(text)


def test_one_shape_may_be_larger_than_many_blocks():
    path = ",".join(["[1.25,2.5]"] * 1_000_000)
    head = '{"fields":[],"geometryType":"esriGeometryPolyline","features":[{"geometry":{"paths":[['
    text = f"{head}{path}]]}}}}]}}"
    (line,) = decode_features(text).geometry
    assert len(line.coords) == 1_000_000
