"""kill -9 of the service, and what the next one makes of it."""

import os
import random
import signal

import pytest
from faces import ENDED, family, gone, wait_until

from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobInfo, JobStatus
from spatial_widgets.server.processes import is_alive
from spatial_widgets.server.store import Store

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
    face = start(workers=2)
    for job in [face.submit("Sleep"), face.submit("Offspring")]:
        face.executing(job)
    wait_until(lambda: len(family(face.service.pid)) >= 6)
    gone(kill_9(face), 5.0)


def test_random_kills_under_load_leave_a_legal_history(start, tmp_path):
    chance = random.Random(11)
    acknowledged, members, cancelled = [], [], []
    face = start(workers=2)
    for _ in range(4):
        for _ in range(chance.randrange(6, 12)):
            task, form = chance.choice(
                [
                    ("Greet", {"name": "a"}),
                    ("Sleep", {"seconds": 0.2}),
                    ("Bug", {}),
                    ("Exit", {}),
                    ("Second", {"marker": str(tmp_path / f"m{len(acknowledged)}")}),
                    ("Limited", {"limit": 0.3}),
                ]
            )
            acknowledged.append(face.submit(task, **form))
            if chance.random() < 0.3:
                job = chance.choice(acknowledged)
                if "error" not in face.ask(f"{job}/cancel"):
                    cancelled.append(job)
        members += kill_9(face)
        face = start(workers=2)
    for job in acknowledged:
        if "/Second/" in job and face.status(job) not in ENDED:
            face.ask(f"{job}/cancel")
    statuses = {job: face.ended(job, 60.0)["jobStatus"] for job in acknowledged}
    gone(members)
    assert {statuses[job] for job in cancelled} <= {"esriJobCancelled"}
    face.service.stop()
    store = Store(tmp_path / "store")
    try:
        assert len(store.ids()) == len(acknowledged)
        for job in acknowledged:
            job_id = job.rsplit("/")[-1]
            view, chain = store.view(job_id), store.history(job_id)
            assert all(b in LEGAL_TRANSITIONS[a] for a, b, _ in chain)
            assert sum(b.is_terminal for _, b, _ in chain) == 1
            if view.row.status is JobStatus.SUCCEEDED:
                assert all(store.files.read(job_id, result) for result in view.results.values())
            if view.row.status is JobStatus.FAILED:
                assert any(message.is_error for message in view.messages)
    finally:
        store.close()
