"""What a table shows of one job, and of all of them together, as plain values: no widget, no HTTP, no clock."""

from __future__ import annotations

import html
import operator
from collections import Counter
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets import view
from spatial_widgets.widgets.fitting import fitting
from spatial_widgets.widgets.phrases import count, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from spatial_widgets.client import Job
    from spatial_widgets.client.poller import Watch
    from spatial_widgets.widgets.recent import RecentJob

__all__ = ["AS_LAST_SEEN", "JobRow", "frame", "html_text", "plain_text", "read", "rows_to_save", "summary"]

AS_LAST_SEEN = "as last seen"
_LOST = "lost contact"
_LONGEST = 300
_ROWS, _TEXT_ROWS = 500, 20
_HTML_BYTES, _TEXT_BYTES, _SAVED_BYTES = 12_000, 3000, 14_000
_KEPT = 100  # characters of a message in a saved page
_ORDER = list(JobStatus)


@dataclass(frozen=True, slots=True)
class JobRow:
    """One row.

    Attributes
    ----------
    key : the row's number in its table, which never changes.
    word : the status as a sentence has it: "running", "failed"; "lost" and "as last seen" where nobody polls.
    hold : why nothing is heard of the job: "lost contact", "as last seen", or "".
    submitted, ended : seconds since 1970-01-01 UTC, where known.
    message : the last thing that the service said; the last error of a job that failed.
    note : what went wrong on our side, or what became of a cancel; "" for nothing.
    retry : whether the same job can be submitted again from here.
    widget : the model ID of the job's own widget, once somebody opened the row.
    """

    key: int
    task: str
    id: str
    url: str
    status: str
    word: str
    hold: str = ""
    progress: float | None = None
    submitted: float | None = None
    ended: float | None = None
    message: str = ""
    note: str = ""
    retry: bool = False
    widget: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return all of it."""
        return asdict(self)

    def changes(self, before: JobRow) -> dict[str, Any]:
        """Return what is new, and the key."""
        now = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {"key": self.key} | {name: new for name, new in now if new != getattr(before, name)}

    def to_save(self) -> dict[str, Any]:
        """Return what a page without a kernel needs; what is not in it is as at first."""
        row = replace(
            self, message=_kept(self.message), note=_kept(self.note), task=_kept(self.task), widget=""
        )
        return {f.name: value for f in fields(row) if (value := getattr(row, f.name)) != f.default}

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be heard of the job here."""
        return bool(self.hold) or JobStatus.parse(self.status).is_terminal


def read(
    key: int,
    job: Job,
    watch: Watch | None,
    *,
    past: RecentJob | None = None,
    is_followed: bool = True,
    note: str = "",
    widget: str = "",
) -> JobRow:
    """Return the row of a job as last known. No request.

    Parameters
    ----------
    past : what the history knows of it.
    is_followed : whether somebody asks how it stands.
    note, widget : as in the row.
    """
    info = job.info
    status = info.status
    lost = watch.error if watch is not None and not status.is_terminal else None
    hold = _LOST if lost is not None else AS_LAST_SEEN if not (is_followed or status.is_terminal) else ""
    if lost is not None:
        note = note or _short(str(lost))
    elif watch is not None and watch.failure is not None and not status.is_terminal:
        note = note or say("table.failing")
    said = info.errors or [m.text for m in info.messages if m.text.strip()]
    submitted, ended = _times(job, past, is_over=bool(lost) or status.is_terminal)
    return JobRow(
        key=key,
        task=job.task.name,
        id=job.job_id,
        url=job.url,
        status=status.value,
        word=_word(status, hold),
        hold=hold,
        progress=info.progress.percent if info.progress else 100.0 if status.is_success else None,
        submitted=submitted,
        ended=ended,
        message=_short(said[-1]) if said else "",
        note=note,
        retry=is_followed and status.is_terminal and not status.is_success,
        widget=widget,
    )


def _times(job: Job, past: RecentJob | None, *, is_over: bool) -> tuple[float | None, float | None]:
    """Return when a job was submitted and ended, each None where that is not known."""
    info = job.info
    was_over = is_over and info.received_at == job.first_seen_at  # may be of any age
    ended = info.received_at if is_over and not was_over else None
    if past is not None and past.submitted is not None:
        return past.submitted, ended or past.ended
    return (None if was_over else job.first_seen_at), ended


def _word(status: JobStatus, hold: str) -> str:
    if hold:
        return say("table.word.lost") if hold == _LOST else say(f"table.hold.{hold}")
    if not status.is_known:
        return status.value
    return say("table.word.running") if status is JobStatus.EXECUTING else status.label.lower()


def _kept(text: str) -> str:
    return text if len(text) <= _KEPT else text[: _KEPT - 1] + "…"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


# ---------------------------------------------------------------- all of them


def summary(rows: Iterable[JobRow]) -> str:
    """Return the line above the table: ``37 running, 60 succeeded, 3 failed``."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for row in rows:
        counts[row.word] += 1
        first.setdefault(row.word, row.status)

    def place(word: str) -> tuple[bool, int, str]:
        status = JobStatus.parse(first[word])
        course = _ORDER.index(status if status in _ORDER else JobStatus.EXECUTING)
        return word in {say("table.word.lost"), say(f"table.hold.{AS_LAST_SEEN}")}, course, word

    return ", ".join(f"{counts[word]:,} {word}" for word in sorted(counts, key=place)) or say("table.none")


def frame(rows: Sequence[JobRow], now: float) -> pd.DataFrame:
    """Return the rows as a DataFrame; ``now`` ends the time of those that still run."""
    submitted = pd.Series([row.submitted for row in rows], dtype="float64")
    ended = pd.Series([row.ended if row.is_over else now for row in rows], dtype="float64")
    return pd.DataFrame(
        {
            "task": pd.Series([row.task for row in rows], dtype=object),
            "job_id": pd.Series([row.id for row in rows], dtype=object),
            "status": pd.Series([row.status for row in rows], dtype=object),
            "progress": pd.Series([row.progress for row in rows], dtype="float64"),
            "submitted": pd.to_datetime(submitted.round(3), unit="s", utc=True),
            "elapsed": pd.to_timedelta((ended - submitted).clip(lower=0).round(3), unit="s"),
            "last_message": pd.Series([row.message for row in rows], dtype=object),
            "url": pd.Series([row.url for row in rows], dtype=object),
        }
    )


def rows_to_save(rows: Sequence[JobRow]) -> list[dict[str, Any]]:
    """Return the rows that a page without a kernel has: all, or the most telling that fit into a notebook's file."""
    return sorted(_that_fit(rows, JobRow.to_save, _SAVED_BYTES), key=operator.itemgetter("key"))


def plain_text(rows: Sequence[JobRow]) -> str:
    """Return the table as ``text/plain``. Nothing in it ticks: it changes only when a job does."""
    told = _that_fit(rows, lambda row: f"  {_told(row)}", _TEXT_BYTES, _TEXT_ROWS)
    left = len(rows) - len(told)
    lines = [
        say("table.title", jobs=count("job", len(rows)), summary=summary(rows))
        if rows
        else say("table.title.empty", summary=summary(rows))
    ]
    return "\n".join([*lines, *told, *(["  " + say("table.more", n=f"{left:,}")] if left else [])])


def html_text(rows: Sequence[JobRow]) -> str:
    """Return the table as ``text/html`` that reads well without script, style or theme."""
    e = html.escape
    if not rows:
        return f"<div><p>{e(summary(rows))}</p></div>"
    head = f"<p>{e(say('table.summary', jobs=count('job', len(rows)), summary=summary(rows)))}</p>"
    columns = ("task", "status", "message", "job")
    names = "".join(f"<th>{e(say(f'table.column.{column}'))}</th>" for column in columns)
    told = _that_fit(rows, _row_html, _HTML_BYTES)
    body, left = "".join(told), len(rows) - len(told)
    more = f"<p>{e(say('table.more', n=f'{left:,}'))}</p>" if left else ""
    return f"<div>{head}<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>{more}</div>"


def _told(row: JobRow) -> str:
    text = _kept(row.note or row.message)
    status = view.badge(JobStatus.parse(row.status))[0]
    known = {"task": row.task, "id": row.id, "status": status, "word": row.status}
    told = (
        say("table.told.hold", **known, hold=say(f"table.hold.{row.hold}"))
        if row.hold
        else say("table.told", **known)
    )
    return say("table.told.text", told=told, text=text) if text else told


def _row_html(row: JobRow) -> str:
    e = html.escape
    hold = say(f"table.hold.{row.hold}") if row.hold else ""
    status = f"{view.pill(JobStatus.parse(row.status))} {e(hold)} <code>{e(_kept(row.status))}</code>"
    cells = (e(_kept(row.task)), status, e(_kept(row.note or row.message)), e(row.id))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _that_fit(
    rows: Sequence[JobRow], make: Callable[[JobRow], Any], most: int, count: int = _ROWS
) -> list[Any]:
    """Return what is made of each row; where that is too much, of trouble first."""

    def is_well(row: JobRow) -> bool:
        tone = view.badge(JobStatus.parse(row.status))[1]
        return tone != "bad" and row.hold != _LOST and not row.note

    if len(rows) <= count:
        made = [make(row) for row in rows]
        if fitting(made, most) == len(made):
            return made
    made = [make(row) for row in sorted(rows, key=is_well)[:count]]
    return made[: fitting(made, most)]
