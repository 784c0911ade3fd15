"""The process executor, in this process, without a socket: real workers, really killed."""

import os
import threading

import psutil
import pytest
from faces import CoreFace, gone, wait_until
from tasks_for_tests import TOYS

from spatial_widgets.protocol import JobInfo
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.executors import Exited, Handle, JobSpec
from spatial_widgets.server.executors.process import ProcessExecutor
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.processes import end_group, is_alive, start_mark

pytestmark = pytest.mark.slow


@pytest.fixture
def face(tmp_path):
    limits = Limits(timeout_s=20.0, result_bytes=10_000)
    with build_core(tmp_path / "store", TOYS, executor=ProcessExecutor(2), limits=limits) as core:
        yield CoreFace(core)


def process_of(face, job):
    row = wait_until(lambda: face.core.store.job(job.rsplit("/")[-1]))
    wait_until(lambda: face.core.store.job(row.id).pid)
    row = face.core.store.job(row.id)
    return row.pid, row.pid_start


@pytest.fixture
def threads():
    """What this process itself allows its libraries; a Dask cluster in it may have said so before."""
    return os.environ.get("OMP_NUM_THREADS")


def test_a_job_runs_in_a_session_of_its_own_with_limits_and_one_thread_per_library(threads, face):
    job = face.ended(face.submit("Environment"))
    assert job["jobStatus"] == "esriJobSucceeded"
    value = face.ask(f"/arcgis/rest/services/tasks/GPServer/Environment/jobs/{job['jobId']}/results/result")[
        "value"
    ]
    assert value == {
        "threads": "1",
        "token": None,
        "is_leader": True,
        "processor_s": 2 * 20 + 60,  # two threads for as long as the time limit, and a minute
        "core_bytes": 0,
    }
    assert os.environ.get("OMP_NUM_THREADS") == threads


@pytest.mark.parametrize("task", ["Spin", "Stubborn", "Sleep"])
def test_cancel_ends_any_worker_within_half_a_second(face, task):
    job = face.submit(task)
    worker = process_of(face, job)
    threading.Event().wait(0.3)  # deep inside by now
    assert face.ask(f"{job}/cancel")["jobStatus"] in {"esriJobCancelling", "esriJobCancelled"}
    wait_until(lambda: face.status(job) == "esriJobCancelled", 0.5)
    assert not is_alive(*worker)


def test_cancel_right_after_submit_ends_well(face):
    jobs = [face.submit("Spin") for _ in range(6)]
    for job in jobs:
        face.ask(f"{job}/cancel")
    assert {face.ended(job)["jobStatus"] for job in jobs} == {"esriJobCancelled"}


def test_what_a_worker_has_started_ends_with_it(face):
    job = face.submit("Offspring")
    said = wait_until(
        lambda: [m["description"] for m in face.ask(job)["messages"] if m["description"].startswith("pid")]
    )
    child = int(said[0].split()[1])
    mark = start_mark(child)
    face.ask(f"{job}/cancel")
    assert face.ended(job)["jobStatus"] == "esriJobCancelled"
    gone([(child, mark)], 2.0)


def test_an_overdue_job_is_timed_out_and_its_worker_gone(face):
    job = face.submit("Limited", limit=0.3)
    worker = process_of(face, job)
    document = face.ended(job)
    assert document["jobStatus"] == "esriJobTimedOut"
    assert "0.3 s" in JobInfo.from_json(document).errors[0]
    assert not is_alive(*worker)


def test_a_worker_that_leaves_fails_its_job_and_keeps_its_last_words(face):
    document = face.ended(face.submit("Exit", code=7))
    assert document["jobStatus"] == "esriJobFailed"
    assert "about to go" in [m["description"] for m in document["messages"]]
    assert "exit code 7" in JobInfo.from_json(document).errors[0]


def test_a_worker_killed_from_outside_fails_its_job_only(face):
    one, other = face.submit("Sleep"), face.submit("Sleep", seconds=1)
    psutil.Process(process_of(face, one)[0]).kill()
    assert "SIGKILL" in JobInfo.from_json(face.ended(one)).errors[0]
    assert face.ended(other)["jobStatus"] == "esriJobSucceeded"


def test_the_process_that_workers_are_forked_from_may_die(face):
    job = face.submit("Sleep")
    worker = process_of(face, job)
    psutil.Process(worker[0]).parent().kill()
    assert face.ended(job)["jobStatus"] == "esriJobFailed"
    assert not is_alive(*worker)
    assert face.ended(face.submit("Greet", name="a"))["jobStatus"] == "esriJobSucceeded"


def test_an_output_over_the_limit_fails_the_job(face):
    document = face.ended(face.submit("Greet", name="a", times=5000))
    assert "at most 10,000" in JobInfo.from_json(document).errors[0]


def test_messages_come_while_the_job_runs(face):
    job = face.submit("Spin")
    wait_until(
        lambda: face.ask(job).get("progress") == {"type": "step", "message": "spinning", "percent": 10}
    )
    face.ask(f"{job}/cancel")


def test_closing_ends_what_runs(tmp_path):
    with build_core(tmp_path / "store", TOYS, executor=ProcessExecutor(1)) as core:
        face = CoreFace(core)
        worker = process_of(face, face.submit("Stubborn"))
        assert is_alive(*worker)
    assert not is_alive(*worker)


def test_a_kill_that_comes_before_the_worker_is_not_lost(tmp_path):
    executor = ProcessExecutor(1)
    spec = JobSpec("j", 1, "Spin", "tasks_for_tests", tmp_path, 60.0, 10, 10, 10)
    handle, events, ended = Handle(spec), [], threading.Event()

    def emit(event):
        events.append(event)
        if isinstance(event, Exited):
            ended.set()

    executor.kill(handle)
    executor.start(handle, emit)
    assert ended.wait(20)
    executor.close()


def test_a_process_that_took_over_a_number_is_left_alone():
    assert end_group(os.getpid(), "another start")
    assert end_group(None, None)
    assert is_alive(os.getpid(), start_mark(os.getpid()))
