"""The service killed again and again while several programs use it: what it has acknowledged must hold."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest
from faces import wait_until

from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobStatus
from spatial_widgets.server.launcher import LocalServiceProcess
from spatial_widgets.server.processes import is_alive, start_mark
from spatial_widgets.server.store import Store

pytestmark = pytest.mark.slow
KILLS = 25
CLIENTS = 3
MARK = "SPATIAL_WIDGETS_TEST_MARK"
S = JobStatus


def marked(mark):
    """Return every living process that inherited the mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def heard(logs, word):
    lines = [
        json.loads(line)
        for log in logs
        if log.exists()
        for line in log.read_text().splitlines()
        if line.endswith("}")
    ]
    return [line for line in lines if word in line]


def begin(store):
    return LocalServiceProcess.start(store=store, tasks=["tasks_for_tests"], workers=2)


@pytest.fixture
def mark(monkeypatch):
    """Mark every process that the test starts, and hold that none outlives it."""
    name = uuid.uuid4().hex
    monkeypatch.setenv(MARK, name)
    yield name
    for process in marked(name):
        with contextlib.suppress(psutil.Error):
            process.kill()


@pytest.fixture
def clients(tmp_path, mark):
    """Start programs that use the service of the test's store; they write down what they were told."""
    logs = [tmp_path / f"client{n}.log" for n in range(CLIENTS)]
    programs = [
        subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("chaos_client.py")),
                str(tmp_path / "store"),
                str(log),
                str(n),
            ],
            stdin=subprocess.PIPE,
        )
        for n, log in enumerate(logs)
    ]
    yield logs, programs
    for program in programs:
        program.kill()
        program.wait()


def test_a_service_killed_again_and_again_under_load_keeps_its_promises(tmp_path, mark, clients):
    logs, programs = clients
    chance, store = random.Random(7), tmp_path / "store"
    service = begin(store)
    for _ in range(KILLS):
        before = len(heard(logs, "submitted")) + len(heard(logs, "cancelled"))
        most = before + chance.randrange(1, 8)
        wait_until(lambda m=most: len(heard(logs, "submitted")) + len(heard(logs, "cancelled")) >= m, 30.0)
        os.kill(service.pid, signal.SIGKILL)
        wait_until(lambda pid=service.pid, m=service._mark: not is_alive(pid, m))
        service = begin(store)
    for program in programs:
        program.stdin.close()
    for program in programs:
        program.wait(60)

    wait_until(lambda: running(service)["live"] == 0, 120.0)
    service.stop()
    assert marked(mark) == []
    check(store, logs)


def running(service):
    from spatial_widgets.server.discovery import Discovery

    return Discovery.read(service.store).health()


def check(folder, logs):
    acknowledged = {line["submitted"] for line in heard(logs, "submitted")}
    assert len(acknowledged) == len({line["key"] for line in heard(logs, "submitted")}), "one key, two jobs"
    assert heard(logs, "lost") == []
    with contextlib.closing(Store(folder)) as store:
        ids = store.ids()
        assert acknowledged <= ids
        assert len(ids) <= len(acknowledged) + len(heard(logs, "unanswered")), (
            "a repeated submit made a second job"
        )
        assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for job in ids:
            check_job(store, job)
        for line in heard(logs, "cancelled"):
            assert store.job(line["cancelled"]).status is S.CANCELLED
        for line in heard(logs, "ended"):
            assert store.job(line["ended"]).status.value == line["status"], "an end that was not the end"
        kinds = {store.job(job).status for job in ids}
        assert kinds == {S.SUCCEEDED, S.FAILED, S.CANCELLED, S.TIMED_OUT}
        assert any(store.job(job).attempt > 1 for job in ids), "no job was ever interrupted: too little chaos"


def check_job(store, job):
    view, chain = store.view(job), store.history(job)
    assert chain[0][:2] == (S.NEW, S.SUBMITTED)
    assert all(b in LEGAL_TRANSITIONS[a] for a, b, _ in chain)
    assert all(first[1] is then[0] for first, then in itertools.pairwise(chain))
    assert sum(b.is_terminal for _, b, _ in chain) == 1
    assert chain[-1][1] is view.row.status
    assert view.row.attempt <= (3 if view.row.restartable else 1)
    assert not (store.files.folder(job) / "violated").exists(), "two processes of one job at once"
    if view.row.status is S.SUCCEEDED:
        assert view.results
        for result in view.results.values():
            json.loads(store.files.read(job, result))  # checks size and SHA-256
    if view.row.status is S.FAILED:
        assert any(message.is_error for message in view.messages)


def test_a_long_day_of_work_leaves_no_trace_in_memory_files_or_processes(start, tmp_path):
    face = start(workers=2)
    service = psutil.Process(face.service.pid)

    def work(count):
        jobs = [face.submit(*TASKS[n % len(TASKS)][:1], **TASKS[n % len(TASKS)][1]) for n in range(count)]
        for job in jobs:
            face.ended(job, 60.0)

    def used():
        children = service.children(recursive=True)
        zombies = [child for child in children if child.status() == psutil.STATUS_ZOMBIE]
        return service.memory_info().rss, service.num_fds(), service.num_threads(), len(children), zombies

    work(100)
    before = used()
    for _ in range(2):
        work(100)
    after = wait_until(lambda: (now := used())[3] <= before[3] and now)
    assert after[0] - before[0] < 30_000_000
    assert after[1] <= before[1] + 5
    assert after[2] <= before[2] + 2
    assert after[4] == []
    assert (tmp_path / "store" / "jobs.sqlite3-wal").stat().st_size < 16_000_000
    assert start_mark(face.service.pid) == face.service._mark


TASKS = [
    ("Greet", {"name": "a"}),
    ("Bug", {}),
    ("Exit", {}),
    ("Greet", {"name": "b", "times": 100}),
    ("Chatter", {}),
    ("WriteFiles", {}),
]
