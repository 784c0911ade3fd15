"""Squares and hexagons of equal area over the extent of a layer, for the tasks that take ``binType``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.cells import Grid, Plane, plane_for
from spatial_widgets.server.analysis.lengths import in_words, to_meters

if TYPE_CHECKING:
    from spatial_widgets.server.registry import Context

__all__ = ["Bins", "bins_over"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins with their ``GRID_ID``, in longitude and latitude unless the layer has a plane of its own."""

    frame: gpd.GeoDataFrame
    grid: Grid
    plane: Plane
    cells: Array

    def of_points(self, points: gpd.GeoDataFrame) -> Array:
        """Return the position of the bin that each of the layer's points is in."""
        known = pd.MultiIndex.from_arrays(list(self.cells.T))
        found = self.grid.cell_of(_coordinates(self.plane, points))
        return known.get_indexer(pd.MultiIndex.from_arrays(list(found.T)))


def bins_over(
    ctx: Context,
    layer: gpd.GeoDataFrame,
    shape: Literal["Hexagon", "Square"],
    size: float | None,
    unit: str,
    *,
    parameter: str = "binSize",
) -> Bins:
    """Return all bins that reach into the extent of a layer; ``size`` as :class:`Grid` has it, in ``unit``.

    Raises
    ------
    ParameterError : the size is missing, or so small that there would be too many.
    """
    if size is None:
        raise ParameterError(
            f"{parameter}: with binType the size of the areas is needed.", parameter=parameter
        )
    meters = to_meters(size, unit, parameter=parameter)
    plane = plane_for(layer)
    xy = _coordinates(plane, layer)
    grid = Grid(shape, meters / plane.unit_m)
    cells = grid.covering(np.r_[xy.min(axis=0), xy.max(axis=0)], parameter=parameter, most=ctx.limits.cells)
    cells = np.unique(np.vstack([cells, grid.cell_of(xy)]), axis=0)
    outlines = plane.outlines(grid, cells)
    keep = ~outlines.is_empty.to_numpy()
    cells, outlines = cells[keep], outlines[keep]
    ctx.info(
        f"{len(cells):,} areas ({shape}, {in_words(meters)}) in the plane: {plane.label}. At most {ctx.limits.cells:,} are made."
    )
    frame = gpd.GeoDataFrame(
        {"GRID_ID": [f"{q},{r}" for q, r in cells]}, geometry=outlines.to_numpy(), crs=outlines.crs
    )
    return Bins(frame, grid, plane, cells)


def _coordinates(plane: Plane, layer: gpd.GeoDataFrame) -> Array:
    return plane.within(shapely.get_coordinates(plane.project(layer).geometry.to_numpy()))
