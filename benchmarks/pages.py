"""What a page of a feature layer costs as JSON and as a protocol buffer: CPU time to read it, bytes on the wire.

``python benchmarks/pages.py [--rows-scale 1.0] [--only points,polygons,lines,table] [--repeat 5]``

Every reading runs in a process of its own, the formats taking turns; the table shows medians of ratios. The pages
are made once and kept in the user's cache folder. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path
from statistics import median
from typing import Any

import platformdirs

HERE = Path(__file__).parent
ROWS = {"points": 100_000, "polygons": 20_000, "lines": 20_000, "table": 100_000}
PAGE = 2_000  # what a hosted layer gives at most
KINDS = {"points": "Point", "polygons": "Polygon", "lines": "Polyline"}
FORMATS = ("json", "pbf")
_HEADINGS = ("data", "rows", "CPU", "CPU with gunzip", "wire", "wire gzipped", "gunzip JSON us/row")


def _paths(folder: Path, name: str, rows: int, form: str) -> list[Path]:
    return [folder / f"{name}-{rows}-page-{i}.{form}" for i in range(-(-rows // PAGE))]


# ---------------------------------------------------------------- the pages


def _write(folder: Path, name: str, rows: int) -> None:
    """Write the pages of a data set in both formats, and what gzip makes of them, unless they are there."""
    import data
    import orjson

    sys.path.append(str(HERE.parent / "tests"))
    from pbf_messages import page

    targets = [_paths(folder, name, rows, form) for form in FORMATS]
    if all(path.exists() for paths in targets for path in paths):
        return
    data.write(folder, name, rows)
    document = orjson.loads(data.paths(folder, name, rows)[0].read_bytes())
    features = document.pop("features")
    for i, (plain, packed) in enumerate(zip(*targets, strict=True)):
        some = {**document, "features": features[i * PAGE : (i + 1) * PAGE]}
        plain.write_bytes(orjson.dumps(some))
        packed.write_bytes(page(some).SerializeToString())


# ---------------------------------------------------------------- the reading


def _read(body: bytes, form: str, known: dict[str, Any]) -> Any:
    from spatial_widgets.codec import LayerOptions, PbfPage, decode_features

    if form == "json":
        return decode_features(body)
    page = PbfPage(body)
    return page.frame({**known, **page.document}, LayerOptions())


def _measure(folder: Path, name: str, rows: int, form: str) -> dict[str, float]:
    known = {"geometryType": f"esriGeometry{KINDS[name]}"} if name in KINDS else {}
    bodies = [path.read_bytes() for path in _paths(folder, name, rows, form)]
    zipped = [zlib.compress(body, 6) for body in bodies]
    _read(bodies[0], form, known)
    clock = time.process_time()
    unzipped = [zlib.decompress(body) for body in zipped]
    gunzip_s = time.process_time() - clock
    del unzipped
    clock = time.process_time()
    frames = [_read(body, form, known) for body in bodies]
    cpu_s = time.process_time() - clock
    return {
        "cpu_s": cpu_s,
        "gunzip_s": gunzip_s,
        "wire": sum(map(len, bodies)),
        "zipped": sum(map(len, zipped)),
        "rows": sum(map(len, frames)),
        "sum": float(sum(frame["level"].sum() for frame in frames)),
        "size": float(sum(frame.length.sum() for frame in frames)) if name in KINDS else 0.0,
    }


def _child(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def main() -> int:
    """Print the table; return 1 if the two formats do not give the same layers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--only", default=",".join(ROWS), help="data sets, with commas between (all four)")
    parser.add_argument("--rows-scale", type=float, default=1.0, help="part of the rows (1.0)")
    parser.add_argument("--repeat", type=int, default=5, help="readings of each format (5)")
    parser.add_argument("--folder", type=Path, default=None, help="where the pages are kept")
    options = parser.parse_args()
    folder = options.folder or platformdirs.user_cache_path("spatial_widgets") / "benchmarks"
    names = options.only.split(",")
    runs: dict[str, dict[str, list[Any]]] = {name: {form: [] for form in FORMATS} for name in names}
    rows = {name: max(PAGE, round(ROWS[name] * options.rows_scale)) for name in names}
    for name in names:
        _child("--write", str(folder), name, str(rows[name]))
    for _ in range(options.repeat):
        for name in names:
            for form in FORMATS:
                runs[name][form].append(
                    json.loads(_child("--measure", str(folder), name, str(rows[name]), form))
                )
    print(f"\nPBF as a multiple of JSON, pages of {PAGE:,} rows; medians of {options.repeat}.\n")
    print("| " + " | ".join(_HEADINGS) + " |")
    print("|---" * len(_HEADINGS) + "|")
    agreed = [_print_line(name, runs[name]) for name in names]
    return 0 if all(agreed) else 1


def _print_line(name: str, runs: dict[str, list[Any]]) -> bool:
    """Print one data set's line; return whether both formats gave the same layer."""
    pairs = list(zip(runs["json"], runs["pbf"], strict=True))
    plain, packed = pairs[0]
    with_gunzip = [(p["cpu_s"] + p["gunzip_s"]) / (j["cpu_s"] + j["gunzip_s"]) for j, p in pairs]
    cells = [
        name,
        f"{plain['rows']:,}",
        f"{median(p['cpu_s'] / j['cpu_s'] for j, p in pairs):.2f}",
        f"{median(with_gunzip):.2f}",
        f"{packed['wire'] / plain['wire']:.2f}",
        f"{packed['zipped'] / plain['zipped']:.2f}",
        f"{median(j['gunzip_s'] for j, _ in pairs) / plain['rows'] * 1e6:.1f}",
    ]
    print("| " + " | ".join(cells) + " |")
    return all(abs(plain[key] - packed[key]) <= 1e-6 * abs(plain[key]) for key in ("rows", "sum", "size"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        _write(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["--measure"]:
        warnings.simplefilter("ignore")
        print(json.dumps(_measure(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])))
    else:
        sys.exit(main())
