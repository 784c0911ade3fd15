"""FindSimilarLocations: standardize by scikit-learn, subtract, sort, and copy the features."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from sklearn.preprocessing import StandardScaler

TASK = "FindSimilarLocations"
FIELDS = ["a", "b", "c", "d"]


def parameters(rows, rng):
    """Return squares with four numbers each, and ten of them to be like."""
    numbers = dict(zip(FIELDS, rng.normal(size=(4, rows)), strict=True))
    x, y = rng.uniform(0, 1e6, (2, rows))
    layer = gpd.GeoDataFrame(numbers, geometry=shapely.box(x, y, x + 50, y + 50), crs=32633)
    return {"inputLayer": layer.head(10), "searchLayer": layer, "analysisFields": FIELDS}


def bare(given):
    """Rank by the sum of squared differences."""
    inputs, search = (given[name][FIELDS].to_numpy() for name in ("inputLayer", "searchLayer"))
    scaler = StandardScaler().fit(np.vstack([inputs, search]))
    difference = scaler.transform(search) - scaler.transform(inputs).mean(axis=0)
    index = (difference**2).sum(axis=1)
    order = np.argsort(index)
    return given["searchLayer"].iloc[order].assign(index=index[order], rank=np.arange(1, len(order) + 1))
