"""Files that results point to: an error in their place is an error, and everything else is the file."""

import json

import pytest
from fakes import Raw, ScriptedApp, error

from spatial_widgets import errors

FILE = "https://gp.test/arcgis/rest/directories/jobs/out.json"
EXPIRED = error(498, "Invalid token.")


def file(*answers, auth=None):
    app = ScriptedApp(results={"out": {"url": FILE}})
    app.answers["out.json"] = list(answers)
    return app, app.submit(auth=auth).result()


@pytest.mark.parametrize("status", [200, 400, 404])
@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b" \n"])
def test_an_error_is_not_taken_for_the_file(tmp_path, status, prefix):
    body = Raw(prefix + json.dumps(error(404, "File is gone.", ["cleaned away"])).encode(), status)
    _, out = file(body, body)
    with pytest.raises(errors.NotFound, match="File is gone. cleaned away"):
        out.read()
    with pytest.raises(errors.NotFound, match="File is gone"):
        out.save(tmp_path / "out.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": None},
        {"error": "words"},
        {"error": {"rows": 3}},
        {"error": {"code": 7, "message": "of one record"}, "records": [1]},
        {"error": {"code": "none", "message": "x"}},
        {"status": "error", "messages": ["a log that was asked for"]},
        [error(1, "in a list")],
        {"error": {"code": 1, "message": "x" * 70_000}},
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_file_of_json_stays_a_file(body):
    text = json.dumps(body).encode()
    _, out = file(Raw(text))
    assert out.read() == text


@pytest.mark.parametrize(
    "body", [b"", b"a,b\n1,2\n", b"{", b"{\xff}", b"\x00" * 200_000, b"{" + b" " * 200_000]
)
def test_any_other_bytes_come_as_they_are(tmp_path, body):
    _, out = file(Raw(body), Raw(body))
    assert out.read() == body
    assert out.save(tmp_path / "f").read_bytes() == body


@pytest.mark.parametrize("status", [200, 401])
def test_a_refused_token_is_renewed_once_for_a_file(status):
    tokens = iter(["first-token", "second-token", "third-token"])
    app, out = file(Raw(EXPIRED, status), Raw(b"whole"), auth=lambda: next(tokens))
    assert out.read() == b"whole"
    sent = [a.headers["X-Esri-Authorization"] for a in app.asked if a.operation == "out.json"]
    assert sent == ["Bearer first-token", "Bearer second-token"]


def test_a_token_that_stays_refused_is_an_error():
    tokens = (f"token-number-{n}" for n in range(9))
    app, out = file(EXPIRED, EXPIRED, EXPIRED, auth=lambda: next(tokens))
    with pytest.raises(errors.AuthenticationError, match="auth="):
        out.read()
    assert app.count("out.json") == 2
    _, out = file(EXPIRED, auth="a-fixed-token")
    with pytest.raises(errors.AuthenticationError):
        out.read()


def test_an_error_in_the_place_of_a_file_shows_no_token():
    _, out = file(error(400, "bad very-secret-token"), auth="very-secret-token")
    with pytest.raises(errors.ServiceError) as caught:
        out.read()
    assert "very-secret-token" not in str(caught.value)
