"""FindExistingLocations: airports of some states near strong earthquakes."""

from __future__ import annotations

import json

import numpy as np
from geographiclib.geodesic import Geodesic
from sklearn.metrics.pairwise import haversine_distances

from spatial_widgets.data import sample

TASK = "FindExistingLocations"

_NEAR = [
    {"layer": 1, "where": "mag >= 2.5"},
    {"layer": 0, "where": "state IN ('AK', 'CA', 'NV')"},
    {
        "operator": "and",
        "layer": 0,
        "spatialRel": "withinDistance",
        "selectingLayer": 1,
        "distance": 60,
        "units": "Miles",
    },
]


def parameters():
    return {"inputLayers": [sample("airports"), sample("earthquakes")], "expressions": json.dumps(_NEAR)}


def confirm(results):
    made = results["resultLayer"]
    assert set(made["state"]) == {"AK", "CA", "NV"}
    assert 50 < len(made) < 500


def check_distances(run):
    """Airports of three states within 60 miles of a stronger earthquake, over all pairs (scikit-learn, and GeographicLib where it is close)."""
    made = run(**parameters())["resultLayer"]
    airports = sample("airports").query("state in ('AK', 'CA', 'NV')")
    quakes = sample("earthquakes").query("mag >= 2.5")
    here, there = (layer.geometry.get_coordinates()[["y", "x"]].to_numpy() for layer in (airports, quakes))
    rough = haversine_distances(np.deg2rad(here), np.deg2rad(there)) * 6371008.8
    limit = 60 * 1609.344
    near = rough <= limit
    for i, j in np.argwhere(np.abs(rough / limit - 1) < 0.01):
        near[i, j] = Geodesic.WGS84.Inverse(*here[i], *there[j])["s12"] <= limit
    expected = airports["iata"][near.any(axis=1)].tolist()
    assert made["iata"].tolist() == expected
    return f"the same {len(expected)} of {len(airports)}"
