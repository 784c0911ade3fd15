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

    def begin(token=TOKEN, **limits):
        bounds = Limits(**{"body_bytes": 100_000, "idle_s": 3600.0} | limits)
        core = build_core(tmp_path / "store", TOYS, limits=bounds)
        listener = bind(0)
        face = HttpFace(Served(listener.getsockname()[1], token))
        thread = threading.Thread(target=serve, args=(core, listener, token), kwargs={"limits": bounds})
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


@pytest.mark.parametrize(
    "header", [{"Origin": "null"}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}]
)
def test_a_web_page_is_refused_even_with_the_token(face, header):
    status, reply, _ = face.raw(f"{ROOT}?token={TOKEN}", **header)
    assert (status, reply["error"]["code"]) == (403, 403)


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
