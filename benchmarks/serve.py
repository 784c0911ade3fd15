"""How fast the local service is: one command, one table. ``python benchmarks/serve.py [--executor dask]``."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import platform
import statistics
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from spatial_widgets.server.launcher import LocalServiceProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lines = Iterator[tuple[str, str]]

sys.path.insert(0, str(Path(__file__).parent))  # the service imports serve_tasks from here

ENDED = {"esriJobSucceeded", "esriJobFailed", "esriJobCancelled", "esriJobTimedOut"}
POLL_S = 0.02


class Caller:
    """One client with one connection, as thin as can be: what is measured is the service."""

    def __init__(self, service: LocalServiceProcess) -> None:
        parts = urlsplit(service.url)
        self.root = parts.path
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        self.headers = {
            "X-Esri-Authorization": f"Bearer {service.token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def ask(self, path: str, **form: str) -> dict[str, Any]:
        """Post a form and return the answer; an error ends the run."""
        body = urlencode({"f": "json", **form})
        self.connection.request("POST", self.root + path, body, self.headers)
        reply = json.loads(self.connection.getresponse().read())
        if "error" in reply:
            raise SystemExit(f"{path}: {reply['error']}")
        return reply

    def submit(self, task: str, **form: str) -> str:
        """Submit a job and return its path."""
        return f"/{task}/jobs/{self.ask(f'/{task}/submitJob', **form)['jobId']}"

    def until(self, job: str, *statuses: str) -> str:
        """Poll until the job has one of these statuses, or has ended."""
        while True:
            status = self.ask(job, returnMessages="false")["jobStatus"]
            if status in statuses or status in ENDED:
                return status
            time.sleep(POLL_S)

    def run(self, task: str, **form: str) -> None:
        """Submit a job and wait for its success."""
        status = self.until(self.submit(task, **form))
        if status != "esriJobSucceeded":
            raise SystemExit(f"{task}: {status}")


def seconds(action: Callable[[], object], repeat: int) -> float:
    """Return the median time of an action."""
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def one_job(service: LocalServiceProcess, repeat: int) -> Lines:
    """Measure how long one job takes, and one cancel."""
    caller = Caller(service)
    caller.run("Nothing")
    yield (
        "a job that does nothing, submit to Succeeded",
        milliseconds(seconds(lambda: caller.run("Nothing"), repeat)),
    )
    stops = []
    for _ in range(5):
        job = caller.submit("OneCall")
        caller.until(job, "esriJobExecuting")
        time.sleep(0.5)
        began = time.perf_counter()
        caller.ask(f"{job}/cancel")
        caller.until(job, "esriJobCancelled")
        stops.append(time.perf_counter() - began)
    yield "cancel inside one GEOS call, to Cancelled", milliseconds(statistics.median(stops))


def many_requests(service: LocalServiceProcess) -> Lines:
    """Measure how many polls a second one client gets."""
    caller = Caller(service)
    job = caller.submit("Nothing")
    caller.until(job)
    until, count = time.perf_counter() + 3.0, 0
    while time.perf_counter() < until:
        caller.ask(job)
        count += 1
    yield "GET job, one client", f"{count / 3.0:,.0f} /s"


def many_clients(service: LocalServiceProcess, clients: int, jobs: int) -> Lines:
    """Measure how many jobs a second so many clients get."""
    left, lock = [jobs], threading.Lock()

    def work() -> None:
        caller = Caller(service)
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            caller.run("Nothing")

    threads = [threading.Thread(target=work) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    yield f"jobs that do nothing, {clients} client{'s' * (clients > 1)}", f"{jobs / taken:,.1f} /s"


def overhead(service: LocalServiceProcess, rows: int, repeat: int) -> Lines:
    """Measure a real job beside the bare call that is at its heart."""
    import geopandas as gpd
    import numpy as np
    import shapely

    rng = np.random.default_rng(1)
    points = gpd.GeoDataFrame(
        {"n": np.arange(rows)},
        geometry=shapely.points(rng.uniform(5e5, 6e5, rows), rng.uniform(5e6, 5.1e6, rows)),
        crs=32632,
    )
    from spatial_widgets.client import GPService

    edges = np.arange(10) * 1e4
    squares = gpd.GeoDataFrame(
        geometry=[shapely.box(5e5 + x, 5e6 + y, 5e5 + x + 1e4, 5e6 + y + 1e4) for x in edges for y in edges],
        crs=32632,
    )
    task = GPService(service.url, auth=service.token).task("AggregatePoints")

    def job() -> None:
        task.submit(pointLayer=points, polygonLayer=squares).result("aggregatedLayer")

    bare = seconds(lambda: gpd.sjoin(points, squares).groupby("index_right").size(), repeat)
    whole = seconds(job, repeat)
    yield f"AggregatePoints, {rows:,} points in 100 squares, frame to frame", f"{whole:.2f} s"
    yield "of that, the bare geopandas.sjoin and groupby", f"{bare:.2f} s"


def milliseconds(value: float) -> str:
    """Return a time as text."""
    return f"{1000 * value:.0f} ms"


def main() -> None:
    """Start a service, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executor", default="process", choices=["process", "dask", "inline"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--rows", default="1000,100000", help="points for AggregatePoints")
    options = parser.parse_args()
    names = ["geopandas", "shapely", "uvicorn"] + ["distributed"] * (options.executor == "dask")
    print(
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in names)
        + ".\n"
    )
    print(f"| {options.executor}, {options.workers} workers | |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        service = LocalServiceProcess.start(
            store=folder, executor=options.executor, workers=options.workers, tasks=["serve_tasks"]
        )
        stack.callback(service.stop)
        parts = [one_job(service, options.repeat), many_requests(service)]
        parts += [many_clients(service, clients, 40 + clients) for clients in (1, 20, 100)]
        parts += [overhead(service, int(rows), 1) for rows in options.rows.split(",")]
        for part in parts:
            for what, value in part:
                print(f"| {what} | {value} |", flush=True)


if __name__ == "__main__":
    main()
