"""MergeLayers: two halves in different coordinate systems."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

TASK = "MergeLayers"


def parameters(rows, rng):
    """Return two layers of points with fields of their own and one in common."""
    lonlat = np.column_stack([rng.uniform(-170, 170, rows), rng.uniform(-70, 70, rows)])
    points = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(lonlat), crs=4326)
    first, second = points.iloc[: rows // 2], points.iloc[rows // 2 :].to_crs(3857)
    return {"inputLayer": first.assign(one="a"), "mergeLayer": second.assign(two="b").reset_index(drop=True)}


def bare(given):
    """Reproject and concatenate."""
    first, second = given["inputLayer"], given["mergeLayer"]
    return pd.concat([first, second.to_crs(first.crs)], ignore_index=True)
