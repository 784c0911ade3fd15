"""CalculateDensity: how many points, or how much length of line, there is around each place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.cells import Plane, plane_for, too_many_cells
from spatial_widgets.server.analysis.classes import Classification, class_limits
from spatial_widgets.server.analysis.counting import region_in
from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.kernels import choose_radius, kernel_density, pieces_of_lines
from spatial_widgets.server.analysis.lengths import METERS_IN, in_words, to_meters
from spatial_widgets.server.analysis.neighbors import Sites, places
from spatial_widgets.server.analysis.prepare import numbers_of, prepare, to_output
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.surfaces import Surface, class_polygons, spacing_for, surface_over
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["calculate_density"]

Array = np.ndarray[Any, Any]
Units = Literal["Meters", "Kilometers", "Feet", "Miles"]

_AUTOMATIC_CELLS = 60_000  # an automatic choice should take seconds
_CELLS_IN_RADIUS = 8
_FEWEST_CELLS = 2  # with fewer in a radius, the surface does not add up
_PIECES = 1_000_000
_OFF = 0.03
_NOTHING = 1e-6  # of the largest density, where there is no bounding layer


class _Outputs(TypedDict):
    resultLayer: Annotated[
        gpd.GeoDataFrame, Note("areas of similar density with Class, Value_Min and Value_Max")
    ]


@dataclass(frozen=True, slots=True)
class _Sources:
    """What is spread out: points, or lines, with a weight each; in degrees where distances are geodesic."""

    layer: gpd.GeoDataFrame
    weights: Array
    is_lines: bool

    def sites(self, longest_m: float) -> tuple[Sites, Array]:
        """Return places and weights; ``longest_m`` is for the pieces of lines."""
        if self.is_lines:
            return pieces_of_lines(self.layer, self.weights, longest_m)
        return Sites.of(places(self.layer), self.layer.crs), self.weights


@task("CalculateDensity", restartable=True)
def calculate_density(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("points or lines")],
    field: Annotated[
        str | None, Note("a numeric field, 0 or more: how many each feature stands for; 1 without one")
    ] = None,
    cellSize: Annotated[float | None, Note("distance between the places where density is computed")] = None,
    cellSizeUnits: Annotated[Units, Note("unit of cellSize")] = "Meters",
    radius: Annotated[float | None, Note("how far a feature is spread out")] = None,
    radiusUnits: Annotated[Units, Note("unit of radius (the default is ours)")] = "Meters",
    boundingPolygonLayer: Annotated[
        gpd.GeoDataFrame | None,
        Note("where density is asked for; features outside still count near the edge"),
    ] = None,
    areaUnits: Annotated[
        Literal["SquareKilometers", "SquareMiles"],
        Note("density is per this unit of area; of lines, in kilometres or miles of length (default ours)"),
    ] = "SquareKilometers",
    classificationType: Annotated[Classification, Note("how the limits of the classes are found")] = (
        "EqualInterval"
    ),
    numClasses: Annotated[int, Note("the most classes there may be", minimum=2, maximum=32)] = 10,
) -> _Outputs:
    """Compute the density of points or lines, as areas between limits of density.

    Each point, and each piece of line, is spread out with the quartic kernel of Silverman, which ends at the radius. What is
    spread adds up to the number of points, or to the length of the lines, times the field. The result's
    Value_Min and Value_Max are per unit of area.

    Approximate are: the surface between the cells, which is linear; lines, which are pieces no longer than an
    eighth of the radius; distances, along great circles in degrees and Web Mercator (0.6 %), in the plane of a projected
    layer otherwise. Radius and cells that are not given are chosen by a rule like Esri's, and said in the messages.
    The limits of GeometricInterval are ours. Where nothing is within the radius there is no area in the result,
    unless a boundingPolygonLayer asks for it. Names of fields are ours.
    """
    require_libraries("CalculateDensity", "scipy.spatial", "contourpy")
    layer = prepare(ctx, inputLayer, "inputLayer", kinds=("points", "lines"))
    sources = _read(ctx, layer, field)
    bounding = (
        None
        if boundingPolygonLayer is None
        else prepare(ctx, boundingPolygonLayer, "boundingPolygonLayer", kinds=("polygons",))
    )
    ctx.progress(10, "Layers read")
    plane = plane_for(sources.layer, bounding)
    cell = None if cellSize is None else to_meters(cellSize, cellSizeUnits, parameter="cellSize")
    reach = None if radius is None else to_meters(radius, radiusUnits, parameter="radius")
    reach = _choose_radius(ctx, sources, reach, cell)
    region = None if bounding is None else region_in(plane, bounding)
    surface = _choose_surface(ctx, plane, sources, region, reach, cell)
    ctx.info(
        "This approximates Esri's density: the kernel is the same (quartic), but between cells density is taken to be "
        "linear, and limits of classes and automatic sizes may be others."
    )
    ctx.progress(25, "Cells chosen")
    sites, weights = sources.sites(_longest(sources, reach))
    density = kernel_density(surface.sites(), sites, weights, reach).reshape(surface.shape)
    ctx.progress(80, "Density computed")
    result = _classified(
        ctx, surface, density * _factor(sources, areaUnits), region, classificationType, numClasses
    )
    _tell_sum(ctx, sources, weights, float((density * surface.areas_m2()).sum()), region is not None)
    ctx.progress(100)
    return {"resultLayer": to_output(ctx, result, inputLayer.crs)}


def _read(ctx: Context, layer: gpd.GeoDataFrame, field: str | None) -> _Sources:
    if is_geodesic(layer.crs) and not layer.crs.is_geographic:
        layer = layer.to_crs(4326)
    is_lines = bool(shapely.get_dimensions(layer.geometry.iloc[0]) == 1)
    weights: Array = np.ones(len(layer))
    if field:
        values = numbers_of(layer, field, "field")
        if (values < 0).any():
            raise ParameterError(
                f"field: {field} has {int((values < 0).sum()):,} values below 0, which cannot be spread out.",
                parameter="field",
                value=field,
            )
        if values.isna().any():
            ctx.warn(f"{int(values.isna().sum()):,} features left out, whose {field} is null.")
        used = (values > 0).to_numpy()
        layer, weights = layer[used], values[used].to_numpy(dtype=float)
        if not used.any():
            raise ParameterError(f"field: {field} is 0 or null everywhere.", parameter="field", value=field)
    singles = layer[["geometry"]]
    if not is_lines:
        parts, owner = shapely.get_parts(layer.geometry.to_numpy(), return_index=True)
        singles, weights = gpd.GeoDataFrame(geometry=parts, crs=layer.crs), weights[owner]
    return _Sources(singles, weights, is_lines)


def _longest(sources: _Sources, reach: float) -> float:
    if not sources.is_lines:
        return reach
    _, lengths = _Sources(sources.layer, np.ones(len(sources.layer)), is_lines=True).sites(np.inf)
    return max(reach / _CELLS_IN_RADIUS, float(lengths.sum()) / _PIECES)


def _choose_radius(ctx: Context, sources: _Sources, given: float | None, cell: float | None) -> float:
    if given is not None:
        ctx.info(f"Radius: {in_words(given)}, as given.")
        return given
    sites, weights = sources.sites(np.inf)
    chosen = choose_radius(sites, weights)
    if chosen <= 0:
        raise ParameterError(
            "radius: the features lie at one place or on all sides of the Earth, so no radius can be chosen; give one.",
            parameter="radius",
        )
    reason = "by Silverman's rule for the spread and number of the features"
    if cell is not None and chosen < _FEWEST_CELLS * cell:
        chosen, reason = _FEWEST_CELLS * cell, "twice the cellSize, because less would miss features"
    ctx.info(f"Radius: {in_words(chosen)}, {reason}.")
    return chosen


def _choose_surface(
    ctx: Context, plane: Plane, sources: _Sources, region: Any, reach: float, cell: float | None
) -> Surface:
    """Return the grid; it reaches one radius beyond the features where there is no region."""
    if region is not None:
        bounds = np.array(region.bounds)
    else:
        margin = 1.1 * reach / plane.unit_m  # planes stretch lengths by a few percent
        bounds = plane.project(sources.layer).total_bounds + np.array([-margin, -margin, margin, margin])
    window = plane.window()
    if window is not None:
        bounds = window if region is None else bounds
    most = ctx.limits.cells
    if cell is None:
        spacing = spacing_for(bounds, reach / _CELLS_IN_RADIUS / plane.unit_m, min(_AUTOMATIC_CELLS, most))
    else:
        spacing = cell / plane.unit_m
        if spacing_for(bounds, spacing, most) > spacing:
            count = np.prod(np.ceil((bounds[2:] - bounds[:2]) / spacing) + 1)
            raise too_many_cells(
                f"cells of this size would be about {count:,.0f} in number", most, "cellSize"
            )
    if reach < _FEWEST_CELLS * spacing * plane.unit_m * (1 - 1e-9):
        raise ParameterError(
            f"radius: {in_words(reach)} is less than {_FEWEST_CELLS} cells of {in_words(spacing * plane.unit_m)}, so that features would be missed. "
            "Choose a longer radius, smaller cells, or a smaller area with boundingPolygonLayer.",
            parameter="radius",
            value=reach,
        )
    surface = surface_over(plane, bounds, spacing)
    rows, columns = surface.shape
    ctx.info(
        f"Cell size: {in_words(spacing * plane.unit_m)}{'' if cell is None else ', as given'}; {rows:,} rows of {columns:,} cells; plane: {plane.label}."
    )
    return surface


def _factor(sources: _Sources, units: str) -> float:
    side = METERS_IN["Kilometers" if units == "SquareKilometers" else "Miles"]
    return side if sources.is_lines else side**2


def _classified(
    ctx: Context, surface: Surface, density: Array, region: Any, kind: Classification, count: int
) -> gpd.GeoDataFrame:
    inside = density
    if region is not None:
        within = shapely.intersects_xy(region, *surface.nodes().T).reshape(surface.shape)
        inside = density[within] if within.any() else density
    positive = inside[inside > 0]
    if not len(positive):
        if region is None:
            raise ParameterError(
                "cellSize: the cells are too wide there, near a pole; choose smaller ones, or a longer radius.",
                parameter="cellSize",
            )
        raise ParameterError(
            "boundingPolygonLayer: no feature is within the radius of it, so density is 0 everywhere.",
            parameter="boundingPolygonLayer",
        )
    limits = class_limits(positive, kind, count)
    limits[0] = 0.0
    # Outside of the region, where it is cut off, density may be larger; and between its nodes.
    drawn = np.minimum(density, limits[-1])
    first = -limits[-1] if region is not None else limits[-1] * _NOTHING
    result = class_polygons(surface, drawn, np.concatenate([[first], limits[1:]]), region)
    result["Value_Min"] = result["Value_Min"].where(result["Value_Min"] > first, 0.0)
    result.insert(0, "Class", np.searchsorted(limits, result["Value_Min"].to_numpy()) + 1)
    ctx.info(
        f"{len(result):,} classes ({kind}) with densities up to {limits[-1]:.4g}; limits: {', '.join(f'{v:.4g}' for v in limits[1:])}."
    )
    return result


def _tell_sum(ctx: Context, sources: _Sources, weights: Array, volume: float, bounded: bool) -> None:
    total = float(weights.sum())
    what = "metres of line" if sources.is_lines else "points"
    where = "in the box around the bounding polygons" if bounded else "in all cells"
    ctx.info(f"The density adds up to {volume:,.6g} {what} {where}, of {total:,.6g} read.")
    if not bounded and abs(volume / total - 1) > _OFF:
        ctx.warn(
            "That differs by more than 3 %: the cells are too wide, or lie near a pole of a plane of the whole Earth. "
            "Choose smaller cells, a longer radius, or fewer features."
        )
