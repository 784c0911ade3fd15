"""The table of routes: what can be asked below the service, with which options. The OpenAPI text is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from spatial_widgets.server.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.wire import Request

__all__ = ["FORMAT", "LAYER_FORMAT", "ROOT", "ROUTES", "Asked", "Option", "Route", "find", "find_task"]


#: The path of the service.
ROOT = "/arcgis/rest/services/tasks/GPServer"


@dataclass(frozen=True, slots=True)
class Option:
    """A field of a request: in the query or the form."""

    name: str
    meaning: str
    kind: Literal["string", "boolean", "integer"] = "string"
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One resource or operation.

    ``path`` is below the service, ``{name}`` stands for one segment; ``operation`` names the method that
    answers. ``changes`` says that something is different afterwards; ``takes`` what else a request carries,
    ``gives`` what comes back, ``is_layer`` whether that may be a layer in one of the formats of layers.
    """

    path: str
    operation: str
    summary: str
    options: tuple[Option, ...] = ()
    changes: bool = False
    takes: Literal["", "inputs", "file"] = ""
    gives: Literal["json", "file"] = "json"
    is_layer: bool = False

    @property
    def segments(self) -> list[str]:
        """The path's segments."""
        return [segment for segment in self.path.split("/") if segment]


FORMAT = Option("f", "json (default), pjson, or html for a page to read", choices=("json", "pjson", "html"))
LAYER_FORMAT = Option(
    "f",
    "json (default), pjson, html; for layers and tables geojson and pbf too",
    choices=(*FORMAT.choices, "geojson", "pbf"),
)
_CURVES = Option("returnTrueCurves", "true or false, which give the same: no layer has curves", "boolean")
_RESULT_OPTIONS = (
    Option("outSR", "spatial reference of the geometries, a number or an object"),
    Option("returnZ", "false leaves Z values out", "boolean"),
    Option("returnM", "false leaves M values out", "boolean"),
    Option("returnFeatureCollection", "true gives layerDefinition and featureSet", "boolean"),
)
_SETTINGS = (
    Option("context", "JSON object: outSR, processSR, extent (selects the features that overlap it)"),
    Option("env:outSR", "older form of context.outSR"),
    Option("env:processSR", "older form of context.processSR"),
    _CURVES,
    Option(
        "outputName", 'keep layers as a feature service: {"serviceProperties": {"name": "…"}} or a bare name'
    ),
)
_ITEM = (Option("description", "what the file is"),)

ROUTES: tuple[Route, ...] = (
    Route("", "service", "The service: its tasks and what it can do"),
    Route("openapi.json", "openapi", "This description"),
    Route("info", "info", "What the service says of itself"),
    Route("uploads", "uploads", "The uploaded items"),
    Route("uploads/info", "uploads_info", "Which files may be uploaded"),
    Route(
        "uploads/upload",
        "upload",
        "Upload a file",
        (*_ITEM, Option("itemName", "another name for it")),
        changes=True,
        takes="file",
    ),
    Route(
        "uploads/register",
        "register",
        "Begin an item that comes in parts",
        (Option("itemName", "name of the file", required=True), *_ITEM),
        changes=True,
    ),
    Route("uploads/{itemID}", "item", "An uploaded item"),
    Route("uploads/{itemID}/parts", "parts", "The parts that have come"),
    Route(
        "uploads/{itemID}/uploadPart",
        "upload_part",
        "Upload a part",
        (Option("partId", "number of the part", "integer", required=True),),
        changes=True,
        takes="file",
    ),
    Route(
        "uploads/{itemID}/commit",
        "commit",
        "Put an item together",
        (
            Option("parts", "numbers in order, such as 1,2,3"),
            Option("checksum", "SHA-256 or MD5 of the whole"),
        ),
        changes=True,
    ),
    Route("uploads/{itemID}/delete", "delete", "Delete an uploaded item", changes=True),
    Route("{task}", "task", "A task: its parameters"),
    Route(
        "{task}/submitJob",
        "submit",
        "Submit a job of an asynchronous task",
        _SETTINGS,
        changes=True,
        takes="inputs",
    ),
    Route(
        "{task}/execute",
        "execute",
        "Run a synchronous task and wait for its results",
        (*_SETTINGS, *_RESULT_OPTIONS[1:]),
        changes=True,
        takes="inputs",
    ),
    Route("{task}/validate", "validate", "Check inputs without running anything", _SETTINGS, takes="inputs"),
    Route(
        "{task}/jobs",
        "jobs",
        "The task's jobs, newest first; an extension of this service",
        (
            Option("jobStatus", "only jobs of this status, such as esriJobExecuting"),
            Option("start", "how many to leave out", "integer"),
            Option("num", "how many to list, at most 100", "integer"),
        ),
    ),
    Route(
        "{task}/jobs/{jobId}",
        "job",
        "A job: status, progress, messages",
        (Option("returnMessages", "false leaves the messages out", "boolean"),),
    ),
    Route("{task}/jobs/{jobId}/cancel", "cancel", "Cancel a job", changes=True),
    Route("{task}/jobs/{jobId}/results", "results", "All results of a job", (*_RESULT_OPTIONS, _CURVES)),
    Route(
        "{task}/jobs/{jobId}/results/{name}",
        "result",
        "One result of a job",
        (*_RESULT_OPTIONS, _CURVES),
        is_layer=True,
    ),
    Route(
        "{task}/jobs/{jobId}/results/{name}/{number}/{file}",
        "result_file",
        "A file that a result points to",
        gives="file",
    ),
    Route("{task}/jobs/{jobId}/inputs", "inputs", "All inputs of a job, as they were sent"),
    Route("{task}/jobs/{jobId}/inputs/{name}", "input", "One input of a job, as it was sent"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request at a route; ``values`` are what the route's variables stand for."""

    request: Request
    route: Route
    values: Mapping[str, str]

    def option(self, name: str) -> str:
        """Return a field of the request by its name in any case; "" when it is not there."""
        return self.request.option(name)


def find(request: Request, segments: list[str]) -> Asked | None:
    """Return the request at its route, for a path below the service; words are compared without case."""
    for route in ROUTES:
        pattern = route.segments
        if len(pattern) != len(segments):
            continue
        values = {}
        for expected, given in zip(pattern, segments, strict=True):
            if expected.startswith("{"):
                values[expected[1:-1]] = given
            elif expected.casefold() != given.casefold():
                break
        else:
            return Asked(request, route, values)
    return None


def find_task(tasks: Mapping[str, Task], name: str) -> Task:
    """Return a task by its name in any case.

    Raises
    ------
    Fault : there is none; the message lists those there are.
    """
    found = tasks.get(name) or next((t for n, t in tasks.items() if n.casefold() == name.casefold()), None)
    if found is None:
        known = ", ".join(tasks) or "none"
        raise Fault(404, f"There is no task {name[:100]!r}. The tasks of this service are: {known}.")
    return found
