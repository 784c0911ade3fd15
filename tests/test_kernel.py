"""A real kernel: interrupted while it waits, its own loop following a job, and shut down in the middle of it all."""

import json
import queue
import time

import pytest
from jupyter_client.manager import KernelManager
from raw_server import RawServer, silent

SETUP = """
import json
import spatial_widgets as sw

def job(number, status="Executing"):
    return sw.Job.from_json(json.dumps(
        {{"url": "{url}/Buffer/jobs/j" + str(number), "info": {{"jobId": "j", "jobStatus": "esriJob" + status}}}}))
"""

CAUGHT = """
import asyncio, time
try:
    {code}
except (KeyboardInterrupt, asyncio.CancelledError) as error:
    print(time.monotonic(), getattr(error, "__notes__", []))
"""


class Kernel:
    """One kernel and the ends of its cells."""

    def __enter__(self):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def begin(self, code):
        self.cell = self.client.execute(code)

    def end(self):
        """Return what the cell printed, and its traceback."""
        printed, trace = "", ""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") != self.cell:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                printed += content["text"]
            elif message["msg_type"] == "error":
                trace = "\n".join(content["traceback"])
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return printed, trace

    def run(self, code):
        self.begin(code)
        printed, trace = self.end()
        assert not trace, trace
        return printed


class Server(RawServer):
    """Silent, but for jobs whose number is above 1000: each poll of those takes them one status further."""

    def __init__(self):
        super().__init__(self.reply)
        self.asked = queue.Queue()
        self.steps = {}

    def reply(self, connection, server):
        name = server.mine.head.split()[1].split("?")[0].rpartition("/")[2]
        self.asked.put(name)
        if len(name) < 5:
            silent(connection, server)
            return
        step = self.steps[name] = self.steps.get(name, -1) + 1
        word = ["Waiting", "Executing", "Executing", "Succeeded"][min(step, 3)]
        body = json.dumps({"jobId": "j", "jobStatus": f"esriJob{word}"}).encode()
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body)

    def wait_for(self, name):
        while self.asked.get(timeout=30) != name:
            pass


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server):
    with Kernel() as running:
        running.run(SETUP.format(url=server.url))
        yield running


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (1, "job(1).wait()"),
        (2, "sw.JobWidget(job(2)).result()"),
        (3, "await job(3)"),
        (4, "[info async for info in job(4).updates()]"),
    ],
)
def test_an_interrupt_ends_the_cell_at_once_and_not_the_job(kernel, server, number, code):
    kernel.begin(CAUGHT.format(code=code))
    server.wait_for(f"j{number}")
    sent = time.monotonic()
    kernel.manager.interrupt_kernel()
    printed, trace = kernel.end()
    assert not trace, trace
    caught, notes = printed.split(" ", 1)
    assert float(caught) - sent < 5  # on a busy machine
    assert ("job.cancel()" in notes) == (number < 3)
    assert not [r for r in server.requests if "/cancel" in r]
    assert kernel.run("print('at hand')") == "at hand\n"


def test_the_kernels_own_loop_follows_a_job(kernel):
    code = "print(*[info.status async for info in job(1001).updates()])"
    assert kernel.run(code).split() == [
        "esriJobExecuting",
        "esriJobWaiting",
        "esriJobExecuting",
        "esriJobSucceeded",
    ]


def test_jobs_are_awaited_together_with_a_time_limit(kernel):
    code = """
import asyncio
try:
    async with asyncio.timeout(0.3):
        await asyncio.gather(*(job(n) for n in range(10, 40)))
except TimeoutError:
    print("in time")
"""
    assert kernel.run(code) == "in time\n"


def test_a_kernel_that_watches_a_hundred_jobs_of_a_silent_server_restarts_at_once(server, tmp_path):
    goodbye = tmp_path / "goodbye"
    with Kernel() as kernel:
        kernel.run(SETUP.format(url=server.url))
        kernel.run("widgets = [sw.JobWidget(job(500 + n)) for n in range(100)]")
        kernel.run("import atexit, time; from pathlib import Path")
        kernel.run(f"atexit.register(lambda: Path({str(goodbye)!r}).write_text(str(time.monotonic())))")
        server.wait_for("j500")
        kernel.client.shutdown(restart=True)
        kernel.manager.provisioner.process.wait(20)
        # Half a second is what any such kernel needs; a busy machine makes more of it. A request may take 30 s.
        assert time.monotonic() - float(goodbye.read_text()) < 10
