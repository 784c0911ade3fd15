"""FindHotSpots on the magnitudes of earthquakes, and on their number."""

from __future__ import annotations

import numpy as np
from sklearn.metrics.pairwise import haversine_distances
from verification import below

from spatial_widgets.data import sample

TASK = "FindHotSpots"


def parameters():
    return {"analysisLayer": sample("earthquakes"), "shapeType": "Hexagon"}


def confirm(results):
    made = results["hotSpotsResultLayer"]
    assert made["Join_Count"].sum() == 1707
    assert (made["Gi_Bin"] == 3).any()
    assert all(one["message"].endswith(".") for one in results["processInfo"])


def check_formula(run):
    """The published formula of Gi* over all pairs of 1,707 earthquakes (200 km, distances by scikit-learn); largest difference of z."""
    quakes = sample("earthquakes")
    made = run(analysisLayer=quakes, analysisField="mag", distanceBand=200, distanceBandUnits="Kilometers")[
        "hotSpotsResultLayer"
    ]
    radians = np.deg2rad(quakes.geometry.get_coordinates()[["y", "x"]].to_numpy())
    near = haversine_distances(radians) * 6371008.8 <= 200_000
    values, n = quakes["mag"].to_numpy(dtype=float), len(quakes)
    count = near.sum(axis=1)
    spread = np.sqrt((values**2).mean() - values.mean() ** 2)
    z = (near @ values - values.mean() * count) / (spread * np.sqrt((n * count - count**2) / (n - 1)))
    worst = np.abs(made["GiZScore"].to_numpy() - z).max()
    assert worst < 1e-6
    return below(worst)
