"""DeriveNewLocations: one cut for each pair of shapes that meet."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import shapely

TASK = "DeriveNewLocations"


def parameters(rows, rng):
    """Return a chessboard of squares, and circles that lie over it."""
    side = int(np.ceil(np.sqrt(rows)))
    x, y = np.divmod(np.arange(rows), side)
    squares = gpd.GeoDataFrame(geometry=shapely.box(x, y, x + 1, y + 1), crs=32633)
    middles = shapely.points(rng.uniform(0, side, (max(3, rows // 500), 2)))
    circles = gpd.GeoDataFrame(geometry=shapely.buffer(middles, 10), crs=32633)
    expressions = [{"layer": 0, "spatialRel": "intersects", "selectingLayer": 1}]
    return {"inputLayers": [squares, circles], "expressions": json.dumps(expressions)}


def bare(given):
    """Cut, and dissolve the pieces of each square."""
    squares, circles = given["inputLayers"]
    return gpd.overlay(squares.assign(n=range(len(squares))), circles).dissolve("n")
