"""What a widget says of a result that could not be loaded: which one, why, and what to do next. Pure text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.errors import (
    AuthenticationError,
    CodecError,
    ProtocolError,
    ServiceError,
    TransferLimitExceeded,
    TransportError,
    WaitTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client import Job

__all__ = ["is_shared", "names_problem", "not_asked_for", "result_problem"]

# The first kind that fits; the words in braces are filled in.
_NEXT: tuple[tuple[type[Exception], str], ...] = (
    (
        TransferLimitExceeded,
        (
            "w.result({name}, allow_truncated=True) gives the rows that did come. For all of them ask for a hosted "
            "result (outputName), narrow the input, or have the service's maximumRecords raised."
        ),
    ),
    (CodecError, "The service's own document is at {url}, to be looked at with ?f=json."),
    (AuthenticationError, "JobWidget.from_url({job}, auth=…) shows the job again with another token."),
    (ServiceError, "w.result({name}) asks again; the job's messages may say why it is not there."),
    (ProtocolError, "w.result({name}) asks again, in case the server is only in trouble for now."),
    (TransportError, "w.result({name}) asks again."),
    (WaitTimeout, "w.result({name}) goes on waiting for it."),
    (Exception, "w.result({name}) asks again, and shows where it went wrong."),
)


def result_problem(job: Job, name: str, error: Exception) -> str:
    """Return what to say of one result that could not be loaded."""
    reason = str(error).strip() or type(error).__name__
    if isinstance(error, TransferLimitExceeded):  # its own advice is for those who hold the job
        reason = "It has more rows than the service hands out, which sent none or only some of them."
    elif not _is_expected(error):
        reason = f"{type(error).__name__}: {error}"
    step = next(text for kind, text in _NEXT if isinstance(error, kind))
    filled = step.format(name=repr(name), url=f"{job.url}/results/{name}", job=repr(job.url))
    return f"The job succeeded, but its result {name!r} could not be loaded.\n{_ended(reason)}\n{filled}"


def names_problem(error: Exception) -> str:
    """Return what to say where not even the names of the results could be had."""
    return f"The job succeeded, but the names of its results could not be read.\n{_ended(str(error))}\nw.result() asks again."


def not_asked_for(names: Sequence[str]) -> str:
    """Return what to say of the results after one whose error would be theirs too."""
    return f"Not asked for after that: {', '.join(map(repr, names))}."


def is_shared(error: Exception) -> bool:
    """Whether the job's other results would meet the same error."""
    return isinstance(error, (TransportError, AuthenticationError, WaitTimeout))


def _is_expected(error: Exception) -> bool:
    return any(isinstance(error, kind) for kind, _ in _NEXT[:-1])


def _ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…", ")")) else f"{text}."
