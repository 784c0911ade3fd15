"""A scheduler and two workers as programs of their own, as ``docs/dask.md`` starts them; one worker and the scheduler are lost."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from faces import child_of, gone, wait_until

from spatial_widgets.protocol import JobInfo
from spatial_widgets.server.processes import is_alive, start_mark
from spatial_widgets.server.store import Store

pytestmark = pytest.mark.slow
BEGUN_S = 60.0  # new interpreters on two workers import geopandas first
HERE = Path(__file__).parents[1]


class Cluster:
    """``dask scheduler`` and ``dask worker`` programs, with the settings they come with."""

    def __init__(self, folder):
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.folder, self.programs, self.members = folder, [], []
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker(), self.start_worker()]

    def _run(self, *command):
        path = os.pathsep.join([str(HERE), *sys.path])
        with (self.folder / "dask.log").open("ab") as log:
            program = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": path},
            )
        self.programs.append(program)
        return program

    def start_scheduler(self):
        return self._run(
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--no-dashboard",
            "--dashboard-address",
            ":0",
        )

    def start_worker(self):
        return self._run("distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-dashboard")

    def remember(self):
        """Note every process there is now, to look for it at the end."""
        for program in self.programs:
            with contextlib.suppress(psutil.Error):
                for process in [
                    psutil.Process(program.pid),
                    *psutil.Process(program.pid).children(recursive=True),
                ]:
                    self.members.append((process.pid, start_mark(process.pid)))

    def close(self):
        self.remember()
        for program in self.programs:
            with contextlib.suppress(psutil.Error):
                for process in psutil.Process(program.pid).children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
            program.kill()
            program.wait()
        gone(self.members)


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture
def face(cluster, start):
    face = start(address=cluster.address, workers=None)
    wait_until(lambda: face.raw("/health")[1]["workers"] == 2, BEGUN_S)
    return face


def chain(tmp_path, job):
    with contextlib.closing(Store(tmp_path / "store")) as store:
        return [target.label for _, target, _ in store.history(job.rsplit("/")[-1])]


def worker_process(child):
    """Return the Dask worker's process: the child is forked from a process that the worker started."""
    return psutil.Process(child).parent().parent()


def test_a_lost_worker_ends_its_job_as_the_table_says(cluster, face, start, tmp_path):
    again, plain = face.submit("Second", marker=str(tmp_path / "marker")), face.submit("Sleep")
    for job in (again, plain):
        face.executing(job)
    wait_until((tmp_path / "marker").exists, BEGUN_S)
    children = [child_of(tmp_path / "store", job, BEGUN_S) for job in (plain, again)]
    cluster.remember()

    # The first worker goes with its nanny and does not come back.
    worker = worker_process(children[0][0])
    worker.parent().kill()
    worker.kill()
    document = face.ended(plain)
    assert document["jobStatus"] == "esriJobFailed"
    assert "Dask worker" in JobInfo.from_json(document).errors[0]
    assert "Submit it again" in JobInfo.from_json(document).errors[0]
    gone([children[0]], 2.0)
    assert face.status(again) == "esriJobExecuting"

    # The second is replaced by its nanny: the job is run again, once.
    worker_process(children[1][0]).kill()
    document = face.ended(again, BEGUN_S)
    assert document["jobStatus"] == "esriJobSucceeded"
    assert face.ask(f"{again}/results/result")["value"] == "second time"
    assert any("attempt 2 of 3" in message["description"] for message in document["messages"])
    gone([children[1]], 2.0)
    face.service.stop()
    assert chain(tmp_path, again) == ["Submitted", "Executing", "Waiting", "Executing", "Succeeded"]
    assert chain(tmp_path, plain) == ["Submitted", "Executing", "Failed"]


def test_a_lost_scheduler_ends_its_jobs_as_the_table_says(cluster, face, tmp_path):
    again, plain = face.submit("Second", marker=str(tmp_path / "marker")), face.submit("Stubborn")
    for job in (again, plain):
        face.executing(job)
    wait_until((tmp_path / "marker").exists, BEGUN_S)
    children = [child_of(tmp_path / "store", job, BEGUN_S) for job in (plain, again)]
    cluster.remember()

    cluster.scheduler.kill()
    cluster.scheduler.wait()
    document = face.ended(plain)
    assert document["jobStatus"] == "esriJobFailed"
    assert "Dask" in JobInfo.from_json(document).errors[0]
    wait_until(lambda: face.status(again) == "esriJobWaiting")
    assert face.raw("/health")[1]["workers"] == 0
    later = face.submit("Greet", name="later")
    gone(children, 10.0)
    assert face.status(later) in {"esriJobSubmitted", "esriJobWaiting"}

    cluster.start_scheduler()
    cluster.start_worker()
    assert face.ended(again, BEGUN_S)["jobStatus"] == "esriJobSucceeded"
    assert face.ended(later, BEGUN_S)["jobStatus"] == "esriJobSucceeded"
    assert not any(is_alive(*child) for child in children)
    face.service.stop()
    assert chain(tmp_path, again) == ["Submitted", "Executing", "Waiting", "Executing", "Succeeded"]


def test_what_a_killed_service_left_on_the_cluster_ends_and_is_run_again(cluster, face, start, tmp_path):
    again, plain = face.submit("Second", marker=str(tmp_path / "marker")), face.submit("Stubborn")
    for job in (again, plain):
        face.executing(job)
    wait_until((tmp_path / "marker").exists, BEGUN_S)
    children = [child_of(tmp_path / "store", job, BEGUN_S) for job in (plain, again)]
    os.kill(face.service.pid, 9)
    gone(children, 5.0)
    face = start(address=cluster.address, workers=None)
    assert face.status(plain) == "esriJobFailed"
    assert face.ended(again, BEGUN_S)["jobStatus"] == "esriJobSucceeded"
