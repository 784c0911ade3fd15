"""What watching many jobs costs, and how soon their end is noticed: ours beside a thread for each job.

``python benchmarks/poll.py [--jobs 1000] [--seconds 2-60] [--repeat 3] [--candidates ours,threads,fixed]``

A service in a process of its own says when each job is done. Every candidate runs in a fresh process, the
candidates taking turns; the table shows medians. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
_TOKEN = "benchmark-token"
_LOOK_S = 0.1
_HEADINGS = (
    "candidate",
    "polls",
    "CPU s",
    "CPU s per 1,000 polls",
    "x ours",
    "delay, mean s",
    "95th percentile",
    "delay / duration, mean",
    "95th percentile",
    "threads",
    "connections",
    "peak MB",
)

# ---------------------------------------------------------------- the candidates, each in a process of its own


def _ours(url: str, jobs: int, noticed: Callable[[int], None]) -> None:
    """One poller watches all jobs."""
    from spatial_widgets.client import GPService, Job, Poller
    from spatial_widgets.protocol import JobInfo, JobStatus

    task = GPService(url, auth=_TOKEN).task("Poll")
    for number in range(jobs):
        job = Job(task, JobInfo(f"j{number}", JobStatus.SUBMITTED))
        Poller.shared().watch(job, when_done=lambda _watch, number=number: noticed(number))  # type: ignore[misc]


def _by_threads(pause: Callable[[float], float]) -> Callable[..., None]:
    """Return a client of a thread and a ``requests.Session`` for each job, and a plain loop."""

    def start(url: str, jobs: int, noticed: Callable[[int], None]) -> None:
        for number in range(jobs):
            arguments = (f"{url}/j{number}", pause, lambda number=number: noticed(number))
            threading.Thread(target=_loop, args=arguments, daemon=True).start()

    return start


def _loop(url: str, pause: Callable[[float], float], ended: Callable[[], None]) -> None:
    import requests

    word, since = "", time.monotonic()
    headers = {"X-Esri-Authorization": f"Bearer {_TOKEN}"}
    with requests.Session() as session:
        while True:
            document = session.get(url, params={"f": "json"}, headers=headers, timeout=(5, 30)).json()
            if document["jobStatus"] == "esriJobSucceeded":
                ended()
                return
            if document["jobStatus"] != word:
                word, since = document["jobStatus"], time.monotonic()
            time.sleep(pause(time.monotonic() - since))


def _as_polite(elapsed_s: float) -> float:
    import random

    from spatial_widgets.client.policy import PollPolicy

    return PollPolicy().interval_s(elapsed_s, has_progress=False, spread=random.uniform(-1, 1))


CANDIDATES: dict[str, tuple[str, Callable[..., None]]] = {
    "ours": ("ours, one poller", _ours),
    "threads": ("a thread for each job, as polite", _by_threads(_as_polite)),
    "fixed": ("a thread for each job, every second", _by_threads(lambda _elapsed_s: 1.0)),
}


def _measure(name: str, url: str, jobs: int) -> dict[str, Any]:
    """Run one candidate in this process; return its cost and when it noticed each end."""
    import psutil
    import requests

    import spatial_widgets.client  # noqa: F401 -- nobody's import is measured

    me, moments, all_done = psutil.Process(), [0.0] * jobs, threading.Semaphore(0)

    def noticed(number: int) -> None:
        moments[number] = time.monotonic()
        all_done.release()

    before_mb, most_mb, most_threads = me.memory_info().rss / 1e6, 0.0, 0
    own_threads = threading.active_count()
    requests.get(url.partition("/arcgis")[0] + "/start", timeout=5)
    cpu_s, left = time.process_time(), jobs
    CANDIDATES[name][1](url.partition("/Poll")[0] if name == "ours" else url, jobs, noticed)
    while left:
        most_threads = max(most_threads, threading.active_count() - own_threads)
        most_mb = max(most_mb, me.memory_info().rss / 1e6 - before_mb)
        if all_done.acquire(timeout=_LOOK_S):
            left -= 1
            while left and all_done.acquire(blocking=False):
                left -= 1
    return {
        "cpu_s": time.process_time() - cpu_s,
        "threads": most_threads,
        "peak_mb": most_mb,
        "noticed": moments,
    }


# ---------------------------------------------------------------- the parent


def main() -> int:
    """Run what was asked for, print the table, and return 1 where polls of one job overlapped."""
    if len(sys.argv) == 5 and sys.argv[1] == "measure":
        print(json.dumps(_measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
        return 0
    options = _options()
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in options.candidates}
    for turn in range(options.repeat):
        for name in options.candidates:
            print(f"round {turn + 1} of {options.repeat}: {name}", file=sys.stderr, flush=True)
            runs[name].append(_run(name, options.jobs, options.seconds, seed=turn + 1))
    low, high = options.seconds
    print(
        f"\n{options.jobs:,} jobs at once of {low:g} to {high:g} s; Python {platform.python_version()}, "
        f"requests {version('requests')}; medians of {options.repeat}.\n"
    )
    _print_table(runs)
    overlaps = {name: sum(run["overlaps"] for run in found) for name, found in runs.items()}
    return 1 if any(overlaps.values()) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs at once (1000)")
    parser.add_argument("--seconds", default="2-60", help="how long they last, shortest and longest (2-60)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each candidate (3)")
    parser.add_argument("--candidates", default=",".join(CANDIDATES), help="with commas between (all)")
    options = parser.parse_args()
    options.candidates = options.candidates.split(",")
    unknown = set(options.candidates) - set(CANDIDATES)
    if unknown:
        parser.error(f"there is no candidate {', '.join(sorted(unknown))}; there are {', '.join(CANDIDATES)}")
    low, _, high = options.seconds.partition("-")
    options.seconds = (float(low), float(high or low))
    return options


def _run(name: str, jobs: int, seconds: tuple[float, float], *, seed: int) -> dict[str, float]:
    settings = json.dumps({"jobs": jobs, "seconds": seconds, "seed": seed})
    command = [sys.executable, str(HERE / "poll_service.py"), settings]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdin is not None
        assert service.stdout is not None
        url = service.stdout.readline().strip()
        child = [sys.executable, __file__, "measure", name, url, str(jobs)]
        done = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True)
        service.stdin.write("account\n")
        service.stdin.flush()
        account = json.loads(service.stdout.readline())
        service.stdin.close()
    return _figures(json.loads(done.stdout), account, jobs, seconds, seed)


def _figures(
    found: dict[str, Any], account: dict[str, Any], jobs: int, seconds: tuple[float, float], seed: int
) -> dict[str, float]:
    from poll_service import durations

    delays = [noticed - end for noticed, end in zip(found["noticed"], account["ends"], strict=True)]
    lasted = durations(jobs, seconds, seed)
    shares = [delay / duration for delay, duration in zip(delays, lasted, strict=True)]
    return {
        "polls": account["polls"],
        "cpu_s": found["cpu_s"],
        "cpu_ms": 1000 * found["cpu_s"] / account["polls"],
        "delay": fmean(delays),
        "delay_95": quantiles(delays, n=20)[-1],
        "share": fmean(shares),
        "share_95": quantiles(shares, n=20)[-1],
        "threads": found["threads"],
        "connections": account["connections"],
        "peak_mb": found["peak_mb"],
        "overlaps": account["overlaps"],
    }


def _print_table(runs: dict[str, list[dict[str, float]]]) -> None:
    print("| " + " | ".join(_HEADINGS) + " |")
    print("|---" * len(_HEADINGS) + "|")
    first = next(iter(runs.values()))
    for name, found in runs.items():
        middle = {key: median(run[key] for run in found) for key in found[0]}
        ratio = median(run["cpu_ms"] / base["cpu_ms"] for run, base in zip(found, first, strict=True))
        cells = [
            CANDIDATES[name][0],
            f"{middle['polls']:,.0f}",
            f"{middle['cpu_s']:.1f}",
            f"{middle['cpu_ms']:.2f}",
            f"{ratio:.2f}",
            f"{middle['delay']:.2f}",
            f"{middle['delay_95']:.2f}",
            f"{middle['share']:.1%}",
            f"{middle['share_95']:.1%}",
            f"{middle['threads']:.0f}",
            f"{middle['connections']:.0f}",
            f"{middle['peak_mb']:.0f}",
        ]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    sys.exit(main())
