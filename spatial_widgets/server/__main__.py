"""``python -m spatial_widgets.server``: serve the tasks of this machine until told to stop."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from spatial_widgets import __version__
from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.discovery import SERVICE_PATH, Discovery
from spatial_widgets.server.executors.inline import InlineExecutor
from spatial_widgets.server.executors.process import ProcessExecutor
from spatial_widgets.server.faults import MODES, Faults
from spatial_widgets.server.handover import ServedTasks
from spatial_widgets.server.launcher import default_store
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.processes import start_mark
from spatial_widgets.server.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.server.core import GPCore
    from spatial_widgets.server.executors.base import Executor

__all__ = ["main"]

_LOG = logging.getLogger("spatial_widgets.server")
_TOKEN = "SPATIAL_WIDGETS_SERVICE_TOKEN"  # noqa: S105 -- the variable's name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spatial_widgets.server", description=__doc__)
    parser.add_argument(
        "--store",
        type=Path,
        default=default_store(),
        metavar="DIR",
        help="folder for jobs and keys (%(default)s)",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--workers", type=int, help="jobs at the same time")
    parser.add_argument(
        "--executor",
        choices=["process", "dask", "inline"],
        help="where jobs run: in processes of this machine (default), on a Dask cluster, or in the service itself",
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="the cluster's scheduler, tcp://host:port; without it Dask has a cluster of its own",
    )
    parser.add_argument("--anonymous", action="store_true", help="ask for no token")
    parser.add_argument(
        "--strict",
        "--strict-arcgis",
        dest="strict_arcgis",
        action="store_true",
        help="refuse to cancel Submitted jobs, as ArcGIS does",
    )
    parser.add_argument(
        "--tasks", action="append", default=[], metavar="MODULE", help="import a module with more tasks"
    )
    parser.add_argument(
        "--access-log", action="store_true", help="write a line for each request, without its query"
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="show problems only, not each job that is submitted, started, ended",
    )
    parser.add_argument(
        "--faults",
        metavar="MODES",
        help=f"misbehave on purpose, for teaching and tests: {', '.join(MODES)}, or flaky=0.5,slow,seed=7",
    )
    Limits.add_options(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        limits = Limits.from_options(options)
        options.faults = Faults.of(options.faults)
    except ValueError as error:
        parser.error(str(error))
    logging.basicConfig(
        level=logging.WARNING if options.quiet else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # Out of the environment, so that no task and no program it starts inherits it.
    token = os.environ.pop(_TOKEN, "") or secrets.token_urlsafe(32)
    try:
        _run(options, limits, None if options.anonymous else token)
    except (SpatialWidgetsError, OSError, ImportError) as error:
        _LOG.error("The service cannot start: %s", error)
        return 1
    return 0


def _run(options: argparse.Namespace, limits: Limits, token: str | None) -> None:
    try:
        from spatial_widgets.server.asgi import bind, serve
    except ImportError as error:
        raise SpatialWidgetsError(
            f'{error.name or error} is missing. Install it with: pip install "spatial_widgets[local]"'
        ) from error

    REGISTRY.load_installed()
    for module in options.tasks:
        importlib.import_module(module)
    tasks = ServedTasks(REGISTRY, options.store)
    tasks.forget(limits.keep_s)
    if options.faults is not None and token is None and "expiring-token" in options.faults.rates:
        raise SpatialWidgetsError("expiring-token needs a token to expire. Leave --anonymous out.")
    listener = bind(options.port)
    executor: Executor | None = None
    try:
        executor = _executor(options, tasks)
        core = build_core(
            options.store,
            tasks,
            executor=executor,
            drive="thread",
            limits=limits,
            strict_arcgis=options.strict_arcgis,
            is_anonymous=token is None,
            faults=options.faults,
        )
    except BaseException:
        listener.close()
        if executor is not None:
            executor.close()
        raise
    found = _describe(core, listener.getsockname()[1], token, limits, options)
    found.write(options.store)
    _LOG.info("serving %d tasks at %s", len(tasks), found.url)
    if options.faults is not None:
        _LOG.warning("MISBEHAVING ON PURPOSE: %s", options.faults)
    try:
        serve(core, listener, token, limits=limits, access_log=options.access_log, faults=options.faults)
    finally:
        found.remove(options.store)
        _LOG.info("stopped")


def _executor(options: argparse.Namespace, tasks: ServedTasks) -> Executor:
    chosen = options.executor or ("dask" if options.dask else "process")
    if options.dask and chosen != "dask":
        raise SpatialWidgetsError(
            f"--dask goes with --executor dask, not with {chosen}. Leave one of them out."
        )
    if chosen == "inline":
        return InlineExecutor(tasks)
    if chosen == "process":
        return ProcessExecutor(options.workers)
    from spatial_widgets.server.executors.dask import DaskExecutor

    return DaskExecutor(options.dask, options.workers)


def _describe(
    core: GPCore, port: int, token: str | None, limits: Limits, options: argparse.Namespace
) -> Discovery:
    executor = core.supervisor.executor
    return Discovery(
        instance=core.instance,
        pid=os.getpid(),
        pid_start=start_mark(os.getpid()) or "",
        port=port,
        url=f"http://127.0.0.1:{port}{SERVICE_PATH}",
        version=__version__,
        executor=executor.name,
        workers=executor.capacity(),
        timeout_s=limits.timeout_s,
        limits=limits.to_json(),
        strict=options.strict_arcgis,
        faults=options.faults.to_json() if options.faults else {},
        installed={name: task.function.__module__ for name, task in REGISTRY.items()},
        anonymous=token is None,
        address=options.dask,
        token=token,
    )


if __name__ == "__main__":
    sys.exit(main())
