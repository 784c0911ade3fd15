"""CalculateCompositeIndex: ranks, and their weighted mean."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import shapely

TASK = "CalculateCompositeIndex"


def parameters(rows, rng):
    """Return points with four variables."""
    table = {name: rng.normal(size=rows) for name in "abcd"}
    layer = gpd.GeoDataFrame(table, geometry=shapely.points(rng.uniform(-80, 80, (rows, 2))), crs=4326)
    variables = json.dumps([{"field": name, "weight": i + 1} for i, name in enumerate("abcd")])
    return {"inputLayer": layer, "inputVariables": variables, "indexMethod": "meanPercentile"}


def bare(given):
    """Rank each variable, average, and rank again."""
    layer = given["inputLayer"]
    ranks = (layer[list("abcd")].rank() - 1) / (len(layer) - 1)
    index = np.average(ranks, axis=1, weights=[1, 2, 3, 4])
    made = layer.assign(**{f"Scaled_{name}": ranks[name] for name in ranks}, Index=index)
    return made.assign(Index_Rank=made["Index"].rank(ascending=False, method="min").astype("Int64"))
