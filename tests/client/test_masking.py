"""A secret is found in every spelling that a server may echo it in."""

import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from fakes import FakeClock, Raw, ScriptedApp, error, message
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets import errors
from spatial_widgets.client import masking
from spatial_widgets.client.masking import mask, mask_bytes

TOKENS = ["AAPK-012/345+x==", 'say "quoted" \\ back', "tokén-with-é/ü", "ab&<c>d'e", "1234567890"]
SPELLINGS = {
    "plain": str,
    "JSON": lambda t: json.dumps(t)[1:-1],
    "JSON in UTF-8": lambda t: json.dumps(t, ensure_ascii=False)[1:-1],
    "JSON with escaped slashes": lambda t: json.dumps(t)[1:-1].replace("/", "\\/"),
    "JSON with escaped signs": lambda t: "".join(
        c if c.isascii() and c.isalnum() else f"\\u{ord(c):04X}" for c in t
    ),
    "all escaped": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "JSON in JSON": lambda t: json.dumps(json.dumps(t)[1:-1])[1:-1],
    "percent": lambda t: quote(t, safe=""),
    "percent in small letters": lambda t: quote(t, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "percent but for slashes": quote,
    "percent twice": lambda t: quote(quote(t, safe=""), safe=""),
    "form": quote_plus,
    "HTML": html.escape,
    "HTML in numbers": lambda t: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in t),
    "Python": lambda t: repr(t)[1:-1],
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("token", TOKENS)
def test_every_spelling_is_masked(token, spell):
    assert mask(f"<{spell(token)}>", {token}) == "<***>"
    assert mask_bytes(f"<{spell(token)}".encode(), {token}) == b"<***"


@pytest.mark.parametrize("token", TOKENS)
def test_json_stays_json_and_is_masked_as_it_reads(token):
    document = {"a": [token, 1, None, {f"key {token}": f"x{token}y"}], "b": 2.5}
    masked = {"a": ["***", 1, None, {"key ***": "x***y"}], "b": 2.5}
    escaped = json.dumps(document).replace("/", "\\/")
    for text in (escaped, json.dumps(document, ensure_ascii=False)):
        assert json.loads(mask_bytes(text.encode(), {token})) == masked


def test_a_number_is_not_a_token_and_a_quote_no_end_of_text():
    assert json.loads(mask_bytes(b'{"OBJECTID": 12345, "t": "12345"}', {"12345"})) == {
        "OBJECTID": 12345,
        "t": "***",
    }
    assert json.loads(mask_bytes(b'{"a": "code", "b": 1}', {'"code"'})) == {"a": "code", "b": 1}


def test_what_holds_no_secret_is_the_same_object():
    for data in (b"", b'{"a": "\\u00e9 %2F &#47;"}', b"\xff\xfe"):
        assert mask_bytes(data, {"AAPK-012/345", "abc", "é/é/é"}) is data


@given(st.text(min_size=4), st.binary())
def test_nothing_breaks_it(token, data):
    mask_bytes(data, {token})
    assert (
        token not in json.loads(mask_bytes(json.dumps({"echo": token}).encode(), {token}))["echo"]
        or token in "***"
    )


def test_a_large_body_without_the_token_costs_little():
    body = b'{"attributes": {"name": "\\u00e9tude %2F", "n": 12345.678}, "x": -118.2437},' * 200_000
    started = time.process_time()
    assert mask_bytes(body, {"AAPK-0123456789/secret+token=="}) is body
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    "body", [b"\\" * 100_000, b"%25" * 100_000, b"&#0" * 100_000], ids=["slashes", "percents", "zeros"]
)
def test_no_body_makes_the_search_slow(body):
    started = time.process_time()
    mask_bytes(body + b"AAPK-012", {"\\\\%%AAPK-012/345"})
    mask_bytes(body + b"%41", {"/AAPK-012/345"})
    assert time.process_time() - started < 3.0


@pytest.mark.parametrize("token", TOKENS)
def test_no_message_and_no_error_shows_an_escaped_token(token):
    said = {"jobId": "j1", "jobStatus": "esriJobFailed", "messages": [message(f"GET /?t={token}", "Error")]}
    app = ScriptedApp([json.dumps(said).replace("/", "\\/").encode()])
    job = app.submit(auth=token, clock=FakeClock())
    with pytest.raises(errors.JobFailed) as failed:
        job.wait()
    assert token not in str(failed.value)
    assert token not in job.messages[0].description
    assert "***" in job.messages[0].description
    app.answers["submitJob"] = [json.dumps(error(400, f"bad {token}")).replace("/", "\\/").encode()]
    with pytest.raises(errors.ServiceError, match=r"\*\*\*") as refused:
        app.submit(auth=token)
    assert token not in str(refused.value)


def test_a_token_that_no_header_can_hold_is_refused_before_anything_is_sent():
    with pytest.raises(errors.ParameterError, match="header"):
        ScriptedApp().submit(auth="名前-token")


def test_a_token_renewed_while_another_answer_is_masked_breaks_nothing(monkeypatch):
    numbers = iter(range(100))
    app = ScriptedApp(["esriJobExecuting"])
    job = app.submit(auth=lambda: f"token-{next(numbers)}", clock=FakeClock())
    spellings_of = masking._Spellings.of

    def renewed_meanwhile(secret):
        if next(numbers) < 20:
            app.answers[app.job_id] = [error(498, "Invalid token.")]
            job.session.get_json(job.url)  # as another thread would
        return spellings_of(secret)

    monkeypatch.setattr(masking._Spellings, "of", renewed_meanwhile)
    assert job.refresh().status == "esriJobExecuting"


def test_what_is_no_utf_8_stays_none_when_a_token_is_taken_out_of_it():
    body = b'{"jobStatus": "esriJob\xff\xfe AAPK-012/345"}'
    assert mask_bytes(body, {"AAPK-012/345"}) == b'{"jobStatus": "esriJob\xff\xfe ***"}'
    app = ScriptedApp([Raw(body)])
    with pytest.raises(errors.ProtocolError, match="not UTF-8"):
        app.submit(auth="AAPK-012/345").refresh()
