"""Tasks that analyse nothing: to see what waiting, cancelling, a time limit and a failure look like."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.registry import Context, Note, task

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["failing_task", "slow_task"]

_LONGEST_S = 24 * 3600


class _Text(TypedDict):
    result: Annotated[str, Note("what was done, in one sentence")]


def _time_limit(arguments: Mapping[str, Any]) -> float | None:
    limit = arguments.get("timeLimit")
    return None if limit is None or not limit > 0 else float(limit)


@task("SlowTask", restartable=True, timeout_s=_time_limit)
def slow_task(
    ctx: Context,
    seconds: Annotated[float, Note("how long to run, in seconds")] = 10,
    timeLimit: Annotated[
        float | None, Note("time limit of this job, in seconds; without one the service's own holds")
    ] = None,
) -> _Text:
    """Do nothing for a while: one message and one step of progress each second.

    For practice with status, messages, cancelling and time limits.
    """
    if not math.isfinite(seconds) or not 0 <= seconds <= _LONGEST_S:
        raise ParameterError(
            f"seconds: {seconds:g} is out of range; give a number from 0 to {_LONGEST_S}.",
            parameter="seconds",
            value=seconds,
        )
    if timeLimit is not None and not timeLimit > 0:
        raise ParameterError(
            f"timeLimit: {timeLimit:g} is no time limit; give a number of seconds greater than 0.",
            parameter="timeLimit",
            value=timeLimit,
        )
    begin = time.monotonic()
    steps = math.ceil(seconds)
    for step in range(1, steps + 1):
        time.sleep(max(0.0, begin + min(step, seconds) - time.monotonic()))
        ctx.check()
        ctx.info(f"Second {step} of {steps}.")
        ctx.progress(100 * step / steps, f"Second {step} of {steps}")
    return {"result": f"Waited {seconds:g} seconds."}


@task("FailingTask", restartable=True)
def failing_task(
    text: Annotated[
        str, Note("the error message to fail with")
    ] = "This task always fails, so that you can see what a failure looks like.",
) -> _Text:
    """Fail, with exactly the text it is given.

    For practice with errors: the text arrives as the job's last error message.
    """
    raise ValueError(text)
