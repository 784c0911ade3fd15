"""FieldCalculator: a quotient, a condition and a text."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

TASK = "FieldCalculator"


def parameters(rows, rng):
    """Return points with numbers and texts."""
    lonlat = np.column_stack([rng.uniform(-170, 170, rows), rng.uniform(-70, 70, rows)])
    columns = {
        "a": rng.normal(size=rows),
        "b": rng.normal(size=rows),
        "name": [f"place {i}" for i in range(rows)],
    }
    return {
        "inputLayer": gpd.GeoDataFrame(columns, geometry=shapely.points(lonlat), crs=4326),
        "expressions": [
            {"field": "ratio", "expression": "!a! / !b! * 100"},
            {"field": "larger", "expression": "!a! if !a! > !b! else !b!"},
            {"field": "shouted", "expression": "!name!.upper()"},
        ],
    }


def bare(given):
    """Calculate the same with pandas."""
    layer = given["inputLayer"].copy()
    layer["ratio"] = layer["a"] / layer["b"] * 100
    layer["larger"] = layer["a"].where(layer["a"] > layer["b"], layer["b"])
    layer["shouted"] = layer["name"].str.upper()
    return layer
