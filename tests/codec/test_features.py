"""Whole layers against Esri documents written by hand, and against GDAL's own reader."""

import datetime as dt
import itertools
import json
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial_widgets.codec import (
    decode_features,
    decode_geometries,
    decode_spatial_reference,
    encode_feature_collection,
    encode_features,
    encode_geometries,
    encode_records,
    encode_spatial_reference,
)
from spatial_widgets.errors import CodecError, TransferLimitExceeded

SQUARE = [[0, 0], [0, 10], [10, 10], [10, 0], [0, 0]]  # clockwise: an exterior ring
HOLE = [[2, 2], [8, 2], [8, 8], [2, 8], [2, 2]]  # counter-clockwise
ISLAND = [[4, 4], [4, 6], [6, 6], [6, 4], [4, 4]]
APART = [[20, 0], [20, 5], [25, 5], [25, 0], [20, 0]]


def polygon(rings):
    return decode_geometries([{"rings": rings}], geometry_type="esriGeometryPolygon")[0]


class TestPolygons:
    def test_a_hole_is_a_hole_and_an_island_in_it_a_part(self):
        shape = polygon([SQUARE, HOLE, ISLAND])
        assert shape.geom_type == "MultiPolygon"
        assert shape.area == 100 - 36 + 4
        assert shape.contains(shapely.Point(5, 5))
        assert not shape.contains(shapely.Point(3, 3))

    @given(st.permutations([SQUARE, HOLE, ISLAND, APART]), st.lists(st.booleans(), min_size=4, max_size=4))
    def test_order_and_orientation_of_rings_do_not_matter(self, rings, turned):
        shape = polygon([ring[::-1] if turn else ring for ring, turn in zip(rings, turned, strict=True)])
        assert shape.area == 100 - 36 + 4 + 25
        assert shape.is_valid

    def test_a_hole_that_touches_its_shell_at_a_point_stays_a_hole(self):
        shape = polygon([SQUARE, [[0, 5], [3, 3], [3, 7], [0, 5]]])
        assert shape.geom_type == "Polygon"
        assert shape.area == 94

    def test_an_unclosed_ring_is_closed(self):
        assert polygon([SQUARE[:-1]]).equals(polygon([SQUARE]))

    def test_degenerate_and_empty_rings_lose_no_feature(self):
        assert polygon([]).is_empty
        assert polygon([[]]).is_empty
        assert polygon([[[1, 1]]]).area == 0
        assert polygon([[[1, 1], [2, 2]]]).area == 0

    def test_curves_alone_are_refused_with_their_feature(self):
        curve = {"curveRings": [[[0, 0], {"c": [[3, 3], [1, 4]]}]]}
        with pytest.raises(CodecError, match=r"features\[1\]\.geometry: true curves"):
            decode_geometries([{"rings": [SQUARE]}, curve], geometry_type="esriGeometryPolygon")
        assert decode_geometries([curve | {"rings": [SQUARE]}])[0].area == 100

    def test_written_exteriors_are_clockwise_and_holes_are_not(self):
        _, _, [written] = encode_geometries([shapely.Polygon(SQUARE[::-1], [HOLE[::-1]])])
        clockwise = [
            sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in itertools.pairwise(r)) > 0 for r in written["rings"]
        ]
        assert clockwise == [True, False]


class TestOtherShapes:
    def test_points_lines_and_multipoints(self):
        assert decode_geometries([{"x": 1, "y": 2}])[0].equals(shapely.Point(1, 2))
        assert decode_geometries([{"points": [[1, 2], [3, 4]]}])[0].equals(
            shapely.MultiPoint([(1, 2), (3, 4)])
        )
        assert decode_geometries([{"paths": [[[1, 2], [3, 4]]]}])[0].equals(
            shapely.LineString([(1, 2), (3, 4)])
        )
        two = decode_geometries([{"paths": [[[0, 0], [1, 1]], [[5, 5], [6, 6]]]}])[0]
        assert (two.geom_type, two.length) == ("MultiLineString", 2 * math.sqrt(2))
        assert decode_geometries([{"xmin": 0, "ymin": 0, "xmax": 2, "ymax": 3}])[0].area == 6

    def test_null_is_none_and_empty_is_empty(self):
        null, empty, nan = decode_geometries(
            [None, {"x": None, "y": None}, {"x": "NaN", "y": "NaN"}], geometry_type="esriGeometryPoint"
        )
        assert null is None
        assert empty.is_empty
        assert nan.is_empty

    def test_z_is_kept_and_a_lone_m_is_never_read_as_z(self):
        assert decode_geometries([{"x": 1, "y": 2, "z": 3}])[0].z == 3
        assert decode_geometries([{"paths": [[[0, 0, 5], [1, 1, 6]]], "hasZ": True}])[0].has_z
        line = decode_geometries([{"paths": [[[0, 0, 5], [1, 1, 6]]]}], has_m=True)[0]
        assert not line.has_z
        assert shapely.get_coordinates(line, include_m=True).tolist() == [[0, 0, 5], [1, 1, 6]]

    @pytest.mark.parametrize(
        "junk",
        [
            "x",
            3,
            {"rings": [["a"]]},
            {"rings": 5},
            {"paths": [[[1]]]},
            {"points": [[None, 1]]},
            {"x": "a", "y": 1},
        ],
    )
    def test_what_is_no_geometry_is_a_codec_error_with_its_place(self, junk):
        with pytest.raises(CodecError, match=r"^features\[0\]\.geometry"):
            decode_geometries([junk], geometry_type="esriGeometryPolygon")

    def test_mixed_layers_are_refused_and_point_kinds_joined(self):
        kind, _, shapes = encode_geometries([shapely.Point(1, 2), None, shapely.MultiPoint([(3, 4)])])
        assert (kind, shapes) == (
            "esriGeometryMultipoint",
            [{"points": [[1, 2]]}, None, {"points": [[3, 4]]}],
        )
        with pytest.raises(CodecError, match=r"features\[1\].*one kind"):
            encode_geometries([shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)])])
        with pytest.raises(CodecError, match="explode"):
            encode_geometries([shapely.GeometryCollection([shapely.Point(0, 0)])])
        with pytest.raises(CodecError, match=r"features\[1\].*NaN or infinite"):
            encode_geometries([shapely.Point(0, 0), shapely.Point(math.inf, 0)])


class TestSpatialReferences:
    @pytest.mark.parametrize(
        ("document", "authority"),
        [
            ({"wkid": 102100, "latestWkid": 3857}, ("EPSG", "3857")),
            ({"wkid": 102100}, ("EPSG", "3857")),
            ({"wkid": 102113}, ("EPSG", "3785")),
            ({"wkid": 4326}, ("EPSG", "4326")),
            ({"wkid": 102008}, ("ESRI", "102008")),
            ({"wkid": 54030}, ("ESRI", "54030")),
            ({"latestWkid": 25832, "wkid": 1}, ("EPSG", "25832")),
            (4326, ("EPSG", "4326")),
            ("4326", ("EPSG", "4326")),
        ],
    )
    def test_numbers_of_both_authorities(self, document, authority):
        assert decode_spatial_reference(document).to_authority() == authority

    def test_well_known_text_is_read_and_written(self):
        custom = "+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80 +units=m"
        document = encode_spatial_reference(custom)
        assert set(document) == {"wkt"}
        assert document["wkt"].startswith("PROJCS[")
        again = decode_spatial_reference(document)
        assert {p.name: p.value for p in again.coordinate_operation.params}[
            "Latitude of natural origin"
        ] == 52

    def test_nothing_is_none_and_nonsense_is_an_error(self):
        assert decode_spatial_reference(None) is None
        assert decode_spatial_reference({}) is None
        for junk in ({"wkid": 999999}, {"wkt": "PROJCS[nonsense"}, "EPSG:x", [4326]):
            with pytest.raises(CodecError, match="spatialReference"):
                decode_spatial_reference(junk)

    @pytest.mark.parametrize("code", [4326, 3857, 25832, 2193, "ESRI:102008", "OGC:CRS84"])
    def test_there_and_back(self, code):
        crs = decode_spatial_reference(encode_spatial_reference(code))
        assert crs.equals(gpd.GeoSeries(crs=code).crs, ignore_axis_order=True)


class TestAttributes:
    FIELDS = [
        {"name": "id", "type": "esriFieldTypeOID"},
        {"name": "count", "type": "esriFieldTypeInteger"},
        {"name": "big", "type": "esriFieldTypeBigInteger"},
        {"name": "share", "type": "esriFieldTypeDouble"},
        {"name": "when", "type": "esriFieldTypeDate"},
        {"name": "day", "type": "esriFieldTypeDateOnly"},
        {"name": "time", "type": "esriFieldTypeTimeOnly"},
        {"name": "stamp", "type": "esriFieldTypeTimestampOffset"},
        {"name": "geometry", "type": "esriFieldTypeString"},
        {"name": "absent", "type": "esriFieldTypeString"},
    ]
    ROW = {
        "id": 1, "count": 5, "big": 2**53 + 1, "share": 0.5, "when": -1000, "day": "8/2/2020", "time": "10:00:30 PM",
        "stamp": "8/2/2020 10:00:00.0000 AM -07:00", "geometry": "text", "unlisted": 9,
    }  # fmt: skip

    def read(self, rows):
        features = [{"attributes": row, "geometry": {"x": 0, "y": 0}} for row in rows]
        return decode_features(
            {
                "geometryType": "esriGeometryPoint",
                "spatialReference": {"wkid": 4326},
                "fields": self.FIELDS,
                "features": features,
            }
        )

    def test_every_type_keeps_its_value(self):
        frame = self.read([self.ROW, {}])
        first = frame.iloc[0]
        assert list(frame.columns) == [
            "id",
            "count",
            "big",
            "share",
            "when",
            "day",
            "time",
            "stamp",
            "geometry_1",
            "absent",
            "geometry",
        ]
        assert (first["count"], first["big"], first["share"], first["geometry_1"]) == (
            5,
            2**53 + 1,
            0.5,
            "text",
        )
        assert first["when"] == pd.Timestamp("1969-12-31T23:59:59Z")
        assert first["day"] == pd.Timestamp("2020-08-02")
        assert first["time"] == dt.time(22, 0, 30)
        assert first["stamp"] == pd.Timestamp("2020-08-02T17:00:00Z")
        assert frame.iloc[1].drop("geometry").isna().all()

    def test_iso_forms_are_read_as_well(self):
        frame = self.read(
            [
                {
                    "day": "1899-12-30",
                    "time": "15:54:36",
                    "stamp": "2023-05-03T11:44:08-07:00",
                    "when": "2024-02-29T00:00:00Z",
                }
            ]
        )
        first = frame.iloc[0]
        assert (str(first["day"].date()), first["time"], first["stamp"]) == (
            "1899-12-30",
            dt.time(15, 54, 36),
            pd.Timestamp("2023-05-03T18:44:08Z"),
        )
        assert first["when"] == pd.Timestamp("2024-02-29", tz="UTC")

    def test_dtypes_do_not_depend_on_the_values(self):
        expected = {
            "id": "Int64",
            "count": "Int64",
            "big": "Int64",
            "share": "float64",
            "when": "datetime64[ms, UTC]",
            "day": "datetime64[s]",
        }
        for rows in ([], [{}], [self.ROW]):
            frame = self.read(rows)
            assert {name: str(frame.dtypes[name]) for name in expected} == expected
            assert frame.crs.to_epsg() == 4326
            assert len(frame) == len(rows)

    def test_without_fields_the_values_decide(self):
        features = [
            {"attributes": {"a": 1, "b": "x", "c": 1.5, "d": True}},
            {"attributes": {"a": None, "e": 2}},
        ]
        frame = decode_features({"features": features})
        assert not isinstance(frame, gpd.GeoDataFrame)
        assert list(frame.columns) == list("abcde")
        assert frame["a"].tolist() == [1, pd.NA]
        assert str(frame["d"].dtype) == "boolean"

    def test_a_value_that_does_not_fit_names_its_field(self):
        with pytest.raises(CodecError, match=r"features\[0\]\.attributes\.count: 'many'"):
            self.read([{"count": "many"}])
        with pytest.raises(CodecError, match=r"features\[0\]\.attributes\.count: 1.5"):
            self.read([{"count": 1.5}])

    def test_dates_from_the_year_1_to_9999(self):
        for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
            moment = int(
                (dt.datetime.fromisoformat(text) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds()
                * 1000
            )
            assert self.read([{"when": moment}])["when"].astype("int64").tolist() == [moment]

    def test_a_frame_is_written_field_by_field(self):
        frame = pd.DataFrame(
            {
                "i": pd.array([1, None], dtype="Int64"),
                "big": [2**40, 0],
                "f": [1.5, math.nan],
                "b": [True, False],
                "s": ["x", None],
                "t": pd.to_datetime(["2020-01-01T00:00:00+02:00", None], utc=True),
                "naive": pd.to_datetime(["2020-01-01", "2020-01-02"]),
                "c": pd.Categorical(["a", None]),
                "day": [dt.date(2020, 1, 2), None],
            }
        )
        document = encode_records(frame)
        kinds = {f["name"]: f["type"].removeprefix("esriFieldType") for f in document["fields"]}
        assert kinds == {
            "i": "Integer",
            "big": "BigInteger",
            "f": "Double",
            "b": "SmallInteger",
            "s": "String",
            "t": "Date",
            "naive": "Date",
            "c": "String",
            "day": "DateOnly",
        }
        first, second = (f["attributes"] for f in document["features"])
        assert first == {
            "i": 1,
            "big": 2**40,
            "f": 1.5,
            "b": 1,
            "s": "x",
            "t": 1577829600000,
            "naive": 1577836800000,
            "c": "a",
            "day": "2020-01-02",
        }
        assert second == {
            "i": None,
            "big": 0,
            "f": None,
            "b": 0,
            "s": None,
            "t": None,
            "naive": 1577923200000,
            "c": None,
            "day": None,
        }
        json.dumps(document, allow_nan=False)

    def test_what_no_field_holds_is_refused_by_column(self):
        with pytest.raises(CodecError, match="column 'x'"):
            encode_records(pd.DataFrame({"x": [{"a": 1}]}))
        with pytest.raises(CodecError, match="must differ"):
            encode_records(pd.DataFrame([[1, 2]], columns=["a", "a"]))


class TestWrappings:
    BODY = {
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 4326},
        "features": [{"attributes": {"n": 1}, "geometry": {"x": 1, "y": 2}}],
    }

    def test_feature_collections_take_fields_from_the_definition(self):
        document = {
            "layerDefinition": {
                "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
                "geometryType": "esriGeometryPoint",
            },
            "featureSet": self.BODY,
        }
        for wrapped in (document, {"layers": [document]}):
            assert str(decode_features(wrapped)["n"].dtype) == "Int64"

    @pytest.mark.parametrize("place", ["outside", "inside"])
    def test_a_truncated_answer_is_an_error(self, place):
        body = {**self.BODY, "features": [], "exceededTransferLimit": True}
        with pytest.raises(TransferLimitExceeded):
            decode_features(body if place == "outside" else {"layerDefinition": {}, "featureSet": body})

    def test_a_layer_without_crs_is_not_sent(self):
        with pytest.raises(CodecError, match="set_crs"):
            encode_features(gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)]))

    @pytest.mark.parametrize("junk", [None, 3, [], {}, {"features": 5}, {"features": [5]}, {"layers": []}])
    def test_what_is_no_layer_is_a_codec_error(self, junk):
        with pytest.raises(CodecError):
            decode_features(junk)

    def test_a_geometry_column_of_any_name_is_sent(self):
        frame = gpd.GeoDataFrame({"n": [1], "shape": [shapely.Point(1, 2)]}, geometry="shape", crs=4326)
        assert encode_features(frame)["features"] == [
            {"attributes": {"n": 1}, "geometry": {"x": 1.0, "y": 2.0}}
        ]
        assert encode_feature_collection(frame)["layerDefinition"]["geometryType"] == "esriGeometryPoint"


def coordinates(low=-80.0, high=80.0):
    return st.floats(low, high, allow_nan=False).map(lambda v: round(v, 6))


POINTS = st.builds(shapely.Point, coordinates(), coordinates())
MULTIPOINTS = st.lists(POINTS, min_size=2, max_size=4).map(shapely.MultiPoint)
LINES = st.lists(st.tuples(coordinates(), coordinates()), min_size=2, max_size=5, unique=True).map(
    shapely.LineString
)
BOXES = st.builds(
    lambda x, y, w, h: shapely.box(x, y, x + w, y + h),
    coordinates(),
    coordinates(),
    st.floats(1, 9),
    st.floats(1, 9),
)
HOLED = BOXES.map(
    lambda b: b.difference(
        shapely.box(*(np.array(b.bounds) * 0.6 + np.tile(np.array(b.centroid.coords[0]), 2) * 0.4))
    )
)
ISLANDS = st.tuples(HOLED, BOXES.map(lambda b: shapely.affinity.translate(b, 200))).map(shapely.MultiPolygon)


@pytest.mark.parametrize(
    "shapes",
    [POINTS, MULTIPOINTS, LINES, st.one_of(BOXES, HOLED, ISLANDS)],
    ids=["points", "multipoints", "lines", "polygons"],
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_layer_reads_as_gdal_reads_it_and_comes_back_as_it_went(shapes, data):
    geometries = data.draw(st.lists(shapes, min_size=1, max_size=4))
    numbers = data.draw(
        st.lists(st.integers(-(2**31), 2**31 - 1), min_size=len(geometries), max_size=len(geometries))
    )
    texts = data.draw(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
            min_size=len(geometries),
            max_size=len(geometries),
        )
    )
    frame = gpd.GeoDataFrame(
        {"n": pd.array(numbers, dtype="Int64"), "s": texts}, geometry=geometries, crs=4326
    )
    document = json.loads(json.dumps(encode_features(frame)))
    ours = decode_features(document)
    theirs = pyogrio.read_dataframe(json.dumps(document).encode())
    assert ours["n"].tolist() == theirs["n"].tolist() == numbers
    assert ours["s"].tolist() == texts
    assert theirs.crs.to_epsg() == ours.crs.to_epsg() == 4326
    for mine, gdal, original in zip(ours.geometry, theirs.geometry, frame.geometry, strict=True):
        assert shapely.normalize(mine).equals_exact(shapely.normalize(original), 1e-12) or mine.equals(
            original
        )
        assert gdal.equals(mine)
