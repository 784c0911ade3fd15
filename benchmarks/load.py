"""How fast a result becomes a GeoDataFrame, ours beside the alternatives, on large documents.

``python benchmarks/load.py [--rows-scale 1.0] [--only points,polygons,lines,table] [--repeat 3]``

Every load runs in a process of its own, one after the other, the candidates taking turns; the tables show medians.
The documents are written once and kept in the user's cache folder. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import platformdirs

HERE = Path(__file__).parent
PACKAGES = ("geopandas", "numpy", "orjson", "pandas", "pyarrow", "pyogrio", "shapely")
_HEADINGS = (
    "candidate",
    "CPU s",
    "x F",
    "wall s",
    "peak x payload",
    "MB beyond the result",
    "rows",
    "agrees",
)

Runs = dict[str, list[dict[str, Any]]]


def main() -> int:
    """Run what was asked for, print the tables, and return 1 if the candidates do not agree."""
    # The parent stays small: a child's peak memory counts from its parent's. Hence these imports, and children.
    from candidates import CANDIDATES, WARM_UP_ROWS
    from data import ROWS

    options = _options(list(ROWS), list(CANDIDATES))
    names = [n for i, n in enumerate(CANDIDATES) if i == 0 or _chosen(n, options.candidates)]
    rows = {name: max(WARM_UP_ROWS, round(ROWS[name] * options.rows_scale)) for name in options.only}
    for data, count in rows.items():
        for wanted in (WARM_UP_ROWS, count):
            _say(f"writing {data}, {wanted} rows")
            _run("data.py", str(options.folder), data, str(wanted))
    runs: dict[str, Runs] = {data: {name: [] for name in names} for data in rows}
    for turn in range(options.repeat):
        for data, count in rows.items():
            for name in names:
                _say(f"round {turn + 1} of {options.repeat}: {data}, {name.strip()}")
                line = _run("candidates.py", name, str(options.folder), data, str(count))
                runs[data][name].append(json.loads(line))
    _print_machine(options.repeat)
    agreed = [_print_table(data, options.folder / f"{data}-{rows[data]}.json", runs[data]) for data in runs]
    return 0 if all(agreed) else 1


def _options(data: list[str], candidates: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0] if __doc__ else None,
        epilog="candidates: " + "; ".join(name.strip() for name in candidates),
    )
    parser.add_argument(
        "--rows-scale", type=float, default=1.0, help="fraction of the full number of rows (1.0)"
    )
    parser.add_argument("--only", default=",".join(data), help="data sets, with commas between (all four)")
    parser.add_argument("--repeat", type=int, default=3, help="loads of each candidate (3)")
    parser.add_argument("--candidates", default="", help="beginnings of names, with commas between (all)")
    parser.add_argument("--folder", type=Path, default=None, help="where the documents are kept")
    options = parser.parse_args()
    options.only = options.only.split(",")
    options.candidates = [word for word in options.candidates.split(",") if word]
    unknown = set(options.only) - set(data)
    if unknown:
        parser.error(f"there is no data set {', '.join(sorted(unknown))}; there are {', '.join(data)}")
    options.folder = options.folder or platformdirs.user_cache_path("spatial_widgets") / "benchmarks"
    return options


def _chosen(name: str, beginnings: list[str]) -> bool:
    return not beginnings or any(name.strip().casefold().startswith(b.casefold()) for b in beginnings)


def _run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments], check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed ({done.returncode})")
    return done.stdout


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print_machine(repeat: int) -> None:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"\nPython {platform.python_version()}, {packages}; medians of {repeat}.")


def _print_table(data: str, plain: Path, runs: Runs) -> bool:
    """Print one data set's table; return whether all candidates gave the same layer."""
    floor = next(iter(runs.values()))
    reference = _reference(runs)
    print(f"\n### {data} ({plain.stat().st_size / 1e6:.0f} MB)\n")
    print("| " + " | ".join(_HEADINGS) + " |")
    print("|---" * len(_HEADINGS) + "|")
    agreed = True
    for name, found in runs.items():
        # The floor has no geometry to compare, and fetching alone has no rows.
        keys = [key for key in reference if found is not floor or key in {"rows", "sum"}]
        has_result = "rows" in found[0]
        differing = sorted({k for run in found for k in keys if has_result and not _agree(run, reference, k)})
        agreed = agreed and not differing
        cells = [
            name.strip(),
            f"{median(r['cpu_s'] for r in found):.2f}",
            f"{median(r['cpu_s'] / f['cpu_s'] for r, f in zip(found, floor, strict=True)):.2f}",
            f"{median(r['wall_s'] for r in found):.2f}",
            f"{median(r['peak'] for r in found):.2f}",
            f"{median(r['held_mb'] for r in found):.0f}",
            f"{found[0]['rows']:,}" if has_result else "",
            f"no: {', '.join(differing)}" if differing else "yes" if has_result else "",
        ]
        print("| " + " | ".join(cells) + " |")
    return agreed


def _reference(runs: Runs) -> dict[str, Any]:
    """Return what is held to be right: GDAL's reading where it ran, else the last candidate's."""
    chosen = runs.get("GDAL") or list(runs.values())[-1]
    return {key: chosen[0][key] for key in ("rows", "sum", "bounds", "size") if key in chosen[0]}


def _agree(run: dict[str, Any], reference: dict[str, Any], key: str) -> bool:
    if key not in run:
        return False
    mine, theirs = run[key], reference[key]
    if isinstance(mine, list):
        return all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(mine, theirs, strict=True))
    return math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-6)


if __name__ == "__main__":
    sys.exit(main())
