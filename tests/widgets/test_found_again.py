"""A job that was lost, and found again by a refresh."""

import threading

import pytest
from fakes import ScriptedApp, error

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client.policy import ContactPolicy, PollPolicy


@pytest.fixture
def lost():
    app = ScriptedApp(["esriJobExecuting", error(503, "down")])
    job = app.submit()
    job.poll_policy = PollPolicy(fixed_s=0.01)
    job.contact_policy = ContactPolicy(failures=2, silence_s=0.02, first_s=0.01, max_s=0.02)
    widget = sw.JobWidget(job)
    with pytest.raises(errors.JobLost):
        widget.wait(timeout=15)
    assert "Job.from_url" in widget.error
    assert widget.ended_at is not None
    yield app, widget
    widget.close()


def loaded(widget):
    ready = threading.Event()
    widget.observe(lambda _: ready.set(), "results_ready")
    return widget.results_ready or ready.wait(10)


def test_the_widgets_refresh_clears_the_error_and_watching_goes_on(lost):
    app, widget = lost
    app.polls = ["esriJobExecuting"] * 5 + ["esriJobSucceeded"]
    widget.refresh()
    assert (widget.error, widget.contact, widget.ended_at) == ("", "", None)
    assert loaded(widget)
    assert widget.job_status == "esriJobSucceeded"
    assert widget.error == ""


def test_the_jobs_own_refresh_does_the_same(lost):
    app, widget = lost
    app.polls = ["esriJobExecuting", "esriJobSucceeded"]
    widget.job.refresh()
    assert loaded(widget)
    assert (widget.job_status, widget.error) == ("esriJobSucceeded", "")


def test_a_refresh_that_brings_the_end_shows_it(lost):
    app, widget = lost
    app.polls = ["esriJobSucceeded"]
    assert widget.refresh().status.is_success
    assert (widget.job_status, widget.error) == ("esriJobSucceeded", "")
    assert loaded(widget)


def test_a_refresh_that_fails_changes_nothing(lost):
    _, widget = lost
    before = widget.error
    with pytest.raises(errors.ServiceError):
        widget.refresh()
    assert widget.error == before


def test_waiting_again_brings_the_widget_back_too(lost):
    app, widget = lost
    app.polls = ["esriJobExecuting", "esriJobSucceeded"]
    assert widget.wait(timeout=15).status.is_success
    assert loaded(widget)
    assert widget.error == ""


def test_a_second_widget_brings_the_first_one_back(lost):
    app, widget = lost
    app.polls = ["esriJobExecuting", "esriJobSucceeded"]
    second = sw.JobWidget(widget.job)
    assert loaded(second)
    assert loaded(widget)
    assert (widget.error, second.error) == ("", "")
    second.close()
