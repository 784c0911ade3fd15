"""Squares and hexagons that cover points: the plane they are drawn in, and the cells themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.sphere import is_geodesic, unproject
from spatial_widgets.server.limits import Limits

__all__ = ["MOST_CELLS", "Grid", "Plane", "drawn", "plane_for", "too_many_cells"]

Array = np.ndarray[Any, Any]

#: More cells than this are refused where a service says nothing else.
MOST_CELLS = Limits().cells
_REGIONAL_DEG = 40.0
_STRIDE_M = 25_000.0  # sides longer than this get vertices between, for they bend in degrees


class Cells(Protocol):
    """Cells that can be drawn in a plane."""

    def polygons(self, cells: Array, unit_m: float) -> Array:
        """Return the outlines of some of them."""


def drawn(base: Array, corners: Array, step: Array, size_m: float) -> Array:
    """Return cells' outlines from whole numbers, so that neighbours share their vertices to the last digit.

    Parameters
    ----------
    base : where each cell stands, shape ``(n, 2)``, in steps.
    corners : the corners of a cell beside where it stands, counter-clockwise: one list for all, or one for each.
    step : the length of a step in the plane's unit, in each direction.
    size_m : how large a cell is, in metres; long sides get vertices between.
    """
    cuts = int(np.clip(np.ceil(size_m / _STRIDE_M), 1, 8))
    lists = corners[None] if corners.ndim == 2 else corners
    following = np.roll(lists, -1, axis=1)
    between = np.arange(cuts)[None, None, :, None]
    ring = (lists[:, :, None] * cuts + (following - lists)[:, :, None] * between).reshape(len(lists), -1, 2)
    whole = base[:, None, :] * cuts + np.concatenate([ring, ring[:, :1]], axis=1)
    made: Array = shapely.polygons(whole * (step / cuts))
    return made


@dataclass(frozen=True, slots=True)
class Plane:
    """A projection to draw cells in; ``local`` is False where it is the layer's own."""

    crs: pyproj.CRS
    label: str
    world: bool = False
    local: bool = True
    center_lat: float = 0.0

    @property
    def unit_m(self) -> float:
        """Metres in one unit of the plane."""
        return float(self.crs.axis_info[0].unit_conversion_factor)

    def project(self, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return a layer in the plane."""
        return frame.to_crs(self.crs) if self.local else frame

    def window(self) -> Array | None:
        """Return where a plane of the whole world ends: west, south, east, north; None for any other."""
        if not self.world:
            return None
        projection = pyproj.Proj(self.crs)
        east, north = projection(180, 0)[0], projection(0, 90)[1]
        return np.array([-east, -north, east, north])

    def within(self, xy: Array) -> Array:
        """Return points moved off the very edge of the world, so that they fall into a cell inside it."""
        window = self.window()
        return xy if window is None else np.clip(xy, window[:2] * (1 - 1e-9), window[2:] * (1 - 1e-9))

    def outlines(self, grid: Cells, cells: Array) -> gpd.GeoSeries:
        """Return cells as valid polygons, in longitude and latitude where the plane is a local one.

        Cells that reach over the edge of the world are cut there, those that cross ±180 are cut in two.
        """
        shapes = grid.polygons(cells, self.unit_m)
        window = self.window()
        if window is not None:
            shapes = shapely.clip_by_rect(shapes, *window)
        return self.place(shapes)

    def place(self, shapes: Array) -> gpd.GeoSeries:
        """Return polygons of the plane in longitude and latitude where the plane is a local one."""
        if not self.local:
            return gpd.GeoSeries(shapes, crs=self.crs)
        projection = pyproj.Proj(self.crs)

        def inverse(x: Array, y: Array) -> tuple[Array, Array]:
            lon, lat = projection(x, y, inverse=True)
            if self.world:  # the last digit of a pole may lie beyond it
                lat = np.where(np.isnan(lat), np.copysign(90.0, y), lat)
            return lon, lat

        moved = unproject(shapes, inverse, self.center_lat)
        # Cutting at ±180 disturbs last digits; a tenth of a millimetre later neighbours agree again.
        return gpd.GeoSeries(shapely.transform(moved, lambda xy: np.round(xy, 9)), crs=4326)


def plane_for(points: gpd.GeoDataFrame, region: gpd.GeoDataFrame | None = None) -> Plane:
    """Return the plane for a layer of points (or lines), and for the polygons of a region that is to fit in as well.

    A projected layer keeps its own (but not Web Mercator). Points within 40 degrees of their middle get
    a Lambert azimuthal equal-area projection around it; anything wider, a cylindrical equal-area one that
    is true to shape at the points' mean distance from the equator.
    """
    crs = points.crs
    if not is_geodesic(crs):
        return Plane(crs, f"the layer's own projection ({crs.name})", local=False)
    lonlat = shapely.get_coordinates(points.to_crs(4326).geometry.to_numpy())
    unit = _unit_vectors(lonlat)
    middle = unit.mean(axis=0)
    length = float(np.linalg.norm(middle))
    if region is not None:
        outline = shapely.segmentize(region.to_crs(4326).geometry.to_numpy(), 1.0)
        unit = np.vstack([unit, _unit_vectors(shapely.get_coordinates(outline))])
    if length > 0 and (unit @ (middle / length)).min() >= np.cos(np.deg2rad(_REGIONAL_DEG)):
        lat = round(float(np.rad2deg(np.arcsin(middle[2] / length))), 1)
        lon = round(float(np.rad2deg(np.arctan2(middle[1], middle[0]))), 1)
        text = f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"
        return Plane(
            pyproj.CRS.from_proj4(text),
            f"Lambert azimuthal equal-area around {lon:g}, {lat:g}",
            center_lat=lat,
        )
    true = min(60, round(float(np.abs(lonlat[:, 1]).mean())))
    text = f"+proj=cea +lat_ts={true} +lon_0=0 +datum=WGS84 +units=m"
    return Plane(
        pyproj.CRS.from_proj4(text), f"cylindrical equal-area, true to shape at latitudes ±{true}", world=True
    )


def _unit_vectors(lonlat: Array) -> Array:
    lon, lat = np.deg2rad(lonlat).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of one shape and size, laid out from the plane's origin; a cell is named by two whole numbers.

    ``size`` is in the plane's unit: the side of a square, or the distance between two parallel sides of
    a hexagon, whose flat sides lie at the top and the bottom.
    """

    shape: Literal["Square", "Hexagon"]
    size: float

    def cell_of(self, xy: Array) -> Array:
        """Return the cell that each point is in, shape ``(n, 2)``; a point on a side is in one of the two."""
        x, y = xy.T
        if self.shape == "Square":
            return np.column_stack([np.floor(x / self.size), np.floor(y / self.size)]).astype("int64")
        radius = self.size / np.sqrt(3)
        q = 2 / 3 * x / radius
        r = y / self.size - q / 2
        return _round_hexagon(q, r)

    def centers(self, cells: Array) -> Array:
        """Return the middle of each cell, shape ``(n, 2)``."""
        q, r = cells.T
        if self.shape == "Square":
            return np.column_stack([(q + 0.5) * self.size, (r + 0.5) * self.size])
        return np.column_stack([1.5 * self.size / np.sqrt(3) * q, self.size * (r + q / 2)])

    def polygons(self, cells: Array, unit_m: float) -> Array:
        """Return the cells' outlines; neighbours share their vertices to the last digit."""
        if self.shape == "Square":
            base, step = cells, np.array([self.size, self.size])
            corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
        else:
            # In halves of the radius and of the height every corner has whole numbers.
            base, step = (
                np.column_stack([3 * cells[:, 0], 2 * cells[:, 1] + cells[:, 0]]),
                np.array([self.size / np.sqrt(12), self.size / 2]),
            )
            corners = np.array([(2, 0), (1, 1), (-1, 1), (-2, 0), (-1, -1), (1, -1)])
        return drawn(base, corners, step, self.size * unit_m)

    @property
    def column(self) -> float:
        """The distance between columns of cells."""
        return self.size if self.shape == "Square" else 1.5 * self.size / np.sqrt(3)

    def estimate(self, bounds: Array) -> float:
        """Return about how many cells reach into boxes; ``bounds`` is one box or several, shape ``(n, 4)``."""
        west, south, east, north = np.atleast_2d(bounds).T
        return float((((east - west) / self.column + 1) * ((north - south) / self.size + 1)).sum())

    def covering(self, bounds: Array, *, parameter: str, most: int = MOST_CELLS) -> Array:
        """Return every cell that reaches into a box, shape ``(n, 2)``.

        Raises
        ------
        ParameterError : there are more than ``most``.
        """
        if self.estimate(bounds) > most:
            raise too_many_cells(
                f"cells of this size would be about {self.estimate(bounds):,.0f} in number", most, parameter
            )
        west, south, east, north = bounds
        column = self.column
        q = np.arange(np.floor(west / column) - 1, np.floor(east / column) + 2)
        row = np.arange(np.floor(south / self.size) - 1, np.floor(north / self.size) + 2)
        first, second = (part.ravel() for part in np.meshgrid(q, row, indexing="ij"))
        if self.shape == "Hexagon":
            second = second - np.floor(first / 2)  # columns lean; this keeps them upright
        cells = np.column_stack([first, second]).astype("int64")
        half = (self.size / 2 if self.shape == "Square" else self.size / np.sqrt(3), self.size / 2)
        reach = np.array([(east - west) / 2 + half[0], (north - south) / 2 + half[1]])
        inside = (np.abs(self.centers(cells) - [(west + east) / 2, (south + north) / 2]) <= reach).all(axis=1)
        kept: Array = cells[inside]
        return kept


def too_many_cells(found: str, most: int, parameter: str) -> ParameterError:
    """Return the error for more cells than a service makes; ``found`` says how many they would be."""
    return ParameterError(
        f"{parameter}: {found}; at most {most:,} are made. Choose larger cells, or start the service with "
        "another limit (--cells).",
        parameter=parameter,
    )


def _round_hexagon(q: Array, r: Array) -> Array:
    s = -q - r
    rounded = np.round(np.stack([q, r, s]))
    error = np.abs(rounded - [q, r, s])
    worst = error.argmax(axis=0)
    first = np.where(worst == 0, -rounded[1] - rounded[2], rounded[0])
    second = np.where(worst == 1, -rounded[0] - rounded[2], rounded[1])
    return np.column_stack([first, second]).astype("int64")
