"""The jobs of a table: each with who watches it, and what is shown of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import Job, Poller
from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets import jobrow
from spatial_widgets.widgets.job import JobWidget, show_job, widget_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from spatial_widgets.client.poller import Watch
    from spatial_widgets.widgets.recent import RecentJob

__all__ = ["Entries", "Entry", "jobs_of"]


class Entry:
    """One job of a table; after it was made, its attributes are written on the poller's thread.

    Parameters
    ----------
    key : its number in the table.
    past : what the history knows of it, for a job that comes from there.
    """

    def __init__(self, key: int, job: Job, past: RecentJob | None = None) -> None:
        self.key = key
        self.job = job
        self.past = past
        self.note = ""
        self.is_counted = False
        self._widget: JobWidget | None = None
        self._owns_widget = False
        self._watch: Watch | None = None
        self._listener: Callable[[Watch], None] | None = None
        self.row = self.read()

    @property
    def is_followed(self) -> bool:
        """Whether somebody may ask for it."""
        return self.past is None or self.past.is_followed

    def read(self) -> jobrow.JobRow:
        """Return the row as things stand. No request."""
        widget = self._widget
        more: dict[str, Any] = {
            "note": self.note,
            "widget": widget.model_id if widget is not None and widget.comm is not None else "",
        }
        if not self.is_followed:
            return jobrow.read(self.key, self.job, None, past=self.past, is_followed=False, **more)
        return jobrow.read(self.key, self.job, self.job.watch, past=self.past, **more)

    @property
    def is_refused(self) -> bool:
        """Whether nobody may ask for it any more, as after a login that has ended."""
        watch = self._watch
        return watch is not None and watch.ended and watch.error is not None and not self.job.done()

    def follow(self, job: Job) -> None:
        """Take a job that somebody may ask for in the place of one that nobody may."""
        self.job, self.past = job, None

    def watch(self, on_change: Callable[[Watch], None]) -> None:
        """Have the shared poller tell of changes, unless there will be none."""
        if self.is_followed and not self.job.done():
            self._listener = on_change
            self._watch = Poller.shared().watch(self.job, on_change)

    def open(self) -> None:
        """Have a widget of the job itself: the one there is, or one of our own."""
        if widget_of(self.job) is None:
            self._owns_widget = True
        self._widget = show_job(self.job)

    def close(self) -> None:
        """Let go of the watch and of a widget of our own; the job goes on."""
        if self._watch is not None and self._listener is not None:
            self._watch.unsubscribe(self._listener)
        if self._widget is not None and self._owns_widget:
            self._widget.close()


class Entries:
    """The jobs of a table in the order in which they came, one for each URL; they only grow."""

    def __init__(self) -> None:
        self._all: list[Entry] = []
        self._by_url: dict[str, Entry] = {}
        self._adding = threading.Lock()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._all))

    def take(self, jobs: Iterable[Job], past: RecentJob | None = None) -> list[Entry]:
        """Add jobs; return those that are to be shown and watched: new ones, and ones that can be asked for now."""
        fresh = []
        with self._adding:
            for job in jobs:
                known = self._by_url.get(job.url)
                if known is None:
                    known = self._by_url[job.url] = Entry(len(self._all), job, past)
                    self._all.append(known)
                    fresh.append(known)
                elif past is None and (not known.is_followed or (known.is_refused and job is not known.job)):
                    known.follow(job)
                    fresh.append(known)
        return fresh

    def rows(self) -> list[jobrow.JobRow]:
        """Return what is shown."""
        return [entry.row for entry in self]

    def running(self) -> list[Entry]:
        """Return those whose cancel can be asked for, and was not yet."""
        stopping = {JobStatus.CANCELLING, JobStatus.DELETING}
        return [e for e in self if e.is_followed and not e.job.done() and e.job.status not in stopping]

    def of(self, job: Job) -> Entry:
        """Return the entry of a job.

        Raises
        ------
        ParameterError : it is not in the table.
        """
        try:
            return self._by_url[job.url]
        except KeyError:
            raise ParameterError(f"{job!r} is not in this table; table.add(job) first.") from None

    def named(self, keys: Any) -> list[Entry]:
        """Return those that a browser names by their numbers; whatever else it says is left out."""
        numbers = keys if isinstance(keys, list) else ()
        return [self._all[n] for n in numbers if isinstance(n, int) and 0 <= n < len(self._all)]


def jobs_of(jobs: Any, place: str) -> list[Job]:
    """Return the Jobs among what somebody gave; refuse anything else before any of it counts.

    Raises
    ------
    TypeError : it names ``place``, what is expected there, and what came.
    """
    given = [jobs] if isinstance(jobs, (Job, JobWidget)) else jobs
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        given = [given]
    chosen = []
    for each in given:
        if not isinstance(each, (Job, JobWidget)):
            raise TypeError(
                f"{place} takes jobs, each a Job or a JobWidget, got {type(each).__name__}; "
                "see GPTask.submit or Job.from_url."
            )
        chosen.append(each.job if isinstance(each, JobWidget) else each)
    return chosen
