import json
import re
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
import traitlets
from fakes import POINT_LAYER, Raw, ScriptedApp, error, message

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client.policy import ContactPolicy
from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets import view
from spatial_widgets.widgets._base import module_text, static_text

STATIC = Path(view.__file__).parent / "static"
JS = module_text("job.js")


def ready(widget, timeout_s=10):
    """Wait until the widget has settled after the job's end."""
    settled = threading.Event()
    widget.observe(lambda _: settled.set(), ["results_ready", "error"])
    if not (widget.results_ready or widget.error):
        assert settled.wait(timeout_s)
    return widget


@pytest.fixture
def closing():
    widgets = []
    yield lambda w: widgets.append(w) or w
    for widget in widgets:
        widget.close()


def test_traits_follow_the_job_and_are_written_on_the_pollers_thread(closing):
    job = ScriptedApp(["esriJobExecuting", "esriJobExecuting", "esriJobSucceeded"]).submit()
    w = closing(sw.JobWidget(job))
    seen, threads = [], set()
    w.observe(lambda c: (seen.append(c.new), threads.add(threading.current_thread().name)), "job_status")
    w.wait(timeout=10)
    ready(w)
    assert seen[-1] == w.job_status == "esriJobSucceeded"
    assert threads == {"spatial-widgets-poller"}
    assert w.results_ready
    assert w.summary == [
        {
            "name": "bufferLayer",
            "kind": "GeoDataFrame",
            "rows": 1,
            "columns": ["n", "geometry"],
            "crs": "EPSG:4326",
            "text": "",
        }
    ]
    assert w.ended_at >= w.started_at > 0


def test_results_are_loaded_once_and_shared_with_the_job(closing):
    app = ScriptedApp()
    job = app.submit()
    w = ready(closing(sw.JobWidget(job)))
    assert w.result() is job.result() is w.results["bufferLayer"]
    assert app.count("bufferLayer") == 1


def test_traits_are_read_only_for_python_and_quietly_for_browsers(closing):
    w = closing(sw.JobWidget(ScriptedApp().submit()))
    for name in ("job_id", "job_status", "messages", "progress", "error", "results_ready", "loading"):
        with pytest.raises(traitlets.TraitError, match="read-only"):
            setattr(w, name, getattr(w, name))
    w.set_state({"job_status": "esriJobHacked", "nonsense": 1})
    assert w.job_status != "esriJobHacked"


def test_an_observer_that_raises_stops_nothing(closing, caplog):
    w = closing(sw.JobWidget(ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit()))
    w.observe(lambda c: 1 / 0, "job_status")
    w.wait(timeout=10)
    ready(w)
    assert w.job_status == "esriJobSucceeded"
    assert "raised" in caplog.text


def test_waiting_in_an_observer_is_refused_and_not_a_deadlock(closing):
    w = closing(
        sw.JobWidget(ScriptedApp(["esriJobExecuting", "esriJobExecuting", "esriJobSucceeded"]).submit())
    )
    caught = []

    def observer(_change):
        try:
            w.wait()
        except RuntimeError as error:
            caught.append(error)

    w.observe(observer, "job_status")
    w.wait(timeout=10)
    assert not caught or "itself" in str(caught[0])


def test_a_failed_job_shows_its_reason(closing):
    failed = {
        "jobId": "j0123456789abcdef0123456789abcdef",
        "jobStatus": "esriJobFailed",
        "messages": [message("no such field", "Error")],
    }
    w = ready(closing(sw.JobWidget(ScriptedApp([failed]).submit())))
    assert "no such field" in w.error
    assert w.messages == [{"type": "esriJobMessageTypeError", "description": "no such field"}]
    assert not w.results_ready
    with pytest.raises(errors.JobFailed):
        w.wait()


def test_a_result_that_cannot_be_read_is_told_and_the_job_stays_a_success(closing):
    cut = {**POINT_LAYER, "features": [], "exceededTransferLimit": True}
    w = ready(closing(sw.JobWidget(ScriptedApp(results={"bufferLayer": cut}).submit())))
    assert w.job_status == "esriJobSucceeded"
    assert "more rows" in w.error
    assert not w.results_ready
    w.refresh()
    assert "more rows" in w.error


def test_the_log_travels_once_and_is_healed_on_request(closing):
    texts = [message(f"line {n}") for n in range(700)]
    job_id = "j0123456789abcdef0123456789abcdef"
    polls = [
        {"jobId": job_id, "jobStatus": "esriJobExecuting", "messages": texts[:n]} for n in (10, 600, 600)
    ]
    polls.append({"jobId": job_id, "jobStatus": "esriJobSucceeded", "messages": texts, "results": {}})
    sent = []

    class Recorded(sw.JobWidget):
        def send(self, content, buffers=None):
            sent.append(content)

    w = closing(Recorded(ScriptedApp(polls, results={}).submit()))
    w.wait(timeout=20)
    logs = [m for m in sent if m["kind"] == "log"]
    assert [line[1] for m in logs for line in m["lines"]] == [f"line {n}" for n in range(700)]
    assert [m["seq"] for m in logs] == sorted({m["seq"] for m in logs})
    assert max(len(m["lines"]) for m in logs) <= 2000
    assert len(w.messages) == 200
    assert w.message_total == len(w.job.info.messages) == 700
    sent.clear()
    w._on_browser(w, {"kind": "log-from", "seq": 690}, [])
    assert [line[1] for line in sent[0]["lines"]] == [f"line {n}" for n in range(690, 700)]
    for odd in (
        None,
        {},
        {"kind": "log-from"},
        {"kind": "log-from", "seq": -1},
        {"kind": "log-from", "seq": 10**9},
    ):
        w._on_browser(w, odd, [])
    assert len(sent) == 1


def test_refresh_returns_when_the_traits_are_up_to_date(closing):
    app = ScriptedApp(["esriJobWaiting"])
    w = closing(sw.JobWidget(app.submit()))
    app.polls = ["esriJobExecuting"]
    assert w.refresh().status is JobStatus.EXECUTING
    assert w.job_status == "esriJobExecuting"
    app.polls = ["esriJobSucceeded"]
    w.wait(timeout=15)


def test_cancel_from_the_browser_is_acknowledged_and_sent(closing):
    app = ScriptedApp(["esriJobExecuting", "esriJobExecuting", "esriJobCancelled"])
    done = threading.Event()

    class Recorded(sw.JobWidget):
        def send(self, content, buffers=None):
            if content["kind"] == "cancel-done":
                assert content["problem"] == ""
                done.set()

    w = closing(Recorded(app.submit()))
    w._on_browser(w, {"kind": "cancel"}, [])
    assert done.wait(10)
    assert app.count("cancel") <= 1
    w.wait(timeout=15, check=False)
    assert w.job_status == "esriJobCancelled"
    assert w.error == ""


def test_a_cancel_that_the_service_refuses_before_the_start_is_shown_as_waiting_for_it(closing):
    app = ScriptedApp(["esriJobSubmitted"])
    app.answers["cancel"] = [error(400, "Invalid or missing input parameters")]
    w = closing(sw.JobWidget(app.submit()))
    waits = threading.Event()
    w.observe(lambda c: waits.set() if c.new else None, "cancel_pending")
    w._on_browser(w, {"kind": "cancel"}, [])
    assert waits.wait(10)
    assert w.job_status == "esriJobSubmitted"
    app.polls = ["esriJobExecuting", "esriJobCancelled"]
    w.wait(timeout=15, check=False)
    assert w.job_status == "esriJobCancelled"
    assert not w.cancel_pending
    assert app.count("cancel") == 2


def test_a_lost_job_says_so_and_how_to_attach(closing, monkeypatch):
    from spatial_widgets.client.policy import ContactPolicy, PollPolicy

    app = ScriptedApp(["esriJobExecuting", error(503, "down")])
    job = app.submit()
    job.poll_policy = PollPolicy(fixed_s=0.01)
    job.contact_policy = ContactPolicy(silence_s=0.1, first_s=0.01, max_s=0.05)
    w = ready(closing(sw.JobWidget(job)))
    assert w.attach in w.error
    assert w.job_status == "esriJobExecuting"
    with pytest.raises(errors.JobLost):
        w.wait(timeout=15)


def test_the_saved_form_is_true_and_holds_server_text_as_text(closing):
    job_id = "j0123456789abcdef0123456789abcdef"
    failed = {
        "jobId": job_id,
        "jobStatus": "esriJobFailed",
        "messages": [message("<script>alert(1)</script>", "Error")],
    }
    w = ready(closing(sw.JobWidget(ScriptedApp([failed]).submit(auth="very-secret"))))
    data, _ = w._repr_mimebundle_()
    assert f"Buffer job {job_id}: Failed (esriJobFailed)" in data["text/plain"]
    assert "esriJobFailed" in data["text/html"]
    assert job_id in data["text/html"]
    assert "<script>" not in data["text/html"]
    assert "&lt;script&gt;" in data["text/html"]
    assert "very-secret" not in json.dumps([data, w.get_state()], default=str)
    assert "very-secret" not in repr(w)


def test_a_job_that_ends_while_it_is_displayed_is_saved_with_its_end(closing, monkeypatch):
    w = closing(sw.JobWidget(ScriptedApp(["esriJobExecuting", "esriJobFailed"]).submit()))
    saved = []

    class Handle:
        def update(self, data, **_options):
            saved.append(data["text/plain"])

    def display(data, **_options):
        saved.append(data["text/plain"])
        w.wait(timeout=10, check=False)
        ready(w)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    w._ipython_display_()
    assert "esriJobFailed" not in saved[0]
    assert "esriJobFailed" in saved[-1]


def test_a_misspelt_argument_is_refused():
    with pytest.raises(TypeError, match="jobs"):
        sw.JobWidget(ScriptedApp().submit(), jobs=1)
    with pytest.raises(TypeError, match="shows a Job"):
        sw.JobWidget("j123")


def test_a_closed_widget_leaves_its_job_alone():
    w = sw.JobWidget(ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit())
    w.close()
    assert w.job.wait(timeout=10).status.is_success
    w.close()


def test_every_status_has_a_tone_and_the_browser_the_same_table():
    assert set(view.TONES) == set(JobStatus)
    tones = dict(re.findall(r'^  (\w+): "(\w+)",$', static_text("status.js"), flags=re.MULTILINE))
    assert tones == {s.value: view.badge(s)[1] for s in JobStatus}
    final = set(re.search(r"FINAL = new Set\(\[(.*?)\]\)", JS).group(1).replace('"', "").split(", "))
    assert {s for s in JobStatus if view.TONES[s] in final} == {s for s in JobStatus if s.is_terminal}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "a list of 0"),
        ([pd.DataFrame()], "a list of 1"),
        ([{"layoutTemplate": "A3"}], "a list of 1"),
        ([1, 2.5, "x"], "a list of 3: 1 · 2.5 · x"),
        (
            [{"messageCode": "", "message": "Band: ${km} km.", "params": {"km": 4}, "style": ""}],
            "a list of 1: Band: 4 km.",
        ),
        ([7] * 3000, "a list of 3,000: " + "7 · " * 20 + "…"),
        (["y" * 300, 1], "a list of 2: " + "y" * 199 + "…"),
    ],
)
def test_a_list_among_the_results_shows_how_it_begins(value, text):
    assert view.summarize("processInfo", value).sentence == f"processInfo: {text}"


def test_the_browser_reads_exactly_the_synced_traits():
    read = set(re.findall(r'model\.get\("(\w+)"\)', JS))
    own = {name for name, trait in sw.JobWidget.class_own_traits().items() if trait.metadata.get("sync")}
    assert read == own


def test_the_front_end_fetches_nothing_and_builds_no_html():
    for file in STATIC.iterdir():
        text = re.sub(r"/\*\*.*?\*/", "", file.read_text(), flags=re.DOTALL)  # types, which name modules
        if file.name == "unpack.js":  # what it imports is the text that the widget brought along
            assert text.count("import(address)") == 1
            text = text.replace("import(address)", "")
        for word in ("innerHTML", "insertAdjacentHTML", "fetch(", "http://", "https://", "eval(", "import("):
            assert word not in text, f"{file.name}: {word}"


def test_a_widget_on_a_finished_job_loads_its_results(closing):
    job = ScriptedApp().submit()
    job.wait()
    w = ready(closing(sw.JobWidget(job)))
    assert w.results_ready
    assert w.summary[0]["name"] == "bufferLayer"


def test_an_observer_that_leaves_the_program_does_not_end_the_poller(closing):
    w = closing(sw.JobWidget(ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit()))
    w.observe(lambda _: sys.exit(), "job_status")
    other = closing(sw.JobWidget(ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit()))
    assert ready(other).results_ready
    assert ready(w).results_ready


def test_trouble_that_passed_is_not_shown_of_a_job_that_ended(closing):
    job = ScriptedApp(["esriJobExecuting", Raw("", 503), "esriJobSucceeded"]).submit()
    job.contact_policy = ContactPolicy(first_s=0.01)
    w = closing(sw.JobWidget(job))
    seen = []
    w.observe(lambda c: seen.append(c.new), "contact")
    w.wait(timeout=10)
    ready(w)
    assert "still trying" in seen[0]
    assert w.contact == ""
