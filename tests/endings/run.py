"""One run of a case: a server with its script, a job, and a widget where somebody looks."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import traitlets
from fakes import POINT_LAYER

import spatial_widgets as sw
from endings.case import POLL, SUCCEEDED
from endings.server import JOB_ID, TOKEN, ScriptServer
from spatial_widgets import errors
from spatial_widgets.client import GPService, GPSession, Job
from spatial_widgets.client.clock import SYSTEM_CLOCK
from spatial_widgets.client.policy import RetryPolicy
from spatial_widgets.protocol import JobInfo

CERTIFICATE = Path(__file__).with_name("localhost.pem")
_COUNTED = {"wait": "poll", "result": "result", "cancel": "cancel", "submit": "submitJob"}
_TRAITS = ("job_status", "progress", "contact", "error", "message_total", "results_ready", "loading")


class WatchedWidget(sw.JobWidget):
    """Notes all that its traits ever said."""

    def __init__(self, job):
        self.seen = defaultdict(list)
        self.sent = []
        self.changed = threading.Condition()
        super().__init__(job)

    @traitlets.observe(*_TRAITS)
    def _note(self, change):
        with self.changed:
            self.seen[change.name].append(change.new)
            self.changed.notify_all()

    def send(self, content, buffers=None):
        with self.changed:
            self.sent.append(content)
            self.changed.notify_all()
        super().send(content, buffers)

    def until(self, condition):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), 15), dict(self.seen)


class Run:
    """A case with its servers up; ``job`` is known to them, and nothing was asked yet."""

    def __init__(self, case, monkeypatch):
        self.case = case
        self.monkeypatch = monkeypatch
        self.stack = ExitStack()
        self.widget = None
        self.error = None
        self.statuses = []

    def __enter__(self):
        case, context = self.case, None
        if case.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
        self.server = self.stack.enter_context(ScriptServer(context, **case.scripts))
        if case.sleeps:
            wall = type(SYSTEM_CLOCK).wall
            self.monkeypatch.setattr(
                type(SYSTEM_CLOCK), "wall", lambda clock: wall(clock) + self.server.slept_s
            )
        if case.names_hang:
            self.monkeypatch.setattr(socket, "getaddrinfo", self._no_answer)
        if case.elsewhere:
            scripts = dict.fromkeys(("other", "poll", "result", "service"), case.elsewhere)
            self.server.elsewhere = self.stack.enter_context(ScriptServer(**scripts))
        for name, value in case.environment(self.server).items():
            self.monkeypatch.setenv(name, value)
        url, auth = case.where(self.server), case.auth()
        clock = type(SYSTEM_CLOCK)()  # its own, else two runs of one address share their polls
        session = GPSession(url, auth=auth, retry=RetryPolicy(first_s=0.01, factor=1), clock=clock)
        self.task = GPService(url, auth=auth, session=session).task("Buffer")
        info = JobInfo.from_json({"jobId": JOB_ID, "jobStatus": case.start})
        self.job = Job(self.task, info, poll=POLL, contact=case.contact)
        return self

    def _no_answer(self, *_, **__):
        self.server.over.wait(60)
        return []

    def __exit__(self, *details):
        if self.widget is not None:
            self.widget.close()
        self.stack.close()

    @property
    def asked(self):
        """How many requests of the kind that the case counts were made."""
        return self.server.count(_COUNTED[self.case.act])

    def act(self):
        """Do what the case is about, headless; return the error, or None."""
        try:
            getattr(self, f"_{self.case.act}")(self.job)
        except errors.SpatialWidgetsError as error:
            self.error = error
        return self.error

    def show(self):
        """Show the job in a widget, which begins to watch it."""
        self.widget = WatchedWidget(self.job)
        if self.case.act == "cancel":  # the button
            self.widget._on_browser(None, {"kind": "cancel"}, None)

    def settle(self):
        """Return when the widget shows the end, or all that it will show."""
        case, widget = self.case, self.widget
        widget.until(lambda w: w.job_status == case.ends)
        if case.act == "cancel":
            widget.until(lambda w: any(s["kind"] == "cancel-done" for s in w.sent))
        if case.act == "result" and case.raises is errors.WaitTimeout:
            widget.until(lambda w: w.loading)
            widget._on_browser(None, {"kind": "stop-loading"}, None)
            widget.until(lambda w: w.loading["state"] == "stopped")
        elif case.ends == SUCCEEDED:
            widget.until(lambda w: w.results_ready or w.error)
        elif case.raises not in {errors.WaitTimeout, errors.JobCancelled} and case.act == "wait":
            widget.until(lambda w: w.error)

    def _wait(self, job):
        job.wait(self.case.timeout, on_update=lambda info: self.statuses.append(info.status.value))

    def _result(self, job):
        job.result(timeout=self.case.timeout)

    def _cancel(self, job):
        job.cancel()
        self._wait(job)

    def _submit(self, job):
        self.task.submit(inputLayer=POINT_LAYER)

    # ------------------------------------------------------------ for the checks of cases

    def saw(self, word):
        assert word in self.widget.seen["job_status"]

    def is_still(self, job_id):
        assert self.job.info.job_id == self.job.job_id == job_id

    def logged(self, *texts):
        assert {*texts} <= {m.description for m in self.widget._log.messages}

    def escapes(self, *texts):
        page = self.widget._html_text()
        assert not any(text in page for text in texts)
        assert "&lt;" in page

    def never_failed(self):
        assert not any(self.widget.seen["contact"])

    def paused(self, seconds):
        times = [a.at for a in self.server.asked if a.operation == "poll"]
        assert max(b - a for a, b in itertools.pairwise(times)) >= seconds

    def kept_the_token(self):
        assert self.server.elsewhere.asked
        assert not any(TOKEN in a.head for a in self.server.elsewhere.asked)

    def asked_nobody_else(self):
        assert not self.server.elsewhere.asked

    def heard_nothing(self):
        assert not self.server.asked
        assert self.server.failed_handshakes
