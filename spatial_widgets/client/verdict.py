"""What a job's final status means to whoever waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.errors import JobCancelled, JobDeleted, JobError, JobFailed, JobTimedOut
from spatial_widgets.protocol import JobStatus
from spatial_widgets.protocol.plain import plain

if TYPE_CHECKING:
    from spatial_widgets.client.jobfacts import JobFacts
    from spatial_widgets.protocol import JobInfo

__all__ = ["LAST_ERRORS", "verdict"]

#: So many error messages of a job, the last ones, are told with its failure.
LAST_ERRORS = 5

_VERDICTS: dict[JobStatus, tuple[type[JobError], str]] = {
    JobStatus.FAILED: (JobFailed, "failed. Mend the cause and submit again"),
    JobStatus.EXPECTED_FAILURE: (JobFailed, "ended in an expected failure. Mend the cause and submit again"),
    JobStatus.TIMED_OUT: (
        JobTimedOut,
        "was ended by the service's time limit. Ask for less at once, or for a longer limit",
    ),
    JobStatus.CANCELLED: (JobCancelled, "was cancelled. Submit again to run it"),
    JobStatus.DELETED: (JobDeleted, "was deleted by the service. Submit again to run it"),
}


def verdict(job: JobFacts) -> JobError | None:
    """Return the error that a job's last snapshot is, or None where it is a success or not final."""
    info = job.info
    if info.status not in _VERDICTS:
        return None
    kind, what = _VERDICTS[info.status]
    return kind(f"Job {job.job_id} of {job.task.name} {what}.{_last_words(info)}", job=job, info=info)


def _last_words(info: JobInfo) -> str:
    errors = info.errors
    if errors:
        left = len(errors) > LAST_ERRORS
        cut = (
            f", in the last {LAST_ERRORS} of {len(errors):,} error messages (all: job.info.errors)"
            if left
            else ""
        )
        return f" The service says{cut}:\n" + "\n".join(errors[-LAST_ERRORS:])
    said = [plain(m.text) for m in info.messages[-3:] if m.text.strip()]
    return " It left no error message." + (" Its last messages:\n" + "\n".join(said) if said else "")
