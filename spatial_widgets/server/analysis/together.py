"""Two layers brought into one coordinate system, in which both can be compared and cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from spatial_widgets.server.analysis.prepare import in_lonlat
from spatial_widgets.server.analysis.sphere import is_geodesic, split_at_antimeridian, unproject

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["in_degrees", "in_one_system"]

Array = np.ndarray[Any, Any]

_STRIDE_M = 10_000.0


def in_one_system(*layers: gpd.GeoDataFrame) -> Sequence[gpd.GeoDataFrame]:
    """Return layers in the projection that all of them have, or else all in longitude and latitude."""
    first = layers[0].crs
    if not is_geodesic(first) and all(layer.crs == first for layer in layers):
        return layers
    return [in_degrees(layer) for layer in layers]


def in_degrees(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer in longitude and latitude, cut at ±180; long sides that bend there get vertices between."""
    if is_geodesic(layer.crs):
        return in_lonlat(layer)
    shapes = layer.geometry.to_numpy()
    if shapely.get_dimensions(shapes[:1]).max(initial=0) == 0:
        return in_lonlat(layer)
    shapes = shapely.segmentize(shapes, _STRIDE_M / float(layer.crs.axis_info[0].unit_conversion_factor))
    transformer = pyproj.Transformer.from_crs(layer.crs, 4326, always_xy=True)
    if shapely.get_dimensions(shapes).max() == 2:
        middle = transformer.transform(*shapely.get_coordinates(shapes).mean(axis=0))[1]
        moved = unproject(shapes, transformer.transform, middle)
    else:
        moved = split_at_antimeridian(shapely.transform(shapes, lambda xy: _unwound(transformer, xy)))
    return layer.set_geometry(gpd.GeoSeries(moved, index=layer.index, crs=4326))


def _unwound(transformer: pyproj.Transformer, xy: Array) -> Array:
    lon, lat = transformer.transform(*xy.T)
    return np.column_stack([np.unwrap(lon, period=360), lat])
