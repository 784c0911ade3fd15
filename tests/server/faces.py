"""A GPServer as a client sees it, in this process or over the wire; and what a test asks of processes."""

from __future__ import annotations

import contextlib
import http.client
import json
import sqlite3
import threading
import time
from urllib.parse import urlencode

import psutil

from spatial_widgets.server.processes import is_alive, start_mark
from spatial_widgets.server.wire import Request

ROOT = "/arcgis/rest/services/tasks/GPServer"
ENDED = {"esriJobSucceeded", "esriJobFailed", "esriJobCancelled", "esriJobTimedOut"}


def wait_until(condition, patience_s=20.0):
    """Return what the condition gives as soon as it is true."""
    pause, until = threading.Event(), time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < until, f"not within {patience_s} s"
        pause.wait(0.01)


class Face:
    """A GPServer as a client sees it: in this process, or over the wire."""

    def ask(self, path, method="POST", **form):
        raise NotImplementedError

    def submit(self, task, **form):
        reply = self.ask(f"{ROOT}/{task}/submitJob", **form)
        assert set(reply) == {"jobId", "jobStatus"}, reply
        return f"{ROOT}/{task}/jobs/{reply['jobId']}"

    def status(self, job):
        return self.ask(job)["jobStatus"]

    def ended(self, job, patience_s=30.0):
        wait_until(lambda: self.status(job) in ENDED, patience_s)
        return self.ask(job)

    def executing(self, job):
        wait_until(lambda: self.status(job) == "esriJobExecuting")


class CoreFace(Face):
    def __init__(self, core):
        self.core = core

    def ask(self, path, method="POST", **form):
        response = self.core.handle(Request(method, path, {name: str(value) for name, value in form.items()}))
        assert response.status == 200
        return response.json()


class HttpFace(Face):
    def __init__(self, service):
        self.service = service
        self.port = int(service.url.split(":")[2].split("/")[0])

    def raw(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read()), dict(response.getheaders())

    def ask(self, path, method="POST", **form):
        headers = {"X-Esri-Authorization": f"Bearer {self.service.token}"}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return self.raw(path, method, urlencode({"f": "json", **form}), **headers)[1]
        return self.raw(f"{path}?{urlencode({'f': 'json', **form})}", method, **headers)[1]


def family(pid):
    """Return a service's process and all below it, told apart from later ones of the same numbers."""
    members = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return [(member, start_mark(member)) for member in members]


def gone(members, patience_s=10.0):
    wait_until(lambda: not any(is_alive(*member) for member in members), patience_s)


def child_of(store, job, patience_s=20.0):
    """Return the process that runs a job and its start mark, read beside the service that owns the store."""
    query = "SELECT pid, pid_start FROM jobs WHERE id=? AND pid IS NOT NULL"
    with contextlib.closing(sqlite3.connect(store / "jobs.sqlite3")) as db:
        pid, mark = wait_until(lambda: db.execute(query, (job.rsplit("/")[-1],)).fetchone(), patience_s)
    return pid, mark.partition("@")[0]
