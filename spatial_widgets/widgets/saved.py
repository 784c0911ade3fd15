"""A job as it stands in a saved page: text and HTML that need no kernel, no script, no style and no network."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spatial_widgets.protocol.plain import plain
from spatial_widgets.widgets import view
from spatial_widgets.widgets.markup import element
from spatial_widgets.widgets.phrases import say
from spatial_widgets.widgets.times import course_text, spans, spans_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spatial_widgets.client import Job
    from spatial_widgets.protocol import JobMessage
    from spatial_widgets.widgets.preview import Preview

__all__ = ["Shown", "html_text", "plain_text"]

# What a page of a job weighs beside its pictures stays below 30 kB.
_MESSAGES = 30
_LONGEST = 200  # of one line
_ERROR_LINES, _LONGEST_ERROR = 12, 600
_TABLES = 12_000  # characters of all tables together; a page of many results keeps their lines
_RESULTS = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a job at the moment of writing.

    Attributes
    ----------
    error : what went wrong, in lines; "" for nothing.
    advice : what to try then.
    loading : what is told of the loading of the results.
    attach : the line of Python that shows the job again.
    ended_at : as in the widget.
    """

    job: Job
    summaries: Sequence[view.Summary] = ()
    previews: Sequence[Preview] = ()
    error: str = ""
    advice: Sequence[str] = ()
    loading: str = ""
    is_lost: bool = False
    attach: str = ""
    ended_at: float | None = None
    log: Sequence[JobMessage] = field(default=())

    @property
    def times(self) -> str:
        """Each status with the moment when it was first seen, in UTC, and how long the job waited and ran."""
        course, is_new = self.job.course, self.job.is_new
        told = course_text(course, is_new=is_new)
        lasted = spans_text(spans(course, is_new=is_new, until=self.ended_at)) if self.ended_at else ""
        return say("saved.times", course=told, spans=lasted) if lasted else told

    @property
    def error_lines(self) -> list[str]:
        """What went wrong, without what would make a page heavy."""
        return [_cut(line, _LONGEST_ERROR) for line in self.error.splitlines()[:_ERROR_LINES]]

    @property
    def last_message(self) -> str:
        """The last line of the log that says something."""
        last = next((m for m in reversed(self.log) if m.description.strip()), None)
        return "" if last is None else _line(last)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _line(message: JobMessage) -> str:
    text = _cut(plain(" ".join(message.text.split())), _LONGEST)
    return text if message.level == "informative" else say(f"log.{message.level}") + text


def plain_text(shown: Shown) -> str:
    """Return the state of a job as ``text/plain``."""
    job = shown.job
    known = {
        "task": job.task.name,
        "id": job.job_id,
        "status": view.badge(job.status)[0],
        "word": job.status.value,
    }
    lines = [say("job.line.lost" if shown.is_lost else "job.line", **known)]
    told = [
        shown.times,
        shown.last_message and say("saved.last", text=shown.last_message),
        *(s.sentence for s in shown.summaries[:_RESULTS]),
        shown.loading,
        *shown.error_lines,
        *(f"- {step}" for step in shown.advice),
        shown.is_lost and shown.attach,
    ]
    return "\n".join([*lines, *(f"  {line}" for line in told if line)])


def html_text(shown: Shown) -> str:
    """Return the state of a job as ``text/html`` that reads well with whatever a sanitizer leaves of it.

    Not a word of it depends on a style; a picture is an ``<img>``. What the service said is text.
    """
    job, e = shown.job, html.escape
    head = f"<strong>{e(job.task.name)}</strong> {view.pill(job.status)} <code>{e(job.status.value)}</code>"
    if shown.is_lost:
        head += f" <strong>{e(view.LOST)}</strong>"
    parts = [f"{head} {e(say('job.id', id=job.job_id))}", *map(e, shown.error_lines)]
    if shown.advice:
        parts.append(f"{e(say('advice.label'))}<ul>{_items(shown.advice)}</ul>")
    if shown.is_lost:
        parts.append(f"<pre>{e(shown.attach)}</pre>")
    last = shown.last_message and say("saved.last", text=shown.last_message)
    parts += [e(text) for text in (shown.times, last, shown.loading) if text]
    told = "".join(f"<div>{part}</div>" for part in parts)
    return f"<div>{told}{_results(shown)}{_messages(shown.log)}</div>"


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{html.escape(text)}</li>" for text in texts)


def _results(shown: Shown) -> str:
    if not shown.summaries:
        return ""
    previews = {preview.name: preview for preview in shown.previews}
    left, items = _TABLES, []
    for summary in shown.summaries[:_RESULTS]:
        item = html.escape(summary.sentence)
        preview = previews.get(summary.name)
        if preview is not None:
            item += _picture(preview)
            table = _table(preview)
            left -= len(table)
            item += table if left > 0 else ""
        items.append(f"<li>{item}</li>")
    return f"<ul>{''.join(items)}</ul>"


def _picture(preview: Preview) -> str:
    picture, e = preview.picture, html.escape
    caption = f"<div>{e(picture.caption)}</div>" if picture.caption else ""
    if not picture.svg:
        return caption
    alt = e(say("picture.alt", name=preview.name, caption=picture.caption))
    image = element("img", src=picture.uri, alt=alt, width=picture.width, height=picture.height)
    return f"<div>{image}</div>{caption}"


def _table(preview: Preview) -> str:
    if not preview.columns:
        return ""
    e = html.escape
    head = "".join(
        f'<th scope="col">{e(name)} <span style="font-weight:normal">{e(kind)}</span></th>'
        for name, kind in preview.columns
    )
    rows = "".join(f"<tr>{''.join(f'<td>{e(cell)}</td>' for cell in row)}</tr>" for row in preview.rows)
    return f"<details><summary>{e(preview.caption)}</summary><table><tr>{head}</tr>{rows}</table></details>"


def _messages(log: Sequence[JobMessage]) -> str:
    if not log:
        return ""
    tail = log[-_MESSAGES:]
    lines = "\n".join(html.escape(_line(message)) for message in tail)
    label = say("log.count" if len(tail) == len(log) else "saved.log.tail", n=f"{len(log):,}", k=len(tail))
    return f"<details><summary>{html.escape(label)}</summary><pre>{lines}</pre></details>"
