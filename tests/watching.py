"""To see what a widget says, and to wait for it."""

import threading

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


def settled(widget):
    """Return when the poller's thread has done all that it was given before."""
    Poller.shared().settle(widget._watch, 10)
    return widget
