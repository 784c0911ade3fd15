"""What the Dask executor runs on a worker: one attempt, in a child process that can be killed.

Dask cannot stop a task that runs, so the task only watches over a child and never computes itself. Only
``dask.py`` and this module import ``distributed``.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import dataclasses
import json
import multiprocessing
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import distributed

from spatial_widgets.server.executors.base import (
    Event,
    Exited,
    Handle,
    JobSpec,
    Lost,
    Output,
    Progress,
    Raised,
    Said,
    Started,
)
from spatial_widgets.server.executors.process import ProcessExecutor
from spatial_widgets.server.featureserver.naming import HOSTED
from spatial_widgets.server.handover import CODE
from spatial_widgets.server.inputs import ENVIRONMENT
from spatial_widgets.server.jobfiles import write_durably
from spatial_widgets.server.references import SOURCES
from spatial_widgets.server.spellings import REMARKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "LIVE",
    "Order",
    "Record",
    "attempt_key",
    "end_older",
    "home_of",
    "mark_at_home",
    "pack",
    "prepare",
    "run_attempt",
]

_LOOK_EVERY_S = 0.1
_ASK_EVERY_S = 0.2
_TIMEOUT_MARGIN_S = 5.0
_PARAMETERS = "parameters.json"
_SHARE = "Put the store in a folder that the workers see under the same path."
#: Events that are told while the attempt runs; the others come with its end.
LIVE: dict[str, type[Event]] = {kind.__name__: kind for kind in (Started, Said, Progress)}

_LOCK = threading.Lock()
_EXECUTORS: list[ProcessExecutor] = []
_RUNNING: dict[str, Handle] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """One attempt, as it travels to a worker.

    ``files`` are those of the job's folder (:func:`pack`), for a worker that cannot see it; None when it can.
    ``carried_bytes`` is the most that is sent to such a worker of files that inputs name, and that it may send back.
    """

    spec: JobSpec
    topic: str
    files: Mapping[str, bytes] | None
    carried_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """All that happened in an attempt, in order, and the files of its results where they must be carried."""

    events: tuple[Event, ...]
    files: dict[str, bytes]


def pack(folder: Path, most: int) -> dict[str, bytes]:
    """Return what a job has been given, by file name; not the files that its inputs name if they have over ``most`` bytes."""
    given = {
        name: text
        for name in (_PARAMETERS, ENVIRONMENT, SOURCES, REMARKS, HOSTED, CODE)
        if (text := _reads(folder / name)) is not None
    }
    named = [folder / name for name in _named(given)]
    if sum(path.stat().st_size for path in named) <= most:
        given |= {path.name: path.read_bytes() for path in named}
    return given


def _named(files: Mapping[str, bytes]) -> list[str]:
    """Return the names of the files that inputs name: uploads, and results of earlier jobs."""
    return list(json.loads(files.get(SOURCES, b"{}")).values())


def attempt_key(job_id: str, attempt: int) -> str:
    """Return the one name of an attempt: of its task, its claim and its stop signal."""
    return f"{job_id}-{attempt}"


def mark_at_home(mark: str | None) -> str | None:
    """Return a start mark that also names this machine."""
    return None if mark is None else f"{mark}@{socket.gethostname()}"


def home_of(mark: str | None) -> tuple[str | None, bool]:
    """Return the plain start mark, and whether it was made on this machine."""
    plain, _, host = (mark or "").partition("@")
    return plain or None, host == socket.gethostname()


def run_attempt(order: Order) -> Record | None:
    """Run one attempt to its end. None: another worker, or a cancel, was first, and nothing was run."""
    worker = distributed.get_worker()
    key = attempt_key(order.spec.job_id, order.spec.attempt)
    queue = distributed.Queue(key)
    try:
        # One token per attempt: when a worker is lost Dask may hand its task to the next one.
        if not queue.get(batch=True):
            return None
    finally:
        queue.close()
    with _folder(order) as (folder, is_shared):
        spec = dataclasses.replace(order.spec, folder=folder)
        if not is_shared:
            if not all((folder / name).exists() for name in _named(order.files or {})):
                return _left_out(order.carried_bytes)
            spec = dataclasses.replace(spec, result_bytes=min(spec.result_bytes, order.carried_bytes))
        transcript = _Transcript(worker, order.topic, key)
        _attend(worker, key, Handle(spec), transcript)
        if is_shared:
            return Record(tuple(transcript.events), {})
        return _carry(transcript.events, folder, order.carried_bytes)


def prepare(modules: Sequence[str]) -> None:
    """Import the task modules where this worker's children are forked from, in the background."""
    _executor(modules)


def end_older(job_id: str) -> bool:
    """Kill what this worker still runs of a job; return whether it is gone. Runs beside the worker's tasks."""
    handles = [handle for handle in list(_RUNNING.values()) if handle.spec.job_id == job_id]
    for handle in handles:
        _executor().kill(handle)
    return not handles


def _executor(modules: Sequence[str] = ()) -> ProcessExecutor:
    with _LOCK:
        if not _EXECUTORS:
            # A nanny starts its worker as a daemon, which may have no children; but this one ends them itself,
            # and they end themselves when it is killed.
            multiprocessing.current_process().daemon = False
            _EXECUTORS.append(ProcessExecutor(1))
            _EXECUTORS[0].warm(modules)
            atexit.register(_EXECUTORS[0].close)
        return _EXECUTORS[0]


def _attend(worker: Any, key: str, handle: Handle, transcript: _Transcript) -> None:
    executor = _executor([handle.spec.module])
    stop = threading.Event()
    worker.loop.add_callback(_listen_for_stop, key, stop, transcript.ended)
    until = time.monotonic() + handle.spec.timeout_s + _TIMEOUT_MARGIN_S
    _RUNNING[key] = handle
    try:
        executor.start(handle, transcript.add)
        while not transcript.ended.wait(_LOOK_EVERY_S):
            # The service watches the time limit; this is for the case that it cannot reach us.
            if stop.is_set() or _is_abandoned(worker, key) or time.monotonic() > until:
                executor.kill(handle)
    finally:
        executor.kill(handle)
        transcript.ended.wait()
        _RUNNING.pop(key, None)


def _is_abandoned(worker: Any, key: str) -> bool:
    """Whether nobody waits for the outcome: the worker closes, or the scheduler took the task back."""
    state = worker.state.tasks.get(key)
    return worker.status is not distributed.Status.running or state is None or state.state == "cancelled"


async def _listen_for_stop(key: str, stop: threading.Event, ended: threading.Event) -> None:
    event = distributed.Event(key, client=distributed.get_client())
    while not ended.is_set():
        with contextlib.suppress(Exception):  # a scheduler that is gone shows in the worker's own status
            if await event.is_set():
                stop.set()
                return
        await asyncio.sleep(_ASK_EVERY_S)


class _Transcript:
    """The events of an attempt: those that matter now are told at once, all are kept for the end."""

    def __init__(self, worker: Any, topic: str, key: str) -> None:
        self.events: list[Event] = []
        self.ended = threading.Event()
        self._worker, self._topic, self._key = worker, topic, key

    def add(self, event: Event) -> None:
        if isinstance(event, Started):
            event = Started(event.pid, mark_at_home(event.start))
        kind = type(event).__name__
        if kind in LIVE:
            told = [self._key, self._worker.address, len(self.events), kind, dataclasses.asdict(event)]
            with contextlib.suppress(
                Exception
            ):  # no scheduler: the end of the attempt will say it all, or nobody asks
                self._worker.log_event(self._topic, told)
        self.events.append(event)
        if isinstance(event, (Exited, Lost)):
            self.ended.set()


@contextlib.contextmanager
def _folder(order: Order) -> Iterator[tuple[Path, bool]]:
    """Give the job's own folder where this worker sees it, else one that is gone afterwards."""
    own = order.spec.folder
    if order.files is None or _reads(own / _PARAMETERS) == order.files[_PARAMETERS]:
        yield own, True
        return
    with tempfile.TemporaryDirectory(prefix="spatial-widgets-") as name:
        for file, content in order.files.items():
            write_durably(
                Path(name) / file, content
            )  # nobody else may write it: the task's code is among them
        yield Path(name), False


def _reads(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _carry(events: Sequence[Event], folder: Path, most: int) -> Record:
    results = [event.result for event in events if isinstance(event, Output)]
    size = sum(result.size for result in results)
    if size <= most:
        return Record(tuple(events), {result.file: (folder / result.file).read_bytes() for result in results})
    refused = Raised(
        f"The outputs have {size:,} bytes, and at most {most:,} can be brought back from a Dask worker that does "
        f"not see the service's store. {_SHARE}",
        is_defect=False,
    )
    kept = [event for event in events if not isinstance(event, Output)]
    return Record((*kept[:-1], refused, *kept[-1:]), {})


def _left_out(most: int) -> Record:
    refused = Raised(
        f"The uploads and earlier results among the inputs have over {most:,} bytes, the most that is sent to a Dask "
        f"worker that does not see the service's store. {_SHARE}",
        is_defect=False,
    )
    return Record((refused, Exited(0)), {})
