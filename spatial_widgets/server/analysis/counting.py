"""Points counted in cells, for the analyses that compare the counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.cells import MOST_CELLS, Grid, Plane, plane_for, too_many_cells
from spatial_widgets.server.analysis.lengths import in_words
from spatial_widgets.server.analysis.neighbors import Sites
from spatial_widgets.server.analysis.scale import choose_cell_size

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CountedCells", "count_in_cells", "region_in"]

Array = np.ndarray[Any, Any]

_AUTOMATIC_CELLS = 50_000  # an automatic choice should take seconds


@dataclass(frozen=True, slots=True)
class CountedCells:
    """Cells with ``Join_Count``, the sites of their middles, and what was decided on the way."""

    frame: gpd.GeoDataFrame
    sites: Sites
    notes: tuple[str, ...]


def count_in_cells(
    points: gpd.GeoDataFrame,
    bounding: gpd.GeoDataFrame | None,
    shape: Literal["Square", "Hexagon"],
    size_m: float | None,
    *,
    most: int = MOST_CELLS,
) -> CountedCells:
    """Count points in cells of equal area.

    Without ``bounding`` the cells are those that hold points; with it, all that reach into these polygons,
    and points outside do not count. ``size_m`` is chosen from the points when None. ``most`` cells are made.

    Raises
    ------
    ParameterError : no point is left, all are in one place, or the cells would be too many.
    """
    notes = []
    singles = points[["geometry"]].explode(ignore_index=True)
    plane = plane_for(singles, bounding)
    flat = plane.project(singles)
    region = None
    if bounding is not None:
        region = region_in(plane, bounding)
        inside = shapely.intersects(region, flat.geometry.to_numpy())
        notes.append(f"{int(inside.sum()):,} of {len(singles):,} points lie in the bounding polygons.")
        singles, flat = singles[inside], flat[inside]
        if len(singles) == 0:
            raise ParameterError(
                "boundingPolygonLayer: no point lies in the bounding polygons.",
                parameter="boundingPolygonLayer",
            )
    xy = plane.within(shapely.get_coordinates(flat.geometry.to_numpy()))
    if size_m is None:
        size_m, reason = _automatic(singles, plane)
        count = _numbers_of_cells(shape, xy, region)
        size_m, reason = _coarse_enough(count, size_m, plane.unit_m, reason, min(_AUTOMATIC_CELLS, most))
        notes.append(f"Cell size: {in_words(size_m)}, {reason}.")
    grid = Grid(shape, size_m / plane.unit_m)
    cells, counts = np.unique(grid.cell_of(xy), axis=0, return_counts=True)
    occupied = len(cells)
    if region is not None:
        cells, counts = _with_empty(grid, plane, region, cells, counts, most)
    if len(cells) > most:
        raise too_many_cells(f"{len(cells):,} cells are too many", most, "cellSize")
    outlines = plane.outlines(grid, cells)
    notes.append(
        f"{len(singles):,} points counted in {occupied:,} of {len(cells):,} cells ({shape.lower()}, {in_words(size_m)}); plane: {plane.label}."
    )
    frame = gpd.GeoDataFrame(
        {"Join_Count": counts.astype("int64")}, geometry=outlines.to_numpy(), crs=outlines.crs
    )
    middle = gpd.GeoSeries(shapely.points(plane.within(grid.centers(cells))), crs=plane.crs)
    places = shapely.get_coordinates((middle.to_crs(4326) if plane.local else middle).to_numpy())
    return CountedCells(frame, Sites.of(places, frame.crs), tuple(notes))


def region_in(plane: Plane, bounding: gpd.GeoDataFrame) -> Any:
    """Return the polygons of ``boundingPolygonLayer`` as one prepared shape in a plane.

    Raises
    ------
    ParameterError : they reach farther than the plane.
    """
    dense = bounding.geometry.segmentize(0.5) if bounding.crs.is_geographic else bounding.geometry
    shapes = dense.to_crs(plane.crs).to_numpy()
    if not np.isfinite(shapely.get_coordinates(shapes)).all():
        raise ParameterError(
            f"boundingPolygonLayer: it reaches farther than {plane.crs.name} can show; clip it to the area of interest.",
            parameter="boundingPolygonLayer",
        )
    region = shapely.union_all(shapely.make_valid(shapes, method="structure", keep_collapsed=False))
    shapely.prepare(region)
    return region


def _automatic(singles: gpd.GeoDataFrame, plane: Plane) -> tuple[float, str]:
    placed = singles.to_crs(4326) if plane.local else singles
    sites = Sites.of(shapely.get_coordinates(placed.geometry.to_numpy()), placed.crs)
    if len(sites.distinct()) < 2:
        raise ParameterError(
            "analysisLayer: all points lie in one place, so no cell size can be chosen.",
            parameter="analysisLayer",
        )
    choice = choose_cell_size(sites)
    return choice.meters, choice.reason


def _numbers_of_cells(
    shape: Literal["Square", "Hexagon"], xy: Array, region: Any
) -> Callable[[float], float]:
    """Return what tells how many cells of a size there are: in the region, or without one with points in them."""
    if region is None:
        return lambda size: len(np.unique(Grid(shape, size).cell_of(xy), axis=0))
    boxes = shapely.bounds(shapely.get_parts(region))
    return lambda size: float(Grid(shape, size).estimate(boxes))


def _coarse_enough(
    count: Callable[[float], float], size_m: float, unit_m: float, reason: str, most: int
) -> tuple[float, str]:
    """Return a cell size in metres with which there are not too many cells."""
    coarse_m = size_m
    while (number := count(coarse_m / unit_m)) > most:
        coarse_m *= max(1.1, (number / most) ** 0.5)
    if coarse_m > size_m:
        reason = f"so that no more than {most:,} are needed; {in_words(size_m)} would be {reason}"
    return coarse_m, reason


def _with_empty(
    grid: Grid, plane: Plane, region: Any, cells: Array, counts: Array, most: int
) -> tuple[Array, Array]:
    """Add the cells that reach into the region and hold no point."""
    boxes = shapely.bounds(shapely.get_parts(region))
    if grid.estimate(boxes) > most:
        raise too_many_cells(
            f"the bounding polygons would hold about {grid.estimate(boxes):,.0f} cells of this size",
            most,
            "cellSize",
        )
    possible = np.unique(
        np.vstack([grid.covering(box, parameter="cellSize", most=most) for box in boxes]), axis=0
    )
    shapes = grid.polygons(possible, plane.unit_m)
    window = plane.window()
    if window is not None:
        shapes = shapely.clip_by_rect(shapes, *window)
    reached = possible[shapely.intersects(region, shapes) & (shapely.area(shapes) > 0)]
    everything, back = np.unique(np.vstack([cells, reached]), axis=0, return_inverse=True)
    total = np.zeros(len(everything), dtype="int64")
    np.add.at(total, back.ravel()[: len(cells)], counts)
    return everything, total
