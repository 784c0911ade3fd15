"""OverlayLayers: one layer laid over another."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.overlaying import common, on_grid, snapped, without
from spatial_widgets.server.analysis.prepare import free_name, prepare, to_output
from spatial_widgets.server.analysis.together import in_one_system
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["overlay_layers"]

Array = np.ndarray[Any, Any]
_KINDS = ("points", "lines", "polygons")


class _Outputs(TypedDict):
    outputLayer: Annotated[gpd.GeoDataFrame, Note("the parts, with the attributes of what they are parts of")]


@task("OverlayLayers", restartable=True)
def overlay_layers(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons")],
    overlayLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons to lay over them")],
    overlayType: Annotated[
        Literal["Intersect", "Union", "Erase"],
        Note(
            "what both have in common; everything, cut where they overlap (polygons only); or the input without the overlay"
        ),
    ] = "Intersect",
    outputType: Annotated[
        Literal["Input", "Line", "Point"],
        Note("of Intersect: what the parts are; Input is the lowest dimension of the two layers"),
    ] = "Input",
    snapToInput: Annotated[
        bool, Note("with a tolerance: the overlay alone moves, to the input, and not both")
    ] = False,
    tolerance: Annotated[
        float | None,
        Note(
            "vertices closer than this become one; in the units of the inputLayer's coordinate system; 0 is none"
        ),
    ] = None,
) -> _Outputs:
    """Lay one layer over another.

    Intersect gives the common part of each two features that overlap, with the attributes of both. Line gives the
    borders that polygons share, Point the places where outlines cross or touch, as multipoints. Union adds what
    only one of the layers covers, with nulls for the other's attributes; Erase keeps the input's parts outside of the
    overlay. What only touches has no part in common.

    Sides are straight in degrees or in the projection that both layers have; layers of different systems meet in
    degrees. Without snapToInput a tolerance puts all vertices on a grid of that size (this approximates the
    service's clustering of vertices). Fields whose names are taken get ``_1`` (a rule of ours).
    """
    one, two = prepare(ctx, inputLayer, "inputLayer"), prepare(ctx, overlayLayer, "overlayLayer")
    dimensions = [int(shapely.get_dimensions(frame.geometry.iloc[0])) for frame in (one, two)]
    _check(overlayType, outputType, dimensions)
    if not tolerance:
        one, two = in_one_system(one, two)
        if snapToInput:
            ctx.warn("snapToInput: not used, because there is no tolerance.")
    else:
        one, two = _moved(ctx, one, two, tolerance, snap=snapToInput)
    ctx.progress(20, "Layers read")
    here, there = one.geometry.to_numpy(), two.geometry.to_numpy()
    attributes = one.drop(columns="geometry"), two.drop(columns="geometry")
    names = {c: free_name(str(c), attributes[0].columns) for c in attributes[1].columns}
    attributes = (
        attributes[0].reset_index(drop=True),
        attributes[1].rename(columns=names).reset_index(drop=True),
    )
    pieces = []
    if overlayType != "Erase":
        i, j, shapes = common(here, there, outputType)
        pieces.append((i, j, shapes))
        ctx.info(
            f"{len(shapes):,} parts are common to {len(np.unique(i)):,} and {len(np.unique(j)):,} features."
        )
        ctx.progress(60, "Common parts found")
    if overlayType != "Intersect":
        pieces.append(_rest(ctx, here, there, "inputLayer"))
        ctx.progress(80, "Parts of the input found")
    if overlayType == "Union":
        j, i, shapes = _rest(ctx, there, here, "overlayLayer")
        pieces.append((i, j, shapes))
    columns = list(attributes[:1] if overlayType == "Erase" else attributes)
    result = _assembled(columns, pieces, one.crs)
    if outputType == "Point" and overlayType == "Intersect":
        result = result.set_geometry(_as_multipoints(result.geometry.to_numpy()), crs=one.crs)
    ctx.info(f"outputLayer: {len(result):,} features.")
    ctx.progress(100)
    return {
        "outputLayer": to_output(ctx, result, inputLayer.crs)
        if len(result)
        else result.to_crs(inputLayer.crs)
    }


def _check(kind: str, output: str, dimensions: list[int]) -> None:
    if kind == "Union" and dimensions != [2, 2]:
        raise ParameterError(
            f"overlayType: Union needs polygons in both layers, not {_KINDS[dimensions[0]]} and {_KINDS[dimensions[1]]}.",
            parameter="overlayType",
        )
    if kind == "Erase" and dimensions[1] < dimensions[0]:
        raise ParameterError(
            f"overlayType: Erase cannot take {_KINDS[dimensions[1]]} away from {_KINDS[dimensions[0]]}; "
            "the overlay has to be of the same or a higher dimension.",
            parameter="overlayType",
        )
    if output == "Line" and min(dimensions) < 1:
        raise ParameterError(
            "outputType: points have no lines in common with anything; use Input or Point.",
            parameter="outputType",
        )
    if output != "Input" and kind != "Intersect":
        raise ParameterError(
            f"outputType: {output} belongs to overlayType Intersect; {kind} gives what the input is.",
            parameter="outputType",
        )


def _moved(
    ctx: Context, one: gpd.GeoDataFrame, two: gpd.GeoDataFrame, tolerance: float, *, snap: bool
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return both layers in the first one's system, with vertices that are close together brought together."""
    if not np.isfinite(tolerance) or tolerance <= 0:
        raise ParameterError(
            f"tolerance: {tolerance:g} is no usable distance; give a number greater than 0.",
            parameter="tolerance",
        )
    two = two.to_crs(one.crs)
    here, there = one.geometry.to_numpy(), two.geometry.to_numpy()
    if not np.isfinite(shapely.get_coordinates(there)).all():
        raise ParameterError(
            f"tolerance: the overlayLayer reaches farther than {one.crs.name} can show; clip it to the area of interest.",
            parameter="tolerance",
        )
    unit = one.crs.axis_info[0].unit_name
    if snap:
        there = snapped(there, here, tolerance)
        ctx.info(f"Vertices of overlayLayer moved to inputLayer where it is within {tolerance:g} {unit}.")
    else:
        here, there = on_grid(here, tolerance), on_grid(there, tolerance)
        ctx.info(f"Vertices of both layers were put on a grid of {tolerance:g} {unit}.")
    made = []
    for name, frame, shapes in (("inputLayer", one, here), ("overlayLayer", two, there)):
        left = ~shapely.is_empty(shapes)
        if not left.all():
            ctx.warn(
                f"{name}: {int((~left).sum()):,} features are smaller than the tolerance and were left out."
            )
        if not left.any():
            raise ParameterError(
                f"tolerance: all features of {name} are smaller than {tolerance:g}.", parameter="tolerance"
            )
        made.append(frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))[left])
    return made[0], made[1]


def _rest(ctx: Context, here: Array, there: Array, name: str) -> tuple[Array, Array, Array]:
    left = without(here, there)
    rows = np.flatnonzero(~shapely.is_empty(left))
    ctx.info(
        f"{len(rows):,} of {len(here):,} features of {name} have parts that the other layer does not cover."
    )
    return rows, np.full(len(rows), -1), left[rows]


def _assembled(
    attributes: list[pd.DataFrame], pieces: list[tuple[Array, Array, Array]], crs: Any
) -> gpd.GeoDataFrame:
    """Return the parts with attributes of both layers; position -1 stands for no feature."""
    columns = []
    for frame, side in zip(attributes, (0, 1), strict=False):
        rows = np.concatenate([piece[side] for piece in pieces])
        chosen = frame.reindex(rows) if (rows < 0).any() else frame.iloc[rows]
        columns.append(chosen.reset_index(drop=True))
    shapes = np.concatenate([piece[2] for piece in pieces])
    return gpd.GeoDataFrame(pd.concat(columns, axis="columns"), geometry=shapes, crs=crs)


def _as_multipoints(shapes: Array) -> Array:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    if len(parts) == 0:
        return shapes
    made: Array = shapely.multipoints(parts, indices=owner)
    return made
