"""Damaged documents: they give a layer, or one of our errors that names a place, soon, and nothing else ever."""

import copy
import datetime as dt
import json
import math
import re

import pytest
from feeders import FEEDS, chunks, every_feed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spatial_widgets.codec import decode_features, decode_value
from spatial_widgets.errors import CodecError, TransferLimitExceeded

fuzz = settings(
    max_examples=400,
    deadline=dt.timedelta(seconds=5),  # nothing hangs, however busy the machine
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

RING = [[0.5, 0], [0, 10], [10, 10.25], [10, 0], [0.5, 0]]
HOLE = [[2, 2], [8, 2], [8, 8], [2, 8], [2, 2]]
ROW = {
    "OID": 7,
    "Integer": -5,
    "BigInteger": 9007199254740993,
    "Double": 0.5,
    "String": 'a "},{"attributes":{" \u00fc',
    "Date": 1577836800000,
    "DateOnly": "8/2/2020",
    "TimeOnly": "10:00:00 AM",
    "TimestampOffset": "2023-05-03T11:44:08-07:00",
    "GUID": "{6E8AA8B1-41FB-3FB0-5145-148917CA99E8}",
}
FIELDS = [{"name": name, "type": f"esriFieldType{name}", "alias": name} for name in ROW]


def layer(kind, *geometries, **more):
    features = [{"attributes": {**ROW, "OID": i}, "geometry": g} for i, g in enumerate(geometries)]
    reference = {"wkid": 102100, "latestWkid": 3857}
    head = {"geometryType": f"esriGeometry{kind}", "spatialReference": reference, "fields": FIELDS}
    return {**head, "features": features, "exceededTransferLimit": False, **more}


POINTS = layer("Point", {"x": 1.5, "y": -2}, None, {"x": 3, "y": 4, "z": 5})
VALID = [
    POINTS,
    layer("Multipoint", {"points": [[1, 2], [3, 4]]}, {"points": []}),
    layer("Polyline", {"paths": [RING, HOLE]}, {"paths": [RING]}, {"paths": []}),
    layer("Polyline", {"paths": [[[0, 0, 1], [1, 1, 2]]]}, {"hasZ": False, "paths": [RING]}, hasZ=True),
    layer("Polyline", {"paths": [[[0, 0, 1, 5], [1, 1, 2, None]]]}, {"paths": [RING]}, hasZ=True, hasM=True),
    layer("Polygon", {"rings": [RING, HOLE]}, {"rings": [HOLE, RING], "curveRings": []}, {"rings": [HOLE]}),
    layer("Envelope", {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1}),
    {"fields": FIELDS, "features": [{"attributes": ROW}, {"attributes": {}}]},
    {"features": [{"attributes": ROW}, {"attributes": {"Integer": None, "flag": True}}]},
    {"layerDefinition": {"fields": FIELDS, "geometryType": "esriGeometryPoint"}, "featureSet": POINTS},
    {"layers": [{"layerDefinition": {"fields": FIELDS}, "featureSet": POINTS}]},
]


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


JUNK = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**31,
        2**53 + 1,
        2**63,
        10**30,
        1e308,
        5e-324,
        math.inf,
        -math.inf,
        math.nan,
    ),
    *(
        "",
        "x",
        "NaN",
        "5",
        "0",
        "\x00",
        "\ud800",
        "esriGeometryPoint",
        "esriFieldTypeDate",
        "8/2/2020",
        "12:00",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        ["x"],
        [1, 2],
        [[0, 0]],
        [[[0, 0]]],
        {"a": 1},
        {"x": 1, "y": 2},
        {"rings": [RING]},
    ),
    *(
        nested(30),
        {"features": []},
        {"wkid": 4326},
        {"wkid": -1},
        {"wkid": 1e300},
        {"curveRings": [[[0, 0]]]},
    ),
]


def places(document, place=()):
    """Return the place of every value in a document."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [place, *(p for key, value in inner for p in places(value, (*place, key)))]


PLACES = [(i, place) for i, document in enumerate(VALID) for place in places(document) if place]


def damaged(index, place, deed, junk):
    document = copy.deepcopy(VALID[index])
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    if deed == "replace":
        holder[place[-1]] = copy.deepcopy(junk)
    elif deed == "delete":
        del holder[place[-1]]
    elif isinstance(holder, list):
        holder.insert(place[-1], copy.deepcopy(junk))
    else:
        holder.update({f"more{len(holder)}": copy.deepcopy(junk)})
    return document


WOUNDS = st.tuples(
    st.sampled_from(PLACES), st.sampled_from(["replace"] * 4 + ["delete", "insert"]), st.sampled_from(JUNK)
)


def survives(read, document):
    """Read a document; return the error that it gave, if it is one of ours."""
    error = None
    try:
        read(document)
    except CodecError as caught:
        error = caught
    except TransferLimitExceeded:
        pass
    assert error is None or (isinstance(error.path, str) and str(error))
    return error


@fuzz
@given(WOUNDS)
@every_feed
def test_a_value_of_another_kind_gives_a_layer_or_names_its_place(read, wound):
    (index, place), deed, junk = wound
    error = survives(read, damaged(index, place, deed, junk))
    if error is not None and "features" in place[:-1]:
        first = place.index("features")
        within = re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, place[: first + 1])))
        assert error.path.startswith(within)


@fuzz
@given(
    WOUNDS, st.sampled_from(["GPFeatureRecordSetLayer", "GPString", "GPRecordSet", "GPMultiValue:GPString"])
)
def test_a_value_of_a_result_gives_a_value_or_one_of_our_errors(wound, data_type):
    (index, place), deed, junk = wound
    survives(lambda document: decode_value(data_type, document), damaged(index, place, deed, junk))


def parses(body):
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def survives_as_bytes(body):
    """Read damaged bytes in every way there is; a document that is still JSON also as a dict."""
    survives(decode_features, body)
    if "chunks" in FEEDS:
        survives(decode_features, chunks(body))
    document = parses(body)
    if document is not None:
        survives(decode_features, document)


BODIES = [json.dumps(d, ensure_ascii=False, indent=indent).encode() for d in VALID for indent in (None, 1)]


@st.composite
def torn(draw):
    """Draw a valid document with some bytes changed, cut out, put in, doubled, or cut off."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(1, 3))):
        if not body:
            break
        at = draw(st.integers(0, len(body) - 1))
        size = draw(st.integers(1, 30))
        deed = draw(st.sampled_from(["flip", "cut", "put", "double", "end"]))
        if deed == "flip":
            body[at] ^= 1 << draw(st.integers(0, 7))
        elif deed == "cut":
            del body[at : at + size]
        elif deed == "put":
            body[at:at] = draw(st.sampled_from(list(b'{}[]",:\\\x00\xff0-eu')).map(lambda b: bytes([b])))
        elif deed == "double":
            body[at:at] = body[at : at + size]
        else:
            del body[at:]
    return bytes(body)


@fuzz
@given(torn())
def test_torn_bytes_give_a_layer_or_one_of_our_errors(body):
    survives_as_bytes(body)


@pytest.mark.parametrize("body", BODIES[::2])
def test_a_document_cut_off_anywhere_gives_one_of_our_errors(body):
    for end in range(0, len(body), 7):
        assert isinstance(survives(decode_features, body[:end]), CodecError)
        assert isinstance(survives(decode_features, chunks(body[:end], 100)), CodecError)


OPENING = b'{"features":[{"attributes":{"a":'
ABYSSES = {
    "arrays": b"[" * 200_000,
    "objects": b'{"a":' * 200_000,
    "features": b'{"features":' * 100_000,
    "layers": b'{"layers":[' * 100_000,
    "an attribute": OPENING + b"[" * 100_000,
    "a closed attribute": OPENING + b"[" * 100_000 + b"]" * 100_000 + b"}}]}",
    "rings": b'{"features":[{"geometry":{"rings":' + b"[" * 100_000,
    "quotes": b'"' * 1_000_000,
    "backslashes": OPENING + b'"' + b"\\" * 1_000_001,
    "an open text": OPENING + b'"' + b"x" * 4_000_000,
    "a long number": OPENING + b"1" * 200_000 + b"}}]}",
    "a long fraction": OPENING + b"0." + b"1" * 200_000 + b"}}]}",
    "an open list": b'{"features":[' + b'{"attributes":{"a":1}},' * 100_000,
    "spaces": b" " * 4_000_000,
    "zeros": b"\x00" * 1_000_000,
    "no UTF-8": OPENING + b'"\xff\xfe"}}]}',
    "half a pair": OPENING + b'"\\ud800"}}]}',
    "nothing": b"",
    "two documents": b'{"features":[]}{"features":[]}',
    "more behind": b'{"features":[]}]',
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("body", list(ABYSSES.values()), ids=list(ABYSSES))
def test_depth_and_length_bring_nobody_down(body):
    survives_as_bytes(body)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("place", ["attributes", "geometry", "rings", "fields", "spatialReference"])
def test_a_deep_value_is_a_value_or_one_of_our_errors(place):
    document = copy.deepcopy(VALID[5])
    first = document["features"][0]
    deep = nested(900)
    match place:
        case "attributes":
            first["attributes"]["String"] = deep
        case "geometry":
            first["geometry"] = deep
        case "rings":
            first["geometry"]["rings"] = deep
        case _:
            document[place] = deep
    for read in FEEDS.values():
        survives(read, document)
