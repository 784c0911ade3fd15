"""Many jobs of one task: a few at a time, none twice, and none lost when the session ends."""

from __future__ import annotations

import asyncio
import functools
import secrets
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, Self

import pandas as pd

from spatial_widgets.client.auth import hidden as hide
from spatial_widgets.client.batchfile import BatchFile
from spatial_widgets.client.batchrow import BatchRow, Stage, rows_of
from spatial_widgets.client.job import Job
from spatial_widgets.client.poller import Poller
from spatial_widgets.client.submissions import Submissions
from spatial_widgets.client.verdict import verdict
from spatial_widgets.errors import ParameterError, SpatialWidgetsError, WaitTimeout
from spatial_widgets.protocol import JobInfo, JobStatus

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Hashable, Iterator, Mapping

    from spatial_widgets.client.task import GPTask
    from spatial_widgets.client.watch import Watch

__all__ = ["Batch", "OnError", "map_rows"]

OnError = Literal["keep", "raise"]
_LOOK_S = 0.5  # an interrupt comes through between two looks


class Batch:
    """One job for each of many sets of parameters, made by :meth:`GPTask.map`; it runs in the background.

    ``len(batch)`` is the number of rows, ``await batch`` gives what ``dict(batch.results())`` does. At the end of a
    notebook's cell it shows its jobs as a table.

    Attributes
    ----------
    task : whose jobs they are.
    error : why nothing more is submitted, though rows are left: no contact to the service for a minute, or a login that it
        refuses. None while all is well. :meth:`resume` goes on.

    Notes
    -----
    Thread-safe. Cost: one POST and the polls of :meth:`Job.wait` for each row, at most ``max_running`` jobs at a time.
    """

    def __init__(
        self, task: GPTask, rows: list[BatchRow], *, max_running: int = 8, on_error: OnError = "keep"
    ) -> None:
        if isinstance(max_running, bool) or not isinstance(max_running, int) or max_running < 1:
            raise ParameterError(
                f"max_running must be a whole number of at least 1, got {max_running!r}.",
                parameter="max_running",
                value=max_running,
            )
        if on_error not in ("keep", "raise"):
            raise ParameterError(
                f"on_error must be 'keep' or 'raise', got {on_error!r}.", parameter="on_error", value=on_error
            )
        self.task = task
        self.error: Exception | None = None
        self._rows = rows
        self._max_running, self._on_error = max_running, on_error
        self._changed = threading.Condition(threading.RLock())
        self._file: BatchFile | None = None
        self._is_cancelled = False
        self._listeners: list[Callable[[Job], None]] = []
        self._bells: list[Callable[[], None]] = []
        self._submissions = Submissions(task)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        counts = Counter(JobStatus.parse(row.status).label for row in self._rows)
        said = ", ".join(f"{number:,} {word.lower()}" for word, number in counts.items())
        return f"<Batch of {len(self):,} {self.task.name} jobs: {said or 'none'}>"

    # ------------------------------------------------------------ what is known, without a request

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs there are, in the order of their rows."""
        return tuple(row.job for row in self._rows if row.job is not None)

    @property
    def errors(self) -> dict[Hashable, Exception]:
        """Label to error, of the rows that ended other than well."""
        return {row.label: row.error for row in self._rows if row.error is not None}

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each job: its parameters, ``job_id``, ``status`` (the wire value), ``error`` and ``result``, a summary of what was loaded."""
        names = dict.fromkeys(name for row in self._rows for name in row.shown)
        table = {name: [row.shown.get(name) for row in self._rows] for name in names}
        table |= {
            "job_id": [row.job.job_id if row.job else None for row in self._rows],
            "status": [row.status for row in self._rows],
            "error": [str(row.error) if row.error else None for row in self._rows],
            "result": [_summary(row.job) if row.job else None for row in self._rows],
        }
        return pd.DataFrame(table, index=pd.Index([row.label for row in self._rows], tupleize_cols=False))

    def done(self) -> bool:
        """Whether every row has ended."""
        return all(row.stage is Stage.OVER for row in self._rows)

    # ------------------------------------------------------------ waiting

    def wait(self, timeout: float | None = None) -> Self:
        """Block until every row has ended; the batch itself is returned.

        Raises
        ------
        WaitTimeout : ``timeout`` seconds were not enough; the batch goes on.
        SpatialWidgetsError : the batch stopped, see :attr:`error`; :meth:`resume` goes on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        self._wait_for(self.done, end)
        return self

    def results(
        self, name: str | None = None, *, as_completed: bool = False, **options: Any
    ) -> Iterator[tuple[Hashable, Any]]:
        """Iterate over ``(label, value)`` of the rows that succeed, waiting for each.

        Parameters
        ----------
        name, **options : as for :meth:`Job.result`; without a name, the only output or a dict of all.
        as_completed : give the rows as they end, and not in their order.

        Raises
        ------
        SpatialWidgetsError : with ``on_error="raise"``, the first error of a row. With ``"keep"`` rows that ended other
            than well are passed over; :attr:`errors` and :attr:`frame` tell of them.
        """
        left = list(self._rows)
        while left:
            ready = functools.partial(self._first_over, left if as_completed else left[:1])
            row = self._wait_for(ready, None)
            left.remove(row)
            try:
                if row.error is not None:
                    raise row.error
                value = row.job.result(name, **options)
            except SpatialWidgetsError as error:
                self._note_error(row, error)
                if self._on_error == "raise":
                    raise
            else:
                yield row.label, value

    def __await__(self) -> Generator[Any, None, dict[Hashable, Any]]:
        return self._outcome().__await__()

    async def _outcome(self) -> dict[Hashable, Any]:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._bells.append(ring)
        try:
            while not self.done():
                if self.error is not None:
                    raise self.error
                changed.clear()
                if not self.done():
                    await asyncio.wait({asyncio.ensure_future(changed.wait())}, timeout=_LOOK_S)
        finally:
            self._bells.remove(ring)
        values = {}
        for row in self._rows:
            try:
                if row.error is not None:
                    raise row.error
                if row.job is not None:
                    values[row.label] = await row.job
            except SpatialWidgetsError as error:
                self._note_error(row, error)
                if self._on_error == "raise":
                    raise
        return values

    def _wait_for(self, ready: Callable[[], Any], end: float | None) -> Any:
        if Poller.shared().is_current_thread():
            raise RuntimeError(
                "Waiting inside an observer would wait for itself; wait in another thread or cell."
            )
        with self._changed:
            while not (found := ready()):
                if self.error is not None:
                    raise self.error
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise WaitTimeout(f"{self!r} has not ended yet; it goes on. Call wait() again.")
                self._changed.wait(_LOOK_S if left is None else min(left, _LOOK_S))
            return found

    def _first_over(self, rows: list[BatchRow]) -> BatchRow | None:
        return next((row for row in rows if row.stage is Stage.OVER), None)

    # ------------------------------------------------------------ steering

    def cancel(self) -> Self:
        """Submit nothing more, and ask the service to cancel what runs; returns at once.

        One POST for each job that runs, on the request pool.
        """
        with self._changed:
            self._is_cancelled = True  # for those that are being submitted
            for row in self._rows:
                if row.stage is Stage.NEW:
                    self._end(
                        row, SpatialWidgetsError("The batch was cancelled before this row was submitted.")
                    )
            running = [row for row in self._rows if row.stage is Stage.RUNNING]
        for row in running:
            if row.job is not None:
                self._submissions.errand(row.job.cancel)
        return self

    def resume(self, *, auth: Any = None) -> Self:
        """Go on after :attr:`error`; with ``auth``, under another login."""
        if auth is not None:
            self.task = type(self.task.service)(self.task.service.url, auth=hide(auth)).task(self.task.name)
            self._submissions = Submissions(self.task)
        with self._changed:
            self.error = None
        self._submissions.forgive()
        self.go_on()
        return self

    def on_submit(self, listener: Callable[[Job], None]) -> None:
        """Call ``listener(job)`` for each job there is, and for each one that is submitted, on whatever thread."""
        with self._changed:
            self._listeners.append(listener)
            jobs = self.jobs
        for job in jobs:
            listener(job)

    # ------------------------------------------------------------ going on

    def go_on(self) -> None:
        """Submit as many rows as may run now."""
        with self._changed:
            if self.error is not None or self._submissions.is_paused():
                return
            busy = sum(row.stage in (Stage.SENDING, Stage.RUNNING) for row in self._rows)
            waiting = (row for row in self._rows if row.stage is Stage.NEW)
            chosen = [row for row, _ in zip(waiting, range(self._max_running - busy), strict=False)]
            for row in chosen:
                row.stage = Stage.SENDING
                row.key = row.key or secrets.token_hex(16)
        for row in chosen:
            self._submissions.errand(functools.partial(self._submit, row))

    def _submit(self, row: BatchRow) -> None:
        """Submit one row; on a thread of the request pool."""
        try:
            self._write(row)  # before anything is sent: whoever goes on after us knows the key
            job = self._submissions.submit(row)
        except Exception as error:  # noqa: BLE001 -- kept in the row
            self._not_submitted(row, error)
            return
        with self._changed:
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
        with self._changed:
            if pause_s is None or self._is_cancelled:
                self._end(row, error)
            else:
                row.stage = Stage.NEW
                if self._submissions.is_hopeless(error):
                    self.error = error
                self._tell()
        self._write(row)
        Poller.shared().call(self.go_on, delay_s=pause_s or 0.0)

    def _follow(self, row: BatchRow) -> None:
        if row.job is not None:
            Poller.shared().watch(row.job, functools.partial(self._on_change, row))

    def _on_change(self, row: BatchRow, watch: Watch) -> None:
        """See whether a row has ended; on the poller's thread."""
        refusal = None if watch.is_lost else watch.error
        if row.stage is Stage.OVER or row.job is None or not (row.job.done() or refusal):
            return
        with self._changed:
            self._end(row, verdict(row.job) if row.job.done() else refusal)
        self._write(row)
        self.go_on()

    def _end(self, row: BatchRow, error: BaseException | None) -> None:
        """Note the end of a row; the lock is held."""
        row.stage = Stage.OVER
        row.error = error if isinstance(error, Exception) else None
        if row.error is not None and self._on_error == "raise":
            for other in self._rows:
                if other.stage is Stage.NEW:
                    other.stage = Stage.OVER
                    other.error = SpatialWidgetsError(
                        f"Not submitted, as row {row.label!r} ended in an error and on_error is 'raise'."
                    )
        self._tell()

    def _note_error(self, row: BatchRow, error: Exception) -> None:
        if row.error is None:
            row.error = error
            self._write(row)

    def _tell(self) -> None:
        self._changed.notify_all()
        for ring in list(self._bells):
            ring()

    # ------------------------------------------------------------ tomorrow

    def save(self, path: str | os.PathLike[str]) -> Self:
        """Write the batch to a new file, and go on writing there, so that :meth:`load` finds it as it stands.

        The file is readable by its owner only. It holds the parameters of the rows that are not submitted yet, no token,
        and no results: these stay at the service as long as that keeps them.

        Raises
        ------
        SpatialWidgetsError : the file is there already, or cannot be written.
        ParameterError : a parameter is hidden, as passwords are.
        """
        settings = {
            "service": self.task.service.url,
            "task": self.task.name,
            "max_running": self._max_running,
            "on_error": self._on_error,
        }
        hidden = {p.name for p in self.task.info().inputs if "GPStringHidden" in p.data_type}
        with self._changed:
            file = BatchFile(path, is_new=True)
            try:
                file.write_all(settings, self._rows, hidden=hidden)
            except BaseException:
                file.close()
                file.path.unlink(missing_ok=True)
                raise
            before, self._file = self._file, file
        if before is not None:
            before.close()
        return self

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, auth: Any = None) -> Self:
        """Go on with a batch that was saved, in this or any later session; returns at once.

        Jobs that ran are watched again, rows that were not submitted are. A row whose submit had no answer is asked for once
        more where the service makes one job of all submits with one key, as the local one does; elsewhere it ends in an error, as
        the job may be there.

        Parameters
        ----------
        auth : as for :class:`GPService`; no token is in the file.

        Raises
        ------
        SpatialWidgetsError : the file cannot be read, is no batch, or another session goes on with it.
        """
        from spatial_widgets.client.service import GPService

        auth = hide(auth)
        file = BatchFile(path, is_new=False)
        try:
            settings, saved = file.settings(), file.rows()
            task = GPService(settings["service"], auth=auth).task(settings["task"])
            batch = cls(
                task,
                [row for row, _, _ in saved],
                max_running=settings["max_running"],
                on_error=settings["on_error"],
            )
        except BaseException:
            file.close()
            raise
        batch._file = file
        with batch._changed:
            for row, job_id, status in saved:
                batch._take_up(row, job_id, status)
        batch.go_on()
        return batch

    def _take_up(self, row: BatchRow, job_id: str | None, status: str | None) -> None:
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

    def _write(self, row: BatchRow) -> None:
        file = self._file
        if file is None:
            return
        try:
            file.write(row)
        except SpatialWidgetsError as error:
            with self._changed:
                self.error = self.error or error
                self._tell()


def map_rows(
    task: GPTask, rows: Any, common: Mapping[str, Any], *, max_running: int, on_error: OnError
) -> Batch:
    """Return a batch that has begun; as :meth:`GPTask.map` says."""
    batch = Batch(task, rows_of(task, rows, common), max_running=max_running, on_error=on_error)
    batch.go_on()
    return batch


def _summary(job: Job) -> str | None:
    """Return what was loaded of a job's results, in a line."""
    said = []
    for name in job.info.results:
        if job.results.is_loaded(name):
            value = job.results[name]
            size = f" of {len(value):,} rows" if isinstance(value, pd.DataFrame) else f" {str(value)[:60]}"
            said.append(f"{name}: {type(value).__name__}{size}")
    return "; ".join(said) or None
