"""The JSON documents of the REST face, as a GPServer writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus, ParameterInfo
from spatial_widgets.server import catalogue
from spatial_widgets.server.form import MULTIPART, URLENCODED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spatial_widgets.server.faults import Faults
    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.schema import JobRow, JobView

__all__ = [
    "CURRENT_VERSION",
    "catalog",
    "input_value",
    "job",
    "job_line",
    "service",
    "service_info",
    "site",
    "validation",
]

#: The version of the protocol that is spoken; clients switch features on by it.
CURRENT_VERSION = 11.1
_MOST_POINTERS = 1000
_MISSING = 735  # ArcGIS's number for "a value is required"
_DESCRIPTION = "Geoprocessing tasks that run on this machine."


def site(*, is_anonymous: bool) -> dict[str, Any]:
    """Return what is said of the site: its version, and whether it asks for a token."""
    return {
        "currentVersion": CURRENT_VERSION,
        "fullVersion": f"{CURRENT_VERSION}.0",
        "authInfo": {"isTokenBasedSecurity": not is_anonymous},
    }


def catalog() -> dict[str, Any]:
    """Return the list of services: there is one."""
    return {
        "currentVersion": CURRENT_VERSION,
        "folders": ["Hosted"],
        "services": [{"name": "tasks", "type": "GPServer"}],
    }


def service(tasks: Iterable[str], *, maximum_records: int, faults: Faults | None = None) -> dict[str, Any]:
    """Return the service resource. Clients recurse or stop where one of these keys is missing."""
    told = {} if faults is None else {"faults": faults.to_json()}
    names = list(tasks)
    return {
        "currentVersion": CURRENT_VERSION,
        "cimVersion": "3.1.0",
        "serviceDescription": _DESCRIPTION
        + (f" This service misbehaves on purpose: {faults}." if faults is not None else ""),
        "tasks": names,
        "executionType": "esriExecutionTypeAsynchronous",
        "resultMapServerName": "",
        "maximumRecords": maximum_records,
        "capabilities": "Uploads",
        # Not ArcGIS's: tells our own client that it may send a layer without percent-encoding it.
        "formEncodings": [URLENCODED, MULTIPART],
        # Nor is this: a submit may be sent again with the key it had, and gives the same job.
        "takesIdempotencyKey": True,
        # Nor this: how the tasks of the hosted Spatial Analysis service stand here.
        "spatialAnalysis": catalogue.words(names),
    } | told


def service_info() -> dict[str, Any]:
    """Return the item information of the service."""
    return {"name": "tasks", "title": "tasks", "description": _DESCRIPTION, "tags": [], "extent": []}


def job_line(row: JobRow) -> dict[str, Any]:
    """Return a job as one line of a list; times are milliseconds since 1970."""
    times = {"submitted": row.submitted, "started": row.started, "finished": row.finished}
    return {"jobId": row.id, "jobStatus": row.status.value, "taskName": row.task} | {
        name: None if seconds is None else int(seconds * 1000) for name, seconds in times.items()
    }


def validation(task: Task, given: Mapping[str, str], problems: Mapping[str, str]) -> dict[str, Any]:
    """Return the answer of ``validate``: each input with what is wrong with it, if anything is.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/validate-gp-task/
    """
    results = []
    for parameter in task.inputs:
        entry = {
            "name": parameter.name,
            "isAltered": parameter.name in given,
            "hasBeenValidated": True,
            "isEnabled": True,
            "value": input_value(parameter, given)["value"],
        }
        if parameter.name in problems:
            code = _MISSING if parameter.name not in given else 0
            entry["message"] = {"code": code, "description": problems[parameter.name], "type": "error"}
        results.append(entry)
    others = [text for name, text in problems.items() if name not in {p.name for p in task.inputs}]
    return {
        "validationResults": results,
        "additionalMessages": [{"code": 0, "description": text, "type": "error"} for text in others],
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
    """Return an input as it was sent, or its default. A token in it is not given out again."""
    value: Any = parameter.default
    if parameter.name in given:
        value = _plain(parameter.data_type, given[parameter.name])
    return {"paramName": parameter.name, "dataType": parameter.data_type, "value": _tokenless(value)}


def _tokenless(value: Any) -> Any:
    if isinstance(value, list) and len(value) <= _MOST_POINTERS:
        return [_tokenless(inner) for inner in value]
    if not isinstance(value, dict) or "features" in value:
        return value
    kept = {
        key: inner for key, inner in value.items() if str(key).casefold() not in {"token", "servicetoken"}
    }
    if isinstance(kept.get("url"), str) and "token" in kept["url"].casefold():
        kept["url"] = kept["url"].partition("?")[0]
    return kept


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
