"""One job under watch: its subscribers, and how it stands with its polls."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from spatial_widgets.client.policy import PollSchedule
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.poller import Poller
    from spatial_widgets.client.requestpool import Errand
    from spatial_widgets.protocol import JobInfo

__all__ = ["Watch"]

logger = logging.getLogger(__name__)


class Watch:
    """One job under watch: who is told of changes, and how it ended.

    ``ended`` is set after the last subscriber was told; ``error`` is then None, or why watching ended
    without a final status (JobLost, or the service's refusal).
    """

    def __init__(self, job: Job, poller: Poller, now: float) -> None:
        self.job = job
        self.error: BaseException | None = None
        self.failure: BaseException | None = None
        self.ended = False
        self.published: JobInfo | None = None
        self.changes = 0
        self.origin = origin(job.url)
        self.errand: Errand | None = None  # the poll that is queued or under way
        self.since = now  # when that poll was asked for, or last counted as failed
        self.is_overdue = False  # whether it runs longer than its own deadline allows
        self.report: tuple[float, bool] | None = (
            None  # when a poll last came back, and whether with an answer
        )
        self.schedule = self._new_schedule(now)
        self._poller = poller
        self._subscribers: list[Callable[[Watch], None]] = []
        self._done_callbacks: list[Callable[[Watch], None]] = []
        self._changed = threading.Condition()

    def subscribe(self, on_change: Callable[[Watch], None]) -> None:
        """Call ``on_change(watch)`` on the poller's thread now and at every change, the end included."""
        with self._changed:
            self._subscribers.append(on_change)
        self._poller.call(lambda: self._tell([on_change]))

    def unsubscribe(self, on_change: Callable[[Watch], None]) -> None:
        """Stop calling; the watch ends when nobody is left who wants to know."""
        with self._changed:
            if on_change in self._subscribers:
                self._subscribers.remove(on_change)

    def when_done(self, callback: Callable[[Watch], None]) -> None:
        """Call once, on the poller's thread, after the end was published; at once if it was."""
        with self._changed:
            if not self.ended:
                self._done_callbacks.append(callback)
                return
        self._poller.call(lambda: callback(self))

    def forget(self, callback: Callable[[Watch], None]) -> None:
        """Take back a :meth:`when_done`; the watch ends when nobody is left who wants to know."""
        with self._changed:
            if callback in self._done_callbacks:
                self._done_callbacks.remove(callback)

    def wait_for_change(self, seen: int, timeout_s: float | None) -> bool:
        """Block until ``changes`` is no longer ``seen``, or the end; return whether it ended."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended or self.changes != seen, timeout_s)
            return self.ended

    def catch_up(self) -> None:
        """Have what somebody else's request brought published; watching goes on if it had ended in an error."""
        self._poller.catch_up(self)

    def revive(self, now: float) -> bool:
        """Begin anew with the same subscribers after an end in an error; return whether it was one."""
        with self._changed:
            if not self.ended or self.error is None:
                return False
            self.ended, self.error, self.failure = False, None, None
            self.schedule = self._new_schedule(now)
            return True

    def _new_schedule(self, now: float) -> PollSchedule:
        return PollSchedule(now, poll=self.job.poll_policy, contact=self.job.contact_policy)

    def refuse_own_thread(self) -> None:
        """Raise RuntimeError on the poller's thread, where waiting would wait for itself."""
        if self._poller.is_current_thread():
            raise RuntimeError(
                "Waiting inside an observer would wait for itself; wait in another thread or cell."
            )

    # ------------------------------------------------------------ on the poller's thread

    def publish(self) -> None:
        """Tell every subscriber how things stand."""
        info = self.job.info
        with self._changed:
            subscribers = list(self._subscribers)
        self._tell(subscribers)
        with self._changed:
            self.published = info
            self.changes += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Publish the end and release whoever waits."""
        self.publish()
        with self._changed:
            self.ended = True
            callbacks, self._done_callbacks = self._done_callbacks, []
            self._changed.notify_all()
        for callback in callbacks:
            self._guarded(callback)

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still listens."""
        with self._changed:
            return bool(self._subscribers or self._done_callbacks) or self.job.cancel_pending

    def _tell(self, subscribers: list[Callable[[Watch], None]]) -> None:
        for subscriber in subscribers:
            self._guarded(subscriber)

    def _guarded(self, callback: Callable[[Watch], None]) -> None:
        try:
            callback(self)
        except BaseException:  # a user's sys.exit() must not end everybody's polling
            logger.exception("A subscriber of job %s raised; watching goes on", self.job.job_id)
