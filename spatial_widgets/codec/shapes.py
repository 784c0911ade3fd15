"""Arrays of vertices on one side, arrays of shapely geometries on the other; whole blocks at a time.

Vertices are float64 arrays of shape ``(n, 2 + z + m)``: x, y, then z and m where a layer has them. shapely
builds what has no measures; measures (m) travel by well-known binary, the one way into GEOS for them.
"""

from __future__ import annotations

import struct
import warnings
from typing import Any

import numpy as np
import shapely

from spatial_widgets.codec.nesting import nest_rings

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
    paths = shapely.linestrings(coords, indices=np.repeat(np.arange(len(sizes)), sizes))
    return _gather(paths, parts, shapely.multilinestrings)


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
    rings = shapely.linearrings(coords, indices=np.repeat(np.arange(len(sizes)), sizes))
    if order is None:
        whole: Geometries = shapely.polygons(rings)
        return whole
    polygons = shapely.polygons(rings[order], indices=polygon_of)
    return _gather(polygons, polygons_in, shapely.multipolygons)


def _gather(members: Geometries, counts: Counts, collect: Any) -> Geometries:
    """Return features of ``counts`` members each: the member itself where it is alone."""
    if len(members) == len(counts):
        return members
    owner = np.repeat(np.arange(len(counts)), counts)
    features = np.empty(len(counts), dtype=object)
    alone = counts == 1
    features[alone] = members[alone[owner]]
    several = ~alone
    dense = np.cumsum(several) - 1
    features[several] = collect(members[several[owner]], indices=dense[owner[several[owner]]])
    return features


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
