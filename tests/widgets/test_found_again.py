"""A job that was lost: what is shown of it, and how it is found again."""

import html
import re
import threading
from pathlib import Path

import pytest
from fakes import ScriptedApp, error, message
from watching import Seen, settled

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import Poller
from spatial_widgets.client.policy import ContactPolicy
from spatial_widgets.widgets import view
from spatial_widgets.widgets.phrases import say

JS = (Path(view.__file__).parent / "static" / "status.js").read_text()
QUICK = ContactPolicy(failures=2, silence_s=0.02, first_s=0.01, max_s=0.02, lost_s=0.05, lost_max_s=0.1)


def lost_widget(contact):
    app = ScriptedApp(["esriJobExecuting", error(503, "down")])
    job = app.submit()
    job.poll_interval = 0.01
    job.contact_policy = contact
    widget = sw.JobWidget(job)
    with pytest.raises(errors.JobLost, match=f"Job.from_url.'{job.url}'"):
        widget.wait(timeout=15)
    return app, settled(widget)


@pytest.fixture
def lost():
    app, widget = lost_widget(ContactPolicy(failures=2, silence_s=0.02, first_s=0.01, max_s=0.02))
    yield app, widget
    widget.close()


@pytest.fixture
def lost_for_a_moment():
    app, widget = lost_widget(QUICK)
    yield app, widget
    widget.close()


def test_the_badge_keeps_the_last_status_and_the_rest_tells_that_contact_was_lost(lost):
    _, widget = lost
    assert widget.job_status == "esriJobExecuting"
    assert widget.lost
    assert widget.ended_at is None
    assert widget.contact == ""
    first, second, third = widget.error.splitlines()
    assert re.fullmatch(
        r"Lost contact to the service: no good answer since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, still trying every 30 s\.",
        first,
    )
    assert second == f"The job may still run. To show it again, in any session: {widget.attach}"
    assert "error 503" in third


def test_the_saved_page_tells_it_too_and_is_true_again_afterwards(lost_for_a_moment):
    app, widget = lost_for_a_moment
    saved = []

    class Handle:
        def update(self, data, **_options):
            saved.append(data)

    widget._handles.append(Handle())
    data, _ = widget._repr_mimebundle_()
    for text in (data["text/plain"], data["text/html"]):
        assert "Executing" in text
        assert "lost contact" in text.casefold()
        assert "still trying every" in text
        assert widget.job_url in text
        assert widget.attach in html.unescape(text)
    app.polls = ["esriJobSucceeded"]
    assert loaded(widget)
    settled(widget)
    assert "lost" not in saved[-1]["text/plain"].casefold()
    assert "bufferLayer" in saved[-1]["text/html"]


def test_the_browser_has_the_same_word_for_it():
    assert 'export const LOST = say("job.lost");' in JS
    assert say("job.lost") == view.LOST


def test_it_is_found_again_by_itself_when_the_server_returns(lost_for_a_moment):
    app, widget = lost_for_a_moment
    told = [message("while nobody could ask"), message("and another")]
    app.polls = [
        {"jobId": app.job_id, "jobStatus": "esriJobExecuting", "messages": told},
        "esriJobExecuting",
        "esriJobSucceeded",
    ]
    seen = Seen(widget, "lost", "error", "messages")
    seen.until(lambda w: not w.lost)
    assert loaded(widget)
    assert (widget.error, widget.contact, widget.lost) == ("", "", False)
    assert ("messages", [m | {"type": "esriJobMessageTypeInformative"} for m in told]) in seen.values
    assert len(widget.result(timeout=10)) == 1
    assert widget.wait(timeout=10).status.is_success


def test_the_number_it_tells_grows_with_the_pauses(lost_for_a_moment):
    _, widget = lost_for_a_moment
    seen = Seen(widget, "error")
    seen.until(lambda w: "still trying every 0.1 s" in w.error)


def test_a_refusal_in_the_end_is_told_and_nobody_asks_any_more(lost_for_a_moment):
    app, widget = lost_for_a_moment
    app.polls = [error(404, "Job not found.")]
    seen = Seen(widget, "lost")
    seen.until(lambda w: not w.lost)
    settled(widget)
    assert "Job not found" in widget.error
    assert widget.ended_at is not None
    asked = app.count(app.job_id)
    thread = Poller.shared()._thread
    if thread is not None:
        thread.join(10)
    assert app.count(app.job_id) == asked


def test_closing_the_widget_ends_the_slow_watch_and_the_thread(lost):
    _, widget = lost
    thread = Poller.shared()._thread
    widget.close()
    if thread is not None:
        thread.join(10)
        assert not thread.is_alive()
    assert widget.job.watch.ended
    with pytest.raises(errors.JobLost):
        widget.job.wait(timeout=15)


def test_waiting_polls_at_once_and_has_its_own_patience(lost):
    app, widget = lost
    asked = app.count(app.job_id)
    with pytest.raises(errors.JobLost):
        widget.wait(timeout=15)
    assert app.count(app.job_id) >= asked + 2
    assert settled(widget).lost
    assert "still trying every 30 s" in widget.error


def loaded(widget):
    ready = threading.Event()
    widget.observe(lambda _: ready.set(), "results_ready")
    return widget.results_ready or ready.wait(10)


def test_the_widgets_refresh_clears_the_error_and_watching_goes_on(lost):
    app, widget = lost
    app.polls = ["esriJobExecuting"] * 5 + ["esriJobSucceeded"]
    widget.refresh()
    assert (widget.error, widget.contact, widget.lost, widget.ended_at) == ("", "", False, None)
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
