"""One thread that watches any number of jobs.

An agenda of due times over :meth:`Poller.tick`, which is synchronous and takes the time as an argument; the
requests themselves run on a bounded pool of daemon threads, so that a slow server holds up nobody else's
polls. Subscribers are called on the poller's thread, one after the other, with changes only.

A poll that is asked for stays on the agenda: one that cannot even start, because its own origin answers
nobody and holds all the threads it may have, counts as failed when its time is over.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from spatial_widgets.client.agenda import Agenda
from spatial_widgets.client.clock import SYSTEM_CLOCK
from spatial_widgets.client.policy import Severity, severity
from spatial_widgets.client.requestpool import Errand, RequestPool, Workers
from spatial_widgets.client.waiting import lost
from spatial_widgets.client.watch import Watch
from spatial_widgets.errors import TransportTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.clock import Clock
    from spatial_widgets.client.job import Job

__all__ = ["Poller", "RequestPool", "Watch", "Workers"]

logger = logging.getLogger(__name__)
_LONGEST_SLEEP_S = 3600.0
_LOOK_AGAIN_S = 5.0


class Poller:
    """Watches jobs. :meth:`shared` is the one of this process; tests make their own.

    Parameters
    ----------
    clock : the time.
    workers : runs the requests.
    threaded : False starts no thread: whoever made it calls :meth:`tick`.
    """

    _shared: Poller | None = None
    _shared_lock = threading.Lock()

    def __init__(
        self, *, clock: Clock = SYSTEM_CLOCK, workers: Workers | None = None, threaded: bool = True
    ) -> None:
        self._clock = clock
        self._workers: Workers = workers or RequestPool()
        self._threaded = threaded
        self._thread: threading.Thread | None = None
        self._wake = threading.Condition()
        self._agenda: Agenda[Watch] = Agenda()
        self._asked: set[Watch] = set()  # those with a poll queued or under way
        self._watches: set[Watch] = set()
        self._calls: deque[Callable[[], None]] = deque()
        self._later: Agenda[Callable[[], None]] = Agenda()

    @classmethod
    def shared(cls) -> Poller:
        """Return the poller of this process."""
        with cls._shared_lock:
            if cls._shared is None:
                cls._shared = cls()
            return cls._shared

    def watch(
        self,
        job: Job,
        on_change: Callable[[Watch], None] | None = None,
        *,
        when_done: Callable[[Watch], None] | None = None,
    ) -> Watch:
        """Poll a job until it ends; a job that is watched already gets one more subscriber.

        ``on_change(watch)`` is called on the poller's thread, first with how things stand, and
        ``when_done(watch)`` once, after the end was published.
        """
        with self._wake:
            watch, now = job.watch, self._clock.now()
            is_new = watch is None or watch.revive(now)
            if watch is None or watch.ended:
                watch, is_new = Watch(job, self, now), True
                job.watch = watch
            # Listeners first: a watch that nobody wants is dropped when it comes due.
            if on_change is not None:
                watch.subscribe(on_change)
            if when_done is not None:
                watch.when_done(when_done)
            if is_new:
                self._watches.add(watch)
                self._agenda.put(watch, now)
        self._rouse()
        return watch

    def catch_up(self, watch: Watch) -> None:
        """Publish what somebody else's request brought, and poll again soon.

        A watch that had lost its job has found it again, and goes on.
        """

        def publish() -> None:
            if watch.revive(self._clock.now()):
                with self._wake:
                    self._watches.add(watch)
                    self._agenda.put(watch, self._clock.now() + watch.schedule.soon_s)
                if not watch.job.done():
                    watch.publish()
            if watch.ended:
                return
            if watch.job.done():
                self._end(watch)
            elif watch.published != watch.job.info:
                watch.publish()
                if watch.errand is None:
                    with self._wake:
                        self._agenda.put(watch, self._clock.now() + watch.schedule.soon_s)

        self.call(publish)

    def settle(self, watch: Watch, timeout_s: float) -> None:
        """Return when what is known of a job now was published, or after ``timeout_s``."""
        if self.is_current_thread():
            watch.publish()
            return
        told = threading.Event()

        def publish() -> None:
            watch.publish()
            told.set()

        self.call(publish)
        told.wait(timeout_s)

    def call(self, work: Callable[[], None], *, delay_s: float = 0.0) -> None:
        """Run ``work`` on the poller's thread, after ``delay_s`` or soon; at once when this is it."""
        if self.is_current_thread() and delay_s <= 0:
            work()
            return
        with self._wake:
            if delay_s > 0:
                self._later.put(work, self._clock.now() + delay_s)
            else:
                self._calls.append(work)
        self._rouse()

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` on a thread of the request pool; an :class:`Errand` says for whom it is."""
        self._workers.submit(work)

    def is_current_thread(self) -> bool:
        """Whether the caller runs on the poller's thread."""
        return self._thread is threading.current_thread()

    def tick(self, now: float) -> float | None:
        """Do all that is due at ``now``; return the next due time, or None when nothing is scheduled."""
        while True:
            with self._wake:
                work = self._calls.popleft() if self._calls else self._later.pop(now)
                watch = None if work is not None else self._agenda.pop(now)
                if work is None and watch is None:
                    return self._soonest
            if work is not None:
                try:
                    work()
                except Exception:
                    logger.exception("Work on the poller's thread failed")
            elif watch is not None and not watch.ended:
                if watch.errand is None:
                    self._start_poll(watch)
                else:
                    self._look_at_poll(watch, watch.errand)

    # ------------------------------------------------------------ polls, on the poller's thread

    def _start_poll(self, watch: Watch) -> None:
        if watch.job.done() or not watch.is_wanted:
            self._end(watch)
            return
        now = self._clock.now()

        def poll() -> None:
            error: BaseException | None = None
            asked: float | None = None
            try:
                allowed = watch.schedule.deadline_for(self._clock.now(), since=watch.since)
                watch.job.refresh(deadline_s=allowed)
                asked = watch.job.session.last_retry_after_s
            except BaseException as caught:  # noqa: BLE001 -- sorted by the schedule
                error = caught
            with self._wake:
                self._calls.append(lambda: self._arrive(watch, errand, error, asked))
            self._rouse()

        errand = Errand(poll, origin=watch.origin)
        with self._wake:
            watch.errand, watch.since, watch.is_overdue = errand, now, False
            self._asked.add(watch)
            self._agenda.put(watch, now + watch.schedule.deadline_for(now))
        self._workers.submit(errand)

    def _look_at_poll(self, watch: Watch, errand: Errand) -> None:
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
            delay = self._after_failure(watch, error, now)
            if delay is None:
                return
            watch.publish()
            watch.since = now + delay
            again = watch.since + watch.schedule.deadline_for(now)
        with self._wake:
            self._agenda.put(watch, again)

    def _is_held_up_by_its_origin(self, watch: Watch) -> bool:
        """Whether other polls of the same origin are under way, and those that came back mostly failed."""
        kin = [w for w in self._watches if w.origin == watch.origin]
        if not any(w.errand is not None and w.errand.started for w in kin):
            return False  # other origins hold the threads: that says nothing of this one
        reports = [w.report[1] for w in kin if w.report is not None and w.report[0] >= watch.since]
        return 2 * sum(reports) <= len(reports)

    def _arrive(
        self, watch: Watch, errand: Errand, error: BaseException | None, retry_after_s: float | None
    ) -> None:
        if watch.errand is not errand:  # it was given up
            return
        now = self._clock.now()
        self._forget_poll(watch)
        watch.report = (now, error is None or severity(error) is not Severity.SOFT)
        if watch.ended:
            return
        was_failing = watch.failure is not None
        if watch.job.done() or not watch.is_wanted:
            watch.failure = error
            self._end(watch)
            return
        if error is None:
            watch.failure = None
            delay: float | None = watch.schedule.after_reply(now, watch.job.info, retry_after_s=retry_after_s)
        else:
            delay = self._after_failure(watch, error, now)
        if delay is None:
            return
        if error is not None or was_failing or watch.published != watch.job.info:
            watch.publish()
        with self._wake:
            self._agenda.put(watch, now + delay)

    def _after_failure(self, watch: Watch, error: BaseException, now: float) -> float | None:
        """Note a failed poll and return the pause after it; None means that this was the end."""
        watch.failure = error
        delay = watch.schedule.after_failure(now, error)
        if delay is None:
            is_lost = watch.schedule.is_lost(error)
            watch.error = lost(watch.job, error, watch.schedule.silent_s(now)) if is_lost else error
            self._end(watch)
        return delay

    def _end(self, watch: Watch) -> None:
        self._forget_poll(watch)
        with self._wake:
            self._watches.discard(watch)
        watch.end()

    def _forget_poll(self, watch: Watch) -> None:
        with self._wake:
            self._agenda.drop(watch)
            self._asked.discard(watch)
            if watch.errand is not None:
                watch.errand.cancelled = True
                watch.errand = None

    # ------------------------------------------------------------ the thread

    def _rouse(self) -> None:
        with self._wake:
            self._wake.notify_all()
            is_running = self._thread is not None and self._thread.is_alive()
            if self._threaded and not is_running and self._has_work():
                self._thread = threading.Thread(target=self._run, name="spatial-widgets-poller", daemon=True)
                self._thread.start()

    def _has_work(self) -> bool:
        return bool(self._agenda or self._calls or self._later or self._asked)

    @property
    def _soonest(self) -> float | None:
        return min((s for s in (self._agenda.soonest, self._later.soonest) if s is not None), default=None)

    def _run(self) -> None:
        while True:
            self.tick(self._clock.now())
            with self._wake:
                if not self._has_work():
                    self._thread = None
                    return
                if not self._calls:
                    soonest = self._soonest
                    left = None if soonest is None else soonest - self._clock.now()
                    if left is None or left > 0:
                        self._clock.wait(self._wake, None if left is None else min(left, _LONGEST_SLEEP_S))
