"""The garbage collector is left as it was found, however a layer's reading ends."""

import gc
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
