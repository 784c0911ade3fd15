"""The service as a process of its own: found, started, shared, stopped."""

import contextlib
import http.client
import importlib.util
import json
import os
import stat
import subprocess
import sys
import threading
import time

import psutil
import pytest
from faces import ROOT, HttpFace, family, gone, wait_until

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol import JobInfo
from spatial_widgets.server.discovery import Discovery
from spatial_widgets.server.launcher import LocalServiceProcess, default_store
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.processes import is_alive, start_mark


def test_the_store_can_be_named_in_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path))
    assert default_store() == tmp_path
    monkeypatch.delenv("SPATIAL_WIDGETS_STORE")
    assert default_store().name == "service"


def test_missing_packages_are_named_with_the_command_that_brings_them(monkeypatch, tmp_path):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "uvicorn" else real(name, *a)
    )
    with pytest.raises(SpatialWidgetsError, match=r"uvicorn.*spatial_widgets\[local\]"):
        LocalServiceProcess.start(store=tmp_path)


def test_a_discovery_file_of_a_process_that_is_gone_is_not_believed(tmp_path):
    Discovery("i", 2**22 + 1, "1", 9, "http://127.0.0.1:9", "0", "process", 1, 600.0, token="secret").write(
        tmp_path
    )
    assert stat.S_IMODE((tmp_path / "service.json").stat().st_mode) == 0o600
    assert "secret" not in repr(Discovery.read(tmp_path))
    assert LocalServiceProcess.running(store=tmp_path) is None
    (tmp_path / "service.json").write_text("{")
    assert Discovery.read(tmp_path) is None


@pytest.mark.slow
def test_a_service_is_started_found_again_and_stopped(start, tmp_path):
    first = start().service
    assert first.started
    assert first.url.endswith(ROOT)
    assert first.token not in repr(first)
    again = LocalServiceProcess.start(store=tmp_path / "store")
    assert (again.pid, again.url, again.token, again.started) == (first.pid, first.url, first.token, False)
    assert LocalServiceProcess.running(store=tmp_path / "store").pid == first.pid
    with again:
        pass
    assert HttpFace(first).raw("/health")[0] == 200, "the context manager stops only what it started"
    members = family(first.pid)
    again.stop()
    gone(members, 0.5)
    again.stop()
    assert "stopped" in repr(first)
    assert not (tmp_path / "store" / "service.json").exists()
    assert LocalServiceProcess.running(store=tmp_path / "store") is None


@pytest.mark.slow
def test_the_store_is_private_and_the_log_has_no_token(service, tmp_path):
    store = tmp_path / "store"
    assert service.ended(service.submit("Environment"))["jobStatus"] == "esriJobSucceeded"
    service.raw(f"{ROOT}?token={service.service.token}")
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    for path in store.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert (
            path.name == "service.json"
            or not path.is_file()
            or service.service.token.encode() not in path.read_bytes()
        )
    environment = psutil.Process(service.service.pid).environ()
    assert service.service.token not in str(environment) + str(psutil.Process(service.service.pid).cmdline())


@pytest.mark.slow
def test_settings_asked_for_must_be_those_of_the_running_service(start, tmp_path):
    face = start(workers=1)
    for wanted in (
        {"workers": 2},
        {"anonymous": True},
        {"executor": "inline"},
        {"port": 1},
        {"timeout_s": 5.0},
    ):
        with pytest.raises(SpatialWidgetsError, match=next(iter(wanted))):
            LocalServiceProcess.start(store=tmp_path / "store", **wanted)
    assert (
        LocalServiceProcess.start(store=tmp_path / "store", workers=1, anonymous=False).pid
        == face.service.pid
    )


@pytest.mark.slow
def test_two_that_start_at_once_share_one_service(tmp_path):
    code = (
        "import sys; from spatial_widgets.server.launcher import LocalServiceProcess as L;"
        "s = L.start(store=sys.argv[1]); print(s.pid, s.started)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    path = os.pathsep.join(sys.path)
    programs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path})
        for _ in range(3)
    ]
    said = [program.communicate(timeout=60)[0].split() for program in programs]
    service = LocalServiceProcess.start(store=tmp_path)
    assert {pid for pid, _ in said} == {str(service.pid)}
    assert sorted(started for _, started in said) == ["False", "False", "True"]
    members = family(service.pid)
    service.stop()
    gone(members)


@pytest.mark.slow
def test_threads_that_start_at_once_share_one_service(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(LocalServiceProcess.start(store=tmp_path)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({service.pid for service in found}) == 1
    assert [service.started for service in found].count(True) == 1
    found[0].stop()


@pytest.mark.slow
def test_a_service_that_cannot_start_shows_the_end_of_its_log(tmp_path):
    with pytest.raises(SpatialWidgetsError, match="no_such_module") as caught:
        LocalServiceProcess.start(store=tmp_path, tasks=["no_such_module"])
    assert "service.log" in str(caught.value)


@pytest.mark.slow
def test_an_anonymous_service_has_no_token(start):
    face = start(anonymous=True)
    assert face.service.token is None
    assert "Greet" in face.raw(ROOT)[1]["tasks"]


@pytest.mark.slow
def test_the_inline_service_works_too(start):
    face = start(executor="inline", workers=None)
    assert face.ended(face.submit("Greet", name="a"))["jobStatus"] == "esriJobSucceeded"


@pytest.mark.slow
def test_the_service_lives_in_a_session_of_its_own(service):
    assert os.getsid(service.service.pid) == service.service.pid != os.getsid(0)


@pytest.mark.slow
def test_the_time_limit_of_the_service_holds(start):
    face = start(timeout_s=0.3)
    document = face.ended(face.submit("Stubborn"))
    assert document["jobStatus"] == "esriJobTimedOut"
    assert "0.3 s" in JobInfo.from_json(document).errors[0]


@pytest.mark.slow
def test_stopping_gives_a_running_job_its_grace_and_keeps_what_waits(start):
    face = start(limits=Limits(grace_s=60.0))
    running, waiting = face.submit("Sleep", seconds=1.5), face.submit("Greet", name="later")
    face.executing(running)
    face.service.stop()
    face = start()
    assert face.status(running) == "esriJobSucceeded"
    assert face.ended(waiting)["jobStatus"] == "esriJobSucceeded"


@pytest.mark.slow
def test_stopping_ends_a_worker_that_does_not_end_by_itself(start):
    face = start(limits=Limits(grace_s=0.2))
    job = face.submit("Stubborn")
    face.executing(job)
    members = wait_until(lambda: len(found := family(face.service.pid)) > 3 and found)
    face.service.stop()
    assert not any(is_alive(*member) for member in members)
    face = start()
    assert JobInfo.from_json(face.ask(job)).errors == (
        "The service stopped while this job was executing. Submit it again.",
    )


@pytest.mark.slow
def test_the_service_runs_in_the_foreground_too(tmp_path):
    program = subprocess.Popen(
        [sys.executable, "-m", "spatial_widgets.server", "--store", str(tmp_path), "--executor", "inline"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "SPATIAL_WIDGETS_SERVICE_TOKEN": "mine"},
        stderr=subprocess.DEVNULL,
    )
    try:
        found = wait_until(lambda: LocalServiceProcess.running(store=tmp_path))
        assert (found.token, found.pid) == ("mine", program.pid)
        assert json.loads((tmp_path / "service.json").read_text())["pid_start"] == start_mark(program.pid)
    finally:
        program.terminate()
        assert program.wait(20) == 0


@pytest.mark.slow
def test_limits_reach_a_new_service_and_a_running_one_must_have_them(start, tmp_path):
    limits = Limits(fields=5, timeout_s=30.0)
    face = start(limits=limits)
    reply = face.ask(f"{ROOT}/Greet/submitJob", name="a", **{f"x{n}": "1" for n in range(9)})
    assert "over 5 fields" in reply["error"]["message"]
    assert LocalServiceProcess.start(store=tmp_path / "store", limits=limits).pid == face.service.pid
    with pytest.raises(SpatialWidgetsError, match="fields is 5"):
        LocalServiceProcess.start(store=tmp_path / "store", limits=Limits(timeout_s=30.0))


@pytest.mark.slow
def test_an_answer_on_a_kept_connection_does_not_wait_for_an_ack(service):
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    with contextlib.closing(connection):
        taken = []
        for _ in range(30):
            began = time.monotonic()
            connection.request("GET", "/health")
            connection.getresponse().read()
            taken.append(time.monotonic() - began)
    # The first two come quickly in any case; a delayed ACK is 40 ms, every time.
    assert min(taken[5:]) < 0.03
