"""What is shown of a job, as plain values: no widget, no HTTP, no clock.

``static/status.js`` holds the same table of badges for the browser; a test keeps the two equal.
"""

from __future__ import annotations

import html
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from spatial_widgets.client import ResultFile
from spatial_widgets.errors import (
    AuthenticationError,
    JobCancelled,
    JobError,
    SpatialWidgetsError,
    TransportError,
    WaitTimeout,
)
from spatial_widgets.pasting import attach_code
from spatial_widgets.protocol import JobStatus
from spatial_widgets.protocol.message import sentence_in
from spatial_widgets.widgets.fitting import cut
from spatial_widgets.widgets.phrases import count, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client import Job
    from spatial_widgets.client.watch import Watch

__all__ = [
    "LOST",
    "TONES",
    "Summary",
    "badge",
    "contact_text",
    "error_beside",
    "error_text",
    "is_shared",
    "pill",
    "result_problem",
    "summarize",
]

#: Status to tone; the tone decides the colour, the word always stands beside it.
TONES: dict[JobStatus, str] = {
    JobStatus.NEW: "queued",
    JobStatus.SUBMITTED: "queued",
    JobStatus.WAITING: "queued",
    JobStatus.EXECUTING: "running",
    JobStatus.SUCCEEDED: "good",
    JobStatus.FAILED: "bad",
    JobStatus.TIMED_OUT: "bad",
    JobStatus.CANCELLING: "stopping",
    JobStatus.CANCELLED: "stopped",
    JobStatus.DELETING: "stopping",
    JobStatus.DELETED: "stopped",
    JobStatus.EXPECTED_FAILURE: "bad",
}

_SHOWN_CHARS, _SHOWN_OF_LIST = 200, 20

# Fixed colours for the saved page, where no theme can be asked; white on each has a contrast of 5 or more.
_COLOURS = {
    "queued": "#56616e",
    "running": "#0b5cad",
    "good": "#1b7f3b",
    "bad": "#b3261e",
    "stopping": "#7a5c00",
    "stopped": "#7a5c00",
}

#: Stands beside the badge, which goes on to tell the last status that is known.
LOST = say("job.lost")


def badge(status: JobStatus) -> tuple[str, str]:
    """Return ``(text, tone)``; an unknown status shows its raw word as a running job."""
    return (say(f"status.{status.value}") if status.is_known else status.value), TONES.get(status, "running")


def pill(status: JobStatus) -> str:
    """Return the badge of a saved page, as HTML."""
    word, tone = badge(status)
    word = cut(word, 200)
    style = f"background:{_COLOURS[tone]};color:#fff;padding:1px 8px;border-radius:9px"
    return f'<span style="{style}">{html.escape(word)}</span>'


@dataclass(frozen=True, slots=True)
class Summary:
    """One result in a line: its name, what it is, and its size."""

    name: str
    kind: str
    rows: int | None = None
    columns: tuple[str, ...] = ()
    crs: str = ""
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what travels to the browser."""
        return {
            "name": self.name,
            "kind": self.kind,
            "rows": self.rows,
            "columns": list(self.columns),
            "crs": self.crs,
            "text": self.text,
        }

    @property
    def sentence(self) -> str:
        """The line itself."""
        if self.rows is None:
            return say("result.value", name=self.name, text=self.text or self.kind)
        size = {"rows": count("row", self.rows), "columns": count("column", len(self.columns))}
        text = "result.frame.crs" if self.crs else "result.frame"
        return say(text, name=self.name, kind=self.kind, crs=self.crs, **size)


def summarize(name: str, value: Any) -> Summary:
    """Describe one result."""
    if isinstance(value, pd.DataFrame):
        is_spatial = isinstance(value, gpd.GeoDataFrame)
        crs = ""
        if is_spatial:
            authority = value.crs.to_authority() if value.crs is not None else None
            crs = (
                ":".join(authority)
                if authority
                else str(value.crs.name)
                if value.crs is not None
                else say("result.no_crs")
            )
        kind = "GeoDataFrame" if is_spatial else "DataFrame"
        return Summary(name, kind, len(value), tuple(str(c) for c in value.columns), crs)
    if value is None:
        return Summary(name, "None", text=say("result.nothing"))
    if isinstance(value, ResultFile):
        return Summary(name, "file", text=value.url)
    if isinstance(value, list):
        return Summary(name, "list", text=_listed(value))
    return Summary(name, type(value).__name__, text=_beginning(str(value)))


def _listed(values: list[Any]) -> str:
    """Say how many values there are, and what the first of them are, where that is a text, a number or a message."""
    count = f"{len(values):,}"
    shown = [_in_a_list(value) for value in values[:_SHOWN_OF_LIST]]
    if not shown or None in shown:
        return say("result.list", n=count)
    text = " · ".join(one for one in shown if one is not None)
    more = " · …" if len(values) > len(shown) else ""
    return say("result.list.of", n=count, values=_beginning(text + more))


def _in_a_list(value: Any) -> str | None:
    if isinstance(value, dict):
        return sentence_in(value) or None
    return str(value) if isinstance(value, (str, int, float)) else None


def _beginning(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def error_text(job: Job, watch: Watch | None) -> str:
    """Return what went wrong and what to do next, or "" when nothing did."""
    if watch is not None and watch.is_lost:
        return _lost_text(job, watch)
    if watch is not None and watch.error is not None:
        return str(watch.error)
    try:
        job.raise_for_status()
    except JobCancelled:
        return ""
    except JobError as error:
        return str(error)
    return ""


def _lost_text(job: Job, watch: Watch) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(job.info.received_at))
    every_s = watch.schedule.every_s
    trying = say("lost.trying.now") if every_s is None else say("lost.trying.every", seconds=f"{every_s:g}")
    lines = [
        say("lost.since", since=since, trying=trying),
        say("lost.attach", line=attach_code(job)),
    ]
    if watch.failure is not None:
        lines.append(say("lost.last", failure=watch.failure))
    return "\n".join(lines)


def error_beside(error: str, line: str) -> str:
    """Return what went wrong for a page where the ``line`` that shows the job again stands beside it, to be copied."""
    return error.replace(say("lost.attach", line=line), say("lost.still"))


def contact_text(watch: Watch | None) -> str:
    """Return what to say of polls that fail while contact does not count as lost, or ""."""
    if watch is None or watch.failure is None or watch.error is not None:
        return ""
    if not watch.schedule.failures:
        return say("contact.refused", failure=watch.failure)
    return say("contact.failing", failures=watch.schedule.failures, failure=watch.failure)


def result_problem(error: Exception, name: str, others: Sequence[str]) -> str:
    """Return what to say of a result that could not be loaded, and of the ``others`` that were not asked for then."""
    if isinstance(error, SpatialWidgetsError):
        # The same verbs, of what the reader has at hand.
        reason = (
            str(error).replace("job.result(", "w.result(").replace("Job.from_url(", "JobWidget.from_url(")
        )
    else:
        reason = f"{type(error).__name__}: {error}\n{say('result.again', name=repr(name))}"
    lines = [say("result.failed", name=repr(name)), reason]
    if others:
        lines.append(say("result.not_asked", names=", ".join(map(repr, others))))
    return "\n".join(lines)


def is_shared(error: Exception) -> bool:
    """Whether the job's other results would meet the same error."""
    return isinstance(error, (TransportError, AuthenticationError, WaitTimeout))
