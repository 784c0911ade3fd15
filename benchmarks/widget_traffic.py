"""What a job's widget costs on the wire: ours beside an ipywidgets HTML badge with an Output log.

``python benchmarks/widget_traffic.py [--messages 10,1000,50000] [--naive-up-to 2000]``

A job is polled once a second and says some messages with each poll, or nothing for a minute. Every message that leaves
the kernel for a widget is counted as Jupyter would send it, its envelope included. No network, no browser, and a clock
that is turned by hand: the numbers are the same on every machine. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from importlib.metadata import version
from typing import Any

import comm
import comm.base_comm
import ipywidgets
import requests
from jupyter_client.session import Session
from requests.adapters import BaseAdapter

from spatial_widgets import GPService, JobWidget
from spatial_widgets.client import GPSession, Job, Poller
from spatial_widgets.protocol import JobInfo

_URL = "https://gp.test/arcgis/rest/services/tasks/GPServer"
_JOB = "j0123456789abcdef0123456789abcdef"
_POLLS = 100
_LINE = "Processed tile {n:06d} of the study area, 1,024 features read, 17 skipped"
_IDLE_S = 60


class Wire:
    """Counts what kernels send to widgets."""

    def __init__(self) -> None:
        self.messages = self.bytes = 0
        self._session = Session(key=b"key")
        wire = self

        class Counted(comm.base_comm.BaseComm):  # type: ignore[misc]
            def publish_msg(
                self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
            ) -> None:
                """Count it in the place of sending it."""
                content = {"data": data or {}, "comm_id": self.comm_id, **keys}
                message = wire._session.msg(msg_type, content, parent=None, metadata=metadata)
                wire.messages += 1
                wire.bytes += sum(map(len, wire._session.serialize(message))) + sum(map(len, buffers or ()))

        comm.create_comm = Counted

    def take(self) -> tuple[int, int]:
        """Return messages and bytes since the last time."""
        told, self.messages, self.bytes = (self.messages, self.bytes), 0, 0
        return told


class Script(BaseAdapter):
    """A service whose job says what it is told to say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[dict[str, str]] = []

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        """Answer a poll."""
        response = requests.Response()
        response.status_code, response.url, response.request = 200, str(request.url), request
        document = {"jobId": _JOB, "jobStatus": "esriJobExecuting", "messages": self.said}
        response.raw = io.BytesIO(json.dumps(document).encode())
        return response

    def close(self) -> None:
        """Nothing is open."""


class Clock:
    """Time that is turned by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        """Return the second it is."""
        return self.time

    def wall(self) -> float:
        """Return the same."""
        return self.time


class Inline:
    """Does work at once."""

    def submit(self, work: Any) -> None:
        """Do it."""
        work()


def lines(start: int, end: int) -> list[dict[str, str]]:
    """Return messages as a service gives them."""
    return [
        {"type": "esriJobMessageTypeInformative", "description": _LINE.format(n=n)} for n in range(start, end)
    ]


class Ours:
    """A JobWidget, its job polled once a second."""

    name = "JobWidget"

    def __init__(self) -> None:
        self.clock, self.script = Clock(), Script()
        self.poller = Poller(clock=self.clock, workers=Inline(), threaded=False)  # type: ignore[arg-type]
        Poller._shared = self.poller  # noqa: SLF001 -- in the place of the one with a thread
        session = GPSession(_URL, adapter=lambda: self.script, clock=self.clock)  # type: ignore[arg-type]
        task = GPService(_URL, session=session).task("Buffer")
        job = Job(task, JobInfo.from_json({"jobId": _JOB, "jobStatus": "esriJobExecuting"}))
        job.poll_interval = 1.0
        self.widget = JobWidget(job)

    def second(self, fresh: list[dict[str, str]]) -> None:
        """Let a second pass in which the job says something."""
        self.script.said = self.script.said + fresh
        end = self.clock.time + 1.0
        while (due := self.poller.tick(self.clock.time)) is not None and due <= end:
            self.clock.time = max(due, self.clock.time)
        self.clock.time = end


class Naive:
    """What a first version of one's own looks like: a badge with the time, a line printed for each message."""

    name = "HTML and Output"

    def __init__(self) -> None:
        self.seconds = 0
        self.badge, self.log = ipywidgets.HTML(), ipywidgets.Output()
        self.box = ipywidgets.VBox([self.badge, self.log])

    def second(self, fresh: list[dict[str, str]]) -> None:
        """Let a second pass in which the job says something."""
        self.seconds += 1
        self.badge.value = f"<b style='color: #0b5cad'>Executing</b> {self.seconds} s"
        for message in fresh:
            self.log.append_stdout(message["description"] + "\n")


def run(kind: type[Ours | Naive], count: int, wire: Wire) -> dict[str, Any]:
    """Return what it costs to be made, to show so many messages, and to show nothing for a minute."""
    wire.take()
    shown = kind()
    for _ in range(3):
        shown.second([])
    made = wire.take()
    begun = time.process_time()
    step = max(1, count // _POLLS)
    for start in range(0, count, step):
        shown.second(lines(start, min(count, start + step)))
    for _ in range(60):  # until all is told
        if isinstance(shown, Ours):
            shown.second([])
    told = wire.take()
    cpu_s = time.process_time() - begun
    for _ in range(_IDLE_S):
        shown.second([])
    return {
        "name": kind.name,
        "count": count,
        "made": made,
        "told": told,
        "idle": wire.take(),
        "cpu_s": cpu_s,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", default="10,1000,10000,50000")
    parser.add_argument("--naive-up-to", type=int, default=1000, help="beyond that it sends gigabytes")
    options = parser.parse_args()
    wire = Wire()
    print(f"ipywidgets {version('ipywidgets')}, anywidget {version('anywidget')}\n")
    print(
        "| widget | messages of the job | made, kB | on the wire | bytes | bytes per message | a minute of an idle job, bytes | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for count in map(int, options.messages.split(",")):
        for kind in (Ours, Naive):
            if kind is Naive and count > options.naive_up_to:
                continue
            told = run(kind, count, wire)
            messages, size = told["told"]
            print(
                f"| {told['name']} | {count:,} | {told['made'][1] / 1000:.0f} | {messages:,} | {size:,} "
                f"| {size / count:,.0f} | {told['idle'][1]:,} | {told['cpu_s']:.1f} |"
            )


if __name__ == "__main__":
    main()
