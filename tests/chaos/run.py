"""One run of the chaos: the server's process, the crowd, what it left behind, and what was broken."""

from __future__ import annotations

import gc
import json
import logging
import random
import subprocess
import sys
import threading
import time
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path

import psutil
from chaos.crowd import Crowd
from chaos.verdicts import broken, leaks

from spatial_widgets.client import history

HERE = Path(__file__).parent
_IDLE_S = 12.0


class Server:
    """The chaos server's process."""

    def __init__(self, **settings):
        command = [sys.executable, str(HERE / "server.py"), json.dumps(settings)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._line()["url"]

    def _line(self):
        return json.loads(self.process.stdout.readline())

    def account(self):
        self.process.stdin.write("account\n")
        self.process.stdin.flush()
        return self._line()

    def close(self):
        with self.process:
            self.process.stdin.close()


class Log(logging.Handler):
    """All that is logged, as text."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.texts, self.errors = [], []

    def emit(self, record):
        self.texts.append(self.format(record))
        if record.levelno >= logging.ERROR and record.name.startswith("spatial_widgets"):
            self.errors.append(self.texts[-1])


@contextmanager
def logged():
    """Give what is logged, by anybody and at every level."""
    log, root = Log(), logging.getLogger()
    before = root.level, root.handlers[:]
    root.setLevel(logging.DEBUG)
    root.handlers[:] = [log]  # whoever else listens would keep it all a second time
    try:
        yield log
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]


@contextmanager
def noticed():
    """Give what ended a thread, as text, and the warnings."""
    died, before = [], threading.excepthook
    threading.excepthook = lambda hook: died.append("".join(traceback.format_exception(hook.exc_value)))
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield died, warned
    finally:
        threading.excepthook = before


class Belongings:
    """Threads, sockets and files of this process."""

    def __init__(self):
        gc.collect()
        me = psutil.Process()
        self.threads = {t.name for t in threading.enumerate() if t.name.startswith("spatial-widgets")}
        self.sockets = len(me.net_connections("all"))
        self.files = me.num_fds() if hasattr(me, "num_fds") else me.num_handles()

    def beyond(self, before):
        """Yield ``(rule, what)`` for all that there is more than before."""
        if self.threads - before.threads:
            yield "threads", f"still there: {sorted(self.threads - before.threads)}"
        if self.sockets > before.sockets:
            yield "sockets", f"{self.sockets - before.sockets} more than before"
        if self.files > before.files:
            yield "files", f"{self.files - before.files} more than before"


def left_behind(before, within_s):
    """Return what is still there after ``within_s`` seconds, or as soon as nothing is."""
    end = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        left = list(Belongings().beyond(before))
        if not left or time.monotonic() > end:
            return left
        pause.wait(0.1)


class Outcome:
    """What a run brought: ``broken`` is a list of ``(rule, what)``."""

    def __init__(self, seed, jobs):
        self.seed, self.jobs = seed, jobs
        self.broken = []
        self.seconds = 0.0
        self.summary = ""

    @property
    def rules(self):
        """The names of the broken rules."""
        return {rule for rule, _ in self.broken}


def chaos(seed, jobs, *, capture=None, idle_s=_IDLE_S, uses=None, **settings):
    """Run ``jobs`` jobs through the server that ``seed`` and ``settings`` make, and return the outcome.

    ``capture`` returns what was printed so far (as capfd's ``readouterr``).
    """
    outcome, before = Outcome(seed, jobs), Belongings()
    secret = f"S3cr3t{random.getrandbits(64):016x}"
    began = time.monotonic()
    with noticed() as (died, warned), logged() as log:
        server = Server(seed=seed, jobs=jobs, secret=secret, **settings)
        try:
            crowd = Crowd(server.url, seed=seed, jobs=jobs, secret=secret, uses=uses)
            crowd.run()
            account = server.account()
        finally:
            server.close()
            history.close()  # else its file stays open, for the next job
        outcome.seconds = time.monotonic() - began
        outcome.broken += broken(crowd, account)
        texts, reports, kinds = crowd.texts, crowd.reports, crowd.errors
        del crowd
        outcome.broken += left_behind(before, idle_s)
    printed = capture() if capture else ("", "")
    warned = [str(w.message) for w in warned]
    outcome.broken += leaks(
        secret, account, texts=texts + died, log=log.texts, warnings=warned, printed=printed
    )
    told = {"thread ended": died, "error in log": log.errors, "warning": warned, "server": account["strange"]}
    outcome.broken += [(rule, text) for rule, lines in told.items() for text in lines[:5]]
    outcome.summary = _summary(outcome, account, reports, kinds)
    return outcome


def _summary(outcome, account, reports, kinds):
    polls = sum(len(job["polls"]) for job in account["jobs"])
    made = sum(job["made"] for job in account["jobs"])
    ends = sorted({kind for r in reports for _, kind, *_ in r.ends})
    counted = ", ".join(f"{sum(any(e[1] == kind for e in r.ends) for r in reports)} {kind}" for kind in ends)
    return (
        f"seed {outcome.seed}: {outcome.jobs} jobs, {made} made, {polls} polls in {outcome.seconds:.0f} s; "
        f"ends: {counted}; errors told: {dict(kinds)}; broken: {len(outcome.broken)}"
    )
