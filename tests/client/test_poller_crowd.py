"""Many jobs on one server that is silent, slow or half dead, by a clock that is turned by hand."""

import requests
from fakes import FakeClock, ScriptedApp

from spatial_widgets import errors
from spatial_widgets.client.poller import Poller

WHOLE_STAY = 10_000.0


class Slots:
    """As many threads as ``size``, without any: an errand ends when its time has come."""

    def __init__(self, clock, size):
        self.clock, self.size = clock, size
        self.queue, self.running = [], []
        self.watches, self.takes = [], {}

    def submit(self, errand):
        self.queue.append(errand)
        self.fill()

    def fill(self):
        while self.queue and len(self.running) < self.size:
            errand = self.queue.pop(0)
            if errand.cancelled:
                continue
            errand.started = True
            watch = next(w for w in self.watches if w.errand is errand)
            most = watch.schedule.deadline_for(self.clock.now(), since=watch.since)
            took = self.takes.get(watch.job, most)
            app = watch.job.session._adapter()
            app.polls = ["esriJobExecuting"] if took <= most else [requests.ReadTimeout("silent")]
            self.running.append((self.clock.now() + min(took, most), errand))

    def finish(self):
        ended = [e for at, e in self.running if at <= self.clock.now()]
        self.running = [(at, e) for at, e in self.running if at > self.clock.now()]
        for errand in ended:
            errand()
        self.fill()

    @property
    def soonest(self):
        return min((at for at, _ in self.running), default=None)


class Crowd:
    def __init__(self, jobs, slots=24):
        self.clock = FakeClock()
        self.slots = Slots(self.clock, slots)
        self.poller = Poller(clock=self.clock, workers=self.slots, threaded=False)
        self.ended = {}
        self.worst = 0
        for _ in range(jobs):
            self.add()

    def add(self, takes_s=None):
        job = ScriptedApp(["esriJobExecuting"]).submit(clock=self.clock)
        if takes_s is not None:
            self.slots.takes[job] = takes_s
        watch = self.poller.watch(
            job, self.note, when_done=lambda w: self.ended.setdefault(w, self.clock.now() - 1000)
        )
        self.slots.watches.append(watch)
        return watch

    def note(self, watch):
        self.worst = max(self.worst, watch.schedule.failures)

    def leave(self):
        """Listen to nobody any more; return whether the poller is at rest then."""
        for watch in self.slots.watches:
            watch.unsubscribe(self.note)
        self.poller.tick(self.clock.now())
        return not self.poller._has_work()

    def run(self, until_s):
        while self.clock.now() < 1000 + until_s:
            due = self.poller.tick(self.clock.now())
            moments = [m for m in (due, self.slots.soonest) if m is not None]
            if not moments:
                return
            self.clock.time = max(self.clock.time, min(moments))
            self.slots.finish()


def test_all_jobs_of_a_silent_server_are_lost_in_time():
    crowd = Crowd(100)
    for watch in crowd.slots.watches:
        crowd.slots.takes[watch.job] = WHOLE_STAY
    crowd.run(400)
    assert len(crowd.ended) == 100
    assert all(isinstance(w.error, errors.JobLost) for w in crowd.ended)
    assert 60 <= min(crowd.ended.values()) <= max(crowd.ended.values()) <= 150
    assert all(w.schedule.failures >= 5 for w in crowd.ended)
    assert crowd.leave()


def test_jobs_that_could_never_ask_are_lost_in_time_too():
    crowd = Crowd(0, slots=1)
    hanging = crowd.add(WHOLE_STAY)
    crowd.poller.tick(crowd.clock.now())
    others = [crowd.add(WHOLE_STAY) for _ in range(5)]
    crowd.run(400)
    assert all(isinstance(w.error, errors.JobLost) for w in [hanging, *others])
    assert max(crowd.ended.values()) <= 150


def test_a_slow_server_with_a_long_queue_is_not_lost():
    crowd = Crowd(300)
    for watch in crowd.slots.watches:
        crowd.slots.takes[watch.job] = 5.0  # a round takes longer than one poll may
    crowd.run(200)
    assert not crowd.ended
    assert crowd.worst == 0


def test_one_job_that_is_answered_does_not_keep_the_others_from_being_lost():
    crowd = Crowd(0)
    good = crowd.add(0.1)
    for _ in range(99):
        crowd.add(WHOLE_STAY)
    crowd.run(400)
    lost = {w: at for w, at in crowd.ended.items() if w is not good}
    assert len(lost) == 99
    assert max(lost.values()) <= 150
    assert good not in crowd.ended


def test_a_poll_that_waits_for_the_requests_of_other_servers_is_no_failure():
    crowd = Crowd(1, slots=0)
    crowd.run(300)
    assert not crowd.ended
    assert crowd.worst == 0


def test_a_server_that_answers_again_is_forgiven():
    crowd = Crowd(100)
    for watch in crowd.slots.watches:
        crowd.slots.takes[watch.job] = WHOLE_STAY
    crowd.run(70)
    assert crowd.worst >= 3
    for watch in crowd.slots.watches:
        crowd.slots.takes[watch.job] = 0.2
    crowd.run(100)
    assert not crowd.ended
    assert all(w.failure is None for w in crowd.slots.watches)


def test_a_poll_that_hangs_beyond_its_own_deadline_is_given_up():
    crowd = Crowd(1)
    watch = crowd.slots.watches[0]
    crowd.slots.fill = lambda: [setattr(e, "started", True) for e in crowd.slots.queue]
    crowd.run(400)
    assert isinstance(watch.error, errors.JobLost)
    assert crowd.ended[watch] <= 150
    assert crowd.leave()
