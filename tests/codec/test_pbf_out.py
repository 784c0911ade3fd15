"""Pages that we write as protocol buffers: the reference implementation reads in them what the JSON says."""

from __future__ import annotations

import datetime as dt
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pbf_messages import FIELD_TYPES, MESSAGES

from spatial_widgets.codec import LayerOptions, PbfPage, decode_features
from spatial_widgets.codec.features_out import feature_set, record_set
from spatial_widgets.codec.pbf_out import PowerGrid, write_count, write_ids, write_page
from spatial_widgets.codec.protobuf import unpack, zigzag
from spatial_widgets.codec.protobuf_out import varint, varints, zigzagged
from spatial_widgets.errors import CodecError

KINDS = ["Point", "Multipoint", "Polyline", "Polygon"]


def layer(shapes, **columns):
    return gpd.GeoDataFrame(columns or {"n": range(len(shapes))}, geometry=list(shapes), crs=4326)


def written(frame, *, exceeded=False):
    """Return a page of a frame's rows as bytes, and the feature set that its JSON is."""
    page = feature_set(frame) if isinstance(frame, gpd.GeoDataFrame) else record_set(frame)
    largest = [0.0] * 4
    if page.shapes is not None:
        found = page.shapes.parts()
        for axis, column in zip(found.axes, found.vertices.T, strict=True):
            largest[axis] = float(np.abs(column).max(initial=0.0))
    data = write_page(page, PowerGrid.over(largest), id_field="n", exceeded=exceeded)
    return data, page.document()


def told(data):
    """Return what a page says, as the JSON of the same page; read by the reference implementation."""
    result = MESSAGES["Page"].FromString(data).queryResult.featureResult
    scale, shift = result.transform.scale, result.transform.translate
    steps, starts = [scale.x, scale.y], [shift.x, shift.y]
    for has, name in ((result.hasZ, "z"), (result.hasM, "m")):
        steps += [getattr(scale, name)] * has
        starts += [getattr(shift, name)] * has
    kind = KINDS[result.geometryType] if result.geometryType < 4 else None
    names = [field.name for field in result.fields]
    features = []
    for feature in result.features:
        values = [
            getattr(v, v.WhichOneof("value_type")) if v.WhichOneof("value_type") else None
            for v in feature.attributes
        ]
        row = {"attributes": dict(zip(names, values, strict=True))}
        if kind:
            row["geometry"] = shape_of(feature, kind, steps, starts) if feature.HasField("geometry") else None
        features.append(row)
    document = {
        "fields": [(f.name, f"esriFieldType{FIELD_TYPES[f.fieldType]}", f.alias) for f in result.fields]
    }
    return document | {"features": features, "exceeded": result.exceededTransferLimit, "kind": kind}, result


def shape_of(feature, kind, steps, starts):
    geometry, width = feature.geometry, len(steps)
    numbers = list(geometry.coords)
    lengths = list(geometry.lengths) if kind != "Point" else [len(numbers) // width]
    parts, at = [], 0
    for length in lengths:
        sums, part = [0] * width, []
        for _ in range(length):
            sums = [s + d for s, d in zip(sums, numbers[at : at + width], strict=True)]
            part.append([s * step + start for s, step, start in zip(sums, steps, starts, strict=True)])
            at += width
        parts.append(part)
    assert at == len(numbers)
    if kind == "Point":
        return dict(zip("xyzm", parts[0][0], strict=False)) if parts[0] else {"x": None, "y": None}
    if kind == "Multipoint":
        return {"points": parts[0] if parts else []}
    return {"paths" if kind == "Polyline" else "rings": parts}


HOLED = shapely.Polygon(
    [(0, 0), (10, 0), (10, 10), (0, 10)], [[(1, 1), (2, 1), (2, 2)], [(5.1, 5.2), (6.3, 5.4), (6.5, 6.6)]]
)
LAYERS = {
    "points": [shapely.Point(1.5, -2.1), None, shapely.Point(179.99999999999997, 89.123456789), shapely.Point()],
    "multipoints": [shapely.MultiPoint([(1, 2), (3, 4.7)]), None, shapely.MultiPoint(), shapely.Point(5, 6)],
    "lines": [
        shapely.LineString([(0.7, 0.1), (1, 1), (-2, 3.3)]),
        shapely.MultiLineString([[(0, 0), (1, 1)], [(5, 5), (6.25, 7), (8, 9)]]),
        None,
        shapely.LineString(),
    ],
    "polygons": [HOLED, None, shapely.MultiPolygon([HOLED, shapely.box(20, 20, 30, 30)]), shapely.Polygon(), shapely.box(-180, -90, 180, 90)],
    "nothing but nulls": [None, None],
    "no rows": [],
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_the_reference_implementation_reads_what_the_json_says(name):
    data, document = written(layer(LAYERS[name]))
    got, result = told(data)
    assert got["kind"] == document["geometryType"].removeprefix("esriGeometry")
    assert (result.spatialReference.wkid, result.spatialReference.latestWkid) == (4326, 4326)
    assert got["features"] == document["features"], "rings, holes and their directions among it"


@pytest.mark.parametrize("name", LAYERS)
def test_our_own_reader_gives_the_frame_that_it_gives_of_the_json(name):
    data, document = written(layer(LAYERS[name]))
    page = PbfPage(data)
    known = {"geometryType": document["geometryType"], "spatialReference": document["spatialReference"]}
    ours = page.frame({**known, **page.document}, LayerOptions())
    theirs = decode_features(document)
    pd.testing.assert_frame_equal(
        pd.DataFrame(ours.drop(columns="geometry")), pd.DataFrame(theirs.drop(columns="geometry"))
    )
    assert ours.crs == theirs.crs
    assert all(
        a is b or (a is not None and shapely.equals_identical(a, b))
        for a, b in zip(ours.geometry, theirs.geometry, strict=True)
    )


def test_z_and_m_come_back_as_they_were():
    shapes = [shapely.Point(1, 2, 3.75), shapely.Point(4, 5, -6e5)]
    data, document = written(layer(shapes))
    assert told(data)[0]["features"] == document["features"]
    if shapely.geos_version >= (3, 12, 0):
        shapes = shapely.from_wkt(
            ["LINESTRING ZM (0 1 2 3, 4 5 6 7.5)", "LINESTRING ZM (0 1 2 -3, 4 5 6 1e6)"]
        )
        data, document = written(layer(shapes))
        assert told(data)[0]["features"] == document["features"]


def test_a_missing_z_is_refused_since_a_grid_has_no_place_for_it():
    with pytest.raises(CodecError, match="no z or m"):
        written(layer([shapely.Point(1, 2, 3), shapely.Point(1, 2)]))


def test_every_kind_of_field_has_its_member_and_null_has_none():
    frame = pd.DataFrame(
        {
            "n": [1, -5, 2**31 - 1],
            "big": [2**40, -(2**62), 0],
            "flag": pd.array([True, None, False], dtype="boolean"),
            "x": [0.1, math.nan, -1e300],
            "text": ["it's \"é\" 😀", None, "l" * 40_000],
            "when": np.array(["2020-01-02T03:04:05.678", "NaT", "0900-01-01"], "datetime64[ms]"),
            "day": [dt.date(2020, 1, 2), None, dt.date(1, 1, 1)],
            "time": [dt.time(1, 2, 3, 4), None, dt.time(0)],
        }
    )  # fmt: skip
    data, document = written(frame)
    got, result = told(data)
    assert got["kind"] is None
    assert got["fields"] == [(f["name"], f["type"], f["alias"]) for f in document["fields"]]
    assert got["features"] == document["features"]
    members = [v.WhichOneof("value_type") for v in result.features[0].attributes]
    assert members == [
        "sint_value",
        "int64_value",
        "sint_value",
        "double_value",
        "string_value",
        "sint64_value",
        "string_value",
        "string_value",
    ]
    pd.testing.assert_frame_equal(
        PbfPage(data).frame(PbfPage(data).document, LayerOptions()), decode_features(document)
    )


def test_a_page_says_that_there_is_more_and_counts_and_ids_have_messages_of_their_own():
    assert told(written(layer([shapely.Point(1, 2)]), exceeded=True)[0])[0]["exceeded"]
    assert MESSAGES["Page"].FromString(write_count(0)).queryResult.HasField("countResult")
    assert MESSAGES["Page"].FromString(write_count(25_000)).queryResult.countResult.count == 25_000
    found = MESSAGES["Page"].FromString(write_ids("FID", [1, 300, 2**33])).queryResult.idsResult
    assert (found.objectIdFieldName, list(found.objectIds)) == ("FID", [1, 300, 2**33])


def test_a_coordinate_system_without_a_number_travels_as_text():
    frame = layer([shapely.Point(1, 2)]).to_crs("+proj=laea +lat_0=10 +lon_0=20 +ellps=GRS80")
    data, document = written(frame)
    assert told(data)[1].spatialReference.wkt == document["spatialReference"]["wkt"]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60))
def test_numbers_are_written_as_they_are_read(numbers):
    data, sizes = varints(np.array(numbers, np.uint64))
    assert data == b"".join(map(varint, numbers))
    assert sizes.tolist() == [len(varint(n)) for n in numbers]
    assert unpack(data)[0].tolist() == numbers


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60))
def test_signed_numbers_come_back(numbers):
    assert zigzag(zigzagged(np.array(numbers, np.int64))).tolist() == numbers


def degrees(most):
    return st.floats(-most, most).map(lambda value: value if abs(value) > 1e-200 else 0.0)


@given(st.lists(st.tuples(degrees(180), degrees(90)), min_size=1, max_size=30))
def test_a_coordinate_comes_back_within_a_billionth_of_a_billionth_of_the_largest(places):
    vertices = np.array(places)
    frame = layer(shapely.points(vertices))
    features = told(written(frame)[0])[0]["features"]
    got = np.array([[f["geometry"]["x"], f["geometry"]["y"]] for f in features])
    largest = np.abs(vertices).max(axis=0)
    assert (np.abs(got - vertices) <= 1e-18 * largest).all()
    large = np.abs(vertices) >= largest / 256
    assert (got[large] == vertices[large]).all(), "to the last bit, but next to zero"
