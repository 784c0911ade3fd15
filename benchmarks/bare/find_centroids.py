"""FindCentroids: polygons of 32 vertices, projected around a first guess and back."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

TASK = "FindCentroids"


def parameters(rows, rng):
    """Return rounded polygons over the Earth."""
    lonlat = np.column_stack([rng.uniform(-170, 170, rows), rng.uniform(-70, 70, rows)])
    shapes = shapely.buffer(shapely.points(lonlat), rng.uniform(0.05, 0.3, rows), quad_segs=8)
    return {"inputLayer": gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapes, crs=4326)}


def bare(given):
    """Check validity, and take centroids in an equal-area projection."""
    layer = given["inputLayer"]
    layer.is_valid.all()
    centers = layer.to_crs("+proj=cea").centroid.to_crs(4326)
    return layer.set_geometry(centers)
