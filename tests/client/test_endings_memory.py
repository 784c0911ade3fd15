"""No answer to a poll makes the client hold more than its bounds, however much is sent: measured in a process of its own."""

import subprocess
import sys

import pytest
from endings.server import ScriptServer, endless, gzip_bomb, head

PIECE = b" " * (1 << 20)
SCRIPT = """
import resource, sys
from spatial_widgets import errors
from spatial_widgets.client import GPService, GPSession, Job
from spatial_widgets.protocol import JobInfo

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

url = sys.argv[1]
task = GPService(url, session=GPSession(url, auth="secret-of-nobody")).task("Buffer")
job = Job(task, JobInfo.from_json({"jobId": "j1", "jobStatus": "esriJobExecuting"}))
before = peak_mb()
try:
    job.refresh()
except errors.SpatialWidgetsError as error:
    print(type(error).__name__, peak_mb() - before, str(error))
"""


def gigabyte(start):
    """Return an answer that says it has 1 GB, and breaks off just before."""

    def answer(connection, server):
        connection.sendall(head(Content_Length=10**9) + start)
        for _ in range(950):
            connection.sendall(PIECE)

    return answer


def measured(poll):
    with ScriptServer(poll=[poll]) as server:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, server.url],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        kind, more_mb, text = done.stdout.split(" ", 2)
        return kind, float(more_mb), text, server


@pytest.mark.parametrize(
    "poll",
    [gzip_bomb, gigabyte(b'{"jobStatus": "'), endless(head(Connection="close") + b"[", b"[],[]," * 20_000)],
    ids=["a gzip bomb", "a body of 1 GB", "lists without end"],
)
def test_a_poll_of_any_size_needs_little_memory(poll):
    kind, more_mb, text, server = measured(poll)
    assert kind == "ProtocolError"
    assert "more than 64 MB" in text
    assert more_mb < 300
    assert server.count("poll") == 1
