"""A batch in trouble: never more jobs than rows, and no row lost."""

import threading

import numpy as np
import pandas as pd
import pytest
import requests
from fakes import URL, error
from manyjobs import ManyJobs

from spatial_widgets import errors
from spatial_widgets.client import Batch, history
from spatial_widgets.client.batchfile import BatchFile
from spatial_widgets.client.session import GPSession


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    yield tmp_path / "state"
    history.close()


@pytest.fixture
def on_wire(monkeypatch):
    """Return a function that has every session speak to an app, as those that a file tells of."""
    made = GPSession.__init__

    def use(app):
        def init(session, *args, **kwargs):
            made(session, *args, **{"adapter": lambda: app} | kwargs)

        monkeypatch.setattr(GPSession, "__init__", init)
        return app

    return use


def left_by_a_kill(batch, path):
    """Save a batch, and leave its file as a process that was killed now would."""
    batch.save(path)
    batch._run.file.close()
    batch._run.file = None
    return path


def stages(path):
    file = BatchFile(path, is_new=False)
    try:
        return [(row.stage.value, row.key is not None, job) for row, job, _ in file.rows()]
    finally:
        file.close()


def numbers(results):
    return [(label, int(layer["n"].iloc[0])) for label, layer in results]


class TestReading:
    def test_a_result_that_could_not_be_read_is_read_the_next_time(self):
        app = ManyJobs()
        batch = app.map([{"distance": 1}, {"distance": 2}]).wait(20)
        assert list(batch.results("no such output")) == []
        assert set(batch.errors) == {0, 1}
        assert numbers(batch.results("bufferLayer")) == [(0, 1), (1, 2)]
        assert batch.errors == {}

    def test_a_result_that_could_not_be_read_is_there_for_the_next_session(self, tmp_path, on_wire):
        app = on_wire(ManyJobs())
        batch = app.map([{"distance": 1}, {"distance": 2}]).wait(20).save(tmp_path / "b.sqlite")
        assert list(batch.results("no such output")) == []
        batch._run.file.close()
        batch._run.file = None
        assert numbers(Batch.load(tmp_path / "b.sqlite").results("bufferLayer")) == [(0, 1), (1, 2)]

    def test_several_threads_each_get_all_of_it(self):
        gate = threading.Event()
        batch = ManyJobs(gate=gate).map([{"distance": d} for d in range(12)], max_running=3)
        got = [[], []]
        threads = [
            threading.Thread(target=lambda to=to: to.extend(numbers(batch.results(as_completed=True))))
            for to in got
        ]
        for thread in threads:
            thread.start()
        gate.set()
        for thread in threads:
            thread.join(60)
        assert [sorted(each) for each in got] == [[(d, d) for d in range(12)]] * 2


class TestNeverTwice:
    def test_nothing_is_sent_of_which_the_file_could_not_be_told(self, tmp_path, monkeypatch):
        app = ManyJobs(gate=(gate := threading.Event()))
        batch = app.map([{"distance": d} for d in range(3)], max_running=1).save(tmp_path / "b.sqlite")
        seen = threading.Event()
        batch.on_submit(lambda _job: seen.set())
        assert seen.wait(20)
        write = BatchFile.write

        def full(self, row):
            if row.job is None:
                raise errors.SpatialWidgetsError("disk full")
            write(self, row)

        monkeypatch.setattr(BatchFile, "write", full)
        gate.set()
        with pytest.raises(errors.SpatialWidgetsError, match="disk full"):
            batch.wait(20)
        assert app.count("submitJob") == 1
        monkeypatch.setattr(BatchFile, "write", write)
        assert numbers(batch.resume().results()) == [(d, d) for d in range(3)]
        assert app.count("submitJob") == 3

    def test_a_row_that_went_without_a_key_is_not_sent_again_with_one(self, tmp_path, on_wire):
        app = on_wire(ManyJobs(takes_key=False))
        asked, go = threading.Event(), threading.Event()
        submitted = app.submitted

        def slow(form):
            answer = submitted(form)
            asked.set()
            app.lock.release()
            go.wait(20)
            app.lock.acquire()
            return answer

        app.submitted = slow
        batch = app.map([{"distance": 1}], max_running=1)
        assert asked.wait(20)
        path = left_by_a_kill(batch, tmp_path / "b.sqlite")
        go.set()
        batch.wait(20)
        app.takes_key, app.submitted = True, submitted  # its description was not to be had before
        again = Batch.load(path).wait(20)
        assert len(app.jobs) == 1
        assert "may be there" in str(again.errors[0])

    def test_a_service_that_was_away_for_the_first_question_gets_keys_when_it_is_back(self):
        app = ManyJobs()
        answer = app.answer
        away = [requests.exceptions.ConnectTimeout("no route") for _ in range(4)]
        app.answer = lambda asked: away.pop() if away and asked.operation != "Buffer" else answer(asked)
        assert numbers(app.map([{"distance": 1}, {"distance": 2}], max_running=1).results()) == [
            (0, 1),
            (1, 2),
        ]
        assert len(app.keys) == 2

    def test_a_row_whose_answer_was_lost_waits_for_a_service_that_is_away(self, tmp_path, on_wire):
        app = on_wire(ManyJobs())
        asked, go = threading.Event(), threading.Event()
        submitted = app.submitted

        def slow(form):
            answer = submitted(form)
            asked.set()
            app.lock.release()
            go.wait(20)
            app.lock.acquire()
            return answer

        app.submitted = slow
        batch = app.map([{"distance": 1}])
        assert asked.wait(20)
        path = left_by_a_kill(batch, tmp_path / "b.sqlite")
        go.set()
        batch.wait(20)
        answer = app.answer
        away = [requests.exceptions.ReadTimeout("silence") for _ in range(4)]
        app.submitted = submitted
        app.answer = lambda asked: away.pop() if away and asked.path in URL else answer(asked)
        assert numbers(Batch.load(path).results()) == [(0, 1)]
        assert len(app.jobs) == 1

    def test_jobs_that_run_while_their_login_is_refused_are_followed_under_the_next(self):
        app = ManyJobs(gate=(gate := threading.Event()))
        answer, is_refused = app.answer, threading.Event()

        def refuse(asked):
            if is_refused.is_set() and "/jobs/" in asked.path:
                return error(498, "Invalid token")
            return answer(asked)

        app.answer = refuse
        batch = app.map([{"distance": d} for d in range(5)], max_running=2)
        submitted = threading.Semaphore(0)
        batch.on_submit(lambda _job: submitted.release())
        assert submitted.acquire(timeout=20)
        assert submitted.acquire(timeout=20)
        is_refused.set()
        with pytest.raises(errors.AuthenticationError):
            batch.wait(20)
        assert batch.errors == {}
        is_refused.clear()
        gate.set()
        assert numbers(batch.resume().results()) == [(d, d) for d in range(5)]
        assert len(app.jobs) == 5


class TestSettled:
    def test_what_was_cancelled_is_not_submitted_tomorrow(self, tmp_path, on_wire):
        gate = threading.Event()
        app = on_wire(ManyJobs(gate=gate))
        path = tmp_path / "b.sqlite"
        batch = app.map([{"distance": d} for d in range(6)], max_running=2).save(path)
        seen = threading.Event()
        batch.on_submit(lambda _job: seen.set())
        assert seen.wait(20)
        batch.cancel().wait(30)
        gate.set()
        sent = app.count("submitJob")
        batch._run.file.close()
        batch._run.file = None
        again = Batch.load(path).wait(20)
        assert app.count("submitJob") == sent
        assert len(again.errors) == 6

    def test_what_an_error_ended_is_not_submitted_tomorrow(self, tmp_path, on_wire):
        gate = threading.Event()
        app = on_wire(ManyJobs(ends={"0": "esriJobFailed", "0.0": "esriJobFailed"}, gate=gate))
        path = tmp_path / "b.sqlite"
        batch = app.map([{"distance": d} for d in range(4)], max_running=1, on_error="raise").save(path)
        gate.set()
        batch.wait(20)
        assert [stage for stage, _, _ in stages_of(batch)] == ["over"] * 4
        again = Batch.load(path).wait(20)
        assert app.count("submitJob") == 1
        assert len(again.errors) == 4

    def test_an_error_in_one_lets_what_runs_come_to_its_end(self):
        gate = threading.Event()
        app = ManyJobs(ends={"0": "esriJobFailed", "0.0": "esriJobFailed"}, gate=gate)
        batch = app.map([{"distance": d} for d in range(8)], max_running=3, on_error="raise")
        gate.set()
        with pytest.raises(errors.JobFailed):
            list(batch.results())
        batch.wait(20)
        assert not app.running
        assert app.count("submitJob") <= 5
        assert batch.done()


def stages_of(batch):
    path = batch._run.file.path
    batch._run.file.close()
    batch._run.file = None
    return stages(path)


class TestRows:
    def test_columns_of_any_kind_are_parameters(self, tmp_path):
        app = ManyJobs()
        frame = pd.DataFrame(
            {
                "distance": pd.array([1, 2, 3], dtype="Int64"),
                "units": pd.Categorical(["Meters", None, "Kilometers"]),
            },
            index=pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
        )
        batch = app.map(frame, max_running=1).wait(20).save(tmp_path / "b.sqlite")
        assert [int(float(form["distance"])) for form in app.jobs.values()] == [1, 2, 3]
        assert list(batch.frame.index) == list(frame.index)
        assert next(iter(batch.frame["units"])) == "Meters"

    @pytest.mark.parametrize(
        "frame",
        [
            pd.DataFrame({"distance": np.array([1, 2], dtype="float32")}),
            pd.DataFrame({"distance": pd.array([1.0, 2.0], dtype="Float64")}),
            pd.DataFrame({"distance": [1, "2"]}, dtype=object),
            pd.DataFrame({"distance": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
            pd.DataFrame({"distance": pd.array([1, 2], dtype="int8[pyarrow]")}),
        ],
    )
    def test_odd_frames_give_a_job_for_each_row(self, frame, tmp_path):
        app = ManyJobs()
        batch = app.map(frame).save(tmp_path / "b.sqlite").wait(20)
        assert batch.errors == {}
        assert len(app.jobs) == 2

    def test_two_columns_of_one_name_are_refused(self):
        app = ManyJobs()
        frame = pd.DataFrame([[1, 2]], columns=["distance", "distance"])
        with pytest.raises(errors.ParameterError, match="distance"):
            app.map(frame)
        assert app.count("submitJob") == 0

    def test_a_thousand_rows_are_a_thousand_jobs(self):
        app = ManyJobs()
        batch = app.map([{"distance": d % 100} for d in range(1000)], max_running=32).wait(120)
        assert len(app.jobs) == app.count("submitJob") == 1000
        assert app.most <= 32
        assert batch.errors == {}
