"""FindOutliers on the magnitudes of earthquakes."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from gal import neighbours_in
from libpysal import examples
from sklearn.metrics.pairwise import haversine_distances
from verification import below

from spatial_widgets.data import sample
from spatial_widgets.server.analysis.localmoran import local_moran

TASK = "FindOutliers"
# Moran's I as PySAL publishes it, of homicides in St. Louis and of sudden infant deaths in North Carolina:
# https://pysal.org/esda/generated/esda.Moran.html
PUBLISHED = {("stl", "stl_hom", "HR8893"): 0.244, ("sids2", "sids2", "SIDR74"): 0.248}


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


def check_published(run):
    """Local indices of two data sets of the literature (libpysal) with their published neighbours: divided by n - 1 they add up to the Moran's I that PySAL publishes, to its three digits."""
    found = []
    for (graph, table, field), published in PUBLISHED.items():
        values = gpd.read_file(examples.get_path(f"{table}.dbf"))[field].to_numpy()
        pairs = neighbours_in(examples.get_path(f"{graph}.gal"))
        made = local_moran(values, *pairs, 99, np.random.default_rng(1))
        found.append(f"{made.index.sum() / (len(values) - 1):.3f}")
        assert found[-1] == f"{published:.3f}"
    return " and ".join(found)
