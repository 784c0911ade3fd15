"""One asynchronous job: no Jupyter, and no thread of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import traces
from spatial_widgets.client.advice import advise_cancel
from spatial_widgets.client.auth import hidden
from spatial_widgets.client.awaiting import outcome, updates
from spatial_widgets.client.cancelling import Cancelling
from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.fetching import wait_and_load
from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.jobfacts import JobFacts
from spatial_widgets.client.policy import ContactPolicy, PollPolicy, checked_interval
from spatial_widgets.client.poller import Poller
from spatial_widgets.client.resubmitting import resubmitted
from spatial_widgets.client.results import Results
from spatial_widgets.client.saved import job_address, read_job, write_job
from spatial_widgets.client.service import GPService
from spatial_widgets.client.snapshot import Snapshot
from spatial_widgets.client.waiting import Waiting
from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from spatial_widgets.client.exchange import Exchange
    from spatial_widgets.client.service import GPTask
    from spatial_widgets.protocol import JobInfo

__all__ = ["Job"]


class Job(JobFacts):
    """A job of a GPServer task, made by :meth:`GPTask.submit`, :meth:`GPTask.attach` or :meth:`Job.from_url`.

    Attributes
    ----------
    url, job_id, task : where and what it is; never change.
    info : the last snapshot, a :class:`JobInfo`. Reading it never costs a request.
    first_seen_at : when the first snapshot came, in seconds since 1970-01-01 UTC: of a job that was submitted
        here, when that was.
    submission : the requests that submitted it, and their answers: a few hundred bytes, to be shown.
    is_new : whether it was submitted by this object's maker, so that its course is known from the start.

    Notes
    -----
    Thread-safe. Only :meth:`refresh` polls, and :meth:`wait`, :meth:`result` and ``await`` through it. Several objects of
    one job share what is known of it, its polls and its watch, as long as the same login signs in for them.
    """

    def __init__(
        self,
        task: GPTask,
        info: JobInfo,
        *,
        poll: PollPolicy | None = None,
        contact: ContactPolicy | None = None,
        is_new: bool = False,
        is_old: bool = False,
    ) -> None:
        self.task = task
        self.is_new = is_new
        self.submission: tuple[Exchange, ...] = ()
        self.job_id = info.job_id
        self.url = join(task.url, "jobs", info.job_id)
        self.poll_policy = poll or PollPolicy(fixed_s=task.service.poll_interval)
        self.contact_policy = contact or ContactPolicy()
        self.results = Results(self)
        self.snapshot = Snapshot.of(self.url, task.session, is_new=is_new)
        self.snapshot.learn(info, is_old=is_old)
        self.first_seen_at = self.course[0].at
        self._cancelling = Cancelling(self)
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Get locks of one's own, in a forked child."""
        self.results.after_fork()

    def __reduce__(self) -> tuple[Any, ...]:
        # Neither threads nor sessions nor tokens: what is known of the job, and where it is.
        return _restored, (self.url, self.info, self.poll_policy, self.contact_policy)

    @classmethod
    def from_url(cls, url: str, *, auth: Any = None) -> Job:
        """Return the job at a URL, as it stands now, in this or any later session. One GET.

        Raises
        ------
        ParameterError : the URL names no job.
        ServiceError : the service does not know the job (any more), or wants another token.
        """
        auth = hidden(auth)
        service, task, job_id = job_address(url)
        return GPService(service, auth=auth).task(task).attach(job_id)

    @classmethod
    def from_json(cls, text: str, *, auth: Any = None) -> Job:
        """Return the job that :meth:`to_json` wrote down, in the state it was then. No request."""
        auth = hidden(auth)
        service, task, info = read_job(text)
        return cls(GPService(service, auth=auth).task(task), info, is_old=True)

    def to_json(self) -> str:
        """Return the job's URL and last snapshot as text; no token is in it."""
        return write_job(self)

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
        because the job had not started yet is sent again here, once it has; whether it gets through
        makes no difference to the poll.
        """
        budget, before = Budget(self.session.clock, deadline_s), self.status
        self.snapshot.refresh(self.session, budget)
        traces.follow(self, before)
        self._cancelling.go_on(budget)
        self.tell_watch()
        return self.info

    def tell_watch(self) -> None:
        """Have a change of the snapshot told to whoever watches."""
        if self.watch is not None:
            self.watch.catch_up()

    @property
    def poll_interval(self) -> float | None:
        """Seconds between two polls; None for the usual pace, about a tenth of the time elapsed.

        May be set at any time, to more than 0; a wait or a watch under way takes it over. ``Retry-After`` wins.
        """
        return self.poll_policy.fixed_s

    @poll_interval.setter
    def poll_interval(self, seconds: float | None) -> None:
        self.poll_policy = replace(self.poll_policy, fixed_s=checked_interval(seconds))
        with self.snapshot.changed:
            self.snapshot.changed.notify_all()
        if self.watch is not None:
            self.watch.keep_pace(self.poll_policy)

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
            if not self.done():
                error.add_note(
                    f"Job {self.job_id} still runs; job.cancel() ends it, job.wait() goes on waiting."
                )
            raise
        if check:
            self.raise_for_status()
        return info

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
            return self.info
        try:
            self._cancelling.begin()
        except SpatialWidgetsError as error:
            advise_cancel(error, job_id=self.job_id)
            raise
        if self.cancel_pending:
            Poller.shared().watch(self)
        return self.info

    def resubmit(self) -> Job:
        """Submit a new job with this one's parameters, as the service has them, and return it.

        Raises
        ------
        SpatialWidgetsError : the service does not tell the parameters, or not all of them. Nothing was submitted.
        And as :meth:`GPTask.submit`.

        Notes
        -----
        One GET for each parameter, one more where the last snapshot does not list them, and one POST.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-job/
        """
        return resubmitted(self)

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
        options = {"allow_truncated": allow_truncated, "dtype_backend": dtype_backend, "domains": domains}
        return wait_and_load(self, name, timeout, options, on_progress)

    def __await__(self) -> Generator[Any, None, Any]:
        return outcome(self).__await__()

    def updates(self) -> AsyncIterator[JobInfo]:
        """Iterate over the job's snapshots in an asyncio loop: the one there is now, then each changed one.

        The last one is final; whether it is a success is for its status, or :meth:`raise_for_status`, to say.
        Whoever is slow gets the newest snapshot and no backlog. Leaving the loop leaves the job alone.

        Raises
        ------
        JobLost : no good answer for a minute and five polls in a row; the job may still run.
        ServiceError : the service says that there is no such job (any more), or refuses the token.

        Notes
        -----
        One GET per poll, as :meth:`wait`; all jobs and loops of a process share one poller.
        """
        return updates(self)


def _restored(url: str, info: JobInfo, poll: PollPolicy, contact: ContactPolicy) -> Job:
    service, task, _ = job_address(url)
    return Job(GPService(service).task(task), info, poll=poll, contact=contact)
