"""One job under watch: its subscribers, and how it stands with its polls."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.schedule import PollSchedule
from spatial_widgets.errors import JobLost
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.policy import PollPolicy
    from spatial_widgets.client.poller import Poller
    from spatial_widgets.client.requestpool import Errand
    from spatial_widgets.protocol import JobInfo

__all__ = ["Watch"]

logger = logging.getLogger(__name__)


class Watch:
    """One job under watch, for all objects of it that share its snapshot: who is told of changes, and how it ended.

    Attributes
    ----------
    ended : whether watching is over; set after the last subscriber was told.
    error : None while all is well. The service's refusal, which ended the watch; or a :class:`JobLost` from
        the moment that contact counts as lost until a poll gets through again. Whoever waits is released by
        it, whoever subscribed is not: the watch goes on for them, at a slow pace.
    failure : what the last poll failed with, or None.
    losses : how often contact counted as lost.
    schedule : when to poll next.
    """

    def __init__(self, job: Job, poller: Poller, now: float) -> None:
        self.job = job
        self.error: BaseException | None = None
        self.failure: BaseException | None = None
        self.ended = False
        self.published: JobInfo | None = None
        self.changes = 0
        self.losses = 0
        self.origin = origin(job.url)
        self.errand: Errand | None = None  # the poll that is queued or under way
        self.poll_policy = job.poll_policy  # of the object of this job that was the last to be given one
        self.since = now  # when that poll was asked for, or last counted as failed
        self.is_overdue = False  # whether it runs longer than its own deadline allows
        # When a poll last came back, and whether with an answer.
        self.report: tuple[float, bool] | None = None
        self.schedule = self._new_schedule(now)
        self._poller = poller
        self._subscribers: list[Callable[[Watch], None]] = []
        self._done_callbacks: list[Callable[[Watch], None]] = []
        self._changed = threading.Condition()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """End, in a forked child: the poller is the parent's, and so are those who listen."""
        self._changed = threading.Condition()
        self._subscribers, self._done_callbacks = [], []
        self.ended = True

    # ------------------------------------------------------------ who listens, from any thread

    def join(
        self, on_change: Callable[[Watch], None] | None, when_done: Callable[[Watch], None] | None
    ) -> bool:
        """Add those who want to know, who are not told yet; False where this watch is over and they came too late."""
        with self._changed:
            if self.ended and self.error is None:
                return False
            if on_change is not None:
                self._subscribers.append(on_change)
            if when_done is not None:
                self._done_callbacks.append(when_done)
            return True

    def subscribe(self, on_change: Callable[[Watch], None]) -> None:
        """Call ``on_change(watch)`` on the poller's thread now and at every change, the end included."""
        with self._changed:
            self._subscribers.append(on_change)
        self._poller.call(lambda: self.tell([on_change]))

    def unsubscribe(self, on_change: Callable[[Watch], None]) -> None:
        """Stop calling; the watch ends when nobody is left who wants to know."""
        with self._changed:
            if on_change in self._subscribers:
                self._subscribers.remove(on_change)
        self._poller.look_after(self)

    def when_done(self, callback: Callable[[Watch], None]) -> None:
        """Call once, on the poller's thread, after the end was published or contact was lost; at once if it ended."""
        with self._changed:
            if not self.ended:
                self._done_callbacks.append(callback)
                return
        self._poller.call(lambda: self._guarded(callback))

    def forget(self, callback: Callable[[Watch], None]) -> None:
        """Take back a :meth:`when_done`; the watch ends when nobody is left who wants to know."""
        with self._changed:
            if callback in self._done_callbacks:
                self._done_callbacks.remove(callback)
        self._poller.look_after(self)

    def wait_for_change(self, seen: int, timeout_s: float | None, *, losses: int | None = None) -> bool:
        """Block until ``changes`` is no longer ``seen``; return whether there is nothing more to wait for.

        That is the end, and for whoever says how many ``losses`` there were when he came, another one.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_over(losses) or self.changes != seen,
                timeout_s,
            )
            return self._is_over(losses)

    def _is_over(self, losses: int | None) -> bool:
        return self.ended or self.error_since(losses) is not None

    def error_since(self, losses: int | None) -> BaseException | None:
        """Return what ends the waiting of somebody who came when there were so many losses, if anything does."""
        is_old_news = self.is_lost and not self.ended and losses in {None, self.losses}
        return (
            None if is_old_news else self.error
        )  # a refusal is told before the end, and ends a wait at once

    def look_again(self) -> None:
        """Have a job that is lost polled at once, and give it a whole budget again: somebody waits for it."""
        self._poller.look_again(self)

    def keep_pace(self, policy: PollPolicy) -> None:
        """Have a poll interval that was changed hold from now on."""
        self.poll_policy = policy
        self._poller.keep_pace(self)

    def catch_up(self) -> None:
        """Have what somebody else's request brought published; watching goes on if it had ended in an error."""
        self._poller.catch_up(self)

    def refuse_own_thread(self) -> None:
        """Raise RuntimeError on the poller's thread, where waiting would wait for itself."""
        if self._poller.is_current_thread():
            raise RuntimeError(
                "Waiting inside an observer would wait for itself; wait in another thread or cell."
            )

    @property
    def is_lost(self) -> bool:
        """Whether contact counts as lost."""
        return isinstance(self.error, JobLost)

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still listens."""
        with self._changed:
            return self._is_wanted()

    def _is_wanted(self) -> bool:
        return bool(self._subscribers or self._done_callbacks) or (
            self.job.cancel_pending and not self.is_lost
        )

    # ------------------------------------------------------------ on the poller's thread

    def _new_schedule(self, now: float) -> PollSchedule:
        return PollSchedule(now, poll=self.poll_policy, contact=self.job.contact_policy)

    def revive(self, now: float) -> bool:
        """Begin anew with the same subscribers after an end in an error; return whether it was one."""
        with self._changed:
            if not self.ended or self.error is None:
                return False
            self.ended, self.error, self.failure = False, None, None
            self.schedule = self._new_schedule(now)
            return True

    def publish(self) -> None:
        """Tell every subscriber how things stand."""
        info = self.job.info
        with self._changed:
            subscribers = list(self._subscribers)
        self.tell(subscribers)
        with self._changed:
            self.published = info
            self.changes += 1
            self._changed.notify_all()

    def lose(self, error: JobLost) -> None:
        """Publish that contact was lost, and release whoever waits; those who subscribed stay."""
        with self._changed:
            self.error = error
            self.losses += 1
        self.publish()
        self._release(is_end=False)

    def end(self) -> None:
        """Publish the end and release whoever waits."""
        self.publish()
        self._release(is_end=True)

    def end_unwanted(self) -> bool:
        """End where nobody listens; False where somebody does."""
        with self._changed:
            if self.ended or self._is_wanted():
                return False
            self.ended = True
            self._changed.notify_all()
            return True

    def _release(self, *, is_end: bool) -> None:
        with self._changed:
            self.ended |= is_end
            callbacks, self._done_callbacks = self._done_callbacks, []
            self._changed.notify_all()
        for callback in callbacks:
            self._guarded(callback)

    def tell(self, subscribers: list[Callable[[Watch], None]]) -> None:
        """Call these subscribers; one that raises stops nothing."""
        for subscriber in subscribers:
            self._guarded(subscriber)

    def _guarded(self, callback: Callable[[Watch], None]) -> None:
        try:
            callback(self)
        except BaseException:  # a user's sys.exit() must not end everybody's polling
            logger.exception("A subscriber of job %s raised; watching goes on", self.job.job_id)
