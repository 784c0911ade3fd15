"""A secret appears in the request that it is for and nowhere else, whatever goes wrong."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import socket
import ssl
import subprocess
import threading
import traceback
import warnings
from pathlib import Path

import pytest
import requests
from fakes import POINT_LAYER, URL, FakeClock, Raw, ScriptedApp, error, message
from signing import CLIENT_SECRET, PASSWORD, Portal, Server

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import AppLogin, GPSession, Token, UserLogin
from spatial_widgets.client.secret import Secret, Secrets

TOKEN = "AAPK-0123456789/secret+token=="
JOB = {"jobId": "j0123456789abcdef0123456789abcdef", "jobStatus": "esriJobFailed"}

ANSWERS = {
    "esri error": error(400, f"bad token {TOKEN}", [f"details {TOKEN}"]),
    "html": Raw(f"<html>{TOKEN}</html>"),
    "no json": Raw(f'{{"token": "{TOKEN}"'),
    "gateway": Raw(TOKEN, 502),
    "refused": error(498, f"bad token {TOKEN}"),
    "wanted": error(499, f"no good token {TOKEN}"),
    "redirect": Raw("", 302, Location=f"https://other.test/?token={requests.utils.quote(TOKEN, safe='')}"),
    "connection": requests.ConnectionError(f"failed with {TOKEN}"),
    "wrong document": {"echo": TOKEN},
}


def everything(error):
    """Return all that a tool may show of an exception: texts, notes, causes, contexts, and the variables of each frame."""
    shown, waiting = [], [error]
    while waiting:
        each = waiting.pop()
        if each is None:
            continue
        told = traceback.TracebackException.from_exception(each, capture_locals=True)
        frames = [f for f in told.stack if "/tests/" not in f.filename and "test_" not in f.filename]
        shown += ["".join(told.format_exception_only()), repr(each.args), repr(vars(each))]
        shown += [f"{name}={value}" for frame in frames for name, value in (frame.locals or {}).items()]
        shown += getattr(each, "__notes__", [])
        waiting += [each.__cause__, each.__context__]
    return "\n".join(shown)


def attempt(act):
    try:
        return repr(act())
    except (sw.SpatialWidgetsError, OSError) as raised:
        return everything(raised)


def is_in(text, secret):
    return secret in text or requests.utils.quote(secret, safe="") in text


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
    except sw.SpatialWidgetsError as raised:
        shown.append(everything(raised))
    text = "\n".join(shown) + caplog.text + "".join(capsys.readouterr())
    assert not is_in(text, TOKEN)
    assert all(
        "token" not in asked.url.casefold() and TOKEN not in str(asked.form)
        for asked in app.asked
        if URL in asked.url
    )


def test_an_answer_that_is_too_long_is_in_no_frame():
    app = ScriptedApp()
    app.answers["GPServer"] = [Raw(f"[{TOKEN}" + "1," * 500_000)]
    shown = attempt(lambda: app.service(auth=TOKEN).session.get_json(URL, max_bytes=1 << 19))
    assert "ProtocolError" in shown
    assert TOKEN not in shown
    assert len(shown) < 100_000


def test_no_widget_state_and_no_saved_output_shows_it():
    said = {**JOB, "messages": [message(f"GET https://h/x?token={TOKEN}", "Error")]}
    widget = sw.JobWidget(ScriptedApp([said]).submit(auth=TOKEN))
    widget.wait(check=False)
    data, metadata = widget._repr_mimebundle_()
    state = json.dumps([widget.get_state(), data, metadata, widget.messages], default=str)
    widget.close()
    assert TOKEN not in state
    assert "***" in state


# ---------------------------------------------------------------- a whole job, signed in in every way


def logins(portal, server):
    server.tokens.good |= {"own-token/1+=secret": None, "asked-token/1+=secret": None}
    referred = "referred-token/1+=secret"
    server.tokens.good[referred] = "https://me.test/"
    return {
        "text": lambda: "own-token/1+=secret",
        "function": lambda: lambda: "asked-token/1+=secret",
        "token": lambda: Token(referred, referer="https://me.test/"),
        "body": lambda: Token("own-token/1+=secret", in_body=True),
        "user": lambda: UserLogin("ana", PASSWORD, portal=portal.url),
        "asked user": lambda: UserLogin("ana", lambda: PASSWORD, portal=portal.url, in_body=True),
        "app": lambda: AppLogin("app", CLIENT_SECRET, portal=portal.url),
        "wrong user": lambda: UserLogin("ana", PASSWORD + "x", portal=portal.url),
        "wrong app": lambda: AppLogin("app", CLIENT_SECRET + "x", portal=portal.url),
        "requests": lambda: requests.auth.HTTPBasicAuth("ana", PASSWORD),
    }


KINDS = list(logins(Portal.__new__(Portal), type("S", (), {"tokens": type("T", (), {"good": {}})})).keys())


class Echoing(ScriptedApp):
    """A service that says what it was sent, in its messages and in a refusal."""

    def job(self):
        sent = self.asked_last
        return {
            "jobId": self.job_id,
            "jobStatus": "esriJobSucceeded",
            "messages": [message(f"GET /x?token={sent}"), message(requests.utils.quote(sent, safe=""))],
            "results": {"bufferLayer": {"paramUrl": "results/bufferLayer"}},
        }

    def answer(self, asked):
        sent = asked.headers.get("X-Esri-Authorization") or asked.form.get("token") or ""
        self.asked_last = sent.removeprefix("Bearer ")
        if asked.operation == "cancel":
            return error(400, f"Not with {self.asked_last}")
        return super().answer(asked)


@pytest.mark.parametrize("kind", KINDS)
def test_no_login_shows_a_secret_in_the_course_of_a_job(kind, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")
    with Portal() as portal, Server(portal, Echoing()) as server:
        auth = logins(portal, server)[kind]()
        service = sw.GPService(server.url, auth=auth)
        shown = [
            repr(service.auth),
            repr(service),
            repr(vars(service)),
            repr(vars(service.session)),
        ]
        try:
            job = service.task("Buffer").submit(inputLayer=POINT_LAYER)
            widget = sw.JobWidget(job)
            shown.append(attempt(job._cancelling.begin))
            widget.wait()
            job.result("bufferLayer")
            server.app.answers["bufferLayer"] = [error(400, f"bad {server.app.asked_last}")] * 9
            job.results.drop()
            shown.append(attempt(lambda: job.result("bufferLayer")))
            data, metadata = widget._repr_mimebundle_()
            shown += [json.dumps([widget.get_state(), data, metadata], default=str)]
            shown += [repr(job), job.to_json(), repr(job.info), repr(widget.messages)]
            widget.close()
        except sw.SpatialWidgetsError as raised:
            shown.append(everything(raised))
            assert kind.startswith("wrong") or kind == "requests"
        shown += [repr(pickle.dumps(service)), repr(vars(service.session._secrets))]
        secrets = {PASSWORD, CLIENT_SECRET, *portal.tokens.good, *server.tokens.good}
        text = "\n".join(shown) + caplog.text + "".join(capsys.readouterr())
        assert [secret for secret in secrets if is_in(text, secret)] == []
        lines = "\n".join(asked.url for asked in portal.asked + server.asked)
        assert [secret for secret in secrets if is_in(lines, secret)] == []


# ---------------------------------------------------------------- the objects that hold one


@dataclasses.dataclass
class Holder:
    secret: Secret


def test_a_secret_shows_nothing():
    secret = Secret(TOKEN)
    made = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{secret} {secret!r}"]
    made += [repr(vars(secret)), repr(pickle.dumps(secret)), repr(dataclasses.asdict(Holder(secret)))]
    made += [repr(copy.copy(secret)), repr(copy.deepcopy([secret])), repr({secret: secret})]
    assert TOKEN not in "".join(made)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert copy.deepcopy(secret).reveal() == copy.copy(secret).reveal() == TOKEN
    assert secret == Secret(TOKEN)
    assert secret != Secret("another")
    with pytest.raises(errors.AuthenticationError, match="sign in again"):
        pickle.loads(pickle.dumps(secret)).reveal()


LOGINS = {
    "token": lambda: Token(TOKEN, referer="https://me.test/", in_body=True, also_for=["https://a.test"]),
    "function": lambda: Token(lambda: TOKEN),
    "user": lambda: UserLogin(
        "ana", TOKEN, portal="https://p.test/portal", minutes=5, referer="https://me.test/"
    ),
    "asking": lambda: UserLogin("ana", lambda: TOKEN, token_url="https://p.test/arcgis/tokens/generateToken"),
    "app": lambda: AppLogin("app", TOKEN, portal="https://p.test/portal", in_body=True),
}


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
def test_a_pickled_login_keeps_its_state_but_no_secret(login):
    login = login()
    data = pickle.dumps(login)
    assert TOKEN.encode() not in data
    again = pickle.loads(data)
    assert repr(again) == repr(login)
    assert again._settings() == login._settings()
    assert TOKEN not in repr(vars(login)) + repr(login)
    with pytest.raises(errors.AuthenticationError, match="sign in again"):
        ScriptedApp().service(auth=again).tasks()
    assert pickle.dumps(again) == data
    assert copy.copy(login) is copy.deepcopy(login) is login


@pytest.mark.parametrize("auth", [TOKEN, lambda: TOKEN, requests.auth.HTTPBasicAuth("ana", TOKEN)])
def test_a_pickled_service_keeps_its_state_but_no_secret(auth):
    app = ScriptedApp()
    service = app.service(auth=auth)
    task = service.task("Buffer")
    task.info()
    for thing in (service, task, service.session):
        data = pickle.dumps(thing)
        assert TOKEN.encode() not in data
        again = pickle.loads(data)
        assert repr(again).partition(",")[0] == repr(thing).partition(",")[0]
        session = again if isinstance(again, GPSession) else again.session
        with pytest.raises(errors.AuthenticationError, match=r"sign in again.*auth="):
            session.get_json(URL)
    assert pickle.loads(pickle.dumps(task)).info() == task.info()


def test_a_pickled_service_without_auth_works_again():
    with Server() as server:
        server.token_of = lambda asked: ""
        server.tokens.good[""] = None
        service = pickle.loads(pickle.dumps(sw.GPService(server.url)))
        assert service.tasks() == ["Buffer"]


def test_a_copied_service_is_signed_in():
    service = ScriptedApp().service(auth=TOKEN)
    task = service.task("Buffer")
    for thing in (copy.copy(service), copy.deepcopy(service)):
        assert thing.tasks() == ["Buffer"]
    for thing in (copy.copy(task), copy.deepcopy(task)):
        assert thing.info().name == "Buffer"


@pytest.mark.parametrize(
    "act",
    [
        lambda: sw.GPService("nonsense", auth=TOKEN),
        lambda: sw.Job.from_url("https://h/arcgis/rest/services/x/GPServer", auth=TOKEN),
        lambda: sw.JobWidget.from_url("nonsense", auth=TOKEN),
        lambda: sw.Job.from_json("{}", auth=TOKEN),
        lambda: sw.connect("nonsense", auth=TOKEN),
        lambda: UserLogin("ana", TOKEN, portal="http://p.test"),
        lambda: UserLogin("ana", TOKEN, minutes=-1),
        lambda: AppLogin("app", TOKEN, portal="http://p.test"),
        lambda: AppLogin("", TOKEN, portal="https://p.test"),
        lambda: Token(TOKEN + "\n" + TOKEN),
        lambda: Token(TOKEN + "名"),
        lambda: Token(TOKEN, expires="never"),
        lambda: Token(TOKEN, referer="a\nb"),
        lambda: sw.GPService(URL, auth=lambda: TOKEN + "\n" + TOKEN).tasks(),
    ],
)
def test_a_refused_argument_shows_no_secret_in_any_frame(act):
    shown = attempt(act)
    assert "Error" in shown
    assert TOKEN not in shown


def test_an_interrupt_while_sending_shows_no_header():
    class Interrupted(ScriptedApp):
        def send(self, request, **kwargs):
            headers = dict(request.headers)  # as the frames of HTTP libraries have it
            raise KeyboardInterrupt(len(headers))

    with pytest.raises(KeyboardInterrupt) as caught:
        Interrupted().service(auth=TOKEN).tasks()
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert TOKEN not in "".join(str(f.locals) for f in told.stack)


@pytest.mark.parametrize("end", ["reset", "refused"])
def test_a_broken_connection_shows_no_header_and_no_body(end):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/arcgis/rest/services/x/GPServer"

        def close():
            connection, _ = listener.accept()
            connection.recv(10)
            connection.close()

        if end == "refused":
            listener.close()
        for in_body in (False, True):
            thread = threading.Thread(target=close, daemon=True)
            if end == "reset":
                thread.start()
            session = GPSession(url, auth=Token(TOKEN, in_body=in_body))
            with pytest.raises(errors.TransportError) as caught:
                session.post_json(url, {"a": "x" * (2 << 20)})
            assert TOKEN not in everything(caught.value)
            assert caught.value.__cause__ is not None
            assert caught.value.__context__ is None
            if end == "reset":
                thread.join(5)


def test_a_password_that_is_a_word_of_the_protocol_breaks_nothing():
    secrets = Secrets()
    secrets.keep(Secret("jobStatus"))
    assert secrets.mask_bytes(b'{"jobStatus": 1}') == b'{"jobStatus": 1}'
    assert secrets.mask("bad jobStatus") == "bad ***"
    secrets.keep(Secret("open-sesame/1"))
    assert secrets.mask_bytes(b'{"a": "open-sesame\\/1"}') == b'{"a": "***"}'


def test_old_tokens_are_forgotten_so_that_masking_stays_cheap():
    secrets = Secrets()
    for number in range(1000):
        secrets.add(Secret(f"token-number-{number}"))
    assert secrets.mask("token-number-999 token-number-992") == "*** ***"
    assert len(secrets.tokens()) == 8


# ---------------------------------------------------------------- the way it goes


@pytest.mark.parametrize(
    ("url", "try_instead"),
    [
        ("http://plain-a.test/arcgis/rest/services/x/GPServer", "https://plain-a.test "),
        ("http://plain-b.test:6080/arcgis/rest/services/x/GPServer", "https://plain-b.test:6443 "),
        ("http://10.0.0.1/arcgis/rest/services/x/GPServer", "https://10.0.0.1 "),
        ("http://localhost.plain-c.test/arcgis/rest/services/x/GPServer", "https://localhost.plain-c.test "),
    ],
)
@pytest.mark.parametrize("kind", [str, requests.auth.HTTPBasicAuth])
def test_plain_http_with_auth_warns_once_per_origin(url, try_instead, kind):
    url = url.replace("://", f"://{kind.__name__.lower()}.", 1)
    try_instead = try_instead.replace("://", f"://{kind.__name__.lower()}.", 1)
    auth = TOKEN if kind is str else kind("ana", TOKEN)
    with pytest.warns(UserWarning, match="not encrypted") as caught:
        sw.GPService(url, auth=auth)
    assert try_instead in str(caught[0].message)
    assert caught[0].filename == __file__
    assert TOKEN not in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sw.GPService(url + "/Buffer", auth=auth)


@pytest.mark.parametrize(
    "url",
    [
        "https://plain-d.test",
        "http://127.0.0.1:1",
        "http://127.8.9.10",
        "http://[::1]:6080",
        "http://LOCALHOST:99",
    ],
)
def test_nobody_is_warned_of_tls_and_of_this_machine(url):
    sw.GPService(f"{url}/arcgis/rest/services/x/GPServer", auth=TOKEN)
    sw.GPService("http://plain-e.test/arcgis/rest/services/x/GPServer")  # nothing to be read


def test_a_certificate_that_nobody_vouches_for_ends_the_request_before_the_token(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server() as server:
        server.http.socket = context.wrap_socket(
            server.http.socket, server_side=True, do_handshake_on_connect=False
        )
        url = server.url.replace("http://", "https://")
        with pytest.raises(errors.TransportError, match="certificate verify failed"):
            GPSession(url, auth=TOKEN).get_json(url, retry=False)
        assert server.heads == []


def test_nothing_in_the_package_switches_verification_off():
    for path in Path(sw.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("verify=False", "verify = False", "CERT_NONE", "_create_unverified", "check_hostname"):
            assert word not in text, path
