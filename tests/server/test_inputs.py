"""Layers that come with a filter, and inputs that a request only names."""

import json
import os

import geopandas as gpd
import pytest
from faces import ROOT, CoreFace
from shapely.geometry import Point
from tasks_for_tests import TOYS

from spatial_widgets.codec import encode_feature_collection, encode_features, encode_records
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.form import FilePart
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Request

CITIES = gpd.GeoDataFrame(
    {"name": ["Berlin", "Paris", "Lima"], "pop": [4, 11, 10]},
    geometry=[Point(13.4, 52.5), Point(2.35, 48.86), Point(-77.0, -12.0)],
    crs=4326,
)
SET = encode_features(CITIES)


def names(face, job, output="result"):
    document = face.ended(job)
    assert document["jobStatus"] == "esriJobSucceeded", document["messages"]
    return [f["attributes"]["name"] for f in face.ask(f"{job}/results/{output}")["value"]["features"]]


def failure(face, job):
    document = face.ended(job)
    assert document["jobStatus"] == "esriJobFailed"
    return next(m["description"] for m in document["messages"] if m["type"].endswith("Error"))


def upload(core, name, content, **form):
    request = Request("POST", f"{ROOT}/uploads/upload", form, {}, {"file": FilePart(name, content)})
    return core.handle(request).json()["item"]["itemID"]


@pytest.mark.parametrize(
    "layer",
    [
        SET,
        {k: v for k, v in SET.items() if k != "fields"},
        encode_feature_collection(CITIES),
        {"layers": [encode_feature_collection(CITIES)]},
        json.loads(CITIES.to_json()),
    ],
    ids=["set", "no fields", "collection", "layers", "geojson"],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_layer_of_any_shape_comes_with_a_filter(face, layer, first):
    clause = {"filter": "POP > 4"}
    job = face.submit("Layer", inputLayer=json.dumps(clause | layer if first else layer | clause))
    assert names(face, job) == ["Paris", "Lima"]


def test_a_table_comes_with_a_filter(face):
    table = encode_records(CITIES) | {"filter": "name LIKE '%a%'"}
    assert names(face, face.submit("Rows", inputTable=json.dumps(table))) == ["Paris", "Lima"]


def test_a_bad_filter_fails_the_job_with_its_text(face):
    job = face.submit("Layer", inputLayer=json.dumps(SET | {"filter": "nope = 1"}))
    assert "there is no field 'nope'; the fields are name, pop" in failure(face, job)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:5", ""])
@pytest.mark.parametrize("spell", [str, str.lower])
def test_the_result_of_an_earlier_job_is_an_input(face, base, spell):
    first = face.submit("Layer", inputLayer=json.dumps(SET))
    url = f"{base}{spell(first)}/results/result?token=secret&f=json"
    job = face.submit(
        "Layer", inputLayer=json.dumps({"url": url, "filter": "pop = 10", "serviceToken": "secret"})
    )
    assert names(face, job) == ["Lima"]
    shown = face.ask(f"{job}/inputs/inputLayer")["value"]
    assert "secret" not in json.dumps(shown)
    assert shown["filter"] == "pop = 10"


def test_a_job_keeps_its_input_when_the_earlier_one_is_deleted(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step") as core:
        face = CoreFace(core)
        first = face.submit("Layer", inputLayer=json.dumps(SET))
        core.supervisor.run_pending()
        job = face.submit("Layer", inputLayer=json.dumps({"url": f"{first}/results/result"}))
        core.store.sweep(keep_s=0.0, keep_jobs=0)
        assert face.ask(first)["error"]["code"] == 400
        core.supervisor.run_pending()
        assert names(face, job) == ["Berlin", "Paris", "Lima"]


@pytest.mark.parametrize(
    ("pointer", "says"),
    [
        ({"url": f"http://127.0.0.1{ROOT}/Layer/jobs/j{'0' * 32}/results/result"}, "no job"),
        ({"url": "http://127.0.0.1/other"}, "reads no layers by URL"),
        ({"url": "https://example.com/FeatureServer/0"}, "reads no layers by URL"),
        ({"url": "file:///etc/passwd"}, "reads no layers by URL"),
        ({"url": "/etc/passwd"}, "reads no layers by URL"),
        ({"url": "/vsicurl/http://169.254.169.254/"}, "reads no layers by URL"),
        ({"url": "http://[bad"}, "cannot be read"),
        ({"itemID": "i-nope"}, "no uploaded item"),
        ({"itemID": "../../jobs"}, "no uploaded item"),
    ],
)
def test_what_is_not_there_or_not_read_makes_no_job(face, core, pointer, says):
    reply = face.ask(f"{ROOT}/Layer/submitJob", inputLayer=json.dumps(pointer))
    assert reply["error"]["code"] == 400
    assert says in reply["error"]["message"]
    assert core.store.ids() == set()


def test_a_job_that_did_not_succeed_is_no_input(face):
    first = face.submit("Refuse")
    reply = face.ask(f"{ROOT}/Layer/submitJob", inputLayer=json.dumps({"url": f"{first}/results/result"}))
    assert "did not succeed" in reply["error"]["message"] or "esriJobFailed" in reply["error"]["message"]


@pytest.mark.parametrize(
    "pointer", [{}, {"filter": "1=1"}, {"url": 5}, {"itemID": 5}, {"features": 5}, {"featureSet": {}}]
)
def test_an_object_that_holds_and_names_nothing_fails_with_a_word(face, pointer):
    reply = face.ask(f"{ROOT}/Layer/submitJob", inputLayer=json.dumps(pointer))
    text = (
        reply["error"]["message"]
        if "error" in reply
        else failure(face, f"{ROOT}/Layer/jobs/{reply['jobId']}")
    )
    assert "inputLayer" in text


@pytest.mark.parametrize(
    ("pointer", "says"),
    [
        ({"itemID": ""}, "its itemID is empty"),
        ({"itemID": " "}, "its itemID is empty"),
        ({"itemId": None}, "its itemId is empty"),
        ({"itemid": 7}, "its itemid is empty, or no text"),
        ({"url": ""}, "its url is empty"),
        ({"url": None, "itemID": ""}, "its url is empty"),
        ({"portalItemID": "abc"}, "this service belongs to no portal"),
        ({}, "it names nothing"),
        ({"filter": "1=1"}, "it names nothing"),
    ],
)
@pytest.mark.parametrize(
    ("task", "name"), [("ReadFile", "inputFile"), ("Layer", "inputLayer"), ("Rows", "inputTable")]
)
def test_an_empty_reference_makes_no_job(face, core, task, name, pointer, says):
    reply = face.ask(f"{ROOT}/{task}/submitJob", **{name: json.dumps(pointer)})
    assert reply["error"]["code"] == 400
    assert f"{task}: parameter {name!r}: {says}" in reply["error"]["message"]
    assert "Upload the file, and pass its itemID" in reply["error"]["message"]
    checked = face.ask(f"{ROOT}/{task}/validate", **{name: json.dumps(pointer)})
    assert says in checked["validationResults"][0]["message"]["description"]
    assert core.store.ids() == set()


@pytest.mark.parametrize("items", [[{"itemID": ""}], ["{}"], [""], ["i1"], [None], [SET, {"url": ""}]])
def test_an_empty_reference_in_a_list_makes_no_job(face, core, items):
    reply = face.ask(f"{ROOT}/Count/submitJob", inputLayers=json.dumps(items))
    assert reply["error"]["code"] == 400
    assert "inputLayers" in reply["error"]["message"]
    assert core.store.ids() == set()


def test_an_item_is_found_however_its_key_is_spelled(face, core):
    item = upload(core, "a.txt", b"hello")
    for key in ("itemID", "itemId", "ITEMID"):
        job = face.submit("ReadFile", inputFile=json.dumps({key: item}))
        face.ended(job)
        assert face.ask(f"{job}/results/result")["value"] == ".txt: hello"


@pytest.mark.parametrize("name", ["cities.json", "cities.TXT", "../../cities.geojson"])
def test_an_uploaded_file_is_a_layer(face, core, name):
    content = b"\xef\xbb\xbf" + json.dumps(SET).encode()
    pointer = {"itemID": upload(core, name, content), "filter": "pop < 11"}
    assert names(face, face.submit("Layer", inputLayer=json.dumps(pointer))) == ["Berlin", "Lima"]


def test_an_uploaded_table_is_a_table_but_no_layer(face, core):
    item = json.dumps({"itemID": upload(core, "a.csv", b"name,pop\nRome,3\nOslo,1\n")})
    assert names(face, face.submit("Rows", inputTable=item)) == ["Rome", "Oslo"]
    assert "no geometry" in failure(face, face.submit("Layer", inputLayer=item))


def test_a_layer_or_a_table_may_come_in_any_way_and_goes_out_as_it_came(face, core):
    table = encode_records(CITIES)
    job = face.submit("Either", inputRows=json.dumps(table | {"filter": "pop > 4"}))
    assert names(face, job) == ["Paris", "Lima"]
    assert "geometryType" not in face.ask(f"{job}/results/result")["value"]
    again = face.submit(
        "Either", inputRows=json.dumps({"url": f"{job}/results/result", "filter": "pop = 10"})
    )
    assert names(face, again) == ["Lima"]
    upload_of_rows = {"itemID": upload(core, "a.csv", b"name,pop\nRome,3\nOslo,1\n"), "filter": "pop = 1"}
    assert names(face, face.submit("Either", inputRows=json.dumps(upload_of_rows))) == ["Oslo"]
    layer = encode_feature_collection(CITIES) | {"filter": "pop = 4"}
    value = face.ask(f"{face.submit('Either', inputRows=json.dumps(layer))}/results/result")["value"]
    assert value["geometryType"] == "esriGeometryPoint"
    assert [f["attributes"]["name"] for f in value["features"]] == ["Berlin"]
    described = {p["name"]: p["dataType"] for p in face.ask(f"{ROOT}/Either")["parameters"]}
    assert described == {"inputRows": "GPString", "result": "GPString"}


def test_an_uploaded_file_is_given_to_a_task_that_takes_files(face, core):
    item = json.dumps({"itemID": upload(core, "a.txt", b"hello")})
    job = face.submit("ReadFile", inputFile=item)
    assert face.ask(f"{job}/results/result")["value"] == ".txt: hello"
    for other in ('{"url": "https://example.com/a.txt"}', '{"url": "/etc/passwd"}', '{"itemID": "x"}'):
        assert "error" in face.ask(f"{ROOT}/ReadFile/submitJob", inputFile=other)
    assert "error" in face.ask(f"{ROOT}/ReadFile/submitJob", inputFile="/etc/passwd")


def test_a_list_of_layers_may_mix_what_is_sent_and_what_is_named(face, core):
    first = face.submit("Layer", inputLayer=json.dumps(SET))
    item = upload(core, "a.json", json.dumps(SET).encode())
    layers = [SET, {"url": f"{first}/results/result", "filter": "pop > 4"}, {"itemID": item, "filter": "1=0"}]
    job = face.submit("Count", inputLayers=json.dumps(layers))
    assert face.ask(f"{job}/results/result")["value"] == [3, 2, 0]


def test_an_upload_cannot_name_another_file(face, core):
    item = upload(core, "a.json", b'{"url": "file:///etc/passwd"}')
    assert "no features" in failure(face, face.submit("Layer", inputLayer=json.dumps({"itemID": item})))


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"features": 2}, "over 2 features"),
        ({"vertices": 2}, "3 vertices, and at most 2"),
    ],
)
@pytest.mark.parametrize(
    "layer", [SET, {k: v for k, v in SET.items() if k != "fields"}, json.loads(CITIES.to_json())]
)
def test_a_layer_over_a_limit_fails_with_the_limit(tmp_path, limits, says, layer):
    with build_core(tmp_path / "store", TOYS, limits=Limits(**limits)) as core:
        face = CoreFace(core)
        assert says in failure(face, face.submit("Layer", inputLayer=json.dumps(layer)))


def test_files_of_jobs_and_uploads_are_the_owners_own(face, core):
    upload(core, "a.json", json.dumps(SET).encode())
    face.submit("Layer", inputLayer=json.dumps(SET), context='{"outSR": 3857}')
    for path in core.store.folder.rglob("*"):
        mode = os.lstat(path).st_mode & 0o777
        assert mode & 0o077 == 0, (path, oct(mode))
