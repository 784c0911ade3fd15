"""The main job against the real local service, and everything a newcomer can get wrong on the way."""

from __future__ import annotations

import socket

import geopandas as gpd
import pandas as pd
import pytest

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def local():
    return sw.LocalService.start()


@pytest.fixture(scope="module")
def service(local):
    return local.service()


@pytest.fixture(scope="module")
def quakes():
    return sw.sample("earthquakes")


def test_find_hot_spots_on_real_earthquakes(service, quakes):
    job = service.task("FindHotSpots").submit(analysisLayer=quakes, shapeType="Hexagon")
    hot = job.result("hotSpotsResultLayer", timeout=60)
    assert isinstance(hot, gpd.GeoDataFrame)
    assert hot.crs.to_epsg() == 4326
    assert hot["Join_Count"].sum() == 1707
    assert {"GiZScore", "GiPValue", "Gi_Bin"} <= set(hot.columns)
    hottest = hot[hot["Gi_Bin"] == 3].geometry.representative_point()
    assert ((hottest.x > -125) & (hottest.x < -114) & (hottest.y > 32) & (hottest.y < 42)).mean() > 0.9
    assert "Distance band: " in " ".join(one["message"] for one in job.results["processInfo"])


def test_a_large_layer_goes_there_as_multipart_and_comes_back_whole(service, quakes):
    assert service.info().takes_multipart
    many = gpd.GeoDataFrame(pd.concat([quakes] * 8, ignore_index=True), crs=quakes.crs)
    job = service.task("CreateBuffers").submit(inputLayer=many, distances=[1], units="Kilometers")
    assert len(job.result("bufferLayer", timeout=120)) == len(many)


def test_all_eight_statuses_happen_for_real(tmp_path):
    seen = set()
    with sw.LocalService.start(store=tmp_path, workers=1) as local:
        slow = local.service().task("SlowTask")

        def note(info):
            seen.add(info.status.value)

        long = slow.submit(seconds=60)
        note(long.info)
        queued = slow.submit(seconds=0.1)
        with pytest.raises(errors.WaitTimeout):
            queued.wait(timeout=1.5, on_update=note)
        note(long.refresh())
        note(long.cancel())
        note(long.wait(timeout=20, check=False))
        note(queued.wait(timeout=20))
        note(slow.submit(seconds=60, timeLimit=0.5).wait(timeout=20, check=False))
        note(local.service().task("FailingTask").submit(text="on purpose").wait(timeout=20, check=False))
    words = "Submitted Waiting Executing Succeeded Failed TimedOut Cancelling Cancelled"
    assert seen == {f"esriJob{w}" for w in words.split()}


class TestMistakes:
    """Each is one clear error that names the thing and the next step."""

    def refuse(self, error, words, call):
        with pytest.raises(error) as caught:
            call()
        for word in words:
            assert word in str(caught.value)

    def test_a_wrong_parameter_name(self, service, quakes):
        task = service.task("FindHotSpots")
        self.refuse(
            errors.ParameterError,
            ["analysislayer", "Did you mean 'analysisLayer'?"],
            lambda: task.submit(analysislayer=quakes),
        )

    def test_a_wrong_type(self, service, quakes):
        self.refuse(
            errors.ParameterError,
            ["'seconds'", "GPDouble", "Nothing was sent"],
            lambda: service.task("SlowTask").submit(seconds="long"),
        )
        self.refuse(
            errors.ParameterError,
            ["'inputLayer'", "GeoDataFrame"],
            lambda: service.task("CreateBuffers").submit(inputLayer=[1, 2]),
        )
        naked = quakes.set_crs(None, allow_override=True)
        self.refuse(
            errors.ParameterError,
            ["'inputLayer'", "set_crs"],
            lambda: service.task("CreateBuffers").submit(inputLayer=naked, distances=[1]),
        )

    def test_a_wrong_choice(self, service, quakes):
        task = service.task("FindHotSpots")
        self.refuse(
            errors.ParameterError,
            ["'shapeType'", "Fishnet", "Hexagon"],
            lambda: task.submit(analysisLayer=quakes, shapeType="Circle"),
        )

    def test_a_missing_input(self, service):
        self.refuse(
            errors.ParameterError,
            ["analysisLayer", "GPFeatureRecordSetLayer"],
            lambda: service.task("FindHotSpots").submit(),
        )

    def test_an_unknown_task(self, service):
        self.refuse(
            errors.NotFound,
            ["'FindHotSpot'", "Did you mean 'FindHotSpots'?", "CreateBuffers"],
            lambda: service.task("FindHotSpot").submit(),
        )

    def test_an_unknown_job(self, service):
        url = f"{service.url}/SlowTask/jobs/j{'0' * 32}"
        self.refuse(
            errors.NotFound,
            ["j000", "SlowTask", "check the ID"],
            lambda: sw.Job.from_url(url, auth=service.auth),
        )

    def test_a_wrong_token_and_none(self, service):
        self.refuse(
            errors.AuthenticationError,
            ["498", "auth="],
            lambda: sw.GPService(service.url, auth="wrong-token").tasks(),
        )
        self.refuse(errors.AuthenticationError, ["499", "auth="], lambda: sw.GPService(service.url).tasks())

    def test_a_dead_port(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            url = f"http://127.0.0.1:{probe.getsockname()[1]}/arcgis/rest/services/tasks/GPServer"
        self.refuse(
            errors.TransportError,
            [url, "Is the address right"],
            lambda: sw.GPService(url).task("SlowTask").submit(seconds=1),
        )

    def test_bad_data_fails_the_job_with_its_reason(self, service, quakes):
        job = service.task("FindHotSpots").submit(analysisLayer=quakes, analysisField="magnitude")
        self.refuse(errors.JobFailed, ["magnitude"], lambda: job.result(timeout=30))


class TestCommandLine:
    def run(self, capsys, *arguments):
        status = main(list(arguments))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    def test_the_whole_way_of_a_job(self, capsys, local, tmp_path):
        status, out, _ = self.run(capsys, "tasks")
        assert (status, "FindHotSpots" in out.split()) == (0, True)
        status, out, _ = self.run(capsys, "tasks", "CreateBuffers")
        assert "inputLayer: GPFeatureRecordSetLayer, required" in out
        status, out, _ = self.run(
            capsys,
            "submit",
            "CreateBuffers",
            "-p",
            "inputLayer=sample:airports",
            "-p",
            "distances=[5]",
            "-p",
            "units=Kilometers",
        )
        url = out.strip()
        assert url.startswith(local.url)
        status, out, _ = self.run(capsys, "watch", url)
        assert (status, "esriJobSucceeded" in out) == (0, True)
        status, out, _ = self.run(capsys, "result", url)
        assert "3376 rows" in out
        target = tmp_path / "buffers.geojson"
        assert self.run(capsys, "result", url, "-o", str(target))[0] == 0
        assert len(gpd.read_file(target)) == 3376

    def test_cancel(self, capsys, local):
        _, url, _ = self.run(capsys, "submit", "SlowTask", "-p", "seconds=60")
        status, out, _ = self.run(capsys, "cancel", url.strip())
        assert (status, out.strip()) == (0, "esriJobCancelled")

    def test_several_jobs_are_watched_and_one_that_is_not_there_stops_none(self, capsys, local):
        urls = [self.run(capsys, "submit", "SlowTask", "-p", "seconds=0.2")[1].strip() for _ in range(2)]
        gone = f"{local.url}/SlowTask/jobs/j{'0' * 32}"
        status, out, err = self.run(capsys, "watch", urls[0], gone, urls[1])
        assert (status, out.splitlines()[-1]) == (1, "2 of 3 jobs succeeded")
        assert err.startswith(f"spatial-widgets: {gone}: ")
        assert self.run(capsys, "watch", *urls)[0] == 0

    def test_errors_are_one_message_and_status_one(self, capsys, local):
        for arguments in (
            ["submit", "Nope"],
            ["submit", "SlowTask", "-p", "secs=1"],
            ["submit", "SlowTask", "-p", "x"],
            ["submit", "SlowTask", "-p", "seconds=1", "-p", "seconds=2"],
            ["watch", "nowhere"],
            ["submit", "FailingTask", "--watch", "-p", "text=boo"],
        ):
            status, _, err = self.run(capsys, *arguments)
            assert status == 1
            assert err.startswith("spatial-widgets: ")
            assert "Traceback" not in err

    def test_wrong_usage_is_status_two(self, capsys):
        with pytest.raises(SystemExit) as caught:
            main(["tasks", "--nonsense"])
        assert caught.value.code == 2


def test_connect_gives_the_running_local_service(local):
    assert sw.connect().url == local.url
    assert sw.connect(local.url, auth=local.token).tasks() == sw.connect().tasks()
