"""A GPServer that misbehaves at random, in a process of its own: ``python server.py '{"seed": 1, "jobs": 10}'``.

Prints the addresses as one line of JSON. A line on standard input asks for the account, another line of JSON;
the end of standard input ends the server. A second port is the foreign origin that redirects point to.
Standard library only.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos import lives, trouble

ROOT = "/arcgis/rest/services/Chaos/GPServer"
_HOST = "127.0.0.1"
_RESTS_S = (0.1, 0.3)  # how long the door stays shut


class Request:
    """One request, whole."""

    def __init__(self, head, body, door):
        lines = head.decode("latin-1").split("\r\n")
        self.line, self.door = lines[0], door
        self.method, target, _ = self.line.split(" ", 2)
        self.raw = head + b"\r\n\r\n" + body
        parts = urlsplit(target)
        self.path = parts.path
        self.fields = {k: v[0] for k, v in parse_qs(parts.query).items()}
        self.fields |= {k: v[0] for k, v in parse_qs(body.decode("latin-1")).items()}
        headers = dict(line.partition(": ")[::2] for line in lines[1:])
        self.token = headers.get("X-Esri-Authorization", "").removeprefix("Bearer ")


class Connection(asyncio.Protocol):
    """One connection; whoever hangs up ends what is under way at once."""

    def __init__(self, server, door):
        self.server, self.door = server, door
        self.buffer = b""
        self.task = None
        self.poll = None  # the job whose poll this connection answers

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.add(self)

    def data_received(self, data):
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found or self.task is not None:
            return
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if len(rest) >= length:
            self.buffer = rest[length:]
            request = Request(head, rest[:length], self.door)
            self.task = asyncio.ensure_future(self._perform(request))

    async def _perform(self, request):
        try:
            steps = self.server.answer(request, self)
            for i, step in enumerate(steps):
                if i == len(steps) - 1 and step != trouble.HANG:
                    self.end_poll()  # before the client can know that it is over
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif step == trouble.RESET:
                    self.reset()
                elif step == trouble.CLOSE:
                    self.transport.close()
                elif step == trouble.HANG:
                    await asyncio.sleep(3600)
                else:
                    self.transport.write(step)
        except Exception as error:
            self.server.strange.append(f"{request.line}: {error!r}")
            self.reset()
            raise
        finally:
            self.task = None
        last = steps[-1]
        ends = [b"\r\nConnection: close\r\n", b"\r\nno header"]
        if isinstance(last, bytes) and (request.method == "POST" or any(end in last for end in ends)):
            self.transport.close()

    def end_poll(self):
        if self.poll is not None:
            self.poll.running -= 1
            self.poll = None

    def eof_received(self):
        self.end_poll()
        if self.task is not None:
            self.task.cancel()

    def connection_lost(self, _error):
        self.eof_received()
        self.server.connections.discard(self)

    def reset(self):
        """Tear the connection down as a crash does."""
        self.end_poll()
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        with suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


class Server:
    """The state: jobs, tokens, doors."""

    def __init__(self, settings):
        self.settings = settings
        self.secret = settings["secret"]
        self.jobs = {n: lives.Life(settings["seed"], n, settings["lives"]) for n in range(settings["jobs"])}
        self.by_id = {job.job_id: job for job in self.jobs.values()}
        self.oldest = 0  # the first serial number of a token that still holds
        self.task_count = 0
        self.connections = set()
        self.leaks, self.closed, self.strange = [], [], []
        self.ports = {}
        self.listener = None

    # ------------------------------------------------------------ doors

    async def open(self):
        """Listen on both ports, below the range that clients' own ports are taken from."""
        loop = asyncio.get_running_loop()
        while len(self.ports) < 2:
            door, port = "foreign" if self.ports else "main", random.randrange(15000, 32000)
            with suppress(OSError):
                listener = await loop.create_server(
                    lambda d=door: Connection(self, d), _HOST, port, backlog=512
                )
                self.ports[door] = port
                self.listener = self.listener or listener

    async def shut_for_a_while(self, seconds):
        """Refuse every connection, and drop those that stand idle."""
        if self.listener is None:
            return
        listener, self.listener = self.listener, None
        began = time.monotonic()
        listener.close()
        for connection in list(self.connections):
            if connection.door == "main" and connection.task is None:
                connection.reset()
        await asyncio.sleep(seconds)
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(
            lambda: Connection(self, "main"), _HOST, self.ports["main"], backlog=512
        )
        self.closed.append([began, time.monotonic()])

    def url(self, door, path):
        return f"http://{_HOST}:{self.ports[door]}{path}"

    # ------------------------------------------------------------ answers

    def answer(self, request, connection):
        """Return the steps of the answer."""
        searched = request.raw if request.door == "foreign" else request.line.encode()
        if self.secret.encode() in searched:
            self.leaks.append([request.door, request.line])
        match request.path.removeprefix(ROOT).strip("/").split("/"):
            case [""]:
                return [lives.good({"tasks": ["Chaos"]})]
            case ["arcgis", "rest", "info"]:
                return [lives.good({"currentVersion": 11.1})]
            case ["Chaos"]:
                return self._describe(request)
            case ["Chaos", "submitJob"]:
                return self._submit(request)
            case ["Chaos", "jobs", job_id] if job_id in self.by_id:
                return self._poll(request, self.by_id[job_id], connection)
            case ["Chaos", "jobs", job_id, "cancel"] if job_id in self.by_id:
                return self._cancel(request, self.by_id[job_id])
            case ["Chaos", "jobs", job_id, "results", _] if job_id in self.by_id:
                return self._result(request, self.by_id[job_id])
        self.strange.append(request.line)
        return [trouble.http(trouble.esri(404, ""))]

    def _scene(self, request, good, rng):
        here, foreign = self.url("main", request.path), self.url("foreign", request.path)
        return trouble.Scene(good, rng, request.token, here=here, foreign=foreign)

    def _kind(self, operation, rng, *, names=None):
        """Return the misbehaviour that is due, or ""."""
        if rng.random() >= self.settings["rates"].get(operation, 0):
            return ""
        return trouble.pick(rng, trouble.TROUBLE, self.settings["kinds"].get(operation) or names)

    def _steps(self, kind, scene):
        if kind:
            return trouble.TROUBLE[kind][2](scene)
        if scene.rng.random() < self.settings["odd"]:
            return trouble.ODD[trouble.pick(scene.rng, trouble.ODD)][1](scene)
        return [scene.good]

    def _is_refused(self, request, rng):
        """Whether the token does not hold; now and then one ceases to."""
        serial = int(request.token.removeprefix(self.secret).strip("/+= ") or -1) if request.token else -1
        if serial >= self.oldest and rng.random() < self.settings["revoke"]:
            self.oldest = serial + 1
        return serial < self.oldest

    def _describe(self, request):
        self.task_count += 1
        rng = random.Random(f"{self.settings['seed']}/task/{self.task_count}")
        kind = self._kind("task", rng, names=[n for n in trouble.LOSSES if n != "HTML"])
        return self._steps(kind, self._scene(request, lives.good(lives.TASK), rng))

    def _submit(self, request):
        job = self.jobs[int(request.fields["number"])]
        _, rng = job.next("submit")
        word = rng.choice(lives.RUNNING[:2])
        scene = self._scene(request, lives.good({"jobId": job.job_id, "jobStatus": word}), rng)
        if self._is_refused(request, rng):
            kind = "error 498"
        else:
            kind = self._kind("submit", rng, names=trouble.REFUSALS + trouble.LOSSES)
        if kind in trouble.REFUSALS or kind == "error 498":
            job.account["submits"].append(kind)
            return trouble.TROUBLE[kind][2](scene)
        job.account["made"] += 1
        job.account["submits"].append(kind and f"lost: {kind}")
        if not kind:
            job.account["said"].append(word)
        return self._steps(kind, scene)

    def _poll(self, request, job, connection):
        if "loop" in request.fields:
            job.note_poll(trouble.NEUTRAL)
            return trouble.TROUBLE["redirect loop"][2](self._scene(request, b"", random.Random(0)))
        if connection.poll is not job:
            job.account["overlaps"] += job.running > 0
            job.running += 1
            connection.poll = job
        is_main = request.door == "main"
        count, rng = job.next("poll" if is_main else "foreign poll")
        document = job.document(count if is_main else job.counts["poll"], rng, request.token or "")
        scene = self._scene(request, lives.good(document), rng)
        if is_main:
            kind = "error 498" if self._is_refused(request, rng) else job.trouble_for_ever(count)
            kind = kind or self._kind("poll", rng)
        else:
            kind = job.trouble_for_ever(job.counts["poll"]) or ("HTML" if rng.random() < 0.3 else "")
        if is_main and rng.random() < self.settings["close"]:
            asyncio.get_running_loop().create_task(self.shut_for_a_while(rng.uniform(*_RESTS_S)))
        job.note_poll(trouble.TROUBLE[kind][1] if kind else "good", None if kind else document["jobStatus"])
        return self._steps(kind, scene)

    def _cancel(self, request, job):
        _, rng = job.next("cancel")
        if self._is_refused(request, rng):
            return trouble.TROUBLE["error 498"][2](self._scene(request, b"", rng))
        kind = self._kind("cancel", rng, names=trouble.REFUSALS + trouble.LOSSES)
        heard = kind not in trouble.REFUSALS and job.cancel()
        if not kind and not heard:
            kind = "error 400"
        job.account["cancels"].append(kind)
        word = rng.choice(["esriJobCancelling"] * 4 + ["esriJobCancelled"])
        scene = self._scene(request, lives.good({"jobId": job.job_id, "jobStatus": word}), rng)
        return self._steps(kind, scene)

    def _result(self, request, job):
        count, rng = job.next("result")
        if self._is_refused(request, rng):
            job.account["results"].append("error 498")
            return trouble.TROUBLE["error 498"][2](self._scene(request, b"", rng))
        # Once at most: who asks again gets it.
        kind = self._kind("result", rng, names=["error 500 in 200", *trouble.LOSSES]) if not count else ""
        job.account["results"].append(kind)
        return self._steps(kind, self._scene(request, lives.good(job.result()), rng))

    def account(self):
        """Return all that was asked and said."""
        jobs = [job.to_json() for job in self.jobs.values()]
        return {"jobs": jobs, "leaks": self.leaks, "closed": self.closed, "strange": self.strange}


async def main(settings):
    """Serve until standard input ends."""
    server = Server(settings)
    await server.open()
    print(json.dumps({"url": server.url("main", ROOT), "ports": server.ports}), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(server.account()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(lives.options(sys.argv[1])))
