"""How long each analysis takes beside the bare library calls that it needs.

``python benchmarks/tasks.py [--rows 100000] [--repeat 3] [TASK …]``

Each module in bare/ belongs to one task: ``TASK``, ``parameters(rows, rng)`` with generated inputs of that many
features, and ``bare(parameters)``, the calls without which the result cannot be had: no checks, no messages,
no statistics that nobody asked for. Task and bare calls take turns in one process, after a warm-up; the
table shows the CPU seconds of the fastest turn of each (user and system, all threads), and the ratio.
The command returns 1 where a ratio is above 3. A task of the catalogue without a module is named at the end.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.server.catalogue import CATALOGUE
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable

BAR = 3.0
SEED = 20260131
WARM = 500


class Silent:
    """What a task may say, said to nobody."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder
        self.limits = Limits(cells=2_000_000)

    def info(self, text: str) -> None:
        """Say nothing."""

    warn = error = info

    def progress(self, percent: float, text: str = "") -> None:
        """Say nothing."""

    def check(self) -> None:
        """Go on."""

    def rng(self, seed: int) -> np.random.Generator:
        """Return a seeded generator."""
        return np.random.default_rng(seed)


def cases() -> dict[str, Any]:
    """Return the modules of bare/ by task."""
    found = {}
    for path in sorted((Path(__file__).parent / "bare").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"bare_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[module.TASK] = module
    return found


def seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    gc.collect()
    began = time.process_time()
    call()
    return time.process_time() - began


def measure(module: Any, rows: int, repeat: int) -> tuple[float, float]:
    """Return the fastest turn of the task, and that of the bare calls."""
    task, ours, bare = REGISTRY[module.TASK], [], []
    with tempfile.TemporaryDirectory() as folder:
        context = Silent(Path(folder))
        small = module.parameters(WARM, np.random.default_rng(SEED))
        task.call(context, small)
        module.bare(small)
        given = module.parameters(rows, np.random.default_rng(SEED))
        for _ in range(repeat):
            ours.append(seconds(lambda: task.call(context, given)))
            bare.append(seconds(lambda: module.bare(given)))
    return min(ours), min(bare)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tasks", nargs="*", help="all by default")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args(arguments)
    known, slow = cases(), []
    print(f"{options.rows:,} features, fastest of {options.repeat}\n")
    print("| task | ours, CPU s | bare calls, CPU s | ratio |\n|---|---|---|---|")
    for name in options.tasks or known:
        ours, bare = measure(known[name], options.rows, options.repeat)
        print(f"| {name} | {ours:.2f} | {bare:.2f} | {ours / bare:.2f} |", flush=True)
        slow += [name] if ours / bare > BAR else []
    missing = [
        name for name in REGISTRY if name in CATALOGUE and CATALOGUE[name].is_local and name not in known
    ]
    if not options.tasks and missing:
        print("\nnot measured:", ", ".join(missing))
    if slow:
        print(f"\nabove {BAR:g} x:", ", ".join(slow))
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())
