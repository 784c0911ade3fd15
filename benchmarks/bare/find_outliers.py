"""FindOutliers: the neighbours of each point, and esda's local Moran's I with 99 permutations (the task has 4,999)."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import shapely
from esda import Moran_Local, fdr
from libpysal.weights import WSP
from scipy import sparse
from scipy.spatial import KDTree

TASK = "FindOutliers"
BAND_M = 6_000.0


def parameters(rows, rng):
    """Return points with values in a plane, about ten neighbours each."""
    side = np.sqrt(rows) * 3_300
    xy = rng.uniform(0, side, (rows, 2)) + np.array([500_000, 0])
    layer = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(xy), crs=32633)
    return {"analysisLayer": layer, "analysisField": "value", "distanceBand": BAND_M}


def bare(given):
    """Find neighbours, compute I, deal the values out anew, and correct for the false discovery rate."""
    layer = given["analysisLayer"]
    xy = shapely.get_coordinates(layer.geometry.array)
    pairs = KDTree(xy).query_pairs(BAND_M, output_type="ndarray")
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    weights = sparse.csr_matrix((np.ones(len(ends)), ends.T), shape=(len(layer), len(layer)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Moran_Local(
            layer["value"].to_numpy(), WSP(weights).to_W(silence_warnings=True), permutations=99, seed=1
        )
    return layer.assign(i=made.Is, z=made.z_sim, p=made.p_sim, found=made.p_sim <= fdr(made.p_sim, 0.05))
