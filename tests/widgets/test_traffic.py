"""What a widget costs on the wire: little, in proportion to what is new, and nothing while nothing is."""

import itertools
import json

import pytest
from fakes import ScriptedApp, message
from watching import turned_by_hand

import spatial_widgets as sw
from spatial_widgets.client.policy import PollPolicy

JOB_ID = "j0123456789abcdef0123456789abcdef"


@pytest.fixture
def poller(monkeypatch):
    return turned_by_hand(monkeypatch)


class Wire:
    """All that leaves a widget once it is open: (second, message)."""

    def __init__(self, widget, clock):
        self.clock, self.sent = clock, []
        widget.comm.send = self.take

    def take(self, data=None, **_options):
        self.sent.append((self.clock.now(), data))

    @property
    def bytes(self):
        return sum(len(json.dumps(data).encode()) for _, data in self.sent)

    @property
    def lines(self):
        logs = [
            d["content"] for _, d in self.sent if d["method"] == "custom" and d["content"]["kind"] == "log"
        ]
        for content in logs:
            assert content["seq"] == sum(len(c["lines"]) for c in logs[: logs.index(content)])
        return [line[1] for content in logs for line in content["lines"]]


def poll(status, count, percent=None):
    document = {
        "jobId": JOB_ID,
        "jobStatus": status,
        "messages": [message(f"line {n:06d}") for n in range(count)],
    }
    return document | (
        {"progress": {"type": "step", "percent": percent, "message": ""}} if percent is not None else {}
    )


def widget_of(polls, poller, every_s):
    job = ScriptedApp(polls).submit(clock=poller._clock)
    job.poll_policy = PollPolicy(fixed_s=every_s)
    widget = sw.JobWidget(job)
    return widget, Wire(widget, poller._clock)


def busiest(times):
    return max(sum(start <= t <= start + 1.0 for t in times) for start in times)


def test_however_fast_a_service_changes_its_mind_five_messages_a_second_are_sent_and_all_of_it_arrives(
    poller,
):
    polls = [poll("esriJobExecuting", 3 * n, n % 101) for n in range(1, 400)]
    polls.append(poll("esriJobSucceeded", 1300))
    widget, wire = widget_of(polls, poller, 0.01)
    poller.run(10)
    times = [t for t, _ in wire.sent]
    assert len(times) > 6
    assert busiest(times) <= 5
    assert wire.lines == [f"line {n:06d}" for n in range(1300)]
    state = {}
    for _, data in wire.sent:
        state |= data.get("state", {})
    assert state["job_status"] == "esriJobSucceeded"
    assert state["results_ready"]
    assert state["message_total"] == 1300
    tail = [line[1] for line in state["message_tail"]]
    assert len(tail) > 100
    assert tail == wire.lines[-len(tail) :]
    widget.close()


def test_a_crowd_of_widgets_sends_a_hundred_messages_a_second_together_and_each_has_its_turn(poller):
    polls = [poll("esriJobExecuting", n, n) for n in range(20)]
    crowd = [widget_of(polls, poller, 0.5) for _ in range(100)]
    poller.run(8)
    times = [int(t) for _, wire in crowd for t, _ in wire.sent]
    assert 90 < max(times.count(second) for second in set(times)) <= 101
    for widget, wire in crowd:
        said = [t for t, _ in wire.sent]
        assert max(b - a for a, b in itertools.pairwise([1000.0, *said, 1008.0])) < 1.5
        behind = max(d["state"]["progress"] for _, d in wire.sent if "progress" in d.get("state", {}))
        assert behind >= widget.progress - 5  # what is told is how things stand then: nothing old queues up
        assert len(wire.lines) >= widget.progress - 5
        widget.close()


def test_the_end_of_a_job_is_told_at_once_whatever_others_say(poller):
    polls = [poll("esriJobExecuting", n, n) for n in range(20)]
    crowd = [widget_of(polls, poller, 0.5)[0] for _ in range(100)]
    widget, wire = widget_of([*polls[:8], poll("esriJobFailed", 8)], poller, 0.5)
    ended = []
    widget.observe(lambda _: ended.append(poller._clock.now()), "error")
    poller.run(6)
    (at,) = [t for t, d in wire.sent if d.get("state", {}).get("job_status") == "esriJobFailed"]
    assert [at] == ended
    assert wire.lines == [f"line {n:06d}" for n in range(8)]
    for each in (widget, *crowd):
        each.close()


@pytest.mark.parametrize("count", [10, 1000, 50_000])
def test_a_message_costs_the_same_however_many_there_are(poller, count):
    steps = 5
    polls = [poll("esriJobExecuting", count * n // steps) for n in range(steps + 1)]
    widget, wire = widget_of(polls, poller, 1.0)
    poller.run(60)
    assert wire.lines == [f"line {n:06d}" for n in range(count)]
    assert wire.bytes <= 42 * count + 350 * len(wire.sent)
    assert len(wire.sent) <= 2 * (steps + 1) + count / 1000
    widget.close()


def test_nothing_is_sent_while_nothing_changes(poller):
    widget, wire = widget_of([poll("esriJobExecuting", 3, 40)], poller, 1.0)
    poller.run(5)
    wire.sent.clear()
    poller.run(600)
    assert widget.job.session._adapter().count(JOB_ID) > 500
    assert wire.sent == []
    widget.close()


def test_a_widget_opens_with_all_that_is_known_in_one_message(poller, monkeypatch):
    opened = []
    import comm

    real = comm.create_comm
    monkeypatch.setattr(comm, "create_comm", lambda **options: opened.append(options) or real(**options))
    widget, wire = widget_of([poll("esriJobExecuting", 3, 40)], poller, 1.0)
    states = [o["data"]["state"] for o in opened]
    assert sum("job_id" in state for state in states) == 1
    state = states[-1]
    assert (state["job_id"], state["task_name"], state["job_status"]) == (
        JOB_ID,
        "Buffer",
        "esriJobSubmitted",
    )
    widget.refresh()
    poller.run(5)
    assert all("_esm" not in data.get("state", {}) for _, data in wire.sent)
    widget.close()


def test_a_widget_that_was_closed_says_nothing_more(poller):
    widget, wire = widget_of([poll("esriJobExecuting", n, n) for n in range(50)], poller, 0.1)
    poller.run(1)
    widget.close()
    said = len(wire.sent)
    poller.run(10)
    assert len(wire.sent) <= said + 1  # the closing itself
