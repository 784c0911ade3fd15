"""What a submission sends: environment settings, local files, and layers too large to be copied."""

import contextlib
import json
import threading
import tracemalloc

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import requests
import shapely
from fakes import POINT_LAYER, TASK, ScriptedApp, error
from raw_server import RawServer

from spatial_widgets import errors
from spatial_widgets.client import GPService
from spatial_widgets.client.results import ResultFile

BERLIN = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(13, 52)], crs=4326)


def parameter(name, data_type, **more):
    return {
        "name": name,
        "dataType": data_type,
        "direction": "esriGPParameterDirectionInput",
        "parameterType": "esriGPParameterTypeOptional",
        **more,
    }


def task_of(*parameters):
    return {**TASK, "parameters": list(parameters)}


def sent(app, **values):
    app.service().task("Buffer").submit(**values)
    return app.asked[-1].form


def large_layer(rows=20_000):
    return gpd.GeoDataFrame(
        {"s": ["ä & = +"] * rows, "i": np.arange(rows)},
        geometry=shapely.points(np.arange(rows) / rows, np.arange(rows) / rows),
        crs=4326,
    )


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value", "text"),
        [
            ("context", {"extent": BERLIN, "outSR": pyproj.CRS(25832)}, '{"extent":{"xmin":13.0,"ymin":52.0,"xmax":13.0,"ymax":52.0,"spatialReference":{"wkid":4326,"latestWkid":4326}},"outSR":{"wkid":25832,"latestWkid":25832}}'),
            ("context", {"outSR": 3857, "processSR": None, "dataStore": "relational"}, '{"outSR":{"wkid":102100,"latestWkid":3857},"dataStore":"relational"}'),
            ("context", {"extent": (1, 2, 3, 4)}, '{"extent":{"xmin":1.0,"ymin":2.0,"xmax":3.0,"ymax":4.0}}'),
            ("context", '{"outSR":{"wkid":3857}}', '{"outSR":{"wkid":3857}}'), ("env:outSR", 3857, "3857"), ("env:processSR", "EPSG:4326", '{"wkid":4326,"latestWkid":4326}'), ("env:outSR", {"wkid": 1}, '{"wkid":1}'),
            ("returnZ", True, "true"), ("simplifyFeatures", np.False_, "false"), ("outputName", {"serviceProperties": {"name": "n"}}, '{"serviceProperties":{"name":"n"}}'), ("esri_out_feature_service_name", "n", "n"),
        ],
    )  # fmt: skip
    def test_they_are_written_as_esri_has_them(self, name, value, text):
        assert json_or_text(
            sent(ScriptedApp(), inputLayer=POINT_LAYER, **{name: value})[name]
        ) == json_or_text(text)

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("contxt", {}, ["'contxt'", "Did you mean 'context'?"]), ("context", {"outSr": 1}, ["'outSr'", "Did you mean 'outSR'?"]), ("context", 5, ["a dict"]), ("context", {"outSR": "nonsense"}, ["outSR", "coordinate system"]),
            ("context", {"extent": "x"}, ["extent", "GeoDataFrame"]), ("env:outSR", 999999, ["999999"]), ("returnZ", "yes", ["True or False"]), ("outputName", object(), ["JSON"]),
        ],
    )  # fmt: skip
    def test_wrong_ones_are_told_and_nothing_is_sent(self, name, value, words):
        app = ScriptedApp()
        with pytest.raises(errors.ParameterError) as caught:
            sent(app, inputLayer=POINT_LAYER, **{name: value})
        for word in words:
            assert word in str(caught.value)
        assert app.count("submitJob") == 0


def json_or_text(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


class TestFiles:
    TASK = task_of(
        parameter("file", "GPDataFile", filter={"type": "file", "list": ["zip"]}),
        parameter("files", "GPMultiValue:GPDataFile"),
        parameter("raster", "GPRasterDataLayer"),
        parameter("table", "GPValueTable", parameterInfos=[{"name": "f", "dataType": "GPDataFile"}]),
        parameter("layer", "GPFeatureRecordSetLayer"),
    )

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "a.zip"
        path.write_bytes(b"PK data")
        return path

    def app(self, capabilities="Query, Uploads"):
        app = ScriptedApp(task=self.TASK)
        app.capabilities = capabilities
        return app

    def test_a_local_file_is_uploaded_once_and_named_by_its_item(self, path):
        app = self.app()
        assert sent(app, file=path) == {"f": "json", "file": '{"itemID":"i1"}'}
        upload = next(a for a in app.asked if a.operation == "upload")
        assert upload.method == "POST"
        assert upload.path.endswith("/GPServer/uploads/upload")
        assert upload.form == {"f": "json", "file": "PK data"}
        assert app.count("upload") == 1

    def test_files_are_found_wherever_they_are(self, path, tmp_path):
        (tmp_path / "b.tif").write_bytes(b"II")
        app = self.app()
        form = sent(app, files=[path, "https://h/x.zip"], raster=str(tmp_path / "b.tif"), table=[[path]])
        assert form["files"] == '[{"itemID":"i1"},{"url":"https://h/x.zip"}]'
        assert form["raster"] == '{"itemID":"i2"}'
        assert form["table"] == '[[{"itemID":"i3"}]]'

    def test_without_the_capability_nothing_is_sent(self, path):
        app = self.app("")
        with pytest.raises(errors.ParameterError, match=r"'file'.*takes no uploads.*pass its URL"):
            sent(app, file=path)
        assert all(a.method == "GET" for a in app.asked)

    def test_everything_is_checked_before_a_file_is_uploaded(self, path, tmp_path):
        app = self.app()
        (tmp_path / "c.txt").write_text("x")
        (tmp_path / "bare").write_text("x")
        (tmp_path / "my.gdb").mkdir()
        for values, says in [
            ({"file": tmp_path / "c.txt"}, r"'c\.txt'.*\.zip"),
            ({"file": path, "layer": 5}, "GeoDataFrame"),
            ({"files": [tmp_path / "bare"]}, "no extension"),
            ({"files": [tmp_path / "my.gdb"]}, "folder"),
            ({"file": tmp_path / "absent.zip"}, "none at"),
        ]:
            with pytest.raises(errors.ParameterError, match=says):
                sent(app, **values)
        assert all(a.method == "GET" for a in app.asked)

    def test_a_failed_upload_is_not_repeated_and_submits_nothing(self, path):
        for answer, kind in [
            (error(400, "too large"), errors.ServiceError),
            (requests.ConnectionError("reset"), errors.TransportError),
            ({"success": True}, errors.ProtocolError),
        ]:
            app = self.app()
            app.answers["upload"] = [answer] * 2
            with pytest.raises(kind):
                sent(app, file=path)
            assert (app.count("upload"), app.count("submitJob")) == (1, 0)

    def test_a_refused_token_is_renewed_and_the_whole_file_sent_again(self, path):
        tokens = iter(["first-token", "second-token"])
        app = self.app()
        app.answers["upload"] = [error(498, "Invalid token.")]
        app.service(auth=lambda: next(tokens)).task("Buffer").submit(file=path)
        uploads = [a for a in app.asked if a.operation == "upload"]
        assert [a.form["file"] for a in uploads] == ["PK data"] * 2

    def test_a_result_file_is_passed_on_by_its_url(self):
        app = self.app("")
        found = ResultFile("https://h/x.zip?token=very-secret", format="zip", session=app.service().session)
        assert sent(app, file=found) == {"f": "json", "file": '{"url":"https://h/x.zip"}'}

    def test_the_path_of_a_layer_is_read_and_not_uploaded(self, tmp_path):
        BERLIN.to_file(tmp_path / "b.gpkg")
        form = sent(self.app(""), layer=tmp_path / "b.gpkg")
        assert json.loads(form["layer"])["features"][0]["geometry"] == {"x": 13.0, "y": 52.0}


class TestLargeLayers:
    def test_a_service_like_ours_gets_multipart_and_any_other_a_plain_form(self):
        frame = large_layer()
        texts = []
        for is_ours, kind in [
            (True, "multipart/form-data; boundary="),
            (False, "application/x-www-form-urlencoded"),
        ]:
            app = ScriptedApp()
            app.is_ours = is_ours
            texts.append(sent(app, inputLayer=frame)["inputLayer"])
            assert app.asked[-1].headers["Content-Type"].startswith(kind)
            assert [a.operation for a in app.asked] == ["Buffer", "GPServer", "submitJob"]
        assert texts[0] == texts[1]
        assert json.loads(texts[0])["features"][-1]["attributes"] == {"s": "ä & = +", "i": 19_999}

    def test_a_small_form_goes_as_a_plain_one(self):
        app = ScriptedApp()
        app.is_ours = True
        sent(app, inputLayer=BERLIN)
        assert app.asked[-1].headers["Content-Type"] == "application/x-www-form-urlencoded"

    def test_a_service_that_does_not_describe_itself_still_gets_the_job(self):
        app = ScriptedApp()
        app.answers["GPServer"] = [error(403, "no")] * 3
        assert "inputLayer" in sent(app, inputLayer=large_layer())

    def test_a_refused_token_sends_the_whole_layer_again(self):
        tokens = iter(["first-token", "second-token"])
        app = ScriptedApp()
        app.answers["submitJob"] = [error(498, "Invalid token.")]
        app.service(auth=lambda: next(tokens)).task("Buffer").submit(inputLayer=large_layer())
        first, second = (a for a in app.asked if a.operation == "submitJob")
        assert first.form == second.form
        assert second.headers["X-Esri-Authorization"] == "Bearer second-token"

    def test_the_body_is_streamed_over_a_real_socket(self):
        taken = []

        def handle(connection, server):
            head = server.mine.head
            if head.startswith("GET"):
                body = json.dumps(TASK if "/Buffer" in head else {"tasks": ["Buffer"]}).encode()
            else:
                assert "Transfer-Encoding" not in head
                length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
                size = len(head.partition("\r\n\r\n")[2])
                while size < length:
                    size += len(connection.recv(1 << 16))
                taken.append((size, length))
                body = b'{"jobId": "j1", "jobStatus": "esriJobSubmitted"}'
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )

        frame = large_layer(100_000)
        with RawServer(handle) as server:
            task = GPService(server.url).task("Buffer")
            task.info()
            tracemalloc.start()
            try:
                task.submit(inputLayer=frame)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        [(size, length)] = taken
        assert size == length
        # The quoted form is larger than its text, and never stands in memory; the text does, once.
        assert peak < length

    def test_encoding_errors_of_large_layers_name_the_parameter(self):
        frame = large_layer()
        frame["s"] = pd.Series(["\ud800"] * len(frame), dtype=object)
        app = ScriptedApp()
        with pytest.raises(errors.ParameterError, match="'inputLayer'.*UTF-8"):
            sent(app, inputLayer=frame)
        assert app.count("submitJob") == 0


def test_a_hidden_text_is_in_no_error():
    app = ScriptedApp(task=task_of(parameter("password", "GPStringHidden")))
    with pytest.raises(errors.ParameterError) as caught:
        sent(app, password=b"very-secret")
    assert "very-secret" not in str(caught.value) + repr(caught.value.value)
    assert sent(app, password="very-secret")["password"] == "very-secret"


def test_threads_that_submit_at_once_do_not_share_a_body():
    app = ScriptedApp()
    task = app.service().task("Buffer")
    frame = large_layer(10_000)
    threads = [threading.Thread(target=lambda: task.submit(inputLayer=frame)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        with contextlib.suppress(RuntimeError):
            thread.join(60)
    forms = [a.form["inputLayer"] for a in app.asked if a.operation == "submitJob"]
    assert len(forms) == 4
    assert len(set(forms)) == 1
