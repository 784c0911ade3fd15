"""SummarizeNearby: what of a layer lies within a distance of features."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, TypedDict

import geopandas as gpd
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import as_they_came, in_lonlat, prepare, to_output
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.summarizing import read_summary
from spatial_widgets.server.analysis.surroundings import Surroundings, meters_of
from spatial_widgets.server.registry import Context, Note, task
from spatial_widgets.server.tasks import _summaryinputs as inputs

__all__ = ["summarize_nearby"]

_TIMES = {"Seconds", "Minutes", "Hours"}


class _Outputs(TypedDict):
    resultLayer: Annotated[gpd.GeoDataFrame, Note("the features or their surroundings, with what is nearby")]
    groupBySummary: Annotated[
        pd.DataFrame | None, Note("one row for each group near each feature; only with groupByField")
    ]


@task("SummarizeNearby", restartable=True)
def summarize_nearby(
    ctx: Context,
    sumNearbyLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to look around")],
    summaryLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to summarize")],
    distances: Annotated[list[float], Note("how far to look; several give a row each")],
    nearType: Annotated[
        str, Note("StraightLine; travel modes need a street network, which this service does not have")
    ] = "StraightLine",
    units: Annotated[
        Literal["Meters", "Kilometers", "Feet", "Yards", "Miles", "Seconds", "Minutes", "Hours"],
        Note("unit of distances; times are for travel modes"),
    ] = "Meters",
    timeOfDay: Annotated[dt.datetime | None, Note("for travel modes; not used")] = None,
    timeZoneForTimeOfDay: Annotated[  # noqa: ARG001 -- clients send it
        Literal["GeoLocal", "UTC"], Note("for travel modes; not used")
    ] = "GeoLocal",
    returnBoundaries: Annotated[
        bool, Note("whether the result has the areas within the distance, or the features themselves")
    ] = True,
    sumShape: inputs.SumShape = True,
    shapeUnits: inputs.ShapeUnits = None,
    summaryFields: inputs.SummaryFields = (),
    groupByField: inputs.GroupByField = None,
    minorityMajority: inputs.MinorityMajority = False,
    percentShape: inputs.PercentShape = False,
) -> _Outputs:
    """Summarize the points, lines or polygons within straight-line distances of features.

    Distances are geodesic when the sumNearbyLayer is in degrees or in Web Mercator, and planar in any other
    projection. Between points they are exact; around lines and polygons the areas are those of CreateBuffers.
    What lies within several distances counts for each. Lines and polygons count with the part inside; see
    SummarizeWithin for the statistics and the names of the columns. ``ORIG_FID`` is the feature's number in
    its layer, from 0, and ``BUFF_DIST`` the distance (both names are ours).
    """
    _check_near_type(ctx, nearType, units, timeOfDay)
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
    ready = prepare(ctx, sumNearbyLayer, "sumNearbyLayer")
    around = in_lonlat(ready) if is_geodesic(ready.crs) else ready
    ctx.progress(10, "Layers read")
    places = Surroundings(around, meters_of(ctx, around, distances, units))
    areas = places.areas(units)
    ctx.progress(30, "Surroundings drawn")
    rows, weights = places.rows(ctx, features, areas, summary.measure)
    ctx.progress(80, "Features measured")
    result, table = summary.add_to(areas, rows, weights)
    if not returnBoundaries:
        result = result.set_geometry(
            gpd.GeoSeries(
                as_they_came(sumNearbyLayer, ready)[places.owner], index=result.index, crs=ready.crs
            )
        )
    ctx.progress(100)
    return {"resultLayer": to_output(ctx, result, sumNearbyLayer.crs), "groupBySummary": table}


def _check_near_type(ctx: Context, near_type: str, units: str, time_of_day: dt.datetime | None) -> None:
    if near_type.strip().casefold() != "straightline" or units in _TIMES:
        name = "units" if near_type.strip().casefold() == "straightline" else "nearType"
        raise ParameterError(
            f"{name}: travel modes and times need a street network with speeds, which this service does not have. "
            "Use nearType StraightLine with a unit of length.",
            parameter=name,
        )
    if time_of_day is not None:
        ctx.warn("timeOfDay: not used, because straight lines take no time.")
