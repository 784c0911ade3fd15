"""Large Esri JSON documents that are the same on every machine, written once and kept.

``python benchmarks/data.py FOLDER NAME ROWS`` writes ``FOLDER/NAME-ROWS.json`` and, for the socket, the same
document as the value of a job's result, gzipped: ``FOLDER/NAME-ROWS.json.gz``.
"""

from __future__ import annotations

import gzip
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = {"points": 1_000_000, "polygons": 100_000, "lines": 100_000, "table": 1_000_000}
ENVELOPE = (b'{"paramName":"layer","dataType":"GPFeatureRecordSetLayer","value":', b"}")

Document = dict[str, Any]
Random = np.random.Generator

_BLOCK = 5_000
_SEED = 20240229
_WORDS = np.array(
    ["Ash", "Beech", "Cedar Grove", "D\u00fcne", 'Elm "Old" Road', "Fir", "G\u00f6teborg", "Hazel"]
)
_KINDS = {
    "OBJECTID": "OID",
    "site": "Integer",
    "hits": "Integer",
    "level": "Double",
    "depth": "Double",
    "name": "String",
    "seen": "Date",
    "guid": "GUID",
}
# What a feature's rings are: s a shell, h a hole in the shell before it.
_PATTERNS = ("s", "s", "s", "sh", "ss", "shs", "shsh")


def paths(folder: Path, name: str, rows: int) -> tuple[Path, Path]:
    """Return where the plain and the gzipped document lie."""
    plain = folder / f"{name}-{rows}.json"
    return plain, plain.with_suffix(".json.gz")


def write(folder: Path, name: str, rows: int) -> None:
    """Write the two files of a data set, unless they are there."""
    plain, zipped = paths(folder, name, rows)
    if plain.exists() and zipped.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    part = plain.with_suffix(".part")
    with part.open("wb") as out:
        out.write(orjson.dumps(_head(name))[:-1] + b',"features":[')
        for first in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - first)
            random = np.random.default_rng([_SEED, sorted(ROWS).index(name), first])
            features = _FEATURES[name](random, first, count)
            block = orjson.dumps(list(features), option=orjson.OPT_SERIALIZE_NUMPY)
            out.write((b"," if first else b"") + block[1:-1])
        out.write(b"]}")
    with part.open("rb") as source, gzip.open(zipped, "wb", compresslevel=4) as out:
        out.write(ENVELOPE[0])
        shutil.copyfileobj(source, out, 1 << 20)
        out.write(ENVELOPE[1])
    part.replace(plain)


def _head(name: str) -> Document:
    kind = {"points": "Point", "polygons": "Polygon", "lines": "Polyline"}.get(name)
    head: Document = {}
    if kind:
        head |= {
            "geometryType": f"esriGeometry{kind}",
            "spatialReference": {"wkid": 4326, "latestWkid": 4326},
        }
    if name == "lines":
        head |= {"hasZ": True, "hasM": True}
    head["fields"] = [{"name": n, "type": f"esriFieldType{t}", "alias": n} for n, t in _KINDS.items()]
    return head


# ---------------------------------------------------------------- attributes


def _attributes(random: Random, first: int, count: int) -> Iterator[Document]:
    columns = [
        range(first + 1, first + count + 1),
        random.integers(0, 5_000, count).tolist(),
        _some_null(random, random.integers(-1_000_000, 1_000_000, count)),
        random.uniform(-50, 50, count).tolist(),
        _some_null(random, random.normal(1_000, 250, count).round(2)),
        _names(random, count),
        _some_null(random, random.integers(-2_000_000_000_000, 2_000_000_000_000, count)),
        _guids(random, count),
    ]
    for row in zip(*columns, strict=True):
        yield dict(zip(_KINDS, row, strict=True))


def _some_null(random: Random, values: Any) -> list[Any]:
    boxed = values.astype(object)
    boxed[random.random(len(values)) < 0.1] = None
    return boxed.tolist()


def _names(random: Random, count: int) -> list[str | None]:
    words = _WORDS[random.integers(0, len(_WORDS), count)].astype(object)
    texts = words + " " + random.integers(0, 10_000, count).astype(str).astype(object)
    return _some_null(random, texts)


def _guids(random: Random, count: int) -> list[str]:
    digits = random.bytes(16 * count).hex().upper()
    return [
        f"{{{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}}}"
        for d in (digits[i : i + 32] for i in range(0, 32 * count, 32))
    ]


# ---------------------------------------------------------------- geometry


def _points(random: Random, first: int, count: int) -> Iterator[Document]:
    xs, ys = random.uniform(-180, 180, count).tolist(), random.uniform(-85, 85, count).tolist()
    for row, x, y in zip(_attributes(random, first, count), xs, ys, strict=True):
        yield {"attributes": row, "geometry": {"x": x, "y": y}}


def _table(random: Random, first: int, count: int) -> Iterator[Document]:
    for row in _attributes(random, first, count):
        yield {"attributes": row}


def _split(parts: Any, vertices: Any) -> tuple[Any, Any]:
    """Return the size of every part, and the feature that it belongs to."""
    owner = np.repeat(np.arange(len(parts)), parts)
    return (vertices // parts)[owner], owner


def _polygons(random: Random, first: int, count: int) -> Iterator[Document]:
    patterns = [_PATTERNS[i] for i in random.integers(0, len(_PATTERNS), count)]
    rings = np.array([len(p) for p in patterns])
    is_hole = np.array([kind == "h" for p in patterns for kind in p])
    shell = np.concatenate([np.cumsum([kind == "s" for kind in p]) - 1 for p in patterns])
    sizes, owner = _split(rings, (20 + 181 * random.beta(1, 1.25, count)).astype(int))
    centre_x, centre_y = random.uniform(-170, 170, count)[owner] + 3.0 * shell, random.uniform(-80, 80, count)
    ends = np.cumsum(sizes)
    ring = np.repeat(np.arange(len(sizes)), sizes)
    step = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
    turn = step / (sizes - 1)[ring] * 2 * np.pi
    angle = np.where(is_hole[ring], turn, -turn)  # shells clockwise, holes not
    radius = np.where(is_hole[ring], random.uniform(0.1, 0.4, ends[-1]), random.uniform(0.7, 1.4, ends[-1]))
    vertices = np.empty((ends[-1], 2))
    vertices[:, 0] = centre_x[ring] + radius * np.cos(angle)
    vertices[:, 1] = centre_y[owner][ring] + radius * np.sin(angle)
    vertices[ends - 1] = vertices[ends - sizes]
    yield from _parted(random, first, "rings", vertices, ends - sizes, ends, rings)


def _lines(random: Random, first: int, count: int) -> Iterator[Document]:
    parts = random.integers(1, 5, count)
    sizes, owner = _split(parts, random.integers(8, 78, count))
    ends = np.cumsum(sizes)
    walk = np.cumsum(random.normal(0, 0.01, (ends[-1], 2)), axis=0)
    start = np.repeat(ends - sizes, sizes)
    vertices = np.empty((ends[-1], 4))
    origin = np.column_stack([random.uniform(-170, 170, count), random.uniform(-80, 80, count)])
    vertices[:, :2] = walk - walk[start] + np.repeat(origin[owner], sizes, axis=0)
    vertices[:, 2] = random.uniform(0, 4_000, ends[-1]).round(2)
    vertices[:, 3] = np.arange(ends[-1]) - start + random.random(ends[-1]).round(3)
    yield from _parted(random, first, "paths", vertices, ends - sizes, ends, parts)


def _parted(
    random: Random, first: int, key: str, vertices: Any, starts: Any, ends: Any, parts: Any
) -> Iterator[Document]:
    pieces = iter([vertices[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])
    for row, n in zip(_attributes(random, first, len(parts)), parts.tolist(), strict=True):
        yield {"attributes": row, "geometry": {key: [next(pieces) for _ in range(n)]}}


_FEATURES: dict[str, Callable[[Random, int, int], Iterator[Document]]] = {
    "points": _points,
    "polygons": _polygons,
    "lines": _lines,
    "table": _table,
}


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
