"""A supervisor on a stage: its executor starts nothing, its clock and its steps come when told."""

from __future__ import annotations

from contextlib import contextmanager

from faces import CoreFace
from tasks_for_tests import TOYS

from spatial_widgets.protocol import JobStatus
from spatial_widgets.server.core import GPCore
from spatial_widgets.server.executors import Output
from spatial_widgets.server.jobfiles import write_result
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.store import Store
from spatial_widgets.server.supervisor import Supervisor

S = JobStatus


class FakeExecutor:
    """Starts nothing; the test says what happens."""

    name, hard_kill = "fake", True

    def __init__(self, workers=1, stubborn=()):
        self.workers, self.stubborn = workers, stubborn
        self.runs, self.killed, self.reaped = {}, [], []

    def capacity(self):
        return self.workers

    def open(self, modules, changed):
        self.changed = changed

    def start(self, handle, emit):
        self.runs[handle.spec.job_id] = (handle.spec, emit)

    def kill(self, handle):
        self.killed.append(handle.spec.job_id)

    def reap(self, row):
        self.reaped.append((row.pid, row.pid_start))
        return row.pid not in self.stubborn

    def close(self):
        pass


class Stage:
    """A supervisor that steps when told, by a clock that moves when told."""

    make_store = Store

    def __init__(self, folder, tasks=TOYS, **limits):
        self.now = 1000.0
        self.executor = FakeExecutor(workers=limits.pop("workers", 1), stubborn=limits.pop("stubborn", ()))
        self.store = self.make_store(folder, clock=lambda: self.now)
        self.supervisor = Supervisor(
            tasks, self.store, self.executor, limits=Limits(**limits), drive="step", clock=lambda: self.now
        )
        self.supervisor.start()
        self.core = GPCore(tasks, self.store, self.supervisor)
        self.face = CoreFace(self.core)

    def submit(self, task="Greet", **form):
        return self.face.submit(task, **{"name": "a", **form}).rsplit("/")[-1]

    def step(self, seconds=0.0):
        self.now += seconds
        self.supervisor.step()

    def tell(self, job, *events):
        for event in events:
            self.executor.runs[job][1](event)
        self.step()

    def output(self, spec, name):
        return Output(write_result(spec.folder, name, spec.attempt, [b"1"], 100))

    def write(self, job, *names):
        return [self.output(self.executor.runs[job][0], name) for name in names]

    def status(self, job):
        return self.store.job(job).status

    def texts(self, job, kind=""):
        return [m.description for m in self.store.view(job).messages if m.type.endswith(kind)]

    def chain(self, job):
        return [b for _, b, _ in self.store.history(job)]


@contextmanager
def staged(folder, **settings):
    made = Stage(folder, **settings)
    try:
        yield made
    finally:
        made.store.close()
