"""InterpolatePoints: values between the places where they were measured, and how far they may be off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.cells import plane_for
from spatial_widgets.server.analysis.classes import class_limits
from spatial_widgets.server.analysis.counting import region_in
from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.kriging import Variogram, fit_variogram, krige
from spatial_widgets.server.analysis.lengths import in_words
from spatial_widgets.server.analysis.neighbors import Sites, places
from spatial_widgets.server.analysis.prepare import (
    as_they_came,
    free_name,
    numbers_of,
    prepare,
    require_field,
    to_output,
)
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.surfaces import Surface, class_polygons, spacing_for, surface_over
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["SEED", "interpolate_points"]

Array = np.ndarray[Any, Any]
Kind = Literal["GeometricInterval", "EqualArea", "EqualInterval", "Manual"]

#: Where the random numbers start, the same in every job.
SEED = 20240229
_FEWEST = 10
#: For each interpolateOption, how many neighbours predict a value, and how many cells the surface has at most.
_EFFORT = {1: (8, 5_000), 5: (16, 20_000), 9: (32, 60_000)}
_SHARE = 150  # cells along the shorter side, where there may be so many


class _Outputs(TypedDict):
    resultLayer: Annotated[gpd.GeoDataFrame, Note("areas of similar predicted value, Value_Min to Value_Max")]
    predictionError: Annotated[
        gpd.GeoDataFrame | None, Note("areas of similar standard error; only with outputPredictionError")
    ]
    predictedPointLayer: Annotated[
        gpd.GeoDataFrame | None, Note("the points of predictAtPointLayer with PredValue and StdError")
    ]


@dataclass(frozen=True, slots=True)
class _Measured:
    """Distinct places with their values, and the variogram of them; None where all values are one."""

    sites: Sites
    values: Array
    variogram: Variogram | None

    def predict(self, targets: Sites, neighbors: int) -> tuple[Array, Array]:
        if self.variogram is None:
            return np.full(len(targets), self.values[0]), np.zeros(len(targets))
        return krige(self.sites, self.values, self.variogram, targets, neighbors)


@task("InterpolatePoints", restartable=True)
def interpolate_points(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("points with measured values")],
    field: Annotated[str, Note("the numeric field to interpolate")],
    interpolateOption: Annotated[
        Literal[1, 5, 9],
        Note("1 for speed, 9 for detail: 8, 16 or 32 neighbours, at most 5,000, 20,000 or 60,000 cells"),
    ] = 5,
    outputPredictionError: Annotated[bool, Note("whether to give the standard errors as well")] = False,
    classificationType: Annotated[
        Kind, Note("how the limits of the classes are found")
    ] = "GeometricInterval",
    numClasses: Annotated[int, Note("the most classes there may be", minimum=2, maximum=32)] = 10,
    classBreaks: Annotated[
        Sequence[float], Note("with Manual: the upper limits of the classes; larger values are left out")
    ] = (),
    boundingPolygonLayer: Annotated[
        gpd.GeoDataFrame | None, Note("where values are asked for; without it the box around the points")
    ] = None,
    predictAtPointLayer: Annotated[
        gpd.GeoDataFrame | None, Note("points at which to predict values as well")
    ] = None,
) -> _Outputs:
    """Predict values between points, as areas between limits of value, by ordinary kriging.

    This is not Esri's empirical Bayesian kriging. That simulates many semivariograms for subsets of the data; here one,
    exponential or spherical, is fitted to all values, and each prediction comes from the nearest points. So standard
    errors do not hold the uncertainty of the variogram, and values are not transformed. The messages say which
    variogram was found, and how well points are predicted when they are left out.

    At a measured place the prediction is the value, in between it is linear from cell to cell. Values at one place are
    averaged. Distances follow great circles in degrees and Web Mercator (0.6 %), and are planar in a projected layer.
    Cells lie in an equal-area plane. Names of fields and the limits of GeometricInterval are ours. What is random
    starts from a fixed seed.
    """
    require_libraries("InterpolatePoints", "scipy.spatial", "contourpy")
    breaks = _manual(classificationType, classBreaks)
    layer = prepare(ctx, inputLayer, "inputLayer", kinds=("points",))
    neighbors, most = _EFFORT[interpolateOption]
    measured = _measure(ctx, layer, field, neighbors)
    ctx.progress(30, "Variogram fitted")
    surface, region = _surface(ctx, layer, boundingPolygonLayer, min(most, ctx.limits.cells))
    predicted, error = (one.reshape(surface.shape) for one in measured.predict(surface.sites(), neighbors))
    ctx.progress(70, "Surface predicted")
    limits = (
        breaks if breaks is not None else _limits(surface, predicted, region, classificationType, numClasses)
    )
    result = _classified(ctx, "resultLayer", surface, predicted, limits, region)
    errors = None
    if outputPredictionError:
        kind: Kind = "EqualInterval" if classificationType == "Manual" else classificationType
        limits = _limits(surface, error, region, kind, numClasses)
        errors = _classified(ctx, "predictionError", surface, error, limits, region)
    at = None
    if predictAtPointLayer is not None:
        at = _predict_at(ctx, layer, measured, predictAtPointLayer, neighbors)
    ctx.progress(100)
    return {
        "resultLayer": to_output(ctx, result, inputLayer.crs),
        "predictionError": None if errors is None else to_output(ctx, errors, inputLayer.crs),
        "predictedPointLayer": at,
    }


def _manual(kind: Kind, breaks: Sequence[float]) -> Array | None:
    if kind != "Manual":
        return None
    limits = np.unique(np.array(breaks or (), dtype=float))
    if len(limits) < 2 or not np.isfinite(limits).all():
        raise ParameterError(
            "classBreaks: with Manual give at least two different numbers, the upper limits of the classes.",
            parameter="classBreaks",
            value=breaks,
        )
    return limits


def _measure(ctx: Context, layer: gpd.GeoDataFrame, field: str, neighbors: int) -> _Measured:
    column = require_field(layer, field, "field")
    numbers = numbers_of(layer, column, "field")
    known = numbers.notna()
    if not known.all():
        ctx.warn(f"{int((~known).sum()):,} points left out, whose {column} is null.")
    layer, values = layer[known], numbers[known].to_numpy(dtype=float)
    if len(values) == 0:
        raise ParameterError(f"field: {column} is null everywhere.", parameter="field", value=field)
    every = Sites.of(places(layer), layer.crs)
    positions, back, repeats = np.unique(every.positions, axis=0, return_inverse=True, return_counts=True)
    # Sums in the order of values, so that the order of rows makes no difference in the last digit.
    order = np.argsort(values, kind="stable")
    averages = np.bincount(back.ravel()[order], values[order]) / repeats
    sites = Sites(positions, every.spherical)
    if len(sites) < _FEWEST:
        raise ParameterError(
            f"inputLayer: there are values at {len(sites)} different places, and at least {_FEWEST} are needed.",
            parameter="inputLayer",
        )
    if len(sites) < len(values):
        ctx.info(f"{len(values) - len(sites):,} points lie where others are; their values are averaged.")
    if np.ptp(averages) == 0:
        ctx.warn(f"{column} is {averages[0]:g} everywhere, and so is the prediction.")
        return _Measured(sites, averages, None)
    variogram = fit_variogram(sites, averages, np.random.default_rng(SEED))
    ctx.info(
        f"Variogram: {variogram.model}, nugget {variogram.nugget:.4g}, sill {variogram.nugget + variogram.sill:.4g}, "
        f"range {in_words(variogram.range)}; random seed {SEED}. Each value is predicted from {min(neighbors, len(sites))} neighbours."
    )
    ctx.info(
        "This is ordinary kriging with one variogram, not Esri's empirical Bayesian kriging, which simulates many: "
        "standard errors do not hold what is uncertain about the variogram."
    )
    measured = _Measured(sites, averages, variogram)
    _cross_validate(ctx, measured, variogram, neighbors)
    return measured


def _cross_validate(ctx: Context, measured: _Measured, variogram: Variogram, neighbors: int) -> None:
    """Tell how well one tenth of the places, spread among all, is predicted from the others."""
    left_out = np.zeros(len(measured.values), dtype=bool)
    left_out[np.random.default_rng(SEED).permutation(len(left_out))[: max(1, len(left_out) // 10)]] = True
    predicted, error = krige(
        measured.sites.take(~left_out),
        measured.values[~left_out],
        variogram,
        measured.sites.take(left_out),
        neighbors,
    )
    miss = predicted - measured.values[left_out]
    inside = float((np.abs(miss) <= 1.96 * error).mean())
    ctx.info(
        f"Left out and predicted, {int(left_out.sum()):,} points are off by {np.sqrt((miss**2).mean()):.4g} (root mean square); "
        f"all values have a standard deviation of {measured.values.std():.4g}. {inside:.0%} lie within 1.96 standard errors."
    )


def _surface(
    ctx: Context, layer: gpd.GeoDataFrame, bounding: gpd.GeoDataFrame | None, most: int
) -> tuple[Surface, Any]:
    region = None
    if bounding is not None:
        bounding = prepare(ctx, bounding, "boundingPolygonLayer", kinds=("polygons",))
    plane = plane_for(layer, bounding)
    bounds = np.asarray(plane.project(layer).total_bounds, dtype=float)
    if bounding is not None:
        region = region_in(plane, bounding)
        bounds = np.array(region.bounds)
    size = bounds[2:] - bounds[:2]
    if size.max() <= 0:
        raise ParameterError("inputLayer: all points lie at one place.", parameter="inputLayer")
    thin = np.maximum(0.01 * size.max() - size, 0) / 2  # points in a row still get a strip
    bounds = bounds + np.r_[-thin, thin]
    wanted = float(max((bounds[2:] - bounds[:2]).min() / _SHARE, size.max() / 1000))
    spacing = spacing_for(bounds, wanted, most)
    surface = surface_over(plane, bounds, spacing)
    rows, columns = surface.shape
    ctx.info(
        f"Cell size: {in_words(spacing * plane.unit_m)}; {rows:,} rows of {columns:,} cells; plane: {plane.label}."
    )
    return surface, region


def _limits(surface: Surface, values: Array, region: Any, kind: Kind, count: int) -> Array:
    inside = values.ravel()
    if region is not None:
        within = shapely.intersects_xy(region, *surface.nodes().T)
        inside = inside[within] if within.any() else inside
    made = class_limits(inside, "EqualInterval" if kind == "Manual" else kind, count)
    # Cut at the region, the surface may still reach beyond the values of the cells inside.
    return np.asarray(np.r_[min(made[0], values.min()), made[1:-1], max(made[-1], values.max())])


def _classified(
    ctx: Context, name: str, surface: Surface, values: Array, limits: Array, region: Any
) -> gpd.GeoDataFrame:
    lowest = min(float(values.min()), float(limits[0]))
    if lowest < limits[0]:
        limits = np.r_[lowest, limits]
    result = class_polygons(surface, values, limits, region)
    result.insert(0, "Class", np.searchsorted(limits, result["Value_Min"].to_numpy()) + 1)
    ctx.info(f"{name}: {len(result):,} classes with values from {values.min():.4g} to {values.max():.4g}.")
    return result


def _predict_at(
    ctx: Context, layer: gpd.GeoDataFrame, measured: _Measured, points: gpd.GeoDataFrame, neighbors: int
) -> gpd.GeoDataFrame:
    ready = prepare(ctx, points, "predictAtPointLayer", kinds=("points",))
    targets = ready.reset_index(drop=True)
    mercator = is_geodesic(layer.crs) and not layer.crs.is_geographic
    placed = targets.to_crs(4326 if mercator else layer.crs)
    predicted, error = measured.predict(Sites.of(places(placed), placed.crs), neighbors)
    for name, column in (("PredValue", predicted), ("StdError", error)):
        targets[free_name(name, targets.columns)] = column
    targets = targets.assign(geometry=as_they_came(points, ready))
    return targets[[*(c for c in targets.columns if c != "geometry"), "geometry"]]
