"""FindNearest: airports near earthquakes."""

from __future__ import annotations

import numpy as np
from geographiclib.geodesic import Geodesic
from sklearn.neighbors import BallTree
from verification import below

from spatial_widgets.data import sample

TASK = "FindNearest"


def parameters():
    return {
        "analysisLayer": sample("earthquakes"),
        "nearLayer": sample("airports"),
        "measurementType": "StraightLine",
        "maxCount": 2,
        "searchCutoff": 500,
        "searchCutoffUnits": "Kilometers",
    }


def confirm(results):
    lines = results["connectingLinesLayer"]
    assert lines["Total_Kilometers"].max() <= 500
    assert set(lines["NearRank"]) == {1, 2}
    assert len(results["nearestLayer"]) == lines["To_ID"].nunique()


def check_geographiclib(run):
    """Distances of 1,707 earthquakes to their nearest airport, by GeographicLib; largest difference in metres."""
    lines = run(analysisLayer=sample("earthquakes"), nearLayer=sample("airports"), maxCount=1)[
        "connectingLinesLayer"
    ]
    here, there = (
        sample(name).geometry.get_coordinates()[["y", "x"]].to_numpy() for name in ("earthquakes", "airports")
    )
    pairs = zip(here[lines["From_ID"]], there[lines["To_ID"]], lines["Total_Kilometers"] * 1000, strict=True)
    worst = max(abs(Geodesic.WGS84.Inverse(*a, *b)["s12"] - meters) for a, b, meters in pairs)
    assert worst < 1e-3
    return below(worst, 1e-6)


def check_balltree(run):
    """Nearest airport of 1,707 earthquakes by scikit-learn's BallTree, on a sphere; earthquakes where it is none that GeographicLib finds nearer."""
    lines = run(analysisLayer=sample("earthquakes"), nearLayer=sample("airports"), maxCount=1)[
        "connectingLinesLayer"
    ]
    here, there = (
        sample(name).geometry.get_coordinates()[["y", "x"]].to_numpy() for name in ("earthquakes", "airports")
    )
    sphere = BallTree(np.deg2rad(there), metric="haversine").query(np.deg2rad(here))[1].ravel()
    fine = [
        Geodesic.WGS84.Inverse(*here[i], *there[j])["s12"] >= meters - 1e-6
        for i, j, meters in zip(lines["From_ID"], sphere, lines["Total_Kilometers"] * 1000, strict=True)
    ]
    same = int((sphere == lines["To_ID"].to_numpy()).sum())
    assert all(fine)
    return f"{sum(fine)} of {len(fine)}; the same airport for {same}"
