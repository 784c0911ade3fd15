import threading
from contextlib import contextmanager

import pytest
from faces import CoreFace, wait_until
from tasks_for_tests import TOYS

from spatial_widgets.protocol import JobStatus
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.core import GPCore
from spatial_widgets.server.executors import Exited, Finished, Lost, Output, Progress, Raised, Said, Started
from spatial_widgets.server.jobfiles import write_result
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.registry import Registry
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

    def warm(self, modules):
        pass

    def start(self, handle, emit):
        self.runs[handle.spec.job_id] = (handle.spec, emit)

    def kill(self, handle):
        self.killed.append(handle.spec.job_id)

    def reap(self, pid, start):
        self.reaped.append((pid, start))
        return pid not in self.stubborn

    def close(self):
        pass


class Stage:
    """A supervisor that steps when told, by a clock that moves when told."""

    def __init__(self, folder, tasks=TOYS, **limits):
        self.now = 1000.0
        self.executor = FakeExecutor(workers=limits.pop("workers", 1), stubborn=limits.pop("stubborn", ()))
        self.store = Store(folder)
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

    def write(self, job, *names):
        spec = self.executor.runs[job][0]
        return [Output(write_result(spec.folder, name, spec.attempt, [b"1"], 100)) for name in names]

    def status(self, job):
        return self.store.job(job).status

    def texts(self, job, kind=""):
        return [m.description for m in self.store.view(job).messages if m.type.endswith(kind)]

    def chain(self, job):
        return [b for _, b, _ in self.store.history(job)]


@pytest.fixture
def stage(tmp_path):
    with staged(tmp_path / "store") as made:
        yield made


@contextmanager
def staged(folder, **settings):
    made = Stage(folder, **settings)
    try:
        yield made
    finally:
        made.store.close()


def test_one_job_runs_and_the_others_wait_in_order(stage):
    first, second, third = (stage.submit() for _ in range(3))
    stage.step()
    assert [stage.status(j) for j in (first, second, third)] == [S.EXECUTING, S.WAITING, S.WAITING]
    assert "number 2 in the queue" in stage.texts(third)[-1]
    stage.tell(first, Started(1, "m"), *stage.write(first, "text", "number"), Finished(), Exited(0))
    assert stage.status(first) is S.SUCCEEDED
    stage.step()
    assert [stage.status(j) for j in (second, third)] == [S.EXECUTING, S.WAITING]


def test_a_cancel_is_cancelled_only_when_the_worker_is_gone(stage):
    job = stage.submit()
    stage.step()
    assert stage.supervisor.cancel(job)
    assert stage.status(job) is S.CANCELLING
    assert stage.executor.killed == [job]
    assert stage.supervisor.cancel(job)
    stage.step(10_000.0)
    assert stage.status(job) is S.CANCELLING
    stage.tell(job, Exited(-9))
    assert stage.status(job) is S.CANCELLED
    assert not stage.supervisor.cancel(job)


def test_an_acknowledged_cancel_wins_over_a_job_that_finished_meanwhile(stage):
    job = stage.submit()
    stage.step()
    outputs = stage.write(job, "text", "number")
    stage.supervisor.cancel(job)
    stage.tell(job, *outputs, Finished(), Exited(0))
    assert stage.status(job) is S.CANCELLED
    assert stage.store.view(job).results == {}


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(stage):
    running, waiting = stage.submit(), stage.submit()
    stage.step()
    assert stage.supervisor.cancel(waiting)
    assert stage.status(waiting) is S.CANCELLED
    stage.tell(running, Exited(1))
    stage.step()
    assert waiting not in stage.executor.runs


def test_the_time_limit_counts_from_the_start_and_ends_with_the_worker(stage):
    job, waiting = stage.submit(), stage.submit()
    stage.step()
    stage.tell(job, Started(1, "m"))
    stage.step(599.0)
    assert stage.executor.killed == []
    stage.step(2.0)
    assert stage.executor.killed == [job]
    assert stage.status(job) is S.EXECUTING
    stage.tell(job, Exited(-9))
    assert stage.status(job) is S.TIMED_OUT
    assert "600 s" in stage.texts(job, "Error")[0]
    stage.step()
    stage.step(599.0)
    assert stage.status(waiting) is S.EXECUTING


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([Exited(9)], "exit code 9"),
        ([Exited(-9)], "SIGKILL"),
        ([Exited(-24)], "processor time"),
        ([Lost("no more processes")], "no more processes"),
        ([Raised("not so", is_defect=False), Exited(0)], "not so"),
        ([Raised("KeyError: 'x'", is_defect=True, traceback="T"), Exited(0)], "defect"),
        ([Finished(), Exited(0)], "without its output number, text"),
    ],
)
def test_every_bad_end_is_a_failure_with_an_error_message(stage, events, says):
    job = stage.submit()
    stage.step()
    stage.tell(job, *events)
    assert stage.status(job) is S.FAILED
    assert says in stage.texts(job, "Error")[0]
    stage.step()
    assert not stage.supervisor.live()


def test_messages_are_kept_together_and_before_the_end(stage):
    job = stage.submit()
    stage.step()
    stage.tell(job, Said("t", "one"), Progress(5, "p"), Said("t", "two"), Progress(7, "q"))
    assert "one" not in stage.texts(job)
    stage.step(0.2)
    assert stage.texts(job)[-2:] == ["one", "two"]
    assert (stage.store.job(job).percent, stage.store.job(job).doing) == (7, "q")
    stage.tell(job, Said("t", "three"), Raised("no", is_defect=False), Exited(0))
    assert stage.texts(job)[-3:-1] == ["three", "no"]


def test_more_workers_run_more_jobs(tmp_path):
    with staged(tmp_path, workers=3) as stage:
        jobs = [stage.submit() for _ in range(4)]
        stage.step()
        assert [stage.status(j) for j in jobs] == [S.EXECUTING] * 3 + [S.WAITING]


def test_a_task_that_is_gone_fails_its_waiting_jobs(tmp_path):
    with staged(tmp_path) as stage:
        job = stage.submit()
    with staged(tmp_path, tasks=Registry()) as stage:
        stage.step()
        assert stage.status(job) is S.FAILED
        assert "no task 'Greet'" in stage.texts(job, "Error")[0]


def test_a_restart_gives_every_job_a_true_status(tmp_path):
    with staged(tmp_path, workers=4) as stage:
        plain, again, stopping = stage.submit(), stage.submit("Second", marker="m"), stage.submit()
        stage.step()
        stage.tell(plain, Started(11, "a"))
        stage.tell(stopping, Started(12, "b"))
        stage.supervisor.cancel(stopping)
        waiting = [stage.submit() for _ in range(2)]
    with staged(tmp_path, workers=4) as stage:
        assert {(11, "a"), (12, "b")} <= set(stage.executor.reaped)
        assert stage.status(plain) is S.FAILED
        assert stage.texts(plain, "Error") == [
            "The service stopped while this job was executing. Submit it again."
        ]
        assert stage.status(stopping) is S.CANCELLED
        assert stage.status(again) is S.WAITING
        assert stage.texts(again, "Warning")
        assert [row.id for row in stage.store.queued()] == [again, *waiting]
        stage.step()
        assert stage.status(again) is S.EXECUTING
        assert stage.store.job(again).attempt == 2


def test_a_restartable_job_is_taken_up_three_times_at_most(tmp_path):
    with staged(tmp_path) as stage:
        job = stage.submit("Second", marker="m")
        stage.step()
    for _ in range(2):
        with staged(tmp_path) as stage:
            stage.step()
            assert stage.status(job) is S.EXECUTING
    with staged(tmp_path) as stage:
        assert stage.status(job) is S.FAILED
        assert stage.store.job(job).attempt == 3


def test_a_job_whose_process_cannot_be_ended_is_not_run_again(tmp_path):
    with staged(tmp_path) as stage:
        job = stage.submit("Second", marker="m")
        stage.step()
        stage.tell(job, Started(11, "a"))
    with staged(tmp_path, stubborn=(11,)) as stage:
        assert stage.status(job) is S.FAILED
        assert "may still run" in stage.texts(job, "Warning")[0]


def test_stopping_takes_no_more_jobs_and_keeps_those_that_wait(tmp_path):
    with staged(tmp_path) as stage:
        running, waiting = stage.submit(), stage.submit()
        stage.step()
        stopper = threading.Thread(target=stage.supervisor.stop, args=(0.0,))
        stopper.start()
        wait_until(lambda: stage.executor.killed == [running])
        reply = stage.face.ask("/arcgis/rest/services/tasks/GPServer/Greet/submitJob", name="a")
        assert reply["error"]["code"] == 503
        assert stage.face.ask("/health")["status"] == "stopping"
        stage.executor.runs[running][1](Exited(-9))
        stopper.join(10)
        assert stage.status(running) is S.FAILED
        assert stage.status(waiting) is S.WAITING


def test_a_job_that_finished_in_the_grace_has_succeeded(tmp_path):
    with staged(tmp_path) as stage:
        job = stage.submit()
        stage.step()
        for event in (*stage.write(job, "text", "number"), Finished(), Exited(0)):
            stage.executor.runs[job][1](event)
        stage.supervisor.stop(5.0)
        assert stage.status(job) is S.SUCCEEDED


def test_an_end_that_could_not_be_written_is_written_later(stage, monkeypatch):
    job = stage.submit()
    stage.step()
    with monkeypatch.context() as patch:
        patch.setattr(stage.store, "move", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            stage.tell(job, Exited(1))
    stage.step()
    assert stage.status(job) is S.FAILED


def test_the_inline_executor_in_a_thread_can_be_cancelled(tmp_path):
    with build_core(tmp_path / "store", TOYS, drive="thread") as core:
        face = CoreFace(core)
        job = face.submit("Sleep")
        face.executing(job)
        assert face.ask(f"{job}/cancel")["jobStatus"] == "esriJobCancelling"
        assert face.ended(job)["jobStatus"] == "esriJobCancelled"


def test_chains_of_status_are_what_clients_see(stage):
    job = stage.submit()
    stage.step()
    stage.supervisor.cancel(job)
    stage.tell(job, Exited(-9))
    assert stage.chain(job) == [S.SUBMITTED, S.EXECUTING, S.CANCELLING, S.CANCELLED]
