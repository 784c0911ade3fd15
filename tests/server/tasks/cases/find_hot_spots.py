"""FindHotSpots on the magnitudes of earthquakes, and on their number."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from sklearn.metrics.pairwise import haversine_distances
from verification import below

from spatial_widgets.data import sample

TASK = "FindHotSpots"
# Six points, their values, and what PySAL publishes for a band of 15 (binary weights, the point itself among them):
# https://pysal.org/esda/generated/esda.G_Local.html
SIX = [(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)]
VALUES = [2, 3, 3.2, 5, 8, 7]
PUBLISHED = [-1.39727626, -0.28917762, 0.65064964, -0.28917762, 1.23452088, 2.02424331]


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


def check_published(run):
    """z of Gi* at the six points whose values PySAL publishes; largest difference."""
    layer = gpd.GeoDataFrame({"y": VALUES}, geometry=gpd.points_from_xy(*np.transpose(SIX)), crs=32633)
    made = run(analysisLayer=layer, analysisField="y", distanceBand=15)["hotSpotsResultLayer"]
    worst = np.abs(made["GiZScore"].to_numpy() - PUBLISHED).max()
    assert worst < 1e-7
    return below(worst, 1e-7)
