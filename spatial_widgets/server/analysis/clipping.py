"""Lines and polygons cut by polygons: which part of which lies in which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

__all__ = ["Pieces", "of_dimension", "pieces_within"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of features within areas: the positions of both, the part, and whether it is the whole feature."""

    feature: Array
    area: Array
    shapes: Array
    is_whole: Array


def pieces_within(features: Array, areas: Array) -> Pieces:
    """Cut valid lines or polygons by valid polygons; what only touches an area has no part in it.

    A line along the border of two areas is in both. The rows are sorted by area, then by feature.
    """
    shapely.prepare(areas)
    # Asked from the areas, because they are the larger ones as a rule, and are prepared once.
    area, feature = shapely.STRtree(features).query(areas, predicate="intersects")
    order = np.lexsort((feature, area))
    area, feature = area[order], feature[order]
    whole = shapely.covers(areas[area], features[feature])
    shapes = features[feature]
    shapes[~whole] = shapely.intersection(shapes[~whole], areas[area[~whole]])
    dimension = shapely.get_dimensions(features[feature])
    shapes = of_dimension(shapes, dimension)
    kept = (shapely.get_dimensions(shapes) == dimension) & ~shapely.is_empty(shapes)
    return Pieces(feature[kept], area[kept], shapes[kept], whole[kept])


def of_dimension(shapes: Array, dimension: Array) -> Array:
    """Return shapes without parts of a lower dimension, such as the points where a polygon only touches.

    ``dimension`` is 0, 1 or 2 for each; one that has no part of it becomes empty.
    """
    made = shapes.copy()
    parts, owner = shapely.get_parts(shapes, return_index=True)
    foreign = np.unique(owner[shapely.get_dimensions(parts) != dimension[owner]])
    for i in foreign:
        own = shapely.get_parts(shapes[i])
        made[i] = shapely.union_all(own[shapely.get_dimensions(own) == dimension[i]])
    return made
