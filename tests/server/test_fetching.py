"""Layers by URL: what is refused before anything is sent, and what a real server on loopback sees."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from faces import ROOT, CoreFace
from tasks_for_tests import TOYS

from spatial_widgets.errors import ParameterError
from spatial_widgets.server import inputs
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.fetching import fetch_layer, is_public, refuse_url
from spatial_widgets.server.limits import Limits

LIMITS = Limits(input_hosts=("maps.example.org",))
SET = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
    "features": [{"attributes": {"n": n}, "geometry": {"x": n, "y": 0}} for n in range(3)],
}
LAYER = "https://maps.example.org/arcgis/rest/services/A/FeatureServer/0"


class NoTls:
    """Stands for TLS: the server of these tests speaks plainly."""

    def wrap_socket(self, bare, server_hostname):
        assert server_hostname == "maps.example.org"
        return bare


class Host:
    """A web server on loopback that remembers what it was asked."""

    def __init__(self):
        self.asked, self.replies = [], []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append((self.path, dict(self.headers)))
                status, headers, body = (
                    host.replies.pop(0) if host.replies else (200, {}, json.dumps(SET).encode())
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def host():
    made = Host()
    yield made
    made.close()


def fetch(host, pointer, *, limits=LIMITS, addresses=("127.0.0.1",), may_read=lambda _: True):
    return fetch_layer(
        pointer, limits, parameter="inputLayer", resolver=lambda *_: list(addresses), may_read=may_read, context=NoTls(), port=host.port
    )  # fmt: skip


PRIVATE = [
    "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "nonsense", "",
    "2130706433", "0x7f000001", "127.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_not_read_from(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_may_be_read_from(address):
    assert is_public(address)


@pytest.mark.parametrize("addresses", [[], ["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"]])
def test_one_address_that_is_not_public_is_enough_and_nothing_is_sent(host, addresses):
    with pytest.raises(ParameterError, match="not at a public address"):
        fetch(host, {"url": LAYER}, addresses=addresses, may_read=is_public)
    assert host.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://maps.example.org/x",
        "ftp://maps.example.org/x",
        "file:///etc/passwd",
        "https://other.example.org/x",
        "https://maps.example.org.evil.com/x",
        "https://maps.example.org:8443/x",
        "https://user:secret@maps.example.org/x",
        "https://evil.com#@maps.example.org/x",
        "https://evil.com\\@maps.example.org/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://maps.example.org/x y",
        "https://maps.example.org/x\r\nX-Evil: 1",
        "https://maps.example.org:99999/",
        "//maps.example.org/x",
        "maps.example.org",
        "",
    ],
)
def test_a_url_that_is_not_on_the_list_is_refused(url):
    with pytest.raises(ParameterError) as caught:
        refuse_url(url, LIMITS, about="x", parameter="x")
    assert "secret" not in str(caught.value)


def test_a_host_without_address_is_told():
    def unknown(*_):
        raise socket.gaierror("no such host")

    with pytest.raises(ParameterError, match="no address"):
        fetch_layer({"url": LAYER}, LIMITS, parameter="p", resolver=unknown)


def test_a_layer_is_queried_page_by_page_with_its_filter_and_token(host):
    host.replies = [
        (200, {}, json.dumps(SET | {"exceededTransferLimit": True}).encode()),
        (200, {}, json.dumps(SET).encode()),
    ]
    pages = fetch(host, {"url": LAYER, "filter": "n > 0", "serviceToken": "tok"})
    assert len(pages) == 2
    first, second = (path for path, _ in host.asked)
    assert first.startswith("/arcgis/rest/services/A/FeatureServer/0/query?where=n+%3E+0&")
    assert "resultOffset=3" in second
    headers = host.asked[0][1]
    assert (headers["Host"], headers["X-Esri-Authorization"]) == ("maps.example.org", "Bearer tok")
    assert "tok" not in first


def test_a_document_is_read_as_it_is(host):
    (page,) = fetch(host, {"url": "https://MAPS.example.org/a b.json?x=1".replace(" ", "%20")})
    assert json.loads(page) == SET
    assert host.asked[0][0] == "/a%20b.json?x=1"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((302, {"Location": "http://127.0.0.1/"}, b""), "redirects are not followed"),
        ((404, {}, b""), "HTTP 404"),
        ((200, {"Content-Encoding": "gzip"}, b"x"), "compressed"),
        ((200, {"Content-Length": "100"}, b"x"), "short|IncompleteRead"),
        ((200, {}, b"x" * 2000), "over 1,000 bytes"),
        ((200, {}, b"not json"), "JSON"),
        ((200, {}, b'{"error": {"message": "no way"}}'), "no way"),
        ((200, {}, b"[]"), "features"),
    ],
)
def test_what_else_comes_back_is_told(host, reply, says):
    host.replies = [reply]
    with pytest.raises(ParameterError, match=says):
        fetch(host, {"url": LAYER}, limits=Limits(input_hosts=("maps.example.org",), input_bytes=1000))
    assert len(host.asked) == 1


def test_a_layer_that_never_ends_is_cut_off(host):
    host.replies = [(200, {}, json.dumps(SET | {"exceededTransferLimit": True}).encode())] * 50
    with pytest.raises(ParameterError, match="over 10 features"):
        fetch(host, {"url": LAYER}, limits=Limits(input_hosts=("maps.example.org",), features=10))


def test_a_silent_host_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = type("Silent", (), {"port": silent.getsockname()[1]})
        with pytest.raises(ParameterError, match=r"within 0\.1 s|could not be read"):
            fetch(made, {"url": LAYER}, limits=Limits(input_hosts=("maps.example.org",), input_s=0.1))


def test_a_job_reads_a_layer_by_url_only_where_that_is_switched_on(host, tmp_path, monkeypatch):
    def through(pointer, limits, *, parameter):
        return fetch(host, pointer, limits=limits)

    monkeypatch.setattr(inputs, "fetch_layer", through)
    pointer = json.dumps({"url": LAYER, "filter": "n = 1", "serviceToken": "tok"})
    with build_core(tmp_path / "store", TOYS, limits=LIMITS) as core:
        face = CoreFace(core)
        job = face.submit("Layer", inputLayer=pointer)
        assert len(face.ask(f"{job}/results/result")["value"]["features"]) == 3
        assert "tok" not in json.dumps(face.ask(f"{job}/inputs"))
        elsewhere = json.dumps({"url": "https://other.example.org/FeatureServer/0"})
        assert (
            "maps.example.org"
            in face.ask(f"{ROOT}/Layer/submitJob", inputLayer=elsewhere)["error"]["message"]
        )
    assert len(host.asked) == 1
