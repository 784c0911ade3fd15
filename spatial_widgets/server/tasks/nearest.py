"""FindNearest: the nearest features of another layer, and the lines to them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.server.analysis.connecting import geodesics, straight_lines
from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.lengths import METERS_IN, in_words, to_meters
from spatial_widgets.server.analysis.nearest import Pairs, nearest
from spatial_widgets.server.analysis.outlines import Outlines
from spatial_widgets.server.analysis.prepare import free_name, prepare, to_output
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.travel import only_straight_lines
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["find_nearest"]

Array = np.ndarray[Any, Any]

_NO_CUTOFF = 2147483647.0


class _Outputs(TypedDict):
    nearestLayer: Annotated[
        gpd.GeoDataFrame, Note("the features of nearLayer that are near one, each once, as they are")
    ]
    connectingLinesLayer: Annotated[
        gpd.GeoDataFrame, Note("a line from each feature to each one near it, with NearRank and the distance")
    ]
    routeLayerItems: Annotated[str | None, Note("nothing: route layers need streets")]


@task("FindNearest", restartable=True)
def find_nearest(
    ctx: Context,
    analysisLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to look from")],
    nearLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to look for")],
    measurementType: Annotated[
        str, Note("StraightLine; travel modes need a street network, which this service does not have")
    ] = "StraightLine",
    maxCount: Annotated[int, Note("the most features to find for each", minimum=1, maximum=100)] = 100,
    searchCutoff: Annotated[
        float, Note("how far to look; 2147483647 is any distance", minimum=0)
    ] = _NO_CUTOFF,
    searchCutoffUnits: Annotated[
        Literal["Miles", "Yards", "Feet", "Meters", "Kilometers", "NauticalMiles"] | None,
        Note("unit of searchCutoff and of the distances; kilometres without one (ours)"),
    ] = None,
    timeOfDay: Annotated[dt.datetime | None, Note("for travel modes; not used")] = None,
    timeZoneForTimeOfDay: Annotated[  # noqa: ARG001 -- clients send it
        Literal["GeoLocal", "UTC"], Note("for travel modes; not used")
    ] = "GeoLocal",
    includeRouteLayers: Annotated[bool, Note("for travel modes; not used")] = False,
    pointBarrierLayer: Annotated[gpd.GeoDataFrame | None, Note("for travel modes; not used")] = None,
    lineBarrierLayer: Annotated[gpd.GeoDataFrame | None, Note("for travel modes; not used")] = None,
    polygonBarrierLayer: Annotated[gpd.GeoDataFrame | None, Note("for travel modes; not used")] = None,
) -> _Outputs:
    """Find for each feature the nearest features of another layer, by straight-line distance.

    Distances are geodesic, on WGS 84, and planar where both layers have the same projection (but not Web
    Mercator). Between points they are exact. Lines and polygons are as far away as their nearest places (to
    a millionth of the distance), and 0 where they touch or one lies inside the other. A feature
    that is in both layers is its own nearest. Of equally near features the first in the layer comes first.

    Connecting lines are geodesics with a vertex every 50 km, cut at 180 degrees; one of length 0 has no
    geometry. ``NearRank`` counts from 1, ``Total_Kilometers`` is the distance in the unit asked for, ``From_ID`` and
    ``To_ID`` are the features' numbers in their layers, from 0 (ours), ``From_…`` and ``To_…`` their attributes.
    """
    require_libraries("FindNearest", "scipy.spatial")
    only_straight_lines(
        ctx,
        measurementType,
        "measurementType",
        timeOfDay=timeOfDay,
        includeRouteLayers=includeRouteLayers or None,
        pointBarrierLayer=pointBarrierLayer,
        lineBarrierLayer=lineBarrierLayer,
        polygonBarrierLayer=polygonBarrierLayer,
    )
    units = searchCutoffUnits or "Kilometers"
    limit = np.inf if searchCutoff >= _NO_CUTOFF else to_meters(searchCutoff, units, parameter="searchCutoff")
    here = prepare(ctx, analysisLayer, "analysisLayer")
    there = prepare(ctx, nearLayer, "nearLayer")
    ctx.progress(10, "Layers read")
    geodesic = is_geodesic(here.crs) or here.crs != there.crs
    ctx.info(
        "Distances are geodesic, on WGS 84." if geodesic else f"Distances are planar, in {here.crs.name}."
    )
    outlines = [Outlines.of(layer, geodesic=geodesic) for layer in (here, there)]
    pairs = nearest(outlines[0], outlines[1], maxCount, limit)
    ctx.progress(60, "Nearest features found")
    # As they came, with heights and all.
    near = nearLayer.iloc[there.index[np.unique(pairs.there)]].reset_index(drop=True)
    lines = _lines(pairs, here, there, units, geodesic=geodesic)
    _tell(ctx, pairs, here, near, limit)
    ctx.progress(100)
    return {
        "nearestLayer": near,
        "connectingLinesLayer": to_output(ctx, lines, analysisLayer.crs),
        "routeLayerItems": None,
    }


def _tell(ctx: Context, pairs: Pairs, here: gpd.GeoDataFrame, near: gpd.GeoDataFrame, limit: float) -> None:
    found = len(np.unique(pairs.here))
    within = "" if np.isinf(limit) else f" within {in_words(limit)}"
    ctx.info(
        f"{len(pairs.here):,} lines from {found:,} of {len(here):,} features to {len(near):,} near ones{within}."
    )
    if len(pairs.here):
        ctx.info(
            f"The longest is {in_words(float(pairs.meters.max()))}, half are up to {in_words(float(np.median(pairs.meters)))}."
        )
    if found < len(here):
        ctx.warn(f"{len(here) - found:,} features have nothing near{within}.")


def _lines(
    pairs: Pairs, here: gpd.GeoDataFrame, there: gpd.GeoDataFrame, units: str, *, geodesic: bool
) -> gpd.GeoDataFrame:
    table = pd.DataFrame(
        {
            "NearRank": pairs.rank.astype("int64"),
            f"Total_{units}": pairs.meters / METERS_IN[units],
            "From_ID": here.index.to_numpy(dtype="int64")[pairs.here],
            "To_ID": there.index.to_numpy(dtype="int64")[pairs.there],
        }
    )
    for prefix, layer, rows in (("From_", here, pairs.here), ("To_", there, pairs.there)):
        attributes = layer.drop(columns="geometry").iloc[rows].reset_index(drop=True)
        names = {c: free_name(f"{prefix}{c}", table.columns) for c in attributes.columns}
        table = pd.concat([table, attributes.rename(columns=names)], axis=1)
    if geodesic:
        return gpd.GeoDataFrame(table, geometry=geodesics(pairs.begins, pairs.ends), crs=4326)
    unit = float(here.crs.axis_info[0].unit_conversion_factor)
    drawn = straight_lines(pairs.begins / unit, pairs.ends / unit)
    return gpd.GeoDataFrame(table, geometry=drawn, crs=here.crs)
