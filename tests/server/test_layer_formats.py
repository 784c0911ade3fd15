"""Results that are layers as GeoJSON and as protocol buffers; and a word that changes nothing here."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from faces import ROOT
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon, box

from spatial_widgets.codec import LayerOptions, PbfPage, decode_features, encode_features, encode_records
from spatial_widgets.server.wire import Request

CITIES = gpd.GeoDataFrame(
    {"name": ["Bern", "Köln", None], "n": [1, 2, 3], "part": [0.5, np.nan, 2.0]},
    geometry=[Point(7.4, 46.9), None, Point(-77.0, -12.0)],
    crs=4326,
)
HOLE = gpd.GeoDataFrame(
    geometry=[Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [[(1, 1), (2, 1), (2, 2)]])], crs=32633
)

DEGREES = st.floats(-80, 80).map(lambda value: value if abs(value) > 1e-9 else 0.0)


def decode_pbf(data):
    page = PbfPage(data)
    points = {"geometryType": "esriGeometryPoint"} if "spatialReference" in page.document else {}
    return page.frame(points | page.document, LayerOptions())


def made(face, layer, task="Layer", name="inputLayer", **form):
    text = json.dumps(encode_features(layer) if isinstance(layer, gpd.GeoDataFrame) else layer)
    job = face.submit(task, **{name: text}, **form)
    assert face.ended(job)["jobStatus"] == "esriJobSucceeded", face.ask(job)
    return job


def fetch(core, job, **form):
    return core.handle(Request("GET", f"{job}/results/result", form))


def test_geojson_is_in_longitude_and_latitude_and_read_by_others(core, face, tmp_path):
    job = made(face, CITIES.to_crs(3857))
    reply = fetch(core, job, f="geojson")
    assert reply.content_type == "application/geo+json; charset=utf-8"
    (tmp_path / "cities.geojson").write_bytes(reply.body)
    read = gpd.read_file(tmp_path / "cities.geojson")
    assert read.crs == 4326
    assert read["name"].tolist()[:2] == ["Bern", "Köln"]
    assert read.geometry.iloc[0].distance(CITIES.geometry.iloc[0]) < 1e-9
    assert read.geometry.iloc[1] is None
    assert "crs" not in reply.json()
    assert list(reply.json()["features"][0]) == ["type", "geometry", "properties"]


def test_geojson_turns_rings_as_its_standard_has_them_and_takes_an_out_sr(core, face):
    job = made(face, HOLE)
    document = fetch(core, job, f="geojson", outSR="32633").json()
    rings = document["features"][0]["geometry"]["coordinates"]
    assert [shapely.is_ccw(shapely.linearrings(ring)) for ring in rings] == [True, False]
    assert document["crs"]["properties"]["name"].endswith("32633")
    assert shapely.polygons(rings[0], [rings[1]]).equals(HOLE.geometry.iloc[0])


@pytest.mark.parametrize(
    "layer",
    [
        CITIES,
        HOLE,
        gpd.GeoDataFrame({"n": [1]}, geometry=[LineString([(0, 0, 5), (1, 1, 6)])], crs=4326),
        gpd.GeoDataFrame(
            {"when": pd.to_datetime(["2020-01-01", None], utc=True)}, geometry=[Point(1, 2)] * 2, crs=4326
        ),
    ],
    ids=["points", "polygon", "lines with z", "dates"],
)
def test_a_protocol_buffer_is_the_layer_that_json_gives(core, face, layer):
    job = made(face, layer)
    reply = fetch(core, job, f="pbf")
    assert reply.content_type == "application/x-protobuf"
    found = decode_pbf(reply.body)
    assert_geodataframe_equal(found, decode_features(fetch(core, job).json()["value"]), check_like=True)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(DEGREES, DEGREES), min_size=1, max_size=5))
def test_coordinates_come_through_a_protocol_buffer_to_the_last_bit(core, face, places):
    job = made(face, gpd.GeoDataFrame(geometry=[Point(*place) for place in places], crs=4326))
    found = shapely.get_coordinates(decode_pbf(fetch(core, job, f="pbf").body).geometry.array)
    largest = np.abs(places).max(axis=0)
    assert (np.abs(found - places) <= largest * 1e-18).all()


def test_field_types_and_an_empty_layers_kind_stay(core, face):
    layer = {
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": 4326},
        "fields": [{"name": "day", "type": "esriFieldTypeDateOnly"}],
        "features": [],
    }
    job = made(face, layer)
    assert fetch(core, job, f="geojson").json() == {"type": "FeatureCollection", "features": []}
    rows = [{"geometry": {"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}, "attributes": {"day": "2020-02-29"}}]
    job = made(face, layer | {"features": rows})
    assert fetch(core, job, f="geojson").json()["features"][0]["properties"] == {"day": "2020-02-29"}
    assert decode_pbf(fetch(core, job, f="pbf").body)["day"].dtype == "datetime64[s]"


def test_a_table_comes_without_geometry(core, face):
    table = encode_records(pd.DataFrame({"n": [1, 2], "word": ["a", None]}))
    job = made(face, table, "Rows", "inputTable")
    features = fetch(core, job, f="geojson").json()["features"]
    assert [f["properties"] for f in features] == [{"n": 1, "word": "a"}, {"n": 2, "word": None}]
    assert [f["geometry"] for f in features] == [None, None]
    assert decode_pbf(fetch(core, job, f="pbf").body)["n"].tolist() == [1, 2]


def test_z_stays_away_where_it_is_asked_to(core, face):
    job = made(face, gpd.GeoDataFrame(geometry=[Point(1, 2, 3)], crs=4326))
    for flag, place in (("true", [1, 2, 3]), ("false", [1, 2])):
        document = fetch(core, job, f="geojson", returnZ=flag).json()
        assert document["features"][0]["geometry"]["coordinates"] == place
        assert decode_pbf(fetch(core, job, f="pbf", returnZ=flag).body).geometry.has_z.all() == (
            flag == "true"
        )


@pytest.mark.parametrize("chosen", ["geojson", "PBF"])
def test_these_formats_are_refused_of_what_is_no_layer(core, face, chosen):
    job = face.submit("Greet", name="Ada")
    files = face.submit("WriteFiles")
    hosted = made(face, CITIES, outputName="cities")
    for path, says in [
        (f"{job}/results/text", "the result 'text' is none"),
        (f"{files}/results/report", "the result 'report' is none"),
        (f"{hosted}/results/result", "is the address of one, which answers queries with it"),
        (f"{job}/results", "only results/<name>"),
        (job, "only results/<name>"),
        (f"{ROOT}/Greet/submitJob", "only results/<name>"),
        (f"{ROOT}/Sum/execute", "only results/<name>"),
        (ROOT, "only results/<name>"),
    ]:
        reply = face.ask(path, f=chosen)
        assert reply["error"]["code"] == 400, path
        assert says in reply["error"]["message"]
        assert "Ask for f=json" in reply["error"]["message"]
    assert len(face.ask(f"{ROOT}/Greet/jobs")["jobs"]) == 1


@pytest.mark.parametrize("chosen", ["kmz", "image", "amf", "xml"])
def test_formats_that_are_not_spoken_are_refused_with_a_word(core, face, chosen):
    reply = fetch(core, made(face, CITIES), f=chosen).json()
    assert reply["error"]["code"] == 400
    assert f"'{chosen}' is not supported" in reply["error"]["message"]


@pytest.mark.parametrize("word", ["true", "false", ""])
def test_true_curves_make_no_difference_for_there_are_none(core, face, word):
    job = made(face, HOLE, returnTrueCurves=word)
    assert fetch(core, job, returnTrueCurves=word).body == fetch(core, job).body
    assert face.ask(f"{ROOT}/Sum/execute", a="1", returnTrueCurves=word)["results"][0]["value"] == 1.0
    kept = made(face, CITIES, outputName="curves", returnTrueCurves=word)
    url = face.ask(f"{kept}/results/result")["value"]["url"]
    assert "error" not in face.ask(f"{url}/query", where="1=1", returnTrueCurves=word)


@pytest.mark.parametrize("path", [f"{ROOT}/Greet/submitJob", f"{ROOT}/Sum/execute"])
def test_true_curves_are_true_or_false(face, path):
    reply = face.ask(path, name="a", a="1", returnTrueCurves="perhaps")
    assert "returnTrueCurves is true or false" in reply["error"]["message"]


def test_the_box_of_the_whole_world_is_no_trouble(core, face):
    job = made(face, gpd.GeoDataFrame(geometry=[box(-180, -90, 180, 90)], crs=4326))
    assert decode_pbf(fetch(core, job, f="pbf").body).total_bounds.tolist() == [-180, -90, 180, 90]
