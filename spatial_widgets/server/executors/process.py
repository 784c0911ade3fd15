"""Runs each job in a process of its own, which can be killed at any moment without harm to the others."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Literal

from spatial_widgets.server import child
from spatial_widgets.server.executors.base import Emit, Exited, Handle, JobSpec, Lost, Started
from spatial_widgets.server.processes import end_group, kill_group, kill_process, start_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

    from spatial_widgets.server.schema import JobRow

__all__ = ["ProcessExecutor"]

# One job, one core: the slots share the machine, not the libraries inside them.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class ProcessExecutor:
    """One fresh process per job.

    On Linux workers are forked from a server process that has imported the task modules, in 20 ms or so;
    elsewhere each is a new interpreter. Tasks are found by module and name in the default registry.

    Parameters
    ----------
    workers : jobs at the same time; cores less one, at most four, by default.
    method : ``"forkserver"`` or ``"spawn"``; the faster one that is safe here by default.
    """

    name = "process"
    hard_kill = True

    def __init__(
        self, workers: int | None = None, *, method: Literal["forkserver", "spawn"] | None = None
    ) -> None:
        self._workers = workers or max(1, min(4, (os.cpu_count() or 1) - 1))
        chosen = method or ("forkserver" if sys.platform == "linux" else "spawn")
        self._can_fork = chosen == "forkserver"
        self._processes: Any = multiprocessing.get_context(chosen)
        # multiprocessing polls all children at each start; two threads in there could steal an exit code.
        self._starting = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._handles: set[Handle] = set()
        self._closed = False

    def capacity(self) -> int:
        """Return how many jobs run at the same time."""
        return self._workers

    def open(self, modules: Sequence[str], changed: Callable[[], None]) -> None:  # noqa: ARG002 -- it never changes
        """Prepare for tasks of these modules."""
        self.warm(modules)

    def warm(self, modules: Sequence[str]) -> None:
        """Import the task modules once, in the background, where workers are forked from."""
        if self._can_fork:
            self._processes.set_forkserver_preload([child.__name__, *modules])
            self._in_background(self._first_worker)

    def start(self, handle: Handle, emit: Emit) -> None:
        """Start a worker and a thread that listens to it."""
        self._handles.add(handle)
        self._in_background(self._attend, handle, emit)

    def kill(self, handle: Handle) -> None:
        """Send SIGKILL to the worker and to everything it has started."""
        handle.killed.set()
        process: BaseProcess | None = handle.worker
        # ValueError: the thread that listens has just seen its end.
        with contextlib.suppress(ValueError, OSError):
            if process is not None and process.pid is not None and not wait([process.sentinel], 0):
                kill_process(process.pid)

    def reap(self, row: JobRow) -> bool:
        """Kill a worker that an earlier service left behind."""
        return end_group(row.pid, row.pid_start)

    def close(self) -> None:
        """Kill all workers and wait for the threads that listen to them."""
        self._closed = True
        for handle in list(self._handles):
            self.kill(handle)
        for thread in list(self._threads):
            thread.join(10.0)

    # ------------------------------------------------------------ in threads of its own

    def _in_background(self, target: Any, *arguments: Any) -> None:
        def run() -> None:
            try:
                target(*arguments)
            finally:
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(
            target=run, name=f"spatial-widgets-{target.__name__.strip('_')}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _first_worker(self) -> None:
        with self._starting:
            if not self._closed:
                process = self._launch(child.nothing)
                process.join()
                process.close()

    def _launch(self, target: Any, *arguments: Any) -> BaseProcess:
        with _single_threaded_libraries():
            process: BaseProcess = self._processes.Process(
                target=target, args=arguments, name="spatial-widgets-worker"
            )
            process.start()
        return process

    def _start_worker(self, spec: JobSpec) -> tuple[Connection, BaseProcess]:
        receiver, sender = self._processes.Pipe(duplex=False)
        try:
            return receiver, self._launch(child.work, spec, sender)
        except BaseException:
            receiver.close()
            raise
        finally:
            sender.close()

    def _take_turn(self, handle: Handle) -> bool:
        """Wait until a worker may be started; the first time that takes as long as the imports do."""
        while not self._starting.acquire(timeout=0.02):
            if handle.killed.is_set():
                return False
        return True

    def _attend(self, handle: Handle, emit: Emit) -> None:
        if not self._take_turn(handle):
            self._handles.discard(handle)
            emit(Exited(None))
            return
        try:
            receiver, process = self._start_worker(handle.spec)
        except Exception as error:  # noqa: BLE001 -- no memory, no process, no pickle: the job must hear of it
            self._handles.discard(handle)
            emit(Lost(f"its worker could not be started ({type(error).__name__}: {error})"))
            return
        finally:
            self._starting.release()
        pid = process.pid or 0
        mark = start_mark(pid)
        handle.worker = process
        emit(Started(pid, mark))
        if handle.killed.is_set():
            self.kill(handle)
        try:
            _listen(receiver, process, emit)
        finally:
            receiver.close()
            emit(self._ended(handle, process, pid, mark))

    def _ended(self, handle: Handle, process: BaseProcess, pid: int, mark: str | None) -> Exited | Lost:
        # The sentinel also fires when the process forked from died and left its workers alive.
        gone = end_group(pid, mark)
        kill_group(pid)  # what the worker had started outlives it in its group
        with self._starting:
            process.join()
            code = process.exitcode
            handle.worker = None
            process.close()
        self._handles.discard(handle)
        return Exited(code) if gone else Lost(f"its process {pid} cannot be ended")


def _listen(receiver: Connection, process: BaseProcess, emit: Emit) -> None:
    """Pass on what the worker says until it is gone, and whatever was still on the way then."""
    sources: list[Any] = [receiver, process.sentinel]
    while True:
        ready = wait(sources)
        if process.sentinel in ready and process.pid is not None:
            # What the worker has started may hold the pipe open in the middle of a word.
            kill_group(process.pid)
        if receiver in ready:
            try:
                emit(receiver.recv())
            except Exception:  # noqa: BLE001 -- closed, or cut off in the middle of a word by a kill
                sources.remove(receiver)
        elif ready:
            return


@contextlib.contextmanager
def _single_threaded_libraries() -> Iterator[None]:
    """Let processes started here inherit one thread per numeric library; this process keeps its own settings."""
    added = {name: value for name, value in _ONE_THREAD.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
