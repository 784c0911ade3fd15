"""FindNearest: a tree over places in space, geodesic distances, and lines."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from scipy.spatial import KDTree

TASK = "FindNearest"


def parameters(rows, rng):
    """Return points over the United States, and a tenth as many to find."""

    def layer(number):
        lonlat = np.column_stack([rng.uniform(-125, -67, number), rng.uniform(25, 49, number)])
        return gpd.GeoDataFrame({"n": np.arange(number)}, geometry=shapely.points(lonlat), crs=4326)

    return {"analysisLayer": layer(rows), "nearLayer": layer(rows // 10), "maxCount": 2}


def bare(given):
    """Find, measure, draw, and copy the attributes."""
    here, there = given["analysisLayer"], given["nearLayer"]
    to_space = pyproj.Transformer.from_crs(4979, 4978, always_xy=True)
    one, other = (layer.geometry.get_coordinates().to_numpy() for layer in (here, there))
    places = [np.column_stack(to_space.transform(*xy.T, np.zeros(len(xy)))) for xy in (one, other)]
    found = KDTree(places[1]).query(places[0], k=2)[1]
    a, b = np.repeat(np.arange(len(here)), 2), found.ravel()
    meters = pyproj.Geod(ellps="WGS84").inv(*one[a].T, *other[b].T)[2]
    lines = shapely.linestrings(np.stack([one[a], other[b]], axis=1))
    table = {"meters": meters, "from": here["n"].to_numpy()[a], "to": there["n"].to_numpy()[b]}
    return gpd.GeoDataFrame(table, geometry=lines, crs=4326), there.iloc[np.unique(b)]
