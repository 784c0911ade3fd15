"""The results while they are loaded: told as they come, and stopped on demand."""

import itertools
import threading

import pytest
from fakes import FakeClock, ScriptedApp
from slow_server import ROWS, SlowServer
from watching import Seen, settled

import spatial_widgets as sw
from spatial_widgets.client import Poller
from spatial_widgets.widgets.loading import Loading, figures

STOPPED = {"state": "stopped", "text": "Loading was stopped; w.result() loads it"}


@pytest.fixture
def shown():
    made = []

    def show(server):
        widget = sw.JobWidget.from_url(server.job_url)
        made.append(widget)
        return widget, Seen(widget)

    yield show
    for widget in made:
        widget.close()


def stop(widget):
    widget._on_browser(widget, {"kind": "stop-loading"}, [])


def says(text):
    return lambda widget: text in widget.loading.get("text", "")


def test_bytes_and_rows_grow_and_go_when_the_results_are_here(shown):
    with SlowServer(bufferLayer=None, steps=4) as server:
        widget, seen = shown(server)
        seen.until(says("Loading bufferLayer…"))
        server.give("bufferLayer", 1)
        seen.until(says(" MB, "))
        first = widget.loading["text"]
        assert widget.loading["state"] == "running"
        assert first in widget._plain_text()
        assert first in widget._html_text()
        server.give("bufferLayer", 2)
        seen.until(lambda w: w.loading["text"] != first)
        server.give_all()
        seen.until(lambda w: w.results_ready)
        assert seen.threads == {"spatial-widgets-poller"}
        rows = [int(text.split(", ")[1].split()[0].replace(",", "")) for text in seen.texts if "rows" in text]
        assert rows == sorted(rows)
        assert 0 < rows[0] < rows[-1] <= 4 * ROWS
        assert settled(widget).loading == {}
        assert len(widget.result()) == 4 * ROWS
        assert server.app.count("bufferLayer") == 1
        assert "Loading" not in widget._plain_text()


def test_stop_ends_the_loading_and_the_job_is_well(shown):
    with SlowServer(bufferLayer=None) as server:
        widget, seen = shown(server)
        server.give("bufferLayer", 1)
        seen.until(says(" MB, "))
        stop(widget)
        seen.until(lambda w: w.loading == STOPPED)
        assert (widget.job_status, widget.error, widget.results_ready) == ("esriJobSucceeded", "", False)
        assert widget.job.status.is_success
        assert STOPPED["text"] in widget._plain_text()
        assert STOPPED["text"] in widget._html_text()
        stop(widget)
        server.give_all()
        assert len(widget.result()) == 8 * ROWS  # though the first download may not have noticed yet
        seen.until(lambda w: w.results_ready)
        assert settled(widget).loading == {}
        assert widget.summary[0]["rows"] == 8 * ROWS
        assert server.app.count("bufferLayer") == 2


def test_a_result_can_be_had_while_the_stopped_download_is_silent(shown):
    with SlowServer(bufferLayer=None, steps=1) as server:
        widget, seen = shown(server)
        seen.until(says("Loading bufferLayer…"))
        stop(widget)
        seen.until(lambda w: w.loading == STOPPED)
        server.app.results["bufferLayer"] = 7
        assert widget.result() == 7


def test_a_click_after_the_end_does_nothing(shown):
    with SlowServer(bufferLayer=None, steps=1) as server:
        server.give_all()
        widget, seen = shown(server)
        seen.until(lambda w: w.results_ready)
        stop(widget)
        assert settled(widget).loading == {}
        assert widget.results_ready
    running = sw.JobWidget(ScriptedApp(["esriJobExecuting", "esriJobFailed"]).submit())
    stop(running)
    running.wait(timeout=10, check=False)
    stop(running)
    assert settled(running).loading == {}
    running.close()


def test_several_outputs_are_told_one_after_the_other_and_stopped_together(shown):
    with SlowServer(first=None, second=7, third=None, steps=2) as server:
        widget, seen = shown(server)
        seen.until(says("Loading first…"))
        server.give("first", 1)
        seen.until(says("Loading first: "))
        server.give("first", 1)
        seen.until(says("Loading third…"))
        stop(widget)
        seen.until(lambda w: w.loading == STOPPED)
        assert [s["name"] for s in settled(widget).summary] == ["first", "second"]
        assert not widget.results_ready
        assert len(widget.result("first")) == 2 * ROWS
        assert settled(widget).loading == STOPPED
        server.give("third", 2)
        assert len(widget.result("third")) == 2 * ROWS
        seen.until(lambda w: w.results_ready)
        assert len(widget.summary) == 3


def test_there_are_at_most_five_updates_a_second_and_the_last_one_is_shown():
    clock, told = FakeClock(), []
    shown = threading.Event()
    job = ScriptedApp().submit(clock=clock)
    poller = Poller(clock=clock, threaded=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Poller, "shared", lambda: poller)
        loading = Loading(job, lambda it: (told.append((clock.time, it.to_json()["text"])), shown.set()))
        started = clock.time
        for n in range(1, 1001):
            loading._on_progress(n * 1000, n)
            clock.time += 0.003
            poller.tick(clock.time)
        while (due := poller.tick(clock.time)) is not None:
            clock.time = due
    times = [started, *(at for at, _ in told)]
    assert all(after - before >= 0.25 for before, after in itertools.pairwise(times))
    assert len(told) >= 10
    assert told[-1][1].endswith("1.0 MB, 1,000 rows")


def test_a_closed_widget_loads_no_further():
    with SlowServer(bufferLayer=None) as server:
        widget = sw.JobWidget.from_url(server.job_url)
        seen = Seen(widget)
        seen.until(says("Loading bufferLayer…"))
        widget.close()
        server.give("bufferLayer", 3)
        assert widget.loading != STOPPED
    assert not widget.results_ready


def test_figures_read_as_people_say_them():
    assert figures(12_345_678, 45_000) == "12.3 MB, 45,000 rows"
    assert figures(9_876, 1) == "10 kB, 1 row"
    assert figures(2_345_678_901, 0) == "2,345.7 MB, 0 rows"
