"""Prints the lowest version of each dependency that pyproject.toml allows, those of the extras too, as ``name==version``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

EXTRAS = ("arrow", "cli", "dask", "local", "map", "stats")


def lowest(pyproject: Path) -> list[str]:
    """Return the pins, each once, with the marker that a requirement has."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for e in EXTRAS for line in project["optional-dependencies"][e]),
    ]
    return sorted({line.replace(">=", "==", 1) for line in lines})


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest(Path(__file__).parents[1] / "pyproject.toml")) + "\n")
