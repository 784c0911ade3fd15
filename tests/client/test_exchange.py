"""What is told of requests to those who listen: enough to follow them, and no secret."""

import json

import pytest
from fakes import POINT_LAYER, Raw, ScriptedApp, error
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets import errors
from spatial_widgets.client import Token
from spatial_widgets.client.exchange import Timed
from spatial_widgets.client.question import Question
from spatial_widgets.client.secret import Secret, Secrets

TOKEN = "AAPK-0123456789/secret+token=="
BIG = {**POINT_LAYER, "features": POINT_LAYER["features"] * 3000}


class Ear:
    """Listens to everything."""

    def __init__(self):
        self.heard = []

    def wants(self, _url):
        return True

    def hear(self, exchange):
        self.heard.append(exchange)


def test_nobody_listens_unless_asked_to_and_not_after_that():
    job = ScriptedApp(["esriJobExecuting"]).submit()
    ear = Ear()
    job.refresh()
    job.session.listen(ear)
    job.refresh()
    job.session.forget(ear)
    job.refresh()
    assert len(ear.heard) == 1


def test_a_poll_is_told_with_its_answer():
    job = ScriptedApp(["esriJobExecuting"]).submit(auth=TOKEN)
    ear = Ear()
    job.session.listen(ear)
    job.refresh()
    (told,) = ear.heard
    assert (told.method, told.url, told.path, told.status) == (
        "GET",
        job.url,
        job.url.removeprefix("https://gp.test"),
        200,
    )
    assert told.fields == (("f", "json"),)
    assert told.headers == (("X-Esri-Authorization", "Bearer ***"),)
    assert json.loads(told.answer)["jobStatus"] == "esriJobExecuting"
    assert told.size == len(told.answer)
    assert told.ms > 0


def test_an_answer_that_did_not_come_is_told_too_and_the_error_stays_the_same():
    import requests

    job = ScriptedApp(["esriJobExecuting", requests.ConnectionError(f"failed with {TOKEN}")]).submit(
        auth=TOKEN
    )
    job.refresh()
    ear = Ear()
    job.session.listen(ear)
    with pytest.raises(errors.TransportError):
        job.refresh()
    (told,) = ear.heard
    assert told.status is None
    assert "failed with ***" in told.problem


@pytest.mark.parametrize("in_body", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        error(400, f"bad token {TOKEN}", [TOKEN]),
        Raw(f"<html>{TOKEN}</html>"),
        Raw(json.dumps({"echo": TOKEN}).replace("/", "\\/"), 500),
    ],
)
def test_no_token_is_told_of_a_request_or_its_answer(in_body, answer):
    job = ScriptedApp(["esriJobExecuting", answer]).submit(auth=Token(TOKEN, in_body=in_body))
    job.refresh()
    ear = Ear()
    job.session.listen(ear)
    with pytest.raises(errors.SpatialWidgetsError):
        job.refresh()
    told = json.dumps([one.to_json() for one in ear.heard]) + repr(ear.heard)
    assert "secret" not in told
    assert "***" in told
    if in_body:
        assert ("token", "***") in ear.heard[0].fields
        assert ear.heard[0].method == "POST"


LAYER = {"url": "https://other.test/FeatureServer/0", "token": 'S3CR3T"S3CR3T', "n": 1}
NAMED = {
    "JSON": json.dumps({"value": LAYER}),
    "JSON in a text": json.dumps({"value": json.dumps(LAYER)}),
    "JSON in a text in a text": json.dumps(json.dumps(json.dumps(LAYER, indent=1))),
    "other names": '{"ACCESS_TOKEN" :  "S3CR3T", "n": 1, "refresh_token":"S3CR3T',
    "a query": '{"paramUrl": "https://other.test/x?n=1&token=S3CR3T#there", "n": 1}',
}


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_a_token_of_somebody_else_is_known_by_its_name(text):
    for is_field in (True, False):
        timed, heard = of({"inputLayer": text if is_field else ""}, Secrets())
        timed.failed(RuntimeError("" if is_field else text))
        told = heard[0].problem + heard[0].fields[0][1]
        assert "S3CR3T" not in told
        assert told.count("***") == text.casefold().count("token")
        assert "n" in told


def test_what_only_speaks_of_tokens_is_told_whole():
    text = 'The "token": none of 5 tokens=3 is {"tokens": ["a"], "token": null}'
    timed, heard = of({"text": text}, Secrets())
    timed.failed(RuntimeError(text))
    assert heard[0].problem == heard[0].fields[0][1] == text


def test_the_token_that_a_result_brings_along_is_not_told():
    app = ScriptedApp(results={"bufferLayer": {"url": LAYER["url"], "token": LAYER["token"]}})
    job = app.submit()
    job.refresh()
    ear = Ear()
    job.session.listen(ear)
    with pytest.raises(errors.ServiceError):  # nobody is at the other host
        job.result("bufferLayer")
    assert "other.test" in ear.heard[0].answer
    assert "S3CR3T" not in repr(ear.heard)


def test_the_submit_is_told_by_its_job_and_holds_no_whole_input():
    app = ScriptedApp()
    job = app.service(auth=TOKEN).task("Buffer").submit(inputLayer=BIG, distance=5, units="Kilometers")
    (told,) = job.submission
    assert told.method == "POST"
    assert told.path.endswith("/submitJob")
    fields = dict(told.fields)
    assert (fields["distance"], fields["units"], fields["f"]) == ("5", "Kilometers", "json")
    assert len(json.dumps(BIG)) > 100_000
    assert fields["inputLayer"].startswith("{")
    assert fields["inputLayer"].count("attributes") < 3
    assert len(repr(told)) < 2000
    assert "secret" not in repr(told)
    assert not job.__class__(job.task, job.info).submission


def test_a_long_answer_is_cut():
    timed, heard = of({}, Secrets())
    timed._over(status=200, answer="x", size=1)
    assert heard[0].answer == "x"
    job = ScriptedApp(
        [{"jobId": "j1", "jobStatus": "esriJobExecuting", "messages": [{"description": "m" * 9000}]}]
    ).submit()
    ear = Ear()
    job.session.listen(ear)
    job.refresh()
    assert len(ear.heard[0].answer) == 4000
    assert ear.heard[0].size > 9000


def of(fields, secrets):
    heard = []
    return Timed(Question("https://gp.test/x", fields), None, secrets, [heard.append]), heard


@given(st.integers(0, 5000), st.integers(0, 200), st.booleans())
def test_wherever_a_secret_stands_in_a_field_no_part_of_it_is_told(before, after, is_pieces):
    secrets = Secrets()
    secrets.add(Secret("S3CR3TS3CR3T"))
    text = "." * before + "S3CR3TS3CR3T" + "." * after
    pieces = [text[: before // 2].encode(), text[before // 2 :].encode()]
    timed, heard = of({"field": pieces if is_pieces else text, "password": Secret("hidden")}, secrets)
    timed.failed(RuntimeError(text))
    fields = dict(heard[0].fields)
    assert "S3" not in fields["field"]
    assert fields["password"] == "***"
    assert "S3" not in heard[0].problem
