"""What a job's outputs are to be called as layers: ``outputName`` of a submit.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/feature-input-and-output/
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from spatial_widgets.server.wire import Request

__all__ = ["HOSTED", "ROOT", "layer_value", "output_name", "read_layer_path"]

#: The path below which hosted layers are.
ROOT = "/arcgis/rest/services/Hosted"
#: The file of a job that says that its outputs are to be layers.
HOSTED = "hosted.json"
#: The spellings under which clients send it: Spatial Analysis, and geoprocessing with an output feature service.
_OPTIONS = ("outputName", "esri_out_feature_service_name")
_NAME = re.compile(r"\w{1,98}")
_PATH = re.compile(
    r"/arcgis/rest/services/hosted/(?P<name>\w{1,98})/featureserver/(?P<layer>\d{1,4})/*", re.IGNORECASE
)


def output_name(request: Request, inputs: set[str]) -> str | None:
    """Return the name that a submit gives its outputs; None when it gives none.

    ``inputs`` are the task's own parameters, casefolded: one of that name is the task's.

    Raises
    ------
    ParameterError : it is no name for a service.
    """
    for option in _OPTIONS:
        text = request.option(option)
        if text and option.casefold() not in inputs:
            return _checked(_name_in(text, option), option)
    return None


def _name_in(text: str, option: str) -> Any:
    if not text.startswith("{"):
        return text
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"{option}: this is no JSON: {text[:100]!r}.", parameter=option) from error
    properties = document.get("serviceProperties")
    name = properties.get("name") if isinstance(properties, dict) else None
    if name is None:
        raise ParameterError(
            f'{option}: expected {{"serviceProperties": {{"name": …}}}}, got {text[:100]!r}. '
            "Layers that exist already are not written to.",
            parameter=option,
        )
    return name


def _checked(name: Any, option: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ParameterError(
            f"{option}: {str(name)[:100]!r} is no name for a service. Use 1 to 98 letters, digits and underscores.",
            parameter=option,
            value=name,
        )
    return name


def layer_value(name: str, number: int, job_id: str, request: Request) -> dict[str, str]:
    """Return the value of a result that is a layer, with the address under which the client knows this service."""
    host = request.headers.get("host", "")
    root = f"http://{host}{ROOT}" if host else ROOT
    return {"url": f"{root}/{name}/FeatureServer/{number}", "itemId": job_id.removeprefix("j")}


def read_layer_path(path: str) -> tuple[str, int] | None:
    """Return the service and the layer that a path of ours leads to; None for any other path."""
    found = _PATH.fullmatch(path)
    return (found["name"], int(found["layer"])) if found else None
