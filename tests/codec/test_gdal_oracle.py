"""Layers that hypothesis makes, read by the decoder and by GDAL's own ESRIJSON driver: the same layer twice.

The documents are written here, not by the package's encoder. Where the two differ on purpose:

- Whole numbers beside nulls stay whole; GDAL's reading through pyogrio makes them floats, so that they are compared
  within 53 bits only.
- A Single is read as a double; GDAL makes it 32 bits wide.
- TimestampOffset is a moment in UTC; GDAL leaves the text.
- Dates without time have seconds as their unit and times are ``datetime.time``; only the values are compared.
- The spellings of GP pages (``8/2/2020``) are text for GDAL; the documents here hold the ISO ones.
- Measures are left out: pyogrio drops them for some geometries and keeps them for others.
- Rows stay in the order of the document; GDAL sorts them by object id, so that ids count upwards here.
- Moments before 1970 keep their milliseconds; GDAL rounds them, so that they are whole seconds here.
- Any escape of a letter is read; GDAL stumbles over some pairs, so that its document has none.
- ``{"x": null}`` and ``{"x": "NaN"}`` are empty points; for GDAL there is no geometry, so that no point here is empty.
"""

import datetime as dt
import json
import math
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from feeders import FEEDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LAYERS = 500
REFERENCES = [
    ({"wkid": 4326, "latestWkid": 4326}, 4326),
    ({"wkid": 4326}, 4326),
    ({"wkid": 102100, "latestWkid": 3857}, 3857),
    ({"latestWkid": 25832, "wkid": 25832}, 25832),
    ({"wkid": 2193}, 2193),
    ({"wkid": 102008}, "ESRI:102008"),
]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
YEARS = (-62135596800000, 253402300799999)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)


def offset_text(pair):
    """Return the ISO text of a moment, with an offset of whole hours."""
    zone = dt.timezone(dt.timedelta(hours=pair[1]))
    return (EPOCH + dt.timedelta(milliseconds=pair[0])).astimezone(zone).isoformat(timespec="milliseconds")


FIELDS = {
    "SmallInteger": st.integers(-(2**15), 2**15 - 1),
    "Integer": st.integers(-(2**31), 2**31 - 1),
    "BigInteger": st.integers(-(2**53), 2**53),
    "Single": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "Double": st.floats(allow_nan=False, allow_infinity=False),
    "String": TEXTS,
    "GUID": st.uuids().map(lambda u: f"{{{str(u).upper()}}}"),
    "GlobalID": TEXTS,
    "Date": st.integers(0, YEARS[1]) | st.integers(YEARS[0] // 1000, 0).map(lambda seconds: seconds * 1000),
    "DateOnly": st.dates().map(dt.date.isoformat),
    "TimeOnly": st.times().map(lambda t: t.isoformat("seconds")),
    "TimestampOffset": st.tuples(st.integers(-9 * 10**12, 7 * 10**12), st.integers(-11, 11)).map(offset_text),
}

# ---------------------------------------------------------------- geometries, as Esri writes them

ordinate = st.floats(-170, 170, allow_subnormal=False)


def vertices(has_z, low, high):
    size = 3 if has_z else 2
    flat = st.lists(ordinate, min_size=low * size, max_size=high * size)
    return flat.map(lambda values: [values[i : i + size] for i in range(0, len(values) // size * size, size)])


def points(has_z):
    keys = "xyz" if has_z else "xy"
    return st.tuples(*[ordinate] * len(keys)).map(lambda values: dict(zip(keys, values, strict=True)))


def multipoints(has_z):
    return vertices(has_z, 1, 4).map(lambda found: {"points": found})


def lines(has_z):
    path = vertices(has_z, 2, 4)
    return st.lists(path, min_size=1, max_size=3).map(lambda paths: {"paths": paths})


@st.composite
def polygons(draw, has_z):
    """Draw up to three parts in cells of their own, each with a hole or none, and an island in the hole or none."""
    cells = draw(st.lists(st.integers(-8, 8), min_size=1, max_size=3, unique=True))
    rings = []
    for cell in cells:
        depth, corners, start, turned = draw(
            st.tuples(st.integers(1, 3), st.integers(3, 6), st.integers(0, 2), st.integers(0, 7))
        )
        wobble = draw(st.lists(st.floats(0.7, 1.0), min_size=corners, max_size=corners))
        for level, reach in enumerate(
            (9.0, 2.5, 0.7)[:depth]
        ):  # each fits into the one before it, whatever its corners
            radius = reach * np.array(wobble)
            angle = -2 * np.pi * np.arange(corners) / corners
            ring = [
                [20.0 * cell + r * math.cos(a), r * math.sin(a), *([float(level)] if has_z else [])]
                for r, a in zip(radius.tolist(), angle.tolist(), strict=True)
            ]
            ring = ring[start:] + ring[:start]
            ring.append(ring[0])
            clockwise = (level % 2 == 0) != bool(turned >> level & 1)
            rings.append(ring if clockwise else ring[::-1])
    return {"rings": draw(st.permutations(rings))}


KINDS = {"Point": points, "Multipoint": multipoints, "Polyline": lines, "Polygon": polygons}
EMPTY = {"Multipoint": {"points": []}, "Polyline": {"paths": []}, "Polygon": {"rings": []}}


@st.composite
def layers(draw, kind):
    has_z, closed = draw(st.booleans()), draw(st.booleans())
    reference, crs = draw(st.sampled_from(REFERENCES))
    kinds = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=3, unique=True))
    nothing = st.sampled_from([None, EMPTY[kind]] if kind in EMPTY else [None])
    shape = KINDS[kind](has_z)
    row = st.tuples(st.tuples(*(st.none() | FIELDS[k] for k in kinds)), shape if closed else shape | nothing)
    features = [
        {"attributes": {"OID": i, **dict(zip(kinds, values, strict=True))}, "geometry": geometry}
        for i, (values, geometry) in enumerate(draw(st.lists(row, max_size=4)), start=1)
    ]
    kinds = ["OID", *kinds]
    document = {
        **({"hasZ": True} if has_z else {}),
        "geometryType": f"esriGeometry{kind}",
        "spatialReference": reference,
        "fields": [{"name": k, "type": f"esriFieldType{k}", "alias": k} for k in kinds],
        "features": features,
    }
    return document, crs


# ---------------------------------------------------------------- comparing


def plain(kind, value):
    """Return what a value means, whichever reader it is from."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if kind in {"SmallInteger", "Integer", "BigInteger", "OID"}:
        assert value == int(value)
        return int(value)
    if kind == "Single":
        return float(np.float32(value))
    if kind in {"Date", "TimestampOffset"}:
        return (pd.Timestamp(value).to_pydatetime() - EPOCH) // dt.timedelta(milliseconds=1)
    if kind == "DateOnly":
        return pd.Timestamp(value).date()
    return value


def alike(mine, theirs):
    if mine is None or theirs is None:
        return mine is theirs
    if mine.is_empty or theirs.is_empty:
        return mine.is_empty and theirs.is_empty and mine.geom_type == theirs.geom_type
    return (
        mine.geom_type == theirs.geom_type
        and mine.has_z == theirs.has_z
        and shapely.normalize(mine).equals_exact(shapely.normalize(theirs), 0)
        and np.array_equal(
            shapely.get_coordinates(shapely.normalize(mine), include_z=True),
            shapely.get_coordinates(shapely.normalize(theirs), include_z=True),
            equal_nan=True,
        )
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=LAYERS, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(data=st.data())
def test_a_layer_reads_as_gdal_reads_it(kind, data):
    document, crs = data.draw(layers(kind))
    text = json.dumps(document)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        theirs = pyogrio.read_dataframe(json.dumps(document, ensure_ascii=False).encode())
    mine = data.draw(st.sampled_from(list(FEEDS.values())))(text)
    assert isinstance(mine, gpd.GeoDataFrame)
    assert list(mine.columns) == list(theirs.columns)
    assert mine.crs.equals(gpd.GeoSeries(crs=crs).crs, ignore_axis_order=True)
    assert mine.crs.equals(theirs.crs, ignore_axis_order=True)
    for field in document["fields"]:
        name = field["name"]
        found = [plain(name, value) for value in mine[name]]
        assert found == [plain(name, value) for value in theirs[name]]
    for ours, gdals in zip(mine.geometry, theirs.geometry, strict=True):
        assert alike(ours, gdals), (ours, gdals)
