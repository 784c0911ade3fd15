"""ChooseBestFacilities: all distances, and lines to the nearest of the chosen."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely

TASK = "ChooseBestFacilities"


def parameters(rows, rng):
    """Return demand over the United States, and 20 candidates."""

    def layer(number):
        lonlat = np.column_stack([rng.uniform(-125, -67, number), rng.uniform(25, 49, number)])
        return gpd.GeoDataFrame({"n": np.arange(number)}, geometry=shapely.points(lonlat), crs=4326)

    return {
        "goal": "MinimizeImpedance",
        "demandLocationsLayer": layer(rows),
        "candidateFacilitiesLayer": layer(20),
        "candidateCount": 3,
    }


def bare(given):
    """Measure, add the best candidate three times, and draw."""
    here, there = (
        given[f"{word}Layer"].geometry.get_coordinates().to_numpy()
        for word in ("demandLocations", "candidateFacilities")
    )
    a, b = np.repeat(np.arange(len(here)), len(there)), np.tile(np.arange(len(there)), len(here))
    far = pyproj.Geod(ellps="WGS84").inv(*here[a].T, *there[b].T)[2].reshape(len(here), len(there))
    now, chosen = np.full(len(here), np.inf), []
    for _ in range(given["candidateCount"]):
        chosen.append(int(np.minimum(now[:, None], far).sum(axis=0).argmin()))
        now = np.minimum(now, far[:, chosen[-1]])
    nearest = np.array(chosen)[far[:, chosen].argmin(axis=1)]
    lines = shapely.linestrings(np.stack([there[nearest], here], axis=1))
    return gpd.GeoDataFrame({"facility": nearest, "meters": now}, geometry=lines, crs=4326)
