"""Names of inputs and outputs that a task's page, or an older edition of it, spells otherwise than its service.

Both spellings are understood, whatever the case; where a request has both, the service's own wins.

Sources: https://developers.arcgis.com/rest/analysis/tasks/sa-find-hot-spots (``divideByField``, and
``hotSpotResultLayer`` in its sample), https://developers.arcgis.com/rest/analysis/tasks/sa-find-point-clusters
(``searchDistanceValue`` in older editions), https://developers.arcgis.com/rest/analysis/api-reference/sa-summarize-within.htm
(``groupSummary`` in one sentence)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REMARKS", "own_output", "understood"]

#: The file of a job that holds what is to be said of the names it was sent with.
REMARKS = "remarks.json"

_INPUTS: Mapping[str, Mapping[str, str]] = {
    "FindHotSpots": {"divideByField": "dividedByField"},
    "FindOutliers": {"divideByField": "dividedByField"},
    "FindPointClusters": {"searchDistanceValue": "searchDistance"},
}
_OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "FindHotSpots": {"hotspotresultlayer": "hotspotsresultlayer"},
    "SummarizeWithin": {"groupsummary": "groupbysummary"},
}


def understood(task: str, folded: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return a form, its names in lower case, with the service's names, and a sentence on each other one."""
    form, said = dict(folded), []
    for other, own in _INPUTS.get(task, {}).items():
        if other.casefold() not in form:
            continue
        if own.casefold() in form:
            said.append(f"{other}: not used, because there is {own}, which means the same.")
        else:
            form[own.casefold()] = form[other.casefold()]
            said.append(f"{other}: understood as {own}, which is the service's name for it.")
    return form, said


def own_output(task: str, name: str) -> str:
    """Return the service's name of an output, in lower case."""
    folded = name.casefold()
    return _OUTPUTS.get(task, {}).get(folded, folded)
