"""One submit, from the checked form to the job: sent once, and what follows when its answer is lost."""

from __future__ import annotations

import random
import secrets
import threading
from typing import TYPE_CHECKING

from spatial_widgets.client import history, traces
from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.fingerprint import fingerprint
from spatial_widgets.client.forms import check_files, form_of, takes_multipart
from spatial_widgets.client.policy import RetryPolicy
from spatial_widgets.errors import (
    AuthenticationError,
    NotFound,
    ParameterError,
    ProtocolError,
    ServiceError,
    SpatialWidgetsError,
    TransportError,
)
from spatial_widgets.protocol import JobInfo, JobStatus
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.exchange import Exchange
    from spatial_widgets.client.job import Job
    from spatial_widgets.client.parameters import Submission
    from spatial_widgets.client.pastjob import PastJob
    from spatial_widgets.client.task import GPTask

__all__ = ["Submitting", "is_doubtful"]

KEY_HEADER = "X-Idempotency-Key"

# A lost answer is asked for again after about 0.3, 0.9, 2.7 and 8.1 s: a local service restarts in that time.
_AGAIN = RetryPolicy(attempts=5)
_AGAIN_S = 120.0
_BAD_REQUEST, _REQUEST_TIMEOUT = 400, 408
_GATEWAY = {502, 504}
_FLEETING = {500, 502, 503, 504}
_GONE = {400, 404}
_LEAVING = {JobStatus.CANCELLING, JobStatus.DELETING}


class Submitting:
    """One submit of a checked form.

    Parameters
    ----------
    reuse : take an earlier job with the same parameters, where there is one; see :meth:`GPTask.submit`.
    key : the idempotency key to send, where the service takes one; a new one by default.
    is_again : whether a submit with that key was sent before, and its answer is not known.
    """

    def __init__(
        self,
        task: GPTask,
        submission: Submission,
        *,
        reuse: bool = False,
        key: str | None = None,
        is_again: bool = False,
    ) -> None:
        self._task = task
        self._reuse = reuse
        self._submission = submission
        self._key = key
        self._row: int | None = None
        self._unfit: set[str] = set()
        self._exchanges: list[Exchange] = []
        self._in_doubt = is_again  # whether a request that went out may have made a job
        self._is_again = is_again  # whether that was an earlier submit's

    def run(self) -> Job:
        """Return the job; raises as :meth:`GPTask.submit` says."""
        from spatial_widgets.client.job import Job

        if self._reuse and not history.is_on():
            raise SpatialWidgetsError(
                "reuse=True looks into the job history, which is switched off by SPATIAL_WIDGETS_HISTORY. "
                "Nothing was sent. Switch it on, or submit with reuse=False."
            )
        check_files(self._task, self._submission)
        mark = fingerprint(self._submission) if history.is_on() else None
        if self._reuse and mark is not None:
            job = self._earlier(mark)
            if job is not None:
                return job
        form = form_of(self._task, self._submission)
        known = self._task.service.described()
        takes_key = known is not None and known.takes_idempotency_key
        self._key = (self._key or secrets.token_hex(16)) if takes_key else None
        other = self._note(mark)
        if other is not None:
            return other
        info = self._send(form)
        traces.accepted(self._row, info)
        job = Job(self._task, info, is_new=True)
        job.submission = tuple(self._exchanges)
        return job

    # ------------------------------------------------------------ an earlier one

    def _earlier(self, mark: str) -> Job | None:
        """Return the job that will do; raises where one may be there that nobody knows."""
        past = history.reusable(self._task, mark)
        if past is not None and past.job_id is not None:
            job = self._if_fit(past.job_id)
            if job is not None:
                return job
        lost = history.unanswered(self._task, mark)
        if lost is not None and lost.idempotency_key is None:
            raise self._unanswered(lost)
        return None

    def _if_fit(self, job_id: str) -> Job | None:
        """Return a job that the service still has, and that runs or succeeded. One GET."""
        self._unfit.add(job_id)  # not to be asked for twice
        try:
            job = self._task.attach(job_id)
        except NotFound as error:
            if error.code in _GONE:
                traces.gone(self._task, job_id)
                return None
            error.args = (f"{error.args[0]} {_unasked(job_id)}",)
            raise
        except (AuthenticationError, ProtocolError, TransportError) as error:
            error.args = (f"{error.args[0]} {_unasked(job_id)}",)
            raise
        is_fit = job.status.is_success or not (job.status.is_terminal or job.status in _LEAVING)
        return job if is_fit else None

    def _note(self, mark: str | None) -> Job | None:
        """Leave a trace of what is about to be sent.

        With ``reuse``, return the job of another submit that was sent since the look for one, or take one up that was
        left without an answer.
        """
        while True:
            noted = traces.intend(self._task, mark, self._key, alone=self._reuse, unfit=self._unfit)
            if noted is None or isinstance(noted, int):
                self._row = noted
                return None
            if noted.job_id is None:
                break
            job = self._if_fit(noted.job_id)
            if job is not None:
                return job
        if noted.idempotency_key is None or self._key is None:
            raise self._unanswered(noted)
        self._row, self._key = noted.row, noted.idempotency_key
        self._in_doubt = self._is_again = True
        return None

    def _unanswered(self, lost: PastJob) -> SpatialWidgetsError:
        when = lost.submitted_at.strftime("%H:%M:%S UTC") if lost.submitted_at else "an unknown time"
        return SpatialWidgetsError(
            f"{self._task.name} was submitted with the same parameters at {when}, and the answer was lost or is still "
            f"to come: the job may be there. Nothing was sent now. {_LOOK} If it is there, task.attach(job_id) takes "
            "it up; if it is not, submit with reuse=False."
        )

    # ------------------------------------------------------------ sending

    def _send(self, form: Mapping[str, FormValue]) -> JobInfo:
        """Return what the service says of the new job; asks again only with a key."""
        budget: Budget | None = None
        lost: Exception | None = None
        for attempt in range(1, _AGAIN.attempts + 1):
            try:
                return self._ask(form, budget.left_s if budget else None)
            except (ServiceError, ProtocolError, TransportError) as error:
                # A service checks the same parameters in the same way: where it refuses them now, it did before.
                is_no = isinstance(error, ServiceError) and error.code == _BAD_REQUEST
                if is_no or not (self._in_doubt or is_doubtful(error)):
                    self._give_up(error)
                    raise
                self._in_doubt, lost = True, lost or error
                budget = budget or Budget(self._task.session.clock, _AGAIN_S)
                if not self._pause(attempt, error, budget):
                    lost.args = (f"{lost.args[0]} {self._doubt(attempt)}",)
                    if lost is error:
                        raise
                    raise lost from error
            except BaseException as error:
                # An interrupt, or an error of the user's function for tokens: before anything is sent, or in the midst.
                is_unsent = isinstance(error, ParameterError) or not getattr(error, "sent", True)
                if is_unsent and not self._in_doubt:
                    traces.refused(self._row)
                elif isinstance(error, KeyboardInterrupt):
                    error.add_note(f"The submit of {self._task.name} was interrupted. {self._doubt(attempt)}")
                raise
        raise AssertionError  # the loop returns or raises

    def _pause(self, attempt: int, error: Exception, budget: Budget) -> bool:
        """Wait before the service is asked once more; return False where it must not be, or not any more."""
        is_hard = isinstance(error, ServiceError) and error.code not in _FLEETING
        if self._key is None or is_hard or attempt == _AGAIN.attempts:
            return False
        pause_s = _AGAIN.pause_s(attempt, getattr(error, "retry_after_s", None), random.uniform(-1, 1))
        if pause_s >= (budget.left_s or 0.0):
            return False
        condition = threading.Condition()
        with condition:
            self._task.session.clock.wait(condition, pause_s)
        return True

    def _ask(self, form: Mapping[str, FormValue], deadline_s: float | None) -> JobInfo:
        url = join(self._task.url, "submitJob")
        document = self._task.session.post_json(
            url,
            form,
            as_multipart=takes_multipart(self._task, form),
            headers={KEY_HEADER: self._key} if self._key else None,
            deadline_s=deadline_s,
            hear=self._exchanges.append,
        )
        job_id = document.get("jobId") if isinstance(document, dict) else None
        if not isinstance(job_id, str) or not job_id:
            raise ProtocolError(f"POST {url}: the answer has no jobId.", url=url, excerpt=repr(document))
        # The ID is what must not be lost; the status is the next poll's business.
        word = document.get("jobStatus")
        known = {**document, "jobStatus": word if isinstance(word, str) else JobStatus.SUBMITTED.value}
        return JobInfo.from_json(known, url=url)

    def _give_up(self, error: ServiceError | ProtocolError | TransportError) -> None:
        """Note that there is no job, and say so where the error does not."""
        traces.refused(self._row)
        if isinstance(error, ServiceError) and not isinstance(error, AuthenticationError):
            error.args = (f"{self._task.name} was not submitted. {error.args[0]}",)

    def _doubt(self, attempts: int) -> str:
        fact = "The service may have accepted the job all the same"
        if self._is_again:
            fact = "An earlier submit of these parameters may have been accepted all the same"
        again = "so it was not sent again"
        if self._key is not None:
            again = f"and it was asked {attempts} times with one key, which makes one job of all"
        trace = ""
        if self._row is not None:
            trace = " `spatial-widgets jobs` lists the submit as 'submitting', with its time."
            if self._key is not None:
                trace += " submit(…, reuse=True) asks once more with that key."
        return f"{fact}, {again}. {_LOOK}{trace}"


_LOOK = (
    "Before you submit once more, look for it: in the service's list of jobs where you may see one (its administrator "
    "can), or, for a portal's analysis, among your content."
)


def _unasked(job_id: str) -> str:
    return (
        f"So whether job {job_id}, which has the same parameters, is still there could not be asked. "
        "Nothing was submitted."
    )


def is_doubtful(error: ServiceError | ProtocolError | TransportError) -> bool:
    """Whether a submit that failed like this may have been accepted all the same."""
    if isinstance(error, TransportError):
        return error.sent
    if isinstance(error, ServiceError):
        return error.code in _GATEWAY  # who says this was not asked, and stands before the one who was
    # A redirect, or an HTTP 4xx, was turned away at the door.
    return error.status is None or error.status < 300 or error.status == _REQUEST_TIMEOUT
