"""The geometries of features in Esri's protocol buffers: from whole numbers on a grid to shapely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.codec.protobuf import BYTES, zigzag
from spatial_widgets.codec.rows import exact_geometries
from spatial_widgets.codec.shape_rows import build_regular
from spatial_widgets.codec.typed_rows import points_with_what_they_have
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from spatial_widgets.codec.protobuf import Ints, Wire
    from spatial_widgets.codec.rows import GeometryKind

__all__ = ["Grid", "read_shapes"]

_LENGTHS, _COORDS = 2, 3
_MOST_FIELDS = 8
_KEYS = {
    "esriGeometryPoint": "",
    "esriGeometryMultipoint": "points",
    "esriGeometryPolyline": "paths",
    "esriGeometryPolygon": "rings",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """What whole numbers mean as coordinates: ``number * scale + translate``, for x, y, z and m.

    The scale of y is negative where the grid's origin is its upper left.
    """

    scale: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    translate: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def coords(self, sums: list[Ints], kind: GeometryKind) -> Any:
        """Return vertices, shape ``(n, kind.width)``, of the numbers of each dimension."""
        chosen = [0, 1, *([2] * kind.z), *([3] * kind.m)]
        coords = np.empty((len(sums[0]), kind.width))
        for column, (numbers, i) in enumerate(zip(sums, chosen, strict=True)):
            np.multiply(numbers, self.scale[i], out=coords[:, column])
            coords[:, column] += self.translate[i]
        return coords


def read_shapes(
    wire: Wire, rows: Ints, start: Ints, stop: Ints, *, count: int, kind: GeometryKind, grid: Grid, path: str
) -> Any:
    """Return the geometries of ``count`` features, of which those of numbers ``rows`` have one at ``start:stop``.

    Raises
    ------
    CodecError : with the feature, for what is no geometry, and for geometries of other kinds.
    """
    if kind.name not in _KEYS:
        raise CodecError(f"{kind.name or 'a geometry'} was not expected here", path=path)
    lengths_at, coords_at = _members(wire, rows, start, stop, path)
    raw, counts = wire.numbers(*coords_at, path, rows)
    deltas = zigzag(raw)
    wrong = counts % kind.width != 0
    if kind.name == "esriGeometryPoint":
        wrong |= counts > kind.width
        sizes, parts = counts // kind.width, np.ones_like(counts)
    elif kind.name == "esriGeometryMultipoint":
        sizes, parts = counts // kind.width, np.ones_like(counts)
    else:
        lengths, parts = wire.numbers(*lengths_at, path, rows)
        sizes = np.minimum(lengths, np.uint64(len(raw) + 1)).astype(np.int64)
        totals = np.concatenate([[0], np.cumsum(sizes)])
        ends = np.cumsum(parts)
        wrong |= counts != kind.width * (totals[ends] - totals[ends - parts])
    if wrong.any():
        raise CodecError("the numbers are no whole vertices", path=f"{path}[{rows[wrong][0]}].geometry")
    coords = grid.coords(_sums(deltas, sizes, kind.width), kind)
    if kind.name == "esriGeometryPoint":
        return _points(coords, rows, sizes, count, kind)
    return _shapes(coords, rows, sizes, parts, count, kind, path)


def _members(
    wire: Wire, rows: Ints, start: Ints, stop: Ints, path: str
) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """Return where the lengths of each geometry lie, and where its coordinates."""
    found_at = {n: (start.copy(), start.copy()) for n in (_LENGTHS, _COORDS)}
    for found in wire.columns(start, stop, path, most=_MOST_FIELDS, owner=rows):
        for number, (begin, end) in found_at.items():
            some = found.where(found.number == number)
            if not len(some.rows):
                continue
            if (some.wire != BYTES).any() or (end[some.rows] != start[some.rows]).any():
                raise CodecError("the numbers are not packed", path=f"{path}[{rows[some.rows][0]}].geometry")
            begin[some.rows], end[some.rows] = some.start, some.stop
    return found_at[_LENGTHS], found_at[_COORDS]


def _sums(deltas: Ints, sizes: Ints, width: int) -> list[Ints]:
    """Return the numbers of each dimension; they are told as differences, anew for each part."""
    starts = np.cumsum(sizes) - sizes
    part = np.repeat(np.arange(len(sizes)), sizes)
    found = []
    for dimension in range(width):
        sums = np.zeros(len(deltas) // width + 1, np.int64)
        np.cumsum(deltas[dimension::width], out=sums[1:])
        found.append(sums[1:] - sums[starts][part])
    return found


def _points(coords: Any, rows: Ints, sizes: Ints, count: int, kind: GeometryKind) -> Any:
    if kind.width == 2 and len(coords) == count and (rows == np.arange(count)).all():
        return coords
    built = np.empty(count, dtype=object)
    there = sizes > 0
    if there.any():
        built[rows[there]] = points_with_what_they_have(coords, z=kind.z, m=kind.m)
    if not there.all():
        built[rows[~there]] = points_with_what_they_have(
            np.full((np.count_nonzero(~there), 2), np.nan), z=False, m=False
        )
    return built


def _shapes(
    coords: Any, rows: Ints, sizes: Ints, parts: Ints, count: int, kind: GeometryKind, path: str
) -> Any:
    built = np.empty(count, dtype=object)
    feature = np.repeat(np.arange(len(parts)), parts)
    whole = parts > 0
    whole[feature[sizes == 0]] = False
    there, of_whole = rows[whole], whole[feature]
    if len(there):
        vertices = coords if whole.all() else coords[np.repeat(of_whole, sizes)]
        built[there], odd = build_regular(kind, vertices, sizes[of_whole], parts[whole])
        wanting = there[odd].tolist()
    else:
        wanting = []
    number = {row: i for i, row in enumerate(rows.tolist())}
    ends, part_ends = np.cumsum(sizes), np.cumsum(parts)
    for row in [*wanting, *rows[~whole].tolist()]:
        last = int(part_ends[number[row]])
        some = range(last - int(parts[number[row]]), last)
        lists = [coords[ends[i] - sizes[i] : ends[i]].tolist() for i in some]
        key = _KEYS[kind.name or ""]
        document = {key: lists[0] if key == "points" else lists}
        built[row] = exact_geometries([document], kind, row, path)[0]
    return built
