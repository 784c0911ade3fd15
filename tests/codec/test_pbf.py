"""Pages as protocol buffers: the same layers as from JSON, and damaged bytes give nothing but our own errors."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pbf_messages import FIELD_TYPES, MESSAGES, Grid, page

from spatial_widgets.codec import LayerOptions, PbfPage, decode_features
from spatial_widgets.errors import CodecError

EXACT = Grid(2.0**-20, (-512.0, -512.0), z=0.5, m=0.25)  # halves of halves: nothing is rounded
OPTIONS = LayerOptions(allow_truncated=True)
TYPES = [*FIELD_TYPES[:7], *FIELD_TYPES[10:16]]  # all that travel as a value, but for those with a time zone
SHAPES = {"Multipoint": "points", "Polyline": "paths", "Polygon": "rings"}

many = settings(
    max_examples=200,
    deadline=dt.timedelta(seconds=5),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def read(message, **known):
    """Return the frame of a message, or of its bytes; ``known`` is what the layer says."""
    got = PbfPage(message if isinstance(message, bytes) else message.SerializeToString())
    return got.frame({**known, **got.document}, OPTIONS)


def assert_equal(ours, theirs, *, within=0.0):
    assert type(ours) is type(theirs)
    names = [c for c in theirs if c != "geometry"]
    pd.testing.assert_frame_equal(pd.DataFrame(ours[names]), pd.DataFrame(theirs[names]))
    if not isinstance(theirs, gpd.GeoDataFrame):
        return
    assert ours.crs == theirs.crs
    for mine, other in zip(ours.geometry, theirs.geometry, strict=True):
        if mine is None or other is None:
            assert mine is other
            continue
        assert (mine.geom_type, mine.has_z, mine.has_m) == (other.geom_type, other.has_z, other.has_m)
        coords = [shapely.get_coordinates(g, include_z=g.has_z, include_m=g.has_m) for g in (mine, other)]
        np.testing.assert_allclose(*coords, rtol=0, atol=within)


# ---------------------------------------------------------------- layers of all kinds

_ordinate = st.integers(-(2**28), 2**28).map(lambda n: n / 2**20)
_z_or_m = st.integers(-(2**40), 2**40).map(lambda n: n / 2)
_VALUES = {
    "SmallInteger": st.integers(-(2**15), 2**15 - 1),
    "Integer": st.integers(-(2**31), 2**31 - 1),
    "Single": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "Double": st.floats(allow_nan=False, allow_infinity=False),
    "Date": st.integers(-62135596800000, 253402300799999),
    "OID": st.integers(0, 2**32 - 1),
    "BigInteger": st.integers(-(2**63), 2**63 - 1),
    "DateOnly": st.dates().map(str),
    "TimeOnly": st.times().map(str),
}
_text = st.text(st.characters(codec="utf-8"), max_size=20)


@st.composite
def parts(draw, kind, width):
    vertex = st.tuples(_ordinate, _ordinate, *[_z_or_m] * (width - 2)).map(list)
    if kind == "Multipoint":
        return draw(st.lists(vertex, max_size=5))
    found = draw(st.lists(st.lists(vertex, min_size=1, max_size=8), max_size=3))
    closed = draw(st.booleans())
    return [[*part, part[0]] if closed else part for part in found]


@st.composite
def layers(draw):
    kind = draw(st.sampled_from([None, "Point", *SHAPES]))
    z, m = (draw(st.booleans()), draw(st.booleans())) if kind else (False, False)
    types = draw(st.lists(st.sampled_from(TYPES), max_size=5))
    fields = [{"name": f"f{i}", "type": f"esriFieldType{t}", "alias": "…"} for i, t in enumerate(types)]
    features = []
    for _ in range(draw(st.integers(0, 4))):
        attributes = {f"f{i}": draw(st.none() | _VALUES.get(t, _text)) for i, t in enumerate(types)}
        features.append({"attributes": attributes})
        if kind == "Point":
            vertex = draw(st.tuples(_ordinate, _ordinate, _z_or_m, _z_or_m))
            names = ["x", "y", *"z" * z, *"m" * m]
            features[-1]["geometry"] = draw(st.sampled_from([None, dict(zip(names, vertex, strict=False))]))
        elif kind:
            shape = {SHAPES[kind]: draw(parts(kind, 2 + z + m))}
            features[-1]["geometry"] = draw(st.sampled_from([None, shape, shape]))
    head = {
        "geometryType": f"esriGeometry{kind}",
        "spatialReference": {"wkid": 102100, "latestWkid": 3857},
        "hasZ": z,
        "hasM": m,
    }
    return {**(head if kind else {}), "fields": fields, "features": features}


def outcome(decode):
    try:
        return decode()
    except CodecError:
        return None


@many
@given(layers(), st.booleans(), st.booleans(), st.booleans())
def test_a_page_is_the_same_as_json_and_as_protocol_buffer(document, upper, says_null, index):
    grid = Grid(EXACT.scale, EXACT.origin, upper=upper, z=EXACT.z, m=EXACT.m)
    theirs = outcome(lambda: decode_features(document))
    known = {"geometryType": document.get("geometryType")}  # a page of points does not say that it is one
    ours = outcome(lambda: read(page(document, grid=grid, says_null=says_null, index=index), **known))
    assert (ours is None) == (theirs is None)
    if theirs is not None:
        assert_equal(ours, theirs)


def test_a_decimal_grid_moves_nothing_by_more_than_its_width():
    rings = [[[10.123456789123, 50.0], [10.2, 51.987654321], [11.0, 50.5], [10.123456789123, 50.0]]]
    document = {
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": 4326},
        "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
        "features": [{"attributes": {"n": 1}, "geometry": {"rings": rings}}],
    }
    assert_equal(read(page(document)), decode_features(document), within=1e-9)


def simple(kind, values, *, member=None, **more):
    fields = [{"name": "v", "type": f"esriFieldType{kind}"}]
    document = {"fields": fields, "features": [{"attributes": {"v": v}} for v in values]}
    return read(page(document, member={kind: member} if member else None, **more))["v"]


@pytest.mark.parametrize(
    "member",
    ["sint_value", "uint_value", "int64_value", "uint64_value", "sint64_value", "bool_value", "double_value"],
)
def test_whole_numbers_come_in_any_member(member):
    values = [True, None, False] if member == "bool_value" else [1, None, 0]
    for kind in ("Integer", "OID", "BigInteger"):
        assert simple(kind, values, member=member).tolist() == [1, pd.NA, 0]
    if member != "bool_value":
        dates = simple("Date", values, member=member)
        assert dates.tolist() == [pd.Timestamp(1, unit="ms", tz="UTC"), pd.NaT, pd.Timestamp(0, tz="UTC")]


@pytest.mark.parametrize("member", ["sint_value", "int64_value", "uint_value", "float_value"])
def test_floats_may_come_as_other_numbers(member):
    assert simple("Double", [3, 0, 7], member=member).tolist() == [3.0, 0.0, 7.0]


def test_a_number_in_a_text_field_is_its_text():
    assert simple("String", [1, 2], member="sint_value").tolist() == ["1", "2"]


def test_the_widest_numbers_survive():
    wide = [2**63 - 1, -(2**63), 0, -1]
    for member in ("int64_value", "sint64_value"):
        assert simple("BigInteger", wide, member=member).tolist() == wide
    assert simple("BigInteger", [2**63 - 1], member="uint64_value").tolist() == [2**63 - 1]


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        ("BigInteger", "uint64_value", 2**63),
        ("Integer", "string_value", "many"),
        ("Integer", "double_value", 0.5),
        ("Date", "string_value", "yesterday"),
        ("DateOnly", "string_value", "yesterday"),
        ("Double", "string_value", "wide"),
    ],
)
def test_a_value_of_another_kind_is_an_error_with_its_place(kind, member, value):
    with pytest.raises(CodecError) as caught:
        simple(kind, [None, value], member=member)
    assert caught.value.path.startswith("features[1]")


def test_a_geometry_field_is_no_column():
    names = [("a", "Integer"), ("Shape", "Geometry"), ("b", "Integer")]
    document = {
        "fields": [{"name": n, "type": f"esriFieldType{t}"} for n, t in names],
        "features": [{"attributes": {"a": 1, "Shape": None, "b": 2}}],
    }
    assert read(page(document)).to_dict("records") == [{"a": 1, "b": 2}]


def test_what_the_page_says_is_told_as_in_json():
    document = {
        "geometryType": "esriGeometryPolyline",
        "spatialReference": {"wkid": 102100, "latestWkid": 3857},
        "hasZ": True,
        "exceededTransferLimit": True,
        "fields": [{"name": "n", "type": "esriFieldTypeGUID"}],
        "features": [],
    }
    told = PbfPage(page(document).SerializeToString()).document
    assert told == {
        **document,
        "fields": [{"name": "n", "type": "esriFieldTypeGUID", "alias": "…"}],
        "hasM": False,
    }


def test_arrow_columns_are_as_from_json():
    document = {
        "fields": [{"name": "t", "type": "esriFieldTypeString"}, {"name": "d", "type": "esriFieldTypeDate"}],
        "features": [{"attributes": {"t": "ü", "d": 1}}, {"attributes": {"t": None, "d": None}}],
    }
    got = PbfPage(page(document).SerializeToString())
    ours = got.frame(got.document, LayerOptions(dtype_backend="pyarrow"))
    assert_equal(ours, decode_features(document, dtype_backend="pyarrow"))


# ---------------------------------------------------------------- what is none of this


def result_of(message):
    return message.queryResult.featureResult


def a_page(kind="Polygon"):
    key = {**SHAPES, "Point": None}[kind]
    ring = [[0.0, 0.0], [0.0, 9.0], [9.0, 9.0], [0.0, 0.0]]
    shape = (
        {"x": 1.0, "y": 2.0} if kind == "Point" else {key: ring if key == "points" else [ring, ring[::-1]]}
    )
    return page(
        {
            "geometryType": f"esriGeometry{kind}",
            "spatialReference": {"wkid": 4326},
            "fields": [
                {"name": "n", "type": "esriFieldTypeInteger"},
                {"name": "when", "type": "esriFieldTypeDate"},
                {"name": "who", "type": "esriFieldTypeString"},
                {"name": "much", "type": "esriFieldTypeDouble"},
            ],
            "features": [
                {"attributes": {"n": i, "when": 10**12, "who": "Göteborg", "much": 0.5}, "geometry": shape}
                for i in range(3)
            ],
        }
    )


def spoil(change):
    message = a_page()
    change(result_of(message))
    return message.SerializeToString()


WRONG = {
    "a count": MESSAGES["Page"](queryResult=MESSAGES["QueryResult"](countResult=MESSAGES["CountResult"](count=3))).SerializeToString(),
    "nothing": b"",
    "JSON": b'{"features": []}',
    "a shape buffer": spoil(lambda r: setattr(r.features[1], "shapeBuffer", "raw")),
    "a curve": spoil(lambda r: r.features[1].curveGeometry.SetInParent()),
    "half a vertex": spoil(lambda r: r.features[1].geometry.coords.append(1)),
    "a vertex more": spoil(lambda r: r.features[1].geometry.coords.extend([1, 1])),
    "a huge part": spoil(lambda r: r.features[1].geometry.lengths.append(2**32 - 1)),
    "more attributes than fields": spoil(lambda r: r.features[1].attributes.add()),
    "an attribute of no field": spoil(lambda r: setattr(r.features[1].attributes[0], "index", 77)),
    "a multipatch": spoil(lambda r: setattr(r, "geometryType", 4)),
    "an unknown geometry": spoil(lambda r: setattr(r, "geometryType", 99)),
    "an unknown field": spoil(lambda r: setattr(r.fields[0], "fieldType", 99)),
    "an endless grid": spoil(lambda r: setattr(r.transform.scale, "x", float("inf"))),
    "no grid": spoil(lambda r: setattr(r.transform.translate, "y", float("nan"))),
}  # fmt: skip


@pytest.mark.parametrize("body", list(WRONG.values()), ids=list(WRONG))
def test_what_cannot_be_read_is_an_error_that_names_its_place(body):
    with pytest.raises(CodecError) as caught:
        read(body)
    assert caught.value.path


def test_text_that_is_no_utf_8_is_an_error_with_its_place():
    body = a_page().SerializeToString().replace("Göteborg".encode(), b"G\xff\xffteborg", 1)
    with pytest.raises(CodecError, match=r"features\[0\]"):
        read(body)


def test_numbers_that_are_not_packed_are_refused():
    feature = bytes.fromhex("1206 1801 1801 1000".replace(" ", ""))  # coords 1, 1, each a field of its own
    inner = b"\x38\x01" + b"\x7a" + bytes([len(feature)]) + feature
    body = b"\x12" + bytes([len(inner) + 2]) + b"\x0a" + bytes([len(inner)]) + inner
    with pytest.raises(CodecError, match="not packed"):
        read(body)


BODIES = [a_page(kind).SerializeToString() for kind in ("Point", *SHAPES)]


def survives(body):
    with contextlib.suppress(CodecError):
        read(body)


def test_a_page_cut_off_anywhere_is_an_error_of_ours():
    for body in BODIES:
        for end in range(len(body)):
            survives(body[:end])


@pytest.mark.parametrize("body", BODIES)
def test_any_byte_may_be_another(body):
    for place, value in itertools.product(range(len(body)), (0x00, 0x01, 0x7F, 0x80, 0xFF)):
        survives(body[:place] + bytes([value]) + body[place + 1 :])


@settings(many, max_examples=400)
@given(st.sampled_from(BODIES), st.data())
def test_damaged_bytes_give_a_frame_or_an_error_of_ours(body, data):
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        stop = data.draw(st.integers(start, min(len(body), start + 12)))
        body = body[:start] + data.draw(st.binary(max_size=12)) + body[stop:]
    survives(body)


@many
@given(st.binary(max_size=200))
def test_any_bytes_at_all_give_an_error_of_ours(body):
    survives(body)
    survives(b"\x12" + bytes([0x80 | (len(body) & 0x7F), len(body) >> 7]) + body)
