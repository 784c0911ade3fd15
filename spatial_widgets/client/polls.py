"""The polls of all jobs under watch: asked for, looked after, and what follows from them. On the poller's thread.

A poll that is asked for stays on the agenda: one that cannot even start, because its own origin answers
nobody and holds all the threads it may have, counts as failed when its time is over.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from spatial_widgets.client.policy import Severity, severity
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.client.waiting import parted
from spatial_widgets.errors import JobLost, TransportError, TransportTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.clock import Clock
    from spatial_widgets.client.poller import Poller
    from spatial_widgets.client.watch import Watch

__all__ = ["Polls"]

logger = logging.getLogger(__name__)
_LOOK_AGAIN_S = 5.0


class Polls:
    """What the poller does with each watch, one step at a time."""

    def __init__(self, poller: Poller, clock: Clock) -> None:
        self._poller = poller
        self._clock = clock
        self._watches: set[Watch] = set()

    # ------------------------------------------------------------ what others ask for

    def join(self, watch: Watch, on_change: Callable[[Watch], None] | None) -> None:
        """Have a watch go on for somebody who has just joined it, and tell him how things stand."""
        now = self._clock.now()
        if watch.revive(now) or (not watch.ended and watch not in self._watches):
            self._watches.add(watch)
            self._poller.put(watch, now)
        else:
            self.look_again(watch)
        if on_change is not None:
            watch.tell([on_change])

    def look_again(self, watch: Watch) -> None:
        """Poll a job that is lost at once, with a whole budget; nothing happens for any other."""
        if watch.is_lost and not watch.ended:
            now = self._clock.now()
            watch.schedule.begin_anew(now)
            self._poll_soon(watch, now)
            watch.publish()

    def look_after(self, watch: Watch) -> None:
        """Drop a watch that nobody wants."""
        if watch.end_unwanted():
            self._forget_poll(watch)
            self._watches.discard(watch)

    def catch_up(self, watch: Watch) -> None:
        """Publish what somebody else's request brought, which counts as an answer."""
        now = self._clock.now()
        if watch.ended:
            if watch.error is None or not watch.is_wanted or not watch.revive(now):
                return
            self._watches.add(watch)
        if watch.job.done():
            self._finish(watch)
        else:
            self._note_answer(watch, now)
            self.look_after(watch)  # a cancel that was pending may have been all that it was for

    def keep_pace(self, watch: Watch) -> None:
        """Take over a poll interval that was changed."""
        watch.schedule.poll = watch.poll_policy
        if not watch.ended and watch.errand is None and watch.failure is None and watch in self._watches:
            now = self._clock.now()
            self._poller.put(watch, now + watch.schedule.until_next_s(now))

    def return_from_absence(self) -> None:
        """Poll all at once, over new connections and with a whole budget: nobody could ask for a while."""
        now = self._clock.now()
        watches = list(self._watches)
        for session in {watch.job.session for watch in watches}:
            session.forget_connections()  # the other end has closed them, and may not have been able to say so
        for watch in watches:
            watch.schedule.excuse_absence(now)
            self._poll_soon(watch, now)
            if watch.is_lost:
                watch.publish()

    def _poll_soon(self, watch: Watch, now: float) -> None:
        """Poll now; a poll that is under way has its whole time again."""
        watch.since, watch.is_overdue = now, False
        self._poller.put(watch, now if watch.errand is None else now + watch.schedule.deadline_for(now))

    # ------------------------------------------------------------ one step of a watch

    def come_due(self, watch: Watch) -> None:
        """Poll a job, or see what has become of its poll."""
        if watch.ended:
            return
        try:
            if watch.errand is None:
                self._ask(watch)
            else:
                self._look(watch, watch.errand)
        except Exception as error:  # noqa: BLE001 -- logged; whoever waits must learn of it
            self._give_up(watch, error)

    def _ask(self, watch: Watch) -> None:
        if watch.job.done():
            self._finish(watch)
            return
        self.look_after(watch)
        if watch.ended:
            return
        now = self._clock.now()

        def poll() -> None:
            error: BaseException | None = None
            try:
                allowed = watch.schedule.deadline_for(self._clock.now(), since=watch.since)
                watch.job.refresh(deadline_s=allowed)
            except BaseException as caught:  # noqa: BLE001 -- sorted by the schedule
                error = caught
            self._poller.call(lambda: self._arrive(watch, errand, error))

        errand = Errand(poll, origin=watch.origin)
        watch.schedule.asks(now)
        watch.errand, watch.since, watch.is_overdue = errand, now, False
        self._poller.put(watch, now + watch.schedule.deadline_for(now))
        try:
            self._poller.submit(errand)
        except RuntimeError as error:  # no thread can be started
            cause = TransportError(
                f"GET {watch.job.url}: nothing was sent, this process has no thread for it ({error})."
            )
            self._arrive(watch, errand, cause)

    def _look(self, watch: Watch, errand: Errand) -> None:
        """Count a poll as failed that has not come back though its time is over."""
        now = self._clock.now()
        if errand.started and not watch.is_overdue:  # its own deadline runs, and is the better judge
            watch.is_overdue = True
            again = now + watch.schedule.deadline_for(now) + _LOOK_AGAIN_S
        elif not errand.started and not self._is_held_up_by_its_origin(watch):
            again = now + _LOOK_AGAIN_S
        else:
            where = "no answer" if errand.started else "no request could start: none before it was answered"
            error = TransportTimeout(
                f"GET {watch.job.url}: {where} for {now - watch.since:.0f} s.", url=watch.job.url
            )
            if watch.schedule.every_s is not None:
                self._forget_poll(watch)
                self._fail(watch, error, now)
                return
            delay = self._after_failure(watch, error, now)
            if delay is None:
                return
            watch.publish()
            watch.since = now + delay
            again = watch.since + watch.schedule.deadline_for(now)
        self._poller.put(watch, again)

    def _is_held_up_by_its_origin(self, watch: Watch) -> bool:
        """Whether other polls of the same origin are under way, and those that came back mostly failed."""
        kin = [w for w in self._watches if w.origin == watch.origin]
        if not any(w.errand is not None and w.errand.started for w in kin):
            return False  # other origins hold the threads: that says nothing of this one
        reports = [w.report[1] for w in kin if w.report is not None and w.report[0] >= watch.since]
        return 2 * sum(reports) <= len(reports)

    def _arrive(self, watch: Watch, errand: Errand, error: BaseException | None) -> None:
        if watch.errand is not errand:  # it was given up
            return
        now = self._clock.now()
        self._forget_poll(watch)
        watch.report = (now, error is None or severity(error) is not Severity.SOFT)
        try:
            if watch.job.done() and not watch.ended:
                self._finish(watch)
            self.look_after(watch)
            if watch.ended:
                return
            if error is None:
                self._note_answer(watch, now)
            else:
                self._fail(watch, error, now)
        except Exception as defect:  # noqa: BLE001 -- logged; whoever waits must learn of it
            self._give_up(watch, defect)

    def _note_answer(self, watch: Watch, now: float) -> None:
        was_lost, was_failing = watch.is_lost, watch.failure is not None
        watch.failure = watch.error = None
        delay = watch.schedule.after_reply(
            now, watch.job.info, retry_after_s=watch.job.snapshot.retry_after_s
        )
        if was_lost or was_failing or watch.published != watch.job.info:
            watch.publish()
        if watch.errand is None:
            self._poller.put(watch, now + delay)
        if was_lost:  # the server is back: no need for its other jobs to wait for their turn
            for other in self._watches:
                if other.is_lost and other.origin == watch.origin and other.errand is None:
                    self._poller.put(other, now)

    def _fail(self, watch: Watch, error: BaseException, now: float) -> None:
        delay = self._after_failure(watch, error, now)
        if delay is not None:
            watch.publish()
            self._poller.put(watch, now + delay)

    def _after_failure(self, watch: Watch, error: BaseException, now: float) -> float | None:
        """Note a failed poll and return the pause after it; None means that this was the end, or settled already."""
        watch.failure = error
        delay = watch.schedule.after_failure(now, error)
        if delay is not None:
            return delay
        self._forget_poll(watch)
        verdict = parted(watch.job, error, watch.schedule, now)
        if not isinstance(verdict, JobLost):
            watch.error = verdict
            self._end(watch)
            return None
        self._poller.put(watch, now + watch.schedule.slow_down(now))
        watch.lose(verdict)
        self.look_after(watch)
        return None

    # ------------------------------------------------------------ ends

    def _finish(self, watch: Watch) -> None:
        """End a watch whose job is final, whatever its last poll brought."""
        watch.failure = watch.error = None
        self._end(watch)

    def _give_up(self, watch: Watch, defect: Exception) -> None:
        """End a watch by a defect of ours: whoever waits must learn of it."""
        logger.error("Watching job %s failed", watch.job.job_id, exc_info=defect)
        watch.error = defect
        self._end(watch)

    def _end(self, watch: Watch) -> None:
        self._forget_poll(watch)
        self._watches.discard(watch)
        if watch.job.done():
            watch.failure = None  # whatever went wrong on the way
        watch.end()

    def _forget_poll(self, watch: Watch) -> None:
        self._poller.drop(watch)
        if watch.errand is not None:
            watch.errand.cancelled = True
            watch.errand = None
