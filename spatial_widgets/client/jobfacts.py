"""What is known of a job without a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.client.verdict import verdict

if TYPE_CHECKING:
    from spatial_widgets.client.course import Moment
    from spatial_widgets.client.poller import Watch
    from spatial_widgets.client.service import GPTask
    from spatial_widgets.client.session import GPSession
    from spatial_widgets.client.snapshot import Snapshot
    from spatial_widgets.protocol import JobInfo, JobMessage, JobStatus

__all__ = ["JobFacts"]


class JobFacts:
    """The side of a :class:`Job` that only tells: none of it ever costs a request."""

    job_id: str
    task: GPTask
    snapshot: Snapshot

    def __repr__(self) -> str:
        return f"<Job {self.job_id} of {self.task.name}: {self.status}>"

    @property
    def session(self) -> GPSession:
        """The session of the job's service."""
        return self.task.session

    @property
    def info(self) -> JobInfo:
        """The last snapshot."""
        return self.snapshot.info

    @property
    def status(self) -> JobStatus:
        """The status in the last snapshot."""
        return self.info.status

    @property
    def messages(self) -> tuple[JobMessage, ...]:
        """The messages in the last snapshot."""
        return self.info.messages

    @property
    def course(self) -> tuple[Moment, ...]:
        """Each status that polls of this process saw, in order, with the moment when it was first seen."""
        return self.snapshot.course

    @property
    def watch(self) -> Watch | None:
        """Who watches the job, be it for another object of it."""
        return self.snapshot.watch

    @watch.setter
    def watch(self, watch: Watch | None) -> None:
        self.snapshot.watch = watch

    @property
    def answered_at(self) -> float:
        """When a poll last got a good answer, in seconds of the session's clock; ``-inf`` before the first."""
        return self.snapshot.taken_at

    @property
    def cancel_pending(self) -> bool:
        """Whether a cancel waits for the job to start, to be sent again."""
        return self.snapshot.cancel_wanted

    def done(self) -> bool:
        """Whether the last snapshot is final."""
        return self.info.status.is_terminal

    def raise_for_status(self) -> None:
        """Raise the server's verdict if the last snapshot is final and no success."""
        error = verdict(self)
        if error is not None:
            raise error
