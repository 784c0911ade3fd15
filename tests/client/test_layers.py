"""Whole layers of a feature service behind a result's ``{"url"}``."""

from __future__ import annotations

from urllib.parse import urlsplit

import geopandas as gpd
import pytest
from fakes import Raw, ScriptedApp, error
from geopandas.testing import assert_geodataframe_equal
from hosted import LAYER, HostedApp
from pandas.testing import assert_frame_equal
from pbf_messages import Grid, page

from spatial_widgets import errors


@pytest.mark.parametrize("pagination", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 10, 11, 95])
def test_every_row_comes_once_and_in_order(rows, pagination):
    app = HostedApp(rows, pagination=pagination)
    frame = app.submit().result()
    assert isinstance(frame, gpd.GeoDataFrame)
    assert frame["OBJECTID"].tolist() == list(range(100, 100 + 2 * rows, 2))
    assert frame.crs.to_epsg() == 3857
    assert str(frame["n"].dtype) == "Int64"


def test_a_table_has_no_geometry():
    frame = HostedApp(15, table=True).submit().result()
    assert not isinstance(frame, gpd.GeoDataFrame)
    assert len(frame) == 15


@pytest.mark.parametrize("says_so", [True, False])
def test_a_server_that_cuts_its_pages_shorter_is_asked_for_the_rest(says_so):
    class Cutting(HostedApp):
        def query(self, form):
            reply = super().query(form)
            return reply if says_so or "features" not in reply else {**reply, "exceededTransferLimit": False}

    frame = Cutting(40, page=20, cut=7).submit().result()
    assert frame["OBJECTID"].is_unique
    assert len(frame) == 40


def test_a_page_that_fails_once_is_asked_again():
    app = HostedApp(50)
    app.trouble = [Raw("<html>502</html>", 502), error(503, "busy")]
    assert len(app.submit().result()) == 50


def test_a_page_that_keeps_failing_is_an_error():
    app = HostedApp(50)
    app.trouble = [error(400, "Unable to perform query")] * 20
    with pytest.raises(errors.ServiceError, match="Unable to perform query"):
        app.submit().result()


def test_missing_rows_are_an_error_and_no_smaller_frame():
    class Forgetful(HostedApp):
        def query(self, form):
            reply = super().query(form)
            if form.get("resultOffset") == "10":
                return {**reply, "features": reply["features"][1:], "exceededTransferLimit": False}
            return reply

    with pytest.raises(errors.ProtocolError, match="counts 30 rows, but 30 came .29 different."):
        Forgetful(30).submit().result()


def test_the_services_token_stays_at_home_and_the_results_own_is_used_elsewhere():
    away = LAYER.replace("gp.test", "layers.test")
    app = HostedApp(15, url=away, token="layer-token")
    assert len(app.submit(auth="service-token").result()) == 15
    sent = {(urlsplit(a.url).hostname, a.headers.get("X-Esri-Authorization")) for a in app.asked}
    assert sent == {("gp.test", "Bearer service-token"), ("layers.test", "Bearer layer-token")}
    bare = HostedApp(15, url=away)
    bare.submit(auth="service-token").result()
    assert not [a for a in bare.asked if "layers.test" in a.url and "X-Esri-Authorization" in a.headers]


def test_a_result_says_where_it_came_from():
    job = HostedApp(3).submit()
    origin = job.result().attrs["spatial_widgets"]
    assert (origin["job"], origin["task"], origin["parameter"]) == (job.url, "Buffer", "bufferLayer")
    assert origin["received_at"].endswith("+00:00")


def test_what_there_is_of_a_truncated_result_is_given_on_request_only():
    some = {"features": [{"attributes": {"n": 1}}], "exceededTransferLimit": True}
    job = ScriptedApp(results={"bufferLayer": some}).submit()
    assert len(job.result(allow_truncated=True)) == 1
    with pytest.raises(errors.TransferLimitExceeded, match="allow_truncated"):
        job.result()


class PbfApp(HostedApp):
    """The same layer from a server that also speaks ``f=pbf``; ``spoil`` changes its messages."""

    formats = "JSON, geoJSON, PBF"

    def spoil(self, body):
        return body

    def query(self, form):
        reply = super().query(form)
        if form["f"] != "pbf":
            return reply
        body = page(reply, grid=Grid(2.0**-10, (-512.0, -512.0))).SerializeToString()
        return Raw(self.spoil(body), Content_Type="application/x-protobuf")

    def asked_for(self, how):
        return [q for q in self.queries if q["f"] == how and "outFields" in q]


@pytest.mark.parametrize("pagination", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 25])
def test_a_layer_that_offers_protocol_buffers_is_read_as_such_and_is_the_same(rows, pagination):
    app = PbfApp(rows, pagination=pagination)
    assert_geodataframe_equal(app.submit().result(), HostedApp(rows, pagination=pagination).submit().result())
    assert len(app.asked_for("pbf")) == -(-rows // 10)
    assert not app.asked_for("json")


def test_a_table_is_read_as_a_protocol_buffer_too():
    app = PbfApp(25, table=True)
    assert_frame_equal(app.submit().result(), HostedApp(25, table=True).submit().result())
    assert not app.asked_for("json")


def test_a_page_as_protocol_buffer_that_was_cut_shorter_is_asked_for_the_rest():
    app = PbfApp(40, page=20, cut=7)
    frame = app.submit().result()
    assert frame["OBJECTID"].tolist() == list(range(100, 180, 2))
    assert not app.asked_for("json")


def test_a_protocol_buffer_that_cannot_be_read_ends_them_for_the_layer():
    class Strange(PbfApp):
        def spoil(self, body):
            return body[:-1]

    app = Strange(95)
    assert_geodataframe_equal(app.submit().result(), HostedApp(95).submit().result())
    assert len(app.asked_for("json")) == 10
    assert 1 <= len(app.asked_for("pbf")) <= 4  # the pages that were under way


def test_a_server_that_answers_in_json_all_the_same_is_understood():
    class Older(PbfApp):
        def query(self, form):
            return super().query({**form, "f": "json"})

    app = Older(95)
    assert_geodataframe_equal(app.submit().result(), HostedApp(95).submit().result())
    assert len(app.asked_for("pbf")) + len(app.asked_for("json")) == 10


def test_a_server_that_refuses_the_format_is_asked_for_json():
    class Refusing(PbfApp):
        def query(self, form):
            return error(400, "Invalid format") if form["f"] == "pbf" else super().query(form)

    assert len(Refusing(95).submit().result()) == 95


def test_other_errors_in_the_place_of_a_protocol_buffer_are_errors():
    app = PbfApp(50)
    app.trouble = [error(403, "Not yours")] * 20
    with pytest.raises(errors.AuthenticationError, match="Not yours"):
        app.submit().result()
    assert not app.asked_for("json")


def test_a_fleeting_failure_in_the_place_of_a_protocol_buffer_is_asked_again():
    app = PbfApp(50)
    app.trouble = [Raw("<html>502</html>", 502), error(503, "busy"), Raw(b"\x12\x00", 502)]
    assert len(app.submit().result()) == 50
    assert not app.asked_for("json")


def test_a_token_in_a_protocol_buffer_is_masked_by_way_of_json():
    class Echoing(PbfApp):
        def spoil(self, body):
            return body + b"\x1a\x0csecret-token"  # a field that nobody knows

    app = Echoing(25)
    assert len(app.submit(auth="secret-token").result()) == 25
    assert len(app.asked_for("json")) == 3


@pytest.mark.parametrize("formats", ["JSON, geoJSON", "", None, "JSON,PBFX"])
def test_a_layer_that_offers_no_protocol_buffers_is_not_asked_for_them(formats):
    app = PbfApp(25)
    app.formats = formats
    assert len(app.submit().result()) == 25
    assert not app.asked_for("pbf")
