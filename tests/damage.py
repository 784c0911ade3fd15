"""Valid Esri documents, and ways to damage them: values of another kind, and torn bytes."""

import copy
import json
import math

from hypothesis import strategies as st

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
    return {**more, **head, "features": features, "exceededTransferLimit": False}


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


NO_JSON = ("\ud800", math.inf, -math.inf, math.nan)


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
