"""What a machine does to a service, through its REST face: killed processes and a disk that takes no more."""

from __future__ import annotations

import contextlib
import sqlite3

import psutil
import pytest
from faces import ROOT, CoreFace, child_of, gone
from tasks_for_tests import TOYS

from spatial_widgets.protocol import JobInfo, JobStatus
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.processes import is_alive
from spatial_widgets.server.store import Store, StoreUnwritable

S = JobStatus


def error_of(document):
    assert document["jobStatus"] == "esriJobFailed", document
    return JobInfo.from_json(document).errors[0]


class Full:
    """A database connection to a disk that is full at the n-th write."""

    def __init__(self, db, writes, *, rolls_back=False):
        self.db, self.left, self.rolls_back = db, writes, rolls_back

    def __getattr__(self, name):
        real = getattr(self.db, name)

        def call(text, *arguments):
            if text.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "COMMIT")):
                self.left -= 1
                if self.left < 0:
                    if self.rolls_back:  # as SQLite itself does on some errors
                        self.db.execute("ROLLBACK")
                    raise sqlite3.OperationalError("database or disk is full")
            return real(text, *arguments)

        return call if name in {"execute", "executemany"} else real


@pytest.mark.parametrize("rolls_back", [False, True])
@pytest.mark.parametrize("writes", range(4))
def test_a_submit_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, writes, rolls_back):
    with contextlib.closing(Store(tmp_path)) as store:
        whole, store._db = store._db, Full(store._db, writes, rolls_back=rolls_back)
        with pytest.raises(StoreUnwritable, match="disk is full"):
            store.add("T", {}, restartable=False, timeout_s=1.0)
        store._db = whole
        assert store.ids() == set()
        assert list((tmp_path / "jobs").iterdir()) == []
        assert store.add("T", {}, restartable=False, timeout_s=1.0) in store.ids()


def test_a_client_is_told_that_the_disk_is_full_with_code_503(tmp_path):
    with build_core(tmp_path, TOYS) as core:
        whole, core.store._db = core.store._db, Full(core.store._db, 0)
        error = CoreFace(core).ask(f"{ROOT}/Greet/submitJob", name="a")["error"]
        core.store._db = whole
    assert error["code"] == 503
    assert "Make room on the disk" in error["message"]


@pytest.mark.slow
def test_a_worker_killed_from_outside_fails_its_job_and_the_message_names_the_signal(start, tmp_path):
    face = start(workers=2)
    job, other = face.submit("Sleep"), face.submit("Sleep", seconds=1.0)
    psutil.Process(child_of(tmp_path / "store", job)[0]).kill()
    assert "ended by SIGKILL" in error_of(face.ended(job))
    assert face.ended(other)["jobStatus"] == "esriJobSucceeded"


@pytest.mark.slow
def test_the_process_that_workers_are_forked_from_killed_in_mid_job(start, tmp_path):
    face = start(workers=2)
    jobs = [face.submit("Sleep"), face.submit("Stubborn")]
    children = [child_of(tmp_path / "store", job) for job in jobs]
    psutil.Process(children[0][0]).parent().kill()
    for job in jobs:
        assert "worker process ended unexpectedly" in error_of(face.ended(job))
    gone(children, 2.0)
    assert face.ended(face.submit("Greet", name="a"))["jobStatus"] == "esriJobSucceeded"


def limit_files(pid, size):
    """Let a running process write no file longer than that: to it, the disk is full."""
    psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))


@pytest.mark.slow
def test_an_output_for_which_there_is_no_room_fails_its_job_and_says_so(start, tmp_path):
    face = start(workers=1)
    job = face.submit("Sleep")
    forked_from = psutil.Process(child_of(tmp_path / "store", job)[0]).parent()
    limit_files(forked_from.pid, 20_000)  # what it forks inherits it
    face.ask(f"{job}/cancel")
    assert "'text' could not be written" in error_of(face.ended(face.submit("Greet", name="a", times=9000)))
    assert face.ended(face.submit("Greet", name="a"))["jobStatus"] == "esriJobSucceeded"


@pytest.mark.slow
def test_a_service_whose_store_is_full_refuses_new_jobs_and_goes_on_when_there_is_room(start, tmp_path):
    face = start(workers=1)
    job = face.submit("Sleep", seconds=1.0)
    worker = child_of(tmp_path / "store", job)
    limit_files(face.service.pid, 4096)
    error = face.ask(f"{ROOT}/Greet/submitJob", name="a")["error"]
    assert error["code"] == 503
    assert "cannot write" in error["message"]
    assert "disk" in error["message"]
    assert face.raw("/health")[1]["status"] == "ok"
    gone([worker])
    assert face.status(job) == "esriJobExecuting"
    limit_files(face.service.pid, psutil.RLIM_INFINITY)
    assert face.ended(job)["jobStatus"] == "esriJobSucceeded"
    assert face.ended(face.submit("Greet", name="a"))["jobStatus"] == "esriJobSucceeded"
    assert is_alive(face.service.pid, face.service._mark)
