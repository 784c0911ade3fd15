"""FindOutliers on the magnitudes of earthquakes."""

from __future__ import annotations

import numpy as np
from sklearn.metrics.pairwise import haversine_distances
from verification import below

from spatial_widgets.data import sample

TASK = "FindOutliers"


def parameters():
    return {
        "analysisLayer": sample("earthquakes"),
        "analysisField": "mag",
        "distanceBand": 200,
        "distanceBandUnits": "Kilometers",
    }


def confirm(results):
    made = results["outliersResultLayer"]
    assert len(made) == 1707
    assert made["LMiIndex"].notna().any()
    assert all(one["message"].endswith(".") for one in results["processInfo"])


def check_formula(run):
    """The published formula of local Moran's I over all pairs of 1,707 earthquakes (200 km, distances by scikit-learn); largest difference."""
    quakes = sample("earthquakes")
    made = run(**parameters())["outliersResultLayer"]
    radians = np.deg2rad(quakes.geometry.get_coordinates()[["y", "x"]].to_numpy())
    near = (haversine_distances(radians) * 6371008.8 <= 200_000).astype(float)
    np.fill_diagonal(near, 0)
    count = near.sum(axis=1)
    some = count > 0
    z = quakes["mag"].to_numpy(dtype=float)
    z = z - z.mean()
    moran = (len(z) - 1) * z[some] * (near[some] @ z) / count[some] / (z**2).sum()
    worst = np.abs(made["LMiIndex"].to_numpy()[some] - moran).max()
    assert worst < 1e-6
    return below(worst)
