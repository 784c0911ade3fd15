"""What is known of one job, and the one way to bring it up to date: shared by all objects of the job."""

from __future__ import annotations

import copy
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

from spatial_widgets.client.course import noted
from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.turns import Turns
from spatial_widgets.errors import SpatialWidgetsError, TransportTimeout
from spatial_widgets.protocol import JobInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from spatial_widgets.client.course import Moment
    from spatial_widgets.client.deadline import Budget
    from spatial_widgets.client.session import GPSession
    from spatial_widgets.client.watch import Watch

__all__ = ["Polled", "Snapshot"]


class Polled(NamedTuple):
    """How the last poll went.

    Attributes
    ----------
    number : how many there were.
    error : what it failed with, or None.
    """

    number: int = 0
    error: SpatialWidgetsError | None = None


class Snapshot:
    """What is known of a job by all who ask with the same login. Its polls never overlap, whoever asks for them.

    Attributes
    ----------
    course : each status that it had, with the moment when it was first seen.
    taken_at : when its last poll got an answer, in seconds of the session's clock; ``-inf`` before the first.
    retry_after_s : what the last good answer asked for, in seconds, or None.
    polled : how its last poll went.
    watch : who watches it; set by the poller.
    cancel_wanted : whether a cancel waits for the job to start, to be sent again.
    changed : notified when a poll ended, or the poll interval of an object of the job is another.
    """

    def __init__(self, url: str) -> None:
        self._info: JobInfo | None = None
        self._url = url
        self.course: tuple[Moment, ...] = ()
        self.retry_after_s: float | None = None
        self.taken_at = float("-inf")
        self.polled = Polled()
        self.cancel_wanted = False
        self._last_failure = ""  # of the polls since the last answer
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Get new locks, in a forked child, and leave the watch to the parent: who held them is not there."""
        self._turns = Turns()
        self.changed = threading.Condition()
        self.watch: Watch | None = None

    @classmethod
    def of(cls, url: str, session: GPSession, *, is_new: bool = False) -> Snapshot:
        """Return the one that all objects of a job share; of another login it is another one.

        Where the job is new, one that has ended is not its own: the service has given an ID a second time.
        """
        return _shared.of(url, session.identity, is_new=is_new)

    @property
    def info(self) -> JobInfo:
        """The snapshot itself."""
        if self._info is None:
            raise AssertionError("nothing is known of this job yet")
        return self._info

    @info.setter
    def info(self, info: JobInfo) -> None:
        self._info = info

    @property
    def has_ended(self) -> bool:
        """Whether an end is known."""
        return self._info is not None and self._info.status.is_terminal

    def learn(self, info: JobInfo, *, is_old: bool = False) -> None:
        """Take over what somebody else knows of the job, where that is more: an end, or unless ``is_old`` what is newer."""
        known = self._info
        if known is not None and known.status.is_terminal != info.status.is_terminal:
            is_news = info.status.is_terminal
        else:
            is_news = known is None or (not is_old and info.received_at > known.received_at)
        if is_news:
            self._take(info)

    def refresh(self, session: GPSession, budget: Budget) -> None:
        """Ask the service once; not where it is final, or somebody else's answer came since the call."""
        self.ask(session, budget, job_id=self.info.job_id)

    def ask(self, session: GPSession, budget: Budget, *, job_id: str, anew: bool = False) -> None:
        """Ask the service as :meth:`refresh` does; ``anew`` asks for a final job too, and repeats a read that failed.

        A failure of somebody else's poll is shared as an answer is, but for one that only came too late for him.
        """
        before, turn = self.polled, object()
        try:
            if not self._turns.take(turn, budget.left_s):
                raise self._held_up(budget)
            if not anew and self.info.status.is_terminal:
                return
            if self.polled is not before:
                if self.polled.error is None:
                    return
                if not anew:
                    raise copy.copy(self.polled.error)
            try:
                self._ask(session, budget, job_id, repeats=anew)
            except SpatialWidgetsError as error:
                self._last_failure = str(error)
                if not isinstance(error, TransportTimeout):
                    self._note(copy.copy(error).with_traceback(None))
                raise
            self._note(None)
        finally:
            self._turns.give_back(turn)

    def _ask(self, session: GPSession, budget: Budget, job_id: str, *, repeats: bool) -> None:
        document = session.get_json(self._url, deadline_s=budget.left_s, retry=repeats)
        self._take(JobInfo.from_json(document, job_id=job_id, url=self._url, before=self._info))
        self.retry_after_s = session.last_retry_after_s
        self.taken_at, self._last_failure = session.clock.now(), ""

    def _held_up(self, budget: Budget) -> TransportTimeout:
        last = f" The last one failed: {self._last_failure}" if self._last_failure else ""
        return TransportTimeout(
            f"GET {self._url}: another poll of this job took longer than {budget}.{last}", url=self._url
        )

    def _note(self, error: SpatialWidgetsError | None) -> None:
        with self.changed:
            self.polled = Polled(self.polled.number + 1, error)
            self.changed.notify_all()

    def change(self, how: Callable[[JobInfo], JobInfo], *, timeout_s: float) -> None:
        """Change it by what another answer said; where a poll takes longer than that, the poll will tell."""
        turn = object()
        try:
            if self._turns.take(turn, timeout_s):
                self._take(how(self.info))
        finally:
            self._turns.give_back(turn)

    def _take(self, info: JobInfo) -> None:
        self.course = noted(self.course, info)  # first: whoever sees the new status finds its moment there
        self.info = info


class _Shared:
    """The snapshots of all jobs that somebody holds an object of."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[Hashable, Snapshot] = weakref.WeakValueDictionary()
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Get a new lock, as in a forked child: who held the old one is not there."""
        self._lock = threading.Lock()

    def of(self, url: str, identity: Hashable, *, is_new: bool) -> Snapshot:
        """Return the one for a URL and a login, a new one where nobody has it."""
        with self._lock:
            found = self._known.get((url, identity))
            if found is None or (is_new and found.has_ended):
                found = self._known[url, identity] = Snapshot(url)
            return found


_shared = _Shared()
