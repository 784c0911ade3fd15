"""The centres of gravity of features on the Earth, also across 180 degrees and around the poles."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from spatial_widgets.server.analysis.sphere import EARTH_RADIUS_M

__all__ = ["centers_in_degrees"]

Array = np.ndarray[Any, Any]

_STRIDE_DEG = 0.5  # sides are straight in degrees; so long ones are cut before projecting
_ROUNDS = 6
_NEAR_M = 1000.0  # from so near, the next round moves the centre of the largest country by no metre
_E2 = 0.0066943799901413165  # WGS 84
_E = float(np.sqrt(_E2))
_LATITUDES = np.deg2rad(np.linspace(-90, 90, 18_001))


def centers_in_degrees(shapes: Array) -> Array:
    """Return the centres of gravity of shapes in longitude and latitude, as points, shape ``(n,)``.

    The centre of a shape is the point around which a Lambert azimuthal equal-area projection has the centroid in
    its origin. So it does not depend on where 180 degrees is, and a ring around a pole has it near the pole.
    """
    center = np.full((len(shapes), 2), np.nan)
    rows = np.arange(len(shapes))
    for _ in range(_ROUNDS):
        shapes_left = shapely.segmentize(shapes[rows], _STRIDE_DEG)
        center[rows], moved = _closer(shapes_left, center[rows])
        rows = rows[moved > _NEAR_M]
        if len(rows) == 0:
            break
    points: Array = shapely.points(
        np.rad2deg((center[:, 0] + np.pi) % (2 * np.pi) - np.pi), np.rad2deg(_geodetic(center[:, 1]))
    )
    return points


def _closer(shapes: Array, center: Array) -> tuple[Array, Array]:
    """Return the centroids in projections around the centres there are, and how far they lie from these, in metres."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    lon, lat = np.deg2rad(xy[:, 0]), _authalic(np.deg2rad(xy[:, 1]))
    if np.isnan(center).any():
        center = _mean_direction(lon, lat, owner, len(shapes))
    flat = _project(lon, lat, center[owner])
    centroid = shapely.get_coordinates(shapely.centroid(shapely.set_coordinates(shapes.copy(), flat)))
    return _unproject(centroid, center), np.hypot(*centroid.T)


def _zone(latitude: Array) -> Array:
    """Return a measure of the area between the equator and a geodetic latitude, as by Snyder's equation 3-12."""
    sine = np.sin(latitude)
    measure: Array = (1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)
    return measure


def _authalic(latitude: Array) -> Array:
    """Return the latitude on the sphere of equal area (J. P. Snyder, Map Projections, 1987, page 16)."""
    whole = float(_zone(np.array(np.pi / 2)))
    found: Array = np.arcsin(np.clip(_zone(latitude) / whole, -1, 1))
    return found


def _geodetic(authalic: Array) -> Array:
    return np.interp(authalic, _authalic(_LATITUDES), _LATITUDES)


def _mean_direction(lon: Array, lat: Array, owner: Array, count: int) -> Array:
    """Return the direction of the vertices' mean, as longitude and latitude; a first guess."""
    vectors = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    x, y, z = (np.bincount(owner, part, minlength=count) for part in vectors)
    return np.column_stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])


def _project(lon: Array, lat: Array, center: Array) -> Array:
    east, (sine, cosine) = lon - center[:, 0], (np.sin(center[:, 1]), np.cos(center[:, 1]))
    across = 1 + sine * np.sin(lat) + cosine * np.cos(lat) * np.cos(east)
    factor = EARTH_RADIUS_M * np.sqrt(2 / np.maximum(across, 1e-9))  # the antipode is everywhere at once
    x = factor * np.cos(lat) * np.sin(east)
    y = factor * (cosine * np.sin(lat) - sine * np.cos(lat) * np.cos(east))
    return np.column_stack([x, y])


def _unproject(xy: Array, center: Array) -> Array:
    distance = np.hypot(*xy.T)
    angle = 2 * np.arcsin(np.clip(distance / (2 * EARTH_RADIUS_M), -1, 1))
    sine, cosine = np.sin(center[:, 1]), np.cos(center[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        toward = np.nan_to_num(xy / distance[:, None])
    lat = np.arcsin(np.clip(np.cos(angle) * sine + toward[:, 1] * np.sin(angle) * cosine, -1, 1))
    east = np.arctan2(
        toward[:, 0] * np.sin(angle), cosine * np.cos(angle) - toward[:, 1] * sine * np.sin(angle)
    )
    return np.column_stack([center[:, 0] + east, lat])
