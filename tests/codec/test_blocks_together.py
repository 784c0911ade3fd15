"""Layers of several blocks: shapes that are built together stay in their order, whatever stands between them."""

import json

import numpy as np
import pandas as pd
import pytest
import shapely
from feeders import chunks

from spatial_widgets.codec import decode_features
from spatial_widgets.errors import CodecError

ROWS = 2_600  # several blocks of text, and vertices enough to be built in more than one go
VERTICES = 100
TURNS = np.linspace(0, -2 * np.pi, VERTICES)
ODD = [
    None,
    {"rings": []},
    {"rings": [[[0, 0], [0, 1], [1, 1], [1, 0]]]},  # open
    {"rings": [[[0, 0], [1, 1], [0, 0]]]},  # tiny
    {"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]]], "spatialReference": {"wkid": 3857}},
]


def layer():
    features = []
    for i in range(ROWS):
        ring = np.column_stack([i + np.cos(TURNS), np.sin(TURNS)]).round(9).tolist()
        shape = {"rings": [[*ring[:-1], ring[0]]]}
        features.append({"attributes": {"a": i if i % 7 else None}, "geometry": shape})
    return {
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": 3857},
        "fields": [{"name": "a", "type": "esriFieldTypeInteger"}],
        "features": features,
    }


@pytest.mark.parametrize("odd", [[], ODD], ids=["all regular", "some odd"])
def test_many_blocks_read_as_the_parsed_document_does(odd):
    document = layer()
    for place, shape in zip((1, 900, 901, 1_700, ROWS - 1), odd, strict=False):
        document["features"][place]["geometry"] = shape
    whole, text = decode_features(document), json.dumps(document).encode()
    for written in (text, chunks(text, 100_000)):
        frame = decode_features(written)
        pd.testing.assert_series_equal(frame["a"], whole["a"])
        assert (
            shapely.to_wkb(frame.geometry.values).tolist() == shapely.to_wkb(whole.geometry.values).tolist()
        )


@pytest.mark.parametrize("row", [0, 1_300, ROWS - 1])
def test_a_wrong_value_is_named_by_its_row_though_its_block_was_kept_back(row):
    document = layer()
    document["features"][row]["attributes"]["a"] = "no number"
    with pytest.raises(CodecError) as caught:
        decode_features(json.dumps(document).encode())
    assert caught.value.path == f"features[{row}].attributes.a"


def test_a_cut_in_a_wrong_place_loses_nothing_that_was_kept_back():
    document = layer()
    for i in range(0, ROWS, 3):  # what looks like the border of two features is everywhere
        document["features"][i]["attributes"]["b"] = "},{" * 20
    document["fields"].append({"name": "b", "type": "esriFieldTypeString"})
    frame, whole = decode_features(json.dumps(document).encode()), decode_features(document)
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(whole))


@pytest.mark.parametrize("last", [2**63 - 1, -(2**63), 2**53 + 1])
@pytest.mark.parametrize("kind", [None, "esriGeometryPoint"])
def test_large_integers_beside_nulls_are_exact(kind, last):
    features = [{"attributes": {"a": a}} for a in (None, 1, last)]
    document = {"fields": [{"name": "a", "type": "esriFieldTypeBigInteger"}], "features": features}
    if kind:
        document["geometryType"] = kind
    frame = decode_features(json.dumps(document).encode())
    assert frame["a"].isna().tolist() == [True, False, False]
    assert frame["a"].tolist()[1:] == [1, last]
    features[2]["attributes"]["a"] = 2**63
    with pytest.raises(CodecError, match=r"features\[2\]"):
        decode_features(json.dumps(document).encode())


def test_an_empty_object_is_no_point_in_whatever_way_it_is_read():
    features = [{"attributes": {}, "geometry": g} for g in ({"x": 1, "y": 2}, {}, {"x": None})]
    document = {"geometryType": "esriGeometryPoint", "fields": [], "features": features}
    for written in (document, json.dumps(document).encode()):
        there, absent, empty = decode_features(written).geometry
        assert there.equals(shapely.Point(1, 2))
        assert absent is None
        assert empty.is_empty
