import contextlib
import http.client
import threading
from urllib.parse import urlencode

import pytest
from faces import ROOT, HttpFace, wait_until
from tasks_for_tests import TOYS

from spatial_widgets.server.asgi import Gate, bind, serve
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Fault, Request

FORM = "application/x-www-form-urlencoded"
TOKEN = "the-token"


class Served:
    def __init__(self, port, token):
        self.url, self.token = f"http://127.0.0.1:{port}{ROOT}", token


@pytest.fixture
def serving(tmp_path, monkeypatch):
    """Serve a core from a thread; only a test would do that, signals need a main thread."""
    ends = []

    def begin(token=TOKEN, access_log=False, **limits):
        bounds = Limits(**{"body_bytes": 100_000, "idle_s": 3600.0} | limits)
        core = build_core(tmp_path / "store", TOYS, limits=bounds)
        listener = bind(0)
        settings = {"limits": bounds, "access_log": access_log}
        face = HttpFace(Served(listener.getsockname()[1], token))
        thread = threading.Thread(target=serve, args=(core, listener, token), kwargs=settings)
        thread.start()
        ends.append((face, thread))
        return face

    from spatial_widgets.server import asgi

    servers = []
    monkeypatch.setattr(
        asgi._Server,
        "__init__",
        lambda self, *a, _init=asgi._Server.__init__: (servers.append(self), _init(self, *a))[1],
    )
    yield begin
    for server in servers:
        server.leave()
    for _, thread in ends:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def face(serving):
    return serving()


def code(reply):
    return reply[1]["error"]["code"]


def test_a_job_over_the_wire_urlencoded_and_multipart(face):
    job = face.submit("Greet", name="é + &")
    assert face.ended(job)["jobStatus"] == "esriJobSucceeded"
    body = f'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n{TOKEN}\r\n--b--\r\n'
    status, reply, headers = face.raw(
        f"{ROOT}/Greet/submitJob", "POST", body, **{"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert (status, reply["jobStatus"]) == (200, "esriJobSubmitted")
    assert headers["content-type"].startswith("application/json")
    assert "access-control-allow-origin" not in {name.lower() for name in headers}


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"X-Esri-Authorization": f"Bearer {TOKEN}"}, ""),
        ({"Authorization": f"bearer {TOKEN}"}, ""),
        ({}, f"?token={TOKEN}"),
        ({}, f"?Token={TOKEN}"),
    ],
)
def test_the_token_is_taken_from_header_or_form(face, headers, query):
    assert "tasks" in face.raw(ROOT + query, **headers)[1]


def test_no_token_is_499_and_a_wrong_one_498_inside_http_200(face):
    status, reply, _ = face.raw(ROOT)
    assert (status, reply["error"]["code"], reply["error"]["message"]) == (200, 499, "Token Required")
    status, reply, _ = face.raw(ROOT, **{"X-Esri-Authorization": "Bearer wrong"})
    assert (status, reply["error"]["code"], reply["error"]["message"]) == (200, 498, "Invalid token.")
    assert code(face.raw(f"{ROOT}?token=wr%C3%B6ng")) == 498
    assert code(face.raw(f"{ROOT}/Greet/submitJob", "POST", "name=a", **{"Content-Type": FORM})) == 499
    assert face.raw("/health")[1]["status"] == "ok"


def test_an_anonymous_service_asks_for_none(serving):
    face = serving(token=None)
    assert "tasks" in face.raw(ROOT)[1]
    assert "tasks" in face.raw(ROOT, **{"X-Esri-Authorization": "Bearer whatever"})[1]


@pytest.mark.parametrize("host", ["evil.com", "127.0.0.1.evil.com", "127.0.0.1", "localhost:1", "", "[::1]"])
def test_a_foreign_host_is_refused(face, host):
    status, reply, _ = face.raw("/health", Host=host)
    assert (status, reply["error"]["code"]) == (403, 403)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_a_loopback_host_is_let_in(face, name):
    assert face.raw("/health", Host=f"{name}:{face.port}")[0] == 200


TYPED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "null"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Referer": "https://evil.example/page"},
        {"Referer": "http://127.0.0.1:1/"},
    ],
)
@pytest.mark.parametrize("token", [TOKEN, None])
def test_a_web_page_is_refused_even_with_the_token(serving, header, token):
    face = serving(token=token)
    status, reply, headers = face.raw(f"{ROOT}?token={TOKEN}", **header)
    assert (status, reply["error"]["code"]) == (403, 403)
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("header", [{"Referer": "@esri/arcgis-rest-js"}, {"Sec-Fetch-Mode": "cors"}])
def test_a_client_in_node_is_let_in(face, header):
    assert "tasks" in face.raw(f"{ROOT}?token={TOKEN}", **header)[1]


def text_of(face, path, method="GET", **headers):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", face.port, timeout=30)) as connection:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers


def test_a_person_with_a_browser_gets_a_page_from_an_anonymous_service(serving):
    face = serving(token=None)
    status, text, headers = text_of(face, ROOT, **TYPED, Accept="text/html,*/*")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'<a href="{ROOT}/Greet">Greet</a>' in text
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    status, text, headers = text_of(face, f"{ROOT}/Greet?f=json", **TYPED, Accept="text/html")
    assert headers["content-type"].startswith("application/json")


def test_a_person_cannot_change_anything_by_an_address(serving, tmp_path):
    face = serving(token=None)
    for path in (
        "Greet/submitJob?name=Ada",
        "uploads/register?itemName=a.json",
        f"Greet/jobs/j{'0' * 32}/cancel",
    ):
        status, text, _ = text_of(face, f"{ROOT}/{path}", **TYPED, Accept="text/html")
        assert "These pages are for reading" in text, (status, text)
    assert face.raw("/health")[1]["jobs"] == {}


def test_a_service_with_a_token_explains_itself_and_takes_no_token_from_an_address(face):
    for query in ("", f"?token={TOKEN}"):
        status, text, headers = text_of(face, ROOT + query, **TYPED, Accept="text/html")
        assert (status, headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert "please do not put it there" in text
        assert "Greet" not in text
        assert TOKEN not in text


def test_the_access_log_has_neither_query_nor_line_breaks(serving, caplog):
    caplog.set_level("INFO")
    face = serving(access_log=True)
    face.raw(f"{ROOT}/a%0Ab?token={TOKEN}&x=secret")
    wait_until(lambda: [r for r in caplog.records if r.name.endswith("access")])
    lines = [r.getMessage() for r in caplog.records if r.name.endswith("access")]
    assert len(lines) == 1
    assert lines[0].startswith(f"GET '{ROOT}/a\\nb' 200 ")
    assert TOKEN not in caplog.text
    assert "secret" not in caplog.text


def test_too_large_a_body_is_refused_with_a_word_and_the_service_goes_on(face):
    body = urlencode({"token": TOKEN, "name": "x" * 400_000})
    reply = face.raw(f"{ROOT}/Greet/submitJob", "POST", body, **{"Content-Type": FORM})
    assert code(reply) == 413
    assert "100,000 bytes" in reply[1]["error"]["message"]
    chunks = iter([b"token=x&name=", *[b"y" * 50_000] * 4])
    assert code(face.raw(f"{ROOT}/Greet/submitJob", "POST", chunks, **{"Content-Type": FORM})) == 413
    assert "tasks" in face.ask(ROOT)


def test_a_body_that_cannot_be_read_is_an_error_400(face):
    headers = {"Content-Type": "application/json", "X-Esri-Authorization": f"Bearer {TOKEN}"}
    assert code(face.raw(f"{ROOT}/Greet/submitJob", "POST", "{}", **headers)) == 400


def test_other_methods_are_an_error_405(face):
    assert code(face.raw(ROOT, "DELETE", **{"X-Esri-Authorization": f"Bearer {TOKEN}"})) == 405


def test_the_token_reaches_neither_the_core_nor_its_files_nor_the_log(face, tmp_path, caplog):
    job = face.submit("Greet", name="Ada", token=TOKEN)
    face.raw(f"{ROOT}/Nope?token={TOKEN}")
    assert TOKEN not in str(face.ended(job))
    assert TOKEN not in caplog.text
    for path in (tmp_path / "store").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_many_clients_poll_while_one_sends_much(serving):
    face = serving(body_bytes=30_000_000)
    job = face.submit("Greet", name="a")
    big = threading.Thread(target=face.submit, args=("Greet",), kwargs={"name": "%é" * 2_000_000})
    big.start()
    while big.is_alive():
        assert face.status(job) == "esriJobSucceeded"
    big.join()


def test_an_idle_service_ends_itself(serving):
    face = serving(idle_s=0.2)
    assert face.raw("/health")[0] == 200

    def refused():
        try:
            face.raw("/health")
        except OSError:
            return True
        threading.Event().wait(0.5)
        return False

    wait_until(refused)


def test_the_gate_takes_the_token_out_of_the_request():
    gate = Gate("t", 1)
    bare = gate.check_token(
        Request("GET", "/x", {"TOKEN": "t", "a": "b"}, {"authorization": "Bearer t", "c": "d"})
    )
    assert (bare.form, bare.headers) == ({"a": "b"}, {"c": "d"})
    with pytest.raises(Fault, match="Token Required"):
        gate.check_token(Request("GET", "/x", {"token": ""}, {"authorization": "Basic abc"}))
