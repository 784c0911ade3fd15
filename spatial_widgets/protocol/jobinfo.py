"""What one poll of a job said, as one frozen record."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ProtocolError
from spatial_widgets.protocol.message import JobMessage
from spatial_widgets.protocol.plain import plain
from spatial_widgets.protocol.status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JobInfo", "JobProgress"]


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Progress that a server reports while a job executes.

    ``percent`` is 0 to 100, or None when the server only says that it works (``type`` "default").

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-job/ (10.8.1 and later)
    """

    percent: float | None = None
    message: str = ""
    type: str = "default"

    @classmethod
    def from_json(cls, document: Any) -> JobProgress | None:
        """Read ``progress``; anything but an object gives None."""
        if not isinstance(document, dict):
            return None
        percent = document.get("percent")
        usable = isinstance(percent, (int, float)) and not isinstance(percent, bool) and percent == percent  # noqa: PLR0124 -- NaN
        return cls(
            percent=float(min(100, max(0, percent))) if usable and percent is not None else None,
            message=str(document.get("message") or ""),
            type=str(document.get("type") or "default"),
        )


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A snapshot of a job, as one poll reply gave it.

    Attributes
    ----------
    job_id : opaque text; the wire has no fixed form for it.
    status : :class:`JobStatus`.
    messages : all messages so far; each poll returns the whole list again.
    progress : :class:`JobProgress`, or None (servers report it only while executing).
    results, inputs : parameter name to its ``paramUrl``, relative to the job's URL.
    received_at : seconds since 1970-01-01 UTC by this machine's clock; not compared.
    """

    job_id: str
    status: JobStatus
    messages: tuple[JobMessage, ...] = ()
    progress: JobProgress | None = None
    results: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    received_at: float = field(default_factory=time.time, compare=False)

    @classmethod
    def from_json(
        cls,
        document: Any,
        *,
        job_id: str = "",
        url: str = "",
        received_at: float | None = None,
        before: JobInfo | None = None,
    ) -> JobInfo:
        """Read a job resource, or the answer of ``submitJob`` or ``cancel``.

        Parameters
        ----------
        document : the parsed JSON body.
        job_id : the job that was asked for; without it, the one that the body names.
        url : what was asked, for the error.
        before : the snapshot before this one, whose messages are taken over where they are the same.

        Raises
        ------
        ProtocolError : the body is not an object with a ``jobStatus``.
        """
        if not isinstance(document, dict) or not isinstance(document.get("jobStatus"), str):
            raise ProtocolError(
                "The reply is not a job: it has no jobStatus. Check that the URL is a job of a GPServer task.",
                url=url,
                excerpt=repr(document),
            )
        return cls(
            job_id=job_id or str(document.get("jobId") or ""),
            status=JobStatus.parse(document["jobStatus"]),
            messages=JobMessage.list_from_json(document.get("messages"), before.messages if before else ()),
            progress=JobProgress.from_json(document.get("progress")),
            results=_param_urls(document.get("results"), "results"),
            inputs=_param_urls(document.get("inputs"), "inputs"),
            received_at=time.time() if received_at is None else received_at,
        )

    @property
    def errors(self) -> tuple[str, ...]:
        """The texts of the error messages, without repeats, in order, as they may be printed: see :func:`.plain`."""
        return tuple(dict.fromkeys(plain(m.text.strip()) for m in self.messages if m.is_error))


def _param_urls(document: Any, folder: str) -> dict[str, str]:
    if not isinstance(document, dict):
        return {}
    found = {}
    for name, entry in document.items():
        url = entry.get("paramUrl") if isinstance(entry, dict) else None
        # One documented answer carries a leading space.
        found[str(name)] = url.strip() if isinstance(url, str) and url.strip() else f"{folder}/{name}"
    return found
