"""AggregatePoints: how many points, and what values, in each area."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.assignment import areas_of_points
from spatial_widgets.server.analysis.cells import Grid, plane_for
from spatial_widgets.server.analysis.lengths import in_words, to_meters
from spatial_widgets.server.analysis.prepare import free_name, prepare, require_field, to_output
from spatial_widgets.server.analysis.statistics import Statistic, parse_statistics, summarize
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["aggregate_points"]

Array = np.ndarray[Any, Any]


class _Outputs(TypedDict):
    aggregatedLayer: Annotated[gpd.GeoDataFrame, Note("the areas with counts and statistics")]
    groupSummary: Annotated[
        pd.DataFrame | None, Note("one row for each group in each area; only with groupByField")
    ]


@task("AggregatePoints", restartable=True)
def aggregate_points(
    ctx: Context,
    pointLayer: Annotated[gpd.GeoDataFrame, Note("the points to count")],
    polygonLayer: Annotated[
        gpd.GeoDataFrame | None, Note("the areas to count them in; or give binType")
    ] = None,
    keepBoundariesWithNoPoints: Annotated[
        bool, Note("whether areas without points stay in the result")
    ] = True,
    summaryFields: Annotated[
        list[str] | None, Note('"field Statistic" texts; Sum, Mean, Min, Max or Stddev')
    ] = None,
    groupByField: Annotated[
        str | None, Note("a field of the points; counts and statistics for each of its values")
    ] = None,
    minorityMajority: Annotated[
        bool, Note("with groupByField: add the rarest and the most frequent value")
    ] = False,
    percentPoints: Annotated[
        bool, Note("with groupByField: add the share of the points, in percent")
    ] = False,
    binType: Annotated[
        Literal["Hexagon", "Square"] | None, Note("instead of polygonLayer: the shape of generated areas")
    ] = None,
    binSize: Annotated[
        float | None, Note("the side of a square, or the distance between parallel sides of a hexagon")
    ] = None,
    binSizeUnit: Annotated[
        Literal["Meters", "Kilometers", "Feet", "Miles", "NauticalMiles", "Yards"], Note("unit of binSize")
    ] = "Meters",
) -> _Outputs:
    """Count points in areas, and summarize their values.

    A point inside several overlapping areas counts in each of them. A point on the border of areas and
    inside none counts once, in the first that it touches. Null values are left out of statistics;
    ``Stddev`` is that of a sample (n - 1), and null for a single value. Multipoints count as one point for
    each part. Generated areas have equal size, and lie over the extent of the points.

    The result has the areas' own attributes, ``Point_Count``, and columns such as ``mean_mag``; with
    groupByField also ``Join_ID``, which leads to the rows of groupSummary.
    """
    points = _single_points(prepare(ctx, pointLayer, "pointLayer", kinds=("points",)))
    wanted = parse_statistics(summaryFields, points)
    group = require_field(points, groupByField, "groupByField") if groupByField else None
    if group is None and (minorityMajority or percentPoints):
        name = "minorityMajority" if minorityMajority else "percentPoints"
        raise ParameterError(f"{name}: it describes groups, so it needs groupByField.", parameter=name)
    ctx.progress(10, "Layers read")
    areas, pairs = _assigned(ctx, points, polygonLayer, binType, binSize, binSizeUnit)
    ctx.progress(60, "Points assigned")
    joined = points.drop(columns="geometry").iloc[pairs[0]].reset_index(drop=True)
    joined["Join_ID"] = pairs[1]
    outside = len(points) - len(np.unique(pairs[0]))
    ctx.info(
        f"{len(points) - outside:,} of {len(points):,} points lie in {len(np.unique(pairs[1])):,} of {len(areas):,} areas; {outside:,} in none."
    )
    result, count = _counted(areas, joined, wanted)
    summary = None
    if group is not None:
        summary = _groups(joined, group, wanted, percent=percentPoints)
        result.insert(0, free_name("Join_ID", result.columns), result.index.astype("int64"))
        if minorityMajority:
            _add_extremes(result, summary, group, percent=percentPoints)
        ctx.info(f"groupSummary: {len(summary):,} rows, by {group}.")
    if not keepBoundariesWithNoPoints:
        result = result[result[count] > 0]
    result = result[[*(c for c in result.columns if c != "geometry"), "geometry"]]
    ctx.progress(100)
    target = pointLayer.crs if polygonLayer is None else polygonLayer.crs
    return {"aggregatedLayer": to_output(ctx, result.reset_index(drop=True), target), "groupSummary": summary}


def _single_points(points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    # A result column is called Join_ID; a field of the points of that name gives way.
    single = points.drop(columns="Join_ID", errors="ignore")
    is_many = shapely.get_type_id(single.geometry.to_numpy()) == shapely.GeometryType.MULTIPOINT
    return single.explode(ignore_index=True) if is_many.any() else single.reset_index(drop=True)


def _assigned(
    ctx: Context,
    points: gpd.GeoDataFrame,
    polygons: gpd.GeoDataFrame | None,
    shape: Literal["Hexagon", "Square"] | None,
    size: float | None,
    unit: str,
) -> tuple[gpd.GeoDataFrame, tuple[Array, Array]]:
    """Return the areas, and the positions of points and of the areas that they count in."""
    if polygons is not None and shape is None:
        areas = prepare(ctx, polygons, "polygonLayer", kinds=("polygons",)).reset_index(drop=True)
        return areas, areas_of_points(points.to_crs(areas.crs), areas)
    if shape is not None and polygons is None:
        return _bins(ctx, points, shape, size, unit)
    raise ParameterError(
        "polygonLayer: give either polygonLayer or binType, and not both or neither.",
        parameter="polygonLayer",
    )


def _bins(
    ctx: Context, points: gpd.GeoDataFrame, shape: Literal["Hexagon", "Square"], size: float | None, unit: str
) -> tuple[gpd.GeoDataFrame, tuple[Array, Array]]:
    if size is None:
        raise ParameterError("binSize: with binType the size of the areas is needed.", parameter="binSize")
    meters = to_meters(size, unit, parameter="binSize")
    plane = plane_for(points)
    xy = plane.within(shapely.get_coordinates(plane.project(points).geometry.to_numpy()))
    grid = Grid(shape, meters / plane.unit_m)
    cells = grid.covering(np.r_[xy.min(axis=0), xy.max(axis=0)], parameter="binSize", most=ctx.limits.cells)
    occupied = np.unique(grid.cell_of(xy), axis=0)
    cells = np.unique(np.vstack([cells, occupied]), axis=0)
    outlines = plane.outlines(grid, cells)
    keep = ~outlines.is_empty.to_numpy()
    cells, outlines = cells[keep], outlines[keep]
    lookup = pd.MultiIndex.from_arrays(list(cells.T))
    areas = gpd.GeoDataFrame(
        {"GRID_ID": [f"{q},{r}" for q, r in cells]}, geometry=outlines.to_numpy(), crs=outlines.crs
    )
    ctx.info(
        f"{len(cells):,} areas ({shape}, {in_words(meters)}) in the plane: {plane.label}. At most {ctx.limits.cells:,} are made."
    )
    return areas, (
        np.arange(len(points)),
        lookup.get_indexer(pd.MultiIndex.from_arrays(list(grid.cell_of(xy).T))),
    )


def _counted(
    areas: gpd.GeoDataFrame, joined: pd.DataFrame, wanted: list[Statistic]
) -> tuple[gpd.GeoDataFrame, str]:
    """Return the areas with the number of their points and statistics, and the name of the first."""
    table = summarize(joined, ["Join_ID"], wanted, count="Point_Count").reindex(areas.index)
    table["Point_Count"] = table["Point_Count"].fillna(0)
    names = {column: free_name(str(column), areas.columns) for column in table.columns}
    return areas.assign(**table.rename(columns=names)), names["Point_Count"]


def _groups(joined: pd.DataFrame, group: str, wanted: list[Statistic], *, percent: bool) -> pd.DataFrame:
    summary = summarize(joined, ["Join_ID", group], wanted, count="Point_Count").reset_index()
    if percent:
        totals = summary.groupby("Join_ID")["Point_Count"].transform("sum")
        summary["Percent_Points"] = (100 * summary["Point_Count"] / totals).astype("float64")
    return summary


def _add_extremes(result: gpd.GeoDataFrame, summary: pd.DataFrame, group: str, *, percent: bool) -> None:
    """Add the rarest and the most frequent group of each area; of equals, the first in sorting order."""
    for word, ascending in (("Minority", True), ("Majority", False)):
        ranked = summary.sort_values("Point_Count", ascending=ascending, kind="stable")
        chosen = ranked.drop_duplicates("Join_ID").set_index("Join_ID").reindex(result.index)
        result[free_name(f"{word}_{group}", result.columns)] = chosen[group]
        if percent:
            result[free_name(f"{word}_{group}_Percent", result.columns)] = chosen["Percent_Points"]
