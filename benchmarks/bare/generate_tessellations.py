"""GenerateTessellations: the corners of hexagons, their polygons, and degrees."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

TASK = "GenerateTessellations"


def parameters(rows, _rng):
    """Return an extent that holds as many hexagons."""
    extent = gpd.GeoDataFrame(geometry=[shapely.box(-105, 35, -95, 43)], crs=4326)
    return {"binType": "Hexagon", "binSize": 800_000.0 / rows, "extentLayer": extent}


def bare(given):
    """Lay out hexagons in an equal-area projection and bring them to degrees."""
    plane = "+proj=laea +lat_0=39 +lon_0=-100 +datum=WGS84"
    west, south, east, north = given["extentLayer"].to_crs(plane).total_bounds
    height = np.sqrt(given["binSize"] * 1e6 * 2 / np.sqrt(3))
    radius = height / np.sqrt(3)
    columns, rows = np.arange((east - west) / radius / 1.5), np.arange((north - south) / height)
    x, y = (
        part.ravel()
        for part in np.meshgrid(west + 1.5 * radius * columns, south + height * rows, indexing="ij")
    )
    y += np.repeat(np.arange(len(columns)) % 2 * height / 2, len(rows))
    turn = np.linspace(0, 2 * np.pi, 7)
    ring = np.stack([x[:, None] + radius * np.cos(turn), y[:, None] + radius * np.sin(turn)], axis=-1)
    ring[:, -1] = ring[:, 0]
    names = [f"{c}-{r}" for c in range(len(columns)) for r in range(len(rows))]
    return gpd.GeoDataFrame({"GRID_ID": names}, geometry=shapely.polygons(ring), crs=plane).to_crs(4326)
