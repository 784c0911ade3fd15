"""SummarizeCenterAndDispersion without the central feature, for which a library would compare all pairs."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from scipy.optimize import minimize

TASK = "SummarizeCenterAndDispersion"


def parameters(rows, rng):
    """Return points of ten groups with a weight."""
    group = rng.integers(0, 10, rows)
    lonlat = np.column_stack([rng.normal(-100 + 5 * group, 3), rng.normal(30 + 2 * group, 2)])
    layer = gpd.GeoDataFrame(
        {"group": group, "weight": rng.uniform(0, 3, rows)}, geometry=shapely.points(lonlat), crs=4326
    )
    wanted = ["MeanCenter", "MedianCenter", "Ellipse"]
    return {
        "analysisLayer": layer,
        "summarizeType": wanted,
        "groupField": "group",
        "weightField": "weight",
    }


def bare(given):
    """Average in a plane around each group, minimize geodesic-like distances there, and take the covariance."""
    made = []
    for _, part in given["analysisLayer"].groupby("group"):
        lonlat, weight = part.geometry.get_coordinates().to_numpy(), part["weight"].to_numpy()
        plane = pyproj.Proj(proj="aeqd", lon_0=lonlat[:, 0].mean(), lat_0=lonlat[:, 1].mean())
        xy = np.column_stack(plane(*lonlat.T))
        mean = np.average(xy, axis=0, weights=weight)
        median = minimize(
            lambda p, xy=xy, weight=weight: weight @ np.hypot(*(xy - p).T), mean, method="Nelder-Mead"
        ).x
        axes = np.sqrt(2 * np.linalg.eigvalsh(np.cov(xy.T, aweights=weight, ddof=0)))
        made.append((plane(*mean, inverse=True), plane(*median, inverse=True), axes))
    return made
