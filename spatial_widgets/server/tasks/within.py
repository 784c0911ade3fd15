"""SummarizeWithin: what of a layer lies within areas."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

import geopandas as gpd
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.bins import bins_over
from spatial_widgets.server.analysis.prepare import as_they_came, prepare, to_output
from spatial_widgets.server.analysis.summarizing import read_summary, within
from spatial_widgets.server.registry import Context, Note, task
from spatial_widgets.server.tasks import _summaryinputs as inputs

__all__ = ["summarize_within"]


class _Outputs(TypedDict):
    resultLayer: Annotated[gpd.GeoDataFrame, Note("the areas with counts, lengths or areas, and statistics")]
    groupBySummary: Annotated[
        pd.DataFrame | None, Note("one row for each group in each area; only with groupByField")
    ]


@task("SummarizeWithin", restartable=True)
def summarize_within(
    ctx: Context,
    summaryLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to summarize")],
    sumWithinLayer: Annotated[
        gpd.GeoDataFrame | None, Note("the areas to summarize in; or give binSize, for generated ones")
    ] = None,
    sumShape: inputs.SumShape = True,
    shapeUnits: inputs.ShapeUnits = None,
    summaryFields: inputs.SummaryFields = (),
    groupByField: inputs.GroupByField = None,
    minorityMajority: inputs.MinorityMajority = False,
    percentShape: inputs.PercentShape = False,
    binType: Annotated[Literal["Square", "Hexagon"], Note("the shape of generated areas")] = "Square",
    binSize: Annotated[
        float | None,
        Note("instead of sumWithinLayer: the side of a square, or the distance between parallel sides"),
    ] = None,
    binSizeUnit: Annotated[
        Literal["Meters", "Kilometers", "Feet", "Miles", "NauticalMiles", "Yards"], Note("unit of binSize")
    ] = "Meters",
) -> _Outputs:
    """Summarize the points, lines or polygons within areas: only what is inside counts.

    Lines and polygons are cut at the borders. Sums take the share of a feature that is inside, means and
    standard deviations are weighted by the length or area inside, Min and Max take the values as they are.
    Values of points are not weighted. Nulls are left out. A point on a border counts once, in the first area
    that it touches; features that only touch an area do not count in it.

    Lengths and areas are geodesic, along sides that are straight in degrees or in the layer's projection. The
    columns' names are ours: ``Point_Count``, ``Polyline_Count`` or ``Polygon_Count``, ``sum_Length_Miles`` or
    ``sum_Area_SquareKilometers``, ``mean_population``, ``Minority_kind``, ``Majority_kind_Percent``; with
    groupByField ``Join_ID`` leads to the rows of groupBySummary.
    """
    features, summary = read_summary(
        ctx,
        summaryLayer,
        shape=sumShape,
        unit=shapeUnits,
        fields=summaryFields,
        by=groupByField,
        extremes=minorityMajority,
        percent=percentShape,
    )
    if sumWithinLayer is None:
        if binSize is None:
            raise ParameterError(
                "sumWithinLayer: give the areas to summarize in, or a binSize.", parameter="sumWithinLayer"
            )
        areas, crs = bins_over(ctx, features, binType, binSize, binSizeUnit).frame, features.crs
    elif binSize is not None:
        raise ParameterError("binSize: give either sumWithinLayer or binSize.", parameter="binSize")
    else:
        ready = prepare(ctx, sumWithinLayer, "sumWithinLayer", kinds=("polygons",))
        areas, crs = ready.reset_index(drop=True), sumWithinLayer.crs
    ctx.progress(10, "Layers read")
    rows, weights = within(ctx, features, areas, summary.measure)
    if sumWithinLayer is not None:
        areas = areas.assign(geometry=as_they_came(sumWithinLayer, ready))
    ctx.progress(80, "Features measured")
    result, table = summary.add_to(areas, rows, weights)
    if table is not None:
        ctx.info(f"groupBySummary: {len(table):,} rows, by {groupByField}.")
    ctx.progress(100)
    return {"resultLayer": to_output(ctx, result, crs), "groupBySummary": table}
