"""FindSimilarLocations: earthquakes like the strongest one."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler
from verification import below

from spatial_widgets.data import sample

TASK = "FindSimilarLocations"
FIELDS = ["mag", "depth", "sig"]


def parameters():
    quakes = sample("earthquakes")
    return {
        "inputLayer": quakes,
        "searchLayer": quakes,
        "analysisFields": FIELDS,
        "inputQuery": "mag = 6.4",
        "numberOfResults": 10,
    }


def confirm(results):
    made = results["similarResultLayer"]
    assert len(made) == 10
    assert made["mag"].iloc[0] == 6.4
    assert made["SIMINDEX"].is_monotonic_increasing
    assert all(one["message"].endswith(".") for one in results["processInfo"])


def check_scikit_learn(run):
    """Squared differences from the strongest of 1,707 earthquakes in three fields, standardized by scikit-learn; largest difference of the index."""
    quakes = sample("earthquakes")
    made = run(**parameters() | {"numberOfResults": 0})["similarResultLayer"].set_index("id")
    numbers = quakes[FIELDS].to_numpy(dtype=float)
    strongest = numbers[[numbers[:, 0].argmax()]]
    scaler = StandardScaler().fit(np.vstack([strongest, numbers]))
    index = ((scaler.transform(numbers) - scaler.transform(strongest)) ** 2).sum(axis=1)
    worst = np.abs(made.loc[quakes["id"], "SIMINDEX"].to_numpy() - index).max()
    assert worst < 1e-6
    return below(worst)
