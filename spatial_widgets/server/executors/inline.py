"""Runs a job in the calling thread: for tests, and where no process can be started."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

from spatial_widgets.server.child import execute
from spatial_widgets.server.executors.base import Emit, Exited, Handle, Lost, Raised
from spatial_widgets.server.handover import handed_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.schema import JobRow

__all__ = ["InlineExecutor"]


class InlineExecutor:
    """Runs one job at a time, in the thread that starts it.

    It cannot end a task by force: a cancelled or overdue task ends at its next ``ctx.check()``, message or
    progress report. Parallel jobs, memory limits and crash safety come with the process executor only.
    """

    name = "inline"
    hard_kill = False

    def __init__(self, registry: Mapping[str, Task]) -> None:
        self._registry = registry

    def capacity(self) -> int:
        """Return 1."""
        return 1

    def open(self, modules: Sequence[str], changed: Callable[[], None]) -> None:
        """Do nothing."""

    def start(self, handle: Handle, emit: Emit) -> None:
        """Run the job; every event has been emitted when this returns."""
        try:
            task = handed_task(handle.spec.folder) or self._registry.get(handle.spec.task)
        except Exception as error:  # noqa: BLE001 -- somebody's code may fail in any way when it is read
            emit(Raised(f"{type(error).__name__}: {error}", is_defect=True, traceback=traceback.format_exc()))
            emit(Exited(0))
            return
        if task is None:
            emit(Lost(f"there is no task {handle.spec.task!r}"))
            return
        until = time.monotonic() + handle.spec.timeout_s
        try:
            execute(
                task,
                handle.spec,
                emit,
                is_cancelled=lambda: handle.killed.is_set() or time.monotonic() > until,
            )
        finally:
            emit(Exited(0))

    def kill(self, handle: Handle) -> None:
        """Ask the job to stop."""
        handle.killed.set()

    def reap(self, row: JobRow) -> bool:  # noqa: ARG002 -- it leaves no process behind
        """Return True: what ran in a thread of a process that is gone is gone too."""
        return True

    def close(self) -> None:
        """Do nothing."""
