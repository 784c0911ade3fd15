"""A GPServer on loopback whose results come only as far as the test lets them."""

from __future__ import annotations

import json
import threading
from collections import Counter
from urllib.parse import parse_qsl, urlsplit

from fakes import URL, Asked, ScriptedApp
from raw_server import RawServer

ROWS = 20_000  # in one step; a little more than the decoder's block of 1 MiB
HEAD = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
}


class SlowServer(RawServer):
    """Answers as a :class:`ScriptedApp`, but these results are layers of ``steps`` steps, each sent after a :meth:`give`.

    ``results`` are in the order of their names; a value that is no None is given at once.
    """

    def __init__(self, steps=8, **results):
        super().__init__(self.reply)
        self.app = ScriptedApp(results=results)
        self.steps = steps
        self.given = threading.Condition()
        self.allowed = Counter()  # steps, by result
        self.url = self.url.rpartition("/arcgis")[0] + urlsplit(URL).path
        self.job_url = f"{self.url}/Buffer/jobs/{self.app.job_id}"

    def give(self, name, steps):
        """Let every download of a result go this many steps further than it was allowed to before."""
        with self.given:
            self.allowed[name] += steps
            self.given.notify_all()

    def give_all(self):
        for name in list(self.app.results):
            self.give(name, self.steps)

    def __exit__(self, *details):
        self.over.set()
        self.give_all()
        super().__exit__(*details)

    def reply(self, connection, _server):
        method, target = self.mine.head.split(" ")[:2]
        parts = urlsplit(target)
        asked = Asked(method, target, dict(parse_qsl(parts.query)), {})
        self.app.asked.append(asked)
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        name = asked.operation
        if self.app.results.get(name, "") is not None:
            connection.sendall(start + json.dumps(self.app.answer(asked)).encode())
            return
        head = json.dumps({"paramName": name, "dataType": "GPFeatureRecordSetLayer", "value": HEAD})
        connection.sendall(start + head.removesuffix("}}").encode() + b', "features": [')
        for step in range(self.steps):
            with self.given:
                self.given.wait_for(lambda step=step: self.allowed[name] > step)
            connection.sendall(b"," * (step > 0) + features(step * ROWS))
        connection.sendall(b"]}}")


def features(first):
    return ",".join(
        f'{{"attributes": {{"n": {n}}}, "geometry": {{"x": {n % 360 - 180}, "y": 1.5}}}}'
        for n in range(first, first + ROWS)
    ).encode()
