"""Which area a point counts in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["areas_of_points"]

Array = np.ndarray[Any, Any]


def areas_of_points(points: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> tuple[Array, Array]:
    """Return positions of points and of the areas that they count in, as two arrays of one length.

    Inside several areas, a point is in each; on borders only, it is in the first of them.
    """
    shapes, sites = areas.geometry.to_numpy(), points.geometry.to_numpy()
    point, area = shapely.STRtree(shapes).query(sites, predicate="intersects")
    order = np.lexsort((area, point))
    point, area = point[order], area[order]
    shapely.prepare(shapes)
    inside = shapely.contains_properly(shapes[area], sites[point])
    settled = np.isin(point, point[inside])
    first = np.r_[True, point[1:] != point[:-1]][: len(point)]
    chosen = inside | (~settled & first)
    return point[chosen], area[chosen]
