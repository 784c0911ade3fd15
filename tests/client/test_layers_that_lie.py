"""Layers whose description or pages contradict themselves: an error of ours, never a raw one."""

from urllib.parse import urlsplit

import pytest
from hosted import HostedApp

from spatial_widgets import errors


class LyingApp(HostedApp):
    """A layer of 25 rows; ``layer`` replaces members of its description, ``reply`` of the queries that have ``key``."""

    def __init__(self, *, layer=None, key="", reply=None, **settings):
        super().__init__(25, **settings)
        self.layer, self.key, self.reply = layer or {}, key, reply or {}

    def answer(self, asked):
        reply = super().answer(asked)
        path = urlsplit(asked.url).path
        if path.endswith("/FeatureServer/0"):
            return {**reply, **self.layer}
        is_meant = path.endswith("/query") and asked.form.get(self.key, "0") != "0"
        return {**reply, **self.reply} if is_meant else reply


@pytest.mark.parametrize("ids", [5, "12", [1, "2", None], [[1]], {"a": 1}])
def test_object_ids_that_are_no_numbers_are_an_error(ids):
    app = LyingApp(pagination=False, key="returnIdsOnly", reply={"objectIds": ids})
    with pytest.raises(errors.ProtocolError, match="object IDs"):
        app.submit().result()


def test_pages_in_different_coordinate_systems_are_an_error():
    app = LyingApp(key="resultOffset", reply={"spatialReference": {"wkid": 4326}})
    with pytest.raises(errors.ProtocolError, match="different coordinate systems"):
        app.submit().result()


@pytest.mark.parametrize("extent", ["x", [1], 5])
def test_an_extent_that_is_none_tells_no_coordinate_system(extent):
    assert len(LyingApp(layer={"extent": extent}).submit().result()) == 25


def test_a_name_of_the_object_ids_that_is_no_name_is_passed_over():
    with pytest.raises(errors.ProtocolError, match="neither paging nor object IDs"):
        LyingApp(layer={"objectIdField": ["a"]}).submit().result()


@pytest.mark.parametrize("url", ["http://[", "//["])
def test_an_address_that_is_none_is_an_error(url):
    with pytest.raises(errors.ProtocolError, match="address is none"):
        LyingApp(url=url).submit().result()
