"""A notebook that keeps the state of its widgets: each of them is small there, whatever a service said, and says what is not there."""

import json
import re
import threading

import pytest
from fakes import POINT_LAYER, ScriptedApp, message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_descriptions import DESCRIPTIONS, HUGE
from watching import Seen, settled

import spatial_widgets as sw
from spatial_widgets.client import Poller
from spatial_widgets.client.course import Moment
from spatial_widgets.protocol import JobMessage, JobStatus
from spatial_widgets.widgets.fitting import cut, fitting, weight
from spatial_widgets.widgets.messagelog import MessageLog
from spatial_widgets.widgets.picture import MOST_BYTES
from spatial_widgets.widgets.tasklist import TaskList
from spatial_widgets.widgets.times import moments_sent, moments_to_json

PICTURE = re.compile(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+")
MOST = 50_000
JOB_ID = "j0123456789abcdef0123456789abcdef"
#: Letters of every weight: of one byte to four, and those that JSON and HTML write longer.
LETTERS = 'x<&"\\\n\x01äあ🌍'
texts = st.builds(lambda text, n: text * n, st.text(LETTERS, min_size=1, max_size=5), st.integers(0, 4000))


def kept(widget):
    """Return the bytes that a widget adds to a notebook's file, and those of its pictures."""
    text = json.dumps([widget._repr_mimebundle_()[0], widget.get_state()], ensure_ascii=False, default=str)
    return len(PICTURE.sub("", text).encode("utf-8", "surrogatepass")), sum(map(len, PICTURE.findall(text)))


def widget_of(status, messages, results=None, name="Buffer"):
    """Return the widget of a job that is over, with nothing more to come."""
    results = results or {}
    document = {
        "jobId": JOB_ID,
        "jobStatus": status,
        "messages": messages,
        "results": {name: {"paramUrl": f"results/{name}"} for name in results},
    }
    app = ScriptedApp([document], results=results)
    app.task = {**app.task, "name": name}
    widget = sw.JobWidget(app.service().task(name).submit(inputLayer=POINT_LAYER))
    Seen(widget, "results_ready", "error", "ended_at").until(
        lambda w: w.ended_at and (w.results_ready or w.error or status != "esriJobSucceeded")
    )
    return settled(widget)


def wide(letter="x"):
    """Return a layer of twenty columns of long texts."""
    fields = [{"name": f"column_{n}", "type": "esriFieldTypeString", "length": 200} for n in range(20)]
    attributes = {field["name"]: letter * 150 for field in fields}
    features = [{"attributes": attributes, "geometry": {"x": n, "y": n}} for n in range(50)]
    return {**POINT_LAYER, "fields": fields, "features": features}


@pytest.mark.parametrize("letter", ["x", "あ", "<"])
def test_a_job_of_300_long_messages_and_60_layers_is_small_and_says_what_is_not_there(letter):
    lines = [message(f"{n} ".ljust(300, letter)) for n in range(300)]
    widget = widget_of("esriJobSucceeded", lines, {f"layer{n}": wide(letter) for n in range(60)})
    size, pictures = kept(widget)
    assert size < MOST
    assert 0 < pictures <= 2 * 3 * MOST_BYTES
    state = widget.get_state()
    assert state["message_total"] == 300
    assert 0 < len(state["message_tail"]) < 300
    assert state["result_total"] == 60
    assert 10 < len(state["summary"]) < 60
    assert (
        f"… {60 - len(re.findall('<li>layer', widget._html_text()))} more in w.results" in widget._html_text()
    )
    # Python has lost none of it.
    assert len(widget.job.messages) == 300
    assert len(widget.summary) == len(widget.previews) == len(widget.results) == 60
    widget.close()


def test_a_huge_error_is_cut_in_the_page_and_whole_in_python():
    lines = [message("E" * 30_000, "Error") for _ in range(20)]
    widget = widget_of("esriJobFailed", lines)
    widget._apply(error=widget.error + "F" * 100_000)
    size, _ = kept(widget)
    assert size < MOST
    sent = widget.get_state()["error"]
    assert len(sent) < 2000
    assert re.search(r"… [\d,]+ more characters: print\(w\.error\)\nF+$", sent)
    assert re.search(r"… [\d,]+ more characters: print\(w\.error\)", widget._html_text())
    assert widget.error.endswith("F" * 100_000)
    assert [m.description for m in widget.job.messages] == ["E" * 30_000] * 20
    (tail,) = widget.get_state()["message_tail"]
    assert tail[2:] == [None, True]
    assert tail[1].endswith("more characters in job.messages")
    widget.close()


@pytest.fixture(scope="module")
def failed():
    widget = widget_of("esriJobFailed", [])
    yield widget
    widget.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(texts, max_size=6), word=texts, step=texts, failure=texts, name=texts)
def test_whatever_is_said_a_widget_of_a_job_is_small(failed, said, word, step, failure, name):
    failed._log = MessageLog()
    failed._log.read(tuple(JobMessage.from_json(message(text)) for text in said * 30))
    line = {
        "name": name,
        "kind": "DataFrame",
        "rows": 1,
        "columns": [word] * 20,
        "crs": step,
        "text": failure,
    }
    failed._apply(
        job_status=word,
        progress_text=step,
        error=failure,
        contact=failure,
        task_name=name,
        loading={"state": "stopped", "text": name},
        advice=[name] * 5,
        moments=[[f"{word}{n}", 1.7e9 + n] for n in range(300)],
        summary=[line] * 30,
        message_tail=failed._log.tail(),
    )
    assert kept(failed)[0] < MOST


def test_a_job_whose_status_changes_all_the_time_keeps_first_and_last_and_when_it_began_to_run():
    words = [
        JobStatus.SUBMITTED,
        *[JobStatus.WAITING, JobStatus.NEW] * 500,
        *[JobStatus.EXECUTING, JobStatus.WAITING] * 500,
    ]
    moments = moments_to_json([Moment(word, 1.7e9 + n) for n, word in enumerate(words)])
    sent = moments_sent(moments)
    assert weight(sent) < 1500
    assert sent[0] == moments[0]
    assert sent[-1] == moments[-1]
    assert next(at for word, at in sent if word == "esriJobExecuting") == 1.7e9 + 1001
    (more,) = (word for word, _ in sent if "more changes" in word)
    assert more == f"… {len(moments) - len(sent) + 1:,} more changes"
    assert moments_sent(moments[:5]) == moments[:5]


def test_a_table_of_a_thousand_jobs_is_small_and_keeps_trouble():
    buffer = ScriptedApp().service().task("Buffer")
    jobs = []
    for number in range(1000):
        end = "esriJobFailed" if number % 100 == 99 else "esriJobSucceeded"
        said = {"jobId": f"j{number:031d}", "jobStatus": end, "messages": [message("あ<" * 150)]}
        jobs.append(sw.Job(buffer, sw.JobInfo.from_json(said)))
    table = sw.JobTable(jobs)
    for chore in table._chores():
        chore()
    assert kept(table)[0] < MOST
    state = table.get_state()
    assert state["saved_total"] == 1000
    keys = [row["key"] for row in state["saved_rows"]]
    assert keys == sorted(keys)
    assert {n for n in range(1000) if n % 100 == 99} <= set(keys)
    assert 20 < len(keys) < 1000
    assert len(table.frame) == 1000
    table.close()


@pytest.mark.parametrize("document", [*DESCRIPTIONS.values(), HUGE], ids=lambda document: document["name"])
def test_a_form_is_small_whatever_its_task_says_and_whatever_was_entered(document):
    app = ScriptedApp(task={**document, "name": "Task"}, results={})
    form = sw.TaskForm(app.service().task("Task"), namespace={})
    told = []
    form.send = lambda content, buffers=None: told.append(content)
    for name, field in form._contents.fields.items():
        if field.kind in {"text", "json", "where"}:
            form._on_browser(form, {"kind": "edit", "name": name, "entry": '"' + "あ<" * 20_000 + '"'}, [])
    form._on_browser(form, {"kind": "offers"}, [])
    Seen(form, "is_busy")
    settle(form)
    assert kept(form)[0] < MOST
    # A view that has a kernel gets all fields; none is lost.
    whole = [message["fields"] for message in told if message["kind"] == "fields"]
    state = form.get_state()
    assert [len(state["fields"])] == [len(form.fields)] or state["fields_cut"]
    assert whole == ([form.fields] if state["fields_cut"] else [])
    form.close()


def settle(form):
    """Return when the poller's thread has written what the form shows."""
    done = threading.Event()
    Poller.shared().call(done.set)
    assert done.wait(20)


def test_a_list_of_300_tasks_with_long_descriptions_is_small_and_names_all():
    app = ScriptedApp()
    app.task = {**app.task, "description": "Draws around."}
    listing = TaskList(app.service())
    Seen(listing, "tasks").until(lambda shown: shown.tasks and shown._is_at_rest())
    listing._written(
        [{"name": f"Task{n}", "standing": "", "description": "あ<" * 500} for n in range(300)],
        "p" * 9000,
        is_read=True,
    )
    assert kept(listing)[0] < MOST
    assert [row["name"] for row in listing.get_state()["tasks"]] == [f"Task{n}" for n in range(300)]
    listing.close()


# ---------------------------------------------------------------- what fits


@given(texts, st.integers(200, 5000))
def test_a_text_is_cut_to_its_bytes_and_nothing_of_it_is_counted_twice(text, most):
    short = cut(text, most)
    assert weight(short) <= most
    if short != text:
        beginning, _, words = short.rpartition("… ")
        assert text.startswith(beginning)
        left = int(re.match(r"([\d,]+) more characters", words)[1].replace(",", ""))
        assert len(beginning) + left == len(text)


@given(st.lists(st.text(LETTERS, max_size=50), max_size=20), st.integers(0, 500))
def test_as_many_fit_as_weigh_no_more(items, most):
    count = fitting(items, most)
    assert weight(items[:count]) <= most + 2
    assert count == len(items) or weight(items[: count + 1]) > most - 2


@given(st.lists(texts, min_size=1, max_size=5))
def test_the_tail_of_a_log_ends_with_its_last_message_or_the_beginning_of_that(said):
    log = MessageLog()
    log.read(tuple(JobMessage.from_json(message(text)) for text in said))
    tail = log.tail()
    assert weight(tail) < 4000
    if tail[-1][2:] == [None, True]:
        assert len(tail) == 1
        assert log.messages[-1].text.startswith(tail[0][1].rpartition("… ")[0])
    else:
        assert [line[1] for line in tail] == [m.text for m in log.messages[-len(tail) :]]
