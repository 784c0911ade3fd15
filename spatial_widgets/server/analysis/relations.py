"""Which features of one layer stand in a spatial relation to which of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyproj
import shapely

from spatial_widgets.server.analysis.buffering import Style, geodesic_buffers
from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.outlines import Outlines, farthest_through

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["Relation", "pairs_within", "related"]

Array = np.ndarray[Any, Any]
#: The relations of JoinFeatures that need no distance. With "completely" no border is shared.
Relation = Literal[
    "IdenticalTo", "Intersects", "CompletelyContains", "CompletelyWithin", "Contains", "Within"
]

_GEOD = pyproj.Geod(ellps="WGS84")
#: The predicate from the first to the second layer, and the one that says the same the other way around.
_PREDICATES = {
    "IdenticalTo": ("intersects", "intersects"),
    "Intersects": ("intersects", "intersects"),
    "CompletelyContains": ("contains_properly", None),
    "CompletelyWithin": (None, "contains_properly"),
    "Contains": ("covers", "covered_by"),
    "Within": ("covered_by", "covers"),
}


def related(first: Array, second: Array, relation: Relation) -> tuple[Array, Array]:
    """Return positions of valid shapes that stand in a relation, sorted: "first Contains second" and so on."""
    forward, backward = _PREDICATES[relation]
    if forward is None or (backward is not None and _heavier(second, first)):
        two, one = shapely.STRtree(first).query(second, predicate=backward)
    else:
        one, two = shapely.STRtree(second).query(first, predicate=forward)
    if relation == "IdenticalTo":
        same = shapely.equals(first[one], second[two])
        one, two = one[same], two[same]
    return _sorted(one, two)


def pairs_within(first: gpd.GeoDataFrame, second: gpd.GeoDataFrame, meters: float) -> tuple[Array, Array]:
    """Return positions of features that are at most a distance apart, sorted.

    Both layers are in longitude and latitude, or in one projection. Geodesic distances of points are exact; those of
    other shapes are as good as :func:`.geodesic_buffers`.
    """
    one, two = first.geometry.to_numpy(), second.geometry.to_numpy()
    if not first.crs.is_geographic:
        unit = float(first.crs.axis_info[0].unit_conversion_factor)
        return _sorted(*shapely.STRtree(two).query(one, predicate="dwithin", distance=meters / unit))
    if _are_points(two) and not _are_points(one):
        turned = pairs_within(second, first, meters)
        return _sorted(turned[1], turned[0])
    if _are_points(one):
        if _are_points(two):
            return _points_within(
                Outlines.of(first, geodesic=True), Outlines.of(second, geodesic=True), meters
            )
        tree = shapely.STRtree(geodesic_buffers(one, np.full(len(one), meters), Style()))
        b, a = tree.query(two, predicate="intersects")
        return _sorted(a, b)
    around = geodesic_buffers(one, np.full(len(one), meters), Style())
    return _sorted(*shapely.STRtree(two).query(around, predicate="intersects"))


def _points_within(one: Outlines, two: Outlines, meters: float) -> tuple[Array, Array]:
    """Search in space, where a straight way is never longer than it may be, and measure what is found.

    Circles in degrees would not do: their sides are straight in degrees, and next to a pole they run far inside.
    """
    require_libraries("A distance between points", "scipy.spatial")
    from scipy.spatial import KDTree

    trees = KDTree(one.starts), KDTree(two.starts)
    found = trees[0].sparse_distance_matrix(trees[1], farthest_through(meters), output_type="ndarray")
    a, b = found["i"], found["j"]
    near = one.meters(one.begins[a], two.begins[b]) <= meters
    return _sorted(a[near], b[near])


def _are_points(shapes: Array) -> bool:
    return bool((shapely.get_type_id(shapes) == shapely.GeometryType.POINT).all())


def _heavier(one: Array, two: Array) -> bool:
    """Whether shapes have more vertices each; the search prepares the ones it is asked with."""
    return bool(shapely.get_num_coordinates(one).mean() > shapely.get_num_coordinates(two).mean())


def _sorted(one: Array, two: Array) -> tuple[Array, Array]:
    order = np.lexsort((two, one))
    return one[order], two[order]
