"""Layers, tables and files on the wire, compared with texts written by hand, and everything odd about frames."""

import datetime as dt
import decimal
import itertools
import json
import math
import tracemalloc
import uuid

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial_widgets.codec import (
    encode_feature_collection,
    encode_features,
    encode_parameter,
    encode_records,
    encode_value,
    form_pieces,
    form_text,
)
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol import ParameterInfo

LAYER = ParameterInfo("layer", "GPFeatureRecordSetLayer")
POINT = shapely.Point(1, 2)
HEAD = (
    '{"geometryType":"%s","spatialReference":{"wkid":4326,"latestWkid":4326},"fields":%s,"features":[%s]%s}'
)


def text_of(value, parameter=LAYER):
    return form_text(encode_parameter(parameter, value))


def layer(*geometries, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geometries), crs=4326)


numbers = st.floats(-1e6, 1e6).map(lambda v: v + 0.0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(numbers, numbers, st.integers(-(2**31), 2**31 - 1), st.text(st.characters(codec="utf-8"), max_size=5)), min_size=1, max_size=6)
)  # fmt: skip
def test_points_with_attributes_are_written_as_esri_has_them(rows):
    frame = layer(
        *[shapely.Point(x, y) for x, y, _, _ in rows],
        n=[r[2] for r in rows],
        s=pd.Series([r[3] for r in rows], dtype=object),
    )
    features = ",".join(
        f'{{"attributes":{{"n":{n},"s":{json.dumps(s)}}},"geometry":{{"x":{x!r},"y":{y!r}}}}}'
        for x, y, n, s in rows
    )
    expected = (
        '{"geometryType":"esriGeometryPoint","spatialReference":{"wkid":4326,"latestWkid":4326},'
        '"fields":[{"name":"n","type":"esriFieldTypeInteger","alias":"n"},{"name":"s","type":"esriFieldTypeString","alias":"s","length":255}],'
        f'"features":[{features}]}}'
    )
    assert json.loads(text_of(frame)) == json.loads(expected) == encode_features(frame)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=5), min_size=1, max_size=4))
def test_lines_of_one_and_of_several_parts(parts):
    frame = layer(shapely.MultiLineString(parts), *map(shapely.LineString, parts))
    [several, *single] = json.loads(text_of(frame))["features"]
    assert several["geometry"] == {"paths": [[list(v) for v in part] for part in parts]}
    assert [f["geometry"] for f in single] == [{"paths": [[list(v) for v in part]]} for part in parts]


@settings(max_examples=50, deadline=None)
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(3, 9), st.booleans(), st.booleans())
def test_rings_are_written_clockwise_and_holes_against_it(x, y, size, turned, hole_turned):
    outer = [[x, y], [x, y + size], [x + size, y + size], [x + size, y], [x, y]]
    inner = [[x + 1, y + 1], [x + 2, y + 1], [x + 2, y + 2], [x + 1, y + 2], [x + 1, y + 1]]
    shape = shapely.Polygon(outer[::-1] if turned else outer, [inner[::-1] if hole_turned else inner])
    [written] = json.loads(text_of(layer(shape)))["features"]
    rings = written["geometry"]["rings"]
    assert rings[0] in (outer, outer[::-1]) and rings[1] in (inner, inner[::-1])  # noqa: PT018 -- one fact
    areas = [sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in itertools.pairwise(ring)) for ring in rings]
    assert areas[0] > 0 > areas[1]


def test_z_and_m_are_written_where_they_are():
    cases = [
        (shapely.from_wkt("POINT ZM (1 2 3 4)"), '{"x":1.0,"y":2.0,"z":3.0,"m":4.0}', {"hasZ": True, "hasM": True}),
        (shapely.from_wkt("POINT M (1 2 4)"), '{"x":1.0,"y":2.0,"m":4.0}', {"hasM": True}),
        (shapely.from_wkt("LINESTRING M (1 2 4, 5 6 nan)"), '{"paths":[[[1.0,2.0,4.0],[5.0,6.0,null]]]}', {"hasM": True}),
        (shapely.from_wkt("LINESTRING ZM (1 2 3 4, 5 6 7 8)"), '{"paths":[[[1.0,2.0,3.0,4.0],[5.0,6.0,7.0,8.0]]]}', {"hasZ": True, "hasM": True}),
        (shapely.from_wkt("MULTIPOINT M ((1 2 3), (4 5 6))"), '{"points":[[1.0,2.0,3.0],[4.0,5.0,6.0]]}', {"hasM": True}),
        (shapely.from_wkt("POLYGON M ((0 0 1, 0 1 2, 1 1 3, 0 0 1))"), '{"rings":[[[0.0,0.0,1.0],[0.0,1.0,2.0],[1.0,1.0,3.0],[0.0,0.0,1.0]]]}', {"hasM": True}),
        (shapely.Point(1, 2, math.nan), '{"x":1.0,"y":2.0,"z":null}', {"hasZ": True}),
    ]  # fmt: skip
    for shape, geometry, flags in cases:
        document = json.loads(text_of(layer(shape)))
        assert document["features"][0]["geometry"] == json.loads(geometry)
        assert {key: document[key] for key in ("hasZ", "hasM") if key in document} == flags
        assert encode_features(layer(shape)) == document
    assert encode_feature_collection(layer(cases[1][0]))["layerDefinition"]["hasM"] is True


def test_null_and_empty_geometries_survive():
    frame = layer(None, shapely.Point(), POINT)
    assert [f["geometry"] for f in encode_features(frame)["features"]] == [
        None,
        {"x": None, "y": None},
        {"x": 1.0, "y": 2.0},
    ]
    frame = layer(shapely.Polygon(), None, shapely.box(0, 0, 1, 1))
    assert [bool(f["geometry"] and f["geometry"]["rings"]) for f in encode_features(frame)["features"]] == [
        False,
        False,
        True,
    ]


def test_blocks_of_rows_join_without_a_seam():
    n = 4321
    frame = layer(*shapely.points(np.arange(n), np.arange(n) % 90), n=np.arange(n))
    pieces = form_pieces(encode_parameter(LAYER, frame))
    assert len(pieces) > 3
    document = json.loads(b"".join(pieces))
    assert [f["attributes"]["n"] for f in document["features"]] == list(range(n))
    assert [f["geometry"]["x"] for f in document["features"]] == list(range(n))
    with pytest.raises(CodecError, match=r"features\[4000\]\.geometry: .*infinite"):
        text_of(layer(*shapely.points(np.where(np.arange(n) == 4000, np.inf, 0.0), np.zeros(n))))


def test_a_geometry_of_very_many_vertices_is_written_in_pieces():
    angle = np.linspace(0, 2 * np.pi, 50_001)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    frame = layer(shapely.Polygon(ring), POINT.buffer(1), a=[1, 2])
    pieces = form_pieces(encode_parameter(LAYER, frame))
    assert max(map(len, pieces)) < 2_000_000
    assert json.loads(b"".join(pieces)) == encode_features(frame)


@pytest.mark.parametrize("many_vertices", [False, True])
def test_memory_stays_near_the_text(many_vertices):
    if many_vertices:
        angle = np.linspace(0, 2 * np.pi, 200_000)
        frame = layer(shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)])))
    else:
        n = 60_000
        frame = layer(
            *shapely.points(np.arange(n) / n, np.arange(n) / n),
            a=np.arange(n),
            b=np.arange(n) / 7,
            s=["text"] * n,
        )
    tracemalloc.start()
    try:
        pieces = form_pieces(encode_parameter(LAYER, frame))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * sum(map(len, pieces))


class TestBareGeometries:
    def test_the_srid_is_the_crs(self):
        document = encode_value("GPFeatureRecordSetLayer", shapely.set_srid(shapely.Point(5e5, 5e6), 25832))
        assert document["spatialReference"] == {"wkid": 25832, "latestWkid": 25832}

    def test_without_srid_it_is_longitude_and_latitude_where_it_can_be(self):
        assert text_of(POINT) == HEAD % (
            "esriGeometryPoint",
            "[]",
            '{"attributes":{},"geometry":{"x":1.0,"y":2.0}}',
            "",
        )
        for shape in (shapely.Point(0, 91), shapely.box(0, 0, 181, 1)):
            with pytest.raises(CodecError, match=r"gpd\.GeoSeries\(\[geometry\], crs="):
                encode_value("GPFeatureRecordSetLayer", shape)
            with pytest.raises(CodecError, match=r"gpd\.GeoSeries\(\[geometry\], crs="):
                encode_value("GPExtent", shape)

    def test_extents_of_geometries_and_layers(self):
        extent = encode_value("GPExtent", shapely.box(0, 1, 2, 3))
        corners = {"xmin": 0.0, "ymin": 1.0, "xmax": 2.0, "ymax": 3.0}
        assert extent.items() >= corners.items()
        # Esri's page of the data types has it with an underscore, envelopes elsewhere in camel case.
        assert extent["spatialReference"] == extent["spatial_reference"] == {"wkid": 4326, "latestWkid": 4326}
        assert encode_value("GPEnvelope", layer(POINT, shapely.Point(3, 4)))["xmax"] == 3.0
        given_by_hand = {**corners, "spatialReference": 25832}
        assert encode_value("GPExtent", given_by_hand)["spatialReference"]["wkid"] == 25832
        with pytest.raises(CodecError, match="empty one"):
            encode_value("GPExtent", gpd.GeoSeries([], crs=4326))


class TestOddFrames:
    def test_a_frame_without_active_geometry_says_how_to_choose_one(self):
        with pytest.raises(CodecError, match="points_from_xy"):
            encode_features(gpd.GeoDataFrame({"a": [1]}))
        with pytest.raises(CodecError, match=r"set_geometry\('shape'\)"):
            encode_features(gpd.GeoDataFrame({"a": [1], "shape": gpd.GeoSeries([POINT], crs=4326)}))

    def test_duplicate_and_stacked_column_names_are_refused(self):
        frame = gpd.GeoDataFrame(
            [[1, 2, POINT]], columns=["a", "a", "geometry"], geometry="geometry", crs=4326
        )
        with pytest.raises(CodecError, match="'a' more than once"):
            encode_features(frame)
        with pytest.raises(CodecError, match="must differ"):
            encode_records(pd.DataFrame([[1, 2]], columns=[1, "1"]))
        with pytest.raises(CodecError, match="levels"):
            encode_records(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])))

    def test_empty_frames_keep_what_they_have(self):
        empty = gpd.GeoDataFrame({"a": pd.Series([], dtype="int64")}, geometry=[], crs=4326)
        fields = '[{"name":"a","type":"esriFieldTypeInteger","alias":"a"}]'
        assert text_of(empty) == HEAD % ("esriGeometryPoint", fields, "", "")
        assert encode_records(pd.DataFrame()) == {"fields": [], "features": []}

    @pytest.mark.parametrize(
        ("values", "kind", "wire"),
        [
            (pd.Categorical([3, None, 1]), "Integer", [3, None, 1]), (pd.Categorical([True, None]), "SmallInteger", [1, None]), (pd.Categorical(["a", None]), "String", ["a", None]),
            (pd.Categorical(pd.to_datetime(["1970-01-02", None])), "Date", [86400000, None]), (pd.array([True, None], dtype="boolean"), "SmallInteger", [1, None]),
            (pd.array([1.5, None], dtype="Float64"), "Double", [1.5, None]), (pd.array([2**40, None], dtype="Int64"), "BigInteger", [2**40, None]), (np.array([2**63 - 1], dtype="uint64"), "BigInteger", [2**63 - 1]),
            ([decimal.Decimal("1.5"), None], "Double", [1.5, None]), ([uuid.UUID(int=1), None], "String", ["00000000-0000-0000-0000-000000000001", None]), ([pd.NA, "x"], "String", [None, "x"]),
            ([dt.date(1970, 1, 2), dt.datetime.fromisoformat("1970-01-03")], "Date", [86400000, 172800000]), (pd.to_datetime(["1969-12-31T23:59:59.9995"]), "Date", [-1]), ([dt.time(1, 2), None], "TimeOnly", ["01:02:00", None]),
            (pd.arrays.SparseArray([0, 5]), "Integer", [0, 5]), (pd.array([1, None], dtype="int64[pyarrow]"), "Integer", [1, None]), (pd.array(["x", None], dtype="string[pyarrow]"), "String", ["x", None]),
            (pd.array([dt.datetime.fromisoformat("1970-01-02")], dtype="timestamp[us][pyarrow]"), "Date", [86400000]), (pd.array([True], dtype="bool[pyarrow]"), "SmallInteger", [1]), (np.array([1.5, np.nan], dtype="float32"), "Double", [1.5, None]),
            ([1, 2.5], "Double", [1.0, 2.5]), ([pd.NaT], "Date", [None]), ([None], "String", [None]), (np.array(["0001-01-01"], dtype="datetime64[s]"), "Date", [-62135596800000]),
        ],
    )  # fmt: skip
    def test_every_dtype_has_its_field(self, values, kind, wire):
        document = encode_records(pd.DataFrame({"x": values}))
        assert document["fields"][0]["type"] == f"esriFieldType{kind}"
        assert [f["attributes"]["x"] for f in document["features"]] == wire
        assert json.loads(text_of(pd.DataFrame({"x": values}), ParameterInfo("t", "GPRecordSet"))) == document

    @pytest.mark.parametrize(
        ("values", "step"),
        [
            (pd.to_timedelta([1], unit="s"), "total_seconds"), ([b"x"], "decode"), ([1j], r"numpy\.real"), ([1, "a"], "holding int and str.*one kind"), (pd.Series([True, 2], dtype=object), "bool and int"),
            ([2**70], "64 bits"), (np.array([2**63], dtype="uint64"), "64 bits"), ([math.inf], "infinite"), ([decimal.Decimal("Infinity")], "infinite"), (pd.period_range("2020", periods=1), "to_timestamp"),
            (pd.interval_range(0, 1), "astype"), ([[1]], "drop it"), ([object()], "drop it"), (pd.Series(["\ud800"] * 3, dtype=object), "UTF-8"),
        ],
    )  # fmt: skip
    def test_what_no_field_holds_is_refused_with_a_next_step(self, values, step):
        with pytest.raises(CodecError, match=step):
            text_of(pd.DataFrame({"x": values}), ParameterInfo("t", "GPRecordSet"))

    def test_column_names_of_every_kind_are_written(self):
        names = ["plain", 'q"uote', "back\\slash", "nul\0", "ä ö", "", 5, None, "f0", "features"]
        frame = pd.DataFrame([range(len(names))] * 3, columns=names)
        document = json.loads(text_of(frame, ParameterInfo("t", "GPRecordSet")))
        assert document == encode_records(frame)
        assert list(document["features"][0]["attributes"]) == [str(name) for name in names]
        del frame['q"uote'], frame["back\\slash"], frame["nul\0"]
        assert json.loads(text_of(frame, ParameterInfo("t", "GPRecordSet"))) == encode_records(frame)

    def test_a_series_and_a_list_of_dicts_are_tables(self):
        assert encode_value("GPRecordSet", [{"a": 1}, {"a": 2}]) == encode_value(
            "GPRecordSet", pd.Series([1, 2], name="a")
        )
        assert encode_value("GPRecordSet", layer(POINT, a=[1]))["features"] == [{"attributes": {"a": 1}}]

    def test_geojson_is_told_from_a_feature_set(self):
        with pytest.raises(CodecError, match="from_features"):
            encode_value("GPFeatureRecordSetLayer", json.loads(layer(POINT).to_json()))


class TestFiles:
    @pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.parquet", "a.shp"])
    def test_a_path_is_read_as_a_layer(self, tmp_path, name):
        frame = layer(POINT, n=[5])
        path = tmp_path / name
        frame.to_parquet(path) if name.endswith("parquet") else frame.to_file(path)
        for given_path in (path, str(path)):
            document = encode_value("GPFeatureRecordSetLayer", given_path)
            assert document["features"] == [{"attributes": {"n": 5}, "geometry": {"x": 1.0, "y": 2.0}}]
        assert encode_value("GPString", path)["featureSet"] == document

    def test_a_gpx_file_gives_its_one_layer_and_its_points_are_not_a_second(self, tmp_path):
        path = tmp_path / "walk.gpx"
        path.write_text(
            '<gpx version="1.1" creator="me" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
            '<trkpt lat="50" lon="10"/><trkpt lat="51" lon="11"/></trkseg></trk></gpx>'
        )
        document = encode_value("GPFeatureRecordSetLayer", path)
        assert document["features"][0]["geometry"] == {"paths": [[[10.0, 50.0], [11.0, 51.0]]]}

    def test_several_layers_are_named_and_not_guessed(self, tmp_path):
        path = tmp_path / "two.gpkg"
        layer(POINT).to_file(path, layer="a")
        layer(POINT).to_file(path, layer="b")
        with pytest.raises(CodecError, match=r"'a', 'b'.*layer='a'"):
            encode_value("GPFeatureRecordSetLayer", path)

    def test_tables_are_read_from_csv_parquet_and_layers(self, tmp_path):
        frame = pd.DataFrame({"a": [1, 2]})
        frame.to_csv(tmp_path / "t.csv", index=False)
        frame.to_parquet(tmp_path / "t.parquet")
        layer(POINT, shapely.Point(3, 4), a=[1, 2]).to_file(tmp_path / "t.geojson")
        layer(POINT, shapely.Point(3, 4), a=[1, 2]).to_parquet(tmp_path / "geo.parquet")
        for path in tmp_path.iterdir():
            rows = [f["attributes"] for f in encode_value("GPRecordSet", path)["features"]]
            assert rows == [{"a": 1}, {"a": 2}]

    def test_what_cannot_be_read_is_a_codec_error(self, tmp_path):
        (tmp_path / "no.gpkg").write_text("nonsense")
        (tmp_path / "t.csv").write_text("a\n1\n")
        for path, says in [("no.gpkg", "readable"), ("t.csv", "points_from_xy"), ("absent.shp", "none at")]:
            with pytest.raises(CodecError, match=says):
                encode_value("GPFeatureRecordSetLayer", tmp_path / path)
        with pytest.raises(CodecError, match="no such file"):
            encode_value("GPFeatureRecordSetLayer", str(tmp_path / "absent.shp"))

    def test_a_local_file_has_to_be_uploaded(self, tmp_path):
        (tmp_path / "x.zip").write_bytes(b"x")
        with pytest.raises(CodecError, match="uploaded first"):
            encode_value("GPDataFile", tmp_path / "x.zip")
