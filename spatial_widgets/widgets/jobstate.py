"""What a widget's traits say of a job as it stands: plain values, no widget and no request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.widgets import times, view
from spatial_widgets.widgets.failure import advice
from spatial_widgets.widgets.fitting import cut_inside
from spatial_widgets.widgets.messagelog import TAIL

if TYPE_CHECKING:
    from spatial_widgets.client import Job
    from spatial_widgets.client.watch import Watch

__all__ = ["error_sent", "state_of"]

_ERROR_BYTES = 1800


def state_of(
    job: Job, watch: Watch | None, *, message_total: int, problem: str, ended_at: float | None
) -> dict[str, Any]:
    """Return the value of each trait that follows the job.

    Parameters
    ----------
    watch : how it stands with its polls; None before the first.
    message_total : the length of the log.
    problem : what went wrong with a result, to be told where the job itself is well.
    ended_at : the end that was told before, which stays.
    """
    info = job.info
    is_lost = watch is not None and watch.is_lost
    over = info.status.is_terminal or (watch is not None and watch.error is not None and not is_lost)
    return {
        "job_status": info.status.value,
        "progress": info.progress.percent if info.progress else 100.0 if info.status.is_success else None,
        "progress_text": info.progress.message if info.progress else "",
        "messages": [m.to_json() for m in info.messages[-TAIL:]],
        "message_total": message_total,
        "error": view.error_text(job, watch) or problem,
        "advice": advice(info, job.task.name),
        "contact": view.contact_text(watch),
        "lost": is_lost,
        "cancel_pending": job.cancel_pending,
        "moments": times.moments_to_json(job.course),
        "ended_at": (ended_at or info.received_at) if over else None,
    }


def error_sent(error: str, widget: Any) -> str:
    """Return what a page tells of an error, beside the line that shows the job again."""
    return cut_inside(view.error_beside(error, widget.attach), _ERROR_BYTES, "error.more")
