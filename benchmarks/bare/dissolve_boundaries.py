"""DissolveBoundaries: one union for each value, and its parts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

TASK = "DissolveBoundaries"


def parameters(rows, rng):
    """Return a chessboard of squares with one of ten values each."""
    side = int(np.ceil(np.sqrt(rows)))
    x, y = np.divmod(np.arange(rows), side)
    squares = shapely.box(x / 100, y / 100, (x + 1) / 100, (y + 1) / 100)
    layer = gpd.GeoDataFrame({"kind": rng.integers(0, 10, rows)}, geometry=squares, crs=4326)
    return {"inputLayer": layer, "dissolveFields": ["kind"]}


def bare(given):
    """Dissolve, and take apart."""
    return given["inputLayer"].dissolve("kind").explode()
