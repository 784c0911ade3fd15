"""Decides which job runs, for how long, and what its end means; the executor runs it, the store keeps it.

All decisions are made in :meth:`Supervisor.step`, by one thread at a time: the supervisor's own, or,
without one, whoever submits. Only a cancel acts at once from the thread it comes from.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Literal

from spatial_widgets.protocol import JobMessage, JobStatus
from spatial_widgets.protocol.message import ERROR, INFORMATIVE
from spatial_widgets.server.executors.base import Event, Executor, Started
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.recovery import recover
from spatial_widgets.server.verdict import Run, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.schema import JobRow
    from spatial_widgets.server.store import Store

__all__ = ["Drive", "Supervisor"]

_LOG = logging.getLogger("spatial_widgets.server")
_SWEEP_EVERY_S = 60.0
_LOOK_AT_QUEUE_EVERY_S = 1.0
_WAITING = JobStatus.SUBMITTED, JobStatus.WAITING

#: Who runs the supervisor: a thread of its own, whoever submits a job, or a caller of ``step()``.
Drive = Literal["thread", "submit", "step"]


class Supervisor:
    """The queue and the running jobs of one service."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        store: Store,
        executor: Executor,
        *,
        limits: Limits | None = None,
        drive: Drive = "thread",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.drive = drive
        self.executor = executor
        self._tasks = tasks
        self._store = store
        self._limits = limits or Limits()
        self._clock = clock
        self._inbox: queue.SimpleQueue[tuple[Run, Event] | None] = queue.SimpleQueue()
        self._running: dict[str, Run] = {}
        self._stepping = threading.RLock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._closed = False
        self._dirty = True
        self._next_sweep = self._next_queue_look = -float("inf")

    # ------------------------------------------------------------ from outside

    def start(self) -> None:
        """Take up what an earlier service left, and begin to work."""
        recover(self._store, self.executor, attempts=self._limits.attempts)
        self.executor.open(sorted({task.function.__module__ for task in self._tasks.values()}), self._stir)
        if self.drive == "thread":
            self._thread = threading.Thread(target=self._loop, name="spatial-widgets-supervisor", daemon=True)
            self._thread.start()

    @property
    def is_accepting(self) -> bool:
        """Whether new jobs are taken; not once the service stops."""
        return not self._closing

    def submitted(self) -> None:
        """Say that a job was added to the store."""
        self._dirty = True
        if self.drive == "thread":
            self._inbox.put(None)
        elif self.drive == "submit":
            self.run_pending()

    def _stir(self) -> None:
        """Look at the queue again, soon; from any thread."""
        self._dirty = True
        self._inbox.put(None)

    def cancel(self, job_id: str) -> bool:
        """Cancel a job; return whether it was one that could be cancelled, or is being cancelled already.

        The status is committed before anything is killed, so that an acknowledged cancel is never undone.
        """
        while True:
            row = self._store.job(job_id)
            if row is None or row.status.is_terminal:
                return False
            if row.status is JobStatus.CANCELLING:
                return True
            if row.status in _WAITING:
                moved = self._move(
                    row, JobStatus.CANCELLED, "cancelled", INFORMATIVE, "Cancelled before it began."
                )
            else:
                moved = self._move(row, JobStatus.CANCELLING, "cancel", INFORMATIVE, "Cancelling...")
                run = self._running.get(job_id)
                if moved and run is not None and run.attempt == row.attempt:
                    self.executor.kill(run.handle)
            if moved:
                self._stir()
                return True

    def live(self) -> int:
        """Return how many jobs wait or execute."""
        return len(self._store.queued()) + len(self._store.running())

    def stop(self, grace_s: float | None = None) -> None:
        """Take no more jobs, give the running ones ``grace_s`` seconds, end the rest; what waits stays kept."""
        self._closing = True
        grace = self._limits.grace_s if grace_s is None else grace_s
        self._await_quiet(grace)
        for run in list(self._running.values()):
            run.stopped = True
            self.executor.kill(run.handle)
        self._await_quiet(10.0)
        self._closed = True
        self._inbox.put(None)
        if self._thread is not None:
            self._thread.join(10.0)
            self._thread = None
        self.executor.close()

    def _await_quiet(self, patience_s: float) -> None:
        until = time.monotonic() + patience_s
        while self._running and time.monotonic() < until:
            if self._thread is None:
                self.step(0.05)
            else:
                time.sleep(0.01)

    # ------------------------------------------------------------ one step

    def run_pending(self) -> None:
        """Work until no job can go on: with the inline executor, until all jobs have ended."""
        with self._stepping:
            while self._dirty or self._running or not self._inbox.empty():
                self.step(0.05)

    def step(self, patience_s: float = 0.0) -> None:
        """Take in what has happened, waiting for it at most so long, and act on it."""
        with self._stepping:
            self._receive(patience_s)
            now = self._clock()
            for run in list(self._running.values()):
                if run.ended is not None:
                    self._settle(run)
                elif now >= run.deadline and not run.overdue:
                    run.overdue = True
                    self.executor.kill(run.handle)
                elif run.unsaid_since is not None and now - run.unsaid_since >= self._limits.batch_s:
                    self._tell(run)
            self._give_up_waiting(now)
            self._fill()
            if now >= self._next_sweep:
                self._next_sweep = now + _SWEEP_EVERY_S
                kept = self._limits
                self._store.sweep(keep_s=kept.keep_s, keep_jobs=kept.keep_jobs, keep_bytes=kept.keep_bytes)

    def _loop(self) -> None:
        while not self._closed:
            try:
                self.step(self._patience())
            except Exception:  # noqa: BLE001 -- nobody else would watch over the jobs
                # A full disk, say. What could not be written stays to be written; the next step tries again.
                _LOG.exception("the supervisor stumbled; it goes on")
                time.sleep(0.5)

    def _patience(self) -> float:
        now = self._clock()
        due = [self._next_sweep]
        due += [self._next_queue_look] if self._limits.queue_wait_s else []
        for run in list(self._running.values()):
            # An end that could not be written yet is written as soon as it can be.
            due += [now] if run.ended is not None else []
            due += [run.deadline] if not run.overdue else []
            due += [run.unsaid_since + self._limits.batch_s] if run.unsaid_since is not None else []
        return min(30.0, max(0.0, min(due) - now))

    def _receive(self, patience_s: float) -> None:
        try:
            item = self._inbox.get(timeout=patience_s) if patience_s > 0 else self._inbox.get_nowait()
            while True:
                if item is not None:
                    self._note(*item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _note(self, run: Run, event: Event) -> None:
        now = self._clock()
        if isinstance(event, Started):
            # A slow fork is not the job's fault: its time counts from here.
            run.deadline = now + run.timeout_s
            self._store.append(run.job_id, attempt=run.attempt, process=(event.pid, event.start))
        else:
            run.note(event, now)

    def _tell(self, run: Run) -> None:
        self._store.append(run.job_id, attempt=run.attempt, messages=run.unsaid, progress=run.progress)
        run.forget_said()

    def _settle(self, run: Run) -> None:
        while True:
            row = self._store.job(run.job_id)
            if row is None or row.attempt != run.attempt or row.status.is_terminal:
                break
            verdict = judge(run, row, attempts=self._limits.attempts, now=self._clock())
            done = self._store.move(
                run.job_id,
                verdict.status,
                attempt=run.attempt,
                why=verdict.why,
                messages=[*run.unsaid, *verdict.messages],
                results=verdict.results,
            )
            if done:
                break
        # Only now: as long as the end is not kept, the next step tries again.
        self._running.pop(run.job_id, None)
        self._dirty = True

    # ------------------------------------------------------------ the queue

    def _give_up_waiting(self, now: float) -> None:
        most = self._limits.queue_wait_s
        if not most or now < self._next_queue_look:
            return
        self._next_queue_look = now + min(_LOOK_AT_QUEUE_EVERY_S, most)
        text = (
            f"The job waited longer than {most:g} s for a free worker and was given up; it never began. "
            "Submit it again when the service is less busy, or start the service with more workers."
        )
        for row in self._store.overdue_in_queue(most):
            self._move(row, JobStatus.TIMED_OUT, "waited too long", ERROR, text)

    def _fill(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        ahead = 0
        for row in self._store.queued():
            if self._closing:
                return
            if len(self._running) < self.executor.capacity():
                self._launch(row)
                continue
            ahead += 1
            if row.status is JobStatus.SUBMITTED:
                text = f"Waiting for a free worker: number {ahead} in the queue."
                self._move(row, JobStatus.WAITING, "no free worker", INFORMATIVE, text)

    def _launch(self, row: JobRow) -> None:
        task = self._tasks.get(row.task)
        if task is None:
            text = f"The service has no task {row.task!r} any more. Start it with the module that has it, and submit again."
            self._move(row, JobStatus.FAILED, "no such task", ERROR, text)
            return
        run = Run.begin(row, task, self._store.files.folder(row.id), self._limits, self._clock())
        # Known before the status says so: a cancel that sees Executing finds what to kill.
        self._running[row.id] = run
        try:
            began = self._move(row, JobStatus.EXECUTING, "free worker", INFORMATIVE, "Executing...")
        except BaseException:
            del self._running[row.id]
            self._dirty = True
            raise
        if not began:  # cancelled just now
            del self._running[row.id]
            return
        self.executor.start(run.handle, functools.partial(self._emit, run))

    def _emit(self, run: Run, event: Event) -> None:
        self._inbox.put((run, event))

    def _move(self, row: JobRow, status: JobStatus, why: str, kind: str, text: str) -> bool:
        return self._store.move(
            row.id, status, attempt=row.attempt, why=why, messages=[JobMessage(kind, text)]
        )
