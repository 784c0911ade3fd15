"""Every error this package raises, in one tree.

::

    SpatialWidgetsError
    ├─ TransportError             no usable reply (refused, reset, HTTP 5xx)   .method .url .attempts .status
    │  └─ TransportTimeout        ... in the time allowed
    ├─ ServiceError               an Esri ``error`` body, at any HTTP status    .code .details .url
    │  ├─ AuthenticationError     401, 403, 498, 499
    │  └─ NotFound                no such service, task, job or result
    ├─ ProtocolError              a reply that is no GPServer's                 .url .excerpt .status
    ├─ ParameterError(ValueError) refused before anything was sent              .parameter .value .expected
    ├─ CodecError(ValueError)     a value that cannot be translated             .path
    ├─ TransferLimitExceeded      the rows are not in the answer                .url
    ├─ JobError                   the server's verdict                          .job .info
    │  ├─ JobFailed
    │  ├─ JobCancelled
    │  ├─ JobTimedOut             the server's time limit
    │  └─ JobDeleted
    ├─ JobLost                    contact lost; the job may still run           .job .url
    └─ WaitTimeout(TimeoutError)  our own patience ended; the job goes on       .job .waited_s

A message says what happened, to which thing, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AuthenticationError",
    "CodecError",
    "JobCancelled",
    "JobDeleted",
    "JobError",
    "JobFailed",
    "JobLost",
    "JobTimedOut",
    "NotFound",
    "ParameterError",
    "ProtocolError",
    "ServiceError",
    "SpatialWidgetsError",
    "TransferLimitExceeded",
    "TransportError",
    "TransportTimeout",
    "WaitTimeout",
]


class SpatialWidgetsError(Exception):
    """Base of every error of this package; catch it to catch them all."""


class TransportError(SpatialWidgetsError):
    """No usable reply came back: refused, reset, cut short, or an HTTP 5xx without an Esri body.

    ``method``, ``url``, ``attempts`` say what was asked and how often; ``status`` is the HTTP status
    or None; ``retry_after_s`` is the server's own wish, in seconds, or None; ``sent`` is False where it is
    certain that the service took nothing of the request: it never left this machine, or nobody signed in for it.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "GET",
        url: str = "",
        attempts: int = 1,
        status: int | None = None,
        retry_after_s: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.attempts = attempts
        self.status = status
        self.retry_after_s = retry_after_s
        self.sent = sent


class TransportTimeout(TransportError):
    """No usable reply came in the time allowed for one request."""


class ServiceError(SpatialWidgetsError):
    """The service answered with an Esri ``error`` body, at whatever HTTP status (usually 200).

    ``code`` is Esri's number or None, ``details`` its further lines, ``url`` what was asked;
    ``retry_after_s`` is the server's own wish, in seconds, or None; ``is_elsewhere`` whether another origin said so, to which
    a redirect led and no token was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        details: Sequence[str] = (),
        url: str = "",
        retry_after_s: float | None = None,
        is_elsewhere: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_elsewhere = is_elsewhere
        self.code = code
        self.details = tuple(details)
        self.url = url


class AuthenticationError(ServiceError):
    """The token is missing, refused or expired, or does not allow this (401, 403, 498, 499)."""


class NotFound(ServiceError):
    """The service has no such task, job or result."""


class ProtocolError(SpatialWidgetsError):
    """A reply came that no GPServer sends: HTML, a login page, truncated JSON, nothing.

    ``excerpt`` holds at most 200 characters of it, with tokens masked.
    """

    def __init__(self, message: str, *, url: str = "", excerpt: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.url = url
        self.excerpt = excerpt[:200]
        self.status = status


class ParameterError(SpatialWidgetsError, ValueError):
    """A parameter was refused before anything was sent."""

    def __init__(self, message: str, *, parameter: str = "", value: Any = None, expected: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter
        self.value = value
        self.expected = expected


class CodecError(SpatialWidgetsError, ValueError):
    """A value cannot be translated; ``path`` names the place, such as ``features[3].geometry.rings[0]``."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class TransferLimitExceeded(SpatialWidgetsError):
    """The result has more rows than the service hands out, so the rows are not in the answer."""

    def __init__(self, message: str, *, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class JobError(SpatialWidgetsError):
    """The server's verdict on a job; ``job`` is the Job, ``info`` its last snapshot."""

    def __init__(self, message: str, *, job: Any = None, info: Any = None) -> None:
        super().__init__(message)
        self.job = job
        self.info = info


class JobFailed(JobError):
    """The job failed on the server; the message ends with the job's own last error messages."""


class JobCancelled(JobError):
    """The job was cancelled, by this client or another."""


class JobTimedOut(JobError):
    """The server's own time limit ended the job."""


class JobDeleted(JobError):
    """The server deleted the job."""


class JobLost(SpatialWidgetsError):
    """Contact to the server was lost; the job may still run. ``url`` re-attaches to it."""

    def __init__(self, message: str, *, job: Any = None, url: str = "") -> None:
        super().__init__(message)
        self.job = job
        self.url = url


class WaitTimeout(SpatialWidgetsError, TimeoutError):
    """Our own patience ended; the job goes on at the server."""

    def __init__(self, message: str, *, job: Any = None, waited_s: float = 0.0) -> None:
        super().__init__(message)
        self.job = job
        self.waited_s = waited_s
