"""Many jobs of one task: a few at a time, none twice, and none lost when the session ends.

Nearly all of it is the public class and its documentation; rows, file and course are modules of their own.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from spatial_widgets.client.auth import hidden as hide
from spatial_widgets.client.batchfile import BatchFile
from spatial_widgets.client.batchrow import BatchRow, Stage, rows_of
from spatial_widgets.client.batchrun import BatchRun, OnError
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.protocol import JobStatus

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Hashable, Iterator, Mapping

    from spatial_widgets.client.job import Job
    from spatial_widgets.client.task import GPTask

__all__ = ["Batch", "OnError", "map_rows"]

_OWN = {"job_id", "status", "error", "result"}  # columns of every frame
_LOOK_S = 0.5  # an interrupt comes through between two looks


class Batch:
    """One job for each of many sets of parameters, made by :meth:`GPTask.map`; it runs in the background.

    ``len(batch)`` is the number of rows, ``await batch`` gives what ``dict(batch.results())`` does. At the end of a
    notebook's cell it shows its jobs as a table.

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
        self._rows = rows
        self._run = BatchRun(task, rows, max_running=max_running, on_error=on_error)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        counts = Counter(JobStatus.parse(row.status).label for row in self._rows)
        said = ", ".join(f"{number:,} {word.lower()}" for word, number in counts.items())
        return f"<Batch of {len(self):,} {self.task.name} jobs: {said or 'none'}>"

    # ------------------------------------------------------------ what is known, without a request

    @property
    def task(self) -> GPTask:
        """The task whose jobs they are."""
        return self._run.task

    @property
    def error(self) -> Exception | None:
        """Why nothing more is submitted, though rows are left: no contact to the service, or a login that it refuses.

        None while all is well; :meth:`resume` goes on.
        """
        return self._run.error

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs there are, in the order of their rows."""
        return tuple(row.job for row in self._rows if row.job is not None)

    @property
    def errors(self) -> dict[Hashable, Exception]:
        """Label to error, of the rows that ended other than well, and of those whose results could not be read."""
        return {row.label: row.trouble for row in self._rows if row.trouble is not None}

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each job: its parameters, ``job_id``, ``status`` (the wire value), ``error`` and ``result``, a summary of what was loaded.

        A parameter that has one of these four names has ``parameter_`` before it.
        """
        names = dict.fromkeys(name for row in self._rows for name in row.shown)
        table = {
            f"parameter_{name}" if name in _OWN else name: [row.shown.get(name) for row in self._rows]
            for name in names
        }
        table |= {
            "job_id": [row.job.job_id if row.job else None for row in self._rows],
            "status": [row.status for row in self._rows],
            "error": [str(row.trouble) if row.trouble else None for row in self._rows],
            "result": [row.loaded for row in self._rows],
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
        self._run.wait_for(self.done, end)
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
            than well are passed over; :attr:`errors` and :attr:`frame` tell of them. One whose result could not be
            read is read again the next time.
        """
        left = list(self._rows)
        while left:
            ready = functools.partial(self._first_over, left if as_completed else left[:1])
            row = self._run.wait_for(ready, None)
            left.remove(row)
            try:
                if row.error is not None:
                    raise row.error
                value = row.job.result(name, **options)
            except SpatialWidgetsError as error:
                row.unread = error
                if self._run.on_error == "raise":
                    raise
            else:
                row.unread = None
                yield row.label, value

    def __await__(self) -> Generator[Any, None, dict[Hashable, Any]]:
        return self._outcome().__await__()

    async def _outcome(self) -> dict[Hashable, Any]:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._run.ring(ring)
        try:
            while not self.done():
                if self.error is not None:
                    raise self.error
                changed.clear()
                if not self.done():
                    await asyncio.wait({asyncio.ensure_future(changed.wait())}, timeout=_LOOK_S)
        finally:
            self._run.stop_ringing(ring)
        values = {}
        for row in self._rows:
            try:
                if row.error is not None:
                    raise row.error
                if row.job is not None:
                    values[row.label] = await row.job
                    row.unread = None
            except SpatialWidgetsError as error:
                row.unread = error
                if self._run.on_error == "raise":
                    raise
        return values

    def _first_over(self, rows: list[BatchRow]) -> BatchRow | None:
        return next((row for row in rows if row.stage is Stage.OVER), None)

    # ------------------------------------------------------------ steering

    def cancel(self) -> Self:
        """Submit nothing more, and ask the service to cancel what runs; returns at once.

        One POST for each job that runs, on the request pool.
        """
        self._run.cancel()
        return self

    def resume(self, *, auth: Any = None) -> Self:
        """Go on after :attr:`error`; with ``auth``, under another login, also with the jobs that run."""
        task = None
        if auth is not None:
            task = type(self.task.service)(self.task.service.url, auth=hide(auth)).task(self.task.name)
        self._run.resume(task)
        return self

    def on_submit(self, listener: Callable[[Job], None]) -> None:
        """Call ``listener(job)`` for each job there is, for each one that is submitted, and again for one that
        :meth:`resume` follows under another login; on whatever thread.
        """
        self._run.listen(listener)

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
            "max_running": self._run.max_running,
            "on_error": self._run.on_error,
        }
        hidden = {p.name for p in self.task.info().inputs if "GPStringHidden" in p.data_type}
        with self._run.changed:
            file = BatchFile(path, is_new=True)
            try:
                file.write_all(settings, self._rows, hidden=hidden)
            except BaseException:
                file.close()
                file.path.unlink(missing_ok=True)
                raise
            before, self._run.file = self._run.file, file
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
        batch._run.file = file
        with batch._run.changed:
            for row, job_id, status in saved:
                batch._run.take_up(row, job_id, status)
        batch._run.go_on()
        return batch


def map_rows(
    task: GPTask, rows: Any, common: Mapping[str, Any], *, max_running: int, on_error: OnError
) -> Batch:
    """Return a batch that has begun; as :meth:`GPTask.map` says."""
    batch = Batch(task, rows_of(task, rows, common), max_running=max_running, on_error=on_error)
    batch._run.go_on()  # noqa: SLF001 -- the other way to make one
    return batch
