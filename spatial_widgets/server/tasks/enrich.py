"""EnrichLayer: figures of another layer, brought to features or to their surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

import geopandas as gpd
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import (
    as_they_came,
    free_name,
    in_lonlat,
    prepare,
    require_field,
    to_output,
)
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.statistics import STATISTICS, Statistic, parse_statistics
from spatial_widgets.server.analysis.summarizing import Summary, measure_of, single_points, within
from spatial_widgets.server.analysis.surroundings import Surroundings, meters_of
from spatial_widgets.server.analysis.travel import only_lengths, only_straight_lines
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["enrich_layer"]

_INSTEAD = "This service has no demographic data; give a layer of your own with figures as enrichmentLayer, and its fields as analysisVariables."


class _Outputs(TypedDict):
    enrichedLayer: Annotated[
        gpd.GeoDataFrame, Note("the features, with the figures of what lies around or in them")
    ]


@task("EnrichLayer", restartable=True)
def enrich_layer(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to enrich")],
    dataCollections: Annotated[
        Sequence[str], Note("collections of the hosted service, which this service does not have")
    ] = (),
    analysisVariables: Annotated[
        Sequence[str],
        Note(
            'fields of enrichmentLayer, such as "population", or "income Mean"; all numeric ones without it'
        ),
    ] = (),
    country: Annotated[str | None, Note("for collections of the hosted service; not used")] = None,
    bufferType: Annotated[
        str,
        Note(
            "StraightLine (the default is ours); travel modes need a street network, which this service does not have"
        ),
    ] = "StraightLine",
    distance: Annotated[
        float | None, Note("how far to look around; needed for points and lines, not for polygons")
    ] = None,
    units: Annotated[
        Literal["Feet", "Yards", "Miles", "Meters", "Kilometers", "Seconds", "Minutes", "Hours"],
        Note("unit of distance (the default is ours); times are for travel modes"),
    ] = "Meters",
    returnBoundaries: Annotated[
        bool, Note("whether the result has the areas within the distance, or the features themselves")
    ] = False,
    hierarchy: Annotated[str | None, Note("for collections of the hosted service; not used")] = None,
    enrichmentLayer: Annotated[
        gpd.GeoDataFrame | None,
        Note("the layer with the figures; this parameter is ours, in place of the hosted service's data"),
    ] = None,
) -> _Outputs:
    """Enrich features with figures of a layer of your own: how much of it lies in or around each feature.

    A figure of an area is taken to be spread evenly over it. So a sum takes the share of each area's figure that lies
    inside: what polygons without overlaps receive of a layer that they cover adds up to the whole. "field Mean" and
    "field Stddev" are weighted by the area or length inside, "field Min" and "field Max" take the figures as they are.
    Figures of points count whole. The hosted service apportions by finer data than that, so it approximates less.

    A sum has the field's own name, other statistics a name such as ``mean_income``; with a distance ``BUFF_DIST`` and
    ``ORIG_FID`` come too (these names are ours). Where nothing of the layer lies, figures are null.
    """
    if dataCollections or enrichmentLayer is None:
        name = "dataCollections" if dataCollections else "enrichmentLayer"
        raise ParameterError(f"{name}: {_INSTEAD}", parameter=name)
    for name, given in {"country": country, "hierarchy": hierarchy}.items():
        if given:
            ctx.warn(f"{name}: not used, because it belongs to the data of the hosted service.")
    only_straight_lines(ctx, bufferType, "bufferType")
    only_lengths(units, "units")
    source = prepare(ctx, enrichmentLayer, "enrichmentLayer")
    measure = measure_of(source, None)
    if measure.dimension == 0:
        source = single_points(source)
    variables = _variables(source, analysisVariables)
    layer = prepare(ctx, inputLayer, "inputLayer")
    work = in_lonlat(layer) if is_geodesic(layer.crs) else layer
    ctx.progress(10, "Layers read")
    if distance is None:
        if (shapely.get_dimensions(layer.geometry.to_numpy()) < 2).any():
            raise ParameterError(
                "distance: points and lines have no area; say how far to look around them.",
                parameter="distance",
            )
        areas = layer.reset_index(drop=True)
        rows, weights = within(ctx, source, areas, measure)
        shapes = _as_given(inputLayer, layer)
    else:
        around = Surroundings(work, meters_of(ctx, work, [distance], units, parameter="distance"))
        areas = around.areas(units)
        rows, weights = around.rows(ctx, source, areas, measure)
        shapes = areas.geometry if returnBoundaries else _as_given(inputLayer, layer)
    ctx.progress(80, "Figures found")
    summed, _ = Summary(measure, variables, shape=False).add_to(areas[["geometry"]], rows, weights)
    figures = pd.DataFrame(summed.drop(columns="geometry"))
    attributes = areas.drop(columns="geometry")
    names = {v.column: v.field if v.word == "Sum" else v.column for v in variables}
    named = figures.rename(columns={c: free_name(name, attributes.columns) for c, name in names.items()})
    result = gpd.GeoDataFrame(pd.concat([attributes, named], axis="columns"), geometry=shapes, crs=shapes.crs)
    empty = int(figures.isna().all(axis="columns").sum())
    if measure.dimension > 0:
        noun = "lines" if measure.dimension == 1 else "areas"
        ctx.info(
            f"Figures of {noun} are taken to be spread evenly over them, where Esri's service apportions by finer data."
        )
    ctx.info(
        f"{len(result):,} features enriched with {len(variables):,} figures; in {empty:,} nothing of enrichmentLayer lies."
    )
    ctx.progress(100)
    return {"enrichedLayer": to_output(ctx, result, inputLayer.crs)}


def _as_given(layer: gpd.GeoDataFrame, prepared: gpd.GeoDataFrame) -> gpd.GeoSeries:
    return gpd.GeoSeries(as_they_came(layer, prepared), crs=prepared.crs)


def _variables(source: gpd.GeoDataFrame, texts: Sequence[str]) -> list[Statistic]:
    """Return what to compute: "field" alone is a sum."""
    if not texts:
        columns = [
            str(c)
            for c in source.columns
            if c != "geometry" and pd.api.types.is_numeric_dtype(source[c].dtype)
        ]
        if not columns:
            raise ParameterError(
                "analysisVariables: enrichmentLayer has no numeric fields.", parameter="analysisVariables"
            )
        return [Statistic(column, "Sum") for column in columns]
    known = {str(c).casefold() for c in source.columns}
    words = {word.casefold() for word in STATISTICS}
    asked = []
    for text in texts:
        is_field = text.strip().casefold() in known or text.strip().rpartition(" ")[2].casefold() not in words
        asked.append(f"{require_field(source, text.strip(), 'analysisVariables')} Sum" if is_field else text)
    return parse_statistics(asked, source, "analysisVariables")
