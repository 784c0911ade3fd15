"""ExtractData: points in a polygon, as a table."""

from __future__ import annotations

import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

TASK = "ExtractData"


def parameters(rows, rng):
    """Return points over the Earth, and an extent."""
    lonlat = np.column_stack([rng.uniform(-170, 170, rows), rng.uniform(-70, 70, rows)])
    points = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(lonlat), crs=4326)
    area = gpd.GeoDataFrame(geometry=[shapely.box(-160, -60, 160, 60)], crs=4326)
    return {"inputLayers": [points], "extent": area, "dataFormat": "ShapeFile"}


def bare(given):
    """Select and write."""
    (points,), area = given["inputLayers"], given["extent"]
    inside = points[points.intersects(area.geometry.iloc[0])]
    with tempfile.TemporaryDirectory() as folder:
        inside.to_file(Path(folder) / "layer1.shp")
