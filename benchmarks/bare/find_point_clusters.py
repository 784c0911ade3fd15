"""FindPointClusters: DBSCAN of scikit-learn with haversine distances."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from sklearn.cluster import DBSCAN

TASK = "FindPointClusters"
RADIUS_M = 5_000.0


def parameters(rows, rng):
    """Return swarms of a hundred points among noise."""
    number = max(1, rows // 125)
    middle = np.column_stack([rng.uniform(-120, -80, number), rng.uniform(30, 50, number)])
    swarms = np.repeat(middle, 100, axis=0) + rng.normal(0, 0.02, (number * 100, 2))
    noise = np.column_stack([rng.uniform(-120, -80, rows), rng.uniform(30, 50, rows)])
    lonlat = np.vstack([swarms, noise])[:rows]
    layer = gpd.GeoDataFrame({"n": np.arange(rows)}, geometry=shapely.points(lonlat), crs=4326)
    return {"analysisLayer": layer, "searchDistance": RADIUS_M, "minFeaturesCluster": 5}


def bare(given):
    """Cluster, and add the column."""
    layer = given["analysisLayer"]
    radians = np.deg2rad(layer.geometry.get_coordinates()[["y", "x"]].to_numpy())
    return layer.assign(
        cluster=DBSCAN(eps=RADIUS_M / 6371008.8, min_samples=5, metric="haversine").fit_predict(radians)
    )
