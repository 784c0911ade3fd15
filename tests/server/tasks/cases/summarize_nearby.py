"""SummarizeNearby: earthquakes around airports."""

from __future__ import annotations

import numpy as np
from geographiclib.geodesic import Geodesic
from sklearn.metrics.pairwise import haversine_distances

from spatial_widgets.data import sample

TASK = "SummarizeNearby"


def parameters():
    return {
        "sumNearbyLayer": sample("airports").iloc[::10],
        "summaryLayer": sample("earthquakes"),
        "distances": [50, 100],
        "units": "Kilometers",
        "summaryFields": ["mag Max"],
    }


def confirm(results):
    made = results["resultLayer"]
    assert len(made) == 2 * 338
    assert made["Point_Count"].sum() > 0
    assert made.crs.to_epsg() == 4326


def check_distances(run):
    """Earthquakes within 100 km of 85 airports, counted over all pairs (scikit-learn, and GeographicLib where it is close); airports that agree."""
    airports, quakes = sample("airports").iloc[::40], sample("earthquakes")
    made = run(sumNearbyLayer=airports, summaryLayer=quakes, distances=[100.0], units="Kilometers")
    here, there = (layer.geometry.get_coordinates()[["y", "x"]].to_numpy() for layer in (airports, quakes))
    rough = haversine_distances(np.deg2rad(here), np.deg2rad(there)) * 6371008.8
    near = rough <= 100_000
    for i, j in np.argwhere(np.abs(rough / 100_000 - 1) < 0.01):
        near[i, j] = Geodesic.WGS84.Inverse(*here[i], *there[j])["s12"] <= 100_000
    same = made["resultLayer"]["Point_Count"].to_numpy(dtype=int) == near.sum(axis=1)
    assert same.all()
    return f"{same.sum()} of {len(same)}, {near.sum()} pairs"
