"""FindExistingLocations: a where clause and a spatial relation."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.data import sample

TASK = "FindExistingLocations"


def parameters(rows, rng):
    """Return points over the United States, and the states."""
    lonlat = np.column_stack([rng.uniform(-125, -67, rows), rng.uniform(25, 49, rows)])
    points = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapely.points(lonlat), crs=4326)
    expressions = [
        {"layer": 0, "where": "value > 0"},
        {"operator": "and", "layer": 0, "spatialRel": "within", "selectingLayer": 1},
    ]
    return {"inputLayers": [points, sample("counties")], "expressions": json.dumps(expressions)}


def bare(given):
    """Let SQLite answer the clause, query a tree, and keep what was found."""
    points, areas = given["inputLayers"]
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE points (value REAL)")
        db.executemany("INSERT INTO points VALUES (?)", zip(points["value"].tolist(), strict=True))
        some = [row - 1 for (row,) in db.execute("SELECT rowid FROM points WHERE value > 0")]
    found, _ = shapely.STRtree(areas.geometry.array).query(points.geometry.array, predicate="within")
    return points[points.index.isin(some) & np.isin(np.arange(len(points)), found)]
