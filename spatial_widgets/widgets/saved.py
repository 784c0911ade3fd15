"""A job as it stands in a saved page: text and HTML that need no kernel, no script, no style and no network."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spatial_widgets.protocol.plain import plain
from spatial_widgets.widgets import view
from spatial_widgets.widgets.failure import advice_sent
from spatial_widgets.widgets.fitting import cut, cut_inside, fitting, weight, weight_in_html
from spatial_widgets.widgets.markup import element
from spatial_widgets.widgets.phrases import say
from spatial_widgets.widgets.times import course_text, spans, spans_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spatial_widgets.client import Job
    from spatial_widgets.protocol import JobMessage
    from spatial_widgets.widgets.preview import Preview

__all__ = ["Shown", "html_text", "plain_text"]

# Bytes of the parts, so that a page of a job weighs less than 12 kB beside its pictures.
_MESSAGES = 30
_LONGEST = 200  # of one line
_LOG_BYTES = 1600
_ERROR_BYTES = 1000
_LINE_BYTES = 1800  # of the lines of the results
_RESULT_BYTES = 5800  # with their tables; a page of many results keeps their lines
_PLAIN_BYTES = 2500


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
        told = cut(told, 400, weigh=weight_in_html)
        return say("saved.times", course=told, spans=lasted) if lasted else told

    @property
    def error_lines(self) -> list[str]:
        """What went wrong, without what would make a page heavy: its beginning and its end."""
        told = view.error_beside(self.error, self.attach) if self.is_lost else self.error
        return cut_inside(told, _ERROR_BYTES, "error.more", _weight_in_lines).splitlines()

    @property
    def last_message(self) -> str:
        """The last line of the log that says something."""
        last = next((m for m in reversed(self.log) if m.description.strip()), None)
        return "" if last is None else _line(last)

    @property
    def result_lines(self) -> tuple[list[str], str]:
        """The lines of the first results, and how many more there are."""
        lines = [cut(summary.sentence, 300, weigh=weight_in_html) for summary in self.summaries]
        count = max(1, fitting(lines, _LINE_BYTES, weight_in_html))
        left = len(lines[count:])
        return lines[:count], say("result.more", n=f"{left:,}") if left else ""


def _weight_in_lines(text: str) -> int:
    """Return how many bytes a text takes as HTML with each of its lines in an element of its own."""
    return weight_in_html(text.replace("\n", "</div><div>"))


def _line(message: JobMessage) -> str:
    text = cut(plain(" ".join(message.text.split())), _LONGEST, weigh=weight_in_html)
    return text if message.level == "informative" else say(f"log.{message.level}") + text


def plain_text(shown: Shown) -> str:
    """Return the state of a job as ``text/plain``."""
    job = shown.job
    known = {
        "task": cut(job.task.name, 200),
        "id": job.job_id,
        "status": cut(view.badge(job.status)[0], 200),
        "word": cut(job.status.value, 200),
    }
    lines = [say("job.line.lost" if shown.is_lost else "job.line", **known)]
    results, more = shown.result_lines if shown.summaries else ([], "")
    told = [
        shown.times,
        shown.last_message and say("saved.last", text=shown.last_message),
        *results,
        more,
        cut(shown.loading, 300),
        *shown.error_lines,
        *(f"- {step}" for step in advice_sent(shown.advice)),
    ]
    text = cut("\n".join([*lines, *(f"  {line}" for line in told if line)]), _PLAIN_BYTES)
    return f"{text}\n  {shown.attach}" if shown.is_lost else text


def html_text(shown: Shown) -> str:
    """Return the state of a job as ``text/html`` that reads well with whatever a sanitizer leaves of it.

    Not a word of it depends on a style; a picture is an ``<img>``. What the service said is text.
    """
    job, e = shown.job, html.escape
    name, word = (cut(text, 300, weigh=weight_in_html) for text in (job.task.name, job.status.value))
    head = f"<strong>{e(name)}</strong> {view.pill(job.status)} <code>{e(word)}</code>"
    if shown.is_lost:
        head += f" <strong>{e(view.LOST)}</strong>"
    parts = [f"{head} {e(say('job.id', id=job.job_id))}", *map(e, shown.error_lines)]
    if shown.advice:
        parts.append(f"{e(say('advice.label'))}<ul>{_items(advice_sent(shown.advice))}</ul>")
    if shown.is_lost:
        parts.append(f"<pre>{e(shown.attach)}</pre>")
    last = shown.last_message and say("saved.last", text=shown.last_message)
    parts += [e(text) for text in (shown.times, last, cut(shown.loading, 300, weigh=weight_in_html)) if text]
    told = "".join(f"<div>{part}</div>" for part in parts)
    return f"<div>{told}{_results(shown)}{_messages(shown.log)}</div>"


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{html.escape(text)}</li>" for text in texts)


def _results(shown: Shown) -> str:
    if not shown.summaries:
        return ""
    previews = {preview.name: preview for preview in shown.previews}
    lines, more = shown.result_lines
    left, items = _RESULT_BYTES - sum(map(weight_in_html, lines)), []
    for line, summary in zip(lines, shown.summaries, strict=False):
        item = html.escape(line)
        preview = previews.get(summary.name)
        if preview is not None:
            item += _picture(preview)
            table = _table(preview)
            if weight(table) > left:
                table = html.escape(say("preview.too_wide", name=cut(repr(preview.name), 200)))
            left -= weight(table)
            item += table
        items.append(f"<li>{item}</li>")
    return f"<ul>{''.join(items)}{f'<li>{html.escape(more)}</li>' if more else ''}</ul>"


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
    newest = [_line(message) for message in reversed(log[-_MESSAGES:])]
    tail = newest[: fitting(newest, _LOG_BYTES, weight_in_html)][::-1]
    lines = "\n".join(map(html.escape, tail))
    label = say("log.count" if len(tail) == len(log) else "saved.log.tail", n=f"{len(log):,}", k=len(tail))
    return f"<details><summary>{html.escape(label)}</summary><pre>{lines}</pre></details>"
