"""FindHotSpots: where high or low values, or many or few points, lie together more than by chance."""

from __future__ import annotations

from typing import Annotated, TypedDict

import geopandas as gpd
import numpy as np

from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.gistar import GiStar, confidence_bins, gi_star
from spatial_widgets.server.analysis.lengths import to_meters
from spatial_widgets.server.analysis.prepare import to_output
from spatial_widgets.server.analysis.record import Record
from spatial_widgets.server.analysis.subject import (
    Question,
    Subject,
    read_subject,
    take_band,
    tell_neighbors,
)
from spatial_widgets.server.analysis.wording import counted
from spatial_widgets.server.registry import Context, Note, task
from spatial_widgets.server.tasks import _patterninputs as inputs

__all__ = ["find_hot_spots"]


#: Confidence in percent by the number of ``Gi_Bin``.
_CONFIDENCE = {3: 99, 2: 95, 1: 90}


class _Outputs(TypedDict):
    hotSpotsResultLayer: Annotated[
        gpd.GeoDataFrame, Note("the features or cells with z-score, p-value and confidence bin")
    ]
    processInfo: inputs.ProcessInfo


@task("FindHotSpots", restartable=True)
def find_hot_spots(
    ctx: Context,
    analysisLayer: inputs.AnalysisLayer,
    analysisField: inputs.AnalysisField = None,
    dividedByField: inputs.DividedBy = None,
    boundingPolygonLayer: inputs.BoundingPolygons = None,
    aggregationPolygonLayer: inputs.AggregationPolygons = None,
    shapeType: inputs.CellShape = "Fishnet",
    cellSize: inputs.CellSize = None,
    cellSizeUnits: inputs.CellUnits = "Meters",
    distanceBand: inputs.DistanceBand = None,
    distanceBandUnits: inputs.DistanceBandUnits = "Meters",
) -> _Outputs:
    """Find statistically significant hot and cold spots with the Getis-Ord Gi* statistic.

    A feature is a hot spot when the values around it, its own among them, are higher than chance explains.
    ``Gi_Bin`` is 3, 2 or 1 for hot spots with 99, 95 or 90 % confidence, negative for cold spots, and 0
    elsewhere, after the false discovery rate correction. ``GiPValue`` is two-sided and not corrected.
    ``NNeighbors`` counts the neighbours within the band, without the feature itself. The names are ours.

    Points without an analysisField are counted in squares or hexagons of equal area. Without a bounding layer
    only cells that hold points take part. Cell size and distance band, when not given, are chosen by rules that
    approximate Esri's Optimized Hot Spot Analysis; the messages tell which and why. Distances between the middles
    of the features follow great circles (0.6 % accurate), or are planar in a projected layer.
    """
    require_libraries("FindHotSpots", "scipy.spatial", "libpysal.graph", "esda")
    record = Record(ctx)
    size = None if cellSize is None else to_meters(cellSize, cellSizeUnits, parameter="cellSize")
    band = (
        None if distanceBand is None else to_meters(distanceBand, distanceBandUnits, parameter="distanceBand")
    )
    question = Question(
        "hot spots",
        analysisField,
        dividedByField,
        boundingPolygonLayer,
        aggregationPolygonLayer,
        shapeType,
        size,
    )
    subject = read_subject(record, analysisLayer, question)
    ctx.progress(40, "Features ready")
    statistic = _analyse(record, subject, take_band(record, subject, band))
    ctx.progress(90, "Statistic computed")
    result = _with_statistic(record, subject, statistic)
    target = analysisLayer.crs if aggregationPolygonLayer is None else result.crs
    ctx.progress(100)
    return {"hotSpotsResultLayer": to_output(ctx, result, target), "processInfo": record.process_info()}


def _analyse(record: Record, subject: Subject, band: float) -> GiStar:
    statistic = gi_star(subject.numbers, *subject.sites.pairs(band, parameter="distanceBand"))
    tell_neighbors(record, subject, statistic.neighbors, "compared by value alone")
    undefined = int(np.isnan(statistic.z).sum())
    if undefined:
        record.warn(
            f"No z-score for {counted(undefined, subject.noun)} with all others as neighbours; choose a shorter distanceBand."
        )
    return statistic


def _with_statistic(record: Record, subject: Subject, statistic: GiStar) -> gpd.GeoDataFrame:
    bins = confidence_bins(statistic.z, statistic.p)
    result = subject.with_columns(
        {
            "GiZScore": statistic.z,
            "GiPValue": statistic.p,
            "Gi_Bin": bins,
            "NNeighbors": statistic.neighbors.astype("int64"),
        }
    )
    for word, sign in (("hot", 1), ("cold", -1)):
        counts = {percent: int((bins == sign * level).sum()) for level, percent in _CONFIDENCE.items()}
        found = ", ".join(f"{number:,} with {percent} %" for percent, number in counts.items() if number)
        if found:
            spots = counted(sum(counts.values()), f"{word} spot")
            record.info(f"{spots}: {found} confidence (FDR corrected).")
        else:
            record.info(f"No {word} spot, with 90 % confidence or more (FDR corrected).")
    return result
