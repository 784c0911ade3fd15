"""CreateBuffers: geodesic circles need their 96 vertices each, and polygons made of them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely

TASK = "CreateBuffers"


def parameters(rows, rng):
    """Return points all over the inhabited Earth."""
    lonlat = np.column_stack([rng.uniform(-179, 179, rows), rng.uniform(-60, 70, rows)])
    layer = gpd.GeoDataFrame({"n": np.arange(rows)}, geometry=shapely.points(lonlat), crs=4326)
    return {"inputLayer": layer, "distances": [5], "units": "Kilometers"}


def bare(given):
    """Compute the rings and make polygons of them."""
    layer = given["inputLayer"]
    lon, lat = shapely.get_coordinates(layer.geometry.array).T
    turns = np.linspace(360, 0, 97)
    ring = pyproj.Geod(ellps="WGS84").fwd(
        np.repeat(lon, 97), np.repeat(lat, 97), np.tile(turns, len(lon)), np.full(97 * len(lon), 5000.0)
    )[:2]
    xy = np.column_stack(ring).reshape(len(lon), 97, 2)
    xy[:, -1] = xy[:, 0]
    return layer.set_geometry(gpd.GeoSeries(shapely.polygons(xy), index=layer.index, crs=4326))
