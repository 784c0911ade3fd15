"""Everything that may befall a watch, in any order: nobody waits for ever, and nothing is done for nobody."""

import contextlib

import requests
from fakes import FakeClock, ScriptedApp, error
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from spatial_widgets import errors
from spatial_widgets.client.poller import Poller

ANSWERS = {
    "good": "esriJobExecuting",
    "waiting": "esriJobWaiting",
    "down": requests.ConnectionError("down"),
    "busy": error(429, "slow down"),
    "gone": error(404, "gone"),
    "refused": error(498, "token"),
    "success": "esriJobSucceeded",
    "failure": "esriJobFailed",
}
JOBS = st.integers(0, 2)


class Hands:
    """Workers whose requests last until the test ends them, or for ever."""

    def __init__(self):
        self.under_way = []

    def submit(self, errand):
        errand.started = True
        self.under_way.append(errand)


class Waiter:
    """Somebody who waits, as ``await`` does."""

    def __init__(self):
        self.released = 0

    def __call__(self, _watch):
        self.released += 1


class Watching(RuleBasedStateMachine):
    listeners, waiters = Bundle("listeners"), Bundle("waiters")

    def __init__(self):
        super().__init__()
        self.clock, self.hands = FakeClock(), Hands()
        self.poller = Poller(clock=self.clock, workers=self.hands, threaded=False)
        self.apps = [ScriptedApp(["esriJobExecuting"]) for _ in range(3)]
        self.jobs = [app.submit(clock=self.clock) for app in self.apps]
        for app in self.apps:
            app.answers["cancel"] = [error(400, "Not yet.")]
        self.all_waiters = []

    def settle(self):
        while (due := self.poller.tick(self.clock.now())) is not None and due <= self.clock.now():
            pass

    def pass_time(self, seconds):
        end = self.clock.now() + seconds
        while (due := self.poller.tick(self.clock.now())) is not None and due <= end:
            self.clock.time = max(due, self.clock.time)
        self.clock.time = max(end, self.clock.time)

    @rule(target=listeners, which=JOBS, raises=st.booleans())
    def listen(self, which, raises):
        def told(_watch):
            if raises:
                raise SystemExit

        return which, told, self.poller.watch(self.jobs[which], told)

    @rule(listener=consumes(listeners))
    def leave(self, listener):
        _, told, watch = listener
        watch.unsubscribe(told)
        self.settle()

    @rule(target=waiters, which=JOBS)
    def wait(self, which):
        waiter = Waiter()
        self.all_waiters.append(waiter)
        return waiter, self.poller.watch(self.jobs[which], when_done=waiter)

    @rule(waiter=consumes(waiters))
    def give_up_waiting(self, waiter):
        who, watch = waiter
        watch.forget(who)
        self.all_waiters.remove(who)
        self.settle()

    @rule(which=JOBS, answer=st.sampled_from(list(ANSWERS)))
    def refresh_by_hand(self, which, answer):
        self.clock.time += 0.01
        self.apps[which].polls = [ANSWERS[answer]]
        with contextlib.suppress(errors.SpatialWidgetsError):
            self.jobs[which].refresh()

    @rule(number=st.integers(0, 99), answer=st.sampled_from(list(ANSWERS)))
    def a_request_ends(self, number, answer):
        """A poll comes back, perhaps one that was given up long ago."""
        self.clock.time += 0.01
        if self.hands.under_way:
            errand = self.hands.under_way.pop(number % len(self.hands.under_way))
            for app in self.apps:
                app.polls = [ANSWERS[answer]]
            errand._work()

    @rule(which=JOBS)
    def cancel(self, which):
        if not self.jobs[which].done():
            self.apps[which].polls = ["esriJobSubmitted"]
            self.clock.time += 0.01
            self.jobs[which]._cancelling.begin()
            self.poller.watch(self.jobs[which])

    @rule(seconds=st.sampled_from([0.0, 0.3, 5.0, 31.0, 200.0]))
    def time_passes(self, seconds):
        self.pass_time(seconds)

    @rule(seconds=st.sampled_from([-3600.0, 2.0, 3600.0]))
    def the_machine_sleeps(self, seconds):
        self.clock.sleep(seconds)

    @rule(which=JOBS, seconds=st.sampled_from([None, 0.5, 60.0]))
    def set_the_pace(self, which, seconds):
        self.jobs[which].poll_interval = seconds

    @invariant()
    def a_job_has_one_poll_at_a_time(self):
        self.settle()
        alive = [e for e in self.hands.under_way if not e.cancelled]
        assert len({e.origin for e in alive}) <= 1  # all ask the same server here
        assert len(alive) <= len(self.jobs)
        errands = [job.watch.errand for job in self.jobs if job.watch is not None and job.watch.errand]
        assert {id(e) for e in alive} <= {id(e) for e in errands}

    @invariant()
    def nobody_is_released_twice(self):
        assert all(w.released <= 1 for w in self.all_waiters)

    @invariant()
    def a_watch_on_which_somebody_counts_comes_due(self):
        for job in self.jobs:
            watch = job.watch
            if watch is not None and not watch.ended:
                assert watch.is_wanted
                assert watch in self.poller._agenda._numbers

    @invariant()
    def nothing_is_left_when_nobody_listens(self):
        if not any(job.watch is not None and job.watch.is_wanted for job in self.jobs):
            assert not self.poller._has_work()

    def teardown(self):
        self.settle()
        self.pass_time(160)  # nobody answers any more
        assert all(w.released for w in self.all_waiters)


Watching.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWatching = Watching.TestCase
