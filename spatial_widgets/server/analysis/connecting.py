"""Straight lines between places: geodesics on the ellipsoid, or lines of a plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely

from spatial_widgets.server.analysis.sphere import split_at_antimeridian

__all__ = ["geodesics", "straight_lines"]

Array = np.ndarray[Any, Any]

_GEOD = pyproj.Geod(ellps="WGS84")
_STEP_M = 50_000.0  # between two vertices; a side that is straight in degrees strays little from a geodesic
_MOST_STEPS = 200


def straight_lines(begins: Array, ends: Array) -> Array:
    """Return lines between two lists of coordinates; None where both are the same."""
    lines = shapely.linestrings(np.stack([begins, ends], axis=1))
    lines[(begins == ends).all(axis=1)] = None
    return np.asarray(lines, dtype=object)


def geodesics(begins: Array, ends: Array) -> Array:
    """Return the shortest lines on the ellipsoid between places in degrees, cut at ±180; None where both are the same."""
    lines = straight_lines(begins, ends)
    azimuth, _, meters = _GEOD.inv(*begins.T, *ends.T)
    steps = np.clip(np.ceil(meters / _STEP_M), 1, _MOST_STEPS).astype("int64")
    long = np.flatnonzero((steps > 1) | (np.abs(ends[:, 0] - begins[:, 0]) > 180))
    if len(long) == 0:
        return lines
    number = np.repeat(np.arange(len(long)), steps[long] + 1)
    first = np.concatenate([[0], np.cumsum(steps[long] + 1)])
    share = (np.arange(len(number)) - first[number]) / steps[long][number]
    of = long[number]
    lon, lat, _ = _GEOD.fwd(begins[of, 0], begins[of, 1], azimuth[of], share * meters[of])
    # Unwound from the beginning of each line, so that one across ±180 goes on beyond it.
    lon, lat = np.array(lon), np.array(lat)
    for at, corner in ((first[:-1], begins[long]), (first[1:] - 1, ends[long])):
        lon[at], lat[at] = corner.T
    turns = np.r_[0, np.round(np.diff(lon) / 360)]
    turns[first[:-1]] = 0
    total = np.cumsum(turns)
    lon -= 360 * (total - total[first[:-1]][number])
    made = shapely.linestrings(np.column_stack([lon, lat]), indices=number)
    lines[long] = split_at_antimeridian(np.asarray(made, dtype=object))
    return lines
