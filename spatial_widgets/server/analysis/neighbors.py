"""Who is near whom, on the sphere or in a plane; needs scipy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.sphere import EARTH_RADIUS_M, is_geodesic

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["MOST_PAIRS", "Sites", "middles", "places"]

Array = np.ndarray[Any, Any]

#: More pairs of neighbours than this are refused.
MOST_PAIRS = 2_000_000
_ASKED, _CLEARLY = 1000, 4


def middles(frame: gpd.GeoDataFrame) -> Array:
    """Return the middle of each feature in the layer's own coordinates, shape ``(n, 2)``.

    For degrees it is the mean direction of the parts' centroids, weighted by their size, so that a
    country on both sides of 180 degrees has its middle where it is.
    """
    if not frame.crs.is_geographic:
        planar: Array = shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy()))
        return planar
    parts, owner = shapely.get_parts(frame.geometry.to_numpy(), return_index=True)
    lonlat = shapely.get_coordinates(shapely.centroid(parts))
    size = shapely.area(parts) * np.cos(np.deg2rad(lonlat[:, 1]))
    weight = np.where(shapely.get_dimensions(parts) == 2, size, 1.0)
    x, y, z = (np.bincount(owner, weight * axis, minlength=len(frame)) for axis in _directions(lonlat).T)
    return np.column_stack([np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arctan2(z, np.hypot(x, y)))])


def places(frame: gpd.GeoDataFrame) -> Array:
    """Return the middles as :meth:`Sites.of` takes them: in degrees for everything that is geodesic."""
    mercator = is_geodesic(frame.crs) and not frame.crs.is_geographic
    return middles(frame.to_crs(4326) if mercator else frame)


def _directions(lonlat: Array) -> Array:
    lon, lat = np.deg2rad(lonlat).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


@dataclass(frozen=True)
class Sites:
    """Places with distances in metres: along great circles of the mean sphere, or straight in a plane.

    Great circles differ from geodesics of the ellipsoid by at most 0.6 %.
    """

    positions: Array
    spherical: bool

    @classmethod
    def of(cls, xy: Array, crs: Any) -> Sites:
        """Make sites of coordinates in a geographic or a projected system."""
        if is_geodesic(crs):
            return cls(_directions(xy) * EARTH_RADIUS_M, spherical=True)
        return cls(xy * float(crs.axis_info[0].unit_conversion_factor), spherical=False)

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import KDTree

        return KDTree(self.positions)

    def chord(self, distance: float) -> float:
        """Return the straight distance between places so far apart, in metres."""
        if not self.spherical:
            return distance
        return float(2 * EARTH_RADIUS_M * np.sin(min(distance / EARTH_RADIUS_M, np.pi) / 2))

    def arc(self, chord: Array) -> Array:
        """Return the distances between places that are straight distances apart, in metres."""
        if not self.spherical:
            return chord
        return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.clip(chord / (2 * EARTH_RADIUS_M), 0, 1)))

    def take(self, rows: Array) -> Sites:
        """Return some of the sites."""
        return Sites(self.positions[rows], self.spherical)

    def distinct(self) -> Sites:
        """Return the sites without repetitions."""
        return Sites(np.unique(self.positions, axis=0), self.spherical)

    def nearest(self, count: int) -> Array:
        """Return the distances to the nearest other sites, shape ``(n, count)``, nearest first."""
        chords, _ = self._tree.query(self.positions, k=count + 1)
        return self.arc(chords[:, 1:])

    def standard_distance(self) -> float:
        """Return the root mean square distance from the mean center."""
        center = self.positions.mean(axis=0)
        return float(np.sqrt(((self.positions - center) ** 2).sum(axis=1).mean()))

    def pair_count(self, distance: float, most: int | None = None) -> int:
        """Return how many pairs of different sites lie within a distance; where that is clearly more than ``most``, an estimate.

        Counting all of them takes minutes where a crowd is dense, so a part of the sites is asked first.
        """
        reach, n = self.chord(distance), len(self)
        if most is not None and n > _ASKED:
            from scipy.spatial import KDTree

            some = KDTree(self.positions[:: n // _ASKED])
            met = int(self._tree.count_neighbors(some, reach)) - int(some.n)
            estimate = met * n // (2 * int(some.n))
            if estimate > _CLEARLY * most:
                return estimate
        return (int(self._tree.count_neighbors(self._tree, reach)) - n) // 2

    def pairs(self, distance: float, *, parameter: str) -> tuple[Array, Array]:
        """Return the sites within a distance of each other, each pair in both directions.

        Raises
        ------
        ParameterError : there are more than :data:`MOST_PAIRS`.
        """
        if self.pair_count(distance, MOST_PAIRS) > MOST_PAIRS:
            raise ParameterError(
                f"{parameter}: {distance / 1000:,.4g} km makes more than {MOST_PAIRS:,} pairs of neighbours; choose a shorter distance.",
                parameter=parameter,
                value=distance,
            )
        found = self._tree.query_pairs(self.chord(distance), output_type="ndarray")
        return np.concatenate([found[:, 0], found[:, 1]]), np.concatenate([found[:, 1], found[:, 0]])
