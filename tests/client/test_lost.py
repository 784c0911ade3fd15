"""A job that was lost, by a clock that is turned by hand: asked for slowly while somebody listens, and no longer."""

import pytest
import requests
from fakes import FakeClock, InlineWorkers, Raw, ScriptedApp, error

from spatial_widgets import errors
from spatial_widgets.client.poller import Poller
from spatial_widgets.protocol import JobStatus

DOWN = requests.ConnectionError("no route")


class Scene:
    """A poller and a job that cannot be reached, up to the moment when it counts as lost."""

    def __init__(self, trouble=DOWN, takes_s=0.0):
        self.clock, self.asked_at, self.told, self.released = FakeClock(), [], [], []
        self.poller = Poller(clock=self.clock, workers=InlineWorkers(), threaded=False)
        self.app, self.takes_s = ScriptedApp(["esriJobExecuting", trouble]), takes_s
        self.app.job = self.answer
        self.job = self.app.submit(clock=self.clock)
        self.watch = self.poller.watch(self.job, self.tell, when_done=self.released.append)
        self.run(until=lambda: self.watch.is_lost)

    def answer(self):
        self.asked_at.append(self.clock.now())
        self.clock.time += self.takes_s
        return ScriptedApp.job(self.app)

    def tell(self, watch):
        self.told.append((watch.job.status, watch.is_lost, watch.schedule.every_s, watch.ended))

    def run(self, seconds=1e9, until=lambda: False):
        end = self.clock.now() + seconds
        while True:
            due = self.poller.tick(self.clock.now())
            if until():
                return
            if due is None or due > end:
                self.clock.time = max(end, self.clock.time) if seconds < 1e9 else self.clock.time
                return
            self.clock.time = max(self.clock.time, due)

    @property
    def rests(self):
        return self.poller.tick(self.clock.now()) is None


@pytest.mark.parametrize("takes_s", [0.0, 10.0])
def test_polls_go_on_at_the_pace_that_is_told(takes_s):
    scene = Scene(takes_s=takes_s)
    first = len(scene.asked_at)
    paces = [scene.watch.schedule.every_s]
    for n in range(4):
        scene.run(until=lambda n=n: len(scene.asked_at) > first + n)
        paces.append(scene.watch.schedule.every_s)
    assert paces == [30.0, 60.0, 120.0, 120.0, 120.0]
    gaps = [b - a for a, b in zip(scene.asked_at[first - 1 :], scene.asked_at[first:], strict=False)]
    assert gaps == paces[: len(gaps)]
    assert scene.told[-1] == (JobStatus.EXECUTING, True, 120.0, False)


def test_whoever_waits_is_released_and_whoever_listens_is_not():
    scene = Scene()
    assert scene.released == [scene.watch]
    assert isinstance(scene.watch.error, errors.JobLost)
    assert not scene.watch.ended
    scene.run(3600)
    assert scene.released == [scene.watch]
    assert not scene.watch.ended


def test_it_is_found_again_and_watched_as_before():
    scene = Scene()
    scene.run(600)
    scene.app.polls = ["esriJobExecuting"] * 3 + ["esriJobSucceeded"]
    back = scene.clock.now()
    scene.run(until=lambda: not scene.watch.is_lost)
    assert scene.clock.now() - back <= 120
    assert (scene.watch.error, scene.watch.failure, scene.watch.schedule.every_s) == (None, None, None)
    later = []
    scene.poller.watch(scene.job, when_done=lambda w: later.append(w.error))
    scene.run()
    assert later == [None]
    assert scene.watch.ended
    assert scene.job.status.is_success
    assert scene.rests


def test_it_can_be_lost_again_after_another_whole_budget():
    scene = Scene()
    scene.app.polls = ["esriJobExecuting", DOWN]
    scene.run(until=lambda: not scene.watch.is_lost)
    found = scene.clock.now()
    scene.run(until=lambda: scene.watch.is_lost)
    assert 60 <= scene.clock.now() - found <= 150
    assert scene.watch.losses == 2
    assert scene.watch.schedule.every_s == 30.0


@pytest.mark.parametrize("code", [400, 403, 404, 498])
def test_a_refusal_ends_it(code):
    scene = Scene()
    scene.app.polls = [error(code, "no")]
    scene.run()
    assert scene.watch.ended
    assert scene.watch.error.code == code
    assert scene.told[-1][1] is False
    assert scene.rests


def test_whoever_is_told_of_a_refusal_is_told_that_it_is_the_end():
    scene, told = Scene(), []
    scene.watch.subscribe(lambda w: told.append(w.error_since(w.losses)))
    scene.app.polls = [error(404, "gone")]
    scene.run()
    assert told[0] is None  # lost before it came, which is no news
    assert isinstance(told[-1], errors.NotFound)


@pytest.mark.parametrize("is_lost", [True, False])
def test_when_the_last_one_leaves_nothing_is_left_on_the_agenda(is_lost):
    scene = Scene()
    if not is_lost:
        scene.app.polls = ["esriJobExecuting"]
        scene.run(until=lambda: not scene.watch.is_lost)
    scene.watch.unsubscribe(scene.tell)
    assert scene.rests
    assert scene.watch.ended
    asked = len(scene.asked_at)
    scene.run(1000)
    assert len(scene.asked_at) == asked


def test_somebody_new_has_it_polled_at_once_and_a_whole_budget():
    scene = Scene()
    scene.run(45)
    came, asked, later = scene.clock.now(), len(scene.asked_at), []
    scene.poller.watch(scene.job, when_done=lambda w: later.append(scene.clock.now() - came))
    scene.run(0)
    assert len(scene.asked_at) == asked + 1
    assert scene.watch.is_lost
    assert scene.watch.schedule.every_s is None
    scene.run(until=lambda: later)
    assert 60 <= later[0] <= 150
    assert len(scene.asked_at) >= asked + 5
    assert scene.watch.schedule.every_s == 30.0


def test_an_answer_to_somebody_elses_request_counts():
    scene = Scene()
    scene.app.polls = ["esriJobExecuting"]
    scene.job.refresh()
    scene.run(0)
    assert not scene.watch.is_lost
    assert scene.watch.schedule.failures == 0


def test_the_other_jobs_of_a_server_that_is_back_need_not_wait_for_their_turn():
    scene = Scene()
    other = ScriptedApp(["esriJobExecuting", DOWN])
    watch = scene.poller.watch(other.submit(clock=scene.clock), lambda w: None)
    scene.run(until=lambda: watch.is_lost)
    scene.run(40)
    scene.app.polls = other.polls = ["esriJobExecuting"]
    scene.run(until=lambda: not (scene.watch.is_lost and watch.is_lost))
    scene.run(0)
    assert not scene.watch.is_lost
    assert not watch.is_lost


def test_a_job_lost_with_nobody_there_is_let_go():
    clock = FakeClock()
    poller = Poller(clock=clock, workers=InlineWorkers(), threaded=False)
    job = ScriptedApp(["esriJobExecuting", DOWN]).submit(clock=clock)
    seen = []
    watch = poller.watch(job, when_done=lambda w: seen.append(w.error))
    while (due := poller.tick(clock.now())) is not None:
        clock.time = due
    assert watch.ended
    assert isinstance(watch.error, errors.JobLost)
    assert seen == [watch.error]


def test_a_cancel_that_waits_for_its_job_does_not_keep_a_lost_one_for_ever():
    clock = FakeClock()
    poller = Poller(clock=clock, workers=InlineWorkers(), threaded=False)
    app = ScriptedApp(["esriJobSubmitted"])
    app.answers["cancel"] = [error(400, "Invalid or missing input parameters.")]
    job = app.submit(clock=clock)
    job._cancelling.begin()
    app.polls = [DOWN]
    watch = poller.watch(job)
    while (due := poller.tick(clock.now())) is not None:
        clock.time = due
    assert watch.ended
    assert job.cancel_pending
    app.polls = ["esriJobExecuting"]
    job.refresh()
    assert not job.cancel_pending
    assert app.count("cancel") == 2


class NoThreads:
    """Workers of a process that has as many threads as it may have."""

    def __init__(self):
        self.is_full = True

    def submit(self, work):
        if self.is_full:
            raise RuntimeError("can't start new thread")
        work()


def test_a_lack_of_threads_is_trouble_like_any_other():
    clock, workers = FakeClock(), NoThreads()
    poller = Poller(clock=clock, workers=workers, threaded=False)
    job = ScriptedApp(["esriJobSucceeded"]).submit(clock=clock)
    watch = poller.watch(job, lambda w: None)
    while not watch.is_lost:
        clock.time = poller.tick(clock.now())
    assert "can't start new thread" in str(watch.error)
    assert 60 <= clock.now() - 1000 <= 150
    workers.is_full = False
    while not watch.ended:
        clock.time = poller.tick(clock.now()) or clock.time
    assert job.status.is_success


def test_a_defect_in_a_watch_releases_whoever_waits(caplog):
    clock = FakeClock()
    poller = Poller(clock=clock, workers=InlineWorkers(), threaded=False)
    job = ScriptedApp(["esriJobExecuting"]).submit(clock=clock)
    ended = []
    watch = poller.watch(job, when_done=lambda w: ended.append(w.error))
    watch.schedule.after_reply = lambda *_, **__: 1 / 0
    poller.tick(clock.now())
    assert isinstance(ended[0], ZeroDivisionError)
    assert watch.ended
    assert "failed" in caplog.text


BUSY = {
    "HTTP 429": lambda asked: Raw("slow down", 429, Retry_After=asked),
    "an Esri error 429": lambda asked: Raw(error(429, "slow down"), 200, Retry_After=asked),
}


def polls_of(entries, clock, seconds):
    """Watch a job that answers so; return the moments of its polls within some time, and how the watch stands."""
    app, asked_at = ScriptedApp(entries), []

    def answer(ask=app.job):
        asked_at.append(clock.now() - 1000)
        return ask()

    app.job = answer
    poller = Poller(clock=clock, workers=InlineWorkers(), threaded=False)
    watch = poller.watch(app.submit(clock=clock), lambda w: None)
    while clock.now() < 1000 + seconds:
        due = poller.tick(clock.now())
        clock.time = 1000 + seconds if due is None else due
    watch.unsubscribe(watch._subscribers[0])
    poller.tick(clock.now())
    return asked_at, watch


@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY)
@pytest.mark.parametrize(("asked", "pause"), [("40", 40), ("300", 300), ("1e9", 300), ("inf", 300)])
def test_a_busy_server_is_left_alone_for_as_long_as_it_asks_but_not_for_ever(busy, asked, pause):
    moments, watch = polls_of([busy(asked)], FakeClock(), 3.5 * pause)
    assert moments == [0, pause, 2 * pause, 3 * pause]
    assert watch.losses == 0


@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY)
def test_a_server_that_is_busy_for_ever_is_lost_in_the_end_and_not_before_its_own_wish(busy):
    moments, watch = polls_of([busy("40")], FakeClock(), 400)
    assert watch.losses == 1
    assert moments[:6] == [0, 40, 80, 120, 160, 200]


@pytest.mark.parametrize(
    "asked", ["", "soon", "nan", "-5", "Thu, 99 Foo 2020 00:00:00", "Mon, 01 Jan 99999 00:00:00 GMT"]
)
def test_a_wish_that_means_nothing_is_none(asked):
    moments, watch = polls_of([BUSY["HTTP 429"](asked)] * 2 + ["esriJobExecuting"], FakeClock(), 20)
    assert moments[1] <= 2
    assert watch.error is None


def test_a_wish_may_be_a_date(monkeypatch):
    monkeypatch.setattr("spatial_widgets.client.reply.time.time", lambda: 1_700_000_000.0)
    date = "Tue, 14 Nov 2023 22:14:00 GMT"  # 40 s later
    moments, _ = polls_of([BUSY["HTTP 429"](date)], FakeClock(), 100)
    assert moments == [0, 40, 80]
    moments, _ = polls_of([BUSY["HTTP 429"]("Fri, 31 Dec 9999 23:59:59 GMT")], FakeClock(), 400)
    assert moments == [0, 300]


@pytest.mark.parametrize("wrong_s", [-86_400, 86_400])
def test_a_wish_that_is_a_date_is_counted_from_the_servers_own(wrong_s, monkeypatch):
    monkeypatch.setattr("spatial_widgets.client.reply.time.time", lambda: 1_700_000_000.0 + wrong_s)
    busy = Raw("", 429, Date="Tue, 14 Nov 2023 22:13:20 GMT", Retry_After="Tue, 14 Nov 2023 22:14:00 GMT")
    moments, _ = polls_of([busy], FakeClock(), 100)
    assert moments == [0, 40, 80]


def test_a_wish_in_a_good_answer_holds_for_the_next_poll():
    working = {"jobId": "j0123456789abcdef0123456789abcdef", "jobStatus": "esriJobExecuting"}
    moments, _ = polls_of([Raw(working, Retry_After="25")], FakeClock(), 80)
    assert moments == [0, 25, 50, 75]
