"""The service's OpenAPI 3 description, made of the table of routes and of the tasks' own parameters.

Source: https://spec.openapis.org/oas/v3.0.3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from spatial_widgets import __version__
from spatial_widgets.server.form import MULTIPART, URLENCODED
from spatial_widgets.server.routes import FORMAT, LAYER_FORMAT, ROUTES, Option, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.protocol import ParameterInfo
    from spatial_widgets.server.registry import Task

__all__ = ["describe"]

_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "details": {"type": "array", "items": {"type": "string"}},
            },
        }
    },
}
_KINDS = {"GPBoolean": "boolean", "GPLong": "integer", "GPDouble": "number"}


def describe(tasks: Sequence[Task], *, is_anonymous: bool = False) -> dict[str, Any]:
    """Return the description: every route once for any task, and those that take inputs once for each task."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        if route.takes == "inputs":
            for task in tasks:
                if route.operation == "validate" or (route.operation == "execute") == task.synchronous:
                    path = "/" + route.path.replace("{task}", quote(task.name, safe=""))
                    paths[path] = _path(route, task)
        else:
            paths[f"/{route.path}".rstrip("/") or "/"] = _path(route)
    document: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {
            "title": "spatial_widgets local geoprocessing service",
            "version": __version__,
            "description": "Errors are JSON of the schema Error inside HTTP 200, as ArcGIS answers. Paths and "
            "names are read without regard to case. GET and POST are the same.",
        },
        "servers": [{"url": "/arcgis/rest/services/tasks/GPServer"}],
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }
    if not is_anonymous:
        document["components"]["securitySchemes"] = {
            "token": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Esri-Authorization",
                "description": "Bearer <token>",
            }
        }
        document["security"] = [{"token": []}]
    return document


def _path(route: Route, task: Task | None = None) -> dict[str, Any]:
    inputs = list(task.inputs) if task is not None else []
    methods = ("post",) if route.takes == "file" or route.operation == "delete" else ("get", "post")
    document: dict[str, Any] = {
        method: {
            "operationId": "_".join([method, route.operation, *([task.name] if task is not None else [])]),
            "summary": route.summary,
            "responses": {"200": {"description": "the answer, or an error", "content": _content(route)}},
        }
        for method in methods
    }
    variables = [word[1:-1] for word in route.segments if word.startswith("{")]
    if variables and task is None:
        document["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in variables
        ]
    options = [LAYER_FORMAT if route.is_layer else FORMAT, *route.options]
    if "get" in document:
        document["get"]["parameters"] = [_query(option) for option in options] + [
            _query_input(p) for p in inputs
        ]
    document["post"]["requestBody"] = _body(route, options, inputs)
    return document


def _content(route: Route) -> dict[str, Any]:
    file = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {}} | (file if route.gives == "file" else {})


def _query(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "in": "query",
        "required": option.required,
        "description": option.meaning,
        "schema": _option_schema(option),
    }


def _option_schema(option: Option) -> dict[str, Any]:
    return {"type": option.kind} | ({"enum": list(option.choices)} if option.choices else {})


def _query_input(parameter: ParameterInfo) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": _schema(parameter),
    }


def _schema(parameter: ParameterInfo) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": _KINDS.get(parameter.data_type, "string"),
        "description": f"{parameter.data_type}: {parameter.description}".rstrip(": "),
    }
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    return schema


def _body(route: Route, options: Sequence[Option], inputs: Sequence[ParameterInfo]) -> dict[str, Any]:
    properties = {option.name: _option_schema(option) for option in options} | {
        p.name: _schema(p) for p in inputs
    }
    required = [o.name for o in options if o.required] + [p.name for p in inputs if p.required]
    if route.takes == "file":
        properties["file"] = {"type": "string", "format": "binary"}
        required.append("file")
    schema = {"type": "object", "properties": properties} | ({"required": required} if required else {})
    kinds = [MULTIPART] if route.takes == "file" else [URLENCODED, MULTIPART]
    return {"required": bool(required), "content": {kind: {"schema": schema} for kind in kinds}}
