import sqlite3
import threading

import pytest
from faces import CoreFace, wait_until
from stage import staged
from tasks_for_tests import TOYS

from spatial_widgets.protocol import JobStatus
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.executors import Exited, Finished, Lost, Progress, Raised, Said, Started
from spatial_widgets.server.registry import Registry

S = JobStatus


@pytest.fixture
def stage(tmp_path):
    with staged(tmp_path / "store") as made:
        yield made


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


def test_an_end_that_could_not_be_written_is_tried_again_by_the_thread_without_being_called(
    tmp_path, monkeypatch
):
    with build_core(tmp_path / "store", TOYS, drive="thread") as core:
        move, full = core.store.move, [1]

        def fails_once(job_id, target, **named):
            if target.is_terminal and full:
                full.pop()
                raise sqlite3.OperationalError("database or disk is full")
            return move(job_id, target, **named)

        monkeypatch.setattr(core.store, "move", fails_once)
        job = CoreFace(core).submit("Environment").rpartition("/")[2]
        wait_until(lambda: core.store.job(job).status.is_terminal, 8)
        assert not full


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


def test_a_job_that_waits_too_long_is_given_up_and_says_that_it_never_began(tmp_path):
    with staged(tmp_path, queue_wait_s=60.0) as stage:
        running, waiting = stage.submit(), stage.submit()
        stage.step()
        stage.step(59.0)
        assert stage.status(waiting) is S.WAITING
        stage.step(2.0)
        assert stage.status(waiting) is S.TIMED_OUT
        assert "never began" in stage.texts(waiting, "Error")[0]
        assert stage.status(running) is S.EXECUTING
        assert list(stage.executor.runs) == [running]


def test_without_such_a_limit_jobs_wait_for_ever(stage):
    _, waiting = stage.submit(), stage.submit()
    stage.step(1e6)
    assert stage.status(waiting) is S.WAITING


def test_a_job_whose_engine_is_lost_waits_to_be_run_again_or_fails(tmp_path):
    with staged(tmp_path, workers=2) as stage:
        again, plain = stage.submit("Second", marker="m"), stage.submit()
        stage.step()
        late = stage.executor.runs[again][1]
        for job in (again, plain):
            stage.tell(job, Started(5, "m"), Lost("the Dask worker tcp://a was lost", is_engine=True))
        assert (
            "The Dask worker tcp://a was lost while this job was executing."
            in stage.texts(again, "Warning")[0]
        )
        assert stage.texts(plain, "Error") == [
            "The Dask worker tcp://a was lost while this job was executing. Submit it again."
        ]
        stage.step()
        assert (stage.status(again), stage.store.job(again).attempt) == (S.EXECUTING, 2)
        for event in (Said("t", "late"), Started(6, "old"), Finished(), Exited(0)):
            late(event)
        stage.step(1.0)
        assert (stage.status(again), stage.store.job(again).pid) == (S.EXECUTING, None)
        assert "late" not in stage.texts(again)
        assert stage.chain(again) == [S.SUBMITTED, S.EXECUTING, S.WAITING, S.EXECUTING]


def test_an_engine_that_grows_is_used_at_once(stage):
    stage.executor.workers = 0
    job = stage.submit()
    stage.step()
    assert stage.status(job) is S.WAITING
    stage.executor.workers = 1
    stage.executor.changed()
    stage.step()
    assert stage.status(job) is S.EXECUTING


def test_an_attempt_is_counted_and_its_process_noted(stage):
    job = stage.submit()
    stage.step()
    assert stage.store.job(job).attempt == 1
    stage.tell(job, Started(77, "mark"))
    row = stage.store.job(job)
    assert (row.pid, row.pid_start, row.started) == (77, "mark", stage.now)


def test_a_restartable_job_whose_worker_died_is_not_run_again(stage):
    job = stage.submit("Second", marker="m")
    stage.step()
    stage.tell(job, Started(1, "m"), Exited(-9))
    stage.step(1.0)
    assert stage.chain(job) == [S.SUBMITTED, S.EXECUTING, S.FAILED]
    assert "ended by SIGKILL" in stage.texts(job, "Error")[0]


def test_a_cancel_is_on_the_disk_before_anything_is_killed(stage):
    job = stage.submit()
    stage.step()
    seen = []
    stage.executor.kill = lambda handle: seen.append(stage.status(handle.spec.job_id))
    stage.supervisor.cancel(job)
    assert seen == [S.CANCELLING]


def test_a_job_whose_time_is_over_answers_with_an_error(tmp_path):
    with staged(tmp_path, keep_s=50.0) as stage:
        job = stage.submit()
        stage.supervisor.cancel(job)
        stage.step(200.0)
        reply = stage.face.ask(f"/arcgis/rest/services/tasks/GPServer/Greet/jobs/{job}")
        assert reply["error"]["code"] == 400
        assert "Submit the job again" in reply["error"]["message"]
        assert not stage.store.files.folder(job).exists()
