"""How a batch goes on: which row is submitted when, and what is noted of each."""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

from spatial_widgets.client.batchrow import BatchRow, Stage
from spatial_widgets.client.job import Job
from spatial_widgets.client.poller import Poller
from spatial_widgets.client.submissions import Submissions
from spatial_widgets.client.verdict import verdict
from spatial_widgets.errors import AuthenticationError, SpatialWidgetsError, WaitTimeout
from spatial_widgets.protocol import JobInfo, JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.batchfile import BatchFile
    from spatial_widgets.client.task import GPTask
    from spatial_widgets.client.watch import Watch

__all__ = ["BatchRun", "OnError"]

OnError = Literal["keep", "raise"]
_LOOK_S = 0.5  # an interrupt comes through between two looks


class BatchRun:
    """The rows of a batch on their way. Thread-safe: rows change under ``changed``, which tells of every change.

    Attributes
    ----------
    error : why nothing more is submitted, though rows are left; None while all is well.
    file : where each change is written, if anywhere.
    """

    def __init__(self, task: GPTask, rows: list[BatchRow], *, max_running: int, on_error: OnError) -> None:
        self.task = task
        self.rows = rows
        self.max_running, self.on_error = max_running, on_error
        self.error: Exception | None = None
        self.file: BatchFile | None = None
        self.changed = threading.Condition(threading.RLock())
        self._is_cancelled = False
        self._listeners: list[Callable[[Job], None]] = []
        self._bells: list[Callable[[], None]] = []
        self._unwatched: list[BatchRow] = []  # they run, and the login that asked for them is refused
        self._submissions = Submissions(task)

    # ------------------------------------------------------------ who listens

    def listen(self, listener: Callable[[Job], None]) -> None:
        """Call ``listener(job)`` for each job there is, and each that comes."""
        with self.changed:
            self._listeners.append(listener)
            jobs = [row.job for row in self.rows if row.job is not None]
        for job in jobs:
            listener(job)

    def ring(self, bell: Callable[[], None]) -> None:
        """Call ``bell()`` at every change, on whatever thread, until :meth:`stop_ringing`."""
        with self.changed:
            self._bells.append(bell)

    def stop_ringing(self, bell: Callable[[], None]) -> None:
        """Take back a :meth:`ring`."""
        with self.changed:
            self._bells.remove(bell)

    def wait_for(self, ready: Callable[[], Any], end: float | None) -> Any:
        """Return what ``ready()`` gives, once that is something; raises where the batch stops, or at ``end``."""
        if Poller.shared().is_current_thread():
            raise RuntimeError(
                "Waiting inside an observer would wait for itself; wait in another thread or cell."
            )
        with self.changed:
            while not (found := ready()):
                if self.error is not None:
                    raise self.error
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise WaitTimeout(
                        f"The batch of {self.task.name} jobs has not ended yet; it goes on. Call wait() again."
                    )
                self.changed.wait(_LOOK_S if left is None else min(left, _LOOK_S))
            return found

    # ------------------------------------------------------------ steering

    def cancel(self) -> None:
        """Submit nothing more, and have what runs cancelled."""
        with self.changed:
            self._is_cancelled = True  # for those that are being submitted
            ended = [row for row in self.rows if row.stage is Stage.NEW]
            for row in ended:
                self._end(row, SpatialWidgetsError("The batch was cancelled before this row was submitted."))
            running = [row for row in self.rows if row.stage is Stage.RUNNING]
        for row in running:
            if row.job is not None:
                self._submissions.errand(row.job.cancel)
        self._write(*ended)

    def resume(self, task: GPTask | None) -> None:
        """Go on after an error, with another login where there is one."""
        with self.changed:
            self.error = None
            if task is not None:
                self.task, self._submissions = task, Submissions(task)
            again, self._unwatched = self._unwatched, []
            listeners = list(self._listeners)
            for row in again:
                if row.job is not None:
                    row.job = Job(self.task, row.job.info)
        self._submissions.forgive()
        for row in again:
            self._follow(row)
            for listener in listeners:
                if row.job is not None:
                    listener(row.job)
        self.go_on()

    # ------------------------------------------------------------ going on

    def go_on(self) -> None:
        """Submit as many rows as may run now."""
        with self.changed:
            if self.error is not None or self._submissions.is_paused():
                return
            busy = sum(row.stage in (Stage.NEXT, Stage.SENDING, Stage.RUNNING) for row in self.rows)
            waiting = (row for row in self.rows if row.stage is Stage.NEW)
            chosen = [row for row, _ in zip(waiting, range(self.max_running - busy), strict=False)]
            for row in chosen:
                row.stage = Stage.NEXT
        for row in chosen:
            self._submissions.errand(functools.partial(self._submit, row))

    def _submit(self, row: BatchRow) -> None:
        """Submit one row; on a thread of the request pool."""
        try:
            key = row.key or self._submissions.new_key(row)
            with self.changed:
                row.key, row.stage = key, Stage.SENDING
            if not self._write(row):  # before anything is sent: whoever goes on after us knows the key
                with self.changed:
                    row.stage = Stage.NEW
                return
            job = self._submissions.submit(row)
        except Exception as error:  # noqa: BLE001 -- kept in the row
            self._not_submitted(row, error)
            return
        with self.changed:
            row.job, row.submission, row.stage = job, None, Stage.RUNNING
            listeners, is_cancelled = list(self._listeners), self._is_cancelled
        self._write(row)
        self._follow(row)
        if is_cancelled:
            self._submissions.errand(job.cancel)
        for listener in listeners:
            listener(job)

    def _not_submitted(self, row: BatchRow, error: Exception) -> None:
        pause_s = self._submissions.pause_after(error)
        with self.changed:
            ended = [row]
            if pause_s is None or self._is_cancelled:
                ended = self._end(row, error)
            else:
                row.stage = Stage.NEW
                if self._submissions.is_hopeless(error):
                    self.error = error
                self._tell()
        self._write(*ended)
        Poller.shared().call(self.go_on, delay_s=pause_s or 0.0)

    def _follow(self, row: BatchRow) -> None:
        if row.job is not None:
            Poller.shared().watch(row.job, functools.partial(self._on_change, row))

    def _on_change(self, row: BatchRow, watch: Watch) -> None:
        """See whether a row has ended; on the poller's thread."""
        refusal = None if watch.is_lost else watch.error
        if row.stage is Stage.OVER or row.job is None or not (row.job.done() or refusal):
            return
        if isinstance(refusal, AuthenticationError) and not row.job.done():
            with self.changed:  # the job runs on, and another login will tell of it
                self.error = self.error or refusal
                self._unwatched.append(row)
                self._tell()
            return
        with self.changed:
            ended = self._end(row, verdict(row.job) if row.job.done() else refusal)
        self._write(*ended)
        self.go_on()

    def _end(self, row: BatchRow, error: BaseException | None) -> list[BatchRow]:
        """Note the end of a row, and return it with those that are not submitted for that; the lock is held."""
        ended = [row]
        row.stage = Stage.OVER
        row.error = error if isinstance(error, Exception) else None
        if row.error is not None and self.on_error == "raise":
            for other in self.rows:
                if other.stage is Stage.NEW:
                    other.stage = Stage.OVER
                    other.error = SpatialWidgetsError(
                        f"Not submitted, as row {row.label!r} ended in an error and on_error is 'raise'."
                    )
                    ended.append(other)
        self._tell()
        return ended

    def _tell(self) -> None:
        self.changed.notify_all()
        for ring in list(self._bells):
            ring()

    def take_up(self, row: BatchRow, job_id: str | None, status: str | None) -> None:
        """Follow a row that a file told of, from where it stands there."""
        if job_id is not None:
            known = JobStatus.parse(status or JobStatus.SUBMITTED.value)
            if row.error is None:  # asked how it stands: where its results are is not in the file
                known = JobStatus.EXECUTING if known.is_terminal else known
                row.stage = Stage.RUNNING
            row.job = Job(self.task, JobInfo(job_id, known))
            if row.error is None:
                self._follow(row)
        elif row.stage is Stage.SENDING:
            row.stage, row.is_again = Stage.NEW, True
        elif row.stage is Stage.NEXT:
            row.stage = Stage.NEW

    def _write(self, *rows: BatchRow) -> bool:
        """Write how far rows have come; whether that is done, or nobody wants it."""
        file = self.file
        if file is None or not rows:
            return True
        try:
            file.write(*rows)
        except SpatialWidgetsError as error:
            with self.changed:
                self.error = self.error or error
                self._tell()
            return False
        return True
