"""Clients, workers, time and crashes at one store, in any order: what must hold whatever comes."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobMessage, JobStatus
from spatial_widgets.server.jobfiles import ResultFile
from spatial_widgets.server.store import Store

S = JobStatus
RESULT = ResultFile("out", "out.1.json", 2, "x")
SAID = [JobMessage("esriJobMessageTypeInformative", "said with it")]


def in_memory():
    """Return a folder where waiting for the disk takes no time, if there is such a place."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)


class Unfenced(Store):
    """A store in which an attempt that was given up may still speak."""

    def _current(self, db, job_id, attempt):
        found = db.execute("SELECT status FROM jobs WHERE id=?", (job_id,)).fetchone()
        return S.parse(found[0]) if found else None


class Killed(BaseException):
    """The process is gone between two writes."""


class Dying:
    """A database connection of a process that is killed before its n-th write."""

    def __init__(self, db, writes):
        self.db, self.left = db, writes

    def __getattr__(self, name):
        real = getattr(self.db, name)
        if name not in {"execute", "executemany"}:
            return real

        def call(*arguments):
            if self.left <= 0:
                raise Killed
            self.left -= 1
            return real(*arguments)

        return call


class JobLife(RuleBasedStateMachine):
    """Every rule is one thing that a client, a worker or fate may do; late words of old attempts included."""

    make_store = Store
    jobs = Bundle("jobs")

    def __init__(self):
        super().__init__()
        self.folder = in_memory()
        self.store = self.make_store(Path(self.folder.name))
        self.acknowledged, self.cancelled, self.final = set(), set(), {}

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    def add(self):
        return self.store.add("Task", {"a": "1"}, restartable=False, timeout_s=60.0)

    @rule(target=jobs)
    def submit(self):
        job = self.add()
        self.acknowledged.add(job)
        return job

    @rule(job=jobs)
    def queue(self, job):
        self.store.move(job, S.WAITING, attempt=0, why="no free worker")

    @rule(job=jobs)
    def begin(self, job):
        row = self.store.job(job)
        moved = self.store.move(job, S.EXECUTING, attempt=row.attempt, why="free worker")
        assert moved == (row.status in {S.SUBMITTED, S.WAITING})

    @rule(
        job=jobs,
        late=st.integers(0, 2),
        end=st.sampled_from([S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.CANCELLED]),
    )
    def finish(self, job, late, end):
        row = self.store.job(job)
        results = [RESULT] if end is S.SUCCEEDED else []
        moved = self.store.move(job, end, attempt=row.attempt - late, why="worker", results=results)
        assert not moved or late == 0, "a late word was believed"

    @rule(job=jobs, late=st.integers(0, 2))
    def say(self, job, late):
        row, before = self.store.job(job), len(self.store.view(job).messages)
        heard = self.store.append(job, attempt=row.attempt - late, messages=SAID, progress=(5, "x"))
        assert heard == (late == 0 and row.status in {S.EXECUTING, S.CANCELLING}), "a late word was kept"
        assert len(self.store.view(job).messages) == before + heard

    @rule(job=jobs)
    def cancel(self, job):
        row = self.store.job(job)
        target = S.CANCELLING if row.status is S.EXECUTING else S.CANCELLED
        if self.store.move(job, target, attempt=row.attempt, why="cancel"):
            self.cancelled.add(job)

    @rule(job=jobs)
    def finish_and_cancel_at_once(self, job):
        """Both saw the job execute; whoever writes first wins, and the other one learns that it lost."""
        row = self.store.job(job)
        if row.status is S.EXECUTING:
            assert self.store.move(job, S.SUCCEEDED, attempt=row.attempt, why="worker", results=[RESULT])
            assert not self.store.move(job, S.CANCELLING, attempt=row.attempt, why="cancel")

    @rule()
    def crash(self):
        self.store.close()
        self.restart()

    @rule(
        job=jobs,
        writes=st.integers(0, 7),
        what=st.sampled_from(["submit", "begin", "finish", "cancel", "say"]),
    )
    def crash_between_two_writes(self, job, writes, what):
        row, whole = self.store.job(job), self.store._db
        self.store._db = Dying(whole, writes)
        self.store.files.remove = lambda job_id: None  # a process that is gone tidies nothing up
        number = {"job_id": job, "attempt": row.attempt}
        with contextlib.suppress(Killed):
            if what == "submit":
                self.acknowledged.add(self.add())
            elif what == "begin":
                self.store.move(**number, target=S.EXECUTING, why="w", messages=SAID)
            elif what == "finish":
                self.store.move(**number, target=S.SUCCEEDED, why="w", messages=SAID, results=[RESULT])
            elif what == "cancel" and self.store.move(**number, target=S.CANCELLING, why="w", messages=SAID):
                self.cancelled.add(job)
            else:
                self.store.append(**number, messages=SAID, progress=(5, "x"))
        whole.close()  # what was not committed is gone, as with the process
        self.store._owner.release()
        self.restart()

    def restart(self):
        self.store = self.make_store(Path(self.folder.name))
        self.store.files.remove_all_but(self.store.ids())
        for row in self.store.running():
            target = S.CANCELLED if row.status is S.CANCELLING else S.WAITING if row.attempt < 3 else S.FAILED
            assert self.store.move(row.id, target, attempt=row.attempt, why="service stopped")

    @invariant()
    def nothing_acknowledged_is_lost(self):
        assert self.acknowledged <= self.store.ids()
        for job in self.store.ids():
            assert self.store.files.parameters(job) == {"a": "1"}

    @invariant()
    def history_is_legal_and_the_end_is_the_end(self):
        for job in self.store.ids():
            row, chain = self.store.job(job), self.store.history(job)
            assert chain[0][:2] == (S.NEW, S.SUBMITTED)
            assert all(b in LEGAL_TRANSITIONS[a] for a, b, _ in chain)
            assert all(first[1] is then[0] for first, then in itertools.pairwise(chain))
            assert chain[-1][1] is row.status
            assert [n for _, b, n in chain if b is S.EXECUTING] == list(range(1, row.attempt + 1))
            assert bool(self.store.view(job).results) == (row.status is S.SUCCEEDED)
            assert job not in self.cancelled or row.status in {S.CANCELLING, S.CANCELLED}
            if row.status.is_terminal:
                assert self.final.setdefault(job, row.status) is row.status


LIFE = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)


def test_every_life_of_a_job_is_legal():
    run_state_machine_as_test(JobLife, settings=LIFE)


def test_without_the_fence_the_same_lives_show_the_defect():
    class UnfencedLife(JobLife):
        make_store = Unfenced

    with pytest.raises(AssertionError, match="late word"):
        run_state_machine_as_test(
            UnfencedLife,
            settings=settings(LIFE, max_examples=1000, report_multiple_bugs=False, phases=[Phase.generate]),
        )
