"""The pane with the requests about a job: off by default, bounded, and without secrets."""

import json
import threading

import pytest
from fakes import POINT_LAYER, ScriptedApp, message

import spatial_widgets as sw
from spatial_widgets import errors

TOKEN = "AAPK-0123456789/secret+token=="


@pytest.fixture
def recorded():
    made = []

    class Recorded(sw.JobWidget):
        def __init__(self, *args, **options):
            self.told = []
            super().__init__(*args, **options)
            made.append(self)

        def send(self, content, buffers=None):
            self.told.append(content)

        def items(self):
            self.told.clear()
            self._on_browser(self, {"kind": "hello"}, [])
            return [
                item for content in self.told if content["kind"] == "requests" for item in content["items"]
            ]

    yield Recorded
    for widget in made:
        widget.close()


def test_without_it_nothing_listens_and_nothing_is_kept(recorded):
    job = ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit()
    widget = recorded(job)
    assert not job.session._listeners
    widget.wait()
    assert widget.items() == []
    assert not widget.show_requests


def test_submit_polls_and_results_of_this_job_are_shown_and_of_no_other(recorded):
    app = ScriptedApp(["esriJobExecuting", "esriJobExecuting", "esriJobSucceeded"])
    service = app.service()
    job = service.task("Buffer").submit(inputLayer=POINT_LAYER)
    job.poll_interval = 0.01
    widget = recorded(job, show_requests=True)
    with pytest.raises(errors.ServiceError):
        job.session.get_json(f"{job.url}0")  # another job
    service.info()
    widget.result()
    items = widget.items()
    assert [i["path"].rpartition("/")[2] for i in items] == ["submitJob", *[job.job_id] * 3, "bufferLayer"]
    assert [i["method"] for i in items] == ["POST", "GET", "GET", "GET", "GET"]
    assert {i["status"] for i in items} == {200}
    json.dumps(items)


def test_the_last_twenty_are_kept(recorded):
    job = ScriptedApp(["esriJobExecuting"]).submit()
    widget = recorded(job, show_requests=True)
    for _ in range(30):
        job.refresh()
    assert len(widget.items()) == 20


def test_neither_a_token_nor_a_whole_input_is_shown(recorded):
    layer = {**POINT_LAYER, "features": POINT_LAYER["features"] * 500}
    said = {
        "jobId": "j0123456789abcdef0123456789abcdef",
        "jobStatus": "esriJobFailed",
        "messages": [message(f"see https://x/?token={TOKEN}", "Error")],
    }
    job = ScriptedApp([said]).service(auth=TOKEN).task("Buffer").submit(inputLayer=layer)
    widget = recorded(job, show_requests=True)
    widget.wait(check=False)
    items = widget.items()
    shown = json.dumps([items, widget.get_state(), widget._repr_mimebundle_()], default=str)
    assert "secret" not in shown
    assert json.dumps(layer["features"])[:400] not in shown
    assert max(len(value) for item in items for _, value in item["fields"]) < 140
    assert ["X-Esri-Authorization", "Bearer ***"] in items[0]["headers"]


def test_a_closed_widget_listens_no_more(recorded):
    job = ScriptedApp(["esriJobExecuting"]).submit()
    widget = recorded(job, show_requests=True)
    widget.close()
    assert not job.session._listeners


def test_a_browser_is_told_of_new_ones_without_asking(recorded):
    job = ScriptedApp(["esriJobExecuting"]).submit()
    told = threading.Event()

    class Told(recorded):
        def send(self, content, buffers=None):
            super().send(content)
            if content["kind"] == "requests":
                told.set()

    widget = Told(job, show_requests=True)
    assert told.wait(10)
    assert widget.told[0]["items"][0]["path"].endswith("/submitJob")
