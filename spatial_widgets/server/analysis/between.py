"""The distances between all places of two layers of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyproj

from spatial_widgets.server.analysis.neighbors import middles
from spatial_widgets.server.analysis.prepare import in_lonlat
from spatial_widgets.server.analysis.sphere import is_geodesic

if TYPE_CHECKING:
    import geopandas as gpd

    from spatial_widgets.server.registry import Context

__all__ = ["Between"]

Array = np.ndarray[Any, Any]

_GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Between:
    """Places in degrees, or in the plane that both layers have; shapes ``(n, 2)`` and ``(m, 2)``."""

    here: Array
    there: Array
    geodesic: bool
    unit_m: float = 1.0

    @classmethod
    def of(cls, ctx: Context, here: gpd.GeoDataFrame, there: gpd.GeoDataFrame) -> Self:
        """Take the middles of multipoints, and say how distances are measured."""
        geodesic = is_geodesic(here.crs) or here.crs != there.crs
        if geodesic:
            ctx.info("Distances are geodesic, on WGS 84.")
            return cls(middles(in_lonlat(here)), middles(in_lonlat(there)), geodesic=True)
        ctx.info(f"Distances are planar, in {here.crs.name}.")
        unit = float(here.crs.axis_info[0].unit_conversion_factor)
        return cls(middles(here), middles(there), geodesic=False, unit_m=unit)

    @property
    def pairs(self) -> int:
        """How many distances there are."""
        return len(self.here) * len(self.there)

    def distances(self) -> Array:
        """Return them in metres, shape ``(n, m)``."""
        if not self.geodesic:
            apart = self.here[:, None] - self.there[None]
            planar: Array = np.hypot(apart[..., 0], apart[..., 1]) * self.unit_m
            return planar
        far = np.empty((len(self.here), len(self.there)))
        for column, (lon, lat) in enumerate(self.there):
            many = np.full(len(self.here), lon), np.full(len(self.here), lat)
            far[:, column] = _GEOD.inv(self.here[:, 0], self.here[:, 1], *many)[2]
        return far
