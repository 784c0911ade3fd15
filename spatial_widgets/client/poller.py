"""One thread that watches any number of jobs.

A heap of due times over :meth:`Poller.tick`, which is synchronous and takes the time as an argument; the
requests themselves run on a bounded pool of daemon threads, so that a slow server holds up nobody else's
polls. Subscribers are called on the poller's thread, one after the other, with changes only.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.clock import SYSTEM_CLOCK
from spatial_widgets.client.policy import PollSchedule
from spatial_widgets.client.requestpool import RequestPool, Workers
from spatial_widgets.client.waiting import lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.clock import Clock
    from spatial_widgets.client.job import Job
    from spatial_widgets.protocol import JobInfo

__all__ = ["Poller", "RequestPool", "Watch", "Workers"]

logger = logging.getLogger(__name__)
_LONGEST_SLEEP_S = 3600.0


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
        self.in_flight = False
        self.number = -1
        self.changes = 0
        self.schedule = PollSchedule(now, poll=job.poll_policy, contact=job.contact_policy)
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

    def wait_for_change(self, seen: int, timeout_s: float | None) -> bool:
        """Block until ``changes`` is no longer ``seen``, or the end; return whether it ended."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended or self.changes != seen, timeout_s)
            return self.ended

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
        self._due: list[tuple[float, int, Watch]] = []
        self._order = itertools.count()
        self._calls: deque[Callable[[], None]] = deque()
        self._in_flight = 0

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
            watch = job.watch
            is_new = watch is None or watch.ended
            if watch is None or watch.ended:
                watch = job.watch = Watch(job, self, self._clock.now())
            # Listeners first: a watch that nobody wants is dropped when it comes due.
            if on_change is not None:
                watch.subscribe(on_change)
            if when_done is not None:
                watch.when_done(when_done)
            if is_new:
                self._push(watch, self._clock.now())
        self._rouse()
        return watch

    def catch_up(self, watch: Watch) -> None:
        """Publish what somebody else's request brought, and poll again soon."""

        def publish() -> None:
            if watch.ended:
                return
            if watch.job.done():
                watch.end()
            elif watch.published != watch.job.info:
                watch.publish()
                if not watch.in_flight:
                    with self._wake:
                        self._push(watch, self._clock.now() + watch.schedule.soon_s)

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

    def call(self, work: Callable[[], None]) -> None:
        """Run ``work`` on the poller's thread, soon; at once when this is it."""
        if self.is_current_thread():
            work()
            return
        with self._wake:
            self._calls.append(work)
        self._rouse()

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` on a thread of the request pool."""
        self._workers.submit(work)

    def is_current_thread(self) -> bool:
        """Whether the caller runs on the poller's thread."""
        return self._thread is threading.current_thread()

    def tick(self, now: float) -> float | None:
        """Do all that is due at ``now``; return the next due time, or None when nothing is scheduled."""
        while True:
            with self._wake:
                work = self._calls.popleft() if self._calls else None
            if work is None:
                break
            try:
                work()
            except Exception:
                logger.exception("Work on the poller's thread failed")
        while True:
            with self._wake:
                if not self._due or self._due[0][0] > now:
                    return self._due[0][0] if self._due else None
                _, number, watch = heapq.heappop(self._due)
                if watch.ended or number != watch.number:  # superseded by a later push
                    continue
                watch.in_flight = True
                self._in_flight += 1
            self._start_poll(watch)

    # ------------------------------------------------------------ inside

    def _start_poll(self, watch: Watch) -> None:
        if watch.job.done() or not watch.is_wanted:
            self._arrive(watch, None)
            return
        deadline_s = watch.schedule.deadline_s

        def poll() -> None:
            error: BaseException | None = None
            asked: float | None = None
            try:
                watch.job.refresh(deadline_s=deadline_s)
                asked = watch.job.session.last_retry_after_s
            except BaseException as caught:  # noqa: BLE001 -- sorted by the schedule
                error = caught
            with self._wake:
                self._calls.append(lambda: self._arrive(watch, error, asked))
            self._rouse()

        self._workers.submit(poll)

    def _arrive(self, watch: Watch, error: BaseException | None, retry_after_s: float | None = None) -> None:
        with self._wake:
            self._in_flight -= 1
            watch.in_flight = False
        if watch.ended:
            return
        now = self._clock.now()
        was_failing, watch.failure = watch.failure is not None, error
        if watch.job.done() or not watch.is_wanted:
            watch.end()
            return
        if error is None:
            delay: float | None = watch.schedule.after_reply(now, watch.job.info, retry_after_s=retry_after_s)
        else:
            delay = watch.schedule.after_failure(now, error)
        if delay is None:
            watch.error = self._ending(watch, error, now) if error is not None else None
            watch.end()
            return
        if error is not None or was_failing or watch.published != watch.job.info:
            watch.publish()
        with self._wake:
            self._push(watch, now + delay)

    def _ending(self, watch: Watch, error: BaseException, now: float) -> BaseException:
        return (
            lost(watch.job, error, watch.schedule.silent_s(now)) if watch.schedule.is_lost(error) else error
        )

    def _push(self, watch: Watch, due: float) -> None:
        watch.number = next(self._order)
        heapq.heappush(self._due, (due, watch.number, watch))

    def _rouse(self) -> None:
        with self._wake:
            self._wake.notify_all()
            is_running = self._thread is not None and self._thread.is_alive()
            if self._threaded and not is_running and self._has_work():
                self._thread = threading.Thread(target=self._run, name="spatial-widgets-poller", daemon=True)
                self._thread.start()

    def _has_work(self) -> bool:
        return bool(self._due or self._calls or self._in_flight)

    def _run(self) -> None:
        while True:
            due = self.tick(self._clock.now())
            with self._wake:
                if not self._has_work():
                    self._thread = None
                    return
                if not self._calls:
                    soonest: Any = self._due[0][0] if self._due else due
                    left = None if soonest is None else soonest - self._clock.now()
                    if left is None or left > 0:
                        self._clock.wait(self._wake, None if left is None else min(left, _LONGEST_SLEEP_S))
