"""GenerateTessellations: squares, hexagons, triangles or diamonds that cover an extent."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis import h3cells
from spatial_widgets.server.analysis.cells import Plane, plane_for
from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.lengths import METERS_IN, SQUARE_METERS_IN, in_words
from spatial_widgets.server.analysis.prepare import prepare, to_output
from spatial_widgets.server.analysis.tessellation import Shape, Tessellation
from spatial_widgets.server.analysis.together import in_degrees
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["generate_tessellations"]

Array = np.ndarray[Any, Any]

_STRIDE_DEG = 0.1


class _Outputs(TypedDict):
    tessellationLayer: Annotated[gpd.GeoDataFrame, Note("the cells, with GRID_ID")]


@task("GenerateTessellations", restartable=True)
def generate_tessellations(
    ctx: Context,
    binType: Annotated[
        Literal["Square", "Hexagon", "TransverseHexagon", "Triangle", "Diamond", "H3_Hexagon"],
        Note(
            "the shape of the cells; a TransverseHexagon has sides at its left and right, a Hexagon above and below"
        ),
    ] = "Square",
    binSize: Annotated[
        float | None,
        Note(
            "needed but for H3_Hexagon: the area of a cell, or with a unit of length the side of a square or triangle, "
            "the distance between parallel sides of a hexagon, or between opposite corners of a diamond (the last two are ours)"
        ),
    ] = None,
    binSizeUnit: Annotated[
        Literal[
            "Meters",
            "Kilometers",
            "Feet",
            "Miles",
            "NauticalMiles",
            "Yards",
            "SquareKilometers",
            "Hectares",
            "SquareMeters",
            "SquareMiles",
            "Acres",
            "SquareYards",
            "SquareFeet",
            "SquareInches",
        ],
        Note("unit of binSize"),
    ] = "SquareKilometers",
    extentLayer: Annotated[
        gpd.GeoDataFrame | None, Note("the layer whose extent is covered; the whole Earth without one (ours)")
    ] = None,
    intersectStudyArea: Annotated[
        bool, Note("with extentLayer: leave out cells that meet none of its features (the default is ours)")
    ] = False,
    binResolution: Annotated[
        int | None,
        Note(
            "needed for H3_Hexagon: from 0, the coarsest, to 15; the name of this parameter is ours",
            minimum=0,
            maximum=15,
        ),
    ] = None,
) -> _Outputs:
    """Cover an extent with cells of one shape and size.

    Cells are drawn in the layer's own projection, and for degrees and Web Mercator in an equal-area projection
    around the layer, so that all have the same true area. The extent is that of the layer in this projection. Cells
    begin at its lower left corner and reach beyond it where they must; those that cross 180 degrees are cut there, and
    those that reach over the edge of a map of the whole Earth end at it.

    ``GRID_ID`` has letters for the column and a number for the row, counted from the lower left (ours): ``A-1``. For
    H3_Hexagon it is the cell's name in H3; the extent is one in longitude and latitude, and the areas differ.
    """
    layer = None if extentLayer is None else prepare(ctx, extentLayer, "extentLayer")
    if layer is None and intersectStudyArea:
        ctx.warn("intersectStudyArea: not used, because there is no extentLayer.")
    ctx.progress(10, "Extent read")
    wanted = layer if intersectStudyArea else None
    if binType == "H3_Hexagon":
        made = _h3(ctx, layer, wanted, binResolution)
    else:
        made = _drawn(ctx, layer, wanted, binType, _size(binType, binSize, binSizeUnit))
    ctx.info(f"{len(made):,} cells. At most {ctx.limits.cells:,} are made.")
    ctx.progress(100)
    target = made.crs if extentLayer is None else extentLayer.crs
    return {"tessellationLayer": to_output(ctx, made, target)}


def _size(shape: Shape, size: float | None, unit: str) -> float:
    """Return the size of a cell in metres."""
    if size is None or not np.isfinite(size) or size <= 0:
        given = "is needed" if size is None else f"{size:g} is no usable size"
        raise ParameterError(
            f"binSize: {given}; give a number greater than 0.", parameter="binSize", value=size
        )
    if unit in METERS_IN:
        return size * METERS_IN[unit]
    return Tessellation.size_of(shape, size * SQUARE_METERS_IN[unit])


def _drawn(
    ctx: Context, layer: gpd.GeoDataFrame | None, wanted: gpd.GeoDataFrame | None, shape: Shape, meters: float
) -> gpd.GeoDataFrame:
    earth = gpd.GeoDataFrame(geometry=[shapely.box(-180, -90, 180, 90)], crs=4326)
    region = earth if layer is None else layer
    corners = gpd.GeoDataFrame(
        geometry=shapely.points(shapely.get_coordinates(region.geometry.array)), crs=region.crs
    )
    plane = plane_for(corners, region)
    ctx.info(f"Cells ({shape}, {in_words(meters)}) are drawn in the plane: {plane.label}.")
    flat = _flat(region, plane)
    west, south, east, north = shapely.total_bounds(flat)
    tessellation = Tessellation(shape, meters / plane.unit_m, (float(west), float(south)))
    cells = tessellation.covering(east - west, north - south, most=ctx.limits.cells)
    ctx.progress(40, "Cells laid out")
    names = np.array(tessellation.names(cells))
    if wanted is not None:
        kept = _meeting(tessellation.polygons(cells, plane.unit_m), flat)
        cells, names = cells[kept], names[kept]
    outlines = plane.outlines(tessellation, cells)
    keep = ~outlines.is_empty.to_numpy()
    return gpd.GeoDataFrame({"GRID_ID": names[keep]}, geometry=outlines[keep].to_numpy(), crs=outlines.crs)


def _flat(layer: gpd.GeoDataFrame, plane: Plane) -> Array:
    """Return a layer's shapes in a plane; sides that bend there get vertices between."""
    if not plane.local:
        own: Array = layer.geometry.to_numpy()
        return own
    degrees = in_degrees(layer)
    short = shapely.segmentize(degrees.geometry.to_numpy(), _STRIDE_DEG)
    moved: Array = gpd.GeoSeries(short, crs=4326).to_crs(plane.crs).to_numpy()
    return moved


def _meeting(cells: Array, features: Array) -> Array:
    """Return the positions of the cells that meet a feature."""
    valid = shapely.make_valid(features)
    shapely.prepare(valid)
    # The tree is of the cells, so that each feature, prepared, is compared with those around it.
    _, cell = shapely.STRtree(cells).query(valid, predicate="intersects")
    return np.unique(cell)


def _h3(
    ctx: Context, layer: gpd.GeoDataFrame | None, wanted: gpd.GeoDataFrame | None, resolution: int | None
) -> gpd.GeoDataFrame:
    require_libraries("GenerateTessellations with H3_Hexagon", "h3")
    if resolution is None:
        raise ParameterError(
            "binResolution: for H3_Hexagon a resolution from 0 (the coarsest) to 15 is needed, instead of binSize.",
            parameter="binResolution",
        )
    earth = np.array([(-180.0, -90.0, 180.0, 90.0)])
    shapes = None if layer is None else in_degrees(layer).geometry.to_numpy()
    if shapes is None:
        boxes = earth
    elif wanted is None:
        boxes = h3cells.enclosing_boxes(shapes)
    else:
        boxes = shapely.bounds(shapely.get_parts(shapes))
    cells = h3cells.cells_of_boxes(boxes, resolution, most=ctx.limits.cells)
    ctx.progress(40, "Cells laid out")
    outlines = h3cells.outlines(cells)
    names = np.array(cells)
    if wanted is not None and shapes is not None:
        kept = _meeting(outlines, shapes)
        names, outlines = names[kept], outlines[kept]
    return gpd.GeoDataFrame({"GRID_ID": names}, geometry=outlines, crs=4326)
