"""The table of the user's history: whom it asks, with whose token, and what it shows of the others."""

import json

import pytest
from fakes import POINT_LAYER, TASK
from raw_server import RawServer
from watching import Browser

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import history


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path / "store"))
    yield
    history.close()


@pytest.fixture
def closing():
    tables = []
    yield lambda table: tables.append(table) or table
    for table in tables:
        table.close()


class Server(RawServer):
    """A GPServer on a real socket whose one job has the status that ``status`` says."""

    def __init__(self, status="esriJobExecuting"):
        super().__init__(Server.answer)
        self.status = status

    @staticmethod
    def answer(connection, server):
        head, path = server.mine.head, server.mine.head.split()[1].split("?")[0]
        if head.startswith("POST"):
            document = {"jobId": "j1", "jobStatus": "esriJobSubmitted"}
        elif path.endswith("/jobs/j1"):
            document = {"jobId": "j1", "jobStatus": server.status, "messages": []}
        else:
            document = TASK if path.endswith("/Buffer") else {"tasks": ["Buffer"]}
        body = json.dumps(document).encode()
        reply = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(f"{reply}Connection: close\r\n\r\n".encode() + body)

    def submit(self, **parameters):
        return sw.GPService(self.url).task("Buffer").submit(inputLayer=POINT_LAYER, **parameters)


def test_without_a_history_the_table_is_empty_and_says_what_to_do(closing):
    table = closing(sw.JobTable.recent())
    assert len(table) == 0
    assert "table.add(job)" in table._plain_text()


def test_jobs_that_nobody_may_ask_for_stand_as_last_seen_and_cost_nothing(closing):
    with Server() as server:
        job = server.submit()
        asked = len(server.requests)
        table = closing(sw.JobTable.recent())
        browser = Browser(table).until(lambda b: b.rows)
        assert [j.url for j in table.jobs] == [job.url]
        assert browser.rows[0]["hold"] == browser.rows[0]["word"] == "as last seen"
        assert browser.rows[0]["submitted"] == pytest.approx(job.first_seen_at, abs=5)
        assert table.frame["elapsed"].isna().all()
        assert "1 as last seen" in table._plain_text()
        assert "as last seen" in table._html_text()
        assert len(table.cancel()) == 0
        assert len(server.requests) == asked
        assert sw.LocalService.running() is None  # nothing was started for the question
        table.add(job)  # somebody may ask now
        server.status = "esriJobSucceeded"
        browser.until(lambda b: b.rows[0]["status"] == "esriJobSucceeded" and b.rows[0]["hold"] == "")
        assert len(table) == 1
        assert table.counts == {"esriJobSucceeded": 1}


def test_auth_follows_the_jobs_of_the_one_server_it_is_for(closing):
    with Server() as server, Server() as other:
        server.submit(), other.submit()
        with pytest.raises(errors.ParameterError, match="would be sent to 2 servers: http://127.0.0.1:"):
            sw.JobTable.recent(auth="very-secret")
        assert not any("very-secret" in head for head in server.requests + other.requests)
        table = closing(sw.JobTable.recent(service=server.url, auth="very-secret"))
        browser = Browser(table).until(lambda b: b.rows)
        assert len(table) == 1
        server.status = "esriJobSucceeded"
        browser.until(lambda b: b.rows[0]["status"] == "esriJobSucceeded")
        assert any("very-secret" in head for head in server.requests)
        assert not any("very-secret" in head for head in other.requests)
        assert "very-secret" not in repr(table.get_state()) + json.dumps(browser.sent, default=str)


def test_a_service_that_is_given_is_asked_and_what_has_ended_is_not(closing):
    with Server("esriJobFailed") as server:
        server.submit().wait(check=False)
        asked = len(server.requests)
        table = closing(sw.JobTable.recent(service=sw.GPService(server.url)))
        browser = Browser(table).until(lambda b: b.rows)
        assert browser.rows[0]["hold"] == ""
        assert table.counts == {"esriJobFailed": 1}
        assert table.frame["elapsed"].notna().all()
        assert len(server.requests) == asked
        server.status = "esriJobExecuting"
        server.submit()  # the same ID: one row
        again = closing(sw.JobTable.recent(service=sw.GPService(server.url), limit=1))
        server.status = "esriJobSucceeded"
        Browser(again).until(lambda b: b.rows and b.rows[0]["status"] == "esriJobSucceeded")


def test_a_table_of_a_service_has_its_own_jobs_whoever_submitted_them(closing, monkeypatch):
    with sw.LocalService.start(workers=1) as local:
        service = local.service()
        monkeypatch.setenv("SPATIAL_WIDGETS_HISTORY", "0")  # as if from another machine
        failed = service.task("FailingTask").submit(text="no such field")
        failed.wait(60, check=False)
        slow = service.task("SlowTask").submit(seconds=300)
        table = closing(sw.JobTable.of(local.url, auth=local.token))
        assert len(sw.JobTable.recent()) == 0
        assert [job.job_id for job in table.jobs] == [slow.job_id, failed.job_id]  # newest first
        assert table.frame["submitted"].notna().all()
        assert table.frame["elapsed"].notna().all()
        browser = Browser(table).until(lambda b: b.rows and b.rows[0]["status"] == "esriJobExecuting")
        assert browser.rows[1]["retry"]
        browser.ask("open", [1])
        browser.until(lambda b: b.rows[1]["widget"])
        browser.ask("retry", [1])
        browser.until(lambda b: 2 in b.rows)
        table.cancel()
        browser.until(lambda b: b.rows[0]["status"] == "esriJobCancelled")
        assert len(sw.JobTable.of(service, 1)) == 1
        assert local.token not in json.dumps(browser.sent, default=str) + table._html_text()


def test_a_service_that_lists_no_jobs_says_so_and_what_to_do(closing):
    with Server() as server:
        server.submit()
        with pytest.raises(errors.NotFound, match=r"does not list its jobs.*JobTable\.recent"):
            sw.JobTable.of(server.url)
        with pytest.raises(errors.ParameterError, match="its own auth"):
            sw.JobTable.of(sw.GPService(server.url), auth="secret")


def test_jobs_of_the_local_service_are_followed_with_its_own_token(closing):
    with sw.LocalService.start(workers=1) as local:
        slow = local.service().task("SlowTask")
        first, second = slow.submit(seconds=300), slow.submit(seconds=300)
        table = closing(sw.JobTable.recent())
        assert [job.job_id for job in table.jobs] == [second.job_id, first.job_id]  # newest first
        browser = Browser(table).until(lambda b: b.rows and b.rows[1]["status"] == "esriJobExecuting")
        table.cancel()
        browser.until(lambda b: {row["status"] for row in b.rows.values()} == {"esriJobCancelled"})
        assert local.token not in json.dumps(browser.sent, default=str) + table._html_text()
