"""SummarizeWithin: which areas points lie in, and a groupby."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.data import sample

TASK = "SummarizeWithin"


def parameters(rows, rng):
    """Return points over the United States, and the counties."""
    lonlat = np.column_stack([rng.uniform(-125, -67, rows), rng.uniform(25, 49, rows)])
    points = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(lonlat), crs=4326)
    return {"summaryLayer": points, "sumWithinLayer": sample("counties"), "summaryFields": ["value Mean"]}


def bare(given):
    """Join, count and average."""
    areas = given["sumWithinLayer"]
    joined = gpd.sjoin(given["summaryLayer"], areas[["geometry"]], predicate="intersects")
    return areas.join(joined.groupby("index_right")["value"].agg(["size", "mean"]))
