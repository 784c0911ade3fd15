"""Documents that are odd, large or lopsided: nothing is lost, and nothing but an error of ours comes out."""

import json
import types

import pandas as pd
import pyarrow as pa
import pytest

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


def test_one_shape_may_be_larger_than_many_blocks():
    path = ",".join(["[1.25,2.5]"] * 1_000_000)
    head = '{"fields":[],"geometryType":"esriGeometryPolyline","features":[{"geometry":{"paths":[['
    text = f"{head}{path}]]}}}}]}}"
    (line,) = decode_features(text).geometry
    assert len(line.coords) == 1_000_000
