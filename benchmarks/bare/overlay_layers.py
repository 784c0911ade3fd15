"""OverlayLayers: small polygons laid over counties."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.data import sample

TASK = "OverlayLayers"


def parameters(rows, rng):
    """Return rounded polygons over the United States, and the counties."""
    lonlat = np.column_stack([rng.uniform(-125, -67, rows), rng.uniform(25, 49, rows)])
    shapes = shapely.buffer(shapely.points(lonlat), rng.uniform(0.02, 0.1, rows), quad_segs=4)
    layer = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapes, crs=4326)
    return {"inputLayer": layer, "overlayLayer": sample("counties")}


def bare(given):
    """Find pairs and intersect them."""
    return gpd.overlay(given["inputLayer"], given["overlayLayer"], how="intersection")
