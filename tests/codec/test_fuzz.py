"""Damaged documents: they give a layer, or one of our errors that names a place, soon, and nothing else ever."""

import contextlib
import copy
import datetime as dt
import json
import re

import pandas as pd
import pytest
import shapely
from damage import BODIES, NO_JSON, VALID, WOUNDS, damaged, nested, torn
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


def survives(read, document):
    """Read a document; return the error that it gave, if it is one of ours."""
    error = None
    with contextlib.suppress(TransferLimitExceeded):
        try:
            read(document)
        except CodecError as caught:
            error = caught
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


def outcome(read, document):
    """Return what reading gave, in a form that can be compared."""
    try:
        frame = read(document)
    except (CodecError, TransferLimitExceeded) as error:
        return type(error).__name__
    if "geometry" not in frame:
        return frame, None, None
    shapes = shapely.to_wkb(frame.geometry.values, output_dimension=4).tolist()
    return pd.DataFrame(frame.drop(columns="geometry")), shapes, frame.crs


@fuzz
@given(WOUNDS.filter(lambda wound: wound[2] not in NO_JSON))
def test_a_damaged_document_reads_the_same_in_every_way(wound):
    (index, place), deed, junk = wound
    document = damaged(index, place, deed, junk)
    first, *others = [outcome(read, document) for read in FEEDS.values()]
    for other in others:
        if isinstance(first, str) or isinstance(other, str):
            assert first == other
            continue
        pd.testing.assert_frame_equal(first[0], other[0])
        assert first[1:] == other[1:]


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
    survives(decode_features, chunks(body))
    document = parses(body)
    if document is not None:
        survives(decode_features, document)


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
