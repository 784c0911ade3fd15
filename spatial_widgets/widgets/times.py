"""How long a job waited and how long it ran, as far as polls saw it. ``static/times.js`` says the same in the browser."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets.fitting import cut, fitting, weight
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client.course import Moment

__all__ = ["Spans", "course_text", "moments_sent", "moments_to_json", "spans", "spans_text"]

_WORD_BYTES = 100
_MOMENT_BYTES = 600  # for the first ones, and for the last ones
_QUEUED = {JobStatus.NEW, JobStatus.SUBMITTED, JobStatus.WAITING}


@dataclass(frozen=True, slots=True)
class Spans:
    """Seconds; None where that is not known.

    Attributes
    ----------
    waited, ran : the one until the job was seen to execute, the other from there.
    total : both, where it cannot be told which was which.
    is_least : whether they are the least that it may have been: nobody saw the beginning.
    """

    waited: float | None = None
    ran: float | None = None
    total: float | None = None
    is_least: bool = False


def spans(course: Sequence[Moment], *, is_new: bool, until: float) -> Spans:
    """Return how long a job waited and ran by ``until``, its end or now.

    Parameters
    ----------
    is_new : whether the course begins with the submit.
    """
    first = course[0]
    begun = next((m.at for m in course if m.status is JobStatus.EXECUTING), None)
    if begun is not None:
        waited = None if begun == first.at and not is_new else max(0.0, begun - first.at)
        return Spans(waited, max(0.0, until - begun), is_least=not is_new)
    lasted = max(0.0, until - first.at)
    if course[-1].status in _QUEUED:
        return Spans(waited=lasted, is_least=not is_new)
    if len(course) == 1 and first.status.is_terminal:
        return Spans()  # it was over when it was first seen
    return Spans(total=lasted, is_least=not is_new)


def moments_to_json(course: Sequence[Moment]) -> list[list[str | float]]:
    """Return what travels to the browser."""
    return [[m.status.value, m.at] for m in course]


def moments_sent(moments: list[list[Any]], _widget: Any = None) -> list[list[Any]]:
    """Return the moments that a page has: of very many the first and the last, and how many are between them."""
    short = [[cut(word, _WORD_BYTES), at] for word, at in moments]
    if weight(short) <= 2 * _MOMENT_BYTES:
        return short
    first = max(1, fitting(short, _MOMENT_BYTES))
    last = max(1, fitting(reversed(short[first:]), _MOMENT_BYTES))
    between = short[first:-last]
    begun = [moment for moment in between if moment[0] == JobStatus.EXECUTING.value][
        :1
    ]  # what ran is told from there
    left = len(between) - len(begun)
    return [
        *short[:first],
        *begun,
        *([[say("time.more", n=f"{left:,}"), between[-1][1]]] if left else []),
        *short[-last:],
    ]


def spans_text(told: Spans) -> str:
    """Return the spans as people read them, such as ``waited 1.2 s, ran 8.0 s``; "" where none is known."""
    kind = "least." if told.is_least else ""
    parts = [
        say(f"time.span.{kind}{name}", time=_seconds(span))
        for name, span in (("waited", told.waited), ("ran", told.ran), ("total", told.total))
        if span is not None
    ]
    return ", ".join(parts)


def course_text(course: Sequence[Moment], *, is_new: bool) -> str:
    """Return the moments, such as ``Submitted 14:02:31 UTC, Executing +1.2 s, Succeeded +9.2 s``."""
    parts = []
    for number, moment in enumerate(course):
        word = moment.status.label if moment.status.is_known else moment.status.value
        at = time.strftime("%H:%M:%S UTC", time.gmtime(moment.at))
        if number == 0:
            day = time.strftime("%Y-%m-%d", time.gmtime(moment.at))
            parts.append(say("time.first" if is_new else "time.seen", status=word, at=f"{day} {at}"))
        elif is_new:
            parts.append(say("time.after", status=word, time=_seconds(max(0.0, moment.at - course[0].at))))
        else:
            parts.append(say("time.at", status=word, at=at))
    return ", ".join(parts)


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return say("time.seconds", s=f"{seconds:.1f}")
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return say("time.hours", time=f"{hours}:{minutes:02}:{rest:02}")
    return say("time.minutes", time=f"{minutes}:{rest:02}")
