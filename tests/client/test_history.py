"""The trace that each submit leaves: what it holds, who may read it, and that it disturbs nothing."""

import contextlib
import datetime as dt
import logging
import os
import sqlite3
import threading

import pytest
from fakes import TASK, ScriptedApp
from programs import ended_well, program

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import history, historyfile, traces
from spatial_widgets.protocol import JobInfo, JobStatus


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    yield tmp_path / "state"
    history.close()


class TestWhatIsWritten:
    def test_a_submit_leaves_where_what_and_when(self):
        before = dt.datetime.now(dt.UTC)
        job = ScriptedApp().submit()
        [past] = history.recent()
        assert (past.url, past.job_id, past.task) == (job.url, job.job_id, "Buffer")
        assert past.service_url == job.task.service.url
        assert past.status is JobStatus.SUBMITTED
        assert before <= past.submitted_at <= dt.datetime.now(dt.UTC)
        assert past.ended_at is None
        assert len(past.fingerprint) == 64
        assert past.version == sw.__version__

    def test_each_change_that_a_poll_brings_is_written(self):
        app = ScriptedApp(["esriJobWaiting", "esriJobExecuting", "esriJobExecuting", "esriJobSucceeded"])
        job = app.submit()
        seen = []
        for _ in range(4):
            job.refresh()
            seen.append(history.recent()[0].status.label)
        assert seen == ["Waiting", "Executing", "Executing", "Succeeded"]
        past = history.recent()[0]
        assert past.submitted_at <= past.ended_at <= dt.datetime.now(dt.UTC)

    def test_what_the_poller_of_a_widget_sees_is_written(self):
        job = ScriptedApp(["esriJobExecuting", "esriJobFailed"]).submit()
        with contextlib.closing(sw.JobWidget(job)) as widget:
            with contextlib.suppress(errors.JobFailed):
                widget.wait(timeout=30)
            assert history.recent()[0].status is JobStatus.FAILED

    def test_an_attached_job_is_written_once_and_brought_up_to_date(self):
        app = ScriptedApp(["esriJobExecuting", "esriJobSucceeded"])
        task = app.service().task("Buffer")
        task.attach(app.job_id)
        [past] = history.recent()
        assert (past.status, past.submitted_at, past.fingerprint) == (JobStatus.EXECUTING, None, None)
        task.attach(app.job_id)
        [past] = history.recent()
        assert past.status is JobStatus.SUCCEEDED
        assert past.ended_at is not None

    def test_an_end_is_not_undone_by_a_late_word(self):
        job = ScriptedApp(["esriJobSucceeded"]).submit()
        job.refresh()
        traces.attached(job.task, JobInfo(job.job_id, JobStatus.EXECUTING))
        assert history.recent()[0].status is JobStatus.SUCCEEDED

    def test_an_intent_is_there_before_the_answer(self):
        seen = []

        class Looking(ScriptedApp):
            def answer(self, asked):
                if asked.operation == "submitJob":
                    seen.extend(history.recent())
                return super().answer(asked)

        Looking().submit()
        [past] = seen
        assert (past.status, past.url, past.job_id) == ("submitting", None, None)
        assert not past.status.is_terminal
        with pytest.raises(errors.ParameterError, match="attach"):
            past.job()

    def test_a_past_job_is_a_job_without_a_request(self):
        app = ScriptedApp()
        app.submit().refresh()
        asked = len(app.asked)
        job = history.recent()[0].job(auth="token-1")
        assert (job.job_id, job.status) == (app.job_id, "esriJobSucceeded")
        assert job.task.service.auth == "token-1"
        assert len(app.asked) == asked

    def test_only_the_newest_are_told_and_of_one_service_where_asked(self):
        app = ScriptedApp()
        for number in range(5):
            app.job_id = f"j{number}"
            job = app.submit()
        assert [p.job_id for p in history.recent(2)] == ["j4", "j3"]
        assert len(history.recent(service=job.url)) == 5
        assert history.recent(service="https://h/arcgis/rest/services/x/GPServer") == []

    def test_what_is_forgotten_stays_forgotten(self):
        app = ScriptedApp(["esriJobExecuting", "esriJobSucceeded"])
        jobs = []
        for number in range(4):
            app.job_id = f"j{number}"
            jobs.append(app.submit())
        assert history.forget(jobs[3])
        assert history.forget(jobs[2].url)
        assert history.forget(history.recent()[0])
        assert not history.forget(jobs[3])
        jobs[3].refresh()
        assert [p.job_id for p in history.recent()] == ["j0"]
        assert history.clear(service="https://h/arcgis/rest/services/x/GPServer") == 0
        assert history.clear() == 1
        assert history.recent() == []


class TestSecrets:
    def test_no_token_value_name_or_message_is_in_any_of_its_files(self, state, tmp_path):
        secrets = [
            "token-aaaa",
            "token-bbbb",
            "token-cccc",
            "user-dddd",
            "value-eeee",
            "file-ffff",
            "said-gggg",
        ]
        inputs = [
            {**TASK["parameters"][1], "name": "text", "dataType": "GPString", "filter": None},
            {**TASK["parameters"][1], "name": "file", "dataType": "GPDataFile", "filter": None},
        ]
        app = ScriptedApp(task={**TASK, "parameters": [*TASK["parameters"], *inputs]})
        app.capabilities = "Uploads"
        app.polls = [
            {
                "jobId": app.job_id,
                "jobStatus": "esriJobFailed",
                "messages": [{"type": "esriJobMessageTypeError", "description": "said-gggg"}],
            }
        ]
        (tmp_path / "file-ffff.zip").write_text("value-eeee")
        for auth in ("token-aaaa", lambda: "token-bbbb"):
            app.service(auth=auth).task("Buffer").submit(
                inputLayer={"url": "https://h/FeatureServer/0?user=user-dddd", "serviceToken": "token-cccc"},
                text="value-eeee",
                file=tmp_path / "file-ffff.zip",
            ).refresh()
        sw_url = f"{history.recent()[0].url}?user=user-dddd"
        assert "?" not in history.recent()[0].url
        assert history.forget(sw_url)
        app.service(auth="token-aaaa").task("Buffer").attach(app.job_id)
        files = list(state.iterdir())
        assert len(files) == 3  # with the -wal and the -shm
        written = b"".join(file.read_bytes() for file in files)
        assert b"Buffer" in written
        for secret in secrets:
            assert secret.encode() not in written

    def test_only_the_owner_may_read_it(self, state, monkeypatch):
        before = os.umask(0)
        try:
            ScriptedApp().submit()
        finally:
            os.umask(before)
        assert state.stat().st_mode & 0o777 == 0o700
        modes = {file.name: file.stat().st_mode & 0o777 for file in state.iterdir()}
        assert modes == dict.fromkeys(["jobs.sqlite3", "jobs.sqlite3-wal", "jobs.sqlite3-shm"], 0o600)
        history.close()
        (state / "jobs.sqlite3").chmod(0o644)
        ScriptedApp().submit()
        assert (state / "jobs.sqlite3").stat().st_mode & 0o777 == 0o600

    def test_the_users_own_folder_is_the_default_and_closed_to_others(self, tmp_path, monkeypatch):
        monkeypatch.delenv("SPATIAL_WIDGETS_STATE")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
        folder = historyfile.history_path().parent
        folder.mkdir(parents=True, mode=0o755)
        ScriptedApp().submit()
        assert folder.name == "spatial_widgets"
        if os.name == "posix":
            assert folder.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("word", ["off", "0", "OFF", "false"])
    def test_switched_off_there_is_no_file_at_all(self, word, state, monkeypatch):
        monkeypatch.setenv("SPATIAL_WIDGETS_HISTORY", word)
        job = ScriptedApp().submit()
        job.refresh()
        job.task.attach(job.job_id)
        assert history.recent() == []
        assert not state.exists()

    def test_reading_makes_no_file(self, state):
        assert history.recent() == []
        assert history.clear() == 0
        assert not state.exists()


class TestItsSize:
    def test_finished_jobs_go_first_and_the_newest_stay(self):
        task = ScriptedApp().service().task("Buffer")
        for number in range(2200):
            status = JobStatus.EXECUTING if number < 10 else JobStatus.SUCCEEDED
            traces.accepted(traces.intend(task, "f" * 64, None), JobInfo(f"j{number}", status))
        kept = [p.job_id for p in history.recent(10_000)]
        assert len(kept) <= 2000
        assert kept[:1900] == [f"j{n}" for n in range(2199, 299, -1)]
        assert {f"j{n}" for n in range(10)} <= set(kept)

    def test_a_service_of_many_words_does_not_fill_it(self, state):
        for number in range(3):
            app = ScriptedApp([f"{number}" + "x" * 1_000_000])
            app.job_id = f"j{number}"
            app.submit().refresh()
            app.job_id = f"{number}" * 1_000_000
            app.submit().task.attach(app.job_id)
        assert [(p.job_id, len(p.status)) for p in history.recent()] == [(f"j{n}", 100) for n in (2, 1, 0)]
        history.close()
        assert sum(file.stat().st_size for file in state.iterdir()) < 200_000

    def test_what_is_older_than_ninety_days_goes(self, state):
        app = ScriptedApp()
        app.submit()
        with contextlib.closing(sqlite3.connect(state / "jobs.sqlite3")) as db, db:
            db.execute("UPDATE jobs SET noted = noted - 91 * 86400, job = 'old'")
        for number in range(60):
            app.job_id = f"j{number}"
            app.submit()
        assert "old" not in {p.job_id for p in history.recent(100)}


class TestNothingBreaksASubmit:
    def check(self, caplog, times=3):
        caplog.set_level(logging.WARNING, "spatial_widgets")
        for _ in range(times):
            job = ScriptedApp().submit()
            job.refresh()
        assert len(caplog.messages) == 1
        assert "jobs.sqlite3" in caplog.text
        assert "SPATIAL_WIDGETS_STATE" in caplog.text

    def test_a_folder_that_cannot_be_made_is_told_once(self, state, caplog):
        state.write_text("a file in its place")
        self.check(caplog)

    def test_a_file_that_cannot_be_opened_is_told_once(self, state, caplog):
        (state / "jobs.sqlite3").mkdir(parents=True)
        self.check(caplog)
        with pytest.raises(errors.SpatialWidgetsError, match=r"cannot be read.*SPATIAL_WIDGETS_HISTORY=off"):
            history.recent()

    def test_a_locked_file_is_told_once_and_holds_up_one_submit_only(self, state, caplog, monkeypatch):
        monkeypatch.setattr(historyfile, "_BUSY_S", 0.1)
        ScriptedApp().submit()
        history.close()
        with contextlib.closing(sqlite3.connect(state / "jobs.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.check(caplog)

    def test_a_file_of_a_newer_version_is_left_as_it_is(self, state, caplog):
        ScriptedApp().submit()
        history.close()
        with contextlib.closing(sqlite3.connect(state / "jobs.sqlite3")) as db:
            db.execute("PRAGMA user_version=99")
        self.check(caplog)
        with contextlib.closing(sqlite3.connect(state / "jobs.sqlite3")) as db:
            assert db.execute("SELECT COUNT(*) FROM jobs").fetchone() == (1,)
        assert not list(state.glob("*.damaged"))

    def test_a_full_disk_is_told_once(self, state):
        code = """
import logging, resource, sys
from fakes import ScriptedApp
logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(name)s %(message)s")
app = ScriptedApp()
app.submit()
size = 70_000  # what there is, and a little more
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
for number in range(200):
    app.job_id = f"j{number}"
    app.submit()
print(app.count("submitJob"))
"""
        out = ended_well(program(code)).split("\n")
        assert out[-2] == "201"
        assert len(out) == 3
        assert "cannot be written" in out[0]

    @pytest.mark.parametrize("kind", ["no database", "another's", "cut", "overwritten"])
    def test_a_damaged_file_is_put_aside_and_a_new_one_begins(self, kind, state, caplog):
        app = ScriptedApp()
        for number in range(200):
            app.job_id = f"j{number}"
            app.submit()
        history.close()
        path = state / "jobs.sqlite3"
        whole = path.read_bytes()
        if kind == "no database":
            path.write_bytes(b"nothing of the kind" * 1000)
        elif kind == "another's":
            path.unlink()
            with contextlib.closing(sqlite3.connect(path)) as db:
                db.executescript("CREATE TABLE jobs (x); PRAGMA user_version=1;")
        elif kind == "cut":
            path.write_bytes(whole[: len(whole) // 2])
        else:
            path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
        caplog.set_level(logging.WARNING, "spatial_widgets")
        app.job_id = "jnew"
        app.submit()
        assert "jnew" in [p.job_id for p in history.recent()]
        assert (state / "jobs.sqlite3.damaged").exists()
        assert "damaged" in caplog.text

    def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(self, monkeypatch, state):
        app = ScriptedApp()
        app.submit()
        history.close()
        newer = (*historyfile.STEPS, ("ALTER TABLE jobs ADD COLUMN note TEXT",))
        monkeypatch.setattr(historyfile, "STEPS", newer)
        app.job_id = "j2"
        app.submit()
        assert [p.job_id for p in history.recent()] == ["j2", "j0123456789abcdef0123456789abcdef"]
        with contextlib.closing(sqlite3.connect(state / "jobs.sqlite3")) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (2,)

    def test_a_file_that_is_removed_under_us_begins_anew(self, state):
        app = ScriptedApp()
        app.submit()
        for file in state.iterdir():
            file.unlink()
        app.job_id = "j2"
        app.submit()
        assert [p.job_id for p in history.recent()] == ["j2"]


class TestManyAtOnce:
    def test_eight_processes_that_begin_at_once_lose_nothing(self):
        code = """
import logging, os, sys
from fakes import ScriptedApp
logging.basicConfig(stream=sys.stdout, level=logging.WARNING)
app = ScriptedApp()
task = app.service().task("Buffer")
task.info()
children = []
for child in range(8):  # none has opened the file yet: all of them make it
    pid = os.fork()
    if pid == 0:
        for number in range(50):
            app.job_id = f"{child}-{number}"
            task.submit(inputLayer="https://h/FeatureServer/0")
        os._exit(0)
    children.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
"""
        assert ended_well(program(code)) == ""  # no warning
        past = history.recent(1000)
        assert {p.job_id for p in past} == {f"{p}-{n}" for p in range(8) for n in range(50)}
        assert {p.status for p in past} == {JobStatus.SUBMITTED}

    def test_threads_share_it(self):
        def run(number):
            app = ScriptedApp()
            for each in range(25):
                app.job_id = f"{number}-{each}"
                app.submit().refresh()

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        past = history.recent(1000)
        assert len({p.job_id for p in past}) == len(past) == 200
        assert {p.status for p in past} == {JobStatus.SUCCEEDED}

    def test_a_fork_shares_no_connection_and_the_exit_leaves_none(self, state):
        code = """
import os
from fakes import ScriptedApp
from spatial_widgets.client import history
app = ScriptedApp()
app.submit()
children = []
for child in range(4):
    pid = os.fork()
    if pid == 0:
        links = [f"/proc/self/fd/{number}" for number in range(64)]
        assert not [link for link in links if "jobs.sqlite3" in os.path.realpath(link)]
        for number in range(25):
            app.job_id = f"{child}-{number}"
            app.submit()
        os._exit(0)
    children.append(pid)
for number in range(25):
    app.job_id = f"parent-{number}"
    app.submit()
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
print(len(history.recent(1000)))
"""
        assert ended_well(program(code)) == "126\n"
        assert [file.name for file in state.iterdir()] == ["jobs.sqlite3"]
        with contextlib.closing(sqlite3.connect(historyfile.history_path())) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
