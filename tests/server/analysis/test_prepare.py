from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from shapely import GeometryCollection, LineString, Point, Polygon, box, from_wkt

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import numbers_of, prepare, require_field


class Said(list):
    def info(self, text):
        self.append(("info", text))

    def warn(self, text):
        self.append(("warn", text))


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def test_a_layer_without_coordinate_system_is_refused():
    with pytest.raises(ParameterError, match=r"inputLayer: the layer has no coordinate system.*'wkid': 4326"):
        prepare(Said(), layer(Point(0, 0), crs=None), "inputLayer")


def test_a_bow_tie_is_repaired_and_counted():
    said = Said()
    ready = prepare(
        said, layer(from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"), box(5, 5, 6, 6)), "inputLayer"
    )
    assert ready.geometry.is_valid.all()
    assert shapely.area(ready.geometry.to_numpy()).tolist() == [2, 1]
    assert ("info", "inputLayer: 1 invalid geometry repaired (self-crossing or misplaced rings).") in said
    assert ("info", "inputLayer: 2 polygons in EPSG:4326.") in said


def test_null_and_empty_geometries_are_left_out_and_counted():
    said = Said()
    ready = prepare(said, layer(Point(0, 0), None, Point(), Point(1, 1), n=[1, 2, 3, 4]), "pointLayer")
    assert ready["n"].tolist() == [1, 4]
    assert ready.index.tolist() == [0, 3]  # the numbers in the layer
    assert ("warn", "pointLayer: 2 features without geometry left out.") in said


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (pd.DataFrame({"a": [1]}), "a layer with geometry is needed"),
        (layer(), "the layer has no features"),
        (layer(None), "no feature of the layer has a geometry"),
        (layer(Point(0, 0), box(0, 0, 1, 1)), "holds points and polygons"),
        (layer(LineString([(0, 0), (1, 1)])), "holds lines, but polygons are needed"),
        (layer(GeometryCollection([Point(0, 0)])), "geometry collections cannot be analysed"),
        (layer(box(10, 100, 11, 101)), "beyond ±90: are x and y swapped"),
    ],
)
def test_what_cannot_be_analysed_is_refused_with_the_reason(bad, reason):
    with pytest.raises(ParameterError, match=reason):
        prepare(Said(), bad, "inputLayer", kinds=("polygons",))


def test_longitudes_beyond_180_are_moved_to_where_they_belong():
    ready = prepare(Said(), layer(Point(190, 10)), "pointLayer")
    assert ready.geometry.iloc[0].equals(Point(-170, 10))
    ready = prepare(Said(), layer(box(170, 0, 190, 10)), "polygonLayer")
    assert ready.total_bounds.tolist() == [-180, 0, 180, 10]
    assert shapely.area(ready.geometry.to_numpy()).tolist() == [200]


def test_heights_are_dropped_and_the_input_is_not_changed():
    given = layer(Point(1, 2, 3)).rename_geometry("shape")
    ready = prepare(Said(), given, "pointLayer")
    assert not ready.geometry.has_z.any()
    assert (shapely.get_coordinate_dimension(ready.geometry.to_numpy()) == 2).all()
    assert ready.geometry.name == "geometry"
    assert given.geometry.iloc[0].has_z


def test_a_field_is_found_in_any_case_and_a_missing_one_lists_the_others():
    frame = pd.DataFrame({"Mag": [1.0], "place": ["x"]})
    assert require_field(frame, "mag", "field") == "Mag"
    with pytest.raises(
        ParameterError, match=r"field: the layer has no field 'depth'\. Its fields are Mag, place\."
    ):
        require_field(frame, "depth", "field")


def test_numbers_are_floats_and_text_is_refused():
    frame = pd.DataFrame(
        {"n": pd.array([1, None, 3], dtype="Int64"), "t": ["a", "b", "c"], "x": [1.0, float("inf"), 2]}
    )
    assert numbers_of(frame, "n", "field").isna().tolist() == [False, True, False]
    assert numbers_of(frame, "x", "field").isna().tolist() == [False, True, False]
    with pytest.raises(ParameterError, match="'t' holds .*, not numbers"):
        numbers_of(frame, "t", "field")


def test_a_hole_stays_a_hole():
    ring = Polygon(box(0, 0, 4, 4).exterior.coords, [box(1, 1, 2, 2).exterior.coords])
    assert shapely.area(prepare(Said(), layer(ring), "inputLayer").geometry.to_numpy()).tolist() == [15]
