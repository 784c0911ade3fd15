"""What to try after a job that did not end well, as sentences. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.verdict import LAST_ERRORS
from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets.fitting import cut
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.protocol import JobInfo

__all__ = ["advice", "advice_sent"]

# Esri's tools number their errors; "ERROR 000732: Input Features: Dataset … does not exist".
# Source: https://pro.arcgis.com/en/pro-app/latest/tool-reference/tool-errors-and-warnings/how-to-interpret-and-respond-to-tool-errors.htm
_NUMBERED = re.compile(r"\bERROR (\d{6})\b")
_STEPS = {
    JobStatus.FAILED: ("advice.first", "advice.parameters", "advice.again"),
    JobStatus.EXPECTED_FAILURE: ("advice.first", "advice.parameters", "advice.again"),
    JobStatus.TIMED_OUT: ("advice.less", "advice.again"),
    JobStatus.DELETED: ("advice.gone", "advice.again"),
}
_MOST_NUMBERS = 3


def advice(info: JobInfo, task: str) -> list[str]:
    """Return the next steps of whoever finds a job in this state; none where it is well or was cancelled.

    Parameters
    ----------
    task : what the job is a job of.
    """
    errors = info.errors
    steps = list(_STEPS.get(info.status, ()))
    numbers = list(dict.fromkeys(n for text in errors for n in _NUMBERED.findall(text)))
    first = ""
    if "advice.first" in steps and len(errors) < 2:
        steps.remove("advice.first")
    elif "advice.first" in steps and len(errors) > LAST_ERRORS:  # it is not among those that are shown
        steps[steps.index("advice.first")] = "advice.first.is"
        first = " ".join(errors[0].split())
    told = [say(step, task=task, text=first) for step in steps]
    return told + [say("advice.number", number=number) for number in numbers[:_MOST_NUMBERS]]


def advice_sent(steps: Sequence[str], _widget: Any = None) -> list[str]:
    """Return the steps as a page has them: one may name a task at length."""
    return [cut(step, 250) for step in steps]
