"""A supervisor, a store, an engine that may do anything, and a clock: what must hold in any order of events."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from stage import Stage
from test_store_lives import LIFE, Unfenced, in_memory

from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobStatus
from spatial_widgets.server.executors import Exited, Finished, Lost, Raised, Said, Started

S = JobStatus
PIDS = itertools.count(1000)


class ServiceLife(RuleBasedStateMachine):
    """Jobs of a service with two workers that is stepped, killed and started again."""

    make_stage: type[Stage] = Stage
    jobs = Bundle("jobs")

    def __init__(self):
        super().__init__()
        self.folder = in_memory()
        self.now = 1000.0
        self.restartable, self.cancelled, self.final, self.pids = {}, set(), {}, {}
        self.tried, self.live, self.killed = [], {}, set()

    @initialize()
    def start(self):
        self.stage = self.make_stage(Path(self.folder.name), workers=2, queue_wait_s=500.0)
        self.stage.now = self.now
        self.stage.executor.start = self.begin
        self.stage.executor.kill = lambda handle: self.killed.add(key(handle.spec))
        self.stage.step()

    def teardown(self):
        if hasattr(self, "stage"):
            self.stage.store.close()
        self.folder.cleanup()

    def begin(self, handle, emit):
        """Stand in for the engine: take an attempt, and hold that it is the only one of its job."""
        spec = handle.spec
        assert spec.job_id not in self.live, "two attempts at once"
        assert len(self.live) < 2, "more attempts than workers"
        self.live[spec.job_id] = spec.attempt
        self.tried.append((spec, emit))

    # ------------------------------------------------------------ clients, time and fate

    @rule(target=jobs, again=st.booleans())
    def submit(self, again):
        job = self.stage.submit("Second", marker="m") if again else self.stage.submit()
        self.restartable[job] = again
        self.stage.step()
        return job

    @rule(job=jobs)
    def cancel(self, job):
        before = self.stage.status(job)
        if self.stage.supervisor.cancel(job):
            self.cancelled.add(job)
        else:
            assert before.is_terminal

    @rule(seconds=st.sampled_from([0.0, 0.2, 90.0, 700.0]))
    def step(self, seconds):
        self.now += seconds
        self.stage.now = self.now
        self.stage.step()
        self.stage.step()

    @rule()
    def kill_the_service(self):
        """The next one finds the store, and, by its duty, no process of the old one."""
        self.stage.store.close()
        self.live.clear()
        self.tried.clear()
        self.start()

    # ------------------------------------------------------------ attempts, those given up included

    @property
    def living(self):
        return [(spec, emit) for spec, emit in self.tried if self.live.get(spec.job_id) == spec.attempt]

    @property
    def given_up(self):
        return [(spec, emit) for spec, emit in self.tried if self.live.get(spec.job_id) != spec.attempt]

    @precondition(lambda self: self.living)
    @rule(data=st.data(), end=st.sampled_from(["done", "raised", "died", "lost", "half done"]))
    def end_an_attempt(self, data, end):
        spec, emit = data.draw(st.sampled_from(self.living))
        del self.live[spec.job_id]
        outputs = self.outputs(spec)
        self.hear(
            emit,
            *{
                "done": [*outputs, Finished(), Exited(0)],
                "raised": [Raised("no", is_defect=False), Exited(0)],
                "died": [*outputs, Exited(-9)],
                "lost": [Lost("it could not be started")],
                "half done": [*outputs[:1], Finished(), Exited(0)],
            }[end],
        )

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def lose_the_engine_of_an_attempt(self, data):
        spec, emit = data.draw(st.sampled_from(self.living))
        del self.live[spec.job_id]
        self.hear(emit, Lost("the engine is gone", is_engine=True))

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def hear_an_attempt(self, data):
        spec, emit = data.draw(st.sampled_from(self.living))
        self.pids[spec.job_id] = next(PIDS)
        self.hear(emit, Started(self.pids[spec.job_id], "m"), Said("t", f"attempt {spec.attempt}"))

    @precondition(lambda self: self.given_up)
    @rule(data=st.data(), what=st.sampled_from(["begun", "done", "lost"]))
    def hear_an_attempt_that_was_given_up(self, data, what):
        spec, emit = data.draw(st.sampled_from(self.given_up))
        self.hear(
            emit,
            *{
                "begun": [Started(next(PIDS), "m"), Said("t", "late")],
                "done": [*self.outputs(spec), Finished(), Exited(0)],
                "lost": [Lost("late", is_engine=True)],
            }[what],
        )

    def hear(self, emit, *events):
        for event in events:
            emit(event)
        self.stage.step()

    def outputs(self, spec):
        names = ["result"] if spec.task == "Second" else ["text", "number"]
        return [self.stage.output(spec, name) for name in names]

    # ------------------------------------------------------------ what must hold

    @invariant()
    def every_history_is_legal_and_every_end_final(self):
        for job in self.restartable:
            row, chain = self.stage.store.job(job), self.stage.store.history(job)
            assert chain[0][:2] == (S.NEW, S.SUBMITTED)
            assert all(b in LEGAL_TRANSITIONS[a] for a, b, _ in chain)
            assert all(first[1] is then[0] for first, then in itertools.pairwise(chain))
            assert row.attempt <= (3 if self.restartable[job] else 1)
            if row.status.is_terminal:
                assert self.final.setdefault(job, row.status) is row.status
                assert job not in self.live, "ended while its attempt lives"

    @invariant()
    def an_acknowledged_cancel_wins(self):
        for job in self.cancelled:
            assert self.stage.status(job) in {S.CANCELLING, S.CANCELLED}

    @invariant()
    def success_has_all_its_results(self):
        for job in self.restartable:
            view = self.stage.store.view(job)
            due = {"result"} if self.restartable[job] else {"text", "number"}
            assert set(view.results) == (due if view.row.status is S.SUCCEEDED else set())
            for result in view.results.values():
                assert self.stage.store.files.read(job, result)

    @invariant()
    def an_attempt_is_what_executes_and_only_its_own_words_are_kept(self):
        if not hasattr(self, "stage"):
            return
        for row in self.stage.store.running():
            assert self.live.get(row.id) == row.attempt
            assert row.pid in {None, self.pids.get(row.id)}, "a late word was kept"
            if row.status is S.CANCELLING:
                assert (row.id, row.attempt) in self.killed
        for job in self.live:
            assert self.stage.status(job) in {S.EXECUTING, S.CANCELLING}


def key(spec):
    return spec.job_id, spec.attempt


def test_every_life_of_a_service_keeps_its_promises():
    run_state_machine_as_test(ServiceLife, settings=settings(LIFE, max_examples=40, stateful_step_count=25))


def test_without_the_fence_the_same_lives_show_the_defect():
    class UnfencedStage(Stage):
        make_store = Unfenced

    class UnfencedLife(ServiceLife):
        """The same, but for the rules that only lead away: the search is short, and finds it with any seed."""

        make_stage = UnfencedStage
        jobs = Bundle("jobs")

        @rule(target=jobs)
        def submit(self):
            return ServiceLife.submit(self, again=True)

        @precondition(lambda self: False)
        @rule()
        def kill_the_service(self):
            raise NotImplementedError

    with pytest.raises(AssertionError, match="late word"):
        run_state_machine_as_test(
            UnfencedLife,
            settings=settings(
                LIFE,
                max_examples=1000,
                stateful_step_count=25,
                report_multiple_bugs=False,
                phases=[Phase.generate],
            ),
        )
