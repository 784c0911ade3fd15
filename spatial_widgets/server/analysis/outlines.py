"""Layers as straight pieces with places in space, so that distances can be measured to all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.together import in_degrees

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["DEEPEST_M", "ROUNDEST_M", "Outlines", "farthest_through", "feet"]

Array = np.ndarray[Any, Any]

_GEOD = pyproj.Geod(ellps="WGS84")
#: The smallest and the largest radius by which a line on the ellipsoid bends, at the equator and at the poles.
ROUNDEST_M, FLATTEST_M = _GEOD.b**2 / _GEOD.a, _GEOD.a**2 / _GEOD.b
_STRIDE_DEG = 0.1
#: A straight piece of that length, 11 km, lies at most so far below the ellipsoid.
DEEPEST_M = 3.0


@dataclass(frozen=True)
class Outlines:
    """Points, lines and borders of polygons as straight pieces; a point is a piece without length.

    ``begins`` and ``ends`` are in degrees or in metres of a plane, shape ``(n, 2)``; ``owner`` is the position of the
    feature that each piece is of, in rising order, and ``shapes`` are the features.
    """

    begins: Array
    ends: Array
    owner: Array
    shapes: Array
    geodesic: bool

    @classmethod
    def of(cls, layer: gpd.GeoDataFrame, *, geodesic: bool | None = None) -> Outlines:
        """Take a prepared layer apart: in degrees, where asked for or where its system is geodesic."""
        round_earth = is_geodesic(layer.crs) if geodesic is None else geodesic
        if round_earth:
            shapes = in_degrees(layer).geometry.to_numpy()
        else:
            unit = float(layer.crs.axis_info[0].unit_conversion_factor)
            shapes = shapely.transform(layer.geometry.to_numpy(), lambda xy: xy * unit)
        parts, owner = shapely.get_parts(shapes, return_index=True)
        dimension = int(shapely.get_dimensions(parts[:1]).max(initial=0))
        if dimension == 0:
            xy = shapely.get_coordinates(parts)
            return cls(xy, xy, owner, shapes, round_earth)
        if dimension == 2:
            parts, part = shapely.get_rings(parts, return_index=True)
            owner = owner[part]
        mean = shapely.length(parts).sum() / max(1, int(shapely.get_num_coordinates(parts).sum()))
        # Long pieces are cut, so that the middle of each tells where it is; a quarter more of them at most.
        stride = min(4 * mean, _STRIDE_DEG) if round_earth else 4 * mean
        xy, line = shapely.get_coordinates(
            shapely.segmentize(parts, stride) if stride > 0 else parts, return_index=True
        )
        inside = line[1:] == line[:-1]
        return cls(xy[:-1][inside], xy[1:][inside], owner[line[1:][inside]], shapes, round_earth)

    @property
    def are_points(self) -> bool:
        """Whether no piece has a length."""
        return self.begins is self.ends

    def place(self, xy: Array) -> Array:
        """Return places in metres: in the plane, or in space with the ellipsoid's middle as the origin."""
        if not self.geodesic:
            return xy
        lon, lat = np.deg2rad(xy).T
        normal = _GEOD.a / np.sqrt(1 - _GEOD.es * np.sin(lat) ** 2)
        out = normal * np.cos(lat)
        return np.column_stack([out * np.cos(lon), out * np.sin(lon), normal * (1 - _GEOD.es) * np.sin(lat)])

    @cached_property
    def starts(self) -> Array:
        """Where each piece begins."""
        return self.place(self.begins)

    @cached_property
    def steps(self) -> Array:
        """From where each piece begins to where it ends."""
        return np.zeros_like(self.starts) if self.are_points else self.place(self.ends) - self.starts

    @cached_property
    def reach(self) -> float:
        """Half the length of the longest piece."""
        return 0.0 if self.are_points else float(np.sqrt((self.steps**2).sum(axis=1)).max(initial=0) / 2)

    @cached_property
    def tree(self) -> Any:
        """The middles of the pieces, to be searched."""
        from scipy.spatial import KDTree

        return KDTree(self.starts + self.steps / 2)

    @cached_property
    def first(self) -> Array:
        """Where the pieces of each feature begin in the arrays; one more at the end."""
        return np.searchsorted(self.owner, np.arange(len(self.shapes) + 1))

    def corners(self) -> tuple[Array, Array]:
        """Return every place where a piece begins or ends, and that piece."""
        every = np.arange(len(self.owner))
        if self.are_points:
            return self.begins, every
        last = np.r_[(self.ends[:-1] != self.begins[1:]).any(axis=1), True]
        return np.vstack([self.begins, self.ends[last]]), np.concatenate([every, every[last]])

    def thinned(self, count: int) -> Outlines:
        """Return points without those that have ``count`` others at the same place before them."""
        order = np.lexsort((self.owner, *self.begins.T))
        sorted_xy = self.begins[order]
        starts = np.flatnonzero(np.r_[True, (sorted_xy[1:] != sorted_xy[:-1]).any(axis=1)])
        before = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        kept = np.sort(order[before < count])
        if len(kept) == len(order):
            return self
        xy = self.begins[kept]
        return Outlines(xy, xy, self.owner[kept], self.shapes, self.geodesic)

    @cached_property
    def balls(self) -> tuple[Array, Array]:
        """The middle of each feature in space, and how far its farthest piece reaches from there."""
        middle = self.starts + self.steps / 2
        sizes = np.maximum(np.diff(self.first), 1)
        sums = np.column_stack([np.bincount(self.owner, axis, len(self.shapes)) for axis in middle.T])
        centers = sums / sizes[:, None]
        radii = np.zeros(len(self.shapes))
        np.maximum.at(radii, self.owner, np.sqrt(((middle - centers[self.owner]) ** 2).sum(axis=1)))
        return centers, radii + self.reach

    def some(self, number: int) -> Array:
        """Return a few places of each feature in space, shape ``(features, number, dimensions)``."""
        sizes = np.diff(self.first)
        steps = np.linspace(0, 1, number, endpoint=False)
        pieces = self.first[:-1, None] + (steps * sizes[:, None]).astype("int64")
        found: Array = self.starts[pieces]
        return found

    def only(self, feature: int) -> Outlines:
        """Return the pieces of one feature, whose position then is 0."""
        part = slice(self.first[feature], self.first[feature + 1])
        begins = self.begins[part]
        ends = begins if self.are_points else self.ends[part]
        owner = np.zeros(len(begins), dtype="int64")
        return Outlines(begins, ends, owner, self.shapes[feature : feature + 1], self.geodesic)

    def meters(self, here: Array, there: Array) -> Array:
        """Return the distances between two lists of coordinates, geodesic or straight."""
        if not self.geodesic:
            return np.asarray(np.hypot(*(there - here).T))
        return np.asarray(_GEOD.inv(*here.T, *there.T)[2])


def feet(places: Array, outlines: Outlines, pieces: Array) -> tuple[Array, Array]:
    """Return where on a piece each place is nearest, as a share of its length from 0 to 1, and how far it is."""
    away, along = places - outlines.starts[pieces], outlines.steps[pieces]
    square = np.maximum(np.einsum("ij,ij->i", along, along), 1e-300)
    share = np.clip(np.einsum("ij,ij->i", away, along) / square, 0.0, 1.0)
    away -= share[:, None] * along
    return share, np.sqrt(np.einsum("ij,ij->i", away, away))


def farthest_through(meters: Any) -> Any:
    """Return how far apart, straight through the Earth, places may be that are so far apart on the ellipsoid."""
    return 2 * FLATTEST_M * np.sin(np.minimum(meters / (2 * FLATTEST_M), np.pi / 2)) + 1e-6
