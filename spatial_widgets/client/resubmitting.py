"""A job once more, with the parameters that its service still has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.parameters import Submission, check_complete
from spatial_widgets.client.submitting import Submitting
from spatial_widgets.codec import form_pieces
from spatial_widgets.errors import ServiceError, SpatialWidgetsError
from spatial_widgets.protocol.urls import join, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.job import Job

__all__ = ["resubmitted"]


def resubmitted(job: Job) -> Job:
    """Return a new job with the parameters of another; as :meth:`Job.resubmit` says."""
    task = job.task
    fields: dict[str, FormValue] = {}
    for name, path in _inputs(job).items():
        value = _value(job, name, path)
        if value is not None and value != "":
            fields[name] = form_pieces(value)
    submission = Submission(fields, {})
    check_complete(task.name, task.info(), submission)
    return Submitting(task, submission).run()


def _inputs(job: Job) -> Mapping[str, str]:
    found = job.info.inputs
    if not found:
        job.snapshot.ask(job.session, Budget(job.session.clock, None), job_id=job.job_id, anew=True)
        found = job.info.inputs
    if not found:
        raise _untold(job, "its service does not tell them")
    return found


def _value(job: Job, name: str, path: str) -> Any:
    # A path made of the name must be encoded; one that the server wrote is taken as it is.
    try:
        address = join(job.url, "inputs", name) if path == f"inputs/{name}" else resolve(f"{job.url}/", path)
        document = job.session.get_json(address)
    except (ServiceError, ValueError) as error:
        raise _untold(job, f"{name!r} is not to be had ({error})") from error
    value = document.get("value") if isinstance(document, dict) else None
    if isinstance(value, dict) and value.get("exceededTransferLimit"):
        raise _untold(job, f"{name!r} is too large for its service to tell")
    return value


def _untold(job: Job, why: str) -> SpatialWidgetsError:
    return SpatialWidgetsError(
        f"The parameters of job {job.job_id} cannot be sent again: {why}. Nothing was submitted; call "
        f"task.submit(…) with them."
    )
