"""Results under an outputName over the wire: our own client follows the address and gets the same frame."""

from __future__ import annotations

import datetime as dt
import os
import stat
import threading

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from faces import HttpFace

import spatial_widgets as sw
from spatial_widgets.client.pages import PageReader

pytestmark = pytest.mark.slow

HOSTED = "/arcgis/rest/services/Hosted"


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    from spatial_widgets.server.launcher import LocalServiceProcess

    service = LocalServiceProcess.start(
        store=tmp_path_factory.mktemp("fs") / "store", tasks=["tasks_of_layers"], workers=1
    )
    yield service
    service.stop()


@pytest.fixture
def gp(local):
    return sw.GPService(local.url, auth=local.token)


@pytest.fixture(params=["pbf", "json"])
def format_of_pages(request, monkeypatch):
    """Let pages travel in one format, and say at the end in how many they did."""
    counts = {"pbf": 0, "json": 0}
    lock = threading.Lock()
    pbf, text = PageReader._pbf, PageReader._json

    def counting(name, read):
        def counted(self, *a):
            found = None if name == "pbf" and request.param == "json" else read(self, *a)
            with lock:
                counts[name] += found is not None
            return found

        return counted

    monkeypatch.setattr(PageReader, "_pbf", counting("pbf", pbf))
    monkeypatch.setattr(PageReader, "_json", counting("json", text))
    yield counts
    other = "json" if request.param == "pbf" else "pbf"
    assert counts[request.param]
    assert not counts[other]


def columns(rows):
    number = np.arange(rows)
    return {
        "n": number,
        "big": number.astype(np.int64) * 10_000_000_000,
        "x": np.where(number % 5 == 0, np.nan, number / 3),
        "flag": pd.array([None if i % 4 == 0 else i % 3 == 0 for i in number], dtype="boolean"),
        "some": pd.array([None if i % 3 == 0 else int(i) for i in number], dtype="Int64"),
        "text": pd.array([None if i % 6 == 0 else f"it's \"{i}\" é😀 \\ \n" for i in number], dtype=object),
        "when": pd.date_range("1999-12-31 23:59:59.123", periods=rows, freq="37min", tz="UTC").where(number % 8 != 1),
        "day": [dt.date(1, 1, 1) + dt.timedelta(days=int(i)) for i in number],
    }  # fmt: skip


def shapes(kind, rows):
    place = np.random.default_rng(7).uniform([-180, -85], [180, 85], (rows, 2))
    made = shapely.points(place)
    if kind == "lines":
        made = [
            shapely.LineString([(x, y), (x / 3, y / 7), (x, -y)]) if i % 2 else shapely.MultiLineString([[(x, y), (0.1, y)], [(1, 1), (x, 2)]])
            for i, (x, y) in enumerate(place)
        ]  # fmt: skip
    if kind == "polygons with holes":
        rings = shapely.buffer(made, 1.0, quad_segs=3), shapely.buffer(made, 0.3, quad_segs=2)
        made = shapely.difference(*rings)
        made[::5] = shapely.union(made[::5], shapely.buffer(shapely.points(place[::5] + 3), 0.5, quad_segs=1))
    if kind == "multipoints":
        made = [shapely.MultiPoint([(x, y), (y / 3, x / 3)]) for x, y in place]
    made = np.array(made, dtype=object)
    made[3::50] = None
    if kind != "points":
        made[4::50] = type(made[0])()
    return made


def assert_same(got, plain, within=1e-15):
    assert got["OBJECTID"].tolist() == list(range(1, len(plain) + 1))
    got = got.drop(columns="OBJECTID")
    assert type(got) is type(plain)
    assert list(got.columns) == list(plain.columns)
    rest = [name for name in plain if name != "geometry"]
    pd.testing.assert_frame_equal(pd.DataFrame(got[rest]), pd.DataFrame(plain[rest]))
    if not isinstance(plain, gpd.GeoDataFrame):
        return
    assert got.crs == plain.crs
    for ours, theirs in zip(got.geometry, plain.geometry, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or ours.geom_type == theirs.geom_type
        assert ours is None or ours.is_empty == theirs.is_empty
        assert ours is None or shapely.equals_exact(ours, theirs, within)


@pytest.mark.parametrize("kind", ["points", "lines", "polygons with holes", "multipoints"])
def test_a_layer_is_the_same_with_and_without_a_name(gp, kind, request):
    frame = gpd.GeoDataFrame(columns(4300), geometry=shapes(kind, 4300), crs=4326)
    echo = gp.task("Echo")
    plain = echo.submit(layer=frame).result(timeout=120)
    named = echo.submit(layer=frame, outputName={"serviceProperties": {"name": kind.replace(" ", "_")}})
    assert_same(named.result(timeout=120), plain)


def test_25_000_rows_in_pages_of_2_000(gp, format_of_pages):
    frame = gpd.GeoDataFrame(columns(25_000), geometry=shapes("points", 25_000), crs=4326).to_crs(3857)
    echo = gp.task("Echo")
    plain = echo.submit(layer=frame).result(timeout=120)
    name = "many_" + next(word for word in ("pbf", "json") if word in os.environ["PYTEST_CURRENT_TEST"])
    got = echo.submit(layer=frame, outputName={"serviceProperties": {"name": name}}).result(timeout=120)
    assert sum(format_of_pages.values()) == 13
    assert_same(got, plain, 0.0 if name == "many_json" else 1e-11)  # metres


def test_a_layer_a_table_and_a_number_of_one_job(gp):
    frame = gpd.GeoDataFrame(columns(2100), geometry=shapes("points", 2100), crs=4326)
    split = gp.task("Split")
    plain = split.submit(layer=frame)
    named = split.submit(layer=frame, outputName={"serviceProperties": {"name": "both"}})
    for name in ("shapes", "rows"):
        assert_same(named.result(name, timeout=120), plain.result(name, timeout=120))
    assert named.result("count") == 2100


def test_an_empty_layer_keeps_its_columns_and_its_system(gp):
    frame = gpd.GeoDataFrame(columns(5), geometry=shapes("points", 5), crs=32633).iloc[:0]
    echo = gp.task("Echo")
    plain = echo.submit(layer=frame).result(timeout=60)
    assert_same(
        echo.submit(layer=frame, outputName={"serviceProperties": {"name": "empty"}}).result(timeout=60),
        plain,
    )


def test_the_name_of_a_service_can_be_taken_once_over_the_wire(gp):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(1, 2)], crs=4326)
    echo = gp.task("Echo")
    first = echo.submit(layer=frame, outputName="mine")
    with pytest.raises(sw.SpatialWidgetsError, match="taken"):
        echo.submit(layer=frame, outputName="MINE")
    first.wait(timeout=60)


def test_layers_are_behind_the_same_door_as_everything_else(local, gp):
    frame = gpd.GeoDataFrame({"n": range(3)}, geometry=shapely.points([(0, 0), (1, 1), (2, 2)]), crs=4326)
    job = gp.task("Echo").submit(layer=frame, outputName="door")
    job.wait(timeout=60)
    face = HttpFace(local)
    path = f"{HOSTED}/door/FeatureServer/0/query?where=n%3E0&outFields=*&f=json"
    bearer = {"X-Esri-Authorization": f"Bearer {local.token}"}
    status, reply, headers = face.raw(path, **bearer)
    assert (status, [f["attributes"]["n"] for f in reply["features"]]) == (200, [1, 2])
    assert "access-control-allow-origin" not in {name.lower() for name in headers}
    assert face.raw(path)[1]["error"]["code"] == 499
    assert face.raw(path, **{"X-Esri-Authorization": "Bearer wrong"})[1]["error"]["code"] == 498
    assert face.raw(path, Origin="https://evil.example", **bearer)[0] == 403
    assert face.raw(path, **{"Sec-Fetch-Site": "cross-site"}, **bearer)[0] == 403
    assert face.raw(path, Host="evil.example", **bearer)[0] == 403
    for other in ("..%2f..%2fetc", "door%2f..", "%00", "jobs"):
        reply = face.raw(f"{HOSTED}/{other}/FeatureServer/0/query?where=1%3D1", **bearer)[1]
        assert reply["error"]["code"] == 404
    posted = face.ask(f"{HOSTED}/DOOR/featureserver/0/QUERY", WHERE="1=1", ReturnCountOnly="true")
    assert posted == {"count": 3}
    (file,) = local.store.glob(f"jobs/{job.job_id}/*.parquet")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_pages_of_a_filtered_layer_are_fetched_side_by_side(local, gp):
    frame = gpd.GeoDataFrame(columns(6000), geometry=shapes("points", 6000), crs=4326)
    gp.task("Echo").submit(layer=frame, outputName="filtered").wait(timeout=60)
    face = HttpFace(local)
    got = {}

    def fetch(start):
        got[start] = face.ask(
            f"{HOSTED}/filtered/FeatureServer/0/query", where="n >= 1000 AND text LIKE 'it''s%'", outFields="n", resultOffset=start, resultRecordCount=700, returnGeometry="false"
        )  # fmt: skip

    threads = [threading.Thread(target=fetch, args=(start,)) for start in range(0, 4200, 700)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [f["attributes"]["n"] for start in sorted(got) for f in got[start]["features"]]
    assert rows == [i for i in range(1000, 6000) if i % 6]
