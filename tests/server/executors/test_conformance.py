"""One list of promises, tried on every engine."""

from __future__ import annotations

import json
import threading
import time
from urllib.parse import unquote

import pytest
from faces import ENDED, ROOT, gone, wait_until
from tasks_for_tests import TOYS

from spatial_widgets.protocol import JobInfo
from spatial_widgets.server.executors.daskworker import home_of
from spatial_widgets.server.handover import ServedTasks, offer
from spatial_widgets.server.processes import is_alive, start_mark
from spatial_widgets.server.registry import Registry, task
from spatial_widgets.server.wire import FilePart, Request

pytestmark = pytest.mark.slow
STOPPED_S = {"process": 0.5, "spawn": 0.5, "dask": 2.0, "dask-apart": 2.0, "inline": 2.0}

# The inline engine can only ask a task to end, and dies with a process that crashes.
by_force = pytest.mark.parametrize(
    "engine", ["process", "spawn", "dask", "dask-apart"], indirect=True, scope="module"
)


def texts(document):
    return [message["description"] for message in document["messages"]]


def failure(document):
    assert document["jobStatus"] == "esriJobFailed", document
    return "\n".join(JobInfo.from_json(document).errors)


def worker_of(face, job):
    """Return the process of a job's attempt and its start mark."""
    row = wait_until(lambda: (row := face.core.store.job(job.rsplit("/")[-1])).pid and row)
    return row.pid, home_of(row.pid_start)[0]


def uploaded(face, name, content):
    """Upload a file and return what an input says to name it."""
    reply = face.core.handle(
        Request("POST", f"{ROOT}/uploads/upload", {}, {}, {"file": FilePart(name, content)})
    )
    return json.dumps({"itemID": reply.json()["item"]["itemID"]})


def cancelled(face, job):
    """Cancel a job, and hold that it is in time."""
    face.ask(f"{job}/cancel")
    wait_until(lambda: face.status(job) == "esriJobCancelled", STOPPED_S[face.kind])


def test_a_job_runs_and_its_results_can_be_read(engine):
    job = engine.submit("Greet", name="Ada", times=2)
    document = engine.ended(job)
    assert document["jobStatus"] == "esriJobSucceeded", document
    assert engine.ask(f"{job}/results/text")["value"] == "Hello Ada. Hello Ada. "
    assert engine.ask(f"{job}/results/number")["value"] == 2


def test_an_uploaded_file_reaches_the_job(engine):
    job = engine.submit("ReadFile", inputFile=uploaded(engine, "a.txt", b"hello"))
    assert engine.ended(job)["jobStatus"] == "esriJobSucceeded"
    assert [result["value"] for result in engine.ask(f"{job}/results")] == [".txt: hello"]


def test_files_that_a_job_writes_reach_the_client_and_the_next_job(engine):
    job = engine.submit("WriteFiles", name="a report.txt", text="hello")
    assert engine.ended(job)["jobStatus"] == "esriJobSucceeded"
    report, parts, size = (result["value"] for result in engine.ask(f"{job}/results"))
    assert (size, len(parts)) == (5, 2)
    for value, wrote in ((report, b"hello"), (parts[1], b"n\n1\n")):
        answer = engine.core.handle(Request("GET", unquote(value["url"])))
        with answer.file as file:
            assert file.read() == wrote
    following = engine.submit("ReadFile", inputFile=json.dumps(report))
    assert engine.ended(following)["jobStatus"] == "esriJobSucceeded"
    assert engine.ask(f"{following}/results/result")["value"] == ".txt: hello"


def test_files_that_are_too_large_are_refused(engine):
    most = 100_000 if engine.kind == "dask-apart" else 200_000
    error = failure(engine.ended(engine.submit("WriteFiles", text="x" * 200_001)))
    assert f"at most {most:,}" in error


def test_a_result_of_an_earlier_job_reaches_the_next_with_its_settings(engine):
    rome = {"geometryType": "esriGeometryPoint", "spatialReference": {"wkid": 4326}}
    rome["features"] = [{"geometry": {"x": 12.5, "y": 41.9}, "attributes": {"n": 1}}]
    moved = engine.submit("Layer", inputLayer=json.dumps(rome))
    engine.ended(moved)
    job = engine.submit(
        "Layer",
        inputLayer=json.dumps({"url": f"{moved}/results/result"}),
        context=json.dumps({"outSR": {"wkid": 3857}}),
    )
    assert engine.ended(job)["jobStatus"] == "esriJobSucceeded"
    value = engine.ask(f"{job}/results/result")["value"]
    assert value["features"][0]["geometry"]["x"] == pytest.approx(1391493.6, abs=1)


def test_a_hosted_layer_of_an_earlier_job_reaches_the_next(engine):
    rome = {"geometryType": "esriGeometryPoint", "spatialReference": {"wkid": 4326}}
    rome["fields"] = [{"name": "day", "type": "esriFieldTypeDateOnly"}]
    rome["features"] = [{"geometry": {"x": 12.5, "y": 41.9}, "attributes": {"day": "2020-02-29"}}]
    kept = engine.submit("Layer", inputLayer=json.dumps(rome), outputName="rome")
    assert engine.ended(kept)["jobStatus"] == "esriJobSucceeded", engine.ask(kept)
    value = engine.ask(f"{kept}/results/result")["value"]
    assert value["url"].endswith("/Hosted/rome/FeatureServer/0")
    page = engine.ask(f"{value['url']}/query", where="1=1", outFields="day")
    assert page["features"][0]["attributes"] == {"day": "2020-02-29"}
    job = engine.submit("Layer", inputLayer=json.dumps({**value, "filter": "day = DATE '2020-02-29'"}))
    assert engine.ended(job)["jobStatus"] == "esriJobSucceeded", engine.ask(job)
    again = engine.ask(f"{job}/results/result")["value"]
    assert [f["attributes"] for f in again["features"]] == [{"day": "2020-02-29"}]


def test_the_code_of_a_notebooks_own_task_reaches_the_job(engine, tmp_path):
    def triple(number: int) -> int:
        return 3 * number

    own = Registry()
    task("Triple", registry=own)(triple)
    offer(tmp_path, own.values())
    TOYS.add(ServedTasks({}, tmp_path)["Triple"])
    try:
        job = engine.submit("Triple", number=14)
        assert engine.ended(job)["jobStatus"] == "esriJobSucceeded", engine.ask(job)
        assert engine.ask(f"{job}/results/result")["value"] == 42
    finally:
        TOYS.remove("Triple")


@pytest.mark.parametrize("engine", ["dask-apart"], indirect=True, scope="module")
def test_uploads_too_large_to_travel_are_refused_and_say_what_to_do(engine):
    job = engine.submit("ReadFile", inputFile=uploaded(engine, "a.txt", b"x" * 100_001))
    error = failure(engine.ended(job))
    assert "over 100,000 bytes" in error
    assert "workers see under the same path" in error


def test_messages_come_in_order_and_once(engine):
    said = [text for text in texts(engine.ended(engine.submit("Chatter", lines=40))) if "line" in text]
    assert said == [f"line {n}" for n in range(40)]


def test_a_flood_of_messages_is_cut_and_says_so(engine):
    said = texts(engine.ended(engine.submit("Chatter", lines=3000)))
    assert len([text for text in said if text.startswith("line")]) == 50
    assert "2,950 messages dropped: a job may write 50." in said


@by_force
def test_progress_and_messages_are_seen_while_the_job_runs(engine):
    job = engine.submit("Spin")
    wait_until(
        lambda: engine.ask(job).get("progress") == {"type": "step", "message": "spinning", "percent": 10}
    )
    cancelled(engine, job)


def test_more_jobs_than_workers_all_run(engine):
    jobs = [engine.submit("Greet", name=str(n)) for n in range(6)]
    assert {engine.ended(job)["jobStatus"] for job in jobs} == {"esriJobSucceeded"}


def test_a_submitted_or_waiting_job_is_cancelled_at_once_and_never_runs(engine):
    blockers = [engine.submit("Sleep") for _ in range(engine.executor.capacity())]
    waiting = engine.submit("Greet", name="never")
    assert engine.ask(f"{waiting}/cancel")["jobStatus"] == "esriJobCancelled"
    for job in blockers:
        engine.executing(job)
        cancelled(engine, job)
    assert not [text for text in texts(engine.ask(waiting)) if "greeting" in text]


@by_force
@pytest.mark.parametrize("task", ["Spin", "Stubborn", "Hausdorff", "Sleep"])
def test_an_executing_job_is_cancelled_in_time_and_its_process_gone(engine, task):
    job = engine.submit(task)
    worker = worker_of(engine, job)
    threading.Event().wait(0.5)  # deep inside by now
    cancelled(engine, job)
    assert not is_alive(*worker)


def test_cancel_right_after_submit_ends_well(engine):
    jobs = [engine.submit("Sleep") for _ in range(6)]
    for job in jobs:
        engine.ask(f"{job}/cancel")
    assert {engine.ended(job)["jobStatus"] for job in jobs} == {"esriJobCancelled"}


def test_a_job_that_has_ended_cannot_be_cancelled(engine):
    job = engine.submit("Greet", name="a")
    engine.ended(job)
    assert engine.ask(f"{job}/cancel")["error"]["message"] == "Invalid or missing input parameters."
    assert engine.status(job) == "esriJobSucceeded"


@by_force
@pytest.mark.parametrize("task", ["Limited", "LimitedCall"])
def test_an_overdue_job_is_timed_out_in_time_and_its_process_gone(engine, task):
    job = engine.submit(task, limit=1.5)
    worker = worker_of(engine, job)
    began = time.monotonic()
    document = engine.ended(job)
    assert time.monotonic() - began < 2.5
    assert document["jobStatus"] == "esriJobTimedOut"
    assert "1.5 s" in JobInfo.from_json(document).errors[0]
    assert not is_alive(*worker)


def test_an_overdue_job_is_timed_out_where_it_asks_to_go_on(engine):
    document = engine.ended(engine.submit("Limited", limit=0.3))
    assert document["jobStatus"] == "esriJobTimedOut"


def test_an_error_for_the_user_is_told_in_its_own_words(engine):
    document = engine.ended(engine.submit("Refuse", text="too small"))
    assert failure(document) == "not like that: too small"


def test_a_defect_is_told_with_a_number_and_without_its_traceback(engine):
    error = failure(engine.ended(engine.submit("Bug")))
    assert "KeyError: 'nothing'" in error
    assert "defect" in error
    assert "Traceback" not in error


def test_a_task_that_calls_sys_exit_fails(engine):
    assert "SystemExit: 3" in failure(engine.ended(engine.submit("Quit")))


@by_force
def test_a_worker_that_leaves_fails_its_job_and_keeps_its_last_words(engine):
    document = engine.ended(engine.submit("Exit", code=7))
    assert "exit code 7" in failure(document)
    assert "about to go" in texts(document)


@by_force
def test_a_crash_in_compiled_code_fails_its_job_only(engine):
    other = engine.submit("Sleep", seconds=1.0)
    document = engine.ended(engine.submit("Crash"))
    assert "SIGSEGV" in failure(document)
    assert "about to crash" in texts(document)
    assert engine.ended(other)["jobStatus"] == "esriJobSucceeded"


def test_too_large_an_output_is_refused(engine):
    most = 100_000 if engine.kind == "dask-apart" else 200_000
    error = failure(engine.ended(engine.submit("Greet", name="a" * 100, times=3000)))
    assert f"at most {most:,}" in error


def test_a_value_that_is_no_json_is_refused(engine):
    assert "nan" in failure(engine.ended(engine.submit("Nan"))).lower()


def test_a_missing_output_is_a_failure_that_names_it(engine):
    assert "without its output number" in failure(engine.ended(engine.submit("Forget")))


@by_force
def test_what_a_worker_has_started_ends_with_it(engine):
    job = engine.submit("Offspring")
    said = wait_until(lambda: [text for text in texts(engine.ask(job)) if text.startswith("pid")])
    child = int(said[0].split()[1])
    mark = start_mark(child)
    assert mark is not None
    cancelled(engine, job)
    gone([(child, mark)], 2.0)


@by_force
def test_a_grandchild_that_is_left_behind_ends_with_the_job(engine):
    document = engine.ended(engine.submit("Abandon"))
    assert document["jobStatus"] == "esriJobSucceeded"
    pid, mark = next(text for text in texts(document) if text.startswith("pid")).split()[1:]
    gone([(int(pid), mark)], 2.0)


def test_every_job_of_this_module_has_ended_once_and_nothing_runs(engine):
    store = engine.core.store
    wait_until(lambda: not store.running() and not store.queued())
    for job_id in store.ids():
        assert sum(target.is_terminal for _, target, _ in store.history(job_id)) == 1
        assert store.job(job_id).status.value in ENDED
        row = store.job(job_id)
        assert not is_alive(row.pid, home_of(row.pid_start)[0])


def test_the_root_answers(engine):
    assert "Greet" in engine.ask(ROOT)["tasks"]
