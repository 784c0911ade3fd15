"""CalculateCompositeIndex: strong and shallow earthquakes."""

from __future__ import annotations

import json

import numpy as np
from scipy.stats import gmean, rankdata
from sklearn.preprocessing import MinMaxScaler
from verification import below

from spatial_widgets.data import sample

TASK = "CalculateCompositeIndex"

_VARIABLES = [{"field": "mag", "weight": 2}, {"field": "depth", "reverseVariable": True}, {"field": "sig"}]


def parameters():
    return {
        "inputLayer": sample("earthquakes"),
        "inputVariables": json.dumps(_VARIABLES),
        "outputIndexMinMax": json.dumps({"min": 0, "max": 100}),
    }


def confirm(results):
    made = results["indexResultLayer"]
    assert len(made) == 1707
    assert (made["Index"].min(), made["Index"].max()) == (0, 100)
    assert made["Index_Rank"].min() == 1


def check_scikit_learn(run):
    """Scaled by scikit-learn and averaged by NumPy, ranked and averaged geometrically by SciPy, for 1,707 earthquakes; largest difference."""
    quakes = sample("earthquakes")
    table = quakes[["mag", "depth", "sig"]].to_numpy(dtype=float)
    given = {"inputLayer": quakes, "inputVariables": json.dumps(_VARIABLES)}
    scaled = MinMaxScaler().fit_transform(table * [1, -1, 1])
    ranks = (rankdata(table * [1, -1, 1], axis=0) - 1) / (len(table) - 1)
    expected = {
        "meanScaled": np.average(scaled, axis=1, weights=[2, 1, 1]),
        "geomeanPercentile": gmean(ranks, axis=1, weights=[2, 1, 1]),
        "sumFlagsPercentile": (ranks > 0.9) @ [2, 1, 1],
    }
    worst = 0.0
    for method, index in expected.items():
        made = run(**given, indexMethod=method)["indexResultLayer"]["Index"].to_numpy()
        worst = max(worst, np.abs(made - index).max())
    assert worst < 1e-9
    return below(worst)
