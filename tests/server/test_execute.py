"""Synchronous tasks, dry checks, the list of jobs, and the limits on waiting."""

import json
import threading

import pytest
from faces import ROOT, CoreFace, wait_until
from hypothesis import given
from hypothesis import strategies as st
from tasks_for_tests import TOYS

from spatial_widgets.protocol import TaskInfo
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.jsondepth import refuse_deep_json
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.registry import Registry, task


def test_a_synchronous_task_answers_with_its_results_and_messages(face):
    reply = face.ask(f"{ROOT}/Sum/execute", a="1.5", b="2")
    assert set(reply) == {"results", "messages"}
    assert reply["results"] == [{"paramName": "result", "dataType": "GPDouble", "value": 3.5}]
    assert "adding 2" in [m["description"] for m in reply["messages"]]
    assert face.ask(f"{ROOT}/sum/EXECUTE/", "GET", A="1")["results"][0]["value"] == 1.0


def test_each_kind_of_task_refuses_the_other_kind_of_call(face, core):
    assert "use execute" in face.ask(f"{ROOT}/Sum/submitJob", a="1")["error"]["message"]
    assert "use submitJob" in face.ask(f"{ROOT}/Greet/execute", name="a")["error"]["message"]
    assert core.store.ids() == set()
    assert TaskInfo.from_json(face.ask(f"{ROOT}/Sum")).is_synchronous
    assert not TaskInfo.from_json(face.ask(f"{ROOT}/Greet")).is_synchronous


def test_a_failing_execute_is_an_error_and_no_job(face):
    reply = face.ask(f"{ROOT}/Sum/execute", a="1", b="-1")
    assert reply["error"]["code"] == 400
    assert reply["error"]["message"] == "b: nothing is taken away here"
    assert reply["error"]["details"] == ["b: nothing is taken away here"]
    assert "'a'" in face.ask(f"{ROOT}/Sum/execute")["error"]["message"]


def test_execute_ends_at_the_time_limit(face):
    reply = face.ask(f"{ROOT}/SleepNow/execute", seconds="30", limit="0.05")
    assert "0.05 s" in reply["error"]["message"]


def test_only_so_many_calls_are_waited_for_and_stopping_ends_them(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step", limits=Limits(executes=1)) as core:
        face = CoreFace(core)
        replies = []
        call = threading.Thread(target=lambda: replies.append(face.ask(f"{ROOT}/Sum/execute", a="1")))
        call.start()
        wait_until(core.store.queued)
        assert face.ask(f"{ROOT}/Sum/execute", a="1")["error"]["code"] == 503
        core.supervisor.run_pending()
        call.join(20)
        assert replies[0]["results"][0]["value"] == 1.0
        call = threading.Thread(target=lambda: replies.append(face.ask(f"{ROOT}/Sum/execute", a="1")))
        call.start()
        wait_until(core.store.queued)
        core.supervisor.stop()
        call.join(20)
        assert replies[1]["error"]["code"] == 503
        assert core.store.queued() == []


def test_validate_says_what_is_wrong_and_makes_no_job(face, core):
    reply = face.ask(f"{ROOT}/Greet/validate", times="many", how="ahoy", context="x")
    assert set(reply) == {"validationResults", "additionalMessages"}
    found = {entry["name"]: entry for entry in reply["validationResults"]}
    assert found["name"]["message"]["code"] == 735
    assert "'times'" in found["times"]["message"]["description"]
    assert "Hello, Bye" in found["how"]["message"]["description"]
    assert "message" not in found["loud"]
    assert (found["loud"]["isAltered"], found["times"]["isAltered"]) == (False, True)
    assert all(entry["hasBeenValidated"] for entry in found.values())
    assert "context" in reply["additionalMessages"][0]["description"]
    assert face.ask(f"{ROOT}/Greet/validate", name="a")["additionalMessages"] == []
    named = face.ask(f"{ROOT}/Layer/validate", inputLayer='{"itemID": "nope"}')["validationResults"][0]
    assert "no uploaded item" in named["message"]["description"]
    assert core.store.ids() == set()


def test_jobs_are_listed_by_task_newest_first(face):
    made = [face.submit("Greet", name=str(n)).rsplit("/")[-1] for n in range(3)]
    face.submit("Refuse")
    reply = face.ask(f"{ROOT}/Greet/jobs")
    assert [job["jobId"] for job in reply["jobs"]] == made[::-1]
    assert (reply["total"], reply["start"], reply["nextStart"]) == (3, 0, -1)
    assert reply["jobs"][0]["jobStatus"] == "esriJobSucceeded"
    assert reply["jobs"][0]["submitted"] <= reply["jobs"][0]["finished"]
    page = face.ask(f"{ROOT}/greet/Jobs/", num="1", start="1")
    assert ([job["jobId"] for job in page["jobs"]], page["nextStart"]) == ([made[1]], 2)
    assert face.ask(f"{ROOT}/Greet/jobs", jobStatus="esriJobFailed")["jobs"] == []
    assert len(face.ask(f"{ROOT}/Refuse/jobs", jobstatus="ESRIJOBFAILED")["jobs"]) == 1
    for form in ({"jobStatus": "nope"}, {"start": "-1"}, {"num": "x"}, {"num": "9" * 30}):
        assert face.ask(f"{ROOT}/Greet/jobs", **form)["error"]["code"] == 400


def test_a_service_without_token_lists_no_jobs_of_earlier_ones(tmp_path):
    with build_core(tmp_path / "store", TOYS) as core:
        old = CoreFace(core).submit("Greet", name="a")
    with build_core(tmp_path / "store", TOYS, is_anonymous=True) as core:
        face = CoreFace(core)
        new = face.submit("Greet", name="b")
        assert [job["jobId"] for job in face.ask(f"{ROOT}/Greet/jobs")["jobs"]] == [new.rsplit("/")[-1]]
        assert face.status(old) == "esriJobSucceeded"


def test_a_job_that_waits_too_long_is_given_up(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step", limits=Limits(queue_wait_s=0.05)) as core:
        face = CoreFace(core)
        job = face.submit("Greet", name="a")
        assert face.status(job) == "esriJobSubmitted"
        wait_until(lambda: core.store.overdue_in_queue(0.05))
        core.supervisor.step()
        assert face.status(job) == "esriJobTimedOut"
        texts = [m["description"] for m in face.ask(job)["messages"]]
        assert any("never began" in text for text in texts)


def test_results_of_ended_jobs_are_kept_up_to_a_number_of_bytes(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="step") as core:
        face = CoreFace(core)
        jobs = [face.submit("Greet", name="a" * 1000) for _ in range(3)]
        core.supervisor.run_pending()
        size = core.store.files.size(jobs[0].rsplit("/")[-1])
        assert size > 2000
        gone = core.store.sweep(keep_s=1e9, keep_jobs=100, keep_bytes=2 * size + 10)
        assert gone == [jobs[0].rsplit("/")[-1]]
        assert core.store.sweep(keep_s=1e9, keep_jobs=100, keep_bytes=0) == [jobs[1].rsplit("/")[-1]]
        assert face.status(jobs[2]) == "esriJobSucceeded"


@pytest.mark.parametrize("name", ["uploads", "Jobs", "info", "a/b", "", "openapi.json"])
def test_a_task_cannot_take_a_name_that_means_something_else_in_a_url(name):
    with pytest.raises(ValueError, match="cannot be called"):

        @task(name or " ", registry=Registry())
        def some() -> str:
            return ""


def test_json_that_is_nested_too_deeply_is_named(face):
    deep = '{"features":' + "[" * 70 + '"]]]]]]]]]"' + "]" * 70 + "}"
    reply = face.ask(f"{ROOT}/Layer/submitJob", inputLayer=deep)
    assert "inputLayer" in reply["error"]["message"]
    assert "over 64 levels" in reply["error"]["message"]
    quoted = json.dumps({"features": [], "x": "[" * 500 + '"' + "[" * 500})
    assert "jobId" in face.ask(f"{ROOT}/Layer/submitJob", inputLayer=quoted)


@given(
    st.recursive(st.text('[]{}\\"ab', max_size=5), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text('[]{}"\\'), x, max_size=3), max_leaves=30),
    st.integers(0, 6),
)  # fmt: skip
def test_depth_is_told_as_a_parser_would(tree, most):
    def depth(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    if depth(tree) > most:
        with pytest.raises(ValueError, match="too deeply"):
            refuse_deep_json(json.dumps(tree), most)
    else:
        refuse_deep_json(json.dumps(tree), most)


def test_depth_is_told_over_long_texts_too():
    text = json.dumps(["[" * 2_000_000, ['"' * 3, [1]]])
    refuse_deep_json(text, 3)
    with pytest.raises(ValueError, match="too deeply"):
        refuse_deep_json(text, 2)


def test_a_tasks_own_parameter_of_a_settings_name_is_the_tasks(tmp_path):
    own = Registry()

    @task("Own", registry=own)
    def some(ctx, context: str, outSR: str = "") -> str:  # noqa: N803
        return context + outSR

    with build_core(tmp_path / "store", own) as core:
        face = CoreFace(core)
        job = face.submit("Own", context="not JSON", outSR=" here")
        assert face.ask(f"{job}/results/result")["value"] == "not JSON here"
