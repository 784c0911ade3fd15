"""DissolveBoundaries: areas that touch become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.server.analysis.prepare import free_name, prepare, require_field
from spatial_widgets.server.analysis.statistics import parse_statistics, summarize
from spatial_widgets.server.registry import Context, Note, task
from spatial_widgets.server.tasks._summaryinputs import SummaryFields

__all__ = ["dissolve_boundaries"]

Array = np.ndarray[Any, Any]


class _Outputs(TypedDict):
    dissolvedLayer: Annotated[gpd.GeoDataFrame, Note("the merged areas")]


@task("DissolveBoundaries", restartable=True)
def dissolve_boundaries(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("the polygons to merge")],
    dissolveFields: Annotated[
        Sequence[str], Note("merge only polygons with the same values in these fields")
    ] = (),
    summaryFields: SummaryFields = (),
    multiPartFeatures: Annotated[
        bool,
        Note(
            "true: one feature for each combination of values, in several parts if need be; false: one feature for each part (the default is ours)"
        ),
    ] = False,
) -> _Outputs:
    """Merge polygons that share a border or overlap.

    Without dissolveFields everything that hangs together merges. With them the values must also be the same,
    upper and lower case told apart; null is a value like any other. A common corner alone does not join. In degrees,
    areas on either side of 180 that share a border there are one feature of two pieces.

    Each result has the dissolveFields, ``Count`` (how many input features) and columns such as ``sum_area``. A
    feature of several parts counts once, where its largest part lies, so that counts and sums add up to those of
    the input; its other parts, where they stand alone, have ``Count`` 0. Null values are left out of statistics.
    """
    layer = prepare(ctx, inputLayer, "inputLayer", kinds=("polygons",))
    fields = [require_field(layer, name, "dissolveFields") for name in dissolveFields or ()]
    wanted = parse_statistics(summaryFields, layer)
    group = (
        layer.groupby(fields, dropna=False, sort=True).ngroup().to_numpy()
        if fields
        else np.zeros(len(layer), dtype=int)
    )
    shapes = layer.geometry.to_numpy()
    ctx.progress(10, "Layer read")
    merged: list[Any] = []
    member: list[int] = []
    home = np.empty(len(layer), dtype=int)
    groups = range(int(group.max()) + 1)
    for g in groups:
        rows = np.flatnonzero(group == g)
        union = shapely.union_all(shapes[rows])
        areas = np.array([union]) if multiPartFeatures else _separate(union, layer.crs)
        home[rows] = len(member) + (0 if multiPartFeatures else _area_of(shapes[rows], areas))
        merged.extend(areas)
        member.extend([rows[0]] * len(areas))
        ctx.progress(10 + 80 * (g + 1) / len(groups))
    where = free_name("where", layer.columns)
    rows_of_areas = layer.drop(columns="geometry").assign(**{where: home})
    table = summarize(rows_of_areas, [where], wanted, count="Count").reindex(range(len(merged)))
    table["Count"] = table["Count"].fillna(0)
    values = layer.drop(columns="geometry")[fields].iloc[member].reset_index(drop=True)
    table = table.rename(columns={c: free_name(str(c), fields) for c in table.columns})
    result = gpd.GeoDataFrame(pd.concat([values, table], axis="columns"), geometry=merged, crs=layer.crs)
    ctx.info(
        f"{len(layer):,} polygons became {len(result):,} areas"
        + (f", by {', '.join(fields)}." if fields else ".")
    )
    if not multiPartFeatures and (shapely.get_num_geometries(shapes) > 1).any():
        ctx.info("Features of several parts were counted once, where their largest part lies.")
    ctx.progress(100)
    return {"dissolvedLayer": result}


def _separate(union: Any, crs: Any) -> Array:
    """Return the parts of a union; in degrees, those that share a border on either side of 180 are one, in two pieces."""
    parts: Array = shapely.get_parts(union)
    if not crs.is_geographic or len(parts) < 2:
        return parts
    bounds = shapely.bounds(parts)
    east, west = np.flatnonzero(bounds[:, 2] == 180), np.flatnonzero(bounds[:, 0] == -180)
    edges = [
        shapely.intersection(parts[some], shapely.LineString([(x, -90), (x, 90)]))
        for some, x in ((east, 180), (west, -180))
    ]
    moved = shapely.transform(edges[1], lambda xy: xy + np.array([360.0, 0.0]))
    group = np.arange(len(parts))
    for i, j in zip(*shapely.STRtree(moved).query(edges[0], predicate="intersects"), strict=True):
        if shapely.length(shapely.intersection(edges[0][i], moved[j])) > 0:
            group[group == group[west[j]]] = group[east[i]]
    return np.array([shapely.union_all(parts[group == one]) for one in np.unique(group)])


def _area_of(shapes: Array, areas: Array) -> Array:
    """Return, for each shape, the number of the area that its largest part lies in."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    order = np.lexsort((-shapely.area(parts), owner))
    largest = parts[order][np.r_[True, np.diff(owner[order]) > 0]]
    if len(areas) == 1:
        return np.zeros(len(shapes), dtype=int)
    # A point inside, because rounding in the union may move borders by the last digit.
    shape, area = shapely.STRtree(areas).query(shapely.point_on_surface(largest), predicate="intersects")
    found = np.zeros(len(shapes), dtype=int)
    found[shape[::-1]] = area[::-1]
    return found
