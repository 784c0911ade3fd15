"""The ways to load a document that are compared, and the process that measures one of them.

``python benchmarks/candidates.py NAME FOLDER DATA ROWS`` loads ``FOLDER/DATA-ROWS.json`` and prints a line of JSON.
"""

from __future__ import annotations

import ctypes
import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import paths
from service import serving

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP_ROWS = 50
NUMBER = "level"  # the column that is summed


# ---------------------------------------------------------------- the candidates


def floor(payload: bytes) -> Any:
    """Parse and do nothing else; what everything is compared with."""
    import orjson

    gc.disable()
    document = orjson.loads(payload)
    gc.enable()
    return document


def ours(payload: bytes) -> Any:
    """Load what is in memory."""
    from spatial_widgets.codec import decode_features

    return decode_features(payload)


def ours_from_socket(url: str) -> Any:
    """Fetch a job's gzipped result over a socket and load it, as a user does."""
    from spatial_widgets import Job

    return Job.from_url(url).result("layer")


def gunzip_from_socket(url: str) -> Any:
    """Only fetch and decompress: what the socket adds at least."""
    import requests

    with requests.get(f"{url}/results/layer", stream=True, timeout=60) as response:
        for _ in response.iter_content(1 << 16):
            pass


def gdal(payload: bytes) -> Any:
    """GDAL's ESRIJSON driver, through pyogrio."""
    import pyogrio

    return pyogrio.read_dataframe(payload)


def gdal_arrow(payload: bytes) -> Any:
    """GDAL's ESRIJSON driver, through pyogrio and Arrow."""
    import pyogrio

    return pyogrio.read_dataframe(payload, use_arrow=True)


def loop(payload: bytes) -> Any:
    """One shapely object for every feature, written with care."""
    import geopandas as gpd
    import orjson
    import pandas as pd

    document = orjson.loads(payload)
    fields = {f["name"]: f["type"] for f in document["fields"]}
    columns: dict[str, list[Any]] = {name: [] for name in fields}
    shapes = []
    kind = document.get("geometryType")
    for feature in document["features"]:
        attributes = feature["attributes"]
        for name, column in columns.items():
            column.append(attributes.get(name))
        if kind:
            shapes.append(_shape(feature.get("geometry"), 3 if document.get("hasZ") else 2))
    frame = pd.DataFrame({name: _column(values, fields[name]) for name, values in columns.items()})
    crs = document["spatialReference"]["latestWkid"] if kind else None
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=crs) if kind else frame


def _column(values: list[Any], kind: str) -> Any:
    import pandas as pd

    if kind.endswith(("OID", "Integer")):
        return pd.array(values, dtype="Int64")
    if kind.endswith("Double"):
        return pd.array(values, dtype="float64")
    if kind.endswith("Date"):
        return pd.to_datetime(pd.array(values, dtype="Int64"), unit="ms", utc=True)
    return values


def _shape(geometry: dict[str, Any] | None, width: int) -> Any:
    import shapely

    if not geometry:
        return None
    if "x" in geometry:
        return shapely.Point(geometry["x"], geometry["y"])
    if "paths" in geometry:
        lines = [shapely.LineString([v[:width] for v in path]) for path in geometry["paths"]]
        return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)
    rings = [shapely.LinearRing([v[:width] for v in ring]) for ring in geometry["rings"]]
    shells = [(shapely.Polygon(ring), []) for ring in rings if not ring.is_ccw]
    for ring in rings:
        if ring.is_ccw:
            next(holes for shell, holes in shells if shell.covers(ring)).append(ring)
    polygons = [shapely.Polygon(shell.exterior, holes) for shell, holes in shells]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


CANDIDATES: dict[str, Callable[[Any], Any]] = {
    "F (orjson.loads, gc off)": floor,
    "ours, bytes": ours,
    "ours, gzip socket": ours_from_socket,
    "  of that, gunzip": gunzip_from_socket,
    "GDAL": gdal,
    "GDAL with Arrow": gdal_arrow,
    "shapely loop": loop,
}
_FROM_SOCKET = {ours_from_socket, gunzip_from_socket}


# ---------------------------------------------------------------- measuring


def resident_bytes() -> int:
    """Return what this process has in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_bytes() -> int:
    """Return the most it ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(load: Callable[[Any], Any], plain: Path, url: str) -> dict[str, Any]:
    """Load once; only the loading counts, not the reading of the payload."""
    gc.collect()
    before = resident_bytes()
    source: Any = url or plain.read_bytes()
    clock, wall = time.process_time(), time.perf_counter()
    result = load(source)
    cpu_s, wall_s = time.process_time() - clock, time.perf_counter() - wall
    peak = peak_bytes()
    del source
    _give_back()
    return {
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "peak": (peak - before) / plain.stat().st_size,
        "held_mb": (peak - resident_bytes()) / 2**20,
        **check(result),
    }


def _give_back() -> None:
    """Return freed memory to the system, so that what stays is the result."""
    gc.collect()
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def check(result: Any) -> dict[str, Any]:
    """Return what every candidate must agree on."""
    if result is None:
        return {}
    if isinstance(result, dict):
        values = (f["attributes"][NUMBER] for f in result["features"])
        return {"rows": len(result["features"]), "sum": sum(v for v in values if v is not None)}
    found = {"rows": len(result), "sum": float(result[NUMBER].sum())}
    if "geometry" in result:
        shapes = result.geometry
        found["bounds"] = [float(v) for v in shapes.total_bounds]
        found["size"] = float((shapes.area if shapes.area.any() else shapes.length).sum())
    return found


def _main(name: str, folder: str, data: str, rows: str) -> None:
    load = CANDIDATES[name]
    for count in (WARM_UP_ROWS, int(rows)):
        plain, zipped = paths(Path(folder), data, count)
        if load in _FROM_SOCKET:
            with serving(zipped) as url:
                found = measure(load, plain, url)
        else:
            found = measure(load, plain, "")
    print(json.dumps(found))


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    _main(*sys.argv[1:])
