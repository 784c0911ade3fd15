"""What FindHotSpots, FindOutliers and FindSimilarLocations share of inputs and outputs, as their pages describe them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import geopandas as gpd

from spatial_widgets.server.annotations import Note

__all__ = [
    "AggregationPolygons",
    "AnalysisField",
    "AnalysisLayer",
    "BoundingPolygons",
    "CellShape",
    "CellSize",
    "CellUnits",
    "DistanceBand",
    "DistanceBandUnits",
    "DividedBy",
    "ProcessInfo",
]

Units = Literal["Meters", "Kilometers", "Feet", "Miles"]

AnalysisLayer = Annotated[gpd.GeoDataFrame, Note("points to count, or points or polygons with a value")]
AnalysisField = Annotated[str | None, Note("a numeric field; without one, points are counted")]
DividedBy = Annotated[
    str | None, Note("a numeric field to divide the analysisField by, such as the population")
]
BoundingPolygons = Annotated[
    gpd.GeoDataFrame | None,
    Note("when counting: where points are possible; cells in there count even when empty"),
]
AggregationPolygons = Annotated[
    gpd.GeoDataFrame | None, Note("when counting: areas to count in, instead of cells")
]
CellShape = Annotated[
    Literal["Fishnet", "Hexagon"], Note("when counting: the shape of the cells (the default is ours)")
]
CellSize = Annotated[
    float | None, Note("the side of a square, or the distance between parallel sides of a hexagon")
]
CellUnits = Annotated[Units, Note("unit of cellSize (the default is ours)")]
DistanceBand = Annotated[float | None, Note("features within this distance are neighbours")]
DistanceBandUnits = Annotated[Units, Note("unit of distanceBand (the default is ours)")]
ProcessInfo = Annotated[
    list[dict[str, Any]], Note("what was decided on the way: objects whose ``message`` is a sentence")
]
