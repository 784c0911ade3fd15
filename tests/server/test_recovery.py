"""kill -9 of the service, and what the next one makes of it."""

import os
import signal

import pytest
from faces import ROOT, family, gone, wait_until

from spatial_widgets.protocol import JobInfo
from spatial_widgets.server.processes import is_alive

pytestmark = pytest.mark.slow


def kill_9(face):
    members = family(face.service.pid)
    os.kill(face.service.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(*members[0]))
    return members


def test_nothing_is_lost_and_nothing_left_after_kill_9(start, tmp_path):
    face = start(workers=3)
    again = face.submit("Second", marker=str(tmp_path / "marker"))
    plain, stubborn = face.submit("Sleep"), face.submit("Stubborn")
    for job in (again, plain, stubborn):
        face.executing(job)
    wait_until((tmp_path / "marker").exists)
    waiting = [face.submit("Greet", name=str(n)) for n in range(3)]
    done = face.status(waiting[0]) == "esriJobSucceeded"
    wait_until(lambda: len(family(face.service.pid)) >= 6)
    members = kill_9(face)
    face = start(workers=3)
    gone(members)
    for job in (plain, stubborn):
        document = face.ask(job)
        assert document["jobStatus"] == "esriJobFailed"
        assert JobInfo.from_json(document).errors == (
            "The service stopped while this job was executing. Submit it again.",
        )
    document = face.ended(again)
    assert document["jobStatus"] == "esriJobSucceeded"
    assert any(
        m["type"].endswith("Warning") and "attempt 2" in m["description"] for m in document["messages"]
    )
    assert face.ask(f"{again}/results/result")["value"] == "second time"
    assert not done
    ended = [face.ended(job)["jobStatus"] for job in waiting]
    assert ended == ["esriJobSucceeded"] * 3


def test_a_cancel_that_was_acknowledged_survives_kill_9(start):
    face = start()
    waiting_behind, job = face.submit("Sleep"), face.submit("Sleep")
    face.executing(waiting_behind)
    face.ask(f"{job}/cancel")
    kill_9(face)
    face = start()
    assert face.status(job) == "esriJobCancelled"


def test_workers_end_by_themselves_when_no_service_comes_back(start):
    face = start(workers=3)
    for job in [face.submit("Sleep"), face.submit("Offspring"), face.submit("Stubborn")]:
        face.executing(job)
    wait_until(lambda: len(family(face.service.pid)) >= 7)
    gone(kill_9(face), 5.0)


def test_a_service_told_to_stop_refuses_new_jobs_and_keeps_its_word_to_the_others(start, tmp_path):
    face = start(workers=3)
    again, short, long = (
        face.submit("Second", marker=str(tmp_path / "marker")),
        face.submit("Sleep", seconds=2.0),
        face.submit("Stubborn"),
    )
    for job in (again, short, long):
        face.executing(job)
    wait_until((tmp_path / "marker").exists)
    members = family(face.service.pid)
    os.kill(face.service.pid, signal.SIGTERM)
    wait_until(lambda: face.raw("/health")[1]["status"] == "stopping")
    refused = face.ask(f"{ROOT}/Greet/submitJob", name="a")["error"]
    assert (refused["code"], "Start it again" in refused["message"]) == (503, True)
    gone(members, 15.0)
    face = start(workers=3)
    assert face.status(short) == "esriJobSucceeded"
    assert face.status(long) == "esriJobFailed"
    assert face.ended(again)["jobStatus"] == "esriJobSucceeded"
    assert any("attempt 2 of 3" in message["description"] for message in face.ask(again)["messages"])
