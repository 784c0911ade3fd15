"""FindHotSpots: where high or low values, or many or few points, lie together more than by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.assignment import areas_of_points
from spatial_widgets.server.analysis.counting import count_in_cells
from spatial_widgets.server.analysis.gistar import GiStar, confidence_bins, gi_star, require_libraries
from spatial_widgets.server.analysis.lengths import in_words, to_meters
from spatial_widgets.server.analysis.neighbors import Sites, middles
from spatial_widgets.server.analysis.prepare import free_name, numbers_of, prepare, require_field, to_output
from spatial_widgets.server.analysis.scale import choose_band
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["find_hot_spots"]

Array = np.ndarray[Any, Any]
Units = Literal["Meters", "Kilometers", "Feet", "Miles", "NauticalMiles", "Yards"]

_FEWEST, _RELIABLE = 3, 30


class _Outputs(TypedDict):
    hotSpotsResultLayer: Annotated[
        gpd.GeoDataFrame, Note("the features or cells with z-score, p-value and confidence bin")
    ]
    processInfo: Annotated[list[str], Note("what was decided on the way, one sentence each")]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is analysed: features with a value and a place each."""

    frame: gpd.GeoDataFrame
    column: str
    numbers: Array
    sites: Sites


class _Record:
    """Messages that also go into ``processInfo``."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        self.lines.append(text)
        self.ctx.info(text)

    def warn(self, text: str) -> None:
        self.lines.append(text)
        self.ctx.warn(text)


@task("FindHotSpots", restartable=True)
def find_hot_spots(
    ctx: Context,
    analysisLayer: Annotated[gpd.GeoDataFrame, Note("points to count, or points or polygons with a value")],
    analysisField: Annotated[str | None, Note("a numeric field; without one, points are counted")] = None,
    dividedByField: Annotated[
        str | None, Note("a numeric field to divide the analysisField by, such as the population")
    ] = None,
    boundingPolygonLayer: Annotated[
        gpd.GeoDataFrame | None,
        Note("when counting: where points are possible; cells in there count even when empty"),
    ] = None,
    aggregationPolygonLayer: Annotated[
        gpd.GeoDataFrame | None, Note("when counting: areas to count in, instead of cells")
    ] = None,
    shapeType: Annotated[
        Literal["Fishnet", "Hexagon"], Note("when counting: the shape of the cells")
    ] = "Fishnet",
    cellSize: Annotated[
        float | None, Note("the side of a square, or the distance between parallel sides of a hexagon")
    ] = None,
    cellSizeUnits: Annotated[Units, Note("unit of cellSize")] = "Meters",
    distanceBand: Annotated[float | None, Note("features within this distance are neighbours")] = None,
    distanceBandUnits: Annotated[Units, Note("unit of distanceBand")] = "Meters",
) -> _Outputs:
    """Find statistically significant hot and cold spots with the Getis-Ord Gi* statistic.

    A feature is a hot spot when the values around it, its own among them, are higher than chance explains.
    ``Gi_Bin`` is 3, 2 or 1 for hot spots with 99, 95 or 90 % confidence, negative for cold spots, and 0
    elsewhere, after the false discovery rate correction. ``GiPValue`` is two-sided and not corrected.
    ``NNeighbors`` counts the neighbours within the band, without the feature itself.

    Points without an analysisField are counted in squares or hexagons of equal area. Without a bounding layer
    only cells that hold points take part. Cell size and distance band, when not given, are chosen by rules that
    approximate Optimized Hot Spot Analysis; the messages tell which and why. Distances between the middles
    of the features follow great circles (0.6 % accurate), or are planar in a projected layer.
    """
    require_libraries("FindHotSpots")
    record = _Record(ctx)
    layer = prepare(ctx, analysisLayer, "analysisLayer", kinds=("points", "polygons"))
    ctx.progress(10, "Layer read")
    if analysisField:
        unused = {
            "boundingPolygonLayer": boundingPolygonLayer,
            "aggregationPolygonLayer": aggregationPolygonLayer,
        }
        for name in (name for name, given in unused.items() if given is not None):
            record.warn(
                f"{name}: not used, because values of {analysisField!r} are analysed and not counts of points."
            )
        subject = _values(record, layer, analysisField, dividedByField)
    else:
        _check_counting(layer, dividedByField)
        if aggregationPolygonLayer is not None:
            subject = _counts_in_areas(record, layer, aggregationPolygonLayer)
        else:
            size = None if cellSize is None else to_meters(cellSize, cellSizeUnits, parameter="cellSize")
            subject = _counts_in_cells(record, layer, boundingPolygonLayer, shapeType, size)
    _check_values(record, subject)
    ctx.progress(40, "Features ready")
    band = (
        None if distanceBand is None else to_meters(distanceBand, distanceBandUnits, parameter="distanceBand")
    )
    statistic = _analyse(record, subject, band)
    ctx.progress(90, "Statistic computed")
    result = _with_statistic(record, subject, statistic)
    target = analysisLayer.crs if aggregationPolygonLayer is None else result.crs
    ctx.progress(100)
    return {"hotSpotsResultLayer": to_output(ctx, result, target), "processInfo": record.lines}


def _check_counting(layer: gpd.GeoDataFrame, divided_by: str | None) -> None:
    if shapely.get_dimensions(layer.geometry.iloc[0]) != 0:
        raise ParameterError(
            "analysisField: polygons need a numeric field to analyse; only points can be counted.",
            parameter="analysisField",
        )
    if divided_by:
        raise ParameterError(
            "dividedByField: it divides an analysisField, which is not given.", parameter="dividedByField"
        )


def _values(record: _Record, layer: gpd.GeoDataFrame, field: str, divided_by: str | None) -> _Subject:
    column = require_field(layer, field, "analysisField")
    values = numbers_of(layer, column, "analysisField")
    kept = [column]
    if divided_by:
        divisor = require_field(layer, divided_by, "dividedByField")
        values = values / numbers_of(layer, divisor, "dividedByField").replace(0, np.nan)
        kept.append(divisor)
        record.info(f"Analysed is {column} divided by {divisor}.")
    usable = values.notna()
    if not usable.all():
        record.warn(
            f"{int((~usable).sum()):,} features left out, whose value is null"
            + (" or divided by 0." if divided_by else ".")
        )
    frame = layer.loc[usable, list(dict.fromkeys([*kept, "geometry"]))]
    frame.insert(0, free_name("SOURCE_ID", frame.columns), frame.index.astype("int64"))
    return _Subject(frame, column, values[usable].to_numpy(dtype=float), Sites.of(_places(frame), frame.crs))


def _places(frame: gpd.GeoDataFrame) -> Array:
    """Return the coordinates that :meth:`Sites.of` takes: degrees for everything geodesic."""
    mercator = is_geodesic(frame.crs) and not frame.crs.is_geographic
    return middles(frame.to_crs(4326) if mercator else frame)


def _counts_in_cells(
    record: _Record,
    points: gpd.GeoDataFrame,
    bounding: gpd.GeoDataFrame | None,
    shape: str,
    size_m: float | None,
) -> _Subject:
    if bounding is not None:
        bounding = prepare(record.ctx, bounding, "boundingPolygonLayer", kinds=("polygons",))
    cells = count_in_cells(
        points,
        bounding,
        "Square" if shape == "Fishnet" else "Hexagon",
        size_m,
        most=record.ctx.limits.cells,
    )
    for line in cells.notes:
        record.info(line)
    return _Subject(cells.frame, "Join_Count", cells.frame["Join_Count"].to_numpy(dtype=float), cells.sites)


def _counts_in_areas(record: _Record, points: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> _Subject:
    areas = prepare(record.ctx, layer, "aggregationPolygonLayer", kinds=("polygons",))
    singles = points[["geometry"]].explode(ignore_index=True).to_crs(areas.crs)
    point, area = areas_of_points(singles, areas)
    counts = np.bincount(area, minlength=len(areas))
    record.info(
        f"{len(np.unique(point)):,} of {len(singles):,} points lie in {int((counts > 0).sum()):,} of {len(areas):,} aggregation polygons."
    )
    frame = gpd.GeoDataFrame(
        {"SOURCE_ID": areas.index.astype("int64"), "Join_Count": counts},
        geometry=areas.geometry.to_numpy(),
        crs=areas.crs,
    )
    return _Subject(frame, "Join_Count", counts.astype(float), Sites.of(_places(frame), frame.crs))


def _check_values(record: _Record, subject: _Subject) -> None:
    n, values = len(subject.numbers), subject.numbers
    noun = "areas" if subject.column == "Join_Count" else "features"
    if n < _FEWEST:
        raise ParameterError(
            f"analysisLayer: there are {n} {noun} to compare, and at least {_FEWEST} are needed; {_RELIABLE} or more give reliable results.",
            parameter="analysisLayer",
        )
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise ParameterError(
            f"analysisField: {subject.column} is {low:g} for all {n:,} {noun}, and without differences there are no hot spots."
            + (" Choose a larger cellSize." if subject.column == "Join_Count" else ""),
            parameter="analysisField",
        )
    record.info(
        f"{n:,} {noun} with values from {low:g} to {high:g}, mean {values.mean():.4g}, standard deviation {values.std():.4g}."
    )
    if n < _RELIABLE:
        record.warn(f"Results from fewer than {_RELIABLE} {noun} are not reliable; here are {n}.")


def _analyse(record: _Record, subject: _Subject, given: float | None) -> GiStar:
    if given is None:
        choice = choose_band(subject.sites, subject.numbers)
        band = choice.meters
        record.info(f"Distance band: {in_words(band)}, {choice.reason}.")
    else:
        band = given
        record.info(f"Distance band: {in_words(band)}, as given.")
    statistic = gi_star(subject.numbers, *subject.sites.pairs(band, parameter="distanceBand"))
    lonely = int((statistic.neighbors == 0).sum())
    record.info(
        f"{statistic.neighbors.mean():.1f} neighbours on average; {lonely:,} have none and are compared by their own value alone."
    )
    undefined = int(np.isnan(statistic.z).sum())
    if undefined:
        record.warn(
            f"{undefined:,} have all others as neighbours and so no z-score; choose a shorter distanceBand."
        )
    return statistic


def _with_statistic(record: _Record, subject: _Subject, statistic: GiStar) -> gpd.GeoDataFrame:
    bins = confidence_bins(statistic.z, statistic.p)
    columns = {
        "GiZScore": statistic.z,
        "GiPValue": statistic.p,
        "Gi_Bin": bins,
        "NNeighbors": statistic.neighbors.astype("int64"),
    }
    frame = subject.frame.reset_index(drop=True)
    result = frame.assign(
        **{free_name(name, frame.columns): pd.Series(column) for name, column in columns.items()}
    )
    for word, sign in (("hot", 1), ("cold", -1)):
        counts = [int((bins == sign * level).sum()) for level in (3, 2, 1)]
        record.info(
            f"{sum(counts):,} {word} spots: {counts[0]:,} with 99 %, {counts[1]:,} with 95 %, {counts[2]:,} with 90 % confidence (FDR corrected)."
        )
    return result[[*(c for c in result.columns if c != "geometry"), "geometry"]]
