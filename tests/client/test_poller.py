import threading
from collections import Counter

import pytest
from fakes import FakeClock, InlineWorkers, Raw, ScriptedApp, error
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_server import RawServer

from spatial_widgets import errors
from spatial_widgets.client import GPService, Job
from spatial_widgets.client.poller import Poller, RequestPool
from spatial_widgets.protocol import JobInfo, JobStatus


def run(poller, clock, limit=10_000, until=lambda: False):
    """Tick until nothing is due, or something is so; return the number of ticks."""
    for n in range(limit):
        due = poller.tick(clock.now())
        if until():
            return n
        if due is None and not poller._has_work():
            return n
        if due is not None:
            clock.time = max(clock.time, due)
    raise AssertionError("the poller never came to rest")


def watched(polls, **kwargs):
    clock = FakeClock()
    poller = Poller(clock=clock, workers=InlineWorkers(), threaded=False)
    job = ScriptedApp(polls, **kwargs).submit(clock=clock)
    seen = []
    watch = poller.watch(job, lambda w: seen.append((w.job.status.value, w.error)))
    return poller, clock, watch, seen


def test_subscribers_see_changes_and_not_polls():
    poller, clock, watch, seen = watched(
        ["esriJobWaiting"] * 5 + ["esriJobExecuting"] * 20 + ["esriJobSucceeded"]
    )
    run(poller, clock)
    words = [s for s, _ in seen]
    assert words == ["esriJobSubmitted", "esriJobWaiting", "esriJobExecuting", "esriJobSucceeded"]
    assert watch.ended
    assert watch.error is None


def test_work_may_be_put_off():
    clock = FakeClock()
    poller = Poller(clock=clock, threaded=False)
    done = []
    poller.call(lambda: done.append("later"), delay_s=2.0)
    poller.call(lambda: done.append("soon"), delay_s=0.5)
    poller.call(lambda: done.append("now"))
    assert poller.tick(clock.now()) == clock.now() + 0.5
    assert done == ["now"]
    assert poller._has_work()
    clock.time += 2.0
    assert poller.tick(clock.now()) is None
    assert done == ["now", "soon", "later"]
    assert not poller._has_work()


def test_a_subscriber_that_raises_stops_nothing(caplog):
    poller, clock, watch, seen = watched(["esriJobExecuting", "esriJobSucceeded"])
    watch.subscribe(lambda w: 1 / 0)
    late = []
    watch.subscribe(lambda w: late.append(w.job.status))
    run(poller, clock)
    assert late[-1] is JobStatus.SUCCEEDED
    assert "raised; watching goes on" in caplog.text


def test_a_job_that_cannot_be_reached_ends_the_watch_with_job_lost():
    poller, clock, watch, seen = watched(["esriJobExecuting", ConnectionError("down")])
    started = clock.now()
    # An unexpected kind of error is a defect and ends at once; transport errors take the budget.
    run(poller, clock)
    assert isinstance(watch.error, ConnectionError)
    assert clock.now() - started < 5


def test_lost_contact_takes_a_minute_and_says_how_to_attach():
    poller, clock, watch, seen = watched(["esriJobExecuting", error(503, "busy")])
    started = clock.now()
    run(poller, clock, until=lambda: watch.error)
    assert isinstance(watch.error, errors.JobLost)
    assert 60 <= clock.now() - started <= 150
    assert watch.job.url in str(watch.error)


def test_a_watch_that_nobody_wants_ends_without_a_verdict():
    poller, clock, watch, seen = watched(["esriJobExecuting"])
    poller.tick(clock.now())
    watch.unsubscribe(watch._subscribers[0])
    run(poller, clock)
    assert watch.ended
    assert watch.error is None
    assert not watch.job.done()


def test_two_subscribers_cost_one_poll_each_time():
    app = ScriptedApp(["esriJobExecuting", "esriJobExecuting", "esriJobSucceeded"])
    clock = FakeClock()
    poller = Poller(clock=clock, workers=InlineWorkers(), threaded=False)
    job = app.submit(clock=clock)
    first = poller.watch(job, lambda w: None)
    assert poller.watch(job, lambda w: None) is first
    run(poller, clock)
    assert app.count(app.job_id) == 3


def test_callbacks_come_after_the_end_was_published_even_when_added_late():
    poller, clock, watch, seen = watched(["esriJobSucceeded"])
    order = []
    watch.when_done(lambda w: order.append(("done", len(seen))))
    run(poller, clock)
    watch.when_done(lambda w: order.append(("late", len(seen))))
    run(poller, clock)
    assert order == [("done", len(seen)), ("late", len(seen))]


GOOD = ["esriJobWaiting", "esriJobExecuting", "esriJobCancelling", "esriJobOdd"]
END = [s.value for s in JobStatus if s.is_terminal]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(GOOD), st.just(500), st.just(404)), max_size=25),
    st.sampled_from([*END, 404, 503]),
)
def test_every_script_ends_in_a_defined_state(script, last):
    polls = [error(p, "x") if isinstance(p, int) else p for p in [*script, last]]
    poller, clock, watch, seen = watched(polls)
    run(poller, clock, until=lambda: watch.error)
    assert watch.ended or watch.is_lost
    assert watch.job.done() != (watch.error is not None)
    watch.unsubscribe(watch._subscribers[0])
    run(poller, clock)
    assert watch.ended


def test_one_named_thread_that_goes_when_the_work_is_done():
    poller = Poller()
    app = ScriptedApp(["esriJobExecuting", "esriJobSucceeded"])
    ended = threading.Event()
    names = []
    poller.watch(
        app.submit(), lambda w: names.append(threading.current_thread().name), when_done=lambda w: ended.set()
    )
    assert ended.wait(10)
    assert set(names) == {"spatial-widgets-poller"}
    thread = poller._thread
    if thread is not None:
        assert thread.daemon
        thread.join(5)
        assert not thread.is_alive()


def test_a_request_that_hangs_holds_up_no_other_job():
    release = threading.Event()

    class Hanging(ScriptedApp):
        def job(self):
            release.wait(20)
            return super().job()

    poller = Poller()
    slow, ended = Hanging(["esriJobSucceeded"]), threading.Event()
    slow_ended = threading.Event()
    poller.watch(slow.submit(), when_done=lambda w: slow_ended.set())
    poller.watch(
        ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit(), when_done=lambda w: ended.set()
    )
    try:
        assert ended.wait(10)
        assert not slow_ended.is_set()
    finally:
        release.set()
    assert slow_ended.wait(10)


def test_the_pool_never_has_more_threads_than_its_size():
    pool = RequestPool(size=3, idle_s=0.1)
    gate, running, peak, lock = threading.Event(), [], [], threading.Lock()
    finished = threading.Semaphore(0)

    def work():
        with lock:
            running.append(threading.current_thread().name)
            peak.append(len(running))
        gate.wait(10)
        with lock:
            running.remove(threading.current_thread().name)
        finished.release()

    for _ in range(12):
        pool.submit(work)
    gate.set()
    for _ in range(12):
        assert finished.acquire(timeout=10)
    assert max(peak) <= 3


def moments_of(job, clock):
    asked_at, refresh = [], job.refresh

    def noted(**options):
        asked_at.append(clock.now())
        return refresh(**options)

    job.refresh = noted
    return asked_at


@pytest.mark.parametrize(("before", "after"), [(None, 2.0), (100.0, 2.0), (2.0, 100.0), (100.0, None)])
def test_another_interval_holds_at_once_for_a_job_under_watch(before, after):
    poller, clock, watch, seen = watched(["esriJobExecuting"])
    asked_at = moments_of(watch.job, clock)
    watch.job.poll_interval = before
    run(poller, clock, until=lambda: clock.now() >= 1500)
    changed = asked_at[-1] + 1.0
    clock.time = changed
    watch.job.poll_interval = after
    count = len(asked_at)
    run(poller, clock, until=lambda: len(asked_at) >= count + 3)
    first, second, third = asked_at[count:]
    if after is None:
        assert first - changed <= 11
    else:
        assert first == changed - 1.0 + after
        assert (second - first, third - second) == (after, after)


def test_another_interval_holds_at_once_for_a_wait_under_way():
    job = ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit()
    job.poll_interval = 600.0

    def hurry(info):
        threading.Thread(target=setattr, args=(job, "poll_interval", 0.01)).start()

    assert job.wait(
        timeout=20, on_update=lambda info: info.status.is_success or hurry(info)
    ).status.is_success


def test_polls_of_one_job_never_overlap_whoever_asks():
    inside, most, lock, both = [], [], threading.Lock(), threading.Barrier(4)

    class Counting(ScriptedApp):
        def job(self):
            with lock:
                inside.append(1)
                most.append(len(inside))
            threading.Event().wait(0.01)  # an answer takes some time
            with lock:
                inside.pop()
            return super().job()

    app = Counting(["esriJobExecuting"])
    job = app.submit()
    job.poll_interval = 0.001
    poller = Poller(workers=RequestPool(idle_s=0.05))
    changed = []
    watch = poller.watch(job, changed.append)

    def refresh():
        both.wait(10)
        for _ in range(10):
            job.refresh()

    threads = [threading.Thread(target=refresh) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    watch.unsubscribe(changed.append)
    assert max(most) == 1
    assert app.count(app.job_id) < 40 + len(most)


@pytest.mark.parametrize("services", [1, 1000])
def test_a_thousand_jobs_need_one_thread_and_a_connection_for_each_place_in_the_pool(services):
    polled, twice, names = Counter(), threading.Event(), []
    live, most = [], []

    def handle(connection, server):
        head = server.mine.head
        with lock:
            live.append(connection)
            most.append(len(live))
        while head:
            name = head.split()[1].split("?")[0].rpartition("/")[2]
            with lock:
                polled[name] += 1
                if name == "j999":
                    names.append([t.name for t in threading.enumerate()])
                    if polled[name] == 2:
                        twice.set()
            body = b'{"jobId": "j", "jobStatus": "esriJobExecuting"}'
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            head = connection.recv(65536).decode()
        with lock:
            live.remove(connection)

    lock, changes = threading.Lock(), []
    with RawServer(handle) as server:
        tasks = [GPService(server.url).task("Buffer") for _ in range(services)]
        jobs = [Job(tasks[n % services], JobInfo(f"j{n}", JobStatus.EXECUTING)) for n in range(1000)]
        poller = Poller(workers=RequestPool(idle_s=0.05))
        listen = changes.append
        for job in jobs:
            poller.watch(job, listen)
        assert twice.wait(60)
        for job in jobs:
            job.watch.unsubscribe(listen)
        assert len(polled) == 1000
        assert max(most) <= 32
        for at_once in names:
            ours = [name for name in at_once if name.startswith("spatial-widgets")]
            assert ours.count("spatial-widgets-poller") == 1
            assert len(ours) <= 33


def test_nothing_runs_when_nothing_is_watched():
    poller = Poller(workers=RequestPool(idle_s=0.05))
    app, told = ScriptedApp(["esriJobExecuting"]), threading.Event()

    def listen(watch):
        if watch.job.status is JobStatus.EXECUTING:
            told.set()

    watch = poller.watch(app.submit(), listen)
    assert told.wait(10)
    thread = poller._thread
    watch.unsubscribe(listen)
    thread.join(5)
    assert not thread.is_alive()
    asked = app.count(app.job_id)
    assert not poller._has_work()
    assert app.count(app.job_id) == asked


def test_a_job_that_comes_while_the_others_are_gone_through_does_not_end_the_polling():
    class Nobody:
        def submit(self, work):
            pass

    class Origin(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            poller.watch(ScriptedApp().submit(clock=clock))  # as another thread would
            return str.__eq__(self, other)

    clock = FakeClock()
    poller = Poller(clock=clock, workers=Nobody(), threaded=False)
    for _ in range(2):
        poller.watch(ScriptedApp().submit(clock=clock), lambda _: None).origin = Origin("http://gp.test")
    clock.time = poller.tick(clock.now())
    assert poller.tick(clock.now()) is not None


@pytest.mark.parametrize("answer", [Raw("<html>", 502), error(404, "No such job.")])
def test_no_job_is_lost_that_answers_somebody_elses_refresh(answer):
    poller, clock, watch, seen = watched([answer])
    app = watch.job.session._adapter()
    for _ in range(100):
        clock.time = poller.tick(clock.now())
        assert not watch.ended
        app.polls = ["esriJobExecuting"]
        watch.job.refresh()
        clock.time += 0.01
        app.polls = [answer]
    app.polls = ["esriJobSucceeded"]
    run(poller, clock)
    assert watch.ended
    assert watch.error is None
