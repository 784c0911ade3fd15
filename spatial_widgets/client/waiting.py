"""Waiting for one job: by the poller's watch where there is one, else by polling in the caller's thread."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from spatial_widgets.client.advice import advise_poll
from spatial_widgets.client.clock import Absences
from spatial_widgets.client.schedule import PollSchedule
from spatial_widgets.errors import JobLost, SpatialWidgetsError, WaitTimeout
from spatial_widgets.protocol.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.watch import Watch
    from spatial_widgets.protocol import JobInfo

__all__ = ["PATIENCE_S", "Waiting", "parted"]

PATIENCE_S = 1.0  # what one request may take beyond the caller's time-out


class Waiting:
    """One call of :meth:`Job.wait`: by a watch where there is one, else by polling here."""

    def __init__(self, job: Job, timeout: float | None, on_update: Callable[[JobInfo], None] | None) -> None:
        self._job = job
        self._clock = job.session.clock
        self._absences = Absences(self._clock)
        self._timeout = timeout
        self._on_update = on_update
        self._started = self._clock.now()
        self._seen = job.info
        self._polled = job.snapshot.polled

    def run(self) -> JobInfo:
        """Wait, and return the final snapshot; raises as :meth:`Job.wait` says."""
        job = self._job
        while job.watch is not None and not job.watch.ended:
            job.watch.refuse_own_thread()
            self._by_watch(job.watch)  # returns early when the last subscriber left
        schedule = PollSchedule(self._started, poll=job.poll_policy, contact=job.contact_policy)
        while not job.done():
            delay = self._poll(schedule)
            self._tell()
            if not job.done():
                self._pause(schedule, delay)
        self._tell()
        return job.info

    def _poll(self, schedule: PollSchedule) -> float:
        """Ask, or hear how somebody else's poll went since the last time; return the seconds to the next poll."""
        snapshot = self._job.snapshot
        failure = self._ask(schedule) if self._polled is snapshot.polled else None
        self._polled = snapshot.polled
        now, error = self._clock.now(), failure or copy.copy(self._polled.error)
        if error is None or self._job.done():
            return schedule.after_reply(now, self._job.info, retry_after_s=snapshot.retry_after_s)
        left = self._left()
        if left is not None and left <= 0:
            raise self._out_of_patience() from error
        schedule.heard(self._job.answered_at)
        delay = schedule.after_failure(now, error)
        if delay is None:
            end = parted(self._job, error, schedule, now)
            raise end from end.__cause__
        return delay

    def _ask(self, schedule: PollSchedule) -> SpatialWidgetsError | None:
        left = self._left()
        allowed = schedule.deadline_s if left is None else min(schedule.deadline_s, max(left, 0) + PATIENCE_S)
        schedule.asks(self._clock.now())
        try:
            self._job.refresh(deadline_s=allowed)
        except SpatialWidgetsError as error:
            return error
        return None

    def _pause(self, schedule: PollSchedule, delay: float) -> None:
        """Wait for the next poll, or somebody else's; not longer than this machine is awake, and the interval is what it was."""
        due = self._clock.now() + delay
        changed = self._job.snapshot.changed
        with changed:
            while self._polled is self._job.snapshot.polled:
                now, left = self._clock.now(), self._left()
                if left is not None and left <= 0:
                    raise self._out_of_patience()
                if self._absences.noticed():
                    schedule.excuse_absence(now)
                    self._job.session.forget_connections()
                    return
                if schedule.poll is not self._job.poll_policy:
                    schedule.poll = self._job.poll_policy
                    due = now + schedule.until_next_s(now) if not schedule.failures else due
                if due <= now:
                    return
                self._absences.wait(changed, due - now if left is None else min(due - now, left))

    def _by_watch(self, watch: Watch) -> None:
        seen, losses = watch.changes, watch.losses
        if watch.is_lost:
            watch.look_again()
        self._tell()
        while True:
            is_over = watch.wait_for_change(seen, self._left(), losses=losses)
            seen = watch.changes
            self._tell()
            error = watch.error_since(losses)
            if error is not None:
                raise error.with_traceback(None)  # it may be raised in many threads
            if is_over:
                break
            left = self._left()
            if left is not None and left <= 0:
                raise self._out_of_patience()

    def _tell(self) -> None:
        info = self._job.info
        if info != self._seen:
            self._seen = info
            if self._on_update is not None:
                self._on_update(info)

    def _left(self) -> float | None:
        return None if self._timeout is None else self._started + self._timeout - self._clock.now()

    def _out_of_patience(self) -> WaitTimeout:
        waited = self._clock.now() - self._started
        status = self._job.status
        word = status.label if status.is_known else f"{plain(status.value, 100)!r}"
        doubt = "" if status.is_known else " This version does not know that word; the job may have ended."
        return WaitTimeout(
            f"Job {self._job.job_id} was still {word} after {waited:.1f} s.{doubt} It goes on at the service: "
            "call wait() again to go on waiting, or cancel() to end it.",
            job=self._job,
            waited_s=waited,
        )


def parted(job: Job, cause: BaseException, schedule: PollSchedule, now: float) -> BaseException:
    """Return the error with which the following of a job ends before the job does, after a poll that failed so."""
    if not schedule.is_lost(cause):
        advise_poll(cause, job_id=job.job_id, task=job.task.name, job_url=job.url)
        return cause
    error = JobLost(
        f"Contact to job {job.job_id} of {job.task.name} was lost: no good answer for {schedule.silent_s(now):.0f} s. The job may still run. "
        f"Attach again later with Job.from_url({job.url!r}, auth=…). The last failure: {cause}",
        job=job,
        url=job.url,
    )
    error.__cause__ = cause
    return error
