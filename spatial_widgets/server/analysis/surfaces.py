"""Values on a grid in an equal-area plane, and the polygons between limits of value; needs contourpy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.server.analysis.neighbors import Sites

if TYPE_CHECKING:
    from spatial_widgets.server.analysis.cells import Plane

__all__ = ["Surface", "class_polygons", "spacing_for", "surface_over"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Surface:
    """The nodes of a grid: ``x`` of shape ``(columns,)`` and ``y`` of shape ``(rows,)``, in the plane's unit."""

    plane: Plane
    x: Array
    y: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y), len(self.x)

    def nodes(self) -> Array:
        """Return the places of the nodes row by row, shape ``(rows * columns, 2)``."""
        x, y = np.meshgrid(self.x, self.y)
        return np.column_stack([x.ravel(), y.ravel()])

    def sites(self) -> Sites:
        """Return the nodes as sites, with distances on the sphere where the plane is a local one."""
        return sites_in(self.plane, self.nodes())

    def areas_m2(self) -> Array:
        """Return the area that each node stands for, shape ``(rows, columns)``; half of it at the edges."""
        share = [np.r_[0.5, np.ones(len(axis) - 2), 0.5] for axis in (self.y, self.x)]
        step = (self.x[1] - self.x[0]) * (self.y[1] - self.y[0]) * self.plane.unit_m**2
        return np.asarray(np.outer(*share) * step)


def sites_in(plane: Plane, xy: Array) -> Sites:
    """Return places of a plane as sites."""
    points = gpd.GeoSeries(shapely.points(plane.within(xy)), crs=plane.crs)
    placed = points.to_crs(4326) if plane.local else points
    return Sites.of(shapely.get_coordinates(placed.to_numpy()), placed.crs)


def spacing_for(bounds: Array, spacing: float, most: int) -> float:
    """Return the spacing, or a wider one with which a box has no more than ``most`` nodes."""
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    while (np.ceil(width / spacing) + 1) * (np.ceil(height / spacing) + 1) > most:
        spacing *= 1.05
    return spacing


def surface_over(plane: Plane, bounds: Array, spacing: float) -> Surface:
    """Return nodes from edge to edge of a box, no farther apart than ``spacing`` in the plane's unit."""
    window = plane.window()
    west, south, east, north = (
        bounds
        if window is None
        else np.r_[np.maximum(bounds[:2], window[:2]), np.minimum(bounds[2:], window[2:])]
    )
    columns, rows = (
        max(2, int(np.ceil((to - start) / spacing - 1e-9)) + 1)
        for start, to in ((west, east), (south, north))
    )
    return Surface(plane, np.linspace(west, east, columns), np.linspace(south, north, rows))


def class_polygons(surface: Surface, values: Array, limits: Array, region: Any = None) -> gpd.GeoDataFrame:
    """Return one (multi)polygon for each class that has some area, with ``Value_Min`` and ``Value_Max``.

    ``values`` has the shape of the surface; between nodes they are linear. Classes lie side by side, and inside the
    region, a shape in the plane, when there is one. What is outside of all limits is in no class.
    """
    from contourpy import FillType, contour_generator

    generator = contour_generator(surface.x, surface.y, values, fill_type=FillType.OuterOffset)
    shapes, lower, upper = [], [], []
    levels = limits.astype(float)
    hair = 1e-12 * max(
        float(np.abs(limits).max()), 1e-300
    )  # so that the least and the largest value are inside
    levels[0], levels[-1] = limits[0] - hair, limits[-1] + hair
    for (low, high), (bottom, top) in zip(pairwise(limits), pairwise(levels), strict=True):
        shape = _polygon(*generator.filled(float(bottom), float(top)))
        if region is not None:
            shape = _areas_only(shapely.intersection(shape, region))
        if not shape.is_empty and shape.area > 0:
            shapes.append(shape)
            lower.append(float(low))
            upper.append(float(high))
    placed = surface.plane.place(np.array(shapes, dtype=object))
    outlines = placed.to_numpy()
    outlines = np.array(
        [s if s.is_valid else _valid(s) for s in outlines], dtype=object
    )  # near a pole, or 180
    frame = gpd.GeoDataFrame({"Value_Min": lower, "Value_Max": upper}, geometry=outlines, crs=placed.crs)
    return frame[~frame.geometry.is_empty].reset_index(drop=True)


def _polygon(points: list[Array], offsets: list[Array]) -> Any:
    parts = []
    for xy, ends in zip(points, offsets, strict=True):
        rings = [xy[start:end] for start, end in pairwise(ends)]
        if len(rings[0]) > 3:
            parts.append(shapely.Polygon(rings[0], [ring for ring in rings[1:] if len(ring) > 3]))
    whole = shapely.MultiPolygon(parts)
    return whole if whole.is_valid else _valid(whole)


def _valid(shape: Any) -> Any:
    return _areas_only(shapely.make_valid(shape, method="structure", keep_collapsed=False))


def _areas_only(shape: Any) -> Any:
    parts = shapely.get_parts(shapely.get_parts(shape))
    polygons = parts[shapely.get_dimensions(parts) == 2]
    return shapely.union_all(polygons) if len(polygons) != 1 else polygons[0]
