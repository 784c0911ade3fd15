"""Which shapes of a layer are shown, at a cost that is bounded whatever its size, and where they are on the earth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import ProjError

from spatial_widgets.widgets.framing import cut_of, turned
from spatial_widgets.widgets.svgpath import parts_of, spread

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["Sample", "take"]

_POINTS, _SHAPES, _VERTICES = 20_000, 4_000, 400_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Some shapes of a layer, evenly spread over its rows, and the outermost in each direction among them.

    Attributes
    ----------
    shapes : in longitude and latitude where ``is_degrees``, cut open where it costs least; else as they are.
    bins : how hot each is, from -3 to 3, where the layer says so.
    usable : how many shapes the layer has that could be shown.
    missing : how many rows have none.
    """

    shapes: np.ndarray[Any, Any]
    bins: np.ndarray[Any, Any] | None
    usable: int
    missing: int
    is_degrees: bool


def take(layer: gpd.GeoDataFrame) -> Sample:
    """Return what is shown of a layer."""
    shapes = np.asarray(layer.geometry.to_numpy())
    bounds = shapely.bounds(shapes)
    usable = np.flatnonzero(np.isfinite(bounds).all(axis=1))
    missing = len(shapes) - len(usable)
    chosen = _choose(shapes, bounds, usable) if len(usable) else usable
    placed, is_degrees = _to_degrees(shapes[chosen], layer.crs)
    sound = np.isfinite(shapely.bounds(placed)).all(axis=1)
    chosen, placed = chosen[sound], placed[sound]
    if is_degrees and len(placed):
        placed = turned(placed, cut_of(shapely.bounds(parts_of(placed)[0])))
    return Sample(placed, _bins(layer, chosen), len(usable), missing, is_degrees)


def _choose(
    shapes: np.ndarray[Any, Any], bounds: np.ndarray[Any, Any], usable: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return the numbers of the shapes that are shown."""
    is_points = bool((shapely.get_type_id(shapes[spread(usable, 100)]) == 0).all())
    chosen = spread(usable, _POINTS if is_points else _SHAPES)
    vertices = int(shapely.get_num_coordinates(shapes[chosen]).sum())
    chosen = spread(chosen, len(chosen) * _VERTICES // max(vertices, _VERTICES))
    outermost = [
        usable[bounds[usable, 0].argmin()],
        usable[bounds[usable, 1].argmin()],
        usable[bounds[usable, 2].argmax()],
        usable[bounds[usable, 3].argmax()],
    ]
    return np.union1d(chosen, outermost)


def _to_degrees(shapes: np.ndarray[Any, Any], crs: Any) -> tuple[np.ndarray[Any, Any], bool]:
    """Return shapes in longitude and latitude, and whether they are; those without a CRS stay as they are."""
    try:
        transformer = None if crs is None else pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except ProjError:  # the CRS of a building site, or of another planet
        transformer = None
    if transformer is None:
        return np.asarray(shapely.force_2d(shapes)), False

    def move(places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.column_stack(transformer.transform(places[:, 0], places[:, 1]))

    return np.asarray(shapely.transform(shapes, move)), True


def _bins(layer: gpd.GeoDataFrame, chosen: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    places = [place for place, name in enumerate(layer.columns) if str(name).casefold() == "gi_bin"]
    if not places:
        return None
    numbers = pd.to_numeric(layer.iloc[chosen, places[0]], errors="coerce").to_numpy(float, na_value=np.nan)
    return np.asarray(np.clip(np.nan_to_num(numbers), -3, 3).round().astype(int))
