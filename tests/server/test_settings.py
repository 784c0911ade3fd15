"""What a request says beside a task's parameters: coordinate systems, an extent, how results are shown."""

import json

import geopandas as gpd
import pytest
from faces import ROOT
from shapely.geometry import LineString, Point

from spatial_widgets.codec import decode_features, encode_features

CITIES = gpd.GeoDataFrame(
    {"name": ["Berlin", "Paris", "Lima"]},
    geometry=[Point(13.4, 52.5), Point(2.35, 48.86), Point(-77.0, -12.0)],
    crs=4326,
)
TALL = gpd.GeoDataFrame({"n": [1]}, geometry=[LineString([(0, 0, 5), (1, 1, 6)])], crs=4326)
EUROPE = {"xmin": -10, "ymin": 35, "xmax": 30, "ymax": 60, "spatialReference": {"wkid": 4326}}
EUROPE_MERCATOR = {
    "xmin": -1113194.9,
    "ymin": 4163881.1,
    "xmax": 3339584.7,
    "ymax": 8399737.9,
    "spatialReference": {"wkid": 102100, "latestWkid": 3857},
}


def text(layer):
    return json.dumps(encode_features(layer))


def result(face, form, view=None, task="Layer"):
    job = face.submit(task, inputLayer=text(CITIES), **form)
    assert face.ended(job)["jobStatus"] == "esriJobSucceeded", face.ask(job)
    return face.ask(f"{job}/results/result", **(view or {}))["value"]


@pytest.mark.parametrize(
    "form",
    [
        {"context": json.dumps({"outSR": {"wkid": 3857}})},
        {"CONTEXT": json.dumps({"OUTSR": 3857})},
        {"context": json.dumps({"processSR": 3857})},
        {"context": json.dumps({"processSR": 25832, "outSR": {"wkid": 102100}})},
        {"env:outSR": "3857"},
        {"env:outsr": '{"wkid": 102100}'},
        {"env:processSR": "3857"},
        {"context": '{"outSR": 3857}', "env:outSR": "4326"},
    ],
)
def test_results_come_in_the_system_that_is_asked_for(face, form):
    value = result(face, form)
    assert value["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    assert value["features"][0]["geometry"]["x"] == pytest.approx(1491681.0, abs=1)


def test_the_task_works_in_process_sr_and_out_sr_comes_after(face):
    reply = face.ask(
        f"{ROOT}/Move/execute",
        inputLayer=text(CITIES.iloc[:1]),
        context=json.dumps({"processSR": 25832, "outSR": 4326}),
    )
    assert "1 rows in 25832" in [m["description"] for m in reply["messages"]]
    value = reply["results"][0]["value"]
    assert value["spatialReference"]["wkid"] == 4326
    assert value["features"][0]["geometry"]["x"] == pytest.approx(13.4)


@pytest.mark.parametrize(
    "extent", [EUROPE, EUROPE_MERCATOR, {k: v for k, v in EUROPE.items() if k != "spatialReference"}]
)
def test_an_extent_selects_whole_features(face, extent):
    value = result(face, {"context": json.dumps({"extent": extent})})
    assert [f["attributes"]["name"] for f in value["features"]] == ["Berlin", "Paris"]


def test_an_extent_does_not_cut(face):
    line = gpd.GeoDataFrame({"n": [1]}, geometry=[LineString([(0, 50), (90, 50)])], crs=4326)
    job = face.submit("Layer", inputLayer=text(line), context=json.dumps({"extent": EUROPE}))
    value = face.ask(f"{job}/results/result")["value"]
    assert value["features"][0]["geometry"]["paths"] == [[[0.0, 50.0], [90.0, 50.0]]]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"context": "nonsense"}, "context"),
        ({"context": "[1]"}, "context"),
        ({"context": '{"outSR": 99999999}'}, "outSR"),
        ({"context": '{"outSR": "here"}'}, "outSR"),
        ({"context": '{"processSR": {"wkid": "x"}}'}, "processSR"),
        ({"env:outSR": "{}x"}, "outSR"),
        ({"env:outSR": "9" * 400}, "outSR"),
        ({"context": '{"extent": 5}'}, "extent"),
        ({"context": '{"extent": {"xmin": 1}}'}, "corners"),
        ({"context": '{"extent": {"xmin": 1, "xmax": 0, "ymin": 0, "ymax": 1}}'}, "xmin"),
        ({"context": '{"extent": {"xmin": NaN, "xmax": 0, "ymin": 0, "ymax": 1}}'}, "xmin"),
        ({"context": '{"extent": {"xmin": 0, "xmax": 1, "ymin": 0, "ymax": 1, "spatialReference": {"wkid": 5}}}'}, "spatialReference"),
    ],
)  # fmt: skip
def test_settings_that_are_not_understood_make_no_job(face, core, form, says):
    reply = face.ask(f"{ROOT}/Layer/submitJob", inputLayer=text(CITIES), **form)
    assert reply["error"]["code"] == 400
    assert says in reply["error"]["message"]
    assert core.store.ids() == set()


def test_what_has_no_coordinates_in_the_other_system_fails_with_a_word(face):
    pole = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(0, 100)], crs=4326)
    job = face.submit("Layer", inputLayer=text(pole), context='{"outSR": 3857}')
    document = face.ask(job)
    assert document["jobStatus"] == "esriJobFailed"
    assert any("has no coordinates" in m["description"] for m in document["messages"])


def test_a_result_can_be_asked_for_in_another_system(face):
    value = result(face, {}, {"outSR": "3857"})
    assert value["spatialReference"]["latestWkid"] == 3857
    assert value["features"][0]["geometry"]["x"] == pytest.approx(1491681.0, abs=1)
    assert value["features"][0]["attributes"] == {"name": "Berlin"}
    value = result(face, {}, {"outSR": '{"wkid":4326}'})
    assert value["features"][0]["geometry"] == {"x": 13.4, "y": 52.5}


def test_z_is_kept_unless_it_is_asked_not_to_come(face):
    job = face.submit("Layer", inputLayer=text(TALL))
    assert decode_features(face.ask(f"{job}/results/result")["value"]).geometry.iloc[0].has_z
    assert face.ask(f"{job}/results/result", returnZ="TRUE")["value"]["hasZ"] is True
    flat = face.ask(f"{job}/results/result", returnZ="false")["value"]
    assert flat["hasZ"] is False
    assert flat["features"][0]["geometry"]["paths"] == [[[0.0, 0.0], [1.0, 1.0]]]
    assert not decode_features(flat).geometry.iloc[0].has_z
    assert "returnZ" in face.ask(f"{job}/results/result", returnZ="maybe")["error"]["message"]


@pytest.mark.parametrize("place", ["results/result", "results"])
def test_a_result_can_come_as_a_feature_collection(face, place):
    job = face.submit("Layer", inputLayer=text(CITIES))
    reply = face.ask(f"{job}/{place}", returnFeatureCollection="true", returnType="data")
    value = (reply[0] if place == "results" else reply)["value"]
    assert set(value) == {"layerDefinition", "featureSet"}
    assert value["layerDefinition"]["geometryType"] == "esriGeometryPoint"
    assert value["layerDefinition"]["fields"][0]["name"] == "name"
    assert value["featureSet"]["exceededTransferLimit"] is False
    assert list(decode_features(value)["name"]) == ["Berlin", "Paris", "Lima"]


def test_other_results_are_shown_as_they_are(face):
    job = face.submit("Greet", name="Ada")
    plain = face.ask(f"{job}/results")
    assert face.ask(f"{job}/results", outSR="3857", returnZ="false", returnFeatureCollection="true") == plain


def test_execute_takes_the_flags_itself(face):
    reply = face.ask(
        f"{ROOT}/Move/execute", inputLayer=text(TALL), returnZ="false", returnFeatureCollection="true"
    )
    value = reply["results"][0]["value"]
    assert value["layerDefinition"]["hasZ"] is False
    assert value["featureSet"]["features"][0]["geometry"]["paths"] == [[[0.0, 0.0], [1.0, 1.0]]]
