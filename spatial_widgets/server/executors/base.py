"""What the supervisor and an executor tell each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from spatial_widgets.server.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from spatial_widgets.server.jobfiles import ResultFile
    from spatial_widgets.server.schema import JobRow

__all__ = [
    "Emit",
    "Event",
    "Executor",
    "Exited",
    "Finished",
    "Handle",
    "JobSpec",
    "Lost",
    "Output",
    "Progress",
    "Raised",
    "Said",
    "Started",
]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One attempt at one job: all that a worker needs to know, and nothing that cannot be pickled.

    ``module`` is where the task is registered, ``folder`` the job's own.
    """

    job_id: str
    attempt: int
    task: str
    module: str
    folder: Path
    timeout_s: float
    messages: int
    message_chars: int
    result_bytes: int
    limits: Limits = field(default_factory=Limits)

    @property
    def scratch(self) -> Path:
        """The folder of this attempt alone, in which its task may write."""
        return self.folder / f"scratch.{self.attempt}"


@dataclass(frozen=True, slots=True)
class Started:
    """The worker runs, as this process."""

    pid: int
    start: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """The task wrote a message; ``type`` is Esri's word."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The task is so far."""

    percent: int
    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """An output is on the disk."""

    result: ResultFile


@dataclass(frozen=True, slots=True)
class Finished:
    """The task returned, and all its outputs are on the disk."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The task raised. ``is_defect`` tells a defect, with its traceback for the log, from a message to the user.

    ``was_stopped`` says that it ended because it was asked to.
    """

    text: str
    is_defect: bool
    traceback: str = ""
    was_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Exited:
    """The worker is gone for certain: its exit code, or minus the signal that ended it."""

    code: int | None


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker could not be started, or its end not be confirmed.

    ``is_engine`` says that the place where it ran was lost with it, so that the job may be run again elsewhere.
    """

    why: str
    is_engine: bool = False


Event = Started | Said | Progress | Output | Finished | Raised | Exited | Lost
Emit = Callable[[Event], None]


@dataclass(eq=False)
class Handle:
    """One running attempt, as the supervisor and the executor share it.

    ``killed`` is set before anything is killed, so that a kill which comes before the worker exists is not lost.
    """

    spec: JobSpec
    killed: threading.Event = field(default_factory=threading.Event)
    worker: Any = None


class Executor(Protocol):
    """Runs attempts and ends them.

    Whatever happens, a started attempt ends in exactly one :class:`Exited` or :class:`Lost`.
    """

    name: str
    hard_kill: bool
    """Whether :meth:`kill` ends any task, or only asks it to stop."""

    def capacity(self) -> int:
        """Return how many attempts may run at the same time."""

    def open(self, modules: Sequence[str], changed: Callable[[], None]) -> None:
        """Prepare, in the background, for tasks of these modules; call ``changed`` when the capacity is another."""

    def start(self, handle: Handle, emit: Emit) -> None:
        """Begin an attempt. ``emit`` may be called from any thread, also before this returns."""

    def kill(self, handle: Handle) -> None:
        """End an attempt, from any thread, without waiting for it; harmless when it has ended."""

    def reap(self, row: JobRow) -> bool:
        """End what an earlier service left running of a job; return whether it is gone."""

    def close(self) -> None:
        """End everything that still runs and give resources back."""
