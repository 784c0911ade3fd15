"""Arrays of vertices on one side, arrays of shapely geometries on the other; whole blocks at a time.

Vertices are float64 arrays of shape ``(n, 2 + z + m)``: x, y, then z and m where a layer has them. shapely
builds what has no measures; measures (m) travel by well-known binary, the one way into GEOS for them.
"""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely import GeometryType

from spatial_widgets.codec.nesting import nest_rings

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "KEEPS_M",
    "build_lines",
    "build_multipoints",
    "build_points",
    "build_polygons",
    "warn_of_lost_measures",
]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]
Geometries = np.ndarray[Any, np.dtype[np.object_]]

#: Whether this GEOS can hold measures; before 3.12 none could.
KEEPS_M: bool = shapely.geos_version >= (3, 12, 0)

_LITTLE = 1
_POINT, _LINE, _POLYGON, _MULTIPOINT, _MULTILINE, _MULTIPOLYGON = range(1, 7)


def warn_of_lost_measures() -> None:
    """Say that measures are dropped, and why."""
    warnings.warn(
        f"The measures (m) of this layer are dropped: GEOS {shapely.geos_version_string} cannot hold them, 3.12 can.",
        UserWarning,
        stacklevel=4,
    )


def build_points(coords: Floats, *, z: bool = False, m: bool = False) -> Geometries:
    """Return one point per vertex, shape ``(n,)``; a vertex whose x or y is NaN gives an empty point."""
    empty = np.isnan(coords[:, 0]) | np.isnan(coords[:, 1])
    if m:
        record = np.empty(len(coords), dtype=[("order", "u1"), ("type", "<u4"), ("xyzm", "<f8", (3 + z,))])
        record["order"], record["type"], record["xyzm"] = _LITTLE, _wkb_type(_POINT, z=z), coords
        size = record.dtype.itemsize
        raw = record.tobytes()
        points: Geometries = shapely.from_wkb([raw[i : i + size] for i in range(0, len(raw), size)])
    else:
        points = shapely.points(coords)
    if empty.any():
        points[empty] = shapely.Point()
    return points


def build_multipoints(coords: Floats, sizes: Counts, *, z: bool = False, m: bool = False) -> Geometries:
    """Return one multipoint per entry of ``sizes``, its number of vertices (at least 1)."""
    if not len(sizes):
        return np.empty(0, dtype=object)
    members = build_points(coords, z=z, m=m)
    built: Geometries = shapely.multipoints(members, indices=np.repeat(np.arange(len(sizes)), sizes))
    return built


def build_lines(
    coords: Floats, sizes: Counts, parts: Counts, *, z: bool = False, m: bool = False
) -> Geometries:
    """Return one line per entry of ``parts``: a LineString for one path, a MultiLineString for several.

    ``sizes`` are the vertices of each path (at least 2), ``parts`` the paths of each feature (at least 1).
    """
    if not len(parts):
        return np.empty(0, dtype=object)
    if m:
        return _lines_from_wkb(coords, sizes, parts, z=z)
    return _from_ragged((GeometryType.LINESTRING, GeometryType.MULTILINESTRING), coords, sizes, parts)


def build_polygons(
    coords: Floats, sizes: Counts, parts: Counts, *, z: bool = False, m: bool = False
) -> Geometries:
    """Return one polygon or multipolygon per entry of ``parts``, filled by the even-odd rule.

    ``sizes`` are the vertices of each ring (closed, at least 4), ``parts`` the rings of each feature.
    """
    if not len(parts):
        return np.empty(0, dtype=object)
    if len(sizes) == len(parts):
        order, polygon_of = None, np.arange(len(sizes))
        polygons_in = parts
    else:
        order, polygon_of, polygons_in = nest_rings(coords[:, :2], sizes, parts)
    if m:
        return _polygons_from_wkb(coords, sizes, order, polygon_of, polygons_in, z=z)
    if order is not None and (order[1:] < order[:-1]).any():
        coords, sizes = _in_order(coords, sizes, order), sizes[order]
    kinds = GeometryType.POLYGON, GeometryType.MULTIPOLYGON
    return _from_ragged(kinds, coords, sizes, np.bincount(polygon_of), polygons_in)


def _from_ragged(kinds: tuple[Any, Any], coords: Floats, *counts: Counts) -> Geometries:
    """Return one geometry per entry of the last counts: of the first kind where that is 1, else of the second.

    ``counts`` go outwards: vertices of each part, ..., parts of each feature. Each feature is built at one go;
    put together from ready parts, every vertex would be copied once more.
    """
    single, multi = kinds
    alone = counts[-1] == 1
    if alone.all():
        whole: Geometries = shapely.from_ragged_array(single, coords, _offsets(counts[:-1]))
        return whole
    features = np.empty(len(alone), dtype=object)
    for chosen, kind, levels in ((alone, single, counts[:-1]), (~alone, multi, counts)):
        wanted = [chosen]
        for count in reversed(counts):
            wanted.insert(0, np.repeat(wanted[0], count))
        some = [count[of] for count, of in zip(levels, wanted[1:], strict=False)]
        features[chosen] = shapely.from_ragged_array(kind, _vertices(coords, wanted[0]), _offsets(some))
    return features


def _vertices(coords: Floats, wanted: Any) -> Floats:
    """Return ``coords[wanted]``; a row that numpy takes for one value is picked five times as fast."""
    width = coords.shape[1]
    rows = np.ascontiguousarray(coords).view(f"V{coords.itemsize * width}").ravel()
    picked: Floats = rows[wanted].view(np.float64).reshape(-1, width)
    return picked


def _in_order(coords: Floats, sizes: Counts, order: Counts) -> Floats:
    """Return the vertices ring by ring in another order."""
    begins = np.cumsum(sizes) - sizes
    ordered = sizes[order]
    shift = begins[order] - (np.cumsum(ordered) - ordered)
    taken: Floats = coords[np.arange(len(coords)) + np.repeat(shift, ordered)]
    return taken


def _offsets(counts: Sequence[Counts]) -> tuple[Counts, ...]:
    """Return for each level where its parts begin, and where the last one ends."""
    return tuple(np.concatenate([[0], np.cumsum(count)]) for count in counts)


# ---------------------------------------------------------------- well-known binary, for measures


def _wkb_type(kind: int, *, z: bool) -> int:
    return kind + (3000 if z else 2000)  # ISO 13249-3: XYZM, XYM


def _lines_from_wkb(coords: Floats, sizes: Counts, parts: Counts, *, z: bool) -> Geometries:
    raw, ends = _bytes_of(coords, sizes)
    kind = _wkb_type(_LINE, z=z)
    heads = [struct.pack("<BII", _LITTLE, kind, size) for size in sizes.tolist()]
    paths = [head + raw[start:end] for head, start, end in zip(heads, ends, ends[1:], strict=False)]
    texts, at = [], 0
    multi = _wkb_type(_MULTILINE, z=z)
    for count in parts.tolist():
        if count == 1:
            texts.append(paths[at])
        else:
            texts.append(b"".join((struct.pack("<BII", _LITTLE, multi, count), *paths[at : at + count])))
        at += count
    built: Geometries = shapely.from_wkb(texts)
    return built


def _polygons_from_wkb(
    coords: Floats, sizes: Counts, order: Any, polygon_of: Counts, polygons_in: Counts, *, z: bool
) -> Geometries:
    raw, ends = _bytes_of(coords, sizes)
    kind, multi = _wkb_type(_POLYGON, z=z), _wkb_type(_MULTIPOLYGON, z=z)
    ring_order = range(len(sizes)) if order is None else order.tolist()
    rings = [struct.pack("<I", int(sizes[r])) + raw[ends[r] : ends[r + 1]] for r in ring_order]
    polygons, at = [], 0
    for count in np.bincount(polygon_of).tolist():
        polygons.append(b"".join((struct.pack("<BII", _LITTLE, kind, count), *rings[at : at + count])))
        at += count
    texts, at = [], 0
    for count in polygons_in.tolist():
        members = polygons[at : at + count]
        texts.append(
            members[0] if count == 1 else b"".join((struct.pack("<BII", _LITTLE, multi, count), *members))
        )
        at += count
    built: Geometries = shapely.from_wkb(texts)
    return built


def _bytes_of(coords: Floats, sizes: Counts) -> tuple[bytes, list[int]]:
    """Return the vertices as little-endian bytes, and where each part begins in them (and the last ends)."""
    raw = np.ascontiguousarray(coords, dtype="<f8").tobytes()
    ends = np.concatenate([[0], np.cumsum(sizes)]) * (8 * coords.shape[1])
    return raw, ends.tolist()
