"""The Dask executor as the service starts it, and what it says when it cannot."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import warnings

import pytest
from faces import ROOT, child_of, family, gone

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.server.executors import base, dask, daskworker
from spatial_widgets.server.executors.dask import DaskExecutor
from spatial_widgets.server.executors.relay import Relay
from spatial_widgets.server.jobfiles import ResultFile
from spatial_widgets.server.launcher import LocalServiceProcess


def serve(folder, *options, before="pass"):
    code = f"import sys; {before}; from spatial_widgets.server.__main__ import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, "--store", str(folder), *options],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_distributed_the_service_says_how_to_get_it(tmp_path):
    ended = serve(tmp_path, "--executor", "dask", before="sys.modules['distributed'] = None")
    assert ended.returncode == 1
    assert 'pip install "spatial_widgets[dask]"' in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_launcher_says_so_before_it_starts_anything(monkeypatch, tmp_path):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "distributed" else real(name)
    )
    with pytest.raises(SpatialWidgetsError, match=r'pip install "spatial_widgets\[dask\]"'):
        LocalServiceProcess.start(store=tmp_path, address="tcp://127.0.0.1:1")
    assert not (tmp_path / "service.log").exists()


def test_an_address_and_another_executor_contradict_each_other(tmp_path):
    ended = serve(tmp_path, "--executor", "process", "--dask", "tcp://127.0.0.1:1")
    assert ended.returncode == 1
    assert "--dask goes with --executor dask" in ended.stderr


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere:abc"])
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch, address):
    monkeypatch.setattr(dask, "_CONNECT_S", 0.5)
    with pytest.raises(SpatialWidgetsError, match=f"No Dask scheduler answers at {address}"):
        DaskExecutor(address)


def test_events_of_an_attempt_are_passed_on_once_and_in_order():
    heard = []
    relay = Relay(heard.append)
    one, two = base.Said("t", "one"), base.Said("t", "two")
    relay.tell(0, one)
    relay.tell(0, one)
    relay.tell(2, base.Said("t", "too early: it comes again with the record"))
    relay.tell(1, two)
    three = base.Said("t", "three")
    assert relay.finish([one, two, three, base.Exited(0)])
    assert not relay.end(base.Lost("late"))
    relay.tell(2, base.Said("t", "late"))
    assert heard == [one, two, three, base.Exited(0)]


def test_outputs_that_are_too_large_together_are_refused_and_say_what_to_do(tmp_path):
    results = [ResultFile(name, f"{name}.1.json", 60, "x") for name in "ab"]
    events = [*map(base.Output, results), base.Finished(), base.Exited(0)]
    record = daskworker._carry(events, tmp_path, 100)
    assert record.files == {}
    assert not [event for event in record.events if isinstance(event, base.Output)]
    refused, ended = record.events[-2:]
    assert "120 bytes" in refused.text
    assert "workers see under the same path" in refused.text
    assert ended == base.Exited(0)


def test_the_files_that_inputs_name_travel_with_a_job_unless_they_are_too_large(tmp_path):
    (tmp_path / "parameters.json").write_bytes(b"{}")
    (tmp_path / "sources.json").write_bytes(b'{"layer": "input.0.csv"}')
    (tmp_path / "input.0.csv").write_bytes(b"x" * 100)
    (tmp_path / "text.1.json").write_bytes(b"an output is no input")
    assert set(daskworker.pack(tmp_path, 100)) == {"parameters.json", "sources.json", "input.0.csv"}
    assert set(daskworker.pack(tmp_path, 99)) == {"parameters.json", "sources.json"}


def test_a_start_mark_knows_its_machine():
    assert daskworker.home_of(daskworker.mark_at_home("12")) == ("12", True)
    assert daskworker.home_of("12@elsewhere.example") == ("12", False)
    assert daskworker.home_of(None)[0] is None


@pytest.mark.slow
def test_without_an_address_the_service_has_a_cluster_of_its_own_and_leaves_nothing(start, tmp_path):
    face = start(executor="dask", workers=2)
    assert face.raw("/health")[1]["executor"] == "dask"
    assert face.ended(face.submit("Greet", name="a"))["jobStatus"] == "esriJobSucceeded"
    stubborn, spin = face.submit("Stubborn"), face.submit("Spin")
    for job in (stubborn, spin):
        face.executing(job)
    assert face.ask(f"{spin}/cancel")["jobStatus"] == "esriJobCancelling"
    assert face.ended(spin, 2.0)["jobStatus"] == "esriJobCancelled"
    members = family(face.service.pid)
    with pytest.raises(SpatialWidgetsError, match="executor is 'dask'"):
        LocalServiceProcess.start(store=tmp_path / "store", executor="process")
    face.service.stop()
    gone(members, 1.0)
    assert "Greet" in start(executor="dask").ask(ROOT)["tasks"]


@pytest.mark.slow
def test_an_own_cluster_takes_no_port_that_another_may_have(tmp_path):
    """Dask's own choice is the same port for all, and a warning for whoever comes second."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # somebody has it already: as good
            taken.bind(("", 8787))
            taken.listen()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            DaskExecutor(workers=1).close()


@pytest.mark.slow
def test_the_own_cluster_goes_with_a_service_that_is_killed(start, tmp_path):
    face = start(executor="dask", workers=2)
    jobs = [face.submit("Stubborn"), face.submit("Sleep")]
    for job in jobs:
        face.executing(job)
    members = [child_of(tmp_path / "store", job, 60.0) for job in jobs] + family(face.service.pid)
    os.kill(face.service.pid, 9)
    gone(members, 5.0)
    face = start(executor="dask", workers=2)
    assert {face.status(job) for job in jobs} == {"esriJobFailed"}
