"""What an error says beyond itself: of which job or result it speaks, whether the job may run, and what to do next. No I/O."""

from __future__ import annotations

from spatial_widgets.errors import (
    AuthenticationError,
    CodecError,
    ProtocolError,
    ServiceError,
    SpatialWidgetsError,
    TransferLimitExceeded,
    TransportError,
    WaitTimeout,
)

__all__ = ["advise", "advise_cancel", "advise_poll"]

# The first kind that fits; the words in braces are filled in.
_NEXT: tuple[tuple[type[SpatialWidgetsError], str], ...] = (
    (TransferLimitExceeded, "job.result({name}, allow_truncated=True) gives the rows that did come."),
    (CodecError, "The service's own document is at {url}, to be looked at with ?f=json."),
    (AuthenticationError, "Job.from_url({job}, auth=…) is the same job with another token."),
    (ServiceError, "job.result({name}) asks again; the job's messages may say why it is not there."),
    (ProtocolError, "job.result({name}) asks again, in case the server is only in trouble for now."),
    (TransportError, "job.result({name}) asks again."),
    (WaitTimeout, "job.result({name}) goes on waiting for it."),
)


def advise(error: SpatialWidgetsError, *, name: str, job_url: str) -> None:
    """Have an error about the result ``name`` of a job say so, and what to do next."""
    step = next((text for kind, text in _NEXT if isinstance(error, kind)), "")
    url = f"{job_url}/results/{name}"
    step = step.format(name=repr(name), url=url, job=repr(job_url))
    text = str(error)
    if step in text:
        return
    if isinstance(error, TransferLimitExceeded):  # the codec cannot know the name
        text = text.replace("The result has", f"The result {name!r} has")
        text = text.replace("; job.result(…, allow_truncated=True) gives the rows that did come", "")
    elif not text.startswith(name) and repr(name) not in text and url not in text:
        text = f"The result {name!r}: {text}"
    error.args = (f"{_ended(text)}\n{step}", *error.args[1:])


def advise_poll(error: BaseException, *, job_id: str, task: str, job_url: str) -> None:
    """Have a refusal that ends the watching of a job say of which one, that it may run, and how to go on."""
    if not isinstance(error, ServiceError):
        return
    if isinstance(error, AuthenticationError):
        step = f"The job may still run; Job.from_url({job_url!r}, auth=…) follows it with another token."
    else:
        step = (
            "The job may still run, or be gone: services delete old jobs after a while. "
            f"Job.from_url({job_url!r}, auth=…) asks again."
        )
    _say(error, f"The service does not say any more how job {job_id} of {task} is doing.\n", step)


def advise_cancel(error: SpatialWidgetsError, *, job_id: str) -> None:
    """Have an error of a cancel say that the job may run, and how to ask again."""
    step = f"Job {job_id} may still run: it is not known to be cancelled. job.cancel() asks again, job.refresh() how it is."
    _say(error, "", step)


def _say(error: SpatialWidgetsError, start: str, step: str) -> None:
    text = str(error)
    if step not in text:
        error.args = (f"{start}{_ended(text)}\n{step}", *error.args[1:])


def _ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…", ")")) else f"{text}."
