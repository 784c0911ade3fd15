"""Few threads, shared fairly among origins."""

import threading

import pytest

from spatial_widgets.client.agenda import Agenda
from spatial_widgets.client.requestpool import Errand, Loads, RequestPool


class Gate:
    """Holds up whatever runs, and counts it."""

    def __init__(self):
        self.open = threading.Event()
        self.running = []
        self.changed = threading.Condition()

    def work(self, who):
        def run():
            with self.changed:
                self.running.append(who)
                self.changed.notify_all()
            self.open.wait(20)

        return run

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.running) >= count, 10)
            return len(self.running)


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.open.set()


def is_quiet(pool):
    """Whether the pool will start nothing more until something ends."""
    with pool._ready:
        return not pool._startable()


def test_one_origin_leaves_threads_for_the_others(gate):
    pool = RequestPool(idle_s=0.05)
    for _ in range(100):
        pool.submit(Errand(gate.work("silent"), origin="silent"))
    assert gate.wait_for(24) == 24
    assert is_quiet(pool)
    answered = threading.Event()
    pool.submit(Errand(answered.set, origin="well"))
    assert answered.wait(10)
    for _ in range(100):
        pool.submit(Errand(gate.work("silent too"), origin="silent too"))
    gate.wait_for(30)
    assert is_quiet(pool)
    answered.clear()
    pool.submit(Errand(answered.set, origin="well"))
    assert answered.wait(10)
    assert len([t for t in threading.enumerate() if t.name.startswith("spatial-widgets-request")]) <= 32


def test_loads_leave_threads_for_polls_of_their_own_origin(gate):
    pool = RequestPool(idle_s=0.05)
    for _ in range(50):
        Loads(pool, "one").submit(gate.work("load"))
    assert gate.wait_for(8) == 8
    assert is_quiet(pool)
    polled = threading.Event()
    pool.submit(Errand(polled.set, origin="one"))
    assert polled.wait(10)


def test_what_had_to_wait_runs_in_order_when_a_place_is_free():
    pool, order, done = RequestPool(size=1, idle_s=0.05), [], threading.Event()
    gate = Gate()
    pool.submit(Errand(gate.work(0), origin="a"))
    gate.wait_for(1)
    for n in range(1, 9):
        pool.submit(Errand(lambda n=n: order.append(n), origin="ab"[n % 2]))
    pool.submit(done.set)
    gate.open.set()
    assert done.wait(10)
    assert order == list(range(1, 9))


def test_a_cancelled_errand_does_nothing_and_a_failing_one_ends_no_thread(caplog):
    pool, done = RequestPool(size=1, idle_s=0.05), threading.Event()
    gate, ran = Gate(), []
    pool.submit(gate.work(0))
    gate.wait_for(1)
    errand = Errand(lambda: ran.append(1))
    pool.submit(errand)
    errand.cancelled = True
    pool.submit(lambda: 1 / 0)
    pool.submit(done.set)
    gate.open.set()
    assert done.wait(10)
    assert not ran
    assert "handling failed" in caplog.text


def test_an_agenda_holds_each_item_once_and_gives_the_first_one_due():
    agenda = Agenda()
    agenda.put("late", 9.0)
    agenda.put("soon", 1.0)
    agenda.put("late", 3.0)
    agenda.put("gone", 2.0)
    agenda.drop("gone")
    agenda.drop("never there")
    assert (len(agenda), agenda.soonest) == (2, 1.0)
    assert [agenda.pop(2.5), agenda.pop(2.5), agenda.pop(3.0), agenda.pop(99.0)] == [
        "soon",
        None,
        "late",
        None,
    ]
    assert (len(agenda), agenda.soonest) == (0, None)
