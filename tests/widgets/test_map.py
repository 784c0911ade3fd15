"""The map of a result that can be moved: no tiles, a sample of a large layer, and a clear word where it cannot be."""

import builtins
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from fakes import POINT_LAYER, ScriptedApp

import spatial_widgets as sw
from spatial_widgets.errors import ParameterError
from spatial_widgets.widgets.resultmap import layer_on_map


def data_of(shown):
    return next(layer for layer in shown.layers if layer.name == "hot").data


def caption_of(shown):
    (control,) = (c for c in shown.controls if hasattr(c, "widget") and hasattr(c.widget, "value"))
    return control.widget.value


def addresses(shown):
    """Return what a browser would be asked to fetch."""
    return [layer.url for layer in shown.layers if getattr(layer, "url", "")]


def test_a_layer_is_above_the_countries_and_nothing_is_fetched():
    shown = layer_on_map(sw.sample("earthquakes").to_crs(3857), "hot")
    assert addresses(shown) == []
    assert len(data_of(shown)["features"]) == 1707
    assert caption_of(shown) == "1,707 features."
    ground, data = (layer for layer in shown.layers if hasattr(layer, "data"))
    assert len(ground.data["features"]) == 2 * 177
    assert data.name == "hot"
    lon, lat = data_of(shown)["features"][0]["geometry"]["coordinates"]
    assert -180 <= lon <= 180
    assert -90 <= lat <= 90


def test_the_view_is_where_the_layer_is():
    near = gpd.GeoDataFrame(geometry=[shapely.box(10, 50, 10.1, 50.1)], crs=4326)
    shown = layer_on_map(near, "hot")
    assert shown.center == pytest.approx([50.05, 10.05])
    assert 10 <= shown.zoom <= 16
    assert layer_on_map(sw.sample("countries"), "hot").zoom in {0, 1}
    fiji = gpd.GeoDataFrame(
        geometry=[shapely.box(177, -19, 180, -16), shapely.box(-180, -19, -178, -16)], crs=4326
    )
    assert layer_on_map(fiji, "hot").center == pytest.approx([-17.5, 179.5])


def test_a_million_points_and_heavy_polygons_are_samples_that_say_so():
    rng = np.random.default_rng(1)
    points = gpd.points_from_xy(rng.uniform(-180, 180, 1_000_000), rng.uniform(-80, 80, 1_000_000))
    angle = np.linspace(0, 2 * np.pi, 2_000)
    blobs = [
        shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(1, 9, (2_000, 1)))
        for _ in range(500)
    ]
    for shapes in (points, blobs):
        shown = layer_on_map(gpd.GeoDataFrame(geometry=shapes, crs=4326), "hot")
        assert caption_of(shown).startswith("A sample: about one in ")
        assert 0 < len(json.dumps(data_of(shown))) < 4_000_000


def test_hot_spots_have_their_colours():
    frame = gpd.GeoDataFrame(
        {"Gi_Bin": [3, None]}, geometry=[shapely.Point(1, 1), shapely.Point(2, 2)], crs=4326
    )
    hot, none = (f["properties"]["style"]["color"] for f in data_of(layer_on_map(frame, "hot"))["features"])
    assert hot == "#b2182b"
    assert none == "#8a8a80"


def test_what_has_no_place_on_the_earth_is_refused_by_name():
    for frame in (
        pd.DataFrame({"a": [1]}),
        gpd.GeoDataFrame(geometry=[shapely.Point(1, 1)]),
        gpd.GeoDataFrame(geometry=[None], crs=4326),
    ):
        with pytest.raises(ParameterError, match="'hot'"):
            layer_on_map(frame, "hot")


def test_the_widget_draws_the_first_layer_or_the_one_that_is_named():
    table = {"fields": [], "features": []}
    widget = sw.JobWidget(ScriptedApp(results={"table": table, "layer": POINT_LAYER, "n": 7}).submit())
    assert len(widget.map().layers[-1].data["features"]) == 1
    assert widget.map("layer").layers[-1].name == "layer"
    with pytest.raises(ParameterError, match="'n' is no layer but a int"):
        widget.map("n")
    widget.close()
    widget = sw.JobWidget(ScriptedApp(results={"n": 7}).submit())
    with pytest.raises(ParameterError, match="no layer among its results: n"):
        widget.map()
    widget.close()


def test_without_ipyleaflet_the_extra_is_named_before_anybody_waits(monkeypatch):
    found = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "ipyleaflet":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    widget = sw.JobWidget(ScriptedApp(["esriJobExecuting"]).submit())
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'spatial_widgets\[map\]'"):
        widget.map()
    monkeypatch.undo()
    widget.close()
