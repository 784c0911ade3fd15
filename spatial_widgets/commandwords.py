"""What the words of a command line stand for, and what may follow them in a shell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError, SpatialWidgetsError

if TYPE_CHECKING:
    import argparse

    from spatial_widgets.client import GPService, Job

__all__ = [
    "TOKEN",
    "complete",
    "job_at",
    "local_token",
    "parameter_names",
    "read_parameter",
    "service_at",
    "task_names",
    "token_for",
    "write",
]

TOKEN = "SPATIAL_WIDGETS_TOKEN"  # noqa: S105 -- the variable's name
_WRITERS = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".fgb": "FlatGeobuf", ".json": "GeoJSON"}


# ---------------------------------------------------------------- what the shell may ask for


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell, where the ``cli`` extra is installed: ``eval "$(register-python-argcomplete spatial-widgets)"``."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser)


def task_names(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Return the tasks of the service."""
    return _service_there_is(parsed_args.url).tasks()


def parameter_names(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Return ``NAME=`` for each input of the task; after the sign, the choices it has."""
    info = _service_there_is(parsed_args.url).task(parsed_args.task).info()
    name, equals, _value = prefix.partition("=")
    if not equals:
        return [f"{p.name}=" for p in info.inputs]
    parameter = info.parameter(name)
    return [f"{name}={choice}" for choice in (parameter.choices if parameter else ())]


def _service_there_is(url: str | None) -> GPService:
    """Return the service that is asked; to complete a word, none is started."""
    from spatial_widgets.local import LocalService

    running = LocalService.running() if url is None else None
    if url is None and running is None:
        raise SpatialWidgetsError("No local service runs.")
    return running.service() if running is not None else service_at(url)


# ---------------------------------------------------------------- what the words mean


def service_at(url: str | None) -> GPService:
    """Return the service at a URL; without one the local service, which is started if need be."""
    from spatial_widgets.local import connect

    return connect() if url is None else connect(url, auth=token_for(url))


def job_at(url: str) -> Job:
    """Return the job at a URL. One GET."""
    from spatial_widgets.client import Job

    return Job.from_url(url, auth=token_for(url))


def token_for(url: str) -> str | None:
    """Return the token for a URL: the running local service's own, or the one in the environment."""
    return local_token(url) or os.environ.get(TOKEN) or None


def local_token(url: str) -> str | None:
    """Return the running local service's token for a URL of it, None for any other."""
    from spatial_widgets.local import LocalService
    from spatial_widgets.protocol.urls import origin
    from spatial_widgets.server.launcher import faults_store

    for store in (None, faults_store()):
        running = LocalService.running(store=store)
        if running is not None and origin(running.url) == origin(url):
            return running.token
    return None


def read_parameter(text: str) -> tuple[str, Any]:
    """Return name and value of ``NAME=VALUE``; ``sample:NAME`` and ``@FILE`` are read as layers."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ParameterError(f"-p {text}: expected NAME=VALUE.", parameter=name)
    if value.startswith("sample:"):
        from spatial_widgets.data import sample

        return name, sample(value.removeprefix("sample:"))
    if value.startswith("@"):
        import geopandas as gpd

        path = Path(value[1:])
        if not path.is_file():
            raise ParameterError(f"-p {text}: there is no file {path}.", parameter=name, value=value)
        return name, gpd.read_file(path)
    return name, value


def write(value: Any, path: Path) -> None:
    """Write a result to a file, in the format that its ending tells."""
    import geopandas as gpd
    import pandas as pd

    if isinstance(value, gpd.GeoDataFrame) and path.suffix.lower() in _WRITERS:
        value.to_file(path, driver=_WRITERS[path.suffix.lower()])
    elif isinstance(value, pd.DataFrame) and path.suffix.lower() == ".csv":
        value.to_csv(path, index=False)
    elif hasattr(value, "save"):
        value.save(path)
    elif isinstance(value, (pd.DataFrame, dict)):
        raise ParameterError(
            f"{path.name}: name one output, and a file that ends in .geojson, .gpkg, .fgb or .csv.",
            parameter="output",
        )
    else:
        path.write_text(f"{value}\n", encoding="utf-8")
