"""The session over real sockets: what a server can do to a request, and when the request ends all the same."""

import contextlib
import json
import socket
import threading
import time
import traceback
from urllib.parse import quote

import pytest
import requests
from raw_server import OK, RawServer, answer, drip, silent

from spatial_widgets import errors
from spatial_widgets.client import GPSession


@pytest.mark.parametrize(
    "handle",
    [silent, drip(b"H"), drip(b"X-Header: more\r\n")],
    ids=["silent", "one letter at a time", "headers without end"],
)
def test_a_request_ends_at_its_deadline_whatever_the_server_does(handle):
    with RawServer(handle) as server:
        started = time.monotonic()
        with pytest.raises(errors.TransportError):
            GPSession(server.url).get_json(server.url, deadline_s=0.6, retry=False)
        assert time.monotonic() - started < 2


def test_a_body_that_drips_ends_at_the_deadline():
    def handle(connection, server):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        drip(b" ")(connection, server)

    with RawServer(handle) as server:
        started = time.monotonic()
        with pytest.raises(errors.TransportTimeout, match=r"0\.6 s"):
            GPSession(server.url).get_json(server.url, deadline_s=0.6, retry=False)
        assert time.monotonic() - started < 2


def test_a_body_cut_short_is_a_transport_error():
    with RawServer(answer(OK[:-4])) as server, pytest.raises(errors.TransportError):
        GPSession(server.url).get_json(server.url, retry=False)


def test_a_dead_port_is_told_and_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    session = GPSession(f"http://127.0.0.1:{port}/GPServer")
    with pytest.raises(errors.TransportError, match="Nothing was sent"):
        session.get_json(f"http://127.0.0.1:{port}/GPServer")
    with pytest.raises(errors.TransportError, match="Nothing was sent"):
        session.post_json(f"http://127.0.0.1:{port}/GPServer/T/submitJob", {"a": "1"})


def test_a_post_is_sent_once_and_a_get_again():
    def reset(connection, server):
        connection.close()

    with RawServer(reset) as server:
        session = GPSession(server.url)
        with pytest.raises(errors.TransportError):
            session.post_json(server.url + "/T/submitJob", {"a": "1"})
        assert len(server.requests) == 1
        with pytest.raises(errors.TransportError) as caught:
            session.get_json(server.url)
        assert len(server.requests) == 4
        assert caught.value.attempts == 3


def test_the_token_goes_to_its_own_origin_only_and_never_into_a_url():
    with RawServer(answer(OK)) as other:

        def redirect(connection, server):
            connection.sendall(
                f"HTTP/1.1 302 Found\r\nLocation: {other.url}/elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
            )

        with RawServer(redirect) as server:
            session = GPSession(server.url, auth="very-secret")
            assert session.get_json(server.url) == {"ok": True}
            assert "X-Esri-Authorization: Bearer very-secret" in server.requests[0]
            assert "very-secret" not in other.requests[0]
            assert "very-secret" not in server.requests[0].splitlines()[0]
            with pytest.raises(errors.ProtocolError, match="redirected"):
                session.post_json(server.url + "/T/submitJob", {"a": "1"})
            assert len(other.requests) == 1


@pytest.mark.parametrize(
    "more",
    [b"", b"Content-Encoding: " + b"gzip, " * 9 + b"gzip\r\n"],
    ids=["without end", "packed ten times"],
)
def test_the_body_of_a_redirect_is_not_read(more):
    with RawServer(answer(OK)) as other:

        def redirect(connection, server):
            connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {other.url}\r\n".encode() + more + b"\r\n")
            while not server.over.is_set():
                connection.sendall(b" " * 65536)

        with RawServer(redirect) as server:
            assert GPSession(server.url).get_json(server.url, deadline_s=5.0, retry=False) == {"ok": True}


def test_the_query_that_a_redirect_leads_to_is_shown_nowhere():
    # It is the server's own, and may hold what is no token of this session.
    refusal = b'{"error": {"code": 404, "message": "No such job."}}'
    with RawServer(
        answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(refusal), refusal))
    ) as other:
        target = f"{other.url}/jobs/j1"

        def redirect(connection, server):
            connection.sendall(
                f"HTTP/1.1 302 Found\r\nLocation: {target}?f=json&ticket=ST-4711\r\nContent-Length: 0\r\n\r\n".encode()
            )

        with RawServer(redirect) as server:
            session = GPSession(server.url, auth="very-secret")
            with pytest.raises(errors.NotFound) as caught:
                session.get_json(f"{server.url}/jobs/j1")
            with pytest.raises(errors.NotFound) as as_file:
                list(session.download(f"{server.url}/jobs/j1"))
        assert "ticket=ST-4711" in other.requests[0].splitlines()[0]
    assert caught.value.url == as_file.value.url == target
    assert f"to GET {server.url}/jobs/j1, redirected to {target}: No such job." in str(caught.value)
    assert "ST-4711" not in str(caught.value) + str(as_file.value)


def test_a_cookie_goes_back_to_its_own_origin_only():
    # Cookies know no ports, and services put tokens into them.
    with RawServer(answer(OK)) as other:

        def set_and_redirect(connection, server):
            target = f"Location: {other.url}/elsewhere\r\nSet-Cookie: agstoken=very-secret"
            connection.sendall(f"HTTP/1.1 302 Found\r\n{target}\r\nContent-Length: 0\r\n\r\n".encode())

        with RawServer(set_and_redirect) as server:
            session = GPSession(server.url, auth="very-secret")
            for _ in range(2):
                session.get_json(server.url)
            assert "Cookie: agstoken=very-secret" in server.requests[1]
            assert not any("very-secret" in request for request in other.requests)


def test_an_echo_of_the_token_in_a_header_that_is_none_is_not_logged(caplog):
    caplog.set_level("DEBUG")
    echo = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nyou sent very-secret\r\n\r\n" + OK[-11:]
    with RawServer(answer(echo)) as server:
        session = GPSession(server.url, auth="very-secret")
        assert session.get_json(server.url) == {"ok": True}
    assert "very-secret" not in caplog.text


def test_an_echo_of_the_token_that_an_error_cuts_off_is_not_shown_in_part():
    token = "very-secret-" + "0123456789" * 3
    line = "".join(f"\\u{ord(c):04x}" for c in token).encode()  # int() shows the start of what is no number
    echo = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line + b"\r\n"
    with RawServer(answer(echo)) as server, pytest.raises(errors.TransportError) as caught:
        GPSession(server.url, auth=token).get_json(server.url, retry=False)
    assert line[:60].decode() not in "".join(traceback.format_exception(caught.value)).replace("\\\\", "\\")


def test_an_auth_object_is_used_and_its_secret_masked():
    body = b'{"error": {"code": 400, "message": "you sent Zm9vOnNlY3JldA=="}}'
    with RawServer(answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))) as server:
        session = GPSession(server.url, auth=requests.auth.HTTPBasicAuth("foo", "secret"))
        with pytest.raises(errors.ServiceError) as caught:
            session.get_json(server.url)
        assert "Authorization: Basic Zm9vOnNlY3JldA==" in server.requests[0]
        assert "Zm9vOnNlY3JldA==" not in str(caught.value)


class Signing(requests.auth.AuthBase):
    """Signs as many gateways want it: headers of any name, and what is no secret beside them."""

    def __init__(self, *signs):
        self.signs = signs

    def __call__(self, request):
        name, value = self.signs[0] if len(self.signs) == 1 else self.signs[request.url.count("second")]
        request.headers[name] = value
        request.headers["Date"] = "Mon, 30 Nov 2026 08:00:00 GMT"
        request.headers["X-Organisation"] = "esri"
        return request


def echo_header(name):
    """Return a job, and after that a refusal, with what came in a header."""

    def handle(connection, server):
        value = server.mine.head.partition(f"{name}: ")[2].split("\r\n")[0]
        said = json.dumps(
            f"You sent {value}, also as {quote(value, safe='')}, from esri, Mon, 30 Nov 2026 08:00:00 GMT"
        )
        body = f'{{"jobStatus": "esriJobExecuting", "messages": [{{"description": {said}}}]}}'
        if len(server.requests) > 1:
            body = f'{{"error": {{"code": 400, "message": {said}}}}}'
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    return handle


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("X-My-Token", "qwertzuiopasdfghjkl", []),
        ("X-Gateway", "0a1b2c3d/4e5f+6789==", []),
        ("X-Api-Key", "key4711", []),
        ("Proxy-Session", "Ticket 8d3e1f20-aa", ["8d3e1f20-aa"]),
        ("Cookie", "agstoken=s3cr3t-cookie; path=home", ["s3cr3t-cookie"]),
        (
            "Authorization",
            'Digest username="ana", response="6629fae49393a053", cnonce="0a4f113b"',
            ["6629fae49393a053"],
        ),
        ("Authorization", "Basic Zm9vOnBhc3N3MHJkLTE=", ["passw0rd-1", "Zm9vOnBhc3N3MHJkLTE="]),
    ],
)
def test_what_an_auth_object_puts_into_a_header_is_masked_whatever_its_name(name, value, secrets, caplog):
    caplog.set_level("DEBUG")
    with RawServer(echo_header(name)) as server:
        url = f"{server.url}/GPServer/T/jobs/j1"
        session = GPSession(server.url, auth=Signing((name, value)))
        heard = []
        session.listen(Listener(heard))
        document = session.get_json(url)
        with pytest.raises(errors.ServiceError) as caught:
            session.get_json(url)
    assert f"{name}: {value}" in server.requests[0]
    shown = [repr(document), *map(repr, heard), "".join(traceback.format_exception(caught.value))]
    shown += [repr(vars(caught.value)), repr(session), repr(vars(session)), caplog.text]
    assert "You sent ***" in shown[0]
    assert len(heard) == 2
    for secret in [value, *secrets]:
        assert not any(secret in text or quote(secret, safe="") in text for text in shown), secret
    assert document["jobStatus"] == "esriJobExecuting"
    assert "from esri, Mon, 30 Nov 2026 08:00:00 GMT" in document["messages"][0]["description"]


class Listener:
    def __init__(self, heard):
        self.hear = heard.append

    def wants(self, _url):
        return True


def test_a_secret_that_stays_is_masked_however_many_others_an_auth_object_makes():
    class Nonces(requests.auth.AuthBase):
        made = 0

        def __call__(self, request):
            request.headers["X-My-Token"] = "constant-0123456789"
            for each in "ABCDE":
                Nonces.made += 1
                request.headers[f"X-Nonce-{each}"] = f"nonce-number-{Nonces.made}"
            return request

    with RawServer(echo_header("X-My-Token")) as server:
        session = GPSession(server.url, auth=Nonces())
        for _ in range(4):
            with contextlib.suppress(errors.ServiceError):
                session.get_json(server.url, retry=False)
        assert session.mask("constant-0123456789") == "***"


def test_what_an_auth_object_answers_a_challenge_with_is_masked_too():
    class Challenged(requests.auth.AuthBase):
        def __call__(self, request):
            request.register_hook("response", self.again)
            return request

        def again(self, response, **options):
            request = response.request.copy()
            request.headers["X-My-Token"] = "made-for-4711"
            answer = response.connection.send(request, **options)
            answer.request = request
            return answer

    with RawServer(echo_header("X-My-Token")) as server:
        with pytest.raises(errors.ServiceError) as caught:
            GPSession(server.url, auth=Challenged()).get_json(server.url, retry=False)
        assert "X-My-Token: made-for-4711" in server.requests[1]
    assert "You sent ***" in str(caught.value)


def test_netrc_is_not_asked(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with RawServer(answer(OK)) as server:
        GPSession(server.url).get_json(server.url)
        assert "Authorization" not in server.requests[0]


def test_threads_share_one_renewal_of_a_token():
    asked = []

    def make():
        asked.append(1)
        return f"token-number-{len(asked)}"

    refuse = b'{"error": {"code": 498, "message": "Invalid token."}}'

    def handle(connection, server):
        old = "token-number-1" in server.mine.head
        body = refuse if old else b'{"ok": true}'
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )

    with RawServer(handle) as server:
        session = GPSession(server.url, auth=make)
        session._current_token()
        results = []
        threads = [
            threading.Thread(target=lambda: results.append(session.get_json(server.url))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(asked) == 2
        assert results == [{"ok": True}] * 8


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, b"<html><form>Password</form></html>", errors.ProtocolError, "login page"),
        (200, b"<!DOCTYPE html><title>Services</title>", errors.ProtocolError, "HTML"),
        (200, b"", errors.ProtocolError, "empty"),
        (200, b"\xff\xfe\x00", errors.ProtocolError, "not UTF-8"),
        (200, b'{"a": [1, 2', errors.ProtocolError, "not whole JSON"),
        (404, b"<html>", errors.ProtocolError, "404"),
        (404, b'{"error": {"code": 404, "message": "gone"}}', errors.NotFound, "gone"),
        (503, b'{"error": {"code": 503, "message": "busy"}}', errors.ServiceError, "busy"),
        (502, b"<html>Bad gateway</html>", errors.TransportError, "502"),
        (429, b"slow down", errors.TransportError, "429"),
        (200, b'{"error": {"code": 499, "message": "Token Required", "details": null}}', errors.AuthenticationError, "auth="),
        (200, b'{"error": "invalid_grant", "error_description": "expired"}', errors.ServiceError, "expired"),
        (200, b'{"status": "error", "code": 400, "messages": ["no", "why"]}', errors.ServiceError, "no why"),
        (200, b'{"error": {"message": "bare", "details": "one line"}}', errors.ServiceError, "bare one line"),
    ],
)  # fmt: skip
def test_every_odd_answer_has_its_error(status, body, error, words):
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    with RawServer(answer(head + body)) as server, pytest.raises(error, match=words):
        GPSession(server.url).get_json(server.url, retry=False)


def test_an_endless_answer_is_cut_off():
    def handle(connection, server):
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
        while not server.over.is_set():
            connection.sendall(b"1," * 50_000)

    with RawServer(handle) as server, pytest.raises(errors.ProtocolError, match="1 MB"):
        GPSession(server.url).get_json(server.url, max_bytes=1 << 20, retry=False)
