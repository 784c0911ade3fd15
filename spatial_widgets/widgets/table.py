"""The live view of many jobs."""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import traitlets as t

from spatial_widgets.client import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets import jobrow
from spatial_widgets.widgets._base import LiveWidget, module_text, packed
from spatial_widgets.widgets.cancelling import Cancelling
from spatial_widgets.widgets.entry import Entries, Entry, jobs_of
from spatial_widgets.widgets.feed import Feed
from spatial_widgets.widgets.pastjobs import PastJobs
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd

    from spatial_widgets.client import Job
    from spatial_widgets.client.poller import Watch
    from spatial_widgets.widgets.job import JobWidget
    from spatial_widgets.widgets.recent import RecentJob

__all__ = ["JobTable"]

_SETTLE_S = 10.0


class JobTable(PastJobs, LiveWidget):
    """Many jobs in one live table: sorted, filtered, cancelled, and opened to the :class:`JobWidget` of each.

    Parameters
    ----------
    jobs : the jobs to show, each a :class:`Job` or a :class:`JobWidget`, in any number. They are watched from now
        on by the shared poller, until they end or the table is closed.

    Attributes
    ----------
    counts : status, such as ``"esriJobExecuting"``, to the number of jobs that have it. A read-only trait, to
        be read and observed; written by the poller's thread alone, so an observer runs there.
    jobs : the jobs, a tuple of :class:`Job` in the order in which they came; ``len(table)`` is their number.
    frame : the table as a DataFrame.

    Notes
    -----
    Cost: the polls of :meth:`Job.wait` for each job that has not ended, and nothing for one that has. The browser
    hears at most five messages a second, however many jobs change.

    Examples
    --------
    >>> table = sw.JobTable(jobs)
    >>> table.observe(lambda c: print(c.new.get(sw.JobStatus.FAILED)), "counts")
    """

    _esm = packed(module_text("table.js", "base.css", "table.css"))

    counts = t.Dict(read_only=True)
    # Written when every job has ended, for pages without a kernel; before that, rows travel as messages only.
    saved_rows = t.List(t.Dict(), read_only=True).tag(sync=True)
    saved_total = t.Int(0, read_only=True).tag(sync=True)  # how many there are; of very many some are kept

    def __init__(self, jobs: Iterable[Job | JobWidget] = (), **traits: Any) -> None:
        self._entries = Entries()
        self._is_closed = False
        self._tally: Counter[str] = Counter()
        self._saved: list[str] = []  # what each output shows, as text/html
        self._feed = Feed(self._entries.rows, self.send, self._chores)
        chosen = jobs_of(jobs, "JobTable(jobs)")
        super().__init__(**traits)
        self.on_msg(self._on_browser)
        fresh = self._entries.take(chosen)
        self._enter(fresh)
        self._watch(fresh)

    @classmethod
    def _of_past(cls, found: Sequence[RecentJob]) -> Self:
        table = cls()
        fresh = [entry for past in found for entry in table._entries.take([past.job], past)]
        table._settled(functools.partial(table._enter, fresh))
        table._watch(fresh)
        return table

    def __repr__(self) -> str:
        return f"<JobTable of {len(self)} jobs: {jobrow.summary(self._entries.rows())}>"

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        return True  # one without jobs is a table all the same

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs, in the order in which they came."""
        return tuple(entry.job for entry in self._entries)

    @property
    def frame(self) -> pd.DataFrame:
        """The table as it stands now, one row per job in the order in which they came. No request.

        Columns: ``task``, ``job_id``, ``status`` (the wire value), ``progress`` (percent; NaN where the service
        reports none), ``submitted`` (UTC; when this process first saw a job that it did not submit; NaT for one
        that had ended by then), ``elapsed`` (until the end, or now; NaT where unknown), ``last_message``, ``url``.
        """
        return jobrow.frame([entry.read() for entry in self._entries], time.time())

    def add(self, *jobs: Job | JobWidget) -> None:
        """Show one more job, or several, and watch them; one that is here already stays one row.

        Raises TypeError for anything but a Job or a JobWidget; nothing was added then.
        """
        fresh = self._entries.take(jobs_of(jobs, "table.add(job)"))
        self._settled(functools.partial(self._enter, fresh))
        self._watch(fresh)

    def cancel(self, jobs: Job | JobWidget | Iterable[Job | JobWidget] | None = None) -> pd.DataFrame:
        """Ask the services to cancel jobs, several at once, and return what became of it.

        Parameters
        ----------
        jobs : one job of the table or several; None for all that are watched and have not ended.

        Returns
        -------
        DataFrame with one row per job: ``task``, ``job_id``, ``status`` after that, and ``outcome``: "asked",
        "asked again once it has started" (services refuse to cancel a job that is only submitted), "had ended",
        or why it failed. That is told in the table as well.

        Raises
        ------
        ParameterError : a job that is not in the table. Nothing was cancelled.

        Notes
        -----
        Cost: as :meth:`Job.cancel` for each. In an observer it does not wait, and the outcome is "sent".
        """
        entries = self._entries.running()
        if jobs is not None:
            entries = [self._entries.of(job) for job in jobs_of(jobs, "table.cancel(jobs)")]
        return self._cancel(entries).frame(wait=not Poller.shared().is_current_thread())

    def close(self) -> None:
        """Take the table off every page and stop watching for it; the jobs go on."""
        self._is_closed = True
        for entry in getattr(self, "_entries", ()):
            entry.close()
        if hasattr(self, "_feed"):
            self._feed.close()
        super().close()

    # ------------------------------------------------------------ jobs come in, on any thread

    def _watch(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not self._is_closed:
                entry.watch(functools.partial(self._on_change, entry))

    def _settled(self, work: Callable[[], None]) -> None:
        """Have something done on the poller's thread, and return when it is."""
        done = threading.Event()

        def do() -> None:
            work()
            done.set()

        Poller.shared().call(do)
        done.wait(_SETTLE_S)

    # ------------------------------------------------------------ on the poller's thread: the one writer

    def _enter(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.is_counted:
                self._on_change(entry)
                continue
            entry.is_counted = True
            self._tally[entry.row.status] += 1
            self._feed.changed(entry.key, None)
        self._apply(counts=dict(+self._tally))

    def _on_change(self, entry: Entry, _watch: Watch | None = None) -> None:
        if self._is_closed:
            return
        before = entry.row
        if entry.job.done() and not before.is_over:
            entry.note = ""  # what was said of a cancel is history
        entry.row = entry.read()
        if entry.row == before:
            return
        self._feed.changed(entry.key, before)
        if entry.row.status != before.status:
            self._tally[before.status] -= 1
            self._tally[entry.row.status] += 1
            self._apply(counts=dict(+self._tally))

    def _tell(self, entry: Entry, note: str) -> None:
        entry.note = note
        self._on_change(entry)

    def _chores(self) -> list[Callable[[], None]]:
        """Return what brings saved pages up to date."""
        chores: list[Callable[[], None]] = []
        every = self._entries.rows()
        rows = jobrow.rows_to_save(every)
        if (rows, len(every)) != (self.saved_rows, self.saved_total):
            chores.append(functools.partial(self._apply, saved_rows=rows, saved_total=len(every)))
        text = self._html_text()
        chores += [functools.partial(self._save, n) for n, saved in enumerate(self._saved) if saved != text]
        return chores

    def _save(self, number: int) -> None:
        data, metadata = self._repr_mimebundle_()
        self._saved[number] = data["text/html"]
        self._handles[number].update(data, metadata=metadata, raw=True)

    # ------------------------------------------------------------ commands of a view: no trait is written

    def _on_browser(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Answer a view: never with HTTP here, and never by writing a trait."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind not in ("hello", "cancel", "open", "retry"):
            return
        keys = content.get("keys")
        chosen = self._entries.named(keys)
        self._feed.hear(wants_all=kind == "hello")
        if kind == "cancel":
            self._cancel(self._entries.running() if keys is None else chosen)
        for entry in chosen:
            if kind == "open":
                entry.open()
                Poller.shared().call(functools.partial(self._on_change, entry))
            elif kind == "retry":
                errand = functools.partial(self._retry, entry)
                Poller.shared().submit(Errand(errand, origin=origin(entry.job.url)))

    def _cancel(self, entries: list[Entry]) -> Cancelling:
        def tell(job: Job, note: str) -> None:
            Poller.shared().call(functools.partial(self._tell, self._entries.of(job), note))

        batch = Cancelling([entry.job for entry in entries])
        batch.start(tell, self._feed.tell)
        return batch

    def _retry(self, entry: Entry) -> None:
        """Submit a job once more; on a thread of the request pool."""
        try:
            self.add(entry.job.resubmit())
            note = ""
        except Exception as error:  # noqa: BLE001 -- told on the row
            note = say("table.retry.failed", reason=error)
        Poller.shared().call(functools.partial(self._tell, entry, note))

    # ------------------------------------------------------------ display

    def _ipython_display_(self, **_options: Any) -> None:
        """Show with a display id; the saved form follows when all jobs have ended, at the table's own pace."""
        from IPython.display import display

        data, metadata = self._repr_mimebundle_()
        handle = display(data, metadata=metadata, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if handle is not None:
            self._handles.append(handle)
            self._saved.append(data["text/html"])
            self._feed.look_again()

    def _is_at_rest(self) -> bool:
        return all(row.is_over for row in self._entries.rows())

    def _plain_text(self) -> str:
        return jobrow.plain_text(self._entries.rows())

    def _html_text(self) -> str:
        return jobrow.html_text(self._entries.rows())
