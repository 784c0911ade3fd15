"""The course of a job as its polls saw it: each status with the moment when it was first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spatial_widgets.protocol import JobInfo, JobStatus

__all__ = ["Moment", "noted"]

_MOST = 50  # a service that goes back and forth for ever must not fill the memory


class Moment(NamedTuple):
    """When a status was first seen.

    Attributes
    ----------
    status : the status.
    at : seconds since 1970-01-01 UTC by this machine's clock. The status itself may have begun up to one poll before.
    """

    status: JobStatus
    at: float


def noted(course: tuple[Moment, ...], info: JobInfo) -> tuple[Moment, ...]:
    """Return a course with a snapshot that came after it; the first moments and the last one are kept."""
    if course and course[-1].status == info.status:
        return course
    return (*course[: _MOST - 1], Moment(info.status, info.received_at))
