"""The ``spatial-widgets`` command: the same client, in a terminal.

Exit status: 0 well, 1 an error that is told on standard error, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatial_widgets import __version__
from spatial_widgets.commandwords import (
    TOKEN,
    complete,
    job_at,
    local_token,
    parameter_names,
    read_parameter,
    service_at,
    task_names,
    token_for,
    write,
)
from spatial_widgets.errors import ParameterError, SpatialWidgetsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client import GPService, Job

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks what may follow
        complete(parser)
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not _serve:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        status: int = options.run(options)
    except SpatialWidgetsError as error:
        print(f"spatial-widgets: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (
        OSError,
        RuntimeError,
    ) as error:  # a file that cannot be read or written; pyogrio's are RuntimeErrors
        print(f"spatial-widgets: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        for note in getattr(error, "__notes__", []):
            print(note, file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spatial-widgets",
        description="Run ArcGIS geoprocessing jobs. Without a URL, on this machine's local service, which is started if need be.",
        epilog=f"The token for a service of your own is read from the environment variable {TOKEN}.",
    )
    parser.add_argument("--version", action="version", version=f"spatial_widgets {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="run a real hot spot analysis, start to map")
    demo.add_argument(
        "--picture",
        type=Path,
        default=Path("earthquake_hot_spots.png"),
        help="where the map goes (%(default)s)",
    )
    demo.set_defaults(run=_demo)

    # Its options are the service's own, so that there is one list of them.
    serve = commands.add_parser("serve", help="run a local service until interrupted", add_help=False)
    serve.set_defaults(run=_serve)

    tasks = commands.add_parser("tasks", help="list a service's tasks, or describe one")
    tasks.add_argument("task", nargs="?", help="a task, to see its parameters").completer = task_names  # type: ignore[attr-defined]
    _add_url(tasks)
    tasks.set_defaults(run=_tasks)

    submit = commands.add_parser("submit", help="submit a job and print its URL")
    submit.add_argument("task").completer = task_names  # type: ignore[attr-defined]
    submit.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="an input; VALUE is text, JSON, sample:NAME for a bundled layer, or @FILE for a layer in a file",
    ).completer = parameter_names  # type: ignore[attr-defined]  # fmt: skip
    submit.add_argument("--watch", action="store_true", help="stay until the job has ended")
    _add_url(submit)
    submit.set_defaults(run=_submit)

    watch = commands.add_parser("watch", help="follow jobs until they end")
    watch.add_argument("jobs", metavar="JOB_URL", nargs="+")
    watch.set_defaults(run=_watch)

    cancel = commands.add_parser("cancel", help="cancel a job")
    cancel.add_argument("job", metavar="JOB_URL")
    cancel.set_defaults(run=_cancel)

    result = commands.add_parser("result", help="wait for a job and print or save a result")
    result.add_argument("job", metavar="JOB_URL")
    result.add_argument("name", nargs="?", help="the output; the only one by default")
    result.add_argument("-o", "--output", type=Path, help="write to a file: .geojson, .gpkg, .fgb or .csv")
    result.set_defaults(run=_result)

    jobs = commands.add_parser("jobs", help="list what was submitted from this machine")
    jobs.add_argument("--limit", type=int, default=20, metavar="N", help="the newest N (%(default)s)")
    which = jobs.add_mutually_exclusive_group()
    which.add_argument("--url", help="only those of this GPServer")
    which.add_argument(
        "--service",
        nargs="?",
        const="",
        metavar="URL",
        help="those that the running local service has, whoever submitted them, or the one at URL",
    )
    jobs.add_argument("--json", action="store_true", help="as JSON")
    jobs.add_argument("--refresh", action="store_true", help="ask each that has not ended how it stands")
    jobs.set_defaults(run=_jobs)
    return parser


def _add_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="a GPServer's URL; the local service by default")


# ---------------------------------------------------------------- commands


def _demo(options: argparse.Namespace) -> int:
    from spatial_widgets.demo import run_demo

    return run_demo(options.picture)


def _serve(options: argparse.Namespace) -> int:
    from spatial_widgets.server.__main__ import main as serve

    return serve(options.rest)


def _tasks(options: argparse.Namespace) -> int:
    service = service_at(options.url)
    if options.task is None:
        print("\n".join(_listed(service)))
        return 0
    info = service.task(options.task).info()
    print(info.name)
    if info.description:
        print(f"\n{info.description}\n")
    for parameter in info.parameters:
        kind = "output" if not parameter.is_input else "required" if parameter.required else "optional"
        choices = f" one of {', '.join(map(str, parameter.choices))};" if parameter.choices else ""
        default = (
            f" default {json.dumps(parameter.default)};"
            if parameter.is_input and not parameter.required
            else ""
        )
        print(
            f"  {parameter.name}: {parameter.data_type}, {kind};{choices}{default} {parameter.description}".rstrip(
                "; "
            )
        )
    return 0


def _listed(service: GPService) -> list[str]:
    """Return a line for each task: of our own service those of Spatial Analysis first, with how they stand."""
    info = service.info()
    known = info.spatial_analysis
    width = max(map(len, known), default=0)
    others = [name for name in info.tasks if name not in known]
    return [
        *(f"{name:{width}}  {word}" for name, word in known.items()),
        *(["", "Beside Spatial Analysis:"] if known and others else []),
        *others,
    ]


def _submit(options: argparse.Namespace) -> int:
    parameters: dict[str, Any] = {}
    for text in options.parameter:
        name, value = read_parameter(text)
        if name in parameters:
            raise ParameterError(
                f"-p {text}: {name} is given twice; several values are one JSON list, -p '{name}=[…, …]'.",
                parameter=name,
            )
        parameters[name] = value
    job = service_at(options.url).task(options.task).submit(parameters)
    print(job.url)
    return _follow(job) if options.watch else 0


def _watch(options: argparse.Namespace) -> int:
    urls = list(dict.fromkeys(options.jobs))
    if len(urls) == 1:
        return _follow(job_at(urls[0]))
    from spatial_widgets.terminal import follow_all

    jobs = []
    for url in urls:
        try:
            jobs.append(job_at(url))
        except SpatialWidgetsError as error:  # told at once: the others may take hours
            print(f"spatial-widgets: {url}: {error}", file=sys.stderr)
    for url, reason in follow_all(jobs).items():
        print(f"spatial-widgets: {url}: {reason}", file=sys.stderr)
    well = sum(job.status.is_success for job in jobs)
    print(f"{well} of {len(urls)} jobs succeeded")
    return 0 if well == len(urls) else 1


def _cancel(options: argparse.Namespace) -> int:
    job = job_at(options.job)
    job.cancel()
    print(job.wait(timeout=60, check=False).status.value)
    return 0


def _result(options: argparse.Namespace) -> int:
    import pandas as pd

    value = job_at(options.job).result(options.name)
    if options.output is not None:
        write(value, options.output)
        print(options.output)
    elif isinstance(value, pd.DataFrame):
        print(value)
        print(
            f"{len(value)} rows x {len(value.columns)} columns"
            + (f", {value.crs.to_string()}" if getattr(value, "crs", None) else "")
        )
    else:
        print(value)
    return 0


def _service_jobs(options: argparse.Namespace) -> int:
    from spatial_widgets.client import GPService
    from spatial_widgets.local import LocalService
    from spatial_widgets.servicejobs import as_json, as_table, list_jobs

    if options.service:
        service = GPService(options.service, auth=token_for(options.service))
    else:
        running = LocalService.running()
        if running is None:
            raise SpatialWidgetsError("No local service runs. Start one with: spatial-widgets serve")
        service = running.service()
    found = list_jobs(service, options.limit)
    print(as_json(found) if options.json else as_table(found))
    return 0


def _jobs(options: argparse.Namespace) -> int:
    if options.service is not None:
        return _service_jobs(options)
    from spatial_widgets.client import history
    from spatial_widgets.pastjobs import as_json, as_table, refresh

    rows = history.recent(options.limit, service=options.url)
    failures = {}
    if options.refresh:
        failures = refresh(rows, local_token, os.environ.get(TOKEN) or None)
        rows = history.recent(options.limit, service=options.url)
    print(as_json(rows, failures) if options.json else as_table(rows))
    if not options.json:
        for url, reason in failures.items():
            print(f"spatial-widgets: {url}: {reason}", file=sys.stderr)
    return 1 if failures else 0


def _follow(job: Job) -> int:
    from spatial_widgets.terminal import Ticker

    ticker = Ticker()
    ticker(job.info)
    try:
        job.wait(on_update=ticker)
    finally:
        ticker.close()
    return 0
