"""The cancelling of several jobs at once, and what became of each."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from spatial_widgets.client import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol import JobStatus
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets.phrases import count, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spatial_widgets.client import Job

__all__ = ["Cancelling"]

_ASKED, _AGAIN, _ENDED, _FAILED = (
    say(f"table.cancel.kind.{kind}") for kind in ("asked", "again", "ended", "failed")
)
_LOOK_S = 0.5  # an interrupt comes through between two looks


class Cancelling:
    """One cancel of some jobs, each on a thread of the request pool."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = list(dict.fromkeys(jobs))
        self._outcomes: dict[Job, str] = {}
        self._kinds: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()

    def start(self, tell: Callable[[Job, str], None], told: Callable[[str], None]) -> None:
        """Begin. ``tell(job, note)`` is called for each job with what to say on its row, ``told`` with the sum of it."""
        if not self._jobs:
            self._over.set()
            told(say("table.cancel.none"))
        for job in self._jobs:
            if not job.done():
                tell(job, say("table.cancel.sent"))
            work = functools.partial(self._cancel, job, tell, told)
            Poller.shared().submit(Errand(work, origin=origin(job.url)))

    def _cancel(self, job: Job, tell: Callable[[Job, str], None], told: Callable[[str], None]) -> None:
        kind, outcome, note = _FAILED, "", ""
        try:
            if job.done():
                kind = _ENDED
            else:
                status = job.cancel().status
                was_quicker = status.is_terminal and status is not JobStatus.CANCELLED
                kind = _ENDED if was_quicker else _AGAIN if job.cancel_pending else _ASKED
                note = say("table.cancel.again") if kind == _AGAIN else ""
        except SpatialWidgetsError as error:
            outcome = str(error)
            note = say("table.cancel.failed", reason=error)
        finally:
            with self._lock:
                self._outcomes[job] = outcome or kind
                self._kinds[kind] += 1
                is_last = len(self._outcomes) == len(self._jobs)
            tell(job, note)
            if is_last:
                told(self.sentence)
                self._over.set()

    @property
    def sentence(self) -> str:
        """What became of all of it, in a line."""
        kinds = (say("table.cancel.kind", n=f"{n:,}", kind=kind) for kind, n in self._kinds.items())
        return say("table.cancel.sum", jobs=count("job", len(self._jobs)), outcomes=", ".join(kinds))

    def frame(self, *, wait: bool) -> pd.DataFrame:
        """Return the outcomes, once all are there if ``wait``."""
        while wait and not self._over.wait(_LOOK_S):
            pass
        return pd.DataFrame(
            {
                "task": [job.task.name for job in self._jobs],
                "job_id": [job.job_id for job in self._jobs],
                "status": [job.status.value for job in self._jobs],
                "outcome": [self._outcomes.get(job, "sent") for job in self._jobs],
            },
            dtype=object,
        )
