"""Jobs followed in a terminal: one with its messages, or several as a table that stays in its place.

What a server says is printed without whatever would steer the terminal.
"""

from __future__ import annotations

import queue
import sys
import time
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import Poller
from spatial_widgets.pastjobs import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client import Job
    from spatial_widgets.client.poller import Watch
    from spatial_widgets.protocol import JobInfo

__all__ = ["Ticker", "follow_all", "job_table"]

_BAR = 24
_LOOK_S = 0.5  # an interrupt comes through between two looks
_STYLES = {"good": "green", "bad": "red", "stopped": "yellow"}


class Ticker:
    """Prints a job's changes: one line per status and message, and a progress bar where there is a terminal."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._status = ""
        self._messages = 0
        self._is_terminal = sys.stdout.isatty()
        self._has_bar = False

    def __call__(self, info: JobInfo) -> None:
        """Print what is new in a snapshot."""
        lines = [f"  {m.description}" for m in info.messages[self._messages :]]
        self._messages = len(info.messages)
        if info.status.value != self._status:
            self._status = info.status.value
            lines.append(f"{time.monotonic() - self._started:6.1f} s  {info.status.value}")
        if lines and self._has_bar:
            print("\r" + " " * (_BAR + 40) + "\r", end="")
            self._has_bar = False
        for line in lines:
            print(shown(line))
        if self._is_terminal and info.progress is not None and info.progress.percent is not None:
            done = round(_BAR * info.progress.percent / 100)
            text = shown(info.progress.message[:30])
            print(
                f"\r  [{'#' * done}{'.' * (_BAR - done)}] {info.progress.percent:3.0f} % {text:30}",
                end="",
                flush=True,
            )
            self._has_bar = True

    def close(self) -> None:
        """End the line of the bar."""
        if self._has_bar:
            print()


def follow_all(jobs: Sequence[Job]) -> dict[str, BaseException]:
    """Print how several jobs fare until all have ended; return URL and reason of those that could not be followed.

    On a terminal, and with ``rich`` (the ``cli`` extra), a table that stays in its place; else a line for each change.

    Notes
    -----
    The polls of :meth:`Job.wait` for each, all by the shared poller.
    """
    news: queue.SimpleQueue[Watch] = queue.SimpleQueue()
    view = _view(jobs)
    watches = [Poller.shared().watch(job, news.put) for job in jobs]
    try:
        with view:
            while not all(watch.ended for watch in watches):
                try:
                    view.tell(news.get(timeout=_LOOK_S).job)
                except queue.Empty:
                    view.tell(None)
            while not news.empty():
                view.tell(news.get().job)
    except KeyboardInterrupt as error:
        error.add_note("The jobs go on at the service; spatial-widgets cancel URL ends one.")
        raise
    finally:
        for watch in watches:
            watch.unsubscribe(news.put)
    return {w.job.url: w.error for w in watches if w.error is not None and not w.job.done()}


def _view(jobs: Sequence[Job]) -> _Lines | _Table:
    if sys.stdout.isatty():
        try:
            import rich  # noqa: F401
        except ImportError:
            return _Lines()
        return _Table(jobs)
    return _Lines()


class _Lines:
    """A line for each change of a status."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._known: dict[str, str] = {}

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, job: Job | None) -> None:
        if job is None or self._known.get(job.url) == job.status.value:
            return
        self._known[job.url] = job.status.value
        seconds = time.monotonic() - self._started
        print(
            f"{seconds:6.1f} s  {shown(job.task.name)} {shown(job.job_id)}  {shown(job.status.value)}",
            flush=True,
        )


class _Table:
    """A table in its place, drawn anew four times a second at most."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        from rich.live import Live

        self._jobs = jobs
        self._live = Live(job_table(jobs), refresh_per_second=4)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.update(job_table(self._jobs))
        self._live.stop()

    def tell(self, _job: Job | None) -> None:
        self._live.update(job_table(self._jobs))


def job_table(jobs: Sequence[Job]) -> Any:
    """Return a ``rich`` table of jobs as they stand: task, ID, status, progress, seconds, last message, of a failure the last error."""
    from rich.table import Table
    from rich.text import Text

    table = Table("Task", "Job", "Status", "Done", "Time", "Last message", box=None)
    for job in jobs:
        info = job.info
        status = info.status
        style = "green" if status.is_success else "red" if status.is_terminal else "blue"
        percent = info.progress.percent if info.progress else 100.0 if status.is_success else None
        end = info.received_at if status.is_terminal else time.time()
        texts = info.errors or [message.text for message in info.messages]
        said = next((text for text in reversed(texts) if text.strip()), "")
        cells = [
            (job.task.name, ""),
            (job.job_id, ""),
            (status.label if status.is_known else status.value, style),
            ("" if percent is None else f"{percent:.0f} %", ""),
            (f"{max(0.0, end - job.first_seen_at):.0f} s", ""),
            (said.splitlines()[0][:60] if said else "", ""),
        ]
        table.add_row(*(Text(shown(text), style=colour) for text, colour in cells))
    return table
