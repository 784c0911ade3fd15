"""The submits of a batch: which failures are a row's own, and which say that the service wants a pause."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

from spatial_widgets.client.poller import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.client.submitting import Submitting, is_doubtful
from spatial_widgets.errors import (
    AuthenticationError,
    ProtocolError,
    ServiceError,
    SpatialWidgetsError,
    TransportError,
)
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.batchrow import BatchRow
    from spatial_widgets.client.job import Job
    from spatial_widgets.client.task import GPTask

__all__ = ["Submissions"]

_BUSY = {429, 503}
_LEAST = 5
_PATIENCE_S = 60.0
_LONGEST_PAUSE_S = 30.0


class Submissions:
    """Submits rows for a batch, on the request pool, and counts what fails in a row."""

    def __init__(self, task: GPTask) -> None:
        self._task = task
        self._lock = threading.Lock()
        self.forgive()

    def forgive(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._failures = 0
            self._since = self._not_before = 0.0

    def is_paused(self) -> bool:
        """Whether a pause is not over yet."""
        with self._lock:
            return self._task.session.clock.now() < self._not_before

    def errand(self, work: Callable[[], object]) -> None:
        """Have work done on the request pool."""

        def errand() -> None:
            work()

        Poller.shared().submit(Errand(errand, origin=origin(self._task.url)))

    def submit(self, row: BatchRow) -> Job:
        """Return the job of a row. One POST; see :meth:`GPTask.submit`."""
        if row.submission is None:
            raise SpatialWidgetsError("The parameters of this row are not there any more. Submit it by hand.")
        if row.is_again and (row.key is None or not self._takes_key()):
            raise SpatialWidgetsError(
                "An earlier session sent this row and had no answer, so the job may be there; it was not sent again. Look "
                "for it in the service's list of jobs, and submit it by hand if it is not there."
            )
        job = Submitting(self._task, row.submission, key=row.key, is_again=row.is_again).run()
        self.forgive()
        return job

    def new_key(self, row: BatchRow) -> str | None:
        """Return a key for a row, None where it goes without. At most one GET, the first time."""
        known = None if row.is_again else self._task.service.described()
        return secrets.token_hex(16) if known is not None and known.takes_idempotency_key else None

    def _takes_key(self) -> bool:
        """Whether the service takes keys; one that does not answer will be asked again, as nothing was submitted."""
        try:
            return self._task.service.known_info().takes_idempotency_key
        except AuthenticationError:
            raise
        except (ServiceError, ProtocolError, TransportError) as error:
            raise TransportError(str(error), url=self._task.service.url, sent=False) from error

    def pause_after(self, error: Exception) -> float | None:
        """Return for how many seconds nothing should be submitted; None where the failure is the row's own."""
        if not self._is_everybodys(error):
            return None
        with self._lock:
            self._failures += 1
            now = self._task.session.clock.now()
            self._since = self._since or now
            asked: float | None = getattr(error, "retry_after_s", None)
            pause_s = asked if asked is not None else min(_LONGEST_PAUSE_S, 2.0 ** (self._failures - 1))
            self._not_before = now + pause_s
            return pause_s

    def is_hopeless(self, error: Exception) -> bool:
        """Whether going on by oneself makes no sense any more."""
        with self._lock:
            silent_s = self._task.session.clock.now() - self._since
            return isinstance(error, AuthenticationError) or (
                self._failures >= _LEAST and silent_s >= _PATIENCE_S
            )

    @staticmethod
    def _is_everybodys(error: Exception) -> bool:
        """Whether no job was made, and the next row would fare no better."""
        if isinstance(error, AuthenticationError):
            return True
        if isinstance(error, ServiceError):
            return error.code in _BUSY and not is_doubtful(error)
        if isinstance(error, TransportError):
            return not error.sent
        return isinstance(error, ProtocolError) and not is_doubtful(error)
