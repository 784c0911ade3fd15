"""SummarizeNearby: geodesic circles, the points in them, and a groupby."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely

TASK = "SummarizeNearby"


def parameters(rows, rng):
    """Return points over the United States, half of them to look around, half to count."""
    lonlat = np.column_stack([rng.uniform(-125, -67, rows), rng.uniform(25, 49, rows)])
    points = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(lonlat), crs=4326)
    half = rows // 2
    return {
        "sumNearbyLayer": points.iloc[:half],
        "summaryLayer": points.iloc[half:].reset_index(drop=True),
        "distances": [10.0],
        "units": "Kilometers",
        "summaryFields": ["value Mean"],
    }


def bare(given):
    """Compute the circles, join, count and average."""
    places = given["sumNearbyLayer"]
    lon, lat = shapely.get_coordinates(places.geometry.array).T
    turns = np.linspace(360, 0, 97)
    ring = pyproj.Geod(ellps="WGS84").fwd(
        np.repeat(lon, 97), np.repeat(lat, 97), np.tile(turns, len(lon)), np.full(97 * len(lon), 10_000.0)
    )[:2]
    xy = np.column_stack(ring).reshape(len(lon), 97, 2)
    xy[:, -1] = xy[:, 0]
    areas = places.set_geometry(gpd.GeoSeries(shapely.polygons(xy), index=places.index, crs=4326))
    joined = gpd.sjoin(given["summaryLayer"], areas[["geometry"]], predicate="intersects")
    return areas.join(joined.groupby("index_right")["value"].agg(["size", "mean"]))
