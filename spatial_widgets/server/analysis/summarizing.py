"""What of a layer lies within areas: how many, how long or how large, and with what values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.assignment import areas_of_points
from spatial_widgets.server.analysis.clipping import pieces_within
from spatial_widgets.server.analysis.groups import AREA, grouping
from spatial_widgets.server.analysis.lengths import METERS_IN, SQUARE_METERS_IN
from spatial_widgets.server.analysis.measures import areas_m2, lengths_m
from spatial_widgets.server.analysis.prepare import free_name, prepare
from spatial_widgets.server.analysis.statistics import Weights, parse_statistics, summarize
from spatial_widgets.server.analysis.together import in_one_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import pandas as pd

    from spatial_widgets.server.analysis.groups import Grouping
    from spatial_widgets.server.analysis.statistics import Statistic
    from spatial_widgets.server.registry import Context

__all__ = ["Measure", "Summary", "measure_of", "read_summary", "single_points", "within"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """How features of one kind are counted and measured, and what the columns are called."""

    dimension: int
    unit: str = ""

    @property
    def count(self) -> str:
        """The column with the number of features."""
        return ("Point_Count", "Polyline_Count", "Polygon_Count")[self.dimension]

    @property
    def what(self) -> str:
        """What is measured."""
        return ("Points", "Length", "Area")[self.dimension]

    @property
    def sum(self) -> str:
        """The column with the length or area."""
        return f"sum_{self.what}_{self.unit}"

    @property
    def share(self) -> str:
        """The column with the share of a group, in percent."""
        return f"Percent_{self.what}"

    def of(self, shapes: Array, crs: Any) -> Array:
        """Return lengths or areas in the unit."""
        if self.dimension == 1:
            return lengths_m(shapes, crs) / METERS_IN[self.unit]
        return areas_m2(shapes, crs) / SQUARE_METERS_IN[self.unit]


def measure_of(features: gpd.GeoDataFrame, unit: str | None) -> Measure:
    """Return how to measure a layer, in a unit of length or area; without one in kilometres.

    Raises
    ------
    ParameterError : the unit is not one for this kind of features.
    """
    dimension = int(shapely.get_dimensions(features.geometry.iloc[0]))
    if dimension == 0:
        return Measure(0)
    table, noun, usual = (
        (METERS_IN, "lines", "Kilometers")
        if dimension == 1
        else (SQUARE_METERS_IN, "polygons", "SquareKilometers")
    )
    if unit is not None and unit not in table:
        expected = ", ".join(word for word in table if word not in {"NauticalMiles", "SquareInches"})
        raise ParameterError(
            f"shapeUnits: {unit} does not measure {noun}; use one of {expected}.",
            parameter="shapeUnits",
            value=unit,
            expected=expected,
        )
    return Measure(dimension, unit or usual)


def single_points(points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer with a row for each point of a multipoint."""
    is_many = shapely.get_type_id(points.geometry.to_numpy()) == shapely.GeometryType.MULTIPOINT
    return points.explode(ignore_index=True) if is_many.any() else points.reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is asked for."""

    measure: Measure
    wanted: Sequence[Statistic]
    groups: Grouping | None = None
    shape: bool = True

    def add_to(
        self, areas: gpd.GeoDataFrame, rows: pd.DataFrame, weights: Weights | None
    ) -> tuple[gpd.GeoDataFrame, pd.DataFrame | None]:
        """Return areas, numbered from 0, with columns about the rows of :func:`within`, and a table of groups."""
        count, sums = self.measure.count, {} if weights is None else {weights.size: self.measure.sum}
        table = summarize(rows, [AREA], self.wanted, count=count, weights=weights).reindex(areas.index)
        table[count] = table[count].fillna(0)
        if weights is not None:
            sizes = np.bincount(rows[AREA], rows[weights.size], minlength=len(areas))
            table.insert(0, self.measure.sum, sizes)
        if not self.shape:
            table = table.drop(columns=[count, *sums.values()])
        names = {column: free_name(str(column), areas.columns) for column in table.columns}
        result = areas.assign(**table.rename(columns=names))
        summary = None
        if self.groups is not None:
            about: dict[str, Any] = {"count": count, "sums": sums, "share": self.measure.share}
            summary = self.groups.table(rows, self.wanted, weights=weights, **about)
            self.groups.add_extremes(result, summary, **about)
            summary = self.groups.finished(summary)
        return result[[*(c for c in result.columns if c != "geometry"), "geometry"]], summary


def read_summary(
    ctx: Context,
    layer: gpd.GeoDataFrame,
    *,
    shape: bool,
    unit: str | None,
    fields: Sequence[str],
    by: str | None,
    extremes: bool,
    percent: bool,
) -> tuple[gpd.GeoDataFrame, Summary]:
    """Return the ``summaryLayer``, prepared, and what is asked of it; ``by`` is the field of groups.

    Raises
    ------
    ParameterError : the layer cannot be computed with, a field or unit is unknown, or nothing is asked for.
    """
    features = prepare(ctx, layer, "summaryLayer")
    measure = measure_of(features, unit)
    if measure.dimension == 0:
        features = single_points(features)
    wanted = parse_statistics(fields, features)
    if not shape and not wanted:
        raise ParameterError(
            "summaryFields: without sumShape there is nothing to tell; ask for a statistic.",
            parameter="summaryFields",
        )
    groups = grouping(features, by, extremes=extremes, percent=percent, percent_name="percentShape")
    return features, Summary(measure, wanted, groups, shape)


def within(
    ctx: Context, features: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, measure: Measure
) -> tuple[pd.DataFrame, Weights | None]:
    """Return a row for each feature in each area, with the area's number in the column ``AREA``.

    Parts of lines and polygons also have their size and their share of the whole, in the columns that the
    weights name. ``features`` of points are single ones.
    """
    here, there = in_one_system(areas, features)
    if measure.dimension == 0:
        point, area = areas_of_points(there, here)
        ctx.info(
            f"{len(np.unique(point)):,} of {len(there):,} points lie in {len(np.unique(area)):,} of {len(here):,} areas."
        )
        rows = features.drop(columns="geometry").iloc[point].reset_index(drop=True)
        rows[AREA] = area
        return rows, None
    shapes = there.geometry.to_numpy()
    pieces = pieces_within(shapes, here.geometry.to_numpy())
    ctx.progress(50, "Features cut")
    whole = measure.of(shapes, there.crs)
    size = np.where(pieces.is_whole, whole[pieces.feature], 0.0)
    size[~pieces.is_whole] = measure.of(pieces.shapes[~pieces.is_whole], there.crs)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(pieces.is_whole, 1.0, np.nan_to_num(size / whole[pieces.feature]))
    noun = "lines" if measure.dimension == 1 else "polygons"
    ctx.info(
        f"{len(np.unique(pieces.feature)):,} of {len(there):,} {noun} lie in {len(np.unique(pieces.area)):,} of {len(here):,} areas, "
        f"{int((~pieces.is_whole).sum()):,} times in part. {measure.what}s are geodesic, on WGS 84, in {measure.unit}."
    )
    attributes = features.drop(columns="geometry")
    weights = Weights(free_name("share", attributes.columns), free_name("size", attributes.columns))
    rows = attributes.iloc[pieces.feature].reset_index(drop=True)
    rows = rows.assign(**{weights.share: share, weights.size: size})
    rows[AREA] = pieces.area
    return rows, weights
