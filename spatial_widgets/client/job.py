"""One asynchronous job: no Jupyter, and no thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import traces
from spatial_widgets.client.auth import hidden
from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.policy import ContactPolicy, PollPolicy
from spatial_widgets.client.poller import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.client.results import Results
from spatial_widgets.client.service import GPService
from spatial_widgets.client.waiting import PATIENCE_S, Waiting
from spatial_widgets.codec import LayerOptions
from spatial_widgets.errors import (
    JobCancelled,
    JobDeleted,
    JobError,
    JobFailed,
    JobTimedOut,
    ParameterError,
    ServiceError,
    SpatialWidgetsError,
    TransportTimeout,
    WaitTimeout,
)
from spatial_widgets.protocol import GPUrl, JobInfo, JobMessage, JobStatus
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from spatial_widgets.client.poller import Watch
    from spatial_widgets.client.service import GPTask
    from spatial_widgets.client.session import GPSession

__all__ = ["Job"]

_VERDICTS: dict[JobStatus, tuple[type[JobError], str]] = {
    JobStatus.FAILED: (JobFailed, "failed. Mend the cause and submit again"),
    JobStatus.EXPECTED_FAILURE: (JobFailed, "ended in an expected failure. Mend the cause and submit again"),
    JobStatus.TIMED_OUT: (
        JobTimedOut,
        "was ended by the service's time limit. Ask for less at once, or for a longer limit",
    ),
    JobStatus.CANCELLED: (JobCancelled, "was cancelled. Submit again to run it"),
    JobStatus.DELETED: (JobDeleted, "was deleted by the service. Submit again to run it"),
}
_RUNNING = {JobStatus.WAITING, JobStatus.EXECUTING}
_NOT_YET = {JobStatus.NEW, JobStatus.SUBMITTED}
_REFUSED = 400
_CANCEL_S = 30.0


class Job:
    """A job of a GPServer task, made by :meth:`GPTask.submit`, :meth:`GPTask.attach` or :meth:`Job.from_url`.

    Attributes
    ----------
    url, job_id, task : where and what it is; never change.
    info : the last snapshot, a :class:`JobInfo`. Reading it never costs a request.

    Notes
    -----
    Thread-safe. Only :meth:`refresh` polls, and :meth:`wait`, :meth:`result` and ``await`` through it.
    """

    def __init__(
        self,
        task: GPTask,
        info: JobInfo,
        *,
        poll: PollPolicy | None = None,
        contact: ContactPolicy | None = None,
    ) -> None:
        self.task = task
        self.job_id = info.job_id
        self.url = join(task.url, "jobs", info.job_id)
        self.poll_policy = poll or PollPolicy()
        self.contact_policy = contact or ContactPolicy()
        self.watch: Watch | None = None  # set by the poller that watches this job
        self.results = Results(self)
        self._info = info
        self._cancel_wanted = False
        self._polling = threading.Lock()
        self._refreshed_at = float("-inf")

    @classmethod
    def from_url(cls, url: str, *, auth: Any = None) -> Job:
        """Return the job at a URL, as it stands now, in this or any later session. One GET.

        Raises
        ------
        ParameterError : the URL names no job.
        ServiceError : the service does not know the job (any more), or wants another token.
        """
        auth = hidden(auth)
        parts = GPUrl.parse(url)
        if parts.task is None or parts.job_id is None:
            raise ParameterError(
                f"{url.split('?', 1)[0]!r} names no job. A job's URL ends in /<task>/jobs/<jobId>; see job.url.",
                parameter="url",
            )
        return GPService(parts.service, auth=auth).task(parts.task).attach(parts.job_id)

    @classmethod
    def from_json(cls, text: str, *, auth: Any = None) -> Job:
        """Return the job that :meth:`to_json` wrote down, in the state it was then. No request."""
        auth = hidden(auth)
        try:
            document = json.loads(text)
            parts, info = GPUrl.parse(document["url"]), JobInfo.from_json(document["info"])
        except (ValueError, KeyError, TypeError, SpatialWidgetsError) as error:
            raise ParameterError(
                f"This is no saved job: {error}. Use the text that job.to_json() gave."
            ) from error
        if parts.task is None or parts.job_id is None:
            raise ParameterError("This is no saved job: its URL names none.")
        task = GPService(parts.service, auth=auth).task(parts.task)
        return cls(task, replace(info, job_id=parts.job_id))

    def to_json(self) -> str:
        """Return the job's URL and last snapshot as text; no token is in it."""
        info = self.info
        return json.dumps(
            {
                "url": self.url,
                "info": {
                    "jobId": info.job_id,
                    "jobStatus": info.status.value,
                    "messages": [m.to_json() for m in info.messages],
                    "results": {name: {"paramUrl": path} for name, path in info.results.items()},
                    "inputs": {name: {"paramUrl": path} for name, path in info.inputs.items()},
                },
            }
        )

    def __repr__(self) -> str:
        return f"<Job {self.job_id} of {self.task.name}: {self.status}>"

    # ------------------------------------------------------------ what is known, without a request

    @property
    def session(self) -> GPSession:
        """The session of the job's service."""
        return self.task.session

    @property
    def info(self) -> JobInfo:
        """The last snapshot."""
        return self._info

    @property
    def status(self) -> JobStatus:
        """The status in the last snapshot."""
        return self._info.status

    @property
    def messages(self) -> tuple[JobMessage, ...]:
        """The messages in the last snapshot."""
        return self._info.messages

    @property
    def cancel_pending(self) -> bool:
        """Whether a cancel waits for the job to start, to be sent again."""
        return self._cancel_wanted

    def done(self) -> bool:
        """Whether the last snapshot is final."""
        return self._info.status.is_terminal

    def raise_for_status(self) -> None:
        """Raise the server's verdict if the last snapshot is final and no success."""
        status = self._info.status
        if status not in _VERDICTS:
            return
        kind, what = _VERDICTS[status]
        raise kind(
            f"Job {self.job_id} of {self.task.name} {what}.{self._last_words()}", job=self, info=self._info
        )

    def _last_words(self) -> str:
        errors = self._info.errors
        if errors:
            return " The service says:\n" + "\n".join(errors[-5:])
        said = [m.description for m in self._info.messages[-3:] if m.description.strip()]
        return " It left no error message." + (" Its last messages:\n" + "\n".join(said) if said else "")

    # ------------------------------------------------------------ polling

    def refresh(self, *, deadline_s: float = 30.0) -> JobInfo:
        """Ask the service once and return the new snapshot; a final one is returned without asking.

        Parameters
        ----------
        deadline_s : seconds that all of it may take.

        Raises
        ------
        TransportError, ProtocolError : this poll failed; the job itself may be well.
        ServiceError : the service does not know the job (any more), or refused the token.

        Notes
        -----
        One GET. Threads that refresh at the same time share it. A cancel that the service refused
        because the job had not started yet is sent again here, once it has.
        """
        asked, budget, before = self.session.clock.now(), Budget(self.session.clock, deadline_s), self.status
        if not self._polling.acquire(timeout=deadline_s):
            raise TransportTimeout(
                f"GET {self.url}: another poll of this job took longer than {deadline_s:g} s.", url=self.url
            )
        try:
            if not self.done() and self._refreshed_at < asked:
                document = self.session.get_json(self.url, deadline_s=budget.left_s, retry=False)
                self._info = JobInfo.from_json(document, job_id=self.job_id, url=self.url)
                self._refreshed_at = self.session.clock.now()
        finally:
            self._polling.release()
        traces.follow(self, before)
        if self._cancel_wanted and self._info.status in _RUNNING:
            self._send_cancel(budget)
            self._cancel_wanted = False  # only now: a cancel that did not get through stays wanted
        self._tell_watch()
        return self._info

    def _tell_watch(self) -> None:
        if self.watch is not None:
            self.watch.catch_up()

    def wait(
        self,
        timeout: float | None = None,
        *,
        check: bool = True,
        on_update: Callable[[JobInfo], None] | None = None,
    ) -> JobInfo:
        """Block until the job is final and return its last snapshot.

        Parameters
        ----------
        timeout : seconds to wait; None waits for ever. Our patience only: the job goes on.
        check : False returns the snapshot of a job that did not succeed instead of raising.
        on_update : called in this thread with each changed snapshot; what it raises propagates.

        Raises
        ------
        JobFailed, JobCancelled, JobTimedOut, JobDeleted : the service's verdict.
        WaitTimeout : ``timeout`` ran out first; call again to go on waiting.
        JobLost : no good answer for a minute and five polls in a row; the job may still run.
        ServiceError : the service says that there is no such job (any more), or refuses the token.

        Notes
        -----
        One GET per poll, about a tenth of the time elapsed apart, within 0.2 and 10 s. A job that a
        widget watches is not polled a second time.
        """
        try:
            info = Waiting(self, timeout, on_update).run()
        except KeyboardInterrupt as error:
            error.add_note(f"Job {self.job_id} still runs; job.cancel() ends it, job.wait() goes on waiting.")
            raise
        if check:
            self.raise_for_status()
        return info

    # ------------------------------------------------------------ cancelling

    def cancel(self) -> JobInfo:
        """Ask the service to cancel the job; return the snapshot after that.

        The status says Cancelling when the service said so, and Cancelled when a poll said so; a job that
        was quicker keeps its own end. Services refuse while a job is only submitted: the request is
        then sent again by the shared poller as soon as the job waits or executes.

        Notes
        -----
        No request for a final job; else one POST, and one GET where the service refuses.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/cancel-gp-job/
        """
        if self.done():
            return self._info
        try:
            self._send_cancel()
        except ServiceError as error:
            if error.code != _REFUSED:
                raise
            info = self.refresh()
            if info.status in _NOT_YET:
                self._cancel_wanted = True
                Poller.shared().watch(self)
            elif info.status in _RUNNING:  # it started in between
                self._send_cancel()
        return self._info

    def _send_cancel(self, budget: Budget | None = None) -> None:
        budget = budget or Budget(self.session.clock, _CANCEL_S)
        document = self.session.post_json(join(self.url, "cancel"), {}, deadline_s=budget.left_s)
        said = document.get("jobStatus") if isinstance(document, dict) else None
        status = JobStatus.parse(said) if isinstance(said, str) else JobStatus.CANCELLING
        if self._polling.acquire(timeout=budget.left_s or 0.0):  # else the poll under way will tell
            try:
                if not self.done():
                    # Only a poll brings the last messages, so a final word is left to it.
                    word = JobStatus.CANCELLING if status.is_terminal else status
                    self._info = replace(self._info, status=word)
            finally:
                self._polling.release()
        self._tell_watch()

    # ------------------------------------------------------------ results

    def result(
        self,
        name: str | None = None,
        timeout: float | None = None,
        *,
        allow_truncated: bool = False,
        dtype_backend: str | None = None,
        domains: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Any:
        """Wait for the job and return a result.

        Parameters
        ----------
        name : the output, in any case. None returns the only output, or a dict of all of them.
        timeout : seconds for waiting and fetching together; None has no limit.
        allow_truncated : return the rows there are of a result that the service cut short.
        dtype_backend : None for pandas' own column types, "pyarrow" for Arrow-backed columns.
        domains : give the names of coded values in the place of the codes, as categoricals.
        on_progress : called in this thread with ``(bytes, rows)`` while a layer loads; what it raises
            ends the loading and propagates.

        Returns
        -------
        A GeoDataFrame with a CRS for layers, a DataFrame for tables, Python values and units, a
        :class:`ResultFile` for files, None for an output that the job did not produce. A frame's
        ``attrs["spatial_widgets"]`` says from which job, task and parameter it came, and when.

        Raises
        ------
        As :meth:`wait`; and NotFound, CodecError, TransferLimitExceeded.

        Notes
        -----
        The polls of :meth:`wait`, and one GET per output the first time; values are kept.
        """
        options: dict[str, Any] = {
            "allow_truncated": allow_truncated,
            "dtype_backend": dtype_backend,
            "domains": domains,
        }
        if on_progress is not None:
            options["on_progress"] = on_progress
        LayerOptions(**options)  # a wrong one is told before the wait
        clock = self.session.clock
        end = None if timeout is None else clock.now() + timeout
        budget = Budget(clock, None if timeout is None else timeout + PATIENCE_S)
        self.wait(timeout)
        values: dict[str, Any] = {}
        what, again = "the names of its results", "job.result()"
        try:
            for each in [name] if name is not None else self.results.names(deadline_s=budget.left_s):
                what, again = f"its result {each!r}", f"job.result({each!r})"
                values[each] = self.results.load(each, deadline_s=budget.left_s, **options)
        except TransportTimeout as error:
            if end is None or clock.now() < end:
                raise
            raise WaitTimeout(
                f"Job {self.job_id} succeeded, but {what} did not arrive within {timeout:g} s. {again} goes on.",
                job=self,
                waited_s=timeout or 0.0,
            ) from error
        return next(iter(values.values())) if len(values) == 1 else values

    def __await__(self) -> Generator[Any, None, Any]:
        return self._outcome().__await__()

    async def _outcome(self) -> Any:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        future.set_running_or_notify_cancel()  # so that asyncio.wait_for's time-out leaves it alone
        poller = Poller.shared()

        def load() -> None:
            try:
                future.set_result(self.result())
            except BaseException as error:  # noqa: BLE001 -- handed to whoever awaits
                future.set_exception(error)

        def ended(watch: Watch) -> None:
            if watch.error is not None:
                future.set_exception(watch.error)
            else:
                poller.submit(Errand(load, origin=watch.origin, lasting=True))

        watch = poller.watch(self, when_done=ended)
        wrapped = asyncio.wrap_future(future)
        try:
            while not wrapped.done():
                # Awake now and then: a kernel's Interrupt is seen only by a running loop.
                await asyncio.wait({wrapped}, timeout=0.2)
            return wrapped.result()
        finally:
            if not wrapped.done():  # cancelled: nobody waits here any more
                watch.forget(ended)
                wrapped.cancel()
