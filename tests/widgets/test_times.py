"""How long a job waited and ran, and what nobody can know of that."""

import json
from pathlib import Path

import pytest
from fakes import ScriptedApp

import spatial_widgets as sw
from spatial_widgets.client.course import Moment
from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets.times import course_text, spans, spans_text

CASES = json.loads((Path(__file__).parent / "times_cases.json").read_text())
POLLS = ["esriJobWaiting", "esriJobWaiting", "esriJobExecuting", "esriJobSucceeded"]


def course_of(moments):
    return [Moment(JobStatus.parse(word), at) for word, at in moments]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_waiting_and_running_are_told_apart_as_far_as_they_were_seen(case):
    told = spans(course_of(case["moments"]), is_new=case["isNew"], until=case["until"])
    assert spans_text(told) == case["text"]


def test_the_course_reads_as_text():
    course = course_of([["esriJobSubmitted", 1.7e9], ["esriJobExecuting", 1.7e9 + 1.25]])
    assert course_text(course, is_new=True) == "Submitted 2023-11-14 22:13:20 UTC, Executing +1.2 s"
    found = "Submitted, first seen 2023-11-14 22:13:20 UTC, Executing 22:13:21 UTC"
    assert course_text(course, is_new=False) == found


def test_a_widget_that_comes_late_shows_what_the_job_saw_before():
    job = ScriptedApp(POLLS).submit()
    job.poll_interval = 0.01
    job.wait()
    widget = sw.JobWidget(job)
    words = [word for word, _ in widget.moments]
    assert words == ["esriJobSubmitted", "esriJobWaiting", "esriJobExecuting", "esriJobSucceeded"]
    moments = [at for _, at in widget.moments]
    assert moments == sorted(moments)
    assert (widget.started_at, widget.ended_at) == (moments[0], moments[-1])
    assert widget.is_new
    widget.close()


def test_of_a_job_that_was_found_nobody_knows_the_beginning():
    app = ScriptedApp(POLLS)
    url = app.submit().url
    task = app.service().task("Buffer")
    widget = sw.JobWidget(task.attach(url.rpartition("/")[2]))
    widget.wait()
    assert not widget.is_new
    assert widget.moments[0][0] == "esriJobWaiting"
    widget.close()


def test_a_course_that_goes_back_and_forth_stays_short_and_keeps_its_ends():
    job = ScriptedApp([*["esriJobExecuting", "esriJobWaiting"] * 60, "esriJobSucceeded"]).submit()
    job.poll_interval = 0.001
    job.wait()
    assert len(job.course) == 50
    assert job.course[0].status is JobStatus.SUBMITTED
    assert job.course[-1].status is JobStatus.SUCCEEDED
