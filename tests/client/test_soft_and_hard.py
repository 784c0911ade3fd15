"""Which failed polls are forgiven, and which end the watch: every case of the design."""

import json

import pytest
import requests
from fakes import FakeClock, Raw, ScriptedApp, error

from spatial_widgets import errors

HTML = "<html><body>Sorry</body></html>"
SOFT = {
    "HTTP 500": Raw(HTML, 500),
    "HTTP 502": Raw(HTML, 502),
    "HTTP 503": Raw("", 503),
    "HTTP 504": Raw(HTML, 504),
    "HTTP 500 with an Esri body": Raw(json.dumps(error(500, "oops")), 500),
    "an error 500 inside a 200": error(500, "oops"),
    "an error 503 inside a 200": error(503, "busy"),
    "an error without a code": error(None, "odd"),
    "HTTP 429": Raw("slow down", 429),
    "an error 429 inside a 200": error(429, "slow down"),
    "HTML": Raw(HTML),
    "a login page": Raw("<html><form>Password</form></html>"),
    "HTML with HTTP 403": Raw(HTML, 403),
    "HTML with HTTP 404": Raw(HTML, 404),
    "HTML with HTTP 401": Raw(HTML, 401),
    "JSON of another kind with HTTP 404": Raw('{"detail": "not here"}', 404),
    "truncated": Raw('{"jobId": "j01", "jobSta'),
    "empty": Raw(""),
    "reset": requests.ConnectionError("Connection reset by peer"),
    "refused": requests.ConnectionError("Connection refused"),
    "silent": requests.ReadTimeout("timed out"),
    "no connection": requests.ConnectTimeout("timed out"),
    "a list": Raw("[]"),
    "a number": Raw("7"),
    "null": Raw("null"),
    "no status": Raw('{"jobId": "j01"}'),
    "a status that is no text": Raw('{"jobId": "j01", "jobStatus": 7}'),
}
HARD = {
    "400": (error(400, "Invalid or missing input parameters."), errors.ServiceError),
    "403": (error(403, "You do not have permissions."), errors.AuthenticationError),
    "404": (error(404, "Job not found."), errors.NotFound),
    "404 at HTTP 404": (Raw(json.dumps(error(404, "Job not found.")), 404), errors.NotFound),
}


def wait(*polls, **kwargs):
    clock = FakeClock()
    app = ScriptedApp(["esriJobExecuting", *polls])
    return app, clock, lambda: app.submit(clock=clock, **kwargs).wait()


@pytest.mark.parametrize("trouble", SOFT.values(), ids=SOFT)
def test_soft_trouble_is_forgiven(trouble):
    _, _, act = wait(*[trouble] * 4, "esriJobSucceeded")
    assert act().status.is_success


@pytest.mark.parametrize("trouble", SOFT.values(), ids=SOFT)
def test_soft_trouble_that_stays_is_lost_contact(trouble):
    _, clock, act = wait(trouble)
    with pytest.raises(errors.JobLost):
        act()
    assert 60 <= clock.now() - 1000 <= 150


@pytest.mark.parametrize(("trouble", "kind"), HARD.values(), ids=HARD)
def test_hard_trouble_ends_the_wait_after_one_repeat(trouble, kind):
    app, clock, act = wait(trouble)
    with pytest.raises(kind):
        act()
    assert app.count(app.job_id) == 3
    assert clock.now() - 1000 < 5


@pytest.mark.parametrize(("trouble", "kind"), HARD.values(), ids=HARD)
def test_hard_trouble_that_does_not_repeat_is_forgiven(trouble, kind):
    _, _, act = wait(trouble, "esriJobExecuting", trouble, "esriJobSucceeded")
    assert act().status.is_success


@pytest.mark.parametrize("code", [498, 499])
def test_a_refused_token_ends_the_wait_after_one_renewal(code):
    tokens = (f"token-number-{n}" for n in range(9))
    app, _, act = wait(error(code, "Token."), auth=lambda: next(tokens))
    with pytest.raises(errors.AuthenticationError, match="auth="):
        act()
    sent = [a.headers["X-Esri-Authorization"][-1] for a in app.asked if a.operation == app.job_id]
    assert sent == ["0", "0", "1"]


@pytest.mark.parametrize("code", [498, 499])
def test_a_renewed_token_goes_on(code):
    tokens = (f"token-number-{n}" for n in range(9))
    _, _, act = wait(error(code, "Token."), "esriJobSucceeded", auth=lambda: next(tokens))
    assert act().status.is_success
