"""The lines that a service writes of its jobs, in its store and on the terminal."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import stat
import subprocess
import sys

import pytest
from faces import HttpFace, wait_until
from tasks_for_tests import TOYS

from spatial_widgets import LocalService
from spatial_widgets.cli import main
from spatial_widgets.client import history
from spatial_widgets.protocol import JobStatus
from spatial_widgets.server import journal as journal_module
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.journal import JOBS_LOG, Journal, event_of
from spatial_widgets.server.schema import JobRow

S = JobStatus


def row(status, **times):
    plain = dict.fromkeys(("started", "finished", "pid", "pid_start", "percent", "doing"))
    return JobRow(
        seq=1, id="j1", task="T", status=status, attempt=1, restartable=False, timeout_s=1.0, submitted=10.0,
        **plain | times,
    )  # fmt: skip


def lines(store):
    return [json.loads(line) for line in (store / JOBS_LOG).read_text().splitlines()]


def words(store):
    return [(line["event"], line.get("status", line.get("code"))) for line in lines(store)]


@pytest.mark.parametrize(
    ("source", "target", "event"),
    [
        (S.NEW, S.SUBMITTED, "submitted"),
        (S.SUBMITTED, S.WAITING, None),
        (S.WAITING, S.EXECUTING, "started"),
        (S.EXECUTING, S.WAITING, "requeued"),
        (S.EXECUTING, S.CANCELLING, "cancelled"),
        (S.CANCELLING, S.CANCELLED, "ended"),
        (S.EXECUTING, S.FAILED, "ended"),
    ],
)
def test_each_change_of_status_is_an_event_or_none(source, target, event):
    found = event_of(row(target, started=12.0, finished=14.5), source)
    assert (found and found["event"]) == event
    if event == "ended":
        assert found == {"event": "ended", "job": "j1", "task": "T", "status": target.value, "seconds": 2.5}


def test_a_job_that_never_began_ended_after_no_time():
    assert event_of(row(S.CANCELLED, finished=20.0), S.SUBMITTED)["seconds"] == 0.0


def test_a_service_writes_one_line_for_each_event_and_no_parameter(core, face, caplog):
    caplog.set_level(logging.INFO, "spatial_widgets.server.jobs")
    job = face.submit("Greet", name="secret-name")
    assert face.ask("/arcgis/rest/services/tasks/GPServer/Greet/submitJob")["error"]["code"] == 400
    face.submit("Refuse", text="secret-text")
    store = core.store.folder
    assert words(store) == [
        ("submitted", None),
        ("started", None),
        ("ended", "esriJobSucceeded"),
        ("refused", 400),
        ("submitted", None),
        ("started", None),
        ("ended", "esriJobFailed"),
    ]
    assert {line["job"] for line in lines(store)[:3]} == {job.rpartition("/")[2]}
    assert all(dt.datetime.fromisoformat(line["time"]).tzinfo for line in lines(store))
    assert "secret" not in (store / JOBS_LOG).read_text()
    assert stat.S_IMODE((store / JOBS_LOG).stat().st_mode) == 0o600
    plain = [record.getMessage() for record in caplog.records if record.name.endswith(".jobs")]
    assert plain[0] == f"submitted {job.rpartition('/')[2]} Greet"
    assert plain[2].startswith(f"ended {job.rpartition('/')[2]} Greet esriJobSucceeded after ")
    assert plain[3] == "refused Greet with error 400"


def test_a_cancel_that_is_taken_is_told_before_the_end(tmp_path):
    with build_core(tmp_path, TOYS, drive="step") as core:
        job = core.store.add("Greet", {"name": "a"}, restartable=False, timeout_s=1.0)
        assert core.supervisor.cancel(job)
        assert words(tmp_path) == [("submitted", None), ("cancelled", None), ("ended", "esriJobCancelled")]


def test_the_file_is_turned_over_when_it_is_long_and_a_full_disk_loses_no_job(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "_MOST_BYTES", 100)
    journal = Journal(tmp_path)
    for _ in range(5):
        journal.refused("T", 400)
    journal.close()
    assert len(lines(tmp_path)) < 5
    assert (tmp_path / f"{JOBS_LOG}.1").exists()
    nowhere = Journal(tmp_path / "gone")
    nowhere.refused("T", 400)
    nowhere.close()


# ---------------------------------------------------------------- on the terminal


@pytest.mark.slow
@pytest.mark.parametrize("quiet", [False, True])
def test_serve_shows_jobs_as_they_go_and_jobs_lists_them(tmp_path, monkeypatch, capsys, quiet):
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    options = ["serve", "--tasks", "tasks_for_tests", "--executor", "inline", "--strict"]
    program = subprocess.Popen(
        [sys.executable, "-c", "import sys; from spatial_widgets.cli import main; sys.exit(main(sys.argv[1:]))"]
        + options + ["--quiet"] * quiet,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        local = wait_until(LocalService.running)
        job = local.service().task("Greet").submit(name="secret-name")
        job.wait(timeout=60)
        assert main(["jobs", "--service"]) == 0
        assert main(["jobs", "--service", local.url, "--json", "--limit", "1"]) == 0
        table, _, document = capsys.readouterr().out.partition("[")
        assert table.splitlines()[0].split() == ["TASK", "STATUS", "SUBMITTED", "RAN", "URL"]
        assert table.splitlines()[1].startswith("Greet  Succeeded")
        assert [one["url"] for one in json.loads(f"[{document}")] == [job.url]
        assert HttpFace(local).raw("/health")[1]["jobs"] == {"esriJobSucceeded": 1}
    finally:
        program.terminate()
        said = program.communicate(timeout=30)[1]
        history.close()
    told = [line.partition(": ")[2] for line in said.splitlines() if ".jobs: " in line]
    assert "secret-name" not in said
    assert local.token not in said
    if quiet:
        assert said == ""
    else:
        assert [line.split()[0] for line in told] == ["submitted", "started", "ended"]


def test_without_a_service_that_lists_its_jobs_that_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path / "store"))
    assert main(["jobs", "--service"]) == 1
    assert "spatial-widgets serve" in capsys.readouterr().err
