"""A result on its way through the kernel: in parts, off the threads that others wait for, with a limit."""

import io
import threading

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from fakes import POINT_LAYER, ScriptedApp
from geopandas.testing import assert_geodataframe_equal
from watching import Seen

import spatial_widgets as sw
from spatial_widgets.widgets import download
from spatial_widgets.widgets.download import Download


class Browser:
    """The other end of a widget's comm."""

    def __init__(self, value=None, kind="geoparquet", **results):
        self.got, self.threads, self.over = [], set(), threading.Event()
        browser = self

        class Recorded(sw.JobWidget):
            def send(self, content, buffers=None):
                browser.take(content, buffers)

        self.job = ScriptedApp(results=results or None).submit()
        self.widget = Recorded(self.job)
        Seen(self.widget).until(lambda w: w.results_ready)
        if value is not None:
            self.job.results._values["bufferLayer", None, False] = value
        self.threads.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.widget.close()

    def take(self, content, buffers=None):
        self.got.append((content, [bytes(b) for b in buffers or ()]))
        self.threads.add(threading.current_thread().name)
        if content["kind"] == "file-end":
            self.over.set()

    def press(self, kind, name="bufferLayer"):
        self.got.clear()
        self.over.clear()
        self.widget._on_browser(
            self.widget, {"kind": "download", "name": name, "format": kind, "ticket": "t1"}, []
        )
        assert self.over.wait(60)
        (ack, _), *parts, (end, _) = self.got
        assert ack == {"kind": "file-ack", "ticket": "t1"}
        assert [c["seq"] for c, _ in parts] == list(range(len(parts))) == list(range(end["parts"]))
        whole = b"".join(b[0] for _, b in parts)
        assert {c["ticket"] for c, _ in self.got} == {"t1"}
        assert end["problem"] or end["bytes"] == len(whole)
        return end, whole, parts


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(1)
    points = gpd.points_from_xy(rng.uniform(-180, 180, 100_000), rng.uniform(-80, 80, 100_000))
    return gpd.GeoDataFrame({"n": np.arange(100_000)}, geometry=points, crs=4326)


def test_a_layer_arrives_in_parts_of_a_megabyte_and_equal(large):
    with Browser(large) as browser:
        end, whole, parts = browser.press("geoparquet")
        assert_geodataframe_equal(gpd.read_parquet(io.BytesIO(whole)), large)
        assert end["file"] == "bufferLayer.parquet"
        assert max(len(b[0]) for _, b in parts) == 1_000_000
        end, whole, _ = browser.press("csv")
        assert len(pd.read_csv(io.BytesIO(whole))) == 100_000
        assert end["type"].startswith("text/csv")
        # Neither a cell nor the poller waits while it is made.
        assert {name.rpartition("-")[0] for name in browser.threads - {threading.current_thread().name}} == {
            "spatial-widgets-request"
        }


def test_what_is_too_large_for_a_browser_is_refused_before_it_is_sent_and_says_what_to_do(large, monkeypatch):
    monkeypatch.setattr(download, "MOST_BYTES", 2_000_000)
    with Browser(large) as browser:
        end, _, parts = browser.press("geojson")
        assert parts == []
        assert "larger than 2 MB as GeoJSON" in end["problem"]
        assert "w.result('bufferLayer').to_crs(4326).to_file('bufferLayer.geojson')" in end["problem"]
        assert end["file"] == ""


def test_a_missing_package_is_named(large, monkeypatch):
    with Browser(large) as browser:
        monkeypatch.setattr(
            gpd.GeoDataFrame, "to_parquet", lambda *_, **__: (_ for _ in ()).throw(ImportError())
        )
        assert "pip install 'spatial_widgets[arrow]'" in browser.press("geoparquet")[0]["problem"]


def test_whatever_a_browser_says_is_answered_and_nothing_else_is_opened(caplog):
    with Browser(bufferLayer=POINT_LAYER) as browser:
        assert "cannot be downloaded as exe" in browser.press("exe")[0]["problem"]
        assert "no result 'nothing'" in browser.press("csv", "nothing")[0]["problem"]
        assert "cannot be downloaded as file" in browser.press("file")[0]["problem"]
        browser.widget._on_browser(browser.widget, {"kind": "download"}, [])
        assert browser.press("csv")[0]["problem"] == ""


def test_a_column_that_a_format_cannot_hold_is_told_and_the_job_is_well(caplog):
    frame = pd.DataFrame({"a": [1, "one", object()]})
    with Browser(frame) as browser:
        problem = browser.press("parquet")[0]["problem"]
        assert problem.startswith("bufferLayer could not be made into Parquet.")
        assert browser.widget.error == ""


def test_nothing_is_sent_for_a_widget_that_was_closed(large):
    sent = []
    job = ScriptedApp().submit()
    job.wait()
    job.results.load("bufferLayer")
    job.results._values["bufferLayer", None, False] = large
    asked = {"name": "bufferLayer", "format": "csv", "ticket": "t"}
    Download(job, asked, lambda content, buffers=None: sent.append(content), lambda: False).run()
    assert sent == []
