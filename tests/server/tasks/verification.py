"""The page docs/analyses.md: how each task stands, and what it was checked against that is not ours.

``python -m tests.server.tasks.verification`` runs every check, prints the table, and writes it into the page;
with names of tasks, their rows alone.

Each module in cases/ belongs to one task. It has

``TASK``
    the task's name;
``parameters()``
    inputs on the bundled data, as a client gives them to ``submit``;
``confirm(results)``
    what is asserted of the results, by name, when they have come back from a service;
``check_…(run)``
    one or more checks against something that is not ours. The docstring is the sentence on the page, the returned
    text the figure beside it; a check that does not hold raises. ``run(**parameters)`` calls the task
    and returns its outputs by name; ``run.said`` is what it said. Figures must be the same on every machine: counts,
    or sizes of differences by :func:`below`.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyproj
import shapely

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from listener import Listener

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.server.catalogue import CATALOGUE, words
from spatial_widgets.server.registry import REGISTRY

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "analyses.md"
BEGIN, END = "<!-- checks: written by a command -->", "<!-- end of checks -->"


def geodesic_area(shapes: Any, step: float | None = None) -> float:
    """Return an area in square metres, by the C code of GeographicLib that comes with PROJ; sides no longer than a step.

    It is for results of tasks that measure no areas themselves: those that do are compared with GeographicLib in Python.
    """
    geod = pyproj.Geod(ellps="WGS84")
    cut = shapely.get_parts(shapes if step is None else shapely.segmentize(shapes, step))
    return sum(
        abs(geod.polygon_area_perimeter(*shapely.get_coordinates(ring).T)[0]) * (-1 if number else 1)
        for part in cut
        for number, ring in enumerate(shapely.get_rings(part))
    )


def below(value, least=1e-9):
    """Return a bound for a difference that is the same on every machine: the next power of ten above it.

    What is below ``least`` is the noise of last digits, and differs from machine to machine.
    """
    bound = max(value, least)
    return f"< 1e{math.floor(math.log10(bound)) + (bound > least):d}"


def load_cases():
    """Return the modules of cases/ by the task they belong to."""
    found = {}
    for path in sorted((HERE / "cases").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"cases_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if module.TASK in found:
            raise ValueError(f"{path.name}: there is another case of {module.TASK}")
        found[module.TASK] = module
    return found


def local_tasks():
    """Return the names of the tasks of the catalogue that work here."""
    return [name for name in sorted(REGISTRY) if name in CATALOGUE and CATALOGUE[name].is_local]


class Run:
    """Calls a task as the service does, without the service."""

    def __init__(self, name):
        self._task = REGISTRY[name]
        self.said = ""

    def __call__(self, **parameters):
        with tempfile.TemporaryDirectory() as folder:
            listener = Listener(Path(folder))
            results = self._task.call(listener, parameters)
        self.said = listener.text()
        return results


def checks(module):
    return [function for name, function in vars(module).items() if name.startswith("check_")]


def rows(name, module=None):
    """Return the lines of the page for one task; runs its checks."""
    word = words(REGISTRY)[name]
    if module is None:
        return [f"| `{name}` | {word} | | |"]
    made = []
    for check in checks(module):
        sentence = " ".join(inspect.getdoc(check).split()).removesuffix(".")
        made.append(f"| `{name}` | {word} | {sentence} | {check(Run(name))} |")
    return made


def lines_of(name, page):
    """Return the lines that the page has for one task."""
    return [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]


def main(arguments):
    cases = load_cases()
    page = PAGE.read_text(encoding="utf-8")
    lines = ["| task | here | checked against | figure |", "|---|---|---|---|"]
    for name in CATALOGUE:
        wanted = not arguments or name in arguments
        found = rows(name, cases.get(name)) if wanted else lines_of(name, page)
        lines += found
        if wanted:
            print("\n".join(found), flush=True)
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    table = "\n".join([BEGIN, "", *lines, "", END])
    PAGE.write_text(pattern.sub(lambda _: table, page), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
