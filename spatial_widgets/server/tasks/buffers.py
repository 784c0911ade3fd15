"""CreateBuffers: areas within a distance of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.buffering import FARTHEST_M, Style, geodesic_buffers, planar_buffers
from spatial_widgets.server.analysis.lengths import to_meters
from spatial_widgets.server.analysis.prepare import in_lonlat, numbers_of, prepare, to_output
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.splitting import split_to_nearest
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["create_buffers"]

Array = np.ndarray[Any, Any]
Side = Literal["Full", "Left", "Right", "Outside"]


class _Outputs(TypedDict):
    bufferLayer: Annotated[gpd.GeoDataFrame, Note("the buffers")]


@task("CreateBuffers", restartable=True)
def create_buffers(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to buffer")],
    distances: Annotated[
        Sequence[float], Note("one or more distances; several give several buffers for each feature")
    ] = (),
    field: Annotated[
        str | None, Note("instead of distances: a numeric field that holds each feature's own distance")
    ] = None,
    units: Annotated[
        Literal["Meters", "Kilometers", "Feet", "Miles", "NauticalMiles", "Yards"],
        Note("unit of distances or field; feet, miles and yards are the international ones"),
    ] = "Meters",
    dissolveType: Annotated[
        Literal["None", "Dissolve", "Split"],
        Note(
            "None keeps one buffer for each feature, Dissolve merges them, Split gives each place to the nearest feature (this meaning of Split is ours)"
        ),
    ] = "None",
    ringType: Annotated[
        Literal["Disks", "Rings"],
        Note("with several distances: whole disks, or rings between one distance and the next"),
    ] = "Disks",
    sideType: Annotated[
        Side,
        Note(
            "Full; Left or Right of lines; Outside leaves the polygon itself out. Others than Full take one distance"
        ),
    ] = "Full",
    endType: Annotated[Literal["Round", "Flat"], Note("the ends of buffers of lines")] = "Round",
) -> _Outputs:
    """Create the area within a distance of points, lines or polygons.

    Distances are true distances on the ellipsoid when the layer is in degrees or in Web Mercator, and planar
    ones in any other projection. Geodesic circles are polygons of 96 vertices (0.07 % less area than the
    circle). Lines and polygons are buffered in projections around their parts, which keeps distances to
    about 0.1 %. Buffers that cross 180 degrees are cut there. Left and Right buffers end flat, and where
    a line bends sharply they are approximations. Split cuts along the line halfway between features; where many
    buffers hang together over more than some four degrees, that line is approximate.

    Each buffer has the attributes of its feature, ``ORIG_FID`` (the feature's number in the layer, from 0) and
    ``BUFF_DIST`` (in the units given; both names are ours). Dissolved buffers have ``BUFF_DIST`` alone, null for distances from a field.
    """
    layer = prepare(ctx, inputLayer, "inputLayer")
    _check_side(layer, sideType, distances)
    columns = _distances(ctx, layer, distances, field, units)
    layer = layer.loc[columns[0].index]
    geodesic = is_geodesic(layer.crs)
    style = Style("Full" if sideType == "Outside" else sideType, "flat" if endType == "Flat" else "round")
    work = in_lonlat(layer) if geodesic else layer
    factor = 1.0 if geodesic else float(layer.crs.axis_info[0].unit_conversion_factor)
    ctx.info(
        "Distances are geodesic, on WGS 84." if geodesic else f"Distances are planar, in {layer.crs.name}."
    )
    shapes = work.geometry.to_numpy()
    made = []
    for i, column in enumerate(columns):
        meters = np.array([to_meters(d, units, parameter="distances") for d in column])
        made.append(
            geodesic_buffers(shapes, meters, style)
            if geodesic
            else planar_buffers(shapes, meters / factor, style)
        )
        if dissolveType == "Split":
            made[-1] = split_to_nearest(shapes, made[-1], geographic=geodesic)
        ctx.progress(80 * (i + 1) / len(columns), f"{i + 1} of {len(columns)} distances")
    result = _assemble(
        work,
        columns,
        made,
        dissolve=dissolveType == "Dissolve",
        rings=ringType == "Rings",
        outside=sideType == "Outside",
    )
    if dissolveType == "Split":
        left = ~result.geometry.is_empty
        if not left.all():
            ctx.info(
                f"{int((~left).sum()):,} buffers have no place that is nearest to their feature, and were left out."
            )
        result = result[left].reset_index(drop=True)
    result = to_output(ctx, result, inputLayer.crs)
    ctx.info(f"{len(result):,} buffers from {len(layer):,} features.")
    ctx.progress(100)
    return {"bufferLayer": result}


def _check_side(layer: gpd.GeoDataFrame, side: Side, distances: Sequence[float]) -> None:
    dimension = int(shapely.get_dimensions(layer.geometry.iloc[0]))
    needed = {"Left": (1, "lines"), "Right": (1, "lines"), "Outside": (2, "polygons")}.get(side)
    if needed and dimension != needed[0]:
        raise ParameterError(
            f"sideType: {side} needs {needed[1]}; inputLayer holds none.", parameter="sideType", value=side
        )
    if needed and len(distances or ()) > 1:
        raise ParameterError(
            f"sideType: {side} takes one distance, not {len(distances)}.", parameter="sideType", value=side
        )


def _distances(
    ctx: Context, layer: gpd.GeoDataFrame, distances: Sequence[float], field: str | None, units: str
) -> list[pd.Series[float]]:
    """Return one column of distances for each buffer of a feature, in the units given, smallest first."""
    if bool(distances) == bool(field):
        raise ParameterError(
            "distances: give either distances or field, and not both."
            if distances
            else "distances: give distances, or a field that holds them.",
            parameter="distances",
        )
    if field:
        column = numbers_of(layer, field, "field")
        usable = column[column > 0]
        if len(usable) < len(column):
            ctx.warn(
                f"field: {len(column) - len(usable):,} features left out, whose {field!r} is null or not greater than 0."
            )
        if len(usable) == 0:
            raise ParameterError(
                f"field: {field!r} holds no distance greater than 0.", parameter="field", value=field
            )
        columns = [usable]
    else:
        ordered = sorted(set(distances or ()))
        columns = [pd.Series(float(d), index=layer.index) for d in ordered]
    farthest = max(
        to_meters(d, units, parameter="distances" if distances else "field")
        for column in columns
        for d in {column.min(), column.max()}
    )
    if is_geodesic(layer.crs) and farthest > FARTHEST_M:
        raise ParameterError(
            f"distances: {farthest / 1000:,.0f} km is more than a quarter of the way around the Earth; "
            f"at most {FARTHEST_M / 1000:,.0f} km are possible.",
            parameter="distances",
        )
    return columns


def _assemble(
    layer: gpd.GeoDataFrame,
    columns: list[pd.Series[float]],
    made: list[Array],
    *,
    dissolve: bool,
    rings: bool,
    outside: bool,
) -> gpd.GeoDataFrame:
    if dissolve:
        discs = [np.array([shapely.union_all(shapes)]) for shapes in made]
        holes = np.array([shapely.union_all(layer.geometry.to_numpy())])
        one = [column.iloc[0] if column.min() == column.max() else np.nan for column in columns]
        rows = [gpd.GeoDataFrame({"BUFF_DIST": [distance]}) for distance in one]
    else:
        discs, holes = made, layer.geometry.to_numpy()
        attributes = layer.drop(columns=["geometry", "BUFF_DIST", "ORIG_FID"], errors="ignore")
        rows = [
            attributes.assign(ORIG_FID=attributes.index.astype("int64"), BUFF_DIST=column)
            for column in columns
        ]
    inner = [holes if outside else None, *(discs[:-1] if rings else [None] * (len(discs) - 1))]
    shapes = [
        disc if hole is None else shapely.difference(disc, hole)
        for disc, hole in zip(discs, inner, strict=True)
    ]
    frames = [
        gpd.GeoDataFrame(row, geometry=shape, crs=layer.crs) for row, shape in zip(rows, shapes, strict=True)
    ]
    stacked = frames[0] if len(frames) == 1 else pd.concat(frames)
    return (
        stacked
        if dissolve
        else stacked.sort_values(["ORIG_FID", "BUFF_DIST"], kind="stable", ignore_index=True)
    )
