import json
import re

import pytest
from faces import ROOT, CoreFace
from tasks_for_tests import TOYS

from spatial_widgets.protocol import JobInfo, ServiceInfo, TaskInfo
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Request

POINTS = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
    "features": [{"attributes": {"n": 1}, "geometry": {"x": 10.0, "y": 50.0}}],
}


def error_of(reply, code):
    assert set(reply) == {"error"}
    assert set(reply["error"]) == {"code", "message", "details"}
    assert reply["error"]["code"] == code
    assert isinstance(reply["error"]["details"], list)
    return reply["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", [ROOT, ROOT + "/", ROOT.upper(), ROOT.lower() + "//"])
def test_the_service_document_is_complete(face, method, path):
    document = face.ask(path, method, f="json")
    assert {
        "currentVersion", "serviceDescription", "tasks", "executionType", "resultMapServerName", "maximumRecords", "capabilities",
    } <= set(document)  # fmt: skip
    assert document["executionType"] == "esriExecutionTypeAsynchronous"
    assert document["capabilities"] == "Uploads"
    assert document["tasks"] == sorted(TOYS)
    assert ServiceInfo.from_json(document).tasks == tuple(TOYS)
    assert ServiceInfo.from_json(document).takes_multipart
    assert ServiceInfo.from_json(document).takes_idempotency_key


@pytest.mark.parametrize("path", ["/Greet", "/greet/", "/GREET"])
def test_a_task_document_is_complete(face, path):
    document = face.ask(ROOT + path)
    assert {
        "name",
        "displayName",
        "description",
        "category",
        "helpUrl",
        "executionType",
        "parameters",
    } == set(document)
    for parameter in document["parameters"]:
        assert {
            "name", "dataType", "displayName", "description", "direction", "defaultValue", "parameterType", "category",
        } <= set(parameter)  # fmt: skip
    by_name = {p["name"]: p for p in document["parameters"]}
    assert by_name["loud"]["defaultValue"] is False
    assert by_name["how"]["choiceList"] == ["Hello", "Bye"]
    assert "choiceList" not in by_name["name"]
    assert [p.name for p in TaskInfo.from_json(document).outputs] == ["text", "number"]


def test_the_catalog_leads_to_the_service(face):
    assert face.ask("/arcgis/rest/services")["services"] == [{"name": "tasks", "type": "GPServer"}]
    assert face.ask("/arcgis/rest/info")["authInfo"] == {"isTokenBasedSecurity": True}


def test_health_names_the_instance(face, core):
    health = face.ask("/health")
    assert health["instance"] == core.instance
    assert health["status"] == "ok"
    assert health["live"] == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_job_from_submit_to_result(face, method):
    reply = face.ask(
        f"{ROOT}/greet/SUBMITJOB",
        method,
        NAME="Ada",
        times="2",
        loud="TRUE",
        f="json",
        token="t",
        context="{}",
        how="",
    )
    assert reply["jobStatus"] == "esriJobSubmitted"
    assert re.fullmatch("j[0-9a-f]{32}", reply["jobId"])
    job = f"{ROOT}/Greet/jobs/{reply['jobId']}"
    document = face.ask(job, method)
    assert document["jobStatus"] == "esriJobSucceeded"
    assert document["results"] == {
        "text": {"paramUrl": "results/text"},
        "number": {"paramUrl": "results/number"},
    }
    assert "progress" not in document
    assert all(set(message) == {"type", "description"} for message in document["messages"])
    texts = [message["description"] for message in document["messages"]]
    assert texts[:3] == ["Submitted.", "Executing...", "greeting Ada"]
    assert re.fullmatch(r"Succeeded at .* \(Elapsed Time: \d+\.\d\d seconds\)", texts[3])
    assert face.ask(f"{job}/results/TEXT", method) == {
        "paramName": "text",
        "dataType": "GPString",
        "value": "HELLO ADA. HELLO ADA. ",
    }
    assert face.ask(f"{job}/results", method)[1] == {"paramName": "number", "dataType": "GPLong", "value": 2}
    assert face.ask(f"{job}/results/number/", f="pjson")["value"] == 2
    assert face.ask(f"{job}/inputs/Loud", method) == {
        "paramName": "loud",
        "dataType": "GPBoolean",
        "value": True,
    }
    assert [entry["value"] for entry in face.ask(f"{job}/inputs")] == ["Ada", 2, True, "Hello"]
    assert JobInfo.from_json(document).results["text"] == "results/text"


def test_messages_can_be_left_out(face):
    job = face.submit("Greet", name="Ada")
    assert face.ask(job, returnMessages="false")["messages"] == []
    assert face.ask(job, returnMessages="true")["messages"]


def test_a_layer_goes_in_and_comes_out(face):
    job = face.submit("Layer", inputLayer=json.dumps(POINTS))
    value = face.ask(f"{job}/results/result")["value"]
    assert value["exceededTransferLimit"] is False
    assert value["spatialReference"]["wkid"] == 4326
    assert value["features"][0]["geometry"] == {"x": 10.0, "y": 50.0}
    assert face.ask(f"{job}/inputs/inputLayer")["value"] == POINTS
    assert "Random seed: 7." in [m["description"] for m in face.ask(job)["messages"]]


@pytest.mark.parametrize(
    ("task", "form", "says"),
    [
        ("Greet", {}, "'name'"),
        ("Greet", {"name": "  "}, "'name'"),
        ("Greet", {"name": "a", "times": "many"}, "'times'"),
        ("Greet", {"name": "a", "loud": "perhaps"}, "'loud'"),
        ("Greet", {"name": "a", "how": "Ahoy"}, "Hello, Bye"),
        ("Layer", {"inputLayer": "lots"}, "'inputLayer'"),
    ],
)
def test_a_bad_parameter_makes_no_job_and_is_named(face, core, task, form, says):
    reply = face.ask(f"{ROOT}/{task}/submitJob", **form)
    assert says in error_of(reply, 400)
    assert reply["error"]["details"]
    assert core.store.ids() == set()


def test_deeply_nested_json_is_refused_or_fails_with_a_word(face):
    reply = face.ask(f"{ROOT}/Layer/submitJob", inputLayer='{"a":' + "[" * 200_000)
    if "error" not in reply:
        job = face.ended(f"{ROOT}/Layer/jobs/{reply['jobId']}")
        assert job["jobStatus"] == "esriJobFailed"
    assert error_of(face.ask(f"{ROOT}/Greet/submitJob", name="[" * 200_000), 400)


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        (f"{ROOT}/Nope", 404, "Greet"),
        (f"{ROOT}/Greet/execute", 400, "submitJob"),
        (f"{ROOT}/Greet/jobs/j{'0' * 32}", 400, "no job"),
        (f"{ROOT}/Greet/jobs/../../etc/passwd", 404, ""),
        (f"{ROOT}/Greet/nothing", 404, "submitJob"),
        ("/arcgis/rest/services/Other/GPServer", 404, "tasks/GPServer"),
        ("/", 404, "tasks/GPServer"),
    ],
)
def test_what_is_not_there_is_named(face, path, code, says):
    assert says in error_of(face.ask(path), code)


def test_a_job_answers_under_its_own_task_only(face):
    job = face.submit("Greet", name="Ada")
    assert "'Spin'" in error_of(face.ask(job.replace("/Greet/", "/Spin/")), 400)


def test_an_unknown_result_lists_the_known_ones(face):
    job = face.submit("Greet", name="Ada")
    assert "text, number" in error_of(face.ask(f"{job}/results/nope"), 404)
    assert "name, times" in error_of(face.ask(f"{job}/inputs/nope"), 404)
    assert "cancel" in error_of(face.ask(f"{job}/nope"), 404)


def test_other_formats_and_methods_are_refused(face):
    assert "f=json" in error_of(face.ask(ROOT, f="kmz"), 400)
    assert "GET or POST" in error_of(face.ask(ROOT, "DELETE"), 405)


@pytest.mark.parametrize(
    ("task", "form", "says"),
    [
        ("Refuse", {"text": "so"}, "not like that: so"),
        ("Bug", {}, "KeyError"),
        ("Nan", {}, "JSON"),
    ],
)
def test_a_failed_job_says_why_and_has_no_results(face, task, form, says):
    job = face.submit(task, **form)
    document = face.ask(job)
    assert document["jobStatus"] == "esriJobFailed"
    assert "results" not in document
    errors = JobInfo.from_json(document).errors
    assert len(errors) == 1
    assert says in errors[0]
    assert "Traceback" not in json.dumps(document)
    assert "esriJobFailed" in error_of(face.ask(f"{job}/results"), 400)


def test_a_defect_has_a_number_that_the_log_has_too(face, caplog):
    job = face.submit("Bug")
    number = re.search(r"error ([0-9a-f]{8})", face.ask(job)["messages"][-2]["description"])[1]
    assert number in caplog.text
    assert "Traceback" in caplog.text


def test_a_flood_of_messages_is_cut_and_counted(face):
    job = face.submit("Chatter", lines=1500)
    texts = [m["description"] for m in face.ask(job)["messages"]]
    assert len(texts) < 1010
    assert any(text.startswith("500 messages dropped") for text in texts)


def test_cancelling_what_has_ended_is_refused_and_twice_is_harmless(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step") as core:
        face = CoreFace(core)
        done, waiting = face.submit("Greet", name="a"), face.submit("Greet", name="b")
        for _ in range(2):
            reply = face.ask(f"{waiting}/cancel")
            assert reply == {"jobId": waiting.rsplit("/")[-1], "jobStatus": "esriJobCancelled"}
        core.supervisor.run_pending()
        assert face.status(waiting) == "esriJobCancelled"
        reply = face.ask(f"{done}/cancel")
        assert error_of(reply, 400) == "Invalid or missing input parameters."
        assert "esriJobSucceeded" in reply["error"]["details"][0]
        assert face.status(done) == "esriJobSucceeded"


def test_a_strict_service_refuses_to_cancel_what_is_submitted(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step", strict_arcgis=True) as core:
        face = CoreFace(core)
        job = face.submit("Greet", name="a")
        assert error_of(face.ask(f"{job}/cancel"), 400) == "Invalid or missing input parameters."
        core.supervisor.run_pending()
        assert face.status(job) == "esriJobSucceeded"


def test_results_wait_for_success(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step") as core:
        face = CoreFace(core)
        job = face.submit("Greet", name="a")
        assert "esriJobSubmitted" in error_of(face.ask(f"{job}/results/text"), 400)
        assert "results" not in face.ask(job)


def test_the_same_key_gives_the_same_job(core):
    def submit(key, task="Greet"):
        form = {"name": "a", "text": "b"}
        return core.handle(
            Request("POST", f"{ROOT}/{task}/submitJob", form, {"x-idempotency-key": key})
        ).json()["jobId"]

    assert submit("k") == submit("k")
    assert submit("k") != submit("l")
    assert submit("k") != submit("k", "Refuse")


def test_a_full_queue_refuses_without_losing_anything(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step", limits=Limits(queue=2)) as core:
        face = CoreFace(core)
        jobs = [face.submit("Greet", name="a") for _ in range(2)]
        assert "2 jobs waiting" in error_of(face.ask(f"{ROOT}/Greet/submitJob", name="a"), 503)
        core.supervisor.run_pending()
        assert {face.status(job) for job in jobs} == {"esriJobSucceeded"}


def test_a_damaged_result_is_an_error_not_a_value(face, core):
    job = face.submit("Greet", name="Ada")
    folder = core.store.files.folder(job.rsplit("/")[-1])
    (folder / "text.1.json").write_text('"other"')
    assert "damaged" in error_of(face.ask(f"{job}/results/text"), 500)


def test_what_breaks_inside_is_told_without_its_traceback(face, core, monkeypatch, caplog):
    monkeypatch.setattr(core.store, "view", lambda _: 1 / 0)
    message = error_of(face.ask(f"{ROOT}/Greet/jobs/j{'0' * 32}"), 500)
    assert "ZeroDivision" not in message
    assert "ZeroDivision" in caplog.text


def test_the_task_itself_says_its_time_limit(tmp_path):
    with build_core(tmp_path / "store", TOYS) as core:
        face = CoreFace(core)
        job = face.submit("Limited", limit="0.05")
        document = face.ask(job)
        assert document["jobStatus"] == "esriJobTimedOut"
        assert "0.05 s" in JobInfo.from_json(document).errors[0]


def test_progress_shows_only_while_executing(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step") as core:
        face = CoreFace(core)
        job = face.submit("Greet", name="a")
        job_id = job.rsplit("/")[-1]
        from spatial_widgets.protocol import JobStatus

        assert "progress" not in face.ask(job)
        core.store.move(job_id, JobStatus.EXECUTING, attempt=0, why="test")
        assert face.ask(job)["progress"] == {"type": "default", "message": "Executing Greet..."}
        core.store.append(job_id, attempt=1, progress=(0, "first"))
        assert face.ask(job)["progress"] == {"type": "step", "message": "first", "percent": 0}
        core.store.move(job_id, JobStatus.FAILED, attempt=1, why="test")
        assert "progress" not in face.ask(job)
