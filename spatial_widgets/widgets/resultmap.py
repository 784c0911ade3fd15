"""A layer on a map that can be moved, without tiles, so that it needs no network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.widgets import picture
from spatial_widgets.widgets.framing import countries
from spatial_widgets.widgets.sampling import Sample, take
from spatial_widgets.widgets.svgpath import spread

if TYPE_CHECKING:
    from spatial_widgets.widgets.verbs import JobVerbs

__all__ = ["layer_on_map", "map_of"]

_MOST_BYTES = 3_000_000  # of GeoJSON
_VIEW = 640, 400  # pixels that are sure to be there
_GRID = 1e-6  # degrees, a tenth of a metre


def map_of(job: JobVerbs, name: str | None) -> Any:
    """Return the map of a job's result; of the first layer where it has no name. Waits; as :meth:`JobWidget.map`."""
    _leaflet()  # before waiting for long
    if name is None:
        job.wait()
        layers = [key for key, value in job.results.items() if isinstance(value, gpd.GeoDataFrame)]
        if not layers:
            raise ParameterError(
                f"The job has no layer among its results: {', '.join(job.results) or 'none'}."
            )
        name = layers[0]
    return layer_on_map(job.result(name), name)


def layer_on_map(layer: Any, name: str) -> Any:
    """Return an ``ipyleaflet.Map`` of a layer above the outlines of the countries; a large one as a sample, which the map says.

    Raises
    ------
    ImportError : ipyleaflet, of the ``map`` extra, is not installed.
    ParameterError : the result is no layer, has no CRS, or nothing to draw.
    """
    leaflet, words = _leaflet()
    sample = _sample(layer, name)
    shapes, bins = _fitting(sample)
    style = {"weight": 1, "fillOpacity": 0.6}
    ground = {"color": picture.BORDER, "fillColor": picture.LAND, "weight": 1, "fillOpacity": 1}
    data = leaflet.GeoJSON(
        data=_features(shapes, bins),
        style=style,
        point_style={"radius": 4, **style},
        style_callback=_style,
        name=name,
    )
    world = leaflet.GeoJSON(data=_world(), style=ground, name="")
    west, south, east, north = shapely.total_bounds(sample.shapes)
    shown = leaflet.Map(
        basemap=leaflet.TileLayer(url="", attribution=""),
        center=(float(south + north) / 2, float(west + east) / 2),
        zoom=_zoom(west, south, east, north),
        scroll_wheel_zoom=True,
    )
    shown.add(world)
    shown.add(data)
    caption = words.Label(picture.amount(sample, len(shapes)))
    shown.add(leaflet.WidgetControl(widget=caption, position="bottomleft"))
    return shown


def _leaflet() -> tuple[Any, Any]:
    try:
        import ipyleaflet
        import ipywidgets
    except ImportError as error:
        raise ImportError(
            "An interactive map needs ipyleaflet, which is not installed: pip install 'spatial_widgets[map]'. "
            "The still picture in the widget needs nothing."
        ) from error
    return ipyleaflet, ipywidgets


def _sample(layer: gpd.GeoDataFrame, name: str) -> Sample:
    if getattr(layer, "active_geometry_name", None) is None:
        raise ParameterError(
            f"The result {name!r} is no layer but a {type(layer).__name__}; w.map(name) takes the name of a layer.",
            parameter="name",
            value=name,
        )
    sample = take(layer)
    if not len(sample.shapes) or not sample.is_degrees:
        raise ParameterError(
            f"The layer {name!r} has nothing that could be drawn, or no CRS that says where on the earth it is.",
            parameter="name",
            value=name,
        )
    return sample


def _fitting(sample: Sample) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """Return as many shapes as a browser draws at ease, and their bins."""
    west, south, east, north = shapely.total_bounds(sample.shapes)
    tolerance = max(east - west, north - south) / 4_000
    shapes = np.asarray(shapely.simplify(shapely.force_2d(sample.shapes), tolerance))
    size = int(shapely.get_num_coordinates(shapes).sum()) * 24 + len(shapes) * 120
    kept = spread(np.arange(len(shapes)), len(shapes) * _MOST_BYTES // max(size, _MOST_BYTES))
    return shapes[kept], None if sample.bins is None else sample.bins[kept]


def _features(shapes: np.ndarray[Any, Any], bins: np.ndarray[Any, Any] | None) -> dict[str, Any]:
    rounded = shapely.transform(shapes, lambda places: np.round(places / _GRID) * _GRID)
    numbers = [None] * len(shapes) if bins is None else bins.tolist()
    return dict(gpd.GeoDataFrame({"bin": numbers}, geometry=rounded).to_geo_dict(drop_id=True))


def _style(feature: dict[str, Any]) -> dict[str, str]:
    number = feature["properties"]["bin"]
    colour = picture.FILL if number is None else picture.BINS[number]
    return {"color": colour, "fillColor": colour}


def _world() -> dict[str, Any]:
    """Return the countries, and again to the east, where a layer across 180 degrees goes on."""
    places = countries()
    both = np.concatenate([places, shapely.transform(places, lambda at: at + np.array([360.0, 0.0]))])
    return dict(gpd.GeoDataFrame(geometry=both).to_geo_dict(drop_id=True))


def _zoom(west: float, south: float, east: float, north: float) -> int:
    """Return the closest zoom of the web's maps, of 256 pixels around the world at 0, at which all is seen."""
    wide = _VIEW[0] * 360 / 256 / max(east - west, 1e-4)
    high = _VIEW[1] * 170 / 256 / max(north - south, 1e-4)
    return max(0, min(16, math.floor(math.log2(min(wide, high)))))
