"""A laptop that slept, and a clock that somebody set."""

import pytest
import requests
from fakes import FakeClock, InlineWorkers, ScriptedApp
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial_widgets import errors
from spatial_widgets.client.clock import Absences
from spatial_widgets.client.poller import Poller

HOUR = 3600.0
DOWN = requests.ConnectionError("no route")


class Watched:
    def __init__(self, polls, clock=None):
        self.clock = clock or FakeClock()
        self.app, self.asked_at = ScriptedApp(polls), []
        self.app.job = self.answer
        self.poller = Poller(clock=self.clock, workers=InlineWorkers(), threaded=False)
        self.job = self.app.submit(clock=self.clock)
        self.watch = self.poller.watch(self.job, lambda w: None)

    def answer(self):
        self.asked_at.append(self.clock.now())
        return ScriptedApp.job(self.app)

    def run(self, seconds):
        end = self.clock.now() + seconds
        while (due := self.poller.tick(self.clock.now())) is not None and due <= end:
            self.clock.time = max(due, self.clock.time)
        self.clock.time = end


def test_an_hour_of_sleep_is_no_hour_of_silence():
    seen = Watched(["esriJobExecuting", DOWN])
    seen.run(50)  # the network goes away, and the lid is closed
    assert seen.watch.schedule.failures >= 4
    seen.clock.sleep(HOUR)
    woke = seen.clock.now()
    seen.run(59)
    assert not seen.watch.is_lost
    assert seen.watch.schedule.failures >= 5
    seen.run(100)
    assert seen.watch.is_lost
    assert seen.clock.now() - woke >= 60


@pytest.mark.parametrize("leap", [HOUR, -HOUR, 7 * 24 * HOUR])
def test_after_waking_it_polls_at_once_whatever_was_left_of_the_pause(leap):
    seen = Watched(["esriJobExecuting"])
    seen.run(300)
    seen.run(0.5)
    asked = len(seen.asked_at)
    seen.clock.sleep(leap)
    seen.run(0)
    assert len(seen.asked_at) == asked + 1
    assert seen.watch.error is None


def test_a_lost_job_is_polled_at_once_too_and_closely_while_the_network_comes_up():
    seen = Watched(["esriJobExecuting", DOWN])
    seen.run(400)
    assert seen.watch.schedule.every_s == 120.0
    seen.clock.sleep(8 * HOUR)
    asked = len(seen.asked_at)
    seen.run(10)
    assert len(seen.asked_at) >= asked + 4
    assert seen.watch.is_lost
    seen.app.polls = ["esriJobExecuting"]
    seen.run(15)
    assert not seen.watch.is_lost


def test_after_waking_connections_are_new():
    seen = Watched(["esriJobExecuting"])
    seen.run(10)
    before = seen.job.session._thread_session()
    seen.run(10)
    assert seen.job.session._thread_session() is before
    seen.clock.sleep(HOUR)
    seen.run(0)
    assert seen.job.session._thread_session() is not before


@settings(max_examples=25)
@given(st.lists(st.floats(-4.0, 4.0), max_size=20))
def test_a_clock_that_is_corrected_in_small_steps_changes_nothing(steps):
    plain, corrected = Watched(["esriJobExecuting"]), Watched(["esriJobExecuting"])
    for scene in (plain, corrected):
        scene.poller.call(lambda: None)
        scene.watch.schedule._spread = lambda: 0.0
    for step in steps:
        plain.run(1)
        corrected.clock.ahead += step
        corrected.run(1)
    assert corrected.asked_at == plain.asked_at


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0.1, 40), st.floats(-1e6, 1e6)), max_size=40))
def test_a_clock_that_jumps_for_ever_does_not_keep_a_job_from_being_lost(jumps):
    seen = Watched(["esriJobExecuting", DOWN])
    for pause, leap in jumps:
        seen.clock.ahead += leap
        seen.run(pause)
    seen.clock.ahead += HOUR
    seen.run(6 * 150)
    assert seen.watch.is_lost


def test_waiting_without_a_watch_measures_silence_alike():
    clock = FakeClock()
    app, asked_at = ScriptedApp(["esriJobExecuting", DOWN]), []

    def answer():
        asked_at.append(clock.now())
        if len(asked_at) == 5:
            clock.sleep(HOUR)
        return ScriptedApp.job(app)

    app.job = answer
    with pytest.raises(errors.JobLost):
        app.submit(clock=clock).wait()
    woke = asked_at[4]
    assert asked_at[5] == woke  # at once
    assert 60 <= clock.now() - woke <= 150


def test_a_sleep_costs_a_wait_nothing_of_its_pause():
    clock = FakeClock()
    app, asked_at = ScriptedApp(["esriJobExecuting"]), []
    job = app.submit(clock=clock)

    def wait(condition, timeout_s, plain=clock.wait):
        if clock.now() > 1300 and clock.ahead == 1.7e9:
            clock.sleep(HOUR)
            asked_at.append(clock.now())
        return plain(condition, timeout_s)

    clock.wait = wait
    app.job = lambda: (asked_at and asked_at.append(clock.now())) or ScriptedApp.job(app)
    with pytest.raises(errors.WaitTimeout):
        job.wait(timeout=330)
    slept, polled = asked_at[:2]
    assert polled - slept <= 2


def test_a_wait_that_comes_back_far_too_late_is_an_absence():
    clock = FakeClock()
    absences = Absences(clock)
    absences.wait(None, 60.0)
    assert not absences.noticed()
    clock.wait = lambda *_: setattr(clock, "time", clock.time + HOUR)
    absences.wait(None, 60.0)
    assert absences.noticed()
    assert not absences.noticed()


def test_the_clock_that_is_used_has_both_hands():
    from spatial_widgets.client.clock import SYSTEM_CLOCK

    assert SYSTEM_CLOCK.wall() > 1.7e9
    assert not Absences(SYSTEM_CLOCK).noticed()
