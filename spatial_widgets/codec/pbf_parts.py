"""Geometries taken apart into vertices: the arrays that protocol buffers are written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from spatial_widgets.codec.protobuf import Ints

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The vertices of several features.

    Attributes
    ----------
    vertices : shape ``(n, len(axes))``.
    axes : what each number of a vertex is: 0, 1, 2, 3 for x, y, z, m.
    sizes : vertices of each part: ring, path, or all points together.
    parts : parts of each feature.
    present : whether a feature has a geometry, be it an empty one.
    has_lengths : whether the sizes are told; points have none.
    """

    vertices: Any
    axes: tuple[int, ...]
    sizes: Ints
    parts: Ints
    present: Any
    has_lengths: bool

    @classmethod
    def of(cls, shapes: Any, kind: str, *, has_z: bool, has_m: bool) -> Parts:
        """Take shapes of one kind (``esriGeometry…``) apart; exterior rings are turned clockwise, holes the other way."""
        axes = (0, 1, *([2] * has_z), *([3] * has_m))
        extra = {"include_m": True} if has_m else {}
        there = ~shapely.is_missing(shapes)
        lines, owner, flipped = shapes, np.arange(len(shapes)), None
        if kind == "esriGeometryPolyline":
            lines, owner = shapely.get_parts(shapes, return_index=True)
        elif kind == "esriGeometryPolygon":
            polygons, part_of = shapely.get_parts(shapes, return_index=True)
            lines, ring_of = shapely.get_rings(polygons, return_index=True)
            exterior = np.append(True, ring_of[1:] != ring_of[:-1])[: len(lines)]
            flipped, owner = shapely.is_ccw(lines) == exterior, part_of[ring_of]
        sizes = shapely.get_num_coordinates(lines).astype(np.int64)
        vertices = shapely.get_coordinates(lines, include_z=has_z, **extra)
        if flipped is not None and flipped.any():
            vertices = vertices[_turned(sizes, flipped)]
        kept = sizes > 0
        parts = np.bincount(owner[kept], minlength=len(shapes)).astype(np.int64)
        return cls(vertices, axes, sizes[kept], parts, there, kind != "esriGeometryPoint")


def _turned(sizes: Ints, flipped: Any) -> Ints:
    """Return the order of vertices in which those of flipped parts go from end to start."""
    ends = np.cumsum(sizes)
    firsts = ends - sizes
    place = np.arange(int(ends[-1]) if len(ends) else 0)
    turned: Ints = np.where(np.repeat(flipped, sizes), np.repeat(firsts + ends - 1, sizes) - place, place)
    return turned
