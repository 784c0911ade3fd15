"""What an analysis of patterns compares: values of features, or counts of points in cells or areas; needs scipy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.assignment import areas_of_points
from spatial_widgets.server.analysis.counting import count_in_cells
from spatial_widgets.server.analysis.lengths import in_words
from spatial_widgets.server.analysis.neighbors import Sites, places
from spatial_widgets.server.analysis.prepare import (
    as_they_came,
    free_name,
    numbers_of,
    prepare,
    require_field,
)
from spatial_widgets.server.analysis.scale import choose_band
from spatial_widgets.server.analysis.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.server.analysis.record import Record

__all__ = ["FEWEST", "RELIABLE", "Question", "Subject", "read_subject", "take_band", "tell_neighbors"]

Array = np.ndarray[Any, Any]

#: Fewer features or areas than this are refused; fewer than the second get a warning.
FEWEST, RELIABLE = 3, 30


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a layer: a field, or counts in areas or in cells; ``size_m`` None is to be chosen.

    ``sought`` is the word for what is looked for, such as ``"hot spots"``.
    """

    sought: str
    field: str | None = None
    divided_by: str | None = None
    bounding: gpd.GeoDataFrame | None = None
    aggregation: gpd.GeoDataFrame | None = None
    shape: Literal["Fishnet", "Hexagon"] = "Fishnet"
    size_m: float | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is analysed: features with a value and a place each."""

    frame: gpd.GeoDataFrame
    column: str
    numbers: Array
    sites: Sites

    @property
    def noun(self) -> str:
        """What a row is called in messages."""
        return "area" if self.column == "Join_Count" else "feature"

    def canonical(self) -> Array:
        """Return the rows in an order that does not depend on the order in which they came."""
        return np.lexsort((self.numbers, *self.sites.positions.T[::-1]))

    def with_columns(self, columns: Mapping[str, Any]) -> gpd.GeoDataFrame:
        """Return the features with results appended, the geometry last."""
        frame = self.frame.reset_index(drop=True)
        made = frame.assign(**{free_name(name, frame.columns): pd.Series(c) for name, c in columns.items()})
        return made[[*(c for c in made.columns if c != "geometry"), "geometry"]]


def read_subject(record: Record, given: gpd.GeoDataFrame, question: Question) -> Subject:
    """Return what a question is about; shapes keep their heights.

    Raises
    ------
    ParameterError : the field cannot be analysed, the layer cannot be counted, or there are too few
        features or no differences among them.
    """
    layer = prepare(record.ctx, given, "analysisLayer", kinds=("points", "polygons"))
    record.ctx.progress(10, "Layer read")
    if question.field:
        unused = {
            "boundingPolygonLayer": question.bounding,
            "aggregationPolygonLayer": question.aggregation,
        }
        for name in (name for name, given in unused.items() if given is not None):
            record.warn(
                f"{name}: not used, because values of {question.field!r} are analysed and not counts of points."
            )
        subject = _values(record, given, layer, question)
    else:
        _check_counting(layer, question.divided_by)
        if question.aggregation is not None:
            subject = _counts_in_areas(record, layer, question.aggregation)
        else:
            subject = _counts_in_cells(record, layer, question)
    _check_values(record, subject, question.sought)
    return subject


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


def _values(record: Record, given: gpd.GeoDataFrame, layer: gpd.GeoDataFrame, question: Question) -> Subject:
    column, divided_by = require_field(layer, question.field or "", "analysisField"), question.divided_by
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
            f"{counted(int((~usable).sum()), 'feature')} left out, whose value is null"
            + (" or divided by 0." if divided_by else ".")
        )
    frame = layer.loc[usable, list(dict.fromkeys([*kept, "geometry"]))]
    sites = Sites.of(places(frame), frame.crs)
    frame = frame.set_geometry(
        gpd.GeoSeries(as_they_came(given, frame), index=frame.index, crs=frame.crs, name="geometry")
    )
    frame.insert(0, free_name("SOURCE_ID", frame.columns), frame.index.astype("int64"))
    return Subject(frame, column, values[usable].to_numpy(dtype=float), sites)


def _counts_in_cells(record: Record, points: gpd.GeoDataFrame, question: Question) -> Subject:
    bounding = question.bounding
    if bounding is not None:
        bounding = prepare(record.ctx, bounding, "boundingPolygonLayer", kinds=("polygons",))
    cells = count_in_cells(
        points,
        bounding,
        "Square" if question.shape == "Fishnet" else "Hexagon",
        question.size_m,
        most=record.ctx.limits.cells,
    )
    for line in cells.notes:
        record.info(line)
    return Subject(cells.frame, "Join_Count", cells.frame["Join_Count"].to_numpy(dtype=float), cells.sites)


def _counts_in_areas(record: Record, points: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> Subject:
    areas = prepare(record.ctx, layer, "aggregationPolygonLayer", kinds=("polygons",))
    singles = points[["geometry"]].explode(ignore_index=True).to_crs(areas.crs)
    point, area = areas_of_points(singles, areas)
    counts = np.bincount(area, minlength=len(areas))
    record.info(
        f"{len(np.unique(point)):,} of {len(singles):,} points lie in {int((counts > 0).sum()):,} of {len(areas):,} aggregation polygons."
    )
    frame = gpd.GeoDataFrame(
        {"SOURCE_ID": areas.index.astype("int64"), "Join_Count": counts},
        geometry=as_they_came(layer, areas),
        crs=areas.crs,
    )
    return Subject(frame, "Join_Count", counts.astype(float), Sites.of(places(areas), areas.crs))


def _check_values(record: Record, subject: Subject, sought: str) -> None:
    n, values = len(subject.numbers), subject.numbers
    features = counted(n, subject.noun)
    if n < FEWEST:
        raise ParameterError(
            f"analysisLayer: there {'is' if n == 1 else 'are'} {features} to compare, and at least {FEWEST} are needed; {RELIABLE} or more give reliable results.",
            parameter="analysisLayer",
        )
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise ParameterError(
            f"analysisField: {subject.column} is {low:g} for all {features}, and without differences there are no {sought}."
            + (" Choose a larger cellSize." if subject.column == "Join_Count" else ""),
            parameter="analysisField",
        )
    record.info(
        f"{features} with values from {low:g} to {high:g}, mean {values.mean():.4g}, standard deviation {values.std():.4g}."
    )
    if n < RELIABLE:
        record.warn(f"Results from fewer than {RELIABLE} {subject.noun}s are not reliable; here are {n}.")


def take_band(record: Record, subject: Subject, band_m: float | None) -> float:
    """Return the distance band in metres: the one given, or else one chosen from the data; and say which."""
    if band_m is not None:
        record.info(f"Distance band: {in_words(band_m)}, as given.")
        return band_m
    choice = choose_band(subject.sites, subject.numbers)
    record.info(f"Distance band: {in_words(choice.meters)}, {choice.reason}.")
    record.info(
        "This rule approximates that of Esri's optimized analyses, which begins to look where all but outliers have a "
        "neighbour; here it is where nine of ten have one."
    )
    return choice.meters


def tell_neighbors(record: Record, subject: Subject, neighbors: Array, alone: str) -> None:
    """Say how many neighbours there are on average, and what becomes of those ``alone``."""
    lonely = int((neighbors == 0).sum())
    without = f"; {counted(lonely, subject.noun)} with none, {alone}" if lonely else ""
    record.info(f"{neighbors.mean():.1f} neighbours on average{without}.")
