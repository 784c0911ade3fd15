from __future__ import annotations

import zipfile

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.measures import areas_m2
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.tasks.extract import extract_data

FORMATS = ["FileGeodatabase", "ShapeFile", "KML", "CSV"]


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def extract(ctx, layers, **parameters):
    return extract_data(ctx, layers, **parameters)["contentID"]


def read(path, name, kind):
    """Return a layer of the file, read by GDAL alone."""
    if path.suffix == ".zip":
        folder = path.with_suffix("")
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        path = {
            "FileGeodatabase": folder / "extract.gdb",
            "ShapeFile": folder / f"{name}.shp",
            "KML": folder / f"{name}.kml",
            "CSV": folder / f"{name}.csv",
        }[kind]
    options = (
        {"X_POSSIBLE_NAMES": "X", "Y_POSSIBLE_NAMES": "Y", "GEOM_POSSIBLE_NAMES": "WKT"}
        if kind == "CSV"
        else {}
    )
    return pyogrio.read_dataframe(path, layer=None if kind == "CSV" else name, **options)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_by_gdal_with_all_features_in_place(ctx, kind):
    quakes, states = sample("earthquakes"), sample("states")
    states = states[shapely.get_num_geometries(states.geometry.to_numpy()) < 20]  # GDAL warns of reading more
    path = extract(ctx, [quakes, states], dataFormat=kind)
    assert path.name == "extract.zip"
    made = read(path, "layer1", kind)
    assert len(made) == len(quakes)
    assert shapely.distance(made.geometry.to_numpy(), quakes.geometry.force_2d().to_numpy()).max() < 1e-9
    second = read(path, "layer2", kind)
    assert len(second) == len(states)
    assert shapely.area(second.geometry.to_numpy()) == pytest.approx(shapely.area(states.geometry.to_numpy()))
    if kind != "KML":
        assert made["mag"].astype(float).tolist() == pytest.approx(quakes["mag"].tolist())
        assert second["name"].tolist() == states["name"].tolist()
    else:
        assert second["Name"].tolist() == states["name"].tolist()


def test_a_geodatabase_keeps_types_and_times_to_the_second(ctx):
    path = extract(ctx, [sample("earthquakes")])
    made, quakes = read(path, "layer1", "FileGeodatabase"), sample("earthquakes")
    assert (pd.to_datetime(made["time"], utc=True) - quakes["time"]).abs().max() <= pd.Timedelta("500ms")
    assert made["felt"].isna().tolist() == quakes["felt"].isna().tolist()
    assert made["sig"].dtype.kind == "i"
    assert made.crs.to_epsg() == 4326
    large = read(extract(ctx, [layer(Point(0, 0), n=[2**53 + 1])]), "layer1", "FileGeodatabase")
    assert large["n"].tolist() == [2**53 + 1]


def test_a_shapefile_tells_what_it_had_to_change(ctx):
    given_layer = layer(Point(1, 2), Point(3, 4), a_long_field_name=[1, 2], a_long_field_other=["x", "y"], flag=[True, False],
                        when=pd.to_datetime(["2018-01-01T12:00:00", None], utc=True))  # fmt: skip
    made = read(extract(ctx, [given_layer], dataFormat="ShapeFile"), "layer1", "ShapeFile")
    assert list(made.columns) == ["a_long_fie", "a_long_f_1", "flag", "when", "geometry"]
    assert made["when"].tolist()[0] == "2018-01-01T12:00:00Z"
    assert made["flag"].tolist() == [1, 0]
    assert "a_long_field_name became a_long_fie" in ctx.text()
    assert "when became text" in ctx.text()


def test_one_layer_as_csv_or_kml_needs_no_archive(ctx):
    assert extract(ctx, [layer(Point(1, 2), n=[1])], dataFormat="CSV").read_text().split() == [
        "n,X,Y",
        "1,1.0,2.0",
    ]


def test_polygons_in_csv_are_well_known_text(ctx):
    text = extract(ctx, [layer(box(0, 0, 1, 1), n=['a,"b"'])], dataFormat="CSV").read_text()
    assert 'n,WKT\n"a,""b""","POLYGON' in text


def test_an_extent_selects_and_clips(ctx):
    counties = sample("counties")
    state = sample("states").query("name == 'Colorado'")
    inner = state.set_geometry(
        state.buffer(-0.05)
        if state.crs.is_projected
        else gpd.GeoSeries(shapely.buffer(state.geometry.to_numpy(), -0.05), index=state.index, crs=4326)
    )
    path = extract(ctx, [counties], extent=inner.to_crs(3857), dataFormat="ShapeFile")
    assert len(read(path, "layer1", "ShapeFile")) == 64  # the counties of Colorado
    cut = read(extract(ctx, [counties], extent=inner, clip=True), "layer1", "FileGeodatabase")
    assert areas_m2(cut.geometry.to_numpy(), cut.crs).sum() == pytest.approx(
        areas_m2(inner.geometry.to_numpy(), inner.crs)[0], rel=1e-4
    )
    assert "64 of 3,231 features extracted as layer1" in ctx.text()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8))
def test_points_in_the_extent_are_those_of_a_loop(ctx, places):
    area = Polygon([(0.5, 0.5), (7, 1), (4, 8)])
    points = layer(*(Point(p) for p in places), n=range(len(places)))
    expected = [i for i, p in enumerate(points.geometry) if area.intersects(p)]
    if expected:
        table = pd.read_csv(extract(ctx, [points], extent=layer(area), dataFormat="CSV"))
        assert table["n"].tolist() == expected
    else:
        with pytest.raises(ParameterError, match="extent: no feature lies there"):
            extract(ctx, [points], extent=layer(area), dataFormat="CSV")


@pytest.mark.parametrize(
    ("layers", "parameters", "reason"),
    [
        ([], {}, "inputLayers: give at least one layer"),
        ([layer(Point(0, 0))], {"clip": True}, "extent: clip needs polygons"),
        ([layer(Point(0, 0), crs=None)], {}, "inputLayers\\[0\\]: the layer has no coordinate system"),
        ([layer()], {}, "the layers have no features"),
        (
            [layer(Point(0, 0))],
            {"extent": layer(LineString([(0, 0), (1, 1)]))},
            "extent: the layer holds lines",
        ),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layers, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        extract(ctx, layers, **parameters)


def test_mixed_single_and_multiple_parts_are_written(ctx):
    ctx.limits = Limits()
    shapes = [box(0, 0, 1, 1), shapely.MultiPolygon([box(2, 2, 3, 3), box(4, 4, 5, 5)])]
    made = read(extract(ctx, [layer(*shapes, None)]), "layer1", "FileGeodatabase")
    assert shapely.area(made.geometry.to_numpy()[:2]).tolist() == [1, 2]
    assert made.geometry.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("kind", FORMATS)
def test_empty_and_missing_shapes_are_written_in_every_format(ctx, kind):
    rows = layer(Point(1, 2), Point(), None, Point(3, 4), k=[0, 1, 2, 3])
    path = extract(ctx, [rows], dataFormat=kind)
    made = read(path, "layer1", kind)
    assert len(made) == 4
    usable = made[~(made.geometry.isna() | made.geometry.is_empty)]
    assert shapely.get_coordinates(usable.geometry.to_numpy()).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("kind", FORMATS)
def test_measures_are_left_out_where_a_format_does_not_get_them(ctx, kind):
    rows = layer(
        *shapely.from_wkt(["LINESTRING ZM (0 0 1 2, 1 1 3 4)", "LINESTRING M (5 5 1, 6 6 2)"]), k=[0, 1]
    )
    made = read(extract(ctx, [rows], dataFormat=kind), "layer1", kind)
    assert shapely.get_coordinates(made.geometry.to_numpy()).tolist() == [[0, 0], [1, 1], [5, 5], [6, 6]]
    assert shapely.get_coordinates(made.geometry.iloc[0], include_z=True)[:, 2].tolist() == [1, 3]
    assert ("measures (m) of 2 features" in ctx.text()) == (kind != "CSV")
