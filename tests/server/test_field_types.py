"""Field types on their way through a task that only passes a column on."""

import json

import pytest
from faces import CoreFace
from tasks_for_tests import TOYS
from tasks_of_layers import LAYERS

from spatial_widgets.server.assembly import build_core

VALUES = {
    "DateOnly": ["2020-02-29", "1899-12-30", None],
    "TimeOnly": ["15:54:36", "00:00:00", None],
    "TimestampOffset": ["2020-08-02T17:00:00.000+00:00", None, "1969-12-31T23:59:59.999+00:00"],
    "BigInteger": [1, None, 2],
    "SmallInteger": [7, -7, None],
    "Integer": [1, 2, 3],
    "Single": [0.1, 2.5, None],
    "Double": [0.1, 2.5, None],
    "GUID": ["{7A6B1E0C-0000-4000-8000-000000000001}", None, "{7A6B1E0C-0000-4000-8000-000000000002}"],
    "Date": [1583020800000, None, 0],
}
FIELDS = [{"name": kind.lower(), "type": f"esriFieldType{kind}"} for kind in VALUES]
LAYER = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": FIELDS,
    "features": [
        {
            "geometry": {"x": row, "y": 1},
            "attributes": {kind.lower(): values[row] for kind, values in VALUES.items()},
        }
        for row in range(3)
    ],
}


def told(value):
    return {field["name"]: field["type"].removeprefix("esriFieldType") for field in value["fields"]}


def result(face, job, name="result"):
    document = face.ended(job)
    assert document["jobStatus"] == "esriJobSucceeded", document
    return face.ask(f"{job}/results/{name}")["value"]


def test_a_column_that_is_only_passed_on_keeps_its_type_and_its_values(face):
    value = result(face, face.submit("Layer", inputLayer=json.dumps(LAYER)))
    assert told(value) == {kind.lower(): kind for kind in VALUES}
    assert [f["attributes"] for f in value["features"]] == [f["attributes"] for f in LAYER["features"]]


def test_a_filter_and_another_system_leave_the_types_as_they_are(face):
    job = face.submit(
        "Layer",
        inputLayer=json.dumps(LAYER | {"filter": "integer > 1"}),
        context=json.dumps({"outSR": {"wkid": 3857}}),
    )
    value = result(face, job)
    assert told(value) == {kind.lower(): kind for kind in VALUES}
    assert [f["attributes"]["integer"] for f in value["features"]] == [2, 3]


def test_tables_keep_them_too(face):
    table = {"fields": FIELDS, "features": [{"attributes": f["attributes"]} for f in LAYER["features"]]}
    assert told(result(face, face.submit("Rows", inputTable=json.dumps(table)))) == {
        kind.lower(): kind for kind in VALUES
    }


def test_a_column_with_new_values_has_the_type_that_these_have(face):
    value = result(face, face.submit("Change", inputLayer=json.dumps(LAYER)))
    assert {name: told(value)[name] for name in ("dateonly", "smallinteger", "single", "biginteger")} == {
        "dateonly": "Date",
        "smallinteger": "Integer",
        "single": "Double",
        "biginteger": "BigInteger",
    }


@pytest.mark.parametrize("kinds", [("DateOnly", "Date"), ("Single", "Double")])
def test_two_layers_that_differ_leave_a_column_to_its_values(face, kinds):
    def layer(kind):
        rows = [{"geometry": {"x": 1, "y": 1}, "attributes": {"a": VALUES[kind][0]}}]
        return LAYER | {"fields": [{"name": "a", "type": f"esriFieldType{kind}"}], "features": rows}

    job = face.submit("First", inputLayers=json.dumps([layer(kind) for kind in kinds]))
    assert told(result(face, job)) == {"a": kinds[1]}


def test_a_hosted_layer_keeps_them_and_hands_them_to_the_next_job(tmp_path):
    with build_core(tmp_path, {**TOYS, **LAYERS}) as core:
        face = CoreFace(core)
        job = face.submit("Layer", inputLayer=json.dumps(LAYER), outputName="kept")
        value = result(face, job)
        layer = face.ask("/arcgis/rest/services/Hosted/kept/FeatureServer/0")
        assert {kind.lower(): kind for kind in VALUES}.items() <= told(layer).items()
        following = face.submit("Layer", inputLayer=json.dumps({"url": value["url"]}))
        again = result(face, following)
        assert told(again) == {kind.lower(): kind for kind in VALUES}
        assert [f["attributes"]["dateonly"] for f in again["features"]] == VALUES["DateOnly"]
        assert [f["attributes"]["single"] for f in again["features"]] == VALUES["Single"]
