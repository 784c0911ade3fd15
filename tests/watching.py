"""To see what a widget says, and to wait for it."""

import json
import threading

from fakes import FakeClock, InlineWorkers

from spatial_widgets.client import Poller


class Seen:
    """What the traits of a widget said, and a way to wait for something that they will say."""

    def __init__(self, widget, *names):
        self.widget, self.changed = widget, threading.Condition()
        self.values, self.threads = [], set()
        widget.observe(self.add, list(names or ["loading", "results_ready", "error"]))

    def add(self, change):
        with self.changed:
            self.values.append((change.name, change.new))
            self.threads.add(threading.current_thread().name)
            self.changed.notify_all()

    def until(self, condition):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.widget), 20)

    @property
    def texts(self):
        return [new["text"] for name, new in self.values if name == "loading" and new]


def turned_by_hand(monkeypatch):
    """Put a poller whose clock is turned by hand, with ``run(seconds)``, in the place of the process's own; return it."""
    poller = Poller(clock=FakeClock(), workers=InlineWorkers(), threaded=False)
    monkeypatch.setattr(Poller, "_shared", poller)

    def run(seconds):
        end = poller._clock.time + seconds
        while True:
            due = poller.tick(poller._clock.time)
            if due is None or due > end:
                poller._clock.time = end
                return
            poller._clock.time = max(due, poller._clock.time)

    poller.run = run
    return poller


def settled(widget):
    """Return when the poller's thread has done all that it was given before."""
    Poller.shared().settle(widget._watch, 10)
    return widget


class Browser:
    """What the front end of a table is told, laid on as ``static/rows.js`` does it."""

    def __init__(self, table, clock=None):
        self.table, self.clock, self.rows, self.seq, self.sent = table, clock, {}, None, []
        self.changed = threading.Condition()
        table.comm.send = self.take  # everything that leaves the widget goes through here
        if clock is None:
            self.ask("hello")  # as a view does: what was said before it came is not heard

    def take(self, data=None, **_options):
        with self.changed:
            self.sent.append((self.clock.now() if self.clock else 0.0, data))
            content = data.get("content", {}) if data["method"] == "custom" else {}
            if content.get("kind") == "rows":
                json.dumps(content, allow_nan=False)
                if content["all"]:
                    self.rows = {}
                elif self.seq is None and not self.clock:
                    return  # changes of rows that it was not told yet
                elif self.seq is not None:
                    assert content["seq"] == self.seq + 1
                self.seq = content["seq"]
                for row in content["rows"]:
                    self.rows[row["key"]] = self.rows.get(row["key"], {}) | row
            self.changed.notify_all()

    def ask(self, kind, keys=None):
        self.table._on_browser(self.table, {"kind": kind} | ({} if keys is None else {"keys": keys}), [])

    def until(self, condition):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), 20)
        return self

    @property
    def outcomes(self):
        return [d["content"]["outcome"] for _, d in self.sent if d.get("content", {}).get("outcome")]
