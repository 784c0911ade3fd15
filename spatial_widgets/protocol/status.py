"""The words a GPServer uses for the state of a job, and which may follow which.

Knows nothing of HTTP or of widgets. See ``jobinfo.py`` for the record that carries a status.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

__all__ = ["LEGAL_TRANSITIONS", "JobStatus"]


class JobStatus(StrEnum):
    """A job's status, by Esri's own wire value.

    The eleven values of the job resource, and ``expectedFailure`` of ArcGIS Notebook Server. Servers
    may know more words than this list: :meth:`parse` keeps such a word as it came and treats it as
    not final, so that polling goes on.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-job/ and
    https://developers.arcgis.com/rest/enterprise-administration/notebook/gp-job

    Examples
    --------
    >>> JobStatus.parse("esriJobSucceeded").is_success
    True
    >>> odd = JobStatus.parse("esriJobPaused")
    >>> odd.value, odd.is_terminal, odd.is_known
    ('esriJobPaused', False, False)
    """

    NEW = "esriJobNew"
    SUBMITTED = "esriJobSubmitted"
    WAITING = "esriJobWaiting"
    EXECUTING = "esriJobExecuting"
    SUCCEEDED = "esriJobSucceeded"
    FAILED = "esriJobFailed"
    TIMED_OUT = "esriJobTimedOut"
    CANCELLING = "esriJobCancelling"
    CANCELLED = "esriJobCancelled"
    DELETING = "esriJobDeleting"
    DELETED = "esriJobDeleted"
    EXPECTED_FAILURE = "expectedFailure"

    @classmethod
    def parse(cls, text: object) -> JobStatus:
        """Return the status for a wire word; a new word gives an unknown, never an error."""
        if isinstance(text, cls):
            return text
        word = str(text).strip()
        known = _BY_FOLDED_WORD.get(word.casefold())
        if known is not None:
            return known
        unknown = str.__new__(cls, word)
        unknown._name_ = word
        unknown._value_ = word
        return unknown

    @property
    def is_known(self) -> bool:
        """Whether this is one of Esri's documented words."""
        return self.value.casefold() in _BY_FOLDED_WORD

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended and its status can change no more."""
        return self in _TERMINAL

    @property
    def is_success(self) -> bool:
        """Whether the job ended well, so that its results can be read."""
        return self == JobStatus.SUCCEEDED

    @property
    def label(self) -> str:
        """The word without Esri's prefix, for people: ``Executing``, ``Timed out``."""
        return _LABELS.get(self, self.value.removeprefix("esriJob") or "Unknown")

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Enum would look an unknown word up by value and fail.
        return JobStatus.parse, (self.value,)


_BY_FOLDED_WORD = {member.value.casefold(): member for member in JobStatus}

_TERMINAL = frozenset(
    {
        JobStatus.SUCCEEDED,
        JobStatus.FAILED,
        JobStatus.TIMED_OUT,
        JobStatus.CANCELLED,
        JobStatus.DELETED,
        JobStatus.EXPECTED_FAILURE,
    }
)

_LABELS = {JobStatus.TIMED_OUT: "Timed out", JobStatus.EXPECTED_FAILURE: "Expected failure"}

#: What the local service lets follow what. Terminal states are final; the one step back,
#: Executing to Waiting, is a restartable job taken up again after the service itself was killed.
LEGAL_TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.NEW: frozenset({JobStatus.SUBMITTED}),
    JobStatus.SUBMITTED: frozenset(
        {JobStatus.WAITING, JobStatus.EXECUTING, JobStatus.CANCELLED, JobStatus.TIMED_OUT, JobStatus.FAILED}
    ),
    JobStatus.WAITING: frozenset(
        {JobStatus.EXECUTING, JobStatus.CANCELLED, JobStatus.TIMED_OUT, JobStatus.FAILED}
    ),
    JobStatus.EXECUTING: frozenset(
        {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELLING, JobStatus.WAITING}
    ),
    JobStatus.CANCELLING: frozenset({JobStatus.CANCELLED}),
    JobStatus.DELETING: frozenset({JobStatus.DELETED}),
    **{status: frozenset() for status in _TERMINAL},
}
