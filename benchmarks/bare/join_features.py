"""JoinFeatures: which areas points lie in, one row for each match."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.data import sample

TASK = "JoinFeatures"


def parameters(rows, rng):
    """Return points over the United States, and the counties."""
    lonlat = np.column_stack([rng.uniform(-125, -67, rows), rng.uniform(25, 49, rows)])
    points = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(lonlat), crs=4326)
    return {
        "targetLayer": points,
        "joinLayer": sample("counties"),
        "spatialRelationship": "Intersects",
        "joinOperation": "JoinOneToMany",
    }


def bare(given):
    """Check validity, and join."""
    given["targetLayer"].is_valid.all()
    given["joinLayer"].is_valid.all()
    return gpd.sjoin(given["targetLayer"], given["joinLayer"], predicate="intersects")
