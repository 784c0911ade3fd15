"""How an attempt ended: what its events mean for the job's status, and what the user is told."""

from __future__ import annotations

import logging
import secrets
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from spatial_widgets.protocol import JobMessage, JobStatus
from spatial_widgets.protocol.message import ERROR, INFORMATIVE, WARNING
from spatial_widgets.server.executors.base import (
    Event,
    Exited,
    Finished,
    Handle,
    JobSpec,
    Lost,
    Output,
    Progress,
    Raised,
    Said,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spatial_widgets.server.jobfiles import ResultFile
    from spatial_widgets.server.limits import Limits
    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.schema import JobRow

__all__ = ["Run", "Verdict", "after_interruption", "judge"]

_LOG = logging.getLogger("spatial_widgets.server")

_STOPPED = "the service stopped"


@dataclass(eq=False)
class Run:
    """An attempt that executes, as far as its events tell. ``deadline`` and ``began`` are monotonic seconds."""

    job_id: str
    attempt: int
    task: str
    handle: Handle
    outputs_due: frozenset[str]
    began: float
    deadline: float
    timeout_s: float
    overdue: bool = False
    stopped: bool = False
    ended: Exited | Lost | None = None
    raised: Raised | None = None
    finished: bool = False
    results: list[ResultFile] = field(default_factory=list)
    unsaid: list[JobMessage] = field(default_factory=list)
    progress: tuple[int, str] | None = None
    unsaid_since: float | None = None

    @classmethod
    def begin(cls, row: JobRow, task: Task, folder: Path, limits: Limits, now: float) -> Self:
        """Return the next attempt at a job, about to be started."""
        spec = JobSpec(
            job_id=row.id,
            attempt=row.attempt + 1,
            task=task.name,
            module=task.function.__module__,
            folder=folder,
            timeout_s=row.timeout_s,
            messages=limits.messages,
            message_chars=limits.message_chars,
            result_bytes=limits.result_bytes,
            limits=limits,
        )
        return cls(
            job_id=row.id,
            attempt=spec.attempt,
            task=row.task,
            handle=Handle(spec),
            outputs_due=frozenset(parameter.name for parameter in task.outputs),
            began=now,
            deadline=now + row.timeout_s,
            timeout_s=row.timeout_s,
        )

    def note(self, event: Event, now: float) -> None:
        """Take an event in."""
        if isinstance(event, (Exited, Lost)):
            self.ended = event
        elif isinstance(event, Raised):
            self.raised = event
        elif isinstance(event, Finished):
            self.finished = True
        elif isinstance(event, Output):
            self.results.append(event.result)
        elif isinstance(event, Said):
            self.unsaid.append(JobMessage(event.type, event.text))
        elif isinstance(event, Progress):
            self.progress = (event.percent, event.text)
        if self.unsaid_since is None and isinstance(event, (Said, Progress)):
            self.unsaid_since = now

    def forget_said(self) -> None:
        """Drop what the store has by now."""
        self.unsaid, self.progress, self.unsaid_since = [], None, None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status an attempt leads to, with its messages and results."""

    status: JobStatus
    why: str
    messages: Sequence[JobMessage] = ()
    results: Sequence[ResultFile] = ()


def judge(run: Run, row: JobRow, *, attempts: int, now: float) -> Verdict:
    """Return what becomes of a job whose attempt has ended for certain."""
    elapsed = f"(Elapsed Time: {max(0.0, now - run.began):.2f} seconds)"

    def closing(word: str) -> JobMessage:
        return JobMessage(INFORMATIVE, f"{word} at {time.strftime('%a %b %d %H:%M:%S %Y')} {elapsed}")

    def failed(text: str, why: str) -> Verdict:
        return Verdict(JobStatus.FAILED, why, [JobMessage(ERROR, text), closing("Failed")])

    if row.status is JobStatus.CANCELLING:
        # A cancel that was acknowledged wins, whatever the task has done meanwhile.
        return Verdict(JobStatus.CANCELLED, "cancelled", [closing("Cancelled")])
    if run.overdue or (run.raised is not None and run.raised.was_stopped and not run.stopped):
        text = (
            f"The job was stopped after its time limit of {run.timeout_s:g} s. "
            "Give it less to do, or start the service with a longer limit."
        )
        return Verdict(JobStatus.TIMED_OUT, "time limit", [JobMessage(ERROR, text), closing("Timed out")])
    if run.raised is not None and not run.raised.was_stopped:
        return failed(_explain(run, run.raised), "the task raised")
    missing = run.outputs_due - {result.name for result in run.results}
    if run.finished and not missing:
        return Verdict(JobStatus.SUCCEEDED, "finished", [closing("Succeeded")], run.results)
    if run.stopped:
        return after_interruption(row, attempts=attempts)
    if run.finished:
        names = ", ".join(sorted(missing))
        return failed(f"The task {run.task} ended without its output {names}.", "an output is missing")
    if isinstance(run.ended, Lost):
        if run.ended.is_engine:
            return after_interruption(row, attempts=attempts, cause=run.ended.why)
        return failed(f"The job ended before it was done: {run.ended.why}.", "worker lost")
    code = run.ended.code if run.ended else None
    return failed(f"The job's worker process ended unexpectedly ({_exit_text(code)}).", "worker died")


def after_interruption(row: JobRow, *, attempts: int, cause: str = _STOPPED) -> Verdict:
    """Return what becomes of a job that was executing, or being cancelled, when its service or its engine went."""
    why = "service stopped" if cause is _STOPPED else "engine lost"
    interrupted = f"{cause[:1].upper()}{cause[1:]} while this job was executing."
    if row.status is JobStatus.CANCELLING:
        return Verdict(
            JobStatus.CANCELLED,
            "cancelled",
            [JobMessage(INFORMATIVE, "Cancelled while the service was stopped.")],
        )
    if row.restartable and row.attempt < attempts:
        text = f"{interrupted} It waits to be run again (attempt {row.attempt + 1} of {attempts})."
        return Verdict(JobStatus.WAITING, why, [JobMessage(WARNING, text)])
    return Verdict(JobStatus.FAILED, why, [JobMessage(ERROR, f"{interrupted} Submit it again.")])


def _explain(run: Run, raised: Raised) -> str:
    if not raised.is_defect:
        _LOG.info("job %s (%s) was refused: %s\n%s", run.job_id, run.task, raised.text, raised.traceback)
        return raised.text
    number = secrets.token_hex(4)
    _LOG.error("job %s (%s) failed, error %s\n%s", run.job_id, run.task, number, raised.traceback)
    return f"{run.task} failed: {raised.text}. This is a defect of the task; the service's log has more under error {number}."


def _exit_text(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = {
        "SIGKILL": ", perhaps for lack of memory",
        "SIGXCPU": ": too much processor time",
        "SIGSEGV": ": a crash in compiled code",
    }
    return f"ended by {name}{hint.get(name, '')}"
