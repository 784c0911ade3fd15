"""Requests of any kind at every route: an Esri error or an answer, never a traceback, and the service goes on."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import threading
from urllib.parse import quote, urlencode

import pytest
from faces import ROOT
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tasks_for_tests import TOYS

from spatial_widgets.server.asgi import Gate, bind, make_app
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.form import FilePart
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.routes import FORMAT, ROUTES
from spatial_widgets.server.wire import Request

# What ends the process or never ends is for tests that expect it.
SAFE = {name: task for name, task in TOYS.items() if name not in {
    "Spin", "Stubborn", "Sleep", "SleepNow", "Limited", "Exit", "Second", "Offspring", "Bug", "Chatter", "Environment",
    "GiveFile", "Abandon", "Crash", "Hausdorff", "LimitedCall", "LimitedHog", "Alone",
}}  # fmt: skip
LIMITS = Limits(keep_jobs=20, queue=1000, uploads=20, body_bytes=200_000, where_s=1.0, timeout_s=5.0)
LAYER = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
    "features": [{"attributes": {"n": 1}, "geometry": {"x": 10, "y": 50}}],
}

words = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.integers() | st.floats()
json_values = st.recursive(
    st.none() | st.booleans() | numbers | words | st.sampled_from(["file:///etc/passwd", "http://127.0.0.1/", "1=1"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["features", "featureSet", "layerDefinition", "geometryType", "spatialReference", "fields", "url",
                         "itemID", "filter", "wkid", "x", "y", "attributes", "geometry", "extent", "outSR", "xmin", "name",
                         "type", "rings", "paths", "points", "curvePaths", "layers", "value", "date"]) | words,
        inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
nearly_layers = st.builds(
    lambda changes: json.dumps(LAYER | changes),
    st.dictionaries(
        st.sampled_from([*LAYER, "filter", "hasZ", "hasM", "exceededTransferLimit"]), json_values, max_size=3
    ),
)
texts = (
    words
    | json_values.map(json.dumps)
    | nearly_layers
    | st.sampled_from(
        [
            "",
            " ",
            "true",
            "TRUE",
            "-1",
            "1e999",
            "NaN",
            "9" * 5000,
            "[" * 300,
            '{"a":' * 80,
            "\0",
            "null",
            "4326",
        ]
    )
)
task_names = st.sampled_from([*SAFE, *(name.lower() for name in SAFE), "Nope"]) | words
SEGMENTS = {
    "task": task_names,
    "jobId": st.sampled_from(["j" + "0" * 32, "..", "%2e%2e", "J" + "f" * 32]) | words,
    "itemID": st.sampled_from(["i00000000-0000-0000-0000-000000000000", "..", "item.json"]) | words,
    "name": st.sampled_from(["result", "text", "inputLayer", "NUMBER", "../text"]) | words,
    "number": st.sampled_from(["0", "1", "-1", "..", "9" * 50]) | words,
    "file": st.sampled_from(["report.txt", "..", "%2e%2e", "parameters.json"]) | words,
}
FIELDS = sorted({option.name for route in ROUTES for option in route.options} | {FORMAT.name, "token", "x-idempotency-key"}
                | {p.name for task in SAFE.values() for p in task.inputs})  # fmt: skip
forms = st.dictionaries(
    st.sampled_from(FIELDS) | st.sampled_from(FIELDS).map(str.upper) | words, texts, max_size=6
)
files = st.dictionaries(
    st.sampled_from(["file", "part", "x"]), st.builds(FilePart, words | st.sampled_from(["a.json", "../a.csv"]), st.binary(max_size=40)), max_size=2
)  # fmt: skip
headers = st.dictionaries(
    st.sampled_from(["accept", "x-idempotency-key", "content-type"]), words | st.just("text/html"), max_size=2
)


@st.composite
def paths(draw):
    route = draw(st.sampled_from(ROUTES))
    segments = [
        draw(SEGMENTS[s[1:-1]]) if s.startswith("{") else draw(st.sampled_from([s, s.upper()]))
        for s in route.segments
    ]
    odd = draw(st.sampled_from(["", "", "", "/", "//", "/extra", "/../..", "/%00"]))
    return "/".join([draw(st.sampled_from([ROOT, ROOT.lower()])), *segments]) + odd


methods = st.sampled_from(["GET", "POST", "POST", "HEAD", "DELETE", "OPTIONS", "get"])
requests = st.builds(
    Request, methods, paths() | words.map("/{}".format), forms, headers, files, st.booleans()
)


def check(response):
    """See that an answer is one a client can read."""
    body = response.body.decode()
    assert response.status == 200
    assert "Traceback" not in body
    assert 'File "/' not in body
    if response.content_type.startswith("text/html"):
        assert body.startswith("<!doctype html>")
        return
    document = json.loads(body, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    if isinstance(document, dict) and "error" in document:
        error = document["error"]
        assert set(error) == {"code", "message", "details"}
        assert isinstance(error["code"], int)
        assert isinstance(error["message"], str)
        assert all(isinstance(line, str) for line in error["details"])
        assert error["code"] != 500, error


def pelt(folder, count):
    with build_core(folder, SAFE, limits=LIMITS) as core:

        @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(requests)
        @example(
            Request(
                "POST",
                f"{ROOT}/Layer/submitJob",
                {"inputLayer": json.dumps(LAYER), "context": '{"outSR": 3857}'},
            )
        )
        def ask(request):
            check(core.handle(request))
            if core.store.counts().get("esriJobSucceeded", 0) > 50:
                core.store.sweep(keep_s=0.0, keep_jobs=0)

        ask()
        last = core.handle(Request("POST", f"{ROOT}/Sum/execute", {"a": "1"})).json()
        assert last["results"][0]["value"] == 1.0


def test_any_request_gets_an_answer(tmp_path):
    pelt(tmp_path / "store", 300)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_requests_get_answers(tmp_path):
    """By default 1,000, which take half a minute; ``SPATIAL_WIDGETS_FUZZ=10000`` asks for more."""
    pelt(tmp_path / "store", int(os.environ.get("SPATIAL_WIDGETS_FUZZ", "1000")))


# ---------------------------------------------------------------- over a real socket


@contextlib.contextmanager
def served(folder):
    """Serve a core over a real socket, from a thread."""
    import uvicorn

    core = build_core(folder, SAFE, limits=LIMITS)
    listener = bind(0)
    port = listener.getsockname()[1]
    app = make_app(core, Gate("tok", port), limits=LIMITS)
    server = uvicorn.Server(
        uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None, server_header=False)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(20)
        core.close()
        listener.close()


bodies = (
    st.binary(max_size=300)
    | forms.map(lambda form: urlencode(form, errors="replace").encode())
    | st.builds(
        lambda name, content: b'--b\r\nContent-Disposition: form-data; name="' + name + b'"; filename="a.json"\r\n\r\n' + content + b"\r\n--b--\r\n",
        st.binary(max_size=10), st.binary(max_size=50))
)  # fmt: skip
kinds = st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data", "application/json", "", 'multipart/form-data; boundary="\u00ff'])  # fmt: skip
extra = st.dictionaries(
    st.sampled_from(["Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Accept", "Authorization", "X-Esri-Authorization", "X-Odd"]),
    st.sampled_from(["Bearer tok", "none", "navigate", "null", "text/html", "\u00ff", ""]), max_size=3,
)  # fmt: skip


def pelt_socket(folder, count):
    with served(folder) as port:

        @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(methods.map(str.upper), paths(), st.booleans(), bodies, kinds, extra)
        def ask(method, path, with_token, body, kind, more):
            target = quote(path, safe="/%") + ("?token=tok" if with_token else "")
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                connection.request(
                    method, target, body if method == "POST" else None, {"Content-Type": kind, **more}
                )
                reply = connection.getresponse()
                text = reply.read()
            assert reply.status in {200, 400, 401, 403}, (reply.status, text)
            assert not [name for name in reply.headers if name.lower().startswith("access-control")]
            assert b"Traceback" not in text
            if method == "HEAD" or reply.status == 400:  # 400: h11's own word about what is no HTTP
                return
            if reply.headers["content-type"].startswith("application/json"):
                document = json.loads(text)
                if isinstance(document, dict) and "error" in document:
                    assert document["error"]["code"] != 500, document

        ask()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("GET", "/health")
            assert json.loads(connection.getresponse().read())["status"] == "ok"


def test_any_request_over_a_socket_gets_an_answer(tmp_path):
    pelt_socket(tmp_path / "store", 100)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_thousand_requests_over_a_socket_get_answers(tmp_path):
    pelt_socket(tmp_path / "store", 1000)
