"""What is said of a result that could not be loaded: which one, why, and what to do next."""

import pytest
from fakes import POINT_LAYER, URL, FakeClock, Raw, ScriptedApp, error
from watching import Seen, settled

import spatial_widgets as sw
from spatial_widgets import errors

JOB = f"{URL}/Buffer/jobs/j0123456789abcdef0123456789abcdef"
HEAD = "The job succeeded, but its result 'bufferLayer' could not be loaded.\n"


def answer(value):
    return {"paramName": "bufferLayer", "dataType": "GPFeatureRecordSetLayer", "value": value}


def answering(reply):
    app = ScriptedApp()
    app.answers["bufferLayer"] = [reply() if callable(reply) else reply for _ in range(20)]
    return app


CASES = {
    "truncated": (
        answer({**POINT_LAYER, "exceededTransferLimit": True}),
        errors.TransferLimitExceeded,
        "The result 'bufferLayer' has more rows than the service hands out",
        "w.result('bufferLayer', allow_truncated=True) gives the rows that did come.",
    ),
    "unreadable": (
        answer({**POINT_LAYER, "features": [{"attributes": {"n": 1}, "geometry": {"x": "west", "y": 1}}]}),
        errors.CodecError,
        "bufferLayer.features[0].geometry",
        f"The service's own document is at {JOB}/results/bufferLayer, to be looked at with ?f=json.",
    ),
    "html": (
        Raw("<html><body>Down for repair</body></html>"),
        errors.ProtocolError,
        f"GET {JOB}/results/bufferLayer gave HTTP 200 and HTML",
        "w.result('bufferLayer') asks again, in case the server is only in trouble for now.",
    ),
    "no value": (
        {"paramName": "bufferLayer"},
        errors.ProtocolError,
        "the reply is no result, it has no value",
        "w.result('bufferLayer') asks again",
    ),
    "refused": (
        error(400, "Invalid or missing input parameters."),
        errors.ServiceError,
        f"The service answered error 400 to GET {JOB}/results/bufferLayer: Invalid or missing input parameters.\n",
        "w.result('bufferLayer') asks again; the job's messages may say why it is not there.",
    ),
    "token": (
        error(498, "Invalid token."),
        errors.AuthenticationError,
        "The service answered error 498",
        f"JobWidget.from_url('{JOB}', auth=…) is the same job with another token.",
    ),
    "patience": (
        lambda: errors.WaitTimeout("The layer did not arrive whole within 5 s: 1,000 of 2,000 rows."),
        errors.WaitTimeout,
        "The result 'bufferLayer': The layer did not arrive whole within 5 s: 1,000 of 2,000 rows.\n",
        "w.result('bufferLayer') goes on waiting for it.",
    ),
    "trouble": (
        Raw("", status=503),
        errors.TransportError,
        "gave HTTP 503",
        "w.result('bufferLayer') asks again.",
    ),
    "defect": (
        ZeroDivisionError("division by zero"),
        ZeroDivisionError,
        "ZeroDivisionError: division by zero\n",
        "w.result('bufferLayer') asks again, and shows where it went wrong.",
    ),
}


@pytest.mark.parametrize(("reply", "kind", "reason", "step"), list(CASES.values()), ids=list(CASES))
def test_a_problem_names_the_result_the_reason_and_the_next_step(reply, kind, reason, step):
    widget = sw.JobWidget(answering(reply).submit(clock=FakeClock()))
    seen = Seen(widget)
    seen.until(lambda w: w.error)
    lines = widget.error.splitlines()
    assert widget.error.startswith(HEAD)
    assert reason in widget.error
    assert lines[-1].startswith(step)
    assert len(lines) <= 4
    assert settled(widget).loading == {}
    assert not widget.results_ready
    assert lines[-1] in widget._plain_text()
    with pytest.raises(kind):
        widget.result("bufferLayer")
    widget.close()


@pytest.mark.parametrize(("reply", "kind", "reason", "step"), list(CASES.values())[:-1], ids=list(CASES)[:-1])
def test_the_jobs_own_error_says_the_same(reply, kind, reason, step):
    with pytest.raises(kind) as caught:
        answering(reply).submit(clock=FakeClock()).result()
    assert reason in str(caught.value)
    said = (
        str(caught.value).replace("job.result(", "w.result(").replace("Job.from_url(", "JobWidget.from_url(")
    )
    assert said.splitlines()[-1].startswith(step)


def test_a_truncated_result_says_the_very_call():
    app = ScriptedApp(results={"bufferLayer": {**POINT_LAYER, "exceededTransferLimit": True}})
    job = app.submit()
    with pytest.raises(errors.TransferLimitExceeded) as caught:
        job.result()
    assert str(caught.value).startswith("The result 'bufferLayer' has more rows")
    assert "job.result('bufferLayer', allow_truncated=True)" in str(caught.value)


def test_what_did_load_is_shown_beside_what_did_not():
    cut = {**POINT_LAYER, "exceededTransferLimit": True}
    widget = sw.JobWidget(ScriptedApp(results={"first": cut, "second": POINT_LAYER, "third": cut}).submit())
    seen = Seen(widget)
    seen.until(lambda w: w.error)
    assert [s["name"] for s in settled(widget).summary] == ["second"]
    assert "w.result('first', allow_truncated=True)" in widget.error
    assert "w.result('third', allow_truncated=True)" in widget.error
    assert not widget.results_ready
    widget.close()


def test_an_error_that_all_results_share_is_met_once():
    app = ScriptedApp(results={"first": 1, "second": 2, "third": 3})
    app.answers["second"] = [error(498, "Invalid token.")] * 2
    widget = sw.JobWidget(app.submit())
    seen = Seen(widget)
    seen.until(lambda w: w.error)
    assert "result 'second' could not be loaded" in widget.error
    assert widget.error.endswith("Not asked for after that: 'third'.")
    assert app.count("third") == 0
    widget.close()
