"""What is left of a widget in a saved page: the truth of that moment, as text, and not much of it."""

import html.parser
import json
import re

import pytest
from fakes import POINT_LAYER, ScriptedApp, error, message
from watching import Seen, settled

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client.policy import ContactPolicy
from spatial_widgets.widgets.picture import MOST_BYTES

VIEW = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+")
JOB_ID = "j0123456789abcdef0123456789abcdef"
TEXT = {"name": "", "type": "esriFieldTypeString", "length": 200}


def job(status, *messages, **results):
    return {
        "jobId": JOB_ID,
        "jobStatus": f"esriJob{status}",
        "messages": list(messages),
        "results": {name: {"paramUrl": f"results/{name}"} for name in results},
    }


@pytest.fixture
def shown():
    made = []

    def show(status="Succeeded", *messages, auth=None, **results):
        app = ScriptedApp([job(status, *messages, **results)], results=results)
        widget = sw.JobWidget(app.submit(auth=auth))
        made.append(widget)
        Seen(widget).until(lambda w: w.results_ready or w.error)
        return settled(widget)

    yield show
    for widget in made:
        widget.close()


def saved(widget):
    data, _ = widget._repr_mimebundle_()
    return data


class Reading(html.parser.HTMLParser):
    """What a reader sees of HTML when a sanitizer took every attribute away; checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.tags = [], [], set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == "img" or self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def test_both_forms_tell_status_times_last_message_and_results(shown):
    widget = shown("Succeeded", message("begun"), message("all is done"), bufferLayer=POINT_LAYER)
    data = saved(widget)
    read = Reading(data["text/html"]).text
    for text in (data["text/plain"], read):
        assert "esriJobSucceeded" in text
        assert "Succeeded" in text
        assert JOB_ID in text
        assert "Last message: all is done" in text
        assert "bufferLayer: GeoDataFrame, 1 row \u00d7 2 columns, EPSG:4326" in text
        assert re.search(r"Submitted \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, .*Succeeded \+\d+\.\d s", text)
    assert "Point (10 50)" in read
    assert "1 feature. At longitude 10, latitude 50." in read
    assert "begun\nall is done" in read


def test_nothing_in_it_needs_a_script_a_style_or_the_network(shown):
    page = saved(shown(bufferLayer=POINT_LAYER))["text/html"]
    plain = "div strong span code ul li img details summary table tr th td pre"
    assert Reading(page).tags <= set(plain.split())
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert len(addresses) == 1
    assert 'alt="Map of bufferLayer.' in page


def test_a_failure_tells_its_last_errors_and_what_to_try_before_the_folded_log(shown):
    lines = [message(f"step {n}") for n in range(100)]
    lines += [message("ERROR 000732: Input does not exist", "Error"), message("Failed to execute", "Error")]
    data = saved(shown("Failed", *lines))
    read = Reading(data["text/html"]).text
    for text in (data["text/plain"], read):
        assert text.index("ERROR 000732: Input does not exist") < text.index("Mend the first error")
        assert "w.job.task.info() says what each parameter of Buffer takes." in text
        assert "ERROR 000732 is explained in the tool reference of ArcGIS Pro" in text
    assert read.index("Mend the first error") < read.index("Messages (the last 30 of 102)")
    assert "<details><summary>Messages" in data["text/html"]


def test_of_many_long_errors_the_last_is_seen_and_the_first_is_what_to_mend(shown):
    lines = [message(f"ERROR 00{n:04d}: " + "x" * 700 + f" the end of {n}", "Error") for n in range(40)]
    widget = shown("Failed", *lines)
    data = saved(widget)
    for text in (widget.get_state()["error"], data["text/plain"], Reading(data["text/html"]).text):
        assert "in the last 5 of 40 error messages" in text
        assert re.search(r"… [\d,]+ more characters: print\(w\.error\)", text)
        assert "the end of 39" in text
    for text in (widget.get_state()["advice"][0], data["text/plain"], Reading(data["text/html"]).text):
        assert "Mend the first error, for the later ones often follow from it: ERROR 000000: xxx" in text
    assert all(f"the end of {n}" in widget.error for n in range(35, 40))


@pytest.mark.parametrize(
    ("status", "step"),
    [("TimedOut", "Ask for less at once"), ("Deleted", "services delete old jobs"), ("Cancelled", None)],
)
def test_each_bad_end_has_advice_of_its_own(status, step):
    widget = _ended(status)
    assert any(step in line for line in widget.advice) if step else widget.advice == []


def _ended(status):
    app = ScriptedApp([job(status)])
    widget = sw.JobWidget(app.submit())
    widget.wait(timeout=10, check=False)
    settled(widget).close()
    return widget


def test_lost_contact_leaves_the_line_that_shows_the_job_again():
    app = ScriptedApp(["esriJobExecuting", error(503, "down")])
    lost = app.submit()
    lost.poll_interval = 0.01
    lost.contact_policy = ContactPolicy(failures=2, silence_s=0.02, first_s=0.01, max_s=0.02)
    widget = sw.JobWidget(lost)
    with pytest.raises(errors.JobLost):
        widget.wait(timeout=15)
    data = saved(settled(widget))
    line = f"sw.JobWidget.from_url('{lost.url}')"
    assert widget.attach == line
    assert line in data["text/plain"]
    assert f"<pre>{line.replace(chr(39), '&#x27;')}</pre>" in data["text/html"]
    widget.close()


def test_it_holds_no_token_and_what_a_service_says_is_text(shown):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    layer = {
        **POINT_LAYER,
        "fields": [{"name": evil, "type": "esriFieldTypeString", "length": 99}],
        "features": [{"attributes": {evil: evil}, "geometry": {"x": 1, "y": 2}}],
    }
    widget = shown("Succeeded", message(evil), auth="very-secret", bufferLayer=layer, text=evil)
    page = saved(widget)["text/html"]
    assert "<script" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;") >= 4
    assert "very-secret" not in json.dumps([saved(widget), widget.get_state()], default=str)


def wide(rows):
    fields = [{**TEXT, "name": f"column_{n}"} for n in range(20)]
    attributes = {field["name"]: "text " * 30 for field in fields}
    features = [
        {"attributes": attributes, "geometry": {"x": n % 360 - 180, "y": n * 7 % 170 - 85}}
        for n in range(rows)
    ]
    return {**POINT_LAYER, "fields": fields, "features": features}


def weight(*values):
    """Return the characters that values take in a notebook, without pictures, and those of the pictures."""
    text = json.dumps(values, default=str)
    return len(PICTURE.sub("", text)), sum(map(len, PICTURE.findall(text)))


def test_a_widget_weighs_less_than_50_kb_beside_its_pictures_whatever_the_job_said(shown):
    lines = [
        message(f"line {n} " + "x" * 3000, "Error" if n % 50 == 0 else "Informative") for n in range(700)
    ]
    widget = shown("Succeeded", *lines, **{f"layer{n}": wide(500) for n in range(60)})
    beside, pictures = weight(saved(widget))
    assert beside < 50_000
    assert 0 < pictures <= 3 * MOST_BYTES
    failed = shown("Failed", *lines)
    assert weight(saved(failed))[0] < 50_000


def test_where_the_state_is_kept_as_well_an_ordinary_job_weighs_less_than_50_kb_with_the_code_of_its_view(
    shown,
):
    widget = shown("Succeeded", *(message(f"step {n}") for n in range(30)), bufferLayer=wide(50))
    state = widget.get_state()
    assert "_esm" in state
    assert weight(saved(widget), state)[0] < 50_000
    beside = {name: value for name, value in state.items() if name != "_esm"}
    assert weight(saved(widget), beside)[0] < 20_000


class Handle:
    """Stands for an output of a notebook."""

    def __init__(self, made):
        self.kept = made

    def update(self, data, **_options):
        self.kept.append(data)


@pytest.fixture
def output(monkeypatch):
    kept = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, **_options: (kept.append(data), Handle(kept))[1]
    )
    return kept


def test_a_frozen_widget_leaves_no_live_view_once_nothing_more_will_happen(output):
    app = ScriptedApp(["esriJobExecuting"])
    widget = sw.JobWidget(app.submit())
    widget._ipython_display_()
    assert VIEW in output[-1]
    widget.freeze()
    assert VIEW in output[-1]  # it still runs
    app.polls = ["esriJobSucceeded"]
    Seen(widget).until(lambda w: w.results_ready)
    settled(widget)
    assert VIEW not in output[-1]
    assert "bufferLayer: GeoDataFrame" in output[-1]["text/html"]
    widget.close()


def test_whoever_waits_for_results_finds_them_in_the_saved_output(output):
    app = ScriptedApp(["esriJobExecuting"])
    widget = sw.JobWidget(app.submit())
    widget._ipython_display_()
    found = []
    widget.observe(lambda _: found.append(output[-1]["text/html"]), "results_ready")
    app.polls = ["esriJobSucceeded"]
    Seen(widget).until(lambda w: w.results_ready)
    widget.close()
    assert "bufferLayer: GeoDataFrame" in found[0]


def test_a_widget_that_is_frozen_after_the_end_is_frozen_at_once_and_others_stay_live(output, shown):
    widget = shown(bufferLayer=POINT_LAYER)
    widget._ipython_display_()
    assert VIEW in output[-1]
    widget.freeze()
    assert VIEW not in output[-1]
    assert VIEW not in saved(widget)


def test_the_environment_freezes_every_widget(monkeypatch, shown):
    monkeypatch.setenv("SPATIAL_WIDGETS_FREEZE", "1")
    widget = shown(bufferLayer=POINT_LAYER)
    assert VIEW not in saved(widget)
    table = sw.JobTable([widget.job])
    assert VIEW not in saved(table)
    table.close()
    monkeypatch.setenv("SPATIAL_WIDGETS_FREEZE", "0")
    assert VIEW in saved(shown(bufferLayer=POINT_LAYER))
