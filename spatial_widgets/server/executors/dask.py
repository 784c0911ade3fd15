"""Runs jobs on a Dask cluster: each attempt is one Dask task, which watches over a child process.

What Dask gives is a place to run and a way to talk; what it does not give, a hard cancel, a time limit and
"at most once", comes from the child process, from a token per attempt, and from the store's fence. It is long because
one class holds all that is known of the cluster, which its own thread and those of Dask change.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import queue
import secrets
import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.server.executors.base import Emit, Event, Exited, Handle, Lost, Output, Started
from spatial_widgets.server.executors.relay import Relay
from spatial_widgets.server.jobfiles import place_result
from spatial_widgets.server.limits import MEBIBYTE
from spatial_widgets.server.processes import end_group

try:
    import dask
    import distributed

    from spatial_widgets.server.executors import daskworker
except ImportError as error:
    raise SpatialWidgetsError(
        f'The Dask executor needs {error.name or "distributed"}. Install it with: pip install "spatial_widgets[dask]"'
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spatial_widgets.server.schema import JobRow

__all__ = ["DaskExecutor"]

_LOG = logging.getLogger("spatial_widgets.server")
_CONNECT_S = 10.0
_LOOK_EVERY_S = 0.5
_END_OLDER_S = 5.0
_SETTINGS = {
    # Workers have children, which a daemon may not have; and a job whose worker is lost is not Dask's to repeat.
    "distributed.worker.daemon": False,
    "distributed.scheduler.allowed-failures": 0,
    # Parameters are large where a worker does not see the store; the limit is the service's own.
    "distributed.admin.large-graph-warning-threshold": "1GB",
}


@dataclasses.dataclass(eq=False)
class _Attempt:
    """One attempt as the service sees it; ``worker`` is who began it, as far as it has been heard."""

    key: str
    handle: Handle
    relay: Relay
    future: Any = None
    queue: Any = None
    worker: str | None = None
    missing: int = 0


class DaskExecutor:
    """One Dask task per attempt, with the work in a child process of the worker.

    Parameters
    ----------
    address : the scheduler, ``"tcp://host:8786"``; without one a cluster of its own is started on this machine.
    workers : jobs at the same time, at most; as many as the cluster has threads by default.
    carried_bytes : the most that the outputs of a job, and the files that its inputs name, may each have together
        where its worker does not see the store.

    Raises
    ------
    SpatialWidgetsError : ``distributed`` is not installed, or the scheduler does not answer.
    """

    name = "dask"
    hard_kill = True

    def __init__(
        self, address: str | None = None, workers: int | None = None, *, carried_bytes: int = 64 * MEBIBYTE
    ) -> None:
        self._workers = workers
        self._carried_bytes = carried_bytes
        self._topic = f"spatial-widgets-{secrets.token_hex(8)}"
        self._attempts: dict[str, _Attempt] = {}
        self._threads: dict[str, int] = {}
        self._prepared: set[str] = set()
        self._starts: queue.SimpleQueue[_Attempt | None] = queue.SimpleQueue()
        self._modules: Sequence[str] = ()
        self._changed: Callable[[], None] = lambda: None
        self._closed = False
        self._cluster: Any = None
        if address is None:
            self._cluster = _own_cluster(workers)
            address = str(self._cluster.scheduler_address)
        self._address = address
        self._client: Any = None
        try:
            self._connect()
        except (OSError, ValueError) as error:
            raise SpatialWidgetsError(
                f"No Dask scheduler answers at {address} ({type(error).__name__}: {error}). "
                "Start one with `dask scheduler`, or correct the address."
            ) from error
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------ the interface

    def capacity(self) -> int:
        """Return how many threads the cluster's workers have, by the last look, but not over ``workers``."""
        if self._client.status != "running":
            return 0
        threads = sum(self._threads.values())
        return threads if self._workers is None else min(threads, self._workers)

    def open(self, modules: Sequence[str], changed: Callable[[], None]) -> None:
        """Begin to look after the cluster."""
        self._modules, self._changed = modules, changed
        self._thread = threading.Thread(target=self._loop, name="spatial-widgets-dask", daemon=True)
        self._thread.start()

    def start(self, handle: Handle, emit: Emit) -> None:
        """Give an attempt to the cluster."""
        key = daskworker.attempt_key(handle.spec.job_id, handle.spec.attempt)
        attempt = self._attempts[key] = _Attempt(key, handle, Relay(emit))
        self._starts.put(attempt)

    def kill(self, handle: Handle) -> None:
        """Ask the worker to kill the attempt's child; an attempt that has not begun never will."""
        handle.killed.set()
        attempt = self._attempts.get(daskworker.attempt_key(handle.spec.job_id, handle.spec.attempt))
        if attempt is not None and attempt.queue is not None:
            self._on_loop(self._stop, attempt)

    def reap(self, row: JobRow) -> bool:
        """End what is left of a job's earlier attempts on any worker; return whether it is gone, as far as they answer."""
        mark, is_here = daskworker.home_of(row.pid_start)
        return (not is_here or end_group(row.pid, mark)) and self._end_older(row.id)

    def close(self) -> None:
        """End everything that still runs, and a cluster of our own with it."""
        self._closed = True
        self._starts.put(None)
        if self._thread is not None:
            self._thread.join(_END_OLDER_S + _CONNECT_S)
        for attempt in list(self._attempts.values()):
            self._forget(attempt, Lost("the service let the cluster go"))
        with contextlib.suppress(Exception):
            self._client.close(timeout=2)
        if self._cluster is not None:
            self._cluster.close(timeout=10)

    # ------------------------------------------------------------ a thread that looks after the cluster

    def _loop(self) -> None:
        while not self._closed:
            try:
                attempt = self._starts.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                attempt = None
            try:
                if attempt is not None:
                    self._submit(attempt)
                else:
                    self._look()
            except Exception as error:  # noqa: BLE001 -- whatever a cluster does, the jobs must hear of it
                _LOG.warning("the Dask cluster at %s: %s: %s", self._address, type(error).__name__, error)
                if attempt is not None:
                    self._forget(
                        attempt,
                        _lost(f"the Dask cluster could not take it ({type(error).__name__}: {error})"),
                    )

    def _submit(self, attempt: _Attempt) -> None:
        spec = attempt.handle.spec
        if spec.attempt > 1 and not self._end_older(spec.job_id):
            self._forget(attempt, Lost("an earlier attempt cannot be ended"))
            return
        if attempt.handle.killed.is_set():
            self._forget(attempt, Exited(None))
            return
        files = None if self._cluster is not None else daskworker.pack(spec.folder, self._carried_bytes)
        order = daskworker.Order(spec, self._topic, files, self._carried_bytes)
        attempt.queue = distributed.Queue(attempt.key, client=self._client)
        attempt.queue.put("may begin")
        with dask.config.set(_SETTINGS):
            attempt.future = self._client.submit(
                daskworker.run_attempt, order, key=attempt.key, pure=False, retries=0
            )
        attempt.future.add_done_callback(functools.partial(self._done, attempt))
        if attempt.handle.killed.is_set():
            self.kill(attempt.handle)

    def _look(self) -> None:
        if self._client.status != "running":
            self._reconnect()
            return
        before, self._threads = self._threads, dict(self._client.nthreads())
        fresh = [address for address in self._threads if address not in self._prepared]
        if fresh:
            self._client.run(daskworker.prepare, self._modules, workers=fresh, wait=False, on_error="ignore")
        self._prepared = set(self._threads)
        if before != self._threads:
            self._changed()
        for attempt in list(self._attempts.values()):
            gone = attempt.worker is not None and attempt.worker not in self._threads
            attempt.missing = attempt.missing + 1 if gone else 0
            if attempt.missing > 1:  # Dask itself may be about to say so, with more words
                self._forget(attempt, _lost(f"the Dask worker {attempt.worker} was lost"))
            elif attempt.handle.killed.is_set():
                self.kill(attempt.handle)

    def _connect(self) -> None:
        with dask.config.set({"distributed.comm.timeouts.connect": _CONNECT_S}):
            self._client = distributed.Client(self._address, timeout=_CONNECT_S, set_as_default=False)
        self._client.subscribe_topic(self._topic, self._hear)
        self._threads = dict(self._client.nthreads())

    def _reconnect(self) -> None:
        """Give everything up that the lost scheduler had, and look for one that is there again."""
        self._threads = {}
        for attempt in list(self._attempts.values()):
            if attempt.future is not None:
                self._forget(attempt, _lost(f"the connection to the Dask scheduler {self._address} was lost"))
        with contextlib.suppress(Exception):
            self._client.close(timeout=1)
        with contextlib.suppress(OSError):
            self._connect()
            _LOG.info("the Dask scheduler at %s answers again", self._address)
            self._changed()

    def _end_older(self, job_id: str) -> bool:
        pause = threading.Event()
        for _ in range(int(_END_OLDER_S / 0.1)):
            answers = self._client.run(daskworker.end_older, job_id, on_error="ignore")
            if all(answers.values()):
                return True
            pause.wait(0.1)
        return False

    # ------------------------------------------------------------ from distributed's own threads

    def _hear(self, event: tuple[float, Any]) -> None:
        key, worker, number, kind, values = event[1]
        attempt = self._attempts.get(key)
        if attempt is not None:
            if kind == Started.__name__:
                attempt.worker = worker
            attempt.relay.tell(number, daskworker.LIVE[kind](**values))

    def _done(self, attempt: _Attempt, future: Any) -> None:
        outcome = self._outcome(attempt, future)
        if isinstance(outcome, Lost):
            self._forget(attempt, outcome)
        elif attempt.relay.finish(outcome):
            self._drop(attempt)

    def _outcome(self, attempt: _Attempt, future: Any) -> Sequence[Event] | Lost:
        spec = attempt.handle.spec
        try:
            record = future.result(timeout=_CONNECT_S * 6)
            if record is None:
                return _lost("its Dask worker was lost")
            for event in record.events:
                if isinstance(event, Output) and event.result.file in record.files:
                    place_result(spec.folder, event.result, record.files[event.result.file])
        except distributed.scheduler.KilledWorker as error:
            return _lost(f"the Dask worker {getattr(error.last_worker, 'address', '')} was lost")
        except distributed.client.FutureCancelledError as error:
            return _lost(f"the Dask cluster gave it up ({error.reason})")
        except OSError as error:
            return Lost(f"its outputs could not be brought back ({error.strerror or error})")
        except Exception as error:  # noqa: BLE001 -- anything that a worker without our package, or with another one, raises
            text = f"the Dask worker could not run it ({type(error).__name__}: {error})"
            return Lost(f"{text}. Workers need the same version of spatial_widgets as the service")
        return tuple(record.events)

    # ------------------------------------------------------------ endings

    def _on_loop(self, action: Any, *arguments: Any) -> None:
        # An action that fails, for lack of a scheduler, is done again or needless by the next look.
        async def run() -> None:
            with contextlib.suppress(Exception):
                await action(*arguments)

        with contextlib.suppress(RuntimeError):
            self._client.loop.add_callback(run)

    async def _stop(self, attempt: _Attempt) -> None:
        await distributed.Event(attempt.key, client=self._client).set()
        if attempt.worker is None and await attempt.queue.get(batch=True):
            self._forget(attempt, Exited(None))  # we have its token: it can begin no more

    def _forget(self, attempt: _Attempt, *last: Event) -> None:
        if attempt.relay.end(*last):
            self._drop(attempt)

    def _drop(self, attempt: _Attempt) -> None:
        self._attempts.pop(attempt.key, None)
        if attempt.queue is not None:
            self._on_loop(self._tidy, attempt)

    async def _tidy(self, attempt: _Attempt) -> None:
        if attempt.future is not None and not attempt.future.done():
            await attempt.future.cancel()
        attempt.queue.close()
        await distributed.Event(attempt.key, client=self._client).clear()


def _lost(why: str) -> Lost:
    return Lost(why, is_engine=True)


def _own_cluster(workers: int | None) -> Any:
    with dask.config.set(_SETTINGS):
        return distributed.LocalCluster(
            n_workers=workers or max(1, min(4, (dask.system.CPU_COUNT or 1) - 1)),
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address=None,
            # The scheduler serves its health all the same, and would ask for the port that every cluster asks for.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.ERROR,
        )
