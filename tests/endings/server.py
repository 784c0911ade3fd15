"""A GPServer of bare sockets that follows a script, and the answers to write scripts with."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import socket
import ssl
import struct
import time
import zlib
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from fakes import POINT_LAYER, TASK
from raw_server import RawServer

JOB_ID = "j0123456789abcdef"
TOKEN = "token-that-nobody-may-see"  # given with every request, and echoed by the servers here


@dataclass(frozen=True)
class Asked:
    """A request that came in whole."""

    operation: str
    method: str
    target: str
    head: str
    form: dict[str, str]
    at: float


class ScriptServer(RawServer):
    """Answers each operation by its script, one answer a request; the last one stays.

    Operations: ``service task submitJob poll cancel result other``. An answer is called with the connection
    and this server; one that returns True leaves the connection open for the next request.
    """

    def __init__(self, context: ssl.SSLContext | None = None, **scripts):
        super().__init__(None)
        self.context = context
        self.asked = []
        self.failed_handshakes = 0
        self.slept_s = 0.0  # what the wall clock runs ahead of the monotonic one
        self.scripts = {
            "service": [say({"tasks": ["Buffer"], "executionType": TASK["executionType"]})],
            "task": [say({**TASK, "parameters": TASK["parameters"][:-1]})],  # no outputs: nothing to load
            "submitJob": [say({"jobId": JOB_ID, "jobStatus": "esriJobSubmitted"})],
            "poll": [say(job("esriJobSucceeded"))],
            "cancel": [say({"jobId": JOB_ID, "jobStatus": "esriJobCancelling"})],
            "result": [result(POINT_LAYER)],
            "other": [say({"error": {"code": 400, "message": "Invalid URL"}})],
            **{name: list(script) for name, script in scripts.items()},
        }
        if context is not None:
            self.url = self.url.replace("http://", "https://")

    @property
    def job_url(self):
        return f"{self.url}/Buffer/jobs/{JOB_ID}"

    def count(self, operation):
        return sum(a.operation == operation for a in self.asked)

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            if self.context is not None:
                try:
                    connection = self.context.wrap_socket(connection, server_side=True)
                except OSError:
                    self.failed_handshakes += 1
                    return
                self.open.append(connection)
            while self.answer_one(connection):
                pass
            # What has not been read would make the close a reset, and the answer might be lost.
            connection.shutdown(socket.SHUT_WR)

    def answer_one(self, connection):
        asked = read_request(connection)
        if asked is None:
            return False
        self.mine.asked = asked
        self.asked.append(asked)
        script = self.scripts[asked.operation]
        answer = script.pop(0) if len(script) > 1 else script[0]
        return answer(connection, self)


def read_request(connection):
    """Read one request with its body; None where the client went away."""
    data = b""
    while b"\r\n\r\n" not in data and data[:1] != b"\x16":  # that is TLS
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    lengths = [line.split(":")[1] for line in text.splitlines() if line.lower().startswith("content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    method, target, *_ = [*text.split(" "), "/"]
    path = urlsplit(target).path.partition("/GPServer")[2].strip("/").split("/")
    operation = {
        1: "task" if path[0] else "service",
        2: "submitJob" if path[-1] == "submitJob" else "other",
        3: "poll",
        4: "cancel",
        5: "result",
    }.get(len(path), "other")
    if "/GPServer" not in target:
        operation = "other"
    return Asked(operation, method, target, text, dict(parse_qsl(body.decode())), time.monotonic())


# ---------------------------------------------------------------- documents


def job(status, *messages, **more):
    """Return a job's document; ``messages`` are texts of errors."""
    listed = [{"type": "esriJobMessageTypeError", "description": text} for text in messages]
    return {"jobId": JOB_ID, "jobStatus": status, "messages": listed, **more}


def esri_error(code, message="Something is wrong.", **more):
    """Return an Esri error body that echoes the token, as some servers do."""
    return {"error": {"code": code, "message": f"{message} (token={TOKEN})", "details": [], **more}}


# ---------------------------------------------------------------- answers


def say(document, status=200, *, keep=False, **headers):
    """Answer with a document as JSON, or with the bytes given."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {
        "Content_Type": "application/json",
        "Content_Length": str(len(body)),
        "Connection": "keep-alive" if keep else "close",
        **headers,
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items() if value is not None]
    data = "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode() + body

    def answer(connection, server):
        connection.sendall(data)
        return keep

    return answer


def status(word, **more):
    """Answer with a job in this state."""
    return say(job(word, **more))


def result(value, name="bufferLayer"):
    return say({"paramName": name, "dataType": "GPFeatureRecordSetLayer", "value": value})


def html(text="Sorry", code=200, **headers):
    """Answer with a page that echoes the token."""
    page = f"<!DOCTYPE html><html><body>{text} {TOKEN}</body></html>".encode()
    return say(page, code, Content_Type="text/html", **headers)


def head(**headers):
    """Return the start of an answer, up to the body."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


def gzipped(document, *, damaged=False):
    data = gzip.compress(json.dumps(document).encode())
    if damaged:
        data = data[:12] + bytes(b ^ 0x55 for b in data[12:])
    return say(data, Content_Encoding="gzip")


@functools.cache
def packed_spaces():
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(100)) + packer.flush()


def gzip_bomb(connection, server):
    """Answer with 100 MB of spaces that take 100 kB on the way."""
    say(packed_spaces(), Content_Encoding="gzip")(connection, server)


def send(data):
    """Send bytes as they are, and close."""

    def answer(connection, server):
        connection.sendall(data)

    return answer


def reset(connection, server):
    """Answer with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang_up(connection, server):
    """Close without a word."""


def silent(data=b""):
    """Send this much, and then nothing while the connection stays open."""

    def answer(connection, server):
        connection.sendall(data)
        server.over.wait(30)

    return answer


def dripping(data, piece=b" "):
    """Send this, and then a piece every 0.05 s, without end."""

    def answer(connection, server):
        connection.sendall(data)
        while not server.over.wait(0.05):
            connection.sendall(piece)

    return answer


def endless(data, piece):
    """Send this, and then the piece over and over, as fast as it is taken."""

    def answer(connection, server):
        connection.sendall(data)
        while not server.over.is_set():
            connection.sendall(piece)

    return answer


def redirect(target, status=302):
    """Answer with a redirect to a URL, or to what a function makes of this server."""

    def answer(connection, server):
        where = target(server) if callable(target) else target
        return say(b"", status, Location=where)(connection, server)

    return answer
