"""FindOutliers: values that are unlike those around them, and clusters of high or low values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np

from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.lengths import to_meters
from spatial_widgets.server.analysis.localmoran import LocalMoran, cluster_types, local_moran
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

__all__ = ["SEED", "find_outliers"]

Array = np.ndarray[Any, Any]

#: Where the random numbers start, the same in every job.
SEED = 20240229
# Many, because the correction for thousands of features asks for small p-values, and they cost little here.
_PERMUTATIONS = {"Speed": 999, "Balance": 4999, "Precision": 9999}
_MEANINGS = {
    "HH": "high among high (cluster)",
    "LL": "low among low (cluster)",
    "HL": "high among low (outlier)",
    "LH": "low among high (outlier)",
}


class _Outputs(TypedDict):
    outliersResultLayer: Annotated[
        gpd.GeoDataFrame, Note("the features or cells with local Moran's I, its z-score, p-value and type")
    ]
    processInfo: inputs.ProcessInfo


@task("FindOutliers", restartable=True)
def find_outliers(
    ctx: Context,
    analysisLayer: inputs.AnalysisLayer,
    analysisField: inputs.AnalysisField = None,
    dividedByField: inputs.DividedBy = None,
    boundingPolygonLayer: inputs.BoundingPolygons = None,
    aggregationPolygonLayer: inputs.AggregationPolygons = None,
    permutations: Annotated[
        Literal["Speed", "Balance", "Precision"],
        Note("how often values are dealt out anew: 999, 4,999 or 9,999 times (numbers and default are ours)"),
    ] = "Balance",
    shapeType: inputs.CellShape = "Fishnet",
    cellSize: inputs.CellSize = None,
    cellSizeUnits: inputs.CellUnits = "Meters",
    distanceBand: inputs.DistanceBand = None,
    distanceBandUnits: inputs.DistanceBandUnits = "Meters",
) -> _Outputs:
    """Find statistically significant clusters and outliers with Anselin's local Moran's I.

    ``COType`` is HH or LL for a value in a cluster of high or low ones, HL for a high value among low ones, LH
    for a low value among high ones, and empty where nothing is significant at 95 % after the false discovery rate
    correction. ``LMiPValue`` is the one-tailed pseudo p-value of esda and GeoDa, not corrected; ``LMiZScore``
    is in standard deviations of the permutations; ``NNeighbors`` counts the neighbours; the name COType is ours. A feature without
    neighbours has no index. Weights are row-standardized.

    Random numbers start from a fixed seed, so that the same layer gives the same result, whatever the order
    of its rows. Counting, cell size, distance band and distances are those of FindHotSpots; the choice of
    size and band approximates Esri's Optimized Outlier Analysis, and the messages tell which and why.
    """
    require_libraries("FindOutliers", "scipy.spatial", "esda")
    record = Record(ctx)
    size = None if cellSize is None else to_meters(cellSize, cellSizeUnits, parameter="cellSize")
    band = (
        None if distanceBand is None else to_meters(distanceBand, distanceBandUnits, parameter="distanceBand")
    )
    question = Question(
        "outliers",
        analysisField,
        dividedByField,
        boundingPolygonLayer,
        aggregationPolygonLayer,
        shapeType,
        size,
    )
    subject = read_subject(record, analysisLayer, question)
    ctx.progress(40, "Features ready")
    band = take_band(record, subject, band)
    statistic, types = _analyse(record, subject, band, _PERMUTATIONS[permutations])
    ctx.progress(90, "Statistic computed")
    result = subject.with_columns(
        {
            "LMiIndex": statistic.index,
            "LMiZScore": statistic.z,
            "LMiPValue": statistic.p,
            "NNeighbors": statistic.neighbors.astype("int64"),
            "COType": types,
        }
    )
    target = analysisLayer.crs if aggregationPolygonLayer is None else result.crs
    ctx.progress(100)
    return {"outliersResultLayer": to_output(ctx, result, target), "processInfo": record.process_info()}


def _analyse(record: Record, subject: Subject, band: float, deals: int) -> tuple[LocalMoran, Array]:
    order = subject.canonical()
    focal, neighbor = subject.sites.take(order).pairs(band, parameter="distanceBand")
    record.info(
        f"{deals:,} permutations with the random seed {SEED}; the smallest p-value is {1 / (deals + 1):g}."
    )
    statistic = local_moran(subject.numbers[order], focal, neighbor, deals, np.random.default_rng(SEED))
    back = np.argsort(order)
    statistic = statistic.take(back)
    tell_neighbors(record, subject, statistic.neighbors, "without an index")
    if not statistic.neighbors.any():
        record.warn("No feature has a neighbour; choose a longer distanceBand.")
    if (statistic.neighbors == len(back) - 1).any():
        everyone = int((statistic.neighbors == len(back) - 1).sum())
        record.warn(
            f"All others are neighbours of {counted(everyone, subject.noun)}, which says nothing; choose a shorter distanceBand."
        )
    types = cluster_types(statistic)
    counts = {word: int((types == word).sum()) for word in _MEANINGS}
    found = ", ".join(f"{counts[word]:,} {word} {said}" for word, said in _MEANINGS.items() if counts[word])
    record.info(f"Significant at 95 % (FDR corrected): {found or 'no cluster and no outlier'}.")
    return statistic, types
