"""A token appears in the request header and nowhere else, whatever goes wrong."""

from __future__ import annotations

import json
import logging
import traceback

import pytest
import requests
from fakes import URL, FakeClock, Raw, ScriptedApp, error, message

import spatial_widgets as sw

TOKEN = "AAPK-0123456789/secret+token=="
JOB = {"jobId": "j0123456789abcdef0123456789abcdef", "jobStatus": "esriJobFailed"}

ANSWERS = {
    "esri error": error(400, f"bad token {TOKEN}", [f"details {TOKEN}"]),
    "html": Raw(f"<html>{TOKEN}</html>"),
    "no json": Raw(f'{{"token": "{TOKEN}"'),
    "gateway": Raw(TOKEN, 502),
    "redirect": Raw("", 302, Location=f"http://other.test/?token={requests.utils.quote(TOKEN, safe='')}"),
    "connection": requests.ConnectionError(f"failed with {TOKEN}"),
    "wrong document": {"echo": TOKEN},
}


@pytest.mark.parametrize("operation", ["Buffer", "submitJob", ScriptedApp().job_id, "cancel", "bufferLayer"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_error_shows_it(operation, answer, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    app = ScriptedApp()
    app.answers[operation] = [answer] * 8
    shown = []
    try:
        job = app.submit(auth=TOKEN, clock=FakeClock())
        shown += [attempt(act) for act in (job.refresh, job.cancel, job.result)]
        shown += [repr(job), job.to_json(), repr(job.results), repr(job.info)]
    except sw.SpatialWidgetsError:
        shown.append(traceback.format_exc())
    text = "\n".join(shown) + caplog.text + "".join(capsys.readouterr())
    assert TOKEN not in text
    assert requests.utils.quote(TOKEN, safe="") not in text
    assert all(
        "token" not in asked.url.casefold() and TOKEN not in str(asked.form)
        for asked in app.asked
        if URL in asked.url
    )


def attempt(act):
    try:
        return repr(act())
    except (sw.SpatialWidgetsError, OSError):
        return traceback.format_exc()


def test_no_widget_state_and_no_saved_output_shows_it():
    said = {**JOB, "messages": [message(f"GET https://h/x?token={TOKEN}", "Error")]}
    widget = sw.JobWidget(ScriptedApp([said]).submit(auth=TOKEN))
    widget.wait(check=False)
    data, metadata = widget._repr_mimebundle_()
    state = json.dumps([widget.get_state(), data, metadata, widget.messages], default=str)
    widget.close()
    assert TOKEN not in state
    assert "***" in state
