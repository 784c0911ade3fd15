"""One job of a table: the job, who watches it, and what is shown of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.client import Job, Poller
from spatial_widgets.widgets import jobrow
from spatial_widgets.widgets.job import JobWidget, show_job, widget_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.poller import Watch
    from spatial_widgets.widgets.recent import RecentJob

__all__ = ["Entry", "jobs_of"]


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
            "can_retry": callable(getattr(self.job, "resubmit", None)),
            "widget": widget.model_id if widget is not None and widget.comm is not None else "",
        }
        if not self.is_followed:
            return jobrow.read(self.key, self.job, None, past=self.past, is_followed=False, **more)
        return jobrow.read(self.key, self.job, self.job.watch, past=self.past, **more)

    def follow(self, job: Job) -> None:
        """Take a job that somebody may ask for in the place of one that was only seen once."""
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
