import gc
import json
import re
import threading
import time
import weakref

import pandas as pd
import pytest
import traitlets
from fakes import ScriptedApp, error, message
from watching import Browser, turned_by_hand

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client.policy import ContactPolicy, PollPolicy
from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets import jobrow, view
from spatial_widgets.widgets._base import module_text, static_text
from spatial_widgets.widgets.job import show_job


def job_of(number, polls, **options):
    """Return a job of a server of its own, which follows ``polls``."""
    app = ScriptedApp(polls, results={})
    app.job_id = f"j{number:031d}"
    job = app.submit(**options)
    job.app = app
    job.poll_policy = PollPolicy(fixed_s=0.01)
    return job


def at_work(percent, text="working"):
    return {
        "jobStatus": "esriJobExecuting",
        "messages": [message(text)],
        "progress": {"type": "percentage", "percent": percent},
    }


@pytest.fixture
def closing():
    tables = []
    yield lambda table: tables.append(table) or table
    for table in tables:
        table.close()


# ---------------------------------------------------------------- what goes in


def test_jobs_are_watched_from_creation_until_they_end(closing):
    jobs = [
        job_of(n, ["esriJobExecuting", "esriJobExecuting", end])
        for n, end in enumerate(["esriJobSucceeded", "esriJobFailed"])
    ]
    table = closing(sw.JobTable(jobs))
    assert table.jobs == tuple(jobs)
    assert len(table) == 2
    for job in jobs:
        job.wait(timeout=20, check=False)
    table.add(job_of(2, ["esriJobSucceeded"]))  # returns when the poller has told all before
    table.jobs[2].wait(timeout=20)
    seen = threading.Event()
    table.observe(lambda _: seen.set(), "counts")
    while table.counts != {"esriJobSucceeded": 2, "esriJobFailed": 1}:
        assert seen.wait(20)
        seen.clear()


def test_a_job_is_one_row_however_often_it_is_added(closing):
    job = job_of(1, ["esriJobSucceeded"])
    job.wait()
    same = sw.Job.from_json(job.to_json())
    widget = sw.JobWidget(job)
    table = closing(sw.JobTable([job, widget, same, job]))
    table.add(widget)
    table.add(same, job)
    assert table.jobs == (job,)
    assert table.counts == {JobStatus.SUCCEEDED: 1}
    widget.close()


@pytest.mark.parametrize("odd", ["j123", [1], [None], 5, None, {"job": 1}, [["job"]]])
def test_anything_but_a_job_is_refused_by_name_and_nothing_is_added(closing, odd):
    with pytest.raises(TypeError, match=r"JobTable\(jobs\) takes jobs, each a Job or a JobWidget, got \w+"):
        sw.JobTable(odd)
    table = closing(sw.JobTable())
    job = job_of(1, ["esriJobSucceeded"])
    with pytest.raises(TypeError, match=r"table.add\(job\) takes jobs"):
        table.add(job, odd)
    assert len(table) == 0
    with pytest.raises(TypeError, match="no argument 'job'"):
        sw.JobTable(job=1)


def test_a_finished_job_costs_no_request(closing):
    job = job_of(1, ["esriJobSucceeded"])
    job.wait()
    before = len(job.app.asked)
    table = closing(sw.JobTable([job]))
    Browser(table).until(lambda b: b.rows)
    assert len(job.app.asked) == before
    assert table.counts == {"esriJobSucceeded": 1}


def test_an_empty_table_says_what_to_do(closing):
    table = closing(sw.JobTable())
    assert "table.add(job)" in table._plain_text()
    assert "table.add(job)" in table._html_text()
    assert table.counts == {}
    assert table
    assert list(table.frame.columns)[:3] == ["task", "job_id", "status"]
    assert len(table.frame) == 0


def test_a_closed_table_drops_its_interest_and_can_go():
    job = job_of(1, ["esriJobExecuting"])
    table = sw.JobTable([job])
    browser = Browser(table).until(lambda b: b.rows)
    browser.ask("open", [0])
    browser.until(lambda b: b.rows[0]["widget"])
    table.close()
    table.close()
    kept = weakref.ref(table)
    del table, browser
    for thread in threading.enumerate():  # nobody listens: the poller lets the job go
        if thread.name.startswith("spatial-widgets"):
            thread.join(10)
    gc.collect()
    assert kept() is None
    assert not job.done()


def test_counts_are_read_only_and_written_on_the_pollers_thread(closing):
    table = closing(sw.JobTable([job_of(1, ["esriJobExecuting", "esriJobSucceeded"])]))
    threads = set()
    table.observe(lambda _: threads.add(threading.current_thread().name), "counts")
    with pytest.raises(traitlets.TraitError, match="read-only"):
        table.counts = {}
    table.set_state({"counts": {"x": 1}, "saved_rows": [{"key": 9}]})
    table.jobs[0].wait(timeout=20)
    Browser(table).until(lambda b: b.rows and b.rows[0]["status"] == "esriJobSucceeded")
    assert threads == {"spatial-widgets-poller"}
    assert table.counts == {"esriJobSucceeded": 1}
    assert table.saved_rows != [{"key": 9}]


# ---------------------------------------------------------------- what comes out


def test_the_frame_has_a_row_for_each_job(closing):
    running = job_of(1, [at_work(40, "half  of\nit")])
    failed = job_of(
        2, [{"jobStatus": "esriJobFailed", "messages": [message("no field", "Error"), message("bye")]}]
    )
    waiting = job_of(3, ["esriJobWaiting"])
    running.refresh(), failed.refresh()
    table = closing(sw.JobTable([running, failed, waiting]))
    frame = table.frame
    assert list(frame.columns) == [
        "task", "job_id", "status", "progress", "submitted", "elapsed", "last_message", "url",
    ]  # fmt: skip
    assert frame["job_id"].tolist() == [job.job_id for job in table.jobs]
    assert frame["status"].tolist()[:2] == ["esriJobExecuting", "esriJobFailed"]
    assert frame["progress"][0] == 40
    assert pd.isna(frame["progress"][1])
    assert frame["last_message"].tolist()[:2] == ["half of it", "no field"]
    assert str(frame["submitted"].dtype) == "datetime64[ns, UTC]"
    assert str(frame["elapsed"].dtype) == "timedelta64[ns]"
    assert (frame["elapsed"] >= pd.Timedelta(0)).all()
    assert frame["url"][0] == running.url
    assert frame["submitted"][0].timestamp() == pytest.approx(running.first_seen_at, abs=0.01)


def test_a_job_that_had_ended_when_it_was_first_seen_has_no_times(closing):
    first = job_of(1, ["esriJobSucceeded"])
    found = first.app.service().task("Buffer").attach(first.job_id)
    frame = closing(sw.JobTable([found])).frame
    assert frame["submitted"].isna().all()
    assert frame["elapsed"].isna().all()


def test_a_lost_job_says_so_and_is_no_longer_counted_as_running(closing):
    job = job_of(1, ["esriJobExecuting", error(503, "down")])
    job.contact_policy = ContactPolicy(silence_s=0.1, first_s=0.01, max_s=0.05)
    table = closing(sw.JobTable([job]))
    browser = Browser(table).until(lambda b: b.rows and b.rows[0].get("hold") == "lost contact")
    assert "Job.from_url" in browser.rows[0]["note"]
    assert browser.rows[0]["word"] == "lost"
    assert "1 lost" in table._plain_text()
    assert table.counts == {"esriJobExecuting": 1}


def test_server_text_stays_text_and_no_token_leaves(closing):
    job = job_of(
        1,
        [{"jobStatus": "esriJobFailed", "messages": [message("<script>alert(1)</script>", "Error")]}],
        auth="very-secret",
    )
    table = closing(sw.JobTable([job]))
    browser = Browser(table).until(lambda b: any(d["method"] == "update" for _, d in b.sent))
    data, _ = table._repr_mimebundle_()
    assert "Failed (esriJobFailed): <script>" in data["text/plain"]
    assert "<script>" not in data["text/html"]
    assert "&lt;script&gt;" in data["text/html"]
    assert "very-secret" not in json.dumps([data, table.get_state(), browser.sent], default=str) + repr(table)
    assert table.saved_rows[0]["status"] == "esriJobFailed"  # for a page without a kernel


def test_a_saved_page_shows_the_rows_that_fit_trouble_first_and_says_how_many_more(closing):
    done = job_of(0, ["esriJobSucceeded"])
    done.wait()
    jobs = [done.app.service().task("Buffer").attach(done.job_id) for _ in range(450)]
    for number, job in enumerate(jobs):
        job.url = f"{job.url}{number}"
    jobs[400].snapshot.info = jobrow_info("esriJobFailed")
    table = closing(sw.JobTable(jobs))
    data, _ = table._repr_mimebundle_()
    shown = data["text/html"].count("<tr>") - 1
    assert 40 < shown < 100
    assert f"… and {450 - shown} more" in data["text/html"]
    assert "Failed</span>" in data["text/html"].split("<tr>")[2]
    assert "449 succeeded, 1 failed" in data["text/plain"]
    assert "… and 430 more" in data["text/plain"]
    assert data["text/plain"].splitlines()[1].endswith("Failed (esriJobFailed)")


def jobrow_info(status):
    return sw.JobInfo.from_json({"jobId": "j", "jobStatus": status})


def test_a_table_that_ends_while_it_is_displayed_is_saved_with_its_end(closing, monkeypatch):
    table = closing(sw.JobTable([job_of(1, ["esriJobExecuting", "esriJobExecuting", "esriJobFailed"])]))
    saved, told = [], threading.Event()

    class Handle:
        def update(self, data, **_options):
            saved.append(data["text/plain"])
            told.set()

    monkeypatch.setattr(
        "IPython.display.display", lambda data, **_: saved.append(data["text/plain"]) or Handle()
    )
    table._ipython_display_()
    assert told.wait(20)
    assert "esriJobFailed" not in saved[0]
    assert "esriJobFailed" in saved[-1]
    assert len(saved) == 2


def test_the_words_of_statuses_are_those_of_the_badges():
    rows = [
        jobrow.JobRow(n, "T", "j", "u", status.value, jobrow._word(status, ""))
        for n, status in enumerate(JobStatus)
    ]
    text = jobrow.summary(rows)
    assert text.startswith("1 new, 1 submitted, 1 waiting, 1 running, 1 succeeded, 1 failed, 1 timed out")
    for status in set(JobStatus) - {JobStatus.EXECUTING}:
        assert view.badge(status)[0].lower() in text
    assert jobrow._word(JobStatus.parse("esriJobPaused"), "") == "esriJobPaused"


# ---------------------------------------------------------------- how often it speaks


@pytest.fixture
def manual(monkeypatch):
    return turned_by_hand(monkeypatch)


class Time:
    """The real time."""

    now = staticmethod(time.monotonic)


def busiest(times):
    return max(sum(start <= t <= start + 1.0 for t in times) for start in times)


def test_however_much_changes_the_browser_hears_five_times_a_second_and_all_of_it(manual):
    clock = manual._clock
    jobs = [job_of(n, [*map(at_work, range(40)), "esriJobSucceeded"], clock=clock) for n in range(25)]
    for number, job in enumerate(jobs):
        job.poll_policy = PollPolicy(fixed_s=0.2 + number / 400)
    table = sw.JobTable(jobs)
    browser = Browser(table, clock)
    browser.ask("hello")
    for _ in range(15):
        manual.run(0.7)
        browser.ask("hello")
        browser.ask("cancel", [])
    manual.run(5)
    times = [t for t, _ in browser.sent]
    assert len(times) > 30
    assert busiest(times) <= 5
    assert {row["status"] for row in browser.rows.values()} == {"esriJobSucceeded"}
    assert len(browser.rows) == 25
    assert [row["key"] for row in table.saved_rows] == list(range(25))
    table.close()


def test_a_thousand_jobs_have_one_thread_that_polls_and_a_browser_that_is_told_little(closing):
    jobs = [job_of(n, [*map(at_work, (20, 40, 60)), "esriJobSucceeded"]) for n in range(1000)]
    for job in jobs:
        job.poll_policy = PollPolicy(fixed_s=0.5)
    threads, done = [], threading.Event()
    table = closing(sw.JobTable(jobs[:1]))
    browser = Browser(table, Time())

    def look(change):
        threads.append([thread.name for thread in threading.enumerate()])
        if change.new == {"esriJobSucceeded": 1000}:
            done.set()

    table.observe(look, "counts")
    browser.ask("hello")
    table.add(*jobs)
    assert done.wait(120)
    browser.until(lambda b: sum(row["status"] == "esriJobSucceeded" for row in b.rows.values()) == 1000)
    assert {names.count("spatial-widgets-poller") for names in threads} == {1}
    assert max(sum(name.startswith("spatial-widgets-") for name in names) for names in threads) <= 33
    assert busiest([t for t, _ in browser.sent]) <= 5
    rows = [row for _, d in browser.sent for row in d.get("content", {}).get("rows", ())]
    assert (
        len(rows) <= sum(job.app.count(job.job_id) for job in jobs) + 2000
    )  # one for each news, and all of them once


def test_changes_are_compact_and_a_late_view_gets_everything(manual):
    clock = manual._clock
    job = job_of(1, [at_work(1), at_work(2), at_work(2, "other")], clock=clock)
    job.poll_policy = PollPolicy(fixed_s=1.0)
    table = sw.JobTable([job, job_of(2, ["esriJobExecuting"], clock=clock)])
    browser = Browser(table, clock)
    manual.run(0.3)
    browser.sent.clear()
    manual.run(2.5)
    rows = [d["content"]["rows"] for _, d in browser.sent]
    assert rows == [[{"key": 0, "progress": 2.0}], [{"key": 0, "message": "other"}]]
    browser.ask("hello")
    manual.run(0.3)
    whole = browser.sent[-1][1]["content"]
    assert whole["all"]
    assert [row["key"] for row in whole["rows"]] == [0, 1]
    assert set(whole["rows"][0]) == {f.name for f in jobrow.fields(jobrow.JobRow)}
    table.close()


def test_a_quiet_table_says_nothing(manual):
    job = job_of(1, ["esriJobExecuting"], clock=manual._clock)
    job.poll_policy = PollPolicy(fixed_s=1.0)
    table = sw.JobTable([job])
    browser = Browser(table, manual._clock)
    manual.run(1)
    browser.sent.clear()
    manual.run(60)
    assert browser.sent == []
    table.close()


# ---------------------------------------------------------------- commands


def test_cancel_asks_for_all_that_run_and_tells_what_became_of_each(closing):
    plain = job_of(1, ["esriJobExecuting"])
    refused = job_of(2, ["esriJobExecuting"])
    refused.app.answers["cancel"] = [error(403, "not yours")] * 3
    ended = job_of(3, ["esriJobSucceeded"])
    early = job_of(4, ["esriJobSubmitted"])
    early.app.answers["cancel"] = [error(400, "not yet")]
    for job in (plain, refused, ended, early):
        job.refresh()
    table = closing(sw.JobTable([plain, refused, ended, early]))
    browser = Browser(table).until(lambda b: len(b.rows) == 4)
    told = table.cancel()
    assert told["job_id"].tolist() == [j.job_id for j in (plain, refused, early)]
    assert told["outcome"][0] == "asked"
    assert "not yours" in told["outcome"][1]
    assert told["outcome"][2] == "asked again once it has started"
    browser.until(lambda b: "Cancel failed, the job goes on" in b.rows[1]["note"])
    browser.until(lambda b: "once the job has started" in b.rows[3]["note"])
    browser.until(lambda b: any("3 jobs: " in text and "1 failed" in text for text in b.outcomes))
    assert ended.app.count("cancel") == 0
    plain.app.polls = early.app.polls = ["esriJobCancelled"]
    browser.until(lambda b: {b.rows[n]["status"] for n in (0, 3)} == {"esriJobCancelled"})
    browser.until(lambda b: b.rows[0]["note"] == b.rows[3]["note"] == "")


def test_cancel_takes_one_job_or_some_and_refuses_strangers(closing):
    one, two = (job_of(n, ["esriJobExecuting"]) for n in (1, 2))
    table = closing(sw.JobTable([one, two]))
    with pytest.raises(errors.ParameterError, match="not in this table"):
        table.cancel([one, job_of(3, ["esriJobExecuting"])])
    with pytest.raises(TypeError, match=r"table.cancel\(jobs\)"):
        table.cancel(["j1"])
    assert one.app.count("cancel") == 0
    assert table.cancel(two)["outcome"].tolist() == ["asked"]
    assert (one.app.count("cancel"), two.app.count("cancel")) == (0, 1)
    assert table.cancel([])["outcome"].tolist() == []


def test_an_observer_may_cancel_the_others(closing):
    failing = job_of(1, ["esriJobExecuting", "esriJobFailed"])
    other = job_of(2, [*["esriJobExecuting"] * 5, "esriJobExecuting"])
    asked = threading.Event()
    table = closing(sw.JobTable([failing, other]))

    def stop_all(change):
        if "esriJobFailed" in change.new and not asked.is_set():
            assert set(table.cancel()["outcome"]) <= {"sent", "asked"}
            asked.set()

    table.observe(stop_all, "counts")
    if "esriJobFailed" in table.counts:
        table.cancel()
        asked.set()
    assert asked.wait(20)
    Browser(table).until(lambda b: other.app.count("cancel") == 1 or b.rows.get(1))


def test_a_view_cancels_by_key_and_odd_messages_are_ignored(closing):
    jobs = [job_of(n, ["esriJobExecuting"]) for n in range(3)]
    table = closing(sw.JobTable(jobs))
    browser = Browser(table).until(lambda b: len(b.rows) == 3)
    for odd in (
        None, "cancel", {}, {"kind": 5}, {"kind": ["cancel"]}, {"kind": "cancel", "keys": "all"},
        {"kind": "cancel", "keys": [9, -1, "0", None, True and 1.5]}, {"kind": "retry", "keys": [0]},
    ):  # fmt: skip
        table._on_browser(table, odd, [])
    assert sum(job.app.count("cancel") for job in jobs) == 0
    browser.ask("cancel", [1])
    browser.until(lambda b: b.outcomes[-1:] == ["Cancel of 1 job: 1 asked."])
    assert [job.app.count("cancel") for job in jobs] == [0, 1, 0]
    browser.ask("cancel")
    browser.until(lambda b: b.outcomes[-1:] == ["Cancel of 2 jobs: 2 asked."] or jobs[2].app.count("cancel"))
    browser.until(lambda b: all(job.app.count("cancel") for job in jobs))


def test_a_row_opens_to_the_jobs_own_widget(closing):
    mine, its = (job_of(n, ["esriJobSucceeded"]) for n in (1, 2))
    mine.wait(), its.wait()
    widget = sw.JobWidget(mine)
    table = closing(sw.JobTable([mine, its]))
    browser = Browser(table).until(lambda b: len(b.rows) == 2)
    assert {row["widget"] for row in browser.rows.values()} == {""}
    browser.ask("open", [0, 1])
    browser.until(lambda b: all(row["widget"] for row in b.rows.values()))
    assert browser.rows[0]["widget"] == widget.model_id
    other = show_job(its)
    assert browser.rows[1]["widget"] == other.model_id
    table.close()
    assert widget.comm is not None  # it was there before
    assert other.comm is None
    widget.close()


def test_retry_is_offered_where_a_job_came_to_nothing_and_adds_a_row(closing):
    failed, well = job_of(1, ["esriJobFailed"]), job_of(2, ["esriJobSucceeded"])
    failed.refresh(), well.refresh()
    again = job_of(3, ["esriJobSucceeded"])
    failed.resubmit = lambda: again
    table = closing(sw.JobTable([failed, well]))
    browser = Browser(table).until(lambda b: len(b.rows) == 2)
    assert [browser.rows[n]["retry"] for n in (0, 1)] == [True, False]
    browser.ask("retry", [0])
    browser.until(lambda b: len(b.rows) == 3 and b.rows[2]["id"] == again.job_id)
    failed.resubmit = lambda: 1 / 0
    browser.ask("retry", [0])
    browser.until(lambda b: "not submitted again" in b.rows[0]["note"])


# ---------------------------------------------------------------- the front end's text


def test_a_module_is_one_text_without_imports_and_each_neighbour_is_there_once():
    text = module_text("table.js")
    assert not re.search(r"^import ", text, flags=re.MULTILINE)
    assert len(re.findall(r"^export ", text, flags=re.MULTILINE)) == 1
    assert text.count("export const TONES") == 0
    assert text.count("const TONES = {") == 1
    assert (
        "export function make(tag, name, attributes = {}, text = null) {"
        in module_text("dom.js").splitlines()
    )


def test_the_browser_reads_exactly_what_a_row_has():
    text = "".join(map(static_text, ["tablerow.js", "rows.js", "tablebody.js", "tableview.js"]))
    read = set(re.findall(r"\brow\.(\w+)", text)) - {"append"}
    assert read <= {f.name for f in jobrow.fields(jobrow.JobRow)}
    assert {f.name for f in jobrow.fields(jobrow.JobRow)} - read <= {"url"}  # table.js copies it
    assert set(re.findall(r'model\.get\("(\w+)"\)', static_text("table.js"))) == {"saved_rows"}
    own = {name for name, trait in sw.JobTable.class_own_traits().items() if trait.metadata.get("sync")}
    assert own - {"_esm"} == {"saved_rows", "saved_total"}
