"""What lies within distances of features: their surroundings as areas, and the rows that are in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.buffering import FARTHEST_M, Style, geodesic_buffers, planar_buffers
from spatial_widgets.server.analysis.groups import AREA
from spatial_widgets.server.analysis.lengths import METERS_IN, to_meters
from spatial_widgets.server.analysis.relations import pairs_within
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.summarizing import Measure, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from spatial_widgets.server.analysis.statistics import Weights
    from spatial_widgets.server.registry import Context

__all__ = ["Surroundings", "meters_of"]

Array = np.ndarray[Any, Any]


def meters_of(
    ctx: Context,
    around: gpd.GeoDataFrame,
    distances: Sequence[float],
    units: str,
    *,
    parameter: str = "distances",
) -> Array:
    """Return distances in metres, each once, the smallest first, and say how they are measured.

    Raises
    ------
    ParameterError : there are none, or one is not possible.
    """
    if not distances:
        raise ParameterError(f"{parameter}: give at least one distance.", parameter=parameter)
    meters = np.unique([to_meters(d, units, parameter=parameter) for d in distances])
    if is_geodesic(around.crs) and meters[-1] > FARTHEST_M:
        raise ParameterError(
            f"{parameter}: {meters[-1] / 1000:,.0f} km is more than a quarter of the way around the Earth; "
            f"at most {FARTHEST_M / 1000:,.0f} km are possible.",
            parameter=parameter,
        )
    ctx.info(
        "Distances are geodesic, on WGS 84."
        if is_geodesic(around.crs)
        else f"Distances are planar, in {around.crs.name}."
    )
    return meters


class Surroundings:
    """Features to look around, each at one or more distances: feature by feature, the nearest first.

    ``owner`` is the position of the feature that each surrounding is of, ``meters`` its distance. The features
    are in longitude and latitude, or in a projection.
    """

    def __init__(self, around: gpd.GeoDataFrame, meters: Array) -> None:
        self.around = around
        self.owner = np.repeat(np.arange(len(around)), len(meters))
        self.meters = np.tile(meters, len(around))
        shapes = around.geometry.to_numpy()
        self.are_points = bool((shapely.get_type_id(shapes) == shapely.GeometryType.POINT).all())

    def _drawn(self) -> Array:
        shapes = self.around.geometry.to_numpy()[self.owner]
        if self.around.crs.is_geographic:
            return geodesic_buffers(shapes, self.meters, Style())
        unit = float(self.around.crs.axis_info[0].unit_conversion_factor)
        return planar_buffers(shapes, self.meters / unit, Style())

    def areas(self, units: str) -> gpd.GeoDataFrame:
        """Return what lies within the distances, with the features' attributes."""
        attributes = self.around.drop(columns=["geometry", "ORIG_FID", "BUFF_DIST"], errors="ignore")
        table = attributes.iloc[self.owner].assign(
            ORIG_FID=self.around.index.to_numpy(dtype="int64")[self.owner],
            BUFF_DIST=self.meters / METERS_IN[units],
        )
        return gpd.GeoDataFrame(table.reset_index(drop=True), geometry=self._drawn(), crs=self.around.crs)

    def rows(
        self, ctx: Context, features: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, measure: Measure
    ) -> tuple[pd.DataFrame, Weights | None]:
        """Return what of other features lies in :meth:`areas`, as :func:`.within` does; between points exactly."""
        if measure.dimension == 0 and self.are_points:
            return self._exactly(ctx, features), None
        return within(ctx, features, areas, measure)

    def _exactly(self, ctx: Context, points: gpd.GeoDataFrame) -> pd.DataFrame:
        """Return a row for each point within a distance of a point, with the number of the area."""
        others = points.to_crs(self.around.crs)
        distances = np.unique(self.meters)
        found = [pairs_within(self.around, others, meters) for meters in distances]
        area = np.concatenate([here * len(distances) + i for i, (here, _) in enumerate(found)])
        point = np.concatenate([there for _, there in found])
        ctx.info(
            f"{len(np.unique(point)):,} of {len(points):,} points lie near {len(np.unique(self.owner[area])):,} of {len(self.around):,} features."
        )
        rows: pd.DataFrame = points.drop(columns="geometry").iloc[point].reset_index(drop=True)
        rows[AREA] = area
        return rows
