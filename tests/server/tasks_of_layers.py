"""Tasks that give back what they are given: layers, tables, both."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TypedDict

import geopandas as gpd
import pandas as pd

from spatial_widgets.server.registry import REGISTRY, Registry, task

_IS_TEST = "pytest" in sys.modules and multiprocessing.parent_process() is None
LAYERS = Registry() if _IS_TEST else REGISTRY


class Both(TypedDict):
    shapes: gpd.GeoDataFrame
    rows: pd.DataFrame
    count: int


@task("Echo", registry=LAYERS)
def echo(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if "day" in layer and len(layer):
        layer["day"] = layer["day"].dt.date.astype(object)  # days again, not midnights
    return layer


@task("EchoTable", registry=LAYERS)
def echo_table(table: pd.DataFrame) -> pd.DataFrame:
    return table


@task("Split", registry=LAYERS)
def split(layer: gpd.GeoDataFrame) -> Both:
    return {"shapes": layer, "rows": pd.DataFrame(layer.drop(columns="geometry")), "count": len(layer)}


@task("Fail", registry=LAYERS)
def fail(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    raise ValueError("not today")
