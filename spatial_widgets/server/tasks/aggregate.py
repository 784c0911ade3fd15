"""AggregatePoints: how many points, and what values, in each area."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.assignment import areas_of_points
from spatial_widgets.server.analysis.bins import bins_over
from spatial_widgets.server.analysis.groups import AREA, grouping
from spatial_widgets.server.analysis.prepare import as_they_came, free_name, prepare, to_output
from spatial_widgets.server.analysis.statistics import Statistic, parse_statistics, summarize
from spatial_widgets.server.analysis.summarizing import single_points
from spatial_widgets.server.registry import Context, Note, task
from spatial_widgets.server.tasks._summaryinputs import SummaryFields

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
    summaryFields: SummaryFields = (),
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
        Literal["Meters", "Kilometers", "Feet", "Miles", "NauticalMiles", "Yards"],
        Note("unit of binSize (the default is ours)"),
    ] = "Meters",
) -> _Outputs:
    """Count points in areas, and summarize their values.

    A point inside several overlapping areas counts in each of them. A point on the border of areas and
    inside none counts once, in the first that it touches. Null values are left out of statistics;
    ``Stddev`` is that of a sample (n - 1), and null for a single value. Multipoints count as one point for
    each part. Generated areas have equal size, and lie over the extent of the points.

    The result has the areas' own attributes, ``Point_Count``, and columns such as ``mean_mag``; with
    groupByField also ``Join_ID``, which leads to the rows of groupSummary (these names are ours).
    """
    points = single_points(prepare(ctx, pointLayer, "pointLayer", kinds=("points",)))
    wanted = parse_statistics(summaryFields, points)
    groups = grouping(
        points,
        groupByField,
        extremes=minorityMajority,
        percent=percentPoints,
        percent_name="percentPoints",
    )
    ctx.progress(10, "Layers read")
    areas, pairs = _assigned(ctx, points, polygonLayer, binType, binSize, binSizeUnit)
    ctx.progress(60, "Points assigned")
    joined = points.drop(columns="geometry").iloc[pairs[0]].reset_index(drop=True)
    joined[AREA] = pairs[1]
    outside = len(points) - len(np.unique(pairs[0]))
    ctx.info(
        f"{len(points) - outside:,} of {len(points):,} points lie in {len(np.unique(pairs[1])):,} of {len(areas):,} areas; {outside:,} in none."
    )
    result, count = _counted(areas, joined, wanted)
    summary = None
    if groups is not None:
        names: dict[str, Any] = {"count": "Point_Count", "sums": {}, "share": "Percent_Points"}
        summary = groups.table(joined, wanted, **names)
        groups.add_extremes(result, summary, **names)
        summary = groups.finished(summary)
        ctx.info(f"groupSummary: {len(summary):,} rows, by {groups.field}.")
    if not keepBoundariesWithNoPoints:
        result = result[result[count] > 0]
    result = result[[*(c for c in result.columns if c != "geometry"), "geometry"]]
    ctx.progress(100)
    target = pointLayer.crs if polygonLayer is None else polygonLayer.crs
    return {"aggregatedLayer": to_output(ctx, result.reset_index(drop=True), target), "groupSummary": summary}


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
        ready = prepare(ctx, polygons, "polygonLayer", kinds=("polygons",))
        areas = ready.reset_index(drop=True)
        pairs = areas_of_points(points.to_crs(areas.crs), areas)
        return areas.assign(geometry=as_they_came(polygons, ready)), pairs
    if shape is not None and polygons is None:
        bins = bins_over(ctx, points, shape, size, unit)
        return bins.frame, (np.arange(len(points)), bins.of_points(points))
    raise ParameterError(
        "polygonLayer: give either polygonLayer or binType, and not both or neither.",
        parameter="polygonLayer",
    )


def _counted(
    areas: gpd.GeoDataFrame, joined: pd.DataFrame, wanted: list[Statistic]
) -> tuple[gpd.GeoDataFrame, str]:
    """Return the areas with the number of their points and statistics, and the name of the first."""
    table = summarize(joined, [AREA], wanted, count="Point_Count").reindex(areas.index)
    table["Point_Count"] = table["Point_Count"].fillna(0)
    names = {column: free_name(str(column), areas.columns) for column in table.columns}
    return areas.assign(**table.rename(columns=names)), names["Point_Count"]
