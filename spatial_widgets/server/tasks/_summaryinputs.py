"""The inputs that tasks share which summarize a layer: SummarizeWithin, SummarizeNearby and others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from spatial_widgets.server.annotations import Note

__all__ = [
    "GroupByField",
    "MinorityMajority",
    "PercentShape",
    "ShapeUnits",
    "SumShape",
    "SummaryFields",
]

SumShape = Annotated[
    bool, Note("whether to tell the number of features, and the length of lines or the area of polygons")
]
#: The units of lines and of polygons, as the service lists them.
ShapeUnits = Annotated[
    Literal[
        "Acres",
        "Hectares",
        "SquareMeters",
        "SquareKilometers",
        "SquareFeet",
        "SquareYards",
        "SquareMiles",
        "Meters",
        "Kilometers",
        "Feet",
        "Yards",
        "Miles",
    ]
    | None,
    Note("unit of lengths or areas; kilometres and square kilometres without one (ours)"),
]
SummaryFields = Annotated[Sequence[str], Note('"field Statistic" texts; Sum, Mean, Min, Max or Stddev')]
GroupByField = Annotated[
    str | None, Note("a field of the summaryLayer; a table with a row for each of its values")
]
MinorityMajority = Annotated[
    bool, Note("with groupByField: add the value with the least and the one with the most")
]
PercentShape = Annotated[
    bool, Note("with groupByField: add the share of the number, length or area, in percent")
]
