"""``task.map``: many jobs, a few at a time, none submitted twice."""

import asyncio
import contextlib
import json
import sqlite3
import stat
import threading

import pandas as pd
import pytest
import requests
from fakes import POINT_LAYER, FakeClock, Raw, ScriptedApp, error
from manyjobs import ManyJobs
from programs import ended_well, program

from spatial_widgets import LocalService, errors
from spatial_widgets.client import Batch, history
from spatial_widgets.client.submissions import Submissions


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    yield tmp_path / "state"
    history.close()


def numbers(batch, **options):
    return [(label, int(layer["n"].iloc[0])) for label, layer in batch.results("bufferLayer", **options)]


class TestResults:
    def test_each_row_is_a_job_and_gives_its_result_in_order(self):
        app = ManyJobs()
        batch = app.map([{"distance": d} for d in (3, 1, 2)], max_running=2)
        assert numbers(batch) == [(0, 3), (1, 1), (2, 2)]
        assert app.count("submitJob") == 3
        assert app.most <= 2
        assert len(batch.jobs) == len(batch) == 3
        assert batch.done()

    def test_the_index_of_a_frame_names_the_rows_and_an_empty_cell_is_not_given(self):
        app = ManyJobs()
        frame = pd.DataFrame({"distance": [5.0, 7.0], "units": ["Meters", None]}, index=["near", "far"])
        assert dict(numbers(app.map(frame))) == {"near": 5, "far": 7}
        assert sorted("units" in form for form in app.jobs.values()) == [False, True]

    def test_what_is_common_is_sent_with_each(self):
        app = ManyJobs()
        app.map([{"distance": 1}, {"distance": 2}], units="Kilometers").wait(20)
        assert [json.loads(form["inputLayer"]) for form in app.jobs.values()] == [POINT_LAYER] * 2
        assert {form["units"] for form in app.jobs.values()} == {"Kilometers"}

    def test_as_completed_gives_what_is_there_first(self):
        gate = threading.Event()
        app = ManyJobs(ends={"1.0": "esriJobSucceeded"})
        slow = ManyJobs.told

        def told(self, parts):
            if self.jobs[parts[2]]["distance"].startswith("9") and not gate.is_set():
                return {"jobId": parts[2], "jobStatus": "esriJobExecuting", "messages": []}
            return slow(self, parts)

        app.told = told.__get__(app)
        batch = app.map([{"distance": 9}, {"distance": 1}])
        ready = batch.results("bufferLayer", as_completed=True)
        assert next(ready)[0] == 1
        gate.set()
        assert next(ready)[0] == 0

    def test_await_gives_all_by_their_labels(self):
        app = ManyJobs()

        async def cell():
            return await app.map([{"distance": 4}, {"distance": 6}])

        assert {label: int(layer["n"].iloc[0]) for label, layer in asyncio.run(cell()).items()} == {
            0: 4,
            1: 6,
        }

    def test_never_more_run_than_were_allowed(self):
        app = ManyJobs()
        app.map([{"distance": d} for d in range(20)], max_running=3).wait(60)
        assert app.most <= 3
        assert app.count("submitJob") == 20


class TestErrors:
    def test_a_row_that_fails_is_kept_and_the_others_go_on(self):
        app = ManyJobs(ends={"2.0": "esriJobFailed", "2": "esriJobFailed"})
        batch = app.map([{"distance": d} for d in (1, 2, 3)])
        assert [label for label, _ in numbers(batch)] == [0, 2]
        assert isinstance(batch.errors[1], errors.JobFailed)
        frame = batch.frame
        assert list(frame["status"]) == ["esriJobSucceeded", "esriJobFailed", "esriJobSucceeded"]
        assert list(frame["distance"]) == [1, 2, 3]
        assert "failed" in frame["error"][1]
        assert frame["result"][0] == "bufferLayer: GeoDataFrame of 1 rows"

    def test_a_parameter_keeps_its_column_whatever_it_is_called(self):
        app = ManyJobs()
        named = {**app.task["parameters"][2], "name": "error", "choiceList": None}
        app.task = {**app.task, "parameters": [*app.task["parameters"], named]}
        frame = app.map([{"distance": 1, "error": "none"}]).wait(20).frame
        assert list(frame["parameter_error"]) == ["none"]
        assert list(frame["error"]) == [None]

    def test_raise_submits_nothing_more_and_raises(self):
        app = ManyJobs(ends={"0": "esriJobFailed", "0.0": "esriJobFailed"})
        batch = app.map([{"distance": d} for d in range(5)], max_running=1, on_error="raise")
        with pytest.raises(errors.JobFailed):
            list(batch.results())
        batch.wait(20)
        assert app.count("submitJob") == 1

    def test_a_wrong_row_is_told_before_anything_is_sent(self):
        app = ManyJobs()
        with pytest.raises(errors.ParameterError, match=r"Row 1: .*units.*Meters, Kilometers"):
            app.map([{"distance": 1}, {"distance": 2, "units": "Miles"}])
        with pytest.raises(errors.ParameterError, match="Row 0: Buffer has no parameter 'distanc'"):
            app.map([{"distanc": 1}])
        with pytest.raises(errors.ParameterError, match="needs inputLayer"):
            app.task_().map([{"distance": 1}])
        assert app.count("submitJob") == 0

    @pytest.mark.parametrize(
        "rows", [{"distance": 1}, "distance", 5, [1], pd.DataFrame({"distance": [1, 2]}, index=[0, 0])]
    )
    def test_what_is_no_list_of_rows_is_refused(self, rows):
        with pytest.raises(errors.ParameterError):
            ManyJobs().map(rows)

    @pytest.mark.parametrize("settings", [{"max_running": 0}, {"max_running": True}, {"on_error": "ignore"}])
    def test_settings_are_checked(self, settings):
        with pytest.raises(errors.ParameterError, match=next(iter(settings))):
            ManyJobs().map([{"distance": 1}], **settings)

    def test_a_service_that_has_no_room_is_asked_again_later(self):
        app = ManyJobs()
        app.refusals = [Raw(error(503, "The queue is full"), Retry_After="0.05")]
        assert numbers(app.map([{"distance": 1}, {"distance": 2}])) == [(0, 1), (1, 2)]
        assert len(app.jobs) == 2

    def test_a_service_out_of_reach_is_tried_again_and_no_row_is_lost(self):
        app = ManyJobs()
        app.refusals = [requests.exceptions.ConnectTimeout("no route")]
        assert numbers(app.map([{"distance": 1}, {"distance": 2}])) == [(0, 1), (1, 2)]

    def test_after_a_minute_out_of_reach_the_batch_stops_and_says_why(self):
        app, clock = ManyJobs(), FakeClock()
        task = app.service(clock=clock).task("Buffer")
        submissions = Submissions(task)
        lost = errors.TransportError("no route", sent=False)
        pauses = [submissions.pause_after(lost) for _ in range(6)]
        assert pauses == [1, 2, 4, 8, 16, 30]
        assert submissions.is_paused()
        assert not submissions.is_hopeless(lost)
        clock.time += 61
        assert not submissions.is_paused()
        assert submissions.is_hopeless(lost)
        submissions.forgive()
        assert not submissions.is_hopeless(lost)

    def test_a_refusal_is_the_rows_own(self):
        app = ManyJobs()
        app.refusals = [error(400, "No")]
        batch = app.map([{"distance": 1}, {"distance": 2}], max_running=1).wait(20)
        assert isinstance(batch.errors[0], errors.ServiceError)
        assert list(batch.frame["status"]) == ["not submitted", "esriJobSucceeded"]

    def test_a_lost_answer_is_not_sent_again_to_a_service_without_keys(self):
        app = ManyJobs(takes_key=False)
        app.refusals = [requests.exceptions.ReadTimeout("silence")]
        batch = app.map([{"distance": 1}, {"distance": 2}], max_running=1).wait(20)
        assert "may have accepted the job" in str(batch.errors[0])
        assert app.count("submitJob") == 2

    def test_a_login_that_is_refused_stops_the_batch_and_loses_no_row(self):
        app = ManyJobs()
        app.refusals = [error(498, "Invalid token")] * 2
        batch = app.map([{"distance": 1}, {"distance": 2}], max_running=1)
        with pytest.raises(errors.AuthenticationError):
            batch.wait(20)
        app.refusals = []
        assert numbers(batch.resume()) == [(0, 1), (1, 2)]


class TestCancel:
    def test_cancel_ends_what_runs_and_submits_nothing_more(self):
        gate = threading.Event()
        app = ManyJobs(gate=gate)
        batch = app.map([{"distance": d} for d in range(6)], max_running=2)
        seen = threading.Event()
        batch.on_submit(lambda _job: seen.set())
        assert seen.wait(20)
        batch.cancel().wait(30)
        gate.set()
        assert app.count("submitJob") <= 2
        assert set(batch.frame["status"]) <= {"esriJobCancelled", "not submitted"}
        assert list(batch.results()) == []

    def test_a_timeout_of_ours_leaves_the_batch_running(self):
        gate = threading.Event()
        batch = ManyJobs(gate=gate).map([{"distance": 1}])
        with pytest.raises(errors.WaitTimeout):
            batch.wait(0.05)
        gate.set()
        batch.wait(20)


class TestTomorrow:
    def test_a_file_that_is_there_is_not_overwritten_and_one_in_use_not_taken(self, tmp_path):
        app = ManyJobs()
        path = tmp_path / "b.sqlite"
        batch = app.map([{"distance": 1}]).wait(20).save(path)
        with pytest.raises(errors.SpatialWidgetsError, match="there already"):
            batch.save(path)
        with pytest.raises(errors.SpatialWidgetsError, match="another session"):
            Batch.load(path)

    def test_what_is_no_batch_says_so(self, tmp_path):
        (tmp_path / "text").write_text("no database")
        for name in ("text", "nothing"):
            with pytest.raises(errors.SpatialWidgetsError, match=name):
                Batch.load(tmp_path / name)

    def test_the_file_holds_a_shared_layer_once_and_forgets_what_was_accepted(self, tmp_path):
        gate = threading.Event()
        app = ManyJobs(gate=gate)
        batch = app.map([{"distance": d} for d in range(50)], max_running=1).save(tmp_path / "b.sqlite")
        marked = json.dumps(POINT_LAYER, separators=(",", ":")).encode()[:40]
        path = tmp_path / "b.sqlite"
        assert path.read_bytes().count(marked) == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        batch.cancel().wait(30)
        gate.set()

    def test_a_hidden_parameter_is_not_written(self, tmp_path):
        gate = threading.Event()
        app = ManyJobs(gate=gate)
        hidden = {
            **app.task["parameters"][2],
            "name": "password",
            "dataType": "GPStringHidden",
            "choiceList": None,
        }
        app.task = {**app.task, "parameters": [*app.task["parameters"], hidden]}
        batch = app.map([{"distance": d} for d in range(3)], password="open sesame", max_running=1)
        with pytest.raises(errors.ParameterError, match="'password' is hidden"):
            batch.save(tmp_path / "b.sqlite")
        assert not (tmp_path / "b.sqlite").exists()
        batch.cancel().wait(30)


class TestResubmit:
    def test_a_job_is_submitted_once_more_with_the_parameters_its_service_has(self):
        app = ManyJobs()
        job = app.task_().submit(inputLayer=POINT_LAYER, distance=3, units="Kilometers")
        job.wait(20)
        again = job.resubmit()
        assert again.job_id != job.job_id
        first, second = (dict(form) for form in app.jobs.values())
        assert json.loads(first.pop("inputLayer")) == json.loads(second.pop("inputLayer"))
        assert first == second

    def test_parameters_that_are_not_told_are_an_error_and_nothing_is_submitted(self):
        app = ScriptedApp()
        job = app.submit()
        with pytest.raises(errors.SpatialWidgetsError, match="does not tell them"):
            job.resubmit()
        assert app.count("submitJob") == 1


RUN = """
import os, sys
import spatial_widgets as sw
task = sw.GPService(sys.argv[1], auth=sys.argv[2]).task("SlowTask")
batch = task.map([{"seconds": 0} for _ in range(int(sys.argv[4]))], max_running=4).save(sys.argv[3])
batch.on_submit(lambda job: os.write(1, b"submitted\\n"))  # whole, whichever threads do it at once
batch.wait()
"""
GO_ON = """
import sys
from spatial_widgets.client import Batch
batch = Batch.load(sys.argv[3], auth=sys.argv[2])
print(len(batch), sum(1 for _ in batch.results()), len(batch.errors), sorted(map(len, [{j.job_id for j in batch.jobs}])))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_batch_whose_kernel_is_killed_goes_on_in_the_next_with_as_many_jobs_as_rows(tmp_path):
    rows = 200
    with LocalService.start(store=tmp_path / "store", workers=2) as service:
        arguments = [service.url, service.token, tmp_path / "b.sqlite", rows]
        with program(RUN, *arguments) as first:
            for _ in range(60):
                assert first.stdout.readline() == "submitted\n"
            first.kill()
        assert ended_well(program(GO_ON, *arguments)).split() == ["200", "200", "0", "[200]"]
        with contextlib.closing(sqlite3.connect(tmp_path / "store" / "jobs.sqlite3")) as store:
            assert store.execute("SELECT COUNT(*) FROM jobs").fetchone()[0] == rows
        assert service.token.encode() not in (tmp_path / "b.sqlite").read_bytes()
