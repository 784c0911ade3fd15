"""Several jobs in a terminal, and the names that a shell completes."""

import io
import sys

import pytest
from fakes import message
from manyjobs import ManyJobs
from programs import program
from rich.console import Console

from spatial_widgets import LocalService
from spatial_widgets.terminal import follow_all, job_table


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))


def jobs_that_end(*ends):
    app = ManyJobs(ends={str(n): end for n, end in enumerate(ends)})
    task = app.task_()
    return [task.submit(inputLayer={"features": []} | LAYER, distance=n) for n in range(len(ends))]


LAYER = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [],
    "features": [],
}


def test_each_change_is_a_line_and_all_are_followed_to_their_ends(capsys):
    jobs = jobs_that_end("esriJobSucceeded", "esriJobFailed", "esriJobSucceeded")
    assert follow_all(jobs) == {}
    out = capsys.readouterr().out
    for job in jobs:
        assert f"{job.job_id}  {job.status.value}" in out
    assert "esriJobFailed" in out


def test_a_job_that_cannot_be_followed_is_told_and_the_others_go_on():
    jobs = jobs_that_end(
        "esriJobSucceeded", {"error": {"code": 400, "message": "no such job", "details": []}}
    )
    failures = follow_all(jobs)
    assert list(failures) == [jobs[1].url]
    assert "no such job" in str(failures[jobs[1].url])


def test_a_terminal_gets_a_table_in_which_a_servers_words_steer_nothing():
    said = message("[red]boo[/red]\x1b[2J\nmore", "Error")
    last = message("Failed at noon.")
    jobs = jobs_that_end({"jobId": "j0", "jobStatus": "esriJobFailed", "messages": [said, last]})
    jobs[0].wait(20, check=False)
    out = io.StringIO()
    Console(file=out, width=120).print(job_table(jobs))
    text = out.getvalue()
    assert "[red]boo[/red]␛[2J" in text  # the last error, though more was said
    assert "\x1b" not in text
    assert "Failed" in text


def test_the_table_is_what_a_terminal_is_given(monkeypatch):
    out = io.StringIO()
    out.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    follow_all(jobs_that_end("esriJobSucceeded", "esriJobSucceeded"))
    assert "Last message" in out.getvalue()
    assert "Succeeded" in out.getvalue()


def completions(line, tmp_path):
    """Return what the shell offers after a line: asked in the way of its completion function."""
    told = tmp_path / "told"
    process = program(
        "from spatial_widgets.cli import main; main()",
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_STDOUT_FILENAME=str(told),
        _ARGCOMPLETE_SUPPRESS_SPACE="1",
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
        COMP_TYPE="63",
    )
    process.communicate(timeout=120)
    return {word.strip() for word in told.read_text().splitlines()}


def test_the_shell_completes_tasks_parameters_and_choices_from_the_running_service(tmp_path):
    LocalService.start()
    assert "CreateBuffers" in completions("spatial-widgets submit Create", tmp_path)
    assert {"distances=", "units="} <= completions("spatial-widgets submit CreateBuffers -p ", tmp_path)
    assert "units=Meters" in completions("spatial-widgets submit CreateBuffers -p units=", tmp_path)
