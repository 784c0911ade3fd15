"""What runs inside a worker: the task, what it may say, and the guards that end it with its service.

Imported by the process that workers are forked from, so it starts nothing when imported.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pandas as pd

from spatial_widgets.codec.jsontext import json_pieces
from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol.message import ERROR, INFORMATIVE, WARNING
from spatial_widgets.server.executors.base import Emit, Finished, JobSpec, Output, Progress, Raised, Said
from spatial_widgets.server.featureserver.naming import HOSTED
from spatial_widgets.server.fileresults import file_results
from spatial_widgets.server.handover import handed_task
from spatial_widgets.server.inputs import Inputs
from spatial_widgets.server.jobfiles import write_layer_result, write_result
from spatial_widgets.server.outputs import encode_output, output_pieces
from spatial_widgets.server.processes import SUPPORTS_GROUPS, kill_process
from spatial_widgets.server.registry import REGISTRY, Task, is_file, is_hosted

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from spatial_widgets.protocol.parameter import ParameterInfo
    from spatial_widgets.server.fieldmemory import FieldMemory

__all__ = ["JobContext", "execute", "nothing", "work"]

_PROGRESS_EVERY_S = 0.1


class _Stopped(BaseException):
    """The job is to end now. No ``except Exception`` of a task should catch it."""


class JobContext:
    """What a running task can say and use; the one kind of :class:`~spatial_widgets.server.registry.Context`."""

    def __init__(self, spec: JobSpec, emit: Emit, is_cancelled: Callable[[], bool]) -> None:
        self.scratch = spec.scratch
        self.scratch.mkdir(mode=0o700, exist_ok=True)
        self.limits = spec.limits
        self._spec = spec
        self._emit = emit
        self._is_cancelled = is_cancelled
        self._said = 0
        self._percent = 0
        self._doing = ""
        self._shown_at = -_PROGRESS_EVERY_S

    def info(self, text: str) -> None:
        """Append an informative message to the job's log."""
        self._say(INFORMATIVE, text)

    def warn(self, text: str) -> None:
        """Append a warning."""
        self._say(WARNING, text)

    def error(self, text: str) -> None:
        """Append an error; the job goes on."""
        self._say(ERROR, text)

    def progress(self, percent: float, text: str = "") -> None:
        """Report how far the work is, 0 to 100; it never goes back."""
        self.check()
        whole = max(self._percent, min(100, max(0, int(percent))))
        doing = str(text)[: self._spec.message_chars]
        now = time.monotonic()
        # Every new percent is told, there are at most 100 of them; a text alone may change ten times a second.
        if whole == self._percent and (doing == self._doing or now - self._shown_at < _PROGRESS_EVERY_S):
            return
        self._percent, self._doing, self._shown_at = whole, doing, now
        self._emit(Progress(whole, doing))

    def check(self) -> None:
        """End the task here if the job was cancelled or is overdue."""
        if self._is_cancelled():
            raise _Stopped

    def rng(self, seed: int) -> np.random.Generator:
        """Return a seeded random generator and say the seed in the messages."""
        self.info(f"Random seed: {seed}.")
        return np.random.default_rng(seed)

    def _say(self, kind: str, text: str) -> None:
        self.check()
        self._said += 1
        if self._said <= self._spec.messages:
            most = self._spec.message_chars
            line = str(text)
            self._emit(Said(kind, line if len(line) <= most else line[: most - 1] + "…"))

    def close(self) -> None:
        """Say how many messages were dropped, if any were."""
        dropped = self._said - self._spec.messages
        if dropped > 0:
            self._emit(
                Said(WARNING, f"{dropped:,} messages dropped: a job may write {self._spec.messages:,}.")
            )


def execute(
    task: Task, spec: JobSpec, emit: Emit, *, is_cancelled: Callable[[], bool] = lambda: False
) -> None:
    """Run a task from its parameter file to its result files, and emit all that happens on the way."""
    context = JobContext(spec, emit, is_cancelled)
    try:
        context.check()
        inputs = Inputs.of(task, spec.folder, spec.limits)
        for remark in inputs.remarks:
            context.info(remark)
        outputs = task.call(context, inputs.read())
        context.check()
        end = _write(task, spec, inputs, outputs, emit)
    except _Stopped:
        end = Raised("The job was stopped.", is_defect=False, was_stopped=True)
    except (SpatialWidgetsError, ValueError) as error:
        end = Raised(str(error) or type(error).__name__, is_defect=False, traceback=traceback.format_exc())
    except RecursionError:
        end = Raised(
            "A parameter is nested too deeply to be read.", is_defect=False, traceback=traceback.format_exc()
        )
    except MemoryError:
        end = Raised("The job needed more memory than there is. Give it less to do.", is_defect=False)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a task does, the job ends with a word about it
        end = Raised(f"{type(error).__name__}: {error}", is_defect=True, traceback=traceback.format_exc())
    context.close()
    emit(end if isinstance(end, Finished) else replace(end, text=end.text[: spec.message_chars]))


def _write(
    task: Task, spec: JobSpec, inputs: Inputs, outputs: dict[str, object], emit: Emit
) -> Finished | Raised:
    has_name = (spec.folder / HOSTED).exists()
    for number, parameter in enumerate(task.outputs):
        name = parameter.name
        if name not in outputs:
            continue  # the service sees which output is missing, and names it
        try:
            value = inputs.environment.after(outputs[name], name)
            if is_file(parameter):
                files, named = file_results(spec, parameter, value)
                for file in files:
                    emit(Output(file))
                result = write_result(spec.folder, name, spec.attempt, json_pieces(named), spec.result_bytes)
            elif is_hosted(parameter) and has_name and isinstance(value, pd.DataFrame):
                write = functools.partial(_write_layer, parameter, value, inputs.fields)
                result = write_layer_result(spec.folder, name, spec.attempt, number, write, spec.result_bytes)
            else:
                _warn_of_limit(spec, name, value, emit)
                pieces = output_pieces(
                    parameter, value, most=spec.limits.maximum_records, fields=inputs.fields
                )
                result = write_result(spec.folder, name, spec.attempt, pieces, spec.result_bytes)
            emit(Output(result))
        except (TypeError, ValueError) as error:
            return Raised(
                f"The output {name!r} cannot be given out: {error}.",
                is_defect=False,
                traceback=traceback.format_exc(),
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return Raised(
                f"The output {name!r} could not be written: {reason}.",
                is_defect=True,
                traceback=traceback.format_exc(),
            )
    return Finished()


def _write_layer(parameter: ParameterInfo, value: pd.DataFrame, fields: FieldMemory, file: BinaryIO) -> None:
    from spatial_widgets.server.featureserver.layerwriter import write_layer

    write_layer(file, encode_output(parameter, value, fields=fields), name=parameter.name)


def _warn_of_limit(spec: JobSpec, name: str, value: object, emit: Emit) -> None:
    most = spec.limits.maximum_records
    if isinstance(value, pd.DataFrame) and len(value) > most:
        text = (
            f"The output {name} has {len(value):,} rows, and results are given out up to {most:,} (maximumRecords). "
            "Submit the job with an outputName to get all of them."
        )
        emit(Said(WARNING, text))


# ---------------------------------------------------------------- in a process of its own


def nothing() -> None:
    """Do nothing: the first worker of a service, which makes the second one quick."""


def work(spec: JobSpec, connection: Connection) -> None:
    """Be a worker: run one attempt, tell it through the connection, and end."""
    _leave_the_family()
    _watch_the_parent()
    _limit(spec)
    try:
        task = _find(spec)
    except Exception as error:  # noqa: BLE001 -- a task module may fail in any way when imported
        connection.send(
            Raised(f"{type(error).__name__}: {error}", is_defect=True, traceback=traceback.format_exc())
        )
    else:
        execute(task, spec, connection.send)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    # Not sys.exit: threads that a library left behind would hold the process, and tearing down takes time.
    os._exit(0)


def _leave_the_family() -> None:
    # In a session of its own a worker and whatever it starts can be killed as one group.
    if SUPPORTS_GROUPS:
        os.setsid()
    for name in ("SIGINT", "SIGTERM", "SIGCHLD", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.set_wakeup_fd(-1)


def _watch_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        # The process forked from outlives a killed service as long as a worker does, so that
        # PR_SET_PDEATHSIG would not help; the pipe to the service itself tells.
        parent.join()
        kill_process(os.getpid())

    threading.Thread(target=watch, name="spatial-widgets-watchdog", daemon=True).start()
    if sys.platform == "linux":
        _die_with(parent.sentinel)


def _die_with(pipe: int) -> None:
    """Let the kernel itself kill this process's group when the other end of a pipe is closed.

    The watchdog is a thread, and compiled code that holds the interpreter gives it no turn.
    Source: https://man7.org/linux/man-pages/man2/fcntl.2.html (F_SETOWN, F_SETSIG, O_ASYNC)
    """
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)


def _limit(spec: JobSpec) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    # The deadline comes first, but only as long as the service lives; and two threads may work.
    seconds = int(2 * spec.timeout_s) + 60
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def _find(spec: JobSpec) -> Task:
    handed = handed_task(spec.folder)
    if handed is not None:
        return handed
    importlib.import_module(spec.module)
    if spec.task not in REGISTRY:
        REGISTRY.load_installed()
    return REGISTRY[spec.task]
