"""The garbage collector is left as it was found, however a layer's reading ends."""

import gc
import json
import threading

import pytest

from spatial_widgets.codec import decode_features
from spatial_widgets.codec.collecting import no_collection
from spatial_widgets.errors import CodecError

GOOD = b'{"fields":[{"name":"n","type":"esriFieldTypeInteger"}],"features":[{"attributes":{"n":1}}]}'
BAD = GOOD.replace(b'"n":1', b'"n":"many"')


@pytest.fixture(autouse=True)
def collector():
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.parametrize("was_on", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_reading_leaves_the_collector_as_it_was_found(was_on, whole):
    (gc.enable if was_on else gc.disable)()
    decode_features(GOOD if whole else iter([GOOD]))
    assert gc.isenabled() == was_on
    with pytest.raises(CodecError):
        decode_features(BAD if whole else iter([BAD]))
    assert gc.isenabled() == was_on


def test_the_last_of_several_readers_turns_it_on_again():
    gc.enable()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with no_collection():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with no_collection():
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join(10)
    assert gc.isenabled()


def test_a_layer_that_arrives_in_blocks_is_not_looked_through_while_it_is_read():
    ring = [[0, 0], [0, 1], [1, 1], [0, 0]]
    feature = json.dumps({"attributes": {"n": 1}, "geometry": {"rings": [ring]}}).encode()
    head = b'{"geometryType":"esriGeometryPolygon","fields":[{"name":"n","type":"esriFieldTypeInteger"}],"features":['
    whole = head + b",".join([feature] * 40_000) + b"]}"
    looks = []

    def count(phase, info):
        looks.append((phase, info["generation"]))

    gc.enable()
    gc.collect()
    gc.callbacks.append(count)
    try:
        frame = decode_features(whole[at : at + (1 << 16)] for at in range(0, len(whole), 1 << 16))
    finally:
        gc.callbacks.remove(count)
    assert len(frame) == 40_000
    assert len(looks) / 2 <= 3, looks
