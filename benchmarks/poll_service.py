"""A GPServer on a loopback socket whose jobs last as long as a seed says, and that counts the polls.

``python benchmarks/poll_service.py '{"jobs": 1000, "seconds": [2, 60], "seed": 1}'`` prints its URL. A GET of
``/start`` starts the clock of all jobs at once, ``j0`` and so on; a line on standard input asks for the account.
Standard library only, and quick: the client is what is measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import Any

_ROOT = "/arcgis/rest/services/tasks/GPServer/Poll/jobs"
_STEP_S = 5.0  # a message for so many seconds


def durations(jobs: int, seconds: tuple[float, float], seed: int) -> list[float]:
    """Return how long each job lasts: as many between 2 and 4 s as between 30 and 60."""
    drawn = random.Random(seed)
    low, high = seconds
    return [low * (high / low) ** drawn.random() for _ in range(jobs)]


class _Service:
    def __init__(self, jobs: int, seconds: tuple[float, float], seed: int) -> None:
        self.durations = durations(jobs, seconds, seed)
        self.began = 0.0
        self.polls = self.overlaps = self.open = self.most_open = 0
        self.under_way = [0] * jobs

    def job(self, number: int) -> bytes:
        """Return the job resource as it stands now."""
        elapsed = time.monotonic() - self.began
        self.polls += 1
        self.overlaps += self.under_way[number] > 1
        done = elapsed >= self.durations[number]
        kind, lines = "esriJobMessageTypeInformative", range(1 + int(elapsed / _STEP_S))
        document: dict[str, Any] = {
            "jobId": f"j{number}",
            "jobStatus": "esriJobSucceeded" if done else "esriJobExecuting",
            "messages": [{"type": kind, "description": f"Processing block {i} of the input."} for i in lines],
        }
        if done:
            document["results"] = {"outputLayer": {"paramUrl": "results/outputLayer"}}
        return json.dumps(document).encode()

    def account(self) -> dict[str, Any]:
        """Return what was counted, and when each job finished by the monotonic clock."""
        ends = [self.began + duration for duration in self.durations]
        return {"polls": self.polls, "overlaps": self.overlaps, "connections": self.most_open, "ends": ends}


class _Connection(asyncio.Protocol):
    def __init__(self, service: _Service) -> None:
        self.service = service
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.service.open += 1
        self.service.most_open = max(self.service.most_open, self.service.open)

    def connection_lost(self, _error: Exception | None) -> None:
        self.service.open -= 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.buffer.endswith(b"\r\n\r\n"):
            return
        target, self.buffer = self.buffer.split(b" ", 2)[1], b""
        if target.startswith(b"/start"):
            self.service.began = time.monotonic()
            self.answer(b"{}")
            return
        number = int(target.partition(b"?")[0].rpartition(b"/j")[2])
        self.service.under_way[number] += 1
        # A little later, so that polls of one job at the same time would meet.
        asyncio.get_running_loop().call_later(0.002, self.tell, number)

    def tell(self, number: int) -> None:
        body = self.service.job(number)
        self.service.under_way[number] -= 1
        self.answer(body)

    def answer(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


async def _main(jobs: int, seconds: tuple[float, float], seed: int) -> None:
    service, loop = _Service(jobs, seconds, seed), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{_ROOT}", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(service.account()), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(**json.loads(sys.argv[1])))
