"""``submit(…, reuse=True)``: the job that is there already instead of another."""

import json
import signal
import threading

import geopandas as gpd
import pytest
import requests
import shapely
from fakes import POINT_LAYER, TASK, FakeClock, Raw, ScriptedApp, error
from programs import ended_well, program
from raw_server import RawServer

from spatial_widgets import errors
from spatial_widgets.client import history


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    yield tmp_path / "state"
    history.close()


def submit(task, **more):
    return task.submit(inputLayer=POINT_LAYER, **more)


class TestReuse:
    @pytest.mark.parametrize("status", ["esriJobSucceeded", "esriJobExecuting", "esriJobWaiting", "odd"])
    def test_a_job_that_runs_or_succeeded_is_returned_after_one_question(self, status):
        app = ScriptedApp([status])
        first = app.submit()
        asked = len(app.asked)
        again = app.service().task("Buffer").submit(inputLayer=POINT_LAYER, reuse=True)
        assert (again.url, again.status) == (first.url, status)
        assert [a.operation for a in app.asked[asked:]] == ["Buffer", app.job_id]
        assert app.count("submitJob") == 1

    @pytest.mark.parametrize(
        "poll",
        [
            "esriJobFailed", "esriJobCancelled", "esriJobCancelling", "esriJobTimedOut", "esriJobDeleted", "esriJobDeleting",
            "expectedFailure", error(404, "no job"), error(400, "Invalid job"),
        ],
    )  # fmt: skip
    def test_a_job_that_came_to_nothing_is_submitted_again(self, poll):
        app = ScriptedApp([poll])
        app.submit()
        app.job_id = app.job_id.replace("0", "f")
        app.answers["j0123456789abcdef0123456789abcdef"] = [poll if isinstance(poll, dict) else app.job()]
        again = app.service().task("Buffer").submit(inputLayer=POINT_LAYER, reuse=True)
        assert again.job_id == app.job_id
        assert app.count("submitJob") == 2

    def test_other_parameters_tasks_and_services_are_not_the_same(self):
        app = ScriptedApp()
        app.submit()
        task = app.service().task("Buffer")
        for more in ({"distance": 2.0}, {"units": "Meters"}, {"context": {"outSR": 3857}}):
            task.submit(inputLayer=POINT_LAYER, reuse=True, **more)
        assert app.count("submitJob") == 4
        app.task = {**TASK, "name": "Other"}
        app.service().task("Other").submit(inputLayer=POINT_LAYER, reuse=True)
        assert app.count("submitJob") == 5

    def test_what_is_found_is_what_was_sent_whatever_its_spelling(self):
        app = ScriptedApp()
        frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(13, 52)], crs=4326)
        task = app.service().task("Buffer")
        task.submit(inputLayer=frame, distance=2)
        task.submit(distance=2, units=None, inputLayer=frame.copy(), reuse=True)
        assert app.count("submitJob") == 1

    @pytest.mark.parametrize(
        ("answered", "kind"),
        [
            (error(498, "Invalid token."), errors.AuthenticationError),
            (error(403, "no"), errors.AuthenticationError),
            (requests.ConnectionError("reset"), errors.TransportError),
            (Raw("<html>", 502), errors.TransportError),
            (Raw("<html>"), errors.ProtocolError),
            (error(500, "in trouble"), errors.ServiceError),
        ],
    )
    def test_a_question_without_an_answer_is_an_error_and_nothing_is_submitted(self, answered, kind):
        app = ScriptedApp()
        app.submit()
        app.answers[app.job_id] = [answered] * 5
        with pytest.raises(kind, match="Nothing was submitted"):
            app.service(clock=FakeClock(), auth="token-1").task("Buffer").submit(
                inputLayer=POINT_LAYER, reuse=True
            )
        assert app.count("submitJob") == 1

    def lost(self):
        app = ScriptedApp()
        app.answers["submitJob"] = [Raw("", 502)]
        with pytest.raises(errors.TransportError):
            app.submit()
        return app

    def test_an_earlier_lost_answer_is_told_and_reuse_false_goes_on(self):
        app = self.lost()
        task = app.service().task("Buffer")
        with pytest.raises(errors.SpatialWidgetsError, match=r"answer was lost.*reuse=False"):
            submit(task, reuse=True)
        assert app.count("submitJob") == 1
        submit(task)
        submit(task, reuse=True)  # now there is a job that will do
        assert app.count("submitJob") == 2

    def test_a_lost_answer_that_stays_out_of_reach_stays_in_doubt(self):
        app = ScriptedApp()
        app.takes_key = True
        app.answers["submitJob"] = [Raw("", 502), error(403, "no")]
        for reuse in (False, True):
            with pytest.raises(errors.SpatialWidgetsError, match="may have") as caught:
                app.service(clock=FakeClock()).task("Buffer").submit(inputLayer=POINT_LAYER, reuse=reuse)
            app.answers["submitJob"] = [requests.ConnectionError("refused")] * 5
        assert "An earlier submit" in str(caught.value)
        assert [p.status for p in history.recent()] == ["submitting"]
        keys = {a.headers["X-Idempotency-Key"] for a in app.asked if a.operation == "submitJob"}
        assert len(keys) == 1

    @pytest.mark.parametrize(("poll", "submits"), [("esriJobSucceeded", 1), ("esriJobFailed", 2)])
    def test_the_job_that_somebody_else_makes_since_the_look_for_one_is_returned(self, poll, submits):
        class Busy(ScriptedApp):
            other = None

            def answer(self, asked):
                # It is asked after the look, before the submit.
                if self.other is None and asked.path.endswith("GPServer"):
                    self.other = False
                    self.other = submit(self.service().task("Buffer"), reuse=True)
                return super().answer(asked)

        app = Busy([poll])
        job = submit(app.service().task("Buffer"), reuse=True)
        assert job.job_id == app.other.job_id == app.job_id
        assert app.count("submitJob") == submits

    def test_a_lost_answer_of_yesterday_holds_up_nothing(self, monkeypatch):
        app = self.lost()
        with monkeypatch.context() as later:
            later.setattr("spatial_widgets.client.history._UNANSWERED_S", -1.0)
            submit(app.service().task("Buffer"), reuse=True)
        assert app.count("submitJob") == 2

    def test_without_a_history_it_says_what_to_do(self, monkeypatch):
        monkeypatch.setenv("SPATIAL_WIDGETS_HISTORY", "off")
        app = ScriptedApp()
        with pytest.raises(errors.SpatialWidgetsError, match="SPATIAL_WIDGETS_HISTORY"):
            submit(app.service().task("Buffer"), reuse=True)
        assert app.count("submitJob") == 0


class TestInputsCalledReuse:
    def app(self):
        parameter = {**TASK["parameters"][2], "name": "reuse", "choiceList": None}
        return ScriptedApp(task={**TASK, "parameters": [*TASK["parameters"], parameter]})

    def test_they_go_into_a_dict(self):
        app = self.app()
        task = app.service().task("Buffer")
        task.submit({"reuse": "yes"}, inputLayer=POINT_LAYER)
        assert app.asked[-1].form["reuse"] == "yes"
        task.submit({"reuse": "yes", "inputLayer": POINT_LAYER}, reuse=True)
        assert app.count("submitJob") == 1

    @pytest.mark.parametrize("value", ["yes", True, 1])
    def test_by_name_they_are_refused_with_the_way_to_do_it(self, value):
        app = self.app()
        with pytest.raises(errors.ParameterError, match=r"submit\({'reuse'"):
            app.service().task("Buffer").submit(inputLayer=POINT_LAYER, reuse=value)
        assert app.count("submitJob") == 0

    def test_one_input_given_twice_is_refused(self):
        with pytest.raises(errors.ParameterError, match="'distance' is given twice"):
            ScriptedApp().service().task("Buffer").submit({"distance": 1}, distance=2, inputLayer=POINT_LAYER)


def test_local_files_count_by_their_content_and_are_not_uploaded_again(tmp_path):
    file = {**TASK["parameters"][0], "name": "file", "dataType": "GPDataFile"}
    app = ScriptedApp(task={**TASK, "parameters": [file]})
    app.capabilities = "Uploads"
    for name, text in (("a.zip", "one"), ("b.zip", "one"), ("c.zip", "two")):
        (tmp_path / name).write_text(text)
    task = app.service().task("Buffer")
    task.submit(file=tmp_path / "a.zip")
    task.submit(file=tmp_path / "b.zip", reuse=True)
    assert (app.count("upload"), app.count("submitJob")) == (1, 1)
    task.submit(file=tmp_path / "c.zip", reuse=True)
    assert (app.count("upload"), app.count("submitJob")) == (2, 2)


class Held(RawServer):
    """A GPServer that takes submits and answers none; ``taken`` is set when one has come whole."""

    def __init__(self, *, takes_key):
        super().__init__(self.respond)
        self.taken = threading.Event()
        self.answers_now = False
        self.app = ScriptedApp()
        self.app.takes_key = takes_key
        self.keys = []

    def respond(self, connection, server):
        start = self.mine.head.split("\r\n")[0]
        if "submitJob" in start:
            self.keys += [line for line in self.mine.head.split("\r\n") if "idempotency" in line.lower()]
            self.taken.set()
            if not self.answers_now:
                self.over.wait(60)
                return
            document = {"jobId": "j1", "jobStatus": "esriJobSubmitted"}
        else:
            document = (
                TASK
                if "/Buffer" in start
                else {"tasks": ["Buffer"], "takesIdempotencyKey": self.app.takes_key}
            )
        body = json.dumps(document).encode()
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )


@pytest.mark.slow
class TestAKilledKernel:
    CELL = """
import sys
from spatial_widgets import GPService
task = GPService(sys.argv[1]).task("Buffer")
try:
    print(task.submit(inputLayer="https://h/FeatureServer/0", distance=2.5, reuse=sys.argv[2] == "reuse").job_id)
except Exception as error:
    print(type(error).__name__, error)
"""

    def kill_between_intent_and_answer(self, server):
        process = program(self.CELL, server.url, "anew")
        assert server.taken.wait(60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        [past] = history.recent()
        assert past.status == "submitting"

    def test_the_same_cell_says_that_a_job_may_be_there(self):
        with Held(takes_key=False) as server:
            self.kill_between_intent_and_answer(server)
            out = ended_well(program(self.CELL, server.url, "reuse"))
            assert "answer was lost" in out
            assert "reuse=False" in out
            assert sum("submitJob" in head.split("\r\n")[0] for head in server.requests) == 1

    def test_the_same_cell_asks_a_service_like_ours_with_the_same_key(self):
        with Held(takes_key=True) as server:
            self.kill_between_intent_and_answer(server)
            server.answers_now = True
            assert ended_well(program(self.CELL, server.url, "reuse")) == "j1\n"
            assert len(server.keys) == 2
            assert len(set(server.keys)) == 1
        [past] = history.recent()
        assert past.job_id == "j1"


class TestFingerprints:
    CODE = """
import geopandas as gpd, shapely
from fakes import ScriptedApp
from spatial_widgets.client import history
frame = gpd.GeoDataFrame(
    {"n": [1, 2, None], "s": ["a", "ä", None]}, geometry=shapely.points([[1, 2], [3, 4], [5, 6]]), crs=4326
)
settings = {"context": {"extent": frame, "outSR": 3857}, "units": "Meters"}
task = ScriptedApp().service().task("Buffer")
task.submit(inputLayer=frame, **settings)
task.submit(**dict(reversed(settings.items())), inputLayer=frame.copy())
print(*{p.fingerprint for p in history.recent()})
"""

    def test_equal_frames_give_equal_ones_in_every_process(self):
        found = {ended_well(program(self.CODE, PYTHONHASHSEED=seed)) for seed in ("0", "1", "4711")}
        [one] = found
        assert len(one.split()) == 1

    def test_layers_and_settings_that_differ_give_different_ones(self):
        frames = [
            gpd.GeoDataFrame({name: [value]}, geometry=[point], crs=crs)
            for point in (shapely.Point(13, 52), shapely.Point(13, 52.000001))
            for crs in (4326, 3857)
            for name in ("n", "m")
            for value in (1, "1", None)
        ]
        forms = [{"inputLayer": frame} for frame in frames]
        forms += [
            {"inputLayer": POINT_LAYER, "distance": d, "units": u} for d in (1, 2) for u in ("Meters", None)
        ]
        app = ScriptedApp()
        for number, form in enumerate(forms):
            app.job_id = f"j{number}"
            app.service().task("Buffer").submit(**form)
        assert len({p.fingerprint for p in history.recent(100)}) == len(forms) == 28

    def test_fields_cannot_run_into_each_other(self):
        from spatial_widgets.client.fingerprint import fingerprint
        from spatial_widgets.client.parameters import Submission

        forms = [{"a": "b", "c": "d"}, {"a": "bc", "d": ""}, {"a": "b1:c=1:d"}, {"a": [b"b", b"c"], "d": ""}]
        marks = [fingerprint(Submission(form, {})) for form in forms]
        assert marks[1] == marks[3]
        assert len(set(marks)) == 3
