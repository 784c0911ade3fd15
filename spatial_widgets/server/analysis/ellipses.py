"""Standard deviational ellipses: how far, and in which direction, weighted places spread around a center."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely

from spatial_widgets.server.analysis.sphere import unproject

__all__ = ["Ellipse", "around", "standard_ellipse"]

Array = np.ndarray[Any, Any]

_VERTICES = 360
_FLAT = 1e-6  # a minor axis shorter than this share of the major one is none
_FARTHEST_M = 19_900_000.0  # less than half the way around the Earth, where the plane ends


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Half axes in the unit of the offsets; ``rotation`` is that of the long one, in degrees clockwise from north."""

    major: float
    minor: float
    rotation: float

    def outline(self) -> Array:
        """Return the closed outline around the origin, shape ``(361, 2)``."""
        turn = np.linspace(0, 2 * np.pi, _VERTICES + 1)
        along, across = self.major * np.cos(turn), self.minor * np.sin(turn)
        angle = np.deg2rad(self.rotation)
        xy = np.column_stack(
            [along * np.sin(angle) - across * np.cos(angle), along * np.cos(angle) + across * np.sin(angle)]
        )
        xy[-1] = xy[0]
        return xy


def standard_ellipse(offsets: Array, weights: Array, deviations: float) -> Ellipse | None:
    """Return the ellipse of offsets from a center, shape ``(n, 2)``; None where they lie in a line or a point.

    The half axes are √2 times the standard deviations (of all, not of a sample) along the principal
    directions, times ``deviations``. So one covers about 63 % of places that are normally distributed, two 98 %.

    Source: https://pro.arcgis.com/en/pro-app/latest/tool-reference/spatial-statistics/h-how-directional-distribution-standard-deviationa.htm
    """
    covariance = (offsets * weights[:, None]).T @ offsets / weights.sum()
    variance, direction = np.linalg.eigh(covariance)
    minor, major = np.sqrt(2 * np.maximum(variance, 0)) * deviations
    if minor <= _FLAT * major:
        return None
    x, y = direction[:, 1]
    return Ellipse(float(major), float(minor), float(np.rad2deg(np.arctan2(x, y)) % 180))


def around(lonlat: Array, center: Array, weights: Array, deviations: float) -> tuple[Ellipse, Any] | None:
    """Return the ellipse of places in degrees, in metres, and its polygon in degrees; None where there is none.

    The plane is the azimuthal equidistant one around the center: distances and directions from there are
    geodesic. None also where the ellipse would reach around the Earth.
    """
    plane = pyproj.Proj(proj="aeqd", lon_0=float(center[0]), lat_0=float(center[1]), ellps="WGS84")
    offsets = np.column_stack(plane(lonlat[:, 0], lonlat[:, 1]))
    ellipse = standard_ellipse(offsets, weights, deviations)
    if ellipse is None or ellipse.major > _FARTHEST_M:
        return None

    def inverse(x: Array, y: Array) -> tuple[Array, Array]:
        lon, lat = plane(x, y, inverse=True)
        return lon, lat

    polygon = np.array([shapely.Polygon(ellipse.outline())], dtype=object)
    return ellipse, unproject(polygon, inverse, float(center[1]))[0]
