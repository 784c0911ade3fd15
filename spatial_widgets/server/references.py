"""Inputs that are not in the request but named by it: uploads, results of earlier jobs, layers elsewhere.

They are looked up when the job is submitted, and what is on this machine is linked into the job's folder, so
that the job has it whatever is deleted meanwhile. Nothing is fetched here.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import JobStatus
from spatial_widgets.server.featureserver.naming import read_layer_path
from spatial_widgets.server.fetching import refuse_url
from spatial_widgets.server.jobfiles import layer_number
from spatial_widgets.server.registry import is_file, is_layer
from spatial_widgets.server.spellings import own_output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from spatial_widgets.protocol import ParameterInfo
    from spatial_widgets.server.limits import Limits
    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.uploads import Uploads

__all__ = ["SOURCES", "References"]

#: The file of a job that says which of its files belongs to which input.
SOURCES = "sources.json"
#: What an input may name something by, in lower case; and what it bears itself.
_NAMING = {"itemid", "url", "portalitemid"}
_BEARING = {"features", "featureSet", "layers", "type"}
_LAYER_FILES = {".csv", ".geojson", ".json", ".txt"}
_SHORT = 100_000  # a text that only names a layer is short; whole layers are read in the job
_RESULT = re.compile(
    r"/arcgis/rest/services/tasks/gpserver/(?P<task>[^/]+)/jobs/(?P<job>j[0-9a-f]{32})/results/(?P<name>[^/]+(/\d+/[^/]+)?)/*",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class References:
    """Looks up what inputs name."""

    store: Store
    uploads: Uploads
    tasks: Mapping[str, Task]
    limits: Limits

    def files(self, task: Task, given: Mapping[str, str]) -> dict[str, bytes | Path]:
        """Return the files to link into the job's folder, by the names they get there.

        Raises
        ------
        ParameterError : an input names what is not there, or what is not read.
        """
        sources: dict[str, str] = {}
        linked: dict[str, bytes | Path] = {}
        for parameter in task.inputs:
            for place, document in _pointers(parameter, given.get(parameter.name, "")):
                path = self._look_up(task.name, parameter, document)
                if path is not None:
                    sources[place] = f"input.{len(sources)}{path.suffix}"
                    linked[sources[place]] = path
        return {**linked, SOURCES: json.dumps(sources).encode()} if sources else {}

    def _look_up(self, owner: str, parameter: ParameterInfo, document: Mapping[str, Any]) -> Path | None:
        about = f"{owner}: parameter {parameter.name!r}"
        _refuse_empty(about, parameter, document)
        item_id = next((value for name, value in document.items() if name.casefold() == "itemid"), None)
        if isinstance(item_id, str) and item_id.strip():
            found = self.uploads.path(item_id)
            # A layer that this service hosts has both; its itemId is none of an upload.
            if found is None and not document.get("url"):
                raise ParameterError(
                    f"{about}: there is no uploaded item {item_id[:60]!r}. Upload the file, and pass its itemID.",
                    parameter=parameter.name,
                )
            if found is not None:
                return found
        url = document.get("url")
        if not isinstance(url, str):
            return None
        try:
            parts = urlsplit(url.strip())
            is_here = _is_here(parts.hostname)
        except ValueError as error:
            raise ParameterError(f"{about}: the URL cannot be read.", parameter=parameter.name) from error
        match = _RESULT.fullmatch(unquote(parts.path)) if is_here else None
        if match is not None:
            return self._result(about, parameter, match)
        hosted = read_layer_path(unquote(parts.path)) if is_here else None
        if hosted is not None:
            return self._hosted(about, parameter.name, *hosted)
        if is_file(parameter):
            raise ParameterError(
                f"{about}: a file is not read by URL. Upload it, and pass its itemID.",
                parameter=parameter.name,
            )
        refuse_url(url, self.limits, about=about, parameter=parameter.name)
        return None

    def _hosted(self, about: str, name: str, service: str, number: int) -> Path:
        found = self.store.hosted_job(service)
        view = self.store.view(found[1]) if found is not None else None
        results = view.results.values() if view is not None and view.row.status.is_success else ()
        result = next((r for r in results if layer_number(r) == number), None)
        if view is None or result is None:
            raise ParameterError(
                f"{about}: this service has no hosted layer {number} of {service!r}.", parameter=name
            )
        return self.store.files.folder(view.row.id) / result.file

    def _result(self, about: str, parameter: ParameterInfo, match: re.Match[str]) -> Path:
        name = parameter.name
        view = self.store.view(match["job"].lower())
        if view is None or view.row.task.casefold() != match["task"].casefold():
            raise ParameterError(
                f"{about}: this service has no job {match['job']} of {match['task']}.", parameter=name
            )
        asked = own_output(view.row.task, match["name"])
        known = {label.casefold(): result for label, result in view.results.items()}
        # A result that is a file stands for the first of its files.
        file = next((result for label, result in known.items() if label.startswith(f"{asked}/0/")), None)
        found = file or known.get(asked)
        if view.row.status is not JobStatus.SUCCEEDED or found is None:
            why = f"it is {view.row.status.value}" if found is None else "it did not succeed"
            raise ParameterError(
                f"{about}: the job {view.row.id} has no result {match['name']!r}: {why}.", parameter=name
            )
        path = self.store.files.folder(view.row.id) / found.file
        if "/" in found.name and is_layer(parameter) and path.suffix not in _LAYER_FILES:
            raise ParameterError(
                f"{about}: the file {found.name.rpartition('/')[2]!r} is not read as a layer; "
                f"one of {', '.join(sorted(_LAYER_FILES))} is.",
                parameter=name,
            )
        return path


def _pointers(parameter: ParameterInfo, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what in an input may name something, with its place: ``name`` or ``name[2]``."""
    if not (is_layer(parameter) or is_file(parameter)) or text.lstrip()[:1] not in {"{", "["}:
        return
    if len(text) > _SHORT and text.lstrip().startswith("{"):
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    items = document if isinstance(document, list) else [document]
    for number, item in enumerate(items):
        place = f"{parameter.name}[{number}]" if isinstance(document, list) else parameter.name
        found = _object(item)
        if found is None:
            raise ParameterError(
                f"{place}: {str(item)[:60]!r} is no JSON object with an itemID, or a url.",
                parameter=parameter.name,
            )
        if "features" not in found and "featureSet" not in found:
            yield place, found


def _object(item: Any) -> dict[str, Any] | None:
    """Return the object that an item of a list is, or is the JSON text of."""
    if isinstance(item, str):
        try:
            item = json.loads(item)
        except (ValueError, RecursionError):
            return None
    return item if isinstance(item, dict) else None


def _refuse_empty(about: str, parameter: ParameterInfo, document: Mapping[str, Any]) -> None:
    """Raise ParameterError where an input names something, and does not say what."""
    told = [name for name in document if str(name).casefold() in _NAMING]
    blank = [name for name in told if not isinstance(document[name], str) or not document[name].strip()]
    if "portalitemid" in {name.casefold() for name in told}:
        reason = "this service belongs to no portal, and has no portal items"
    elif told and blank == told:
        reason = f"its {told[0]} is empty, or no text"
    elif not told and (is_file(parameter) or not _BEARING & document.keys()):
        reason = "it names nothing"
    else:
        return
    way = "Upload the file, and pass its itemID" + (
        "." if is_file(parameter) else ", or send features or a url."
    )
    raise ParameterError(f"{about}: {reason}. {way}", parameter=parameter.name)


def _is_here(host: str | None) -> bool:
    """Whether an address is on this machine, or relative."""
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
