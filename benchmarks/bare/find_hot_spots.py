"""FindHotSpots: the neighbours of each point, and the statistic of esda."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from esda import G_Local, fdr
from libpysal.weights import WSP
from scipy import sparse
from scipy.spatial import KDTree
from scipy.stats import norm

TASK = "FindHotSpots"
BAND_M = 6_000.0


def parameters(rows, rng):
    """Return points with values in a plane, about ten neighbours each."""
    side = np.sqrt(rows) * 3_300
    xy = rng.uniform(0, side, (rows, 2)) + np.array([500_000, 0])
    layer = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(xy), crs=32633)
    return {"analysisLayer": layer, "analysisField": "value", "distanceBand": BAND_M}


def bare(given):
    """Find neighbours, compute Gi*, p-values and the false discovery rate."""
    layer = given["analysisLayer"]
    xy = shapely.get_coordinates(layer.geometry.array)
    pairs = KDTree(xy).query_pairs(BAND_M, output_type="ndarray")
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    weights = sparse.csr_matrix((np.ones(len(ends)), ends.T), shape=(len(layer), len(layer)))
    made = G_Local(
        layer["value"].to_numpy(),
        WSP(weights).to_W(silence_warnings=True),
        transform="B",
        star=True,
        permutations=0,
    )
    p = 2 * norm.sf(np.abs(made.Zs))
    return layer.assign(z=made.Zs, p=p, hot=p <= fdr(p, 0.05))
