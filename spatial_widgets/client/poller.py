"""One thread that watches any number of jobs.

An agenda of due times over :meth:`Poller.tick`, which is synchronous and takes the time as an argument; the
requests themselves run on a bounded pool of daemon threads, so that a slow server holds up nobody else's
polls. Subscribers are called on the poller's thread, one after the other, with changes only.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from spatial_widgets.client.agenda import Agenda
from spatial_widgets.client.clock import SYSTEM_CLOCK, Absences
from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.polls import Polls
from spatial_widgets.client.requestpool import RequestPool, Workers
from spatial_widgets.client.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.clock import Clock
    from spatial_widgets.client.job import Job

__all__ = ["Poller", "RequestPool", "Watch", "Workers"]

logger = logging.getLogger(__name__)


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
        self._begin()
        renewed_after_fork(self)

    def _begin(self) -> None:
        self._thread: threading.Thread | None = None
        self._wake = threading.Condition()
        self._agenda: Agenda[Watch] = Agenda()
        self._calls: deque[Callable[[], None]] = deque()
        self._later: Agenda[Callable[[], None]] = Agenda()
        self._absences = Absences(self._clock)
        self._polls = Polls(self, self._clock)

    def after_fork(self) -> None:
        """Forget, in a forked child, the thread and the jobs of the parent."""
        if self is Poller._shared:
            Poller._shared_lock = threading.Lock()
        self._begin()

    @classmethod
    def shared(cls) -> Poller:
        """Return the poller of this process."""
        with cls._shared_lock:
            if cls._shared is None:
                cls._shared = cls()
            return cls._shared

    # ------------------------------------------------------------ from any thread

    def watch(
        self,
        job: Job,
        on_change: Callable[[Watch], None] | None = None,
        *,
        when_done: Callable[[Watch], None] | None = None,
    ) -> Watch:
        """Poll a job until it ends; a job that is watched already gets one more subscriber.

        ``on_change(watch)`` is called on the poller's thread, first with how things stand, and
        ``when_done(watch)`` once, after the end was published or contact was lost. A job that was lost is
        polled at once.
        """
        with self._wake:
            watch = job.watch
            if watch is None or not watch.join(on_change, when_done):
                watch = Watch(job, self, self._clock.now())
                watch.join(on_change, when_done)
                job.watch = watch
        joined = watch
        self.call(lambda: self._polls.join(joined, on_change))
        return watch

    def catch_up(self, watch: Watch) -> None:
        """Publish what somebody else's request brought.

        A watch that had lost its job has found it again, and goes on.
        """
        self.call(lambda: self._polls.catch_up(watch))

    def look_again(self, watch: Watch) -> None:
        """Poll a job that is lost at once."""
        self.call(lambda: self._polls.look_again(watch))

    def look_after(self, watch: Watch) -> None:
        """Drop a watch that nobody wants any more."""
        if not watch.ended:
            self.call(lambda: self._polls.look_after(watch))

    def keep_pace(self, watch: Watch) -> None:
        """Take over a poll interval that was changed."""
        if not watch.ended:
            self.call(lambda: self._polls.keep_pace(watch))

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

    def now(self) -> float:
        """Return the seconds of its clock, by which it delays what is called."""
        return self._clock.now()

    def submit(self, work: Callable[[], None]) -> None:
        """Run ``work`` on a thread of the request pool; an :class:`Errand` says for whom it is."""
        self._workers.submit(work)

    def is_current_thread(self) -> bool:
        """Whether the caller runs on the poller's thread."""
        return self._thread is threading.current_thread()

    # ------------------------------------------------------------ on the poller's thread

    def put(self, watch: Watch, due: float) -> None:
        """Have a watch come due then, and at no other time."""
        with self._wake:
            self._agenda.put(watch, due)

    def drop(self, watch: Watch) -> None:
        """Have a watch come due no more."""
        with self._wake:
            self._agenda.drop(watch)

    def tick(self, now: float) -> float | None:
        """Do all that is due at ``now``; return the next due time, or None when nothing is scheduled."""
        if self._absences.noticed():
            self._polls.return_from_absence()
        while True:
            with self._wake:
                work = self._calls.popleft() if self._calls else self._later.pop(now)
                watch = None if work is not None else self._agenda.pop(now)
                if work is None and watch is None:
                    return self._soonest
            try:
                if work is not None:
                    work()
                elif watch is not None:
                    self._polls.come_due(watch)
            except BaseException:  # everybody waits for this thread
                logger.exception("Work on the poller's thread failed")

    def _rouse(self) -> None:
        self._wake.notify_all()
        is_running = self._thread is not None and self._thread.is_alive()
        if self._threaded and not is_running:
            self._thread = threading.Thread(target=self._run, name="spatial-widgets-poller", daemon=True)
            self._thread.start()

    def _has_work(self) -> bool:
        return bool(self._agenda or self._calls or self._later)

    @property
    def _soonest(self) -> float | None:
        return min((s for s in (self._agenda.soonest, self._later.soonest) if s is not None), default=None)

    def _run(self) -> None:
        while True:
            self.tick(self._clock.now())
            with self._wake:
                soonest = self._soonest
                if self._calls:
                    continue
                if soonest is None:
                    self._thread = None
                    return
                left = soonest - self._clock.now()
                if left > 0:
                    self._absences.wait(self._wake, left)
