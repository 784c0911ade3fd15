"""AggregatePoints: a spatial join and a groupby."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.data import sample

TASK = "AggregatePoints"


def parameters(rows, rng):
    """Return points over the United States, and the counties."""
    lonlat = np.column_stack([rng.uniform(-125, -67, rows), rng.uniform(25, 49, rows)])
    points = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(lonlat), crs=4326)
    return {"pointLayer": points, "polygonLayer": sample("counties"), "summaryFields": ["value Mean"]}


def bare(given):
    """Join, count and average."""
    areas = given["polygonLayer"]
    joined = gpd.sjoin(given["pointLayer"], areas[["geometry"]], predicate="intersects")
    return areas.join(joined.groupby("index_right")["value"].agg(["size", "mean"]))
