"""Waiting for a job and loading its results, within one time-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.waiting import PATIENCE_S
from spatial_widgets.codec import LayerOptions
from spatial_widgets.errors import TransportTimeout, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.job import Job

__all__ = ["wait_and_load"]


def wait_and_load(
    job: Job,
    name: str | None,
    timeout: float | None,
    options: dict[str, Any],
    on_progress: Callable[[int, int], None] | None,
) -> Any:
    """Return one value, or all of a job's as a dict; as :meth:`Job.result` says."""
    if on_progress is not None:
        options = {**options, "on_progress": on_progress}
    LayerOptions(**options)  # a wrong one is told before the wait
    clock = job.session.clock
    end = None if timeout is None else clock.now() + timeout
    budget = Budget(clock, None if timeout is None else timeout + PATIENCE_S)
    job.wait(timeout)
    values: dict[str, Any] = {}
    what, again = "the names of its results", "job.result()"
    try:
        for each in [name] if name is not None else job.results.names(deadline_s=budget.left_s):
            what, again = f"its result {each!r}", f"job.result({each!r})"
            values[each] = job.results.load(each, deadline_s=budget.left_s, **options)
    except KeyboardInterrupt as error:
        error.add_note(f"Job {job.job_id} has succeeded; {again} loads {what} again.")
        raise
    except TransportTimeout as error:
        if end is None or clock.now() < end:
            raise
        raise WaitTimeout(
            f"Job {job.job_id} succeeded, but {what} did not arrive within {timeout:g} s. {again} goes on.",
            job=job,
            waited_s=timeout or 0.0,
        ) from error
    return next(iter(values.values())) if len(values) == 1 else values
