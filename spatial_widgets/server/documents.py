"""The JSON documents of the REST face, as a GPServer writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus, ParameterInfo
from spatial_widgets.server.form import MULTIPART, URLENCODED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.schema import JobView

__all__ = ["CURRENT_VERSION", "catalog", "input_value", "job", "service"]

#: The version of the protocol that is spoken; clients switch features on by it.
CURRENT_VERSION = 11.1
_DESCRIPTION = "Geoprocessing tasks that run on this machine."


def catalog() -> dict[str, Any]:
    """Return the list of services: there is one."""
    return {
        "currentVersion": CURRENT_VERSION,
        "folders": [],
        "services": [{"name": "tasks", "type": "GPServer"}],
    }


def service(tasks: Iterable[str], *, maximum_records: int) -> dict[str, Any]:
    """Return the service resource. Clients recurse or stop where one of these keys is missing."""
    return {
        "currentVersion": CURRENT_VERSION,
        "cimVersion": "3.1.0",
        "serviceDescription": _DESCRIPTION,
        "tasks": list(tasks),
        "executionType": "esriExecutionTypeAsynchronous",
        "resultMapServerName": "",
        "maximumRecords": maximum_records,
        "capabilities": "",
        # Not ArcGIS's: tells our own client that it may send a layer without percent-encoding it.
        "formEncodings": [URLENCODED, MULTIPART],
        # Nor is this: a submit may be sent again with the key it had, and gives the same job.
        "takesIdempotencyKey": True,
    }


def job(view: JobView, task: Task | None, *, with_messages: bool) -> dict[str, Any]:
    """Return the job resource: ``progress`` only while it executes, ``results`` only when it succeeded."""
    row = view.row
    document: dict[str, Any] = {"jobId": row.id, "jobStatus": row.status.value}
    if row.status is JobStatus.EXECUTING:
        document["progress"] = _progress(row.percent, row.doing or f"Executing {row.task}...")
    if row.status is JobStatus.SUCCEEDED:
        # Relative to the job's own URL, as ArcGIS has it.
        names = [p.name for p in task.outputs if p.name in view.results] if task else list(view.results)
        document["results"] = {name: {"paramUrl": f"results/{name}"} for name in names}
    if task is not None:
        document["inputs"] = {p.name: {"paramUrl": f"inputs/{p.name}"} for p in task.inputs}
    document["messages"] = [message.to_json() for message in view.messages] if with_messages else []
    return document


def _progress(percent: int | None, text: str) -> dict[str, Any]:
    if percent is None:
        return {"type": "default", "message": text}
    return {"type": "step", "message": text, "percent": percent}


def input_value(parameter: ParameterInfo, given: Mapping[str, str]) -> dict[str, Any]:
    """Return an input as it was sent, or its default."""
    value: Any = parameter.default
    if parameter.name in given:
        value = _plain(parameter.data_type, given[parameter.name])
    return {"paramName": parameter.name, "dataType": parameter.data_type, "value": value}


def _plain(data_type: str, text: str) -> Any:
    if data_type == "GPString":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return (
            {"true": True, "false": False}.get(text.strip().casefold(), text)
            if data_type == "GPBoolean"
            else text
        )
