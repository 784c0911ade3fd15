"""The loading of a job's results for its widget: off the poller's thread, told as it goes, and stopped on demand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets import view
from spatial_widgets.widgets.fitting import cut
from spatial_widgets.widgets.phrases import count, say
from spatial_widgets.widgets.preview import Preview, look

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client import Job

__all__ = ["Loading", "figures", "loading_sent"]

_PAUSE_S = 0.25  # between two updates: with the end's own, at most five in any second
_FRAMES = 3  # are looked into; a page with more of them gets heavy
_RUNNING, _STOPPED, _DONE = "running", "stopped", "done"


class LoadingStoppedError(Exception):
    """Raised out of ``on_progress``, to end a loading that nobody wants any more."""


class Loading:
    """One loading of all results of a job that succeeded.

    Parameters
    ----------
    job : the job; its ``results`` keep what is loaded.
    show : called with this object on the poller's thread, whenever there is something new to show: at most
        every 0.25 s by the session's clock while it runs, and once at its end.

    Attributes
    ----------
    summaries, previews : of what was loaded so far.
    problem : what could not be loaded and what to do next; "" while there is nothing.
    """

    def __init__(self, job: Job, show: Callable[[Loading], None]) -> None:
        self.summaries: list[view.Summary] = []
        self.previews: list[Preview] = []
        self.problem = ""
        self._job = job
        self._show = show
        self._lock = threading.Lock()
        self._state = _RUNNING
        self._name = ""
        self._text = say("loading.begin")
        self._told_at = job.session.clock.now()
        self._is_due = False  # an update waits for its time

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._state == _RUNNING

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped before its end."""
        return self._state == _STOPPED

    def to_json(self) -> dict[str, str]:
        """Return what travels to the browser: ``state`` and ``text``, or nothing after an end of its own."""
        with self._lock:
            return {} if self._state == _DONE else {"state": self._state, "text": self._text}

    def start(self) -> None:
        """Begin, on a thread of the request pool."""
        Poller.shared().submit(Errand(self.run, origin=origin(self._job.url), lasting=True))

    def stop(self) -> None:
        """End it now, from any thread; nothing happens after its end."""
        if self._end(_STOPPED, say("loading.stopped")):
            # The thread itself notices at the next block; whoever asks meanwhile does not wait for that.
            self._job.results.abandon(self._name)

    def run(self) -> None:
        """Load everything, on the caller's thread."""
        try:
            self._load_all()
        except LoadingStoppedError:
            return
        except Exception as error:  # noqa: BLE001 -- shown; a view that says "loading" for ever would lie
            self.problem = f"{say('result.names.failed', reason=error)}\n{say('result.names.again')}"
        self._end(_DONE, "")

    def _load_all(self) -> None:
        names = list(self._job.results)
        for number, name in enumerate(names, 1):
            self._name = name
            self._tell(say("loading.name", name=name))
            try:
                value = self._job.results.load(name, on_progress=self._on_progress)
                self.summaries.append(view.summarize(name, value))
                self.previews.append(look(self._job, name, value, is_whole=self._frames() < _FRAMES))
            except LoadingStoppedError:
                raise
            except Exception as error:  # noqa: BLE001 -- shown, and the others are loaded all the same
                is_last = view.is_shared(error)
                told = view.result_problem(error, name, names[number:] if is_last else ())
                self.problem = "\n".join(filter(None, (self.problem, told)))
                if is_last:
                    return

    def _frames(self) -> int:
        return sum(bool(preview.columns) for preview in self.previews)

    def _on_progress(self, received: int, rows: int) -> None:
        self._tell(say("loading.figures", name=self._name, figures=figures(received, rows)))

    def _tell(self, text: str) -> None:
        """Have a text shown, now or when the last one has stood long enough; raises after a stop."""
        now = self._job.session.clock.now()
        with self._lock:
            if self._state != _RUNNING:
                raise LoadingStoppedError
            self._text = text
            if self._is_due:
                return
            self._is_due = True
            delay_s = max(0.0, self._told_at + _PAUSE_S - now)
        Poller.shared().call(self._show_text, delay_s=delay_s)

    def _show_text(self) -> None:
        now = self._job.session.clock.now()
        with self._lock:
            self._is_due, self._told_at = False, now
        if self.is_running:
            self._show(self)

    def _end(self, state: str, text: str) -> bool:
        with self._lock:
            if self._state != _RUNNING:
                return False
            self._state, self._text = state, text
        Poller.shared().call(lambda: self._show(self))
        return True


def figures(received: int, rows: int) -> str:
    """Return bytes and rows as people read them, such as ``12.3 MB, 45,000 rows``."""
    size = (
        say("loading.mb", n=f"{received / 1e6:,.1f}")
        if received >= 1e6
        else say("loading.kb", n=f"{received / 1e3:.0f}")
    )
    return say("loading.size", size=size, rows=count("row", rows))


def loading_sent(told: dict[str, str], _widget: Any = None) -> dict[str, str]:
    """Return what a page is told of a loading: a result may have a long name."""
    return told | {"text": cut(told["text"], 300)} if told else told
