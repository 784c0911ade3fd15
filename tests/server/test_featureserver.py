"""Results under an outputName: layers of a feature service, asked in this process."""

from __future__ import annotations

import datetime as dt
import json
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from faces import ROOT, CoreFace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pbf_messages import MESSAGES
from tasks_of_layers import LAYERS

from spatial_widgets.codec import decode_features, encode_features, encode_records
from spatial_widgets.protocol import JobStatus
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Request

HOSTED = "/arcgis/rest/services/Hosted"
ROWS = 5000


def points(rows=ROWS):
    number = np.arange(rows)
    return gpd.GeoDataFrame(
        {
            "n": number,
            "Group Name": pd.array([None if i % 7 == 0 else f"it's {i % 5}" for i in number], dtype=object),
            "value": np.where(number % 11 == 0, np.nan, number / 7),
            "when": pd.date_range("2020-01-01", periods=rows, freq="h", tz="UTC"),
            "day": [dt.date(2020, 1, 1) + dt.timedelta(days=int(i % 400)) for i in number],
        },
        geometry=gpd.points_from_xy(number % 100 - 50.25, number // 100 - 25.5),
        crs=4326,
    )  # fmt: skip


class Hosted(CoreFace):
    """A core with layers in it."""

    def make(self, frame, name="out", task="Echo", **form):
        given = (
            {"layer": json.dumps(encode_features(frame))}
            if isinstance(frame, gpd.GeoDataFrame)
            else {"table": json.dumps(encode_records(frame))}
        )
        return self.submit(
            task, **given, outputName=json.dumps({"serviceProperties": {"name": name}}), **form
        )

    def raw(self, path, **form):
        return self.core.handle(Request("GET", path, {k: str(v) for k, v in form.items()}))

    def query(self, name="out", layer=0, **form):
        return self.ask(f"{HOSTED}/{name}/FeatureServer/{layer}/query", **form)

    def ids(self, **form):
        return self.query(returnIdsOnly="true", **form)["objectIds"]

    def refused(self, *words, **form):
        error = self.query(**form)["error"]
        assert error["code"] == 400
        for word in words:
            assert word in error["message"]


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    with build_core(tmp_path_factory.mktemp("hosted") / "store", LAYERS) as core:
        face = Hosted(core)
        face.make(points())
        yield face


@pytest.fixture
def fresh(tmp_path):
    with build_core(tmp_path / "store", LAYERS) as core:
        yield Hosted(core)


# ---------------------------------------------------------------- the result, the service, the layer


def test_the_result_is_the_address_of_a_layer(fresh):
    job = fresh.make(points(3))
    value = fresh.ask(f"{job}/results/result")["value"]
    assert value == {"url": f"{HOSTED}/out/FeatureServer/0", "itemId": job.rsplit("/j", 1)[1]}
    request = Request("GET", f"{job}/results/result", {}, {"host": "localhost:1234"})
    url = fresh.core.handle(request).json()["value"]["url"]
    assert url == f"http://localhost:1234{HOSTED}/out/FeatureServer/0"
    assert fresh.ask(f"{job}/results")[0]["value"] == value


def test_a_name_may_come_as_plain_text_and_under_geoprocessings_own_word(fresh):
    layer = json.dumps(encode_features(points(2)))
    for number, option in enumerate(["OUTPUTNAME", "esri_out_feature_service_name"]):
        fresh.submit("Echo", layer=layer, **{option: f"plain{number}"})
        assert fresh.query(f"Plain{number}", returnCountOnly="true") == {"count": 2}, "in any case"


def test_a_job_with_layers_and_tables_has_them_in_one_service_and_other_results_as_ever(fresh):
    job = fresh.make(points(3), task="Split")
    values = {r["paramName"]: r["value"] for r in fresh.ask(f"{job}/results")}
    assert values["shapes"]["url"].endswith("/out/FeatureServer/0")
    assert values["rows"]["url"].endswith("/out/FeatureServer/1")
    assert values["count"] == 3
    service = fresh.ask(f"{HOSTED}/out/FeatureServer")
    assert [(line["id"], line["name"]) for line in service["layers"]] == [(0, "shapes")]
    assert [(line["id"], line["name"]) for line in service["tables"]] == [(1, "rows")]
    every = fresh.ask(f"{HOSTED}/out/FeatureServer/layers")
    assert [line["id"] for line in [*every["layers"], *every["tables"]]] == [0, 1]
    table = fresh.ask(f"{HOSTED}/out/FeatureServer/1")
    assert (table["type"], "geometryType" in table) == ("Table", False)
    rows = fresh.query(layer=1, outFields="n")
    assert [f["attributes"] for f in rows["features"]] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert "geometryType" not in rows
    fresh.refused("a table", layer=1, geometry="0,0,1,1")


def test_the_services_are_listed(fresh):
    assert fresh.ask(HOSTED)["services"] == []
    fresh.make(points(1), name="Äpfel_1")
    assert fresh.ask(HOSTED)["services"] == [{"name": "Hosted/Äpfel_1", "type": "FeatureServer"}]
    assert "Hosted" in fresh.ask("/arcgis/rest/services")["folders"]


def test_a_layer_describes_itself(hosted):
    layer = hosted.ask(f"{HOSTED}/OUT/featureserver/0")
    assert {f["name"]: f["type"] for f in layer["fields"]} == {
        "OBJECTID": "esriFieldTypeOID",
        "n": "esriFieldTypeInteger",
        "Group Name": "esriFieldTypeString",
        "value": "esriFieldTypeDouble",
        "when": "esriFieldTypeDate",
        "day": "esriFieldTypeDateOnly",
    }
    assert layer["objectIdField"] == "OBJECTID"
    assert layer["geometryType"] == "esriGeometryPoint"
    assert layer["extent"] == {
        "xmin": -50.25, "ymin": -25.5, "xmax": 48.75, "ymax": 23.5,
        "spatialReference": {"wkid": 4326, "latestWkid": 4326},
    }  # fmt: skip
    assert (layer["maxRecordCount"], layer["capabilities"]) == (2000, "Query")
    assert layer["supportedQueryFormats"] == "JSON, geoJSON, PBF"
    assert layer["advancedQueryCapabilities"]["supportsPagination"] is True


def test_an_own_column_called_objectid_stays_and_the_new_one_gets_out_of_its_way(fresh):
    fresh.make(points(2).rename(columns={"n": "ObjectID", "value": "geometry_", "day": "bbox"}))
    reply = fresh.query(outFields="*")
    assert reply["objectIdFieldName"] == "OBJECTID_1"
    assert [f["attributes"]["ObjectID"] for f in reply["features"]] == [0, 1]
    assert [f["attributes"]["OBJECTID_1"] for f in reply["features"]] == [1, 2]
    assert fresh.query(geometry="-51,-26,-50,-25", outFields="bbox")["features"][0]["attributes"] == {
        "bbox": "2020-01-01"
    }


@pytest.mark.parametrize(
    "name", ["../x", "a b", "", "x" * 99, "a/b", "a.b", "%2e%2e", "a\0b", 7, None, {"a": 1}]
)
def test_an_unsafe_name_is_refused_by_name(fresh, name):
    reply = fresh.ask(
        f"{ROOT}/Echo/submitJob",
        layer=json.dumps(encode_features(points(1))),
        outputName=json.dumps({"serviceProperties": {"name": name}}),
    )
    assert reply["error"]["code"] == 400
    assert "outputName" in reply["error"]["message"]
    assert fresh.core.store.ids() == set()


def test_a_layer_that_exists_already_is_not_written_to(fresh):
    for text in ('{"itemId": "0123"}', '{"serviceProperties": 1}', "{"):
        reply = fresh.ask(
            f"{ROOT}/Echo/submitJob", layer=json.dumps(encode_features(points(1))), outputName=text
        )
        assert "outputName" in reply["error"]["message"]


def test_a_taken_name_is_refused_until_its_job_is_gone(fresh):
    job = fresh.make(points(1), name="Mine")
    layer = json.dumps(encode_features(points(1)))
    reply = fresh.ask(f"{ROOT}/Echo/submitJob", layer=layer, outputName="mINE")
    assert reply["error"]["code"] == 400
    assert "'mINE' is taken" in reply["error"]["message"]
    assert job.rsplit("/", 1)[1] in reply["error"]["message"]
    folder = fresh.core.store.files.folder(job.rsplit("/", 1)[1])
    assert [p.suffix for p in folder.glob("*.parquet")] == [".parquet"]
    assert fresh.query("Mine", returnCountOnly="true") == {"count": 1}
    fresh.core.store.sweep(keep_s=-1, keep_jobs=9)
    assert not folder.exists()
    assert fresh.query("Mine", returnCountOnly="true")["error"]["code"] == 404
    assert fresh.query("Mine", returnCountOnly="true")["error"]["message"].startswith(
        "There is no service 'Mine'"
    )
    fresh.make(points(2), name="mine")
    assert fresh.query("Mine", returnCountOnly="true") == {"count": 2}


def test_a_failed_job_gives_its_name_up_and_a_waiting_one_keeps_it(tmp_path):
    with build_core(tmp_path / "store", LAYERS, drive="step") as core:
        face = Hosted(core)
        job = face.make(points(1), task="Fail")
        assert "esriJobSubmitted" in face.query(returnCountOnly="true")["error"]["message"]
        layer = json.dumps(encode_features(points(1)))
        assert (
            "taken" in face.ask(f"{ROOT}/Echo/submitJob", layer=layer, outputName="out")["error"]["message"]
        )
        core.supervisor.run_pending()
        assert face.status(job) == JobStatus.FAILED.value
        again = face.make(points(1))
        core.supervisor.run_pending()
        assert face.status(again) == JobStatus.SUCCEEDED.value
        assert face.query(returnCountOnly="true") == {"count": 1}


def test_a_submit_that_is_sent_again_with_its_key_is_not_told_that_its_own_name_is_taken(fresh):
    form = {"layer": json.dumps(encode_features(points(1))), "outputName": "out", "x-idempotency-key": "k"}
    replies = [fresh.ask(f"{ROOT}/Echo/submitJob", **form) for _ in range(2)]
    assert replies[0]["jobId"] == replies[1]["jobId"]


def test_a_name_says_nothing_to_a_task_without_layers(tmp_path):
    from tasks_for_tests import TOYS

    with build_core(tmp_path / "store", TOYS) as core:
        face = Hosted(core)
        job = face.submit("Greet", name="Ada", outputName="out")
        assert face.ask(f"{job}/results/text")["value"] == "Hello Ada. "
        assert core.store.hosted() == []


def test_names_and_layers_are_there_after_a_restart_and_hidden_from_a_service_without_a_token(tmp_path):
    with build_core(tmp_path / "store", LAYERS) as core:
        Hosted(core).make(points(5))
    with build_core(tmp_path / "store", LAYERS) as core:
        assert Hosted(core).query(returnCountOnly="true") == {"count": 5}
    with build_core(tmp_path / "store", LAYERS, is_anonymous=True) as core:
        face = Hosted(core)
        assert face.query(returnCountOnly="true")["error"]["code"] == 404
        assert face.ask(HOSTED)["services"] == []
        face.make(points(2), name="new")
        assert face.query("new", returnCountOnly="true") == {"count": 2}


def test_a_damaged_file_is_told_and_not_served(tmp_path):
    with build_core(tmp_path / "store", LAYERS) as core:
        face = Hosted(core)
        job = face.make(points(50))
        (path,) = core.store.files.folder(job.rsplit("/", 1)[1]).glob("*.parquet")
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        error = face.query(outFields="*")["error"]
        assert error["code"] == 500
        assert "damaged" in error["message"]


def test_the_file_is_geoparquet_for_everybody_and_only_the_owner_can_read_it(fresh):
    frame = points(4100)
    frame.loc[3, "geometry"] = None
    job = fresh.make(frame)
    (path,) = fresh.core.store.files.folder(job.rsplit("/", 1)[1]).glob("*.parquet")
    assert path.stat().st_mode & 0o077 == 0
    got = gpd.read_parquet(path)
    assert got.crs == frame.crs
    assert got.geometry.isna().sum() == 1
    pd.testing.assert_series_equal(got["n"], frame["n"], check_dtype=False)
    assert len(gpd.read_parquet(path, bbox=(-51, -26, -50, -25))) == 1
    assert pq.ParquetFile(path).num_row_groups == 3
    assert not list(path.parent.glob("*.tmp"))


def test_a_result_of_more_bytes_than_are_kept_fails_the_job_and_leaves_nothing(tmp_path):
    with build_core(tmp_path / "store", LAYERS, limits=Limits(result_bytes=20_000)) as core:
        face = Hosted(core)
        job = face.make(points(4000))
        reply = face.ask(job)
        assert reply["jobStatus"] == "esriJobFailed"
        assert "20,000 bytes" in str(reply["messages"])
        assert [
            p.name
            for p in core.store.files.folder(job.rsplit("/", 1)[1]).glob("*.*")
            if "parquet" in p.name or "tmp" in p.name
        ] == []


# ---------------------------------------------------------------- without a name: the limit


def test_over_maximum_records_a_result_comes_empty_and_says_so(tmp_path):
    with build_core(tmp_path / "store", LAYERS, limits=Limits(maximum_records=10)) as core:
        face = Hosted(core)
        assert face.ask(ROOT)["maximumRecords"] == 10
        for rows, exceeded in ((10, False), (11, True)):
            job = face.submit("Split", layer=json.dumps(encode_features(points(rows))))
            values = {r["paramName"]: r["value"] for r in face.ask(f"{job}/results")}
            for name in ("shapes", "rows"):
                assert values[name]["exceededTransferLimit"] is exceeded
                assert len(values[name]["features"]) == (0 if exceeded else rows)
                assert {f["name"] for f in values[name]["fields"]} >= {"n", "day"}
            assert values["shapes"]["geometryType"] == "esriGeometryPoint"
            assert values["shapes"]["spatialReference"]["wkid"] == 4326
            warned = [m for m in face.ask(job)["messages"] if m["type"] == "esriJobMessageTypeWarning"]
            assert len(warned) == (2 if exceeded else 0)
        assert "outputName" in warned[0]["description"]
        face.make(points(11))
        assert face.query(returnCountOnly="true") == {"count": 11}, "with a name there is no limit"


# ---------------------------------------------------------------- queries


def test_a_page_ends_at_the_services_limit_and_says_that_there_is_more(hosted):
    reply = hosted.query(where="1=1", outFields="n", returnGeometry="false")
    assert [f["attributes"]["n"] for f in reply["features"]] == list(range(2000))
    assert reply["exceededTransferLimit"] is True
    assert "geometryType" not in reply
    last = hosted.query(resultOffset=4000, resultRecordCount=9000, outFields="n")
    assert [f["attributes"]["n"] for f in last["features"]] == list(range(4000, 5000))
    assert "exceededTransferLimit" not in last
    assert hosted.query(resultOffset=5000)["features"] == []
    assert hosted.query(resultRecordCount=0)["features"] == []
    assert len(hosted.query(RESULTOFFSET=10, ResultRecordCount=3)["features"]) == 3


def test_pages_put_together_are_the_frame(hosted):
    pages = [
        hosted.query(outFields="*", resultOffset=start, resultRecordCount=1700)
        for start in range(0, ROWS, 1700)
    ]
    got = decode_features(
        {**pages[0], "features": [f for page in pages for f in page["features"]]}, allow_truncated=True
    )
    plain = decode_features(encode_features(points()))
    assert got["OBJECTID"].tolist() == list(range(1, ROWS + 1))
    pd.testing.assert_frame_equal(pd.DataFrame(got.drop(columns="OBJECTID")), pd.DataFrame(plain))


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("n < 10", lambda f: f.n < 10),
        ("\"Group Name\" = 'it''s 3' AND value > 100", lambda f: (f["Group Name"] == "it's 3") & (f.value > 100)),
        ('"Group Name" IS NULL', lambda f: f["Group Name"].isna()),
        ("value IS NULL OR n IN (1, 2)", lambda f: f.value.isna() | f.n.isin([1, 2])),
        ("when >= TIMESTAMP '2020-03-01 00:00:00'", lambda f: f.when >= "2020-03-01"),
        ("day = DATE '2020-01-05'", lambda f: f.day == dt.date(2020, 1, 5)),
        ("day < '2020-01-03'", lambda f: f.day < dt.date(2020, 1, 3)),
        ("OBJECTID > 10 AND objectid <= 12", lambda f: (f.index >= 10) & (f.index < 12)),
        ("1=1", lambda f: f.n >= 0),
        ("1=0", lambda f: f.n < 0),
        ("UPPER(\"Group Name\") LIKE 'IT''S 4%'", lambda f: f["Group Name"].fillna("") == "it's 4"),
    ],
)  # fmt: skip
def test_where_clauses_choose_rows(hosted, where, rows):
    frame = points()
    expected = (np.flatnonzero(rows(frame)) + 1).tolist()
    assert hosted.ids(where=where) == expected
    assert hosted.query(where=where, returnCountOnly="true") == {"count": len(expected)}


@pytest.mark.parametrize(
    "where", ["nothing = 1", "n = 1; DROP TABLE layer", "n = (SELECT 1)", "load_extension('x')", "n ==", "'"]
)
def test_a_clause_that_is_none_is_refused(hosted, where):
    hosted.refused("where", where=where)


def test_object_ids_choose_rows_and_unknown_ones_none(hosted):
    reply = hosted.query(objectIds="7,3, 999999,-1,3", outFields="n")
    assert [f["attributes"]["n"] for f in reply["features"]] == [2, 6]
    assert hosted.ids(objectIds="7,3", where="n > 3") == [7]
    hosted.refused("objectIds", objectIds="1,a")


@pytest.mark.parametrize(
    ("form", "box"),
    [
        ({"geometry": "0,0,10,10"}, (0, 0, 10, 10)),
        ({"geometry": json.dumps({"xmin": -50.25, "ymin": -25.5, "xmax": -50, "ymax": 30})}, (-50.25, -25.5, -50, 30)),
        ({"geometry": "0,0,10,10", "spatialRel": "esriSpatialRelEnvelopeIntersects"}, (0, 0, 10, 10)),
        ({"geometry": "3.75,4.5", "geometryType": "esriGeometryPoint"}, (3.75, 4.5, 3.75, 4.5)),
    ],
)  # fmt: skip
def test_envelopes_choose_rows_whose_shape_meets_them(hosted, form, box):
    frame = points()
    expected = np.flatnonzero(frame.intersects(shapely.box(*box)))
    assert len(expected)
    assert hosted.ids(**form) == (expected + 1).tolist()


def test_an_area_in_another_system_is_brought_into_the_layers(hosted):
    frame = points()
    area = shapely.box(0.1, 0.1, 10.1, 10.1)
    moved = gpd.GeoSeries([area], crs=4326).to_crs(3857).total_bounds
    expected = (np.flatnonzero(frame.intersects(area)) + 1).tolist()
    assert hosted.ids(geometry=",".join(map(str, moved)), inSR="102100") == expected
    rings = {"rings": [list(map(list, area.exterior.coords))], "spatialReference": {"wkid": 4326}}
    assert hosted.ids(geometry=json.dumps(rings), geometryType="esriGeometryPolygon") == expected
    hosted.refused("no coordinates", geometry="1e300,1e300,2e300,2e300", inSR="102100")


def test_a_shape_that_only_overlaps_in_its_bounds_meets_an_envelope_but_does_not_intersect_it(fresh):
    diagonal = shapely.LineString([(0, 0), (10, 10)])
    fresh.make(gpd.GeoDataFrame({"n": [1, 2]}, geometry=[diagonal, None], crs=4326))
    assert fresh.ids(geometry="8,0,10,1") == []
    assert fresh.ids(geometry="8,0,10,1", spatialRel="esriSpatialRelEnvelopeIntersects") == [1]
    assert fresh.ids(geometry="4,4,6,6") == [1]


def test_rows_come_in_the_order_that_is_asked_for(hosted):
    frame = points()
    reply = hosted.query(orderByFields="OBJECTID DESC", resultRecordCount=3, outFields="n")
    assert [f["attributes"]["n"] for f in reply["features"]] == [4999, 4998, 4997]
    expected = frame.sort_values(["Group Name", "n"], ascending=[True, False], kind="stable").index + 1
    assert hosted.ids(orderByFields="Group Name, N desc") == expected.tolist()
    reply = hosted.query(
        orderByFields="value DESC", where="n < 30", outFields="value", resultOffset=1, resultRecordCount=2
    )
    assert [f["attributes"]["value"] for f in reply["features"]] == [28 / 7, 27 / 7]
    hosted.refused("orderByFields", "'nothing'", orderByFields="nothing")


def test_extents_of_all_of_some_and_of_none(hosted):
    whole = hosted.query(returnExtentOnly="true", returnCountOnly="true")
    assert (whole["count"], whole["extent"]["xmin"], whole["extent"]["ymax"]) == (5000, -50.25, 23.5)
    some = hosted.query(where="n < 2", returnExtentOnly="true")["extent"]
    assert [some[c] for c in ("xmin", "ymin", "xmax", "ymax")] == [-50.25, -25.5, -49.25, -25.5]
    moved = hosted.query(where="n < 2", returnExtentOnly="true", outSR=102100)["extent"]
    assert moved["spatialReference"]["latestWkid"] == 3857
    assert moved["xmin"] == pytest.approx(-5593804.4, abs=1)
    assert hosted.query(where="n < 0", returnExtentOnly="true")["extent"]["xmin"] == "NaN"


def test_distinct_values(hosted):
    reply = hosted.query(outFields="Group Name", returnDistinctValues="true", returnGeometry="false")
    assert [f["attributes"]["Group Name"] for f in reply["features"]] == [
        *(f"it's {i}" for i in range(5)),
        None,
    ]
    form = {"outFields": "Group Name", "returnDistinctValues": "true", "returnGeometry": "false"}
    assert hosted.query(**form, returnCountOnly="true") == {"count": 6}
    some = hosted.query(**form, where="n < 3", orderByFields="Group Name DESC", resultRecordCount=1)
    assert some["features"] == [{"attributes": {"Group Name": "it's 2"}}]
    assert some["exceededTransferLimit"] is True
    hosted.refused("returnDistinctValues", outFields="n", returnDistinctValues="true", returnGeometry="true")


def test_coordinates_come_in_the_system_and_with_the_digits_that_are_asked_for(hosted):
    reply = hosted.query(objectIds="1", outSR="102100", geometryPrecision=1)
    assert reply["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    shape = reply["features"][0]["geometry"]
    assert (shape["x"], shape["y"]) == (-5593804.4, pytest.approx(-2937284, abs=1))
    assert hosted.query(objectIds="1", outSR="4326")["features"][0]["geometry"] == {"x": -50.25, "y": -25.5}
    hosted.refused("outSR", outSR="12345678")


def test_shapes_are_simplified_where_that_is_asked_for(fresh):
    line = shapely.LineString([(0, 0), (1, 0.001), (2, 0)])
    fresh.make(gpd.GeoDataFrame({"n": [1]}, geometry=[line], crs=4326))
    assert len(fresh.query()["features"][0]["geometry"]["paths"][0]) == 3
    assert len(fresh.query(maxAllowableOffset="0.1")["features"][0]["geometry"]["paths"][0]) == 2


def test_z_comes_only_when_asked_for_and_a_layer_that_lacks_some_has_no_protocol_buffers(fresh):
    fresh.make(
        gpd.GeoDataFrame({"n": [1, 2]}, geometry=[shapely.Point(1, 2, 3), shapely.Point(4, 5, 6)], crs=4326)
    )
    assert fresh.query()["features"][0]["geometry"] == {"x": 1.0, "y": 2.0}
    reply = fresh.query(returnZ="true")
    assert reply["hasZ"] is True
    assert reply["features"][0]["geometry"] == {"x": 1.0, "y": 2.0, "z": 3.0}
    fresh.make(
        gpd.GeoDataFrame({"n": [1, 2]}, geometry=[shapely.Point(1, 2, 3), shapely.Point(4, 5)], crs=4326),
        name="some",
    )
    assert fresh.ask(f"{HOSTED}/some/FeatureServer/0")["supportedQueryFormats"] == "JSON, geoJSON"
    assert fresh.query("some", f="pbf")["error"]["code"] == 400
    assert math.isclose(fresh.query("some", returnZ="true")["features"][0]["geometry"]["z"], 3)


def test_fields_are_named_in_any_case_and_only_those_come(hosted):
    reply = hosted.query(objectIds="1", outFields="N, group name")
    assert list(reply["features"][0]["attributes"]) == ["n", "Group Name"]
    assert [f["name"] for f in reply["fields"]] == ["n", "Group Name"]
    assert list(hosted.query(objectIds="1")["features"][0]["attributes"]) == ["OBJECTID"]
    hosted.refused("outFields", "'m'", outFields="n,m")


@pytest.mark.parametrize(
    "form",
    [
        {"outStatistics": "[]"}, {"time": "0"}, {"distance": "5"}, {"quantizationParameters": "{}"}, {"returnCentroid": "true"},
        {"geometry": "0,0,1,1", "spatialRel": "esriSpatialRelTouches"}, {"geometry": "0,0"}, {"geometry": "5,5,1,1"},
        {"geometry": "{}"}, {"geometry": "0,0,1,1", "geometryType": "esriGeometryPolygon"}, {"geometry": "a"},
        {"geometry": '{"rings":[[[0,0]]]}', "geometryType": "esriGeometryPolyline"}, {"resultOffset": "-1"},
        {"resultRecordCount": "x"}, {"returnCountOnly": "maybe"}, {"sqlFormat": "native"}, {"f": "shapefile"},
        {"f": "pbf", "returnExtentOnly": "true"}, {"f": "geojson", "returnCountOnly": "true"}, {"geometryPrecision": "99"},
        {"maxAllowableOffset": "nan"}, {"inSR": "x", "geometry": "0,0,1,1"}, {"geometry": "0,0,1,1", "inSR": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_done_is_refused(hosted, form):
    if form == {"geometry": "0,0"}:
        form = {"geometry": "0,0", "geometryType": "esriGeometryEnvelope"}
    hosted.refused(**form)


def test_unknown_words_are_ignored_as_arcgis_does(hosted):
    assert hosted.query(
        returnCountOnly="TRUE",
        cacheHint="true",
        gdbVersion="x",
        resultType="standard",
        returnCentroid="false",
    ) == {"count": 5000}


@pytest.mark.parametrize(
    "path", ["out/FeatureServer/1", "out/FeatureServer/x", "out/FeatureServer/0/apply", "out/FeatureServer/-1", "out/MapServer/0", "out", "../jobs", "out/FeatureServer/0/query/x", "out/FeatureServer/00000"]
)  # fmt: skip
def test_other_paths_lead_nowhere(hosted, path):
    assert hosted.ask(f"{HOSTED}/{path}")["error"]["code"] in {400, 404}


def test_geojson_is_longitude_and_latitude_with_rings_to_the_left(fresh):
    holed = shapely.Polygon([(0, 0), (0, 10), (10, 10), (10, 0)], [[(1, 1), (2, 1), (2, 2)]])
    frame = gpd.GeoDataFrame({"n": [1, 2, 3]}, geometry=[holed, None, shapely.Polygon()], crs=4326)
    fresh.make(frame.to_crs(3857))
    response = fresh.raw(f"{HOSTED}/out/FeatureServer/0/query", f="geojson", outFields="*")
    assert response.content_type.startswith("application/geo+json")
    document = response.json()
    assert document["features"][1]["geometry"] is None
    got = gpd.GeoDataFrame.from_features(document["features"][:1], crs=4326)
    assert shapely.equals_exact(got.geometry[0].normalize(), holed.normalize(), 1e-9)
    assert shapely.is_ccw(got.geometry[0].exterior)
    assert document["features"][0]["id"] == 1
    assert document["features"][0]["properties"] == {"OBJECTID": 1, "n": 1}
    metres = fresh.raw(
        f"{HOSTED}/out/FeatureServer/0/query", f="geojson", outSR=3857, resultRecordCount=1
    ).json()
    assert metres["crs"]["properties"]["name"] == "EPSG:3857"
    assert metres["exceededTransferLimit"] is True


@pytest.mark.parametrize(
    ("text", "z", "coordinates"),
    [
        ("LINESTRING Z (0 0 5, 1 1 6)", "true", [[0, 0, 5], [1, 1, 6]]),
        ("LINESTRING ZM (0 0 5 8, 1 1 6 9)", "true", [[0, 0, 5], [1, 1, 6]]),
        ("LINESTRING ZM (0 0 5 8, 1 1 6 9)", "false", [[0, 0], [1, 1]]),
        ("LINESTRING M (0 0 8, 1 1 9)", "true", [[0, 0], [1, 1]]),
    ],
)
def test_geojson_has_z_where_it_is_asked_to_and_never_m(fresh, text, z, coordinates):
    fresh.make(gpd.GeoDataFrame(geometry=[shapely.from_wkt(text), None], crs=4326))
    document = fresh.raw(f"{HOSTED}/out/FeatureServer/0/query", f="geojson", returnZ=z, returnM="true").json()
    assert document["features"][0]["geometry"]["coordinates"] == coordinates


def test_pages_counts_and_ids_as_protocol_buffers(hosted):
    path = f"{HOSTED}/out/FeatureServer/0/query"
    response = hosted.raw(path, f="pbf", outFields="*", resultRecordCount=3)
    assert response.content_type == "application/x-protobuf"
    result = MESSAGES["Page"].FromString(response.body).queryResult.featureResult
    assert (result.objectIdFieldName, result.exceededTransferLimit, len(result.features)) == (
        "OBJECTID",
        True,
        3,
    )
    assert [f.attributes[0].uint_value for f in result.features] == [1, 2, 3]
    count = MESSAGES["Page"].FromString(hosted.raw(path, f="pbf", returnCountOnly="true").body)
    assert count.queryResult.countResult.count == 5000
    ids = MESSAGES["Page"].FromString(hosted.raw(path, f="pbf", returnIdsOnly="true", where="n<3").body)
    assert list(ids.queryResult.idsResult.objectIds) == [1, 2, 3]
    metres = MESSAGES["Page"].FromString(hosted.raw(path, f="pbf", outSR=3857, objectIds="1").body)
    result = metres.queryResult.featureResult
    assert result.features[0].geometry.coords[0] * result.transform.scale.x == pytest.approx(
        -5593804.41, abs=0.1
    )
    error = hosted.raw(path, f="pbf", where="nothing = 1")
    assert error.json()["error"]["code"] == 400, "errors are JSON"
    assert hosted.ask(f"{HOSTED}/out/FeatureServer/0", f="pbf")["error"]["code"] == 400
    assert hosted.ask(ROOT, f="pbf")["error"]["code"] == 400


def test_a_page_reads_its_own_rows_only(hosted, monkeypatch):
    read = []
    original = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, i, **k: (read.append(i), original(self, i, **k))[1]
    )
    hosted.query(outFields="*", resultOffset=2000, resultRecordCount=2000)
    assert read == [1]
    read.clear()
    hosted.query(outFields="n", geometry="-60,20,60,30")
    assert set(read) == {2}, "groups that lie elsewhere are passed over"


def test_very_large_rows_come_fewer_at_a_time_and_none_is_missing(fresh, monkeypatch):
    from spatial_widgets.server.featureserver import layerfile

    monkeypatch.setattr(layerfile, "_PAGE_BYTES", 20_000)
    circles = shapely.buffer(shapely.points([(i, 0) for i in range(20)]), 1, quad_segs=100)
    fresh.make(gpd.GeoDataFrame({"n": range(20)}, geometry=circles, crs=4326))
    got, sizes = [], []
    while True:
        reply = fresh.query(outFields="n", resultOffset=len(got))
        sizes.append(len(reply["features"]))
        got += [f["attributes"]["n"] for f in reply["features"]]
        if "exceededTransferLimit" not in reply:
            break
    assert got == list(range(20))
    assert 1 < max(sizes) < 5


def test_layers_without_rows_and_without_places_answer_too(fresh):
    fresh.make(points(0), name="none")
    assert fresh.query("none", returnCountOnly="true") == {"count": 0}
    assert fresh.query("none", outFields="*")["features"] == []
    assert fresh.query("none", where="n > 1", geometry="0,0,1,1")["features"] == []
    assert (
        fresh.query("none", outFields="n", returnDistinctValues="true", returnGeometry="false")["features"]
        == []
    )
    assert fresh.ask(f"{HOSTED}/none/FeatureServer/0")["extent"]["xmin"] == "NaN"
    fresh.make(gpd.GeoDataFrame({"n": [1]}, geometry=[None], crs=4326), name="null")
    assert fresh.query("null")["features"][0]["geometry"] is None
    assert fresh.query("null", geometry="0,0,1,1", returnIdsOnly="true")["objectIds"] == []


@pytest.mark.parametrize("kind", ["layer", "result"])
def test_a_layer_can_be_the_next_jobs_input(fresh, kind):
    frame = points(2500)
    frame.loc[5, "geometry"] = None
    job = fresh.make(frame)
    url = (
        f"http://127.0.0.1:9{HOSTED}/out/FeatureServer/0"
        if kind == "layer"
        else f"http://127.0.0.1:9{job}/results/result"
    )
    again = fresh.submit("Echo", layer=json.dumps({"url": url, "filter": "n < 2400"}))
    plain = fresh.submit("Echo", layer=json.dumps({**encode_features(frame), "filter": "n < 2400"}))
    got, expected = (fresh.ask(f"{one}/results/result")["value"] for one in (again, plain))
    assert got == expected
    missing = json.dumps({"url": f"http://127.0.0.1:9{HOSTED}/out/FeatureServer/1"})
    assert "no hosted layer" in fresh.ask(f"{ROOT}/Echo/submitJob", layer=missing)["error"]["message"]


def test_a_layer_of_more_features_than_a_job_reads_is_refused_as_its_input(tmp_path):
    with build_core(tmp_path / "store", LAYERS, limits=Limits(features=10)) as core:
        face = Hosted(core)
        frame = points(10)
        job = face.make(frame)
        url = json.dumps({"url": f"http://127.0.0.1:9{HOSTED}/out/FeatureServer/0"})
        assert face.status(face.submit("Echo", layer=url)) == "esriJobSucceeded"
        object.__setattr__(core._limits, "features", 9)
        late = face.submit("Echo", layer=url)
        assert "at most 9" in str(face.ask(late)["messages"])
        assert job != late


_WORDS = st.sampled_from(
    ["", "0", "-1", "1", "true", "n", "*", "OBJECTID DESC", "n,,value desc", "1=1", "n > 3", "n = 'x'", "n LIKE '%%'", "NULL", "day > 3",
     "0,0,1,1", "1e308,0,1e309,1", "nan,nan,nan,nan", "{}", "[]", "[1]", '{"x":"NaN"}', '{"x":1,"y":1e999}', '{"rings":[[]]}', '{"rings":[[[0,0],[1,1]]]}',
     '{"paths":[[[0,0],[1,1]]]}', '{"points":[[0]]}', "4326", "3857", "102100", "32633", "5514", "99999", '{"wkid":-1}', "esriGeometryEnvelope", "esriGeometryPoint",
     "999999999999999", "1e3", "json", "geojson", "pbf"]
)  # fmt: skip
_NAMES = st.sampled_from(
    ["where", "objectIds", "geometry", "geometryType", "inSR", "spatialRel", "outFields", "returnGeometry", "orderByFields", "resultOffset",
     "resultRecordCount", "returnCountOnly", "returnIdsOnly", "returnExtentOnly", "returnDistinctValues", "outSR", "geometryPrecision",
     "maxAllowableOffset", "returnZ", "returnM", "f"]
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(_NAMES, _WORDS | st.text(max_size=12), max_size=5))
def test_whatever_is_asked_there_is_an_answer_or_a_reason(hosted, form):
    response = hosted.raw(f"{HOSTED}/out/FeatureServer/0/query", **{"resultRecordCount": "5"} | form)
    if response.content_type.startswith("application/json"):
        assert response.json().get("error", {}).get("code", 200) != 500
