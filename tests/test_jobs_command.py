"""``spatial-widgets jobs``: what was submitted from this machine, as a table and as JSON."""

import json

import pytest
from fakes import TASK, ScriptedApp
from raw_server import RawServer

from spatial_widgets.cli import main
from spatial_widgets.client import GPService, history

LAYER = "https://h/FeatureServer/0"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path / "store"))  # where no service runs
    monkeypatch.delenv("SPATIAL_WIDGETS_TOKEN", raising=False)
    yield
    history.close()


@pytest.fixture
def run(capsys):
    def run(*arguments):
        status = main(["jobs", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


class Server(RawServer):
    """A GPServer on a socket; ``polls`` answers each job, by its ID."""

    def __init__(self, **polls):
        super().__init__(self.respond)
        self.polls = polls
        self.number = 0

    def respond(self, connection, server):
        start = self.mine.head.split("\r\n")[0]
        path = start.split(" ")[1].partition("?")[0]
        if path.endswith("submitJob"):
            self.number += 1
            document = {"jobId": f"j{self.number}", "jobStatus": "esriJobSubmitted"}
        elif "/jobs/" in path:
            document = self.polls[path.rpartition("/")[2]]
            if isinstance(document, str):
                document = {"jobStatus": document}
        else:
            document = TASK if path.endswith("/Buffer") else {"tasks": ["Buffer"]}
        body = json.dumps(document).encode()
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )

    def submit(self, times=1):
        task = GPService(self.url).task("Buffer")
        return [task.submit(inputLayer=LAYER) for _ in range(times)]

    def asked_for_jobs(self):
        return [head for head in self.requests if "/jobs/" in head.split("\r\n")[0]]


def error(code, text):
    return {"error": {"code": code, "message": text}}


def test_an_empty_history_is_said(run):
    assert run() == (0, "No jobs.\n", "")
    assert run("--json") == (0, "[]\n", "")


def test_the_table_has_a_line_for_each_job_the_newest_first_and_asks_nobody(run):
    with Server(j1="esriJobSucceeded") as server:
        first, second = server.submit(2)
        first.refresh()
        asked = len(server.requests)
        status, out, err = run()
        assert len(server.requests) == asked
    assert (status, err) == (0, "")
    head, *lines = out.splitlines()
    assert head.split() == ["TASK", "STATUS", "SUBMITTED", "RAN", "URL"]
    assert [line.split()[0 :: len(line.split()) - 1] for line in lines] == [
        ["Buffer", second.url],
        ["Buffer", first.url],
    ]
    assert " Submitted " in lines[0]
    assert " Succeeded " in lines[1]
    assert " s  http" in lines[1]
    [head, only] = run("--limit", "1")[1].splitlines()
    assert only.endswith(second.url)
    assert run("--url", "https://h/arcgis/rest/services/x/GPServer")[1] == "No jobs.\n"
    assert first.url in run("--url", server.url)[1]


def test_json_holds_what_is_known_and_no_key(run):
    with Server() as server:
        [job] = server.submit()
        [document] = json.loads(run("--json")[1])
    assert document.keys() == {
        "url", "job_id", "task", "service_url", "status", "submitted_at", "ended_at", "fingerprint", "version",
    }  # fmt: skip
    assert (document["url"], document["status"], document["ended_at"]) == (job.url, "esriJobSubmitted", None)
    assert document["submitted_at"].endswith("+00:00")


def test_a_lost_answer_is_listed_as_such(run):
    app = ScriptedApp()
    app.answers["submitJob"] = [{"no": "job"}]
    with pytest.raises(Exception, match="spatial-widgets jobs"):
        app.submit()
    out = run()[1]
    assert " submitting " in out
    assert "the job may be there" in out


def test_refresh_asks_each_unfinished_job_once_and_tells_failures_by_their_row(run):
    polls = {
        "j1": "esriJobSucceeded",
        "j2": "esriJobExecuting",
        "j3": error(404, "no such job"),
        "j4": error(403, "no"),
    }
    with Server(**polls) as server:
        jobs = server.submit(4)
        status, out, err = run("--refresh")
        assert len(server.asked_for_jobs()) == 4
        assert status == 1
        assert [word for word in ("Succeeded", "Executing", "Deleted", "Submitted") if f" {word} " in out] == [
            "Succeeded", "Executing", "Deleted", "Submitted",
        ]  # fmt: skip
        lines = err.splitlines()
        assert any(jobs[2].url in line and "no such job" in line for line in lines)
        assert any(jobs[3].url in line for line in lines)
        assert jobs[0].url not in err
        del server.requests[:]
        documents = json.loads(run("--refresh", "--json")[1])
        assert len(server.asked_for_jobs()) == 2
        assert ["error" in d for d in documents] == [True, False, False, False]


def test_refresh_of_a_service_that_is_gone_says_so(run):
    with Server() as server:
        [job] = server.submit()
    status, out, err = run("--refresh")
    assert status == 1
    assert job.url in out
    assert "no connection" in err


def test_the_token_goes_to_one_service_only(run, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_TOKEN", "token-aaaa")

    def tokens(server):
        return ["token-aaaa" in head for head in server.asked_for_jobs()]

    with Server(j1=error(499, "Token required")) as one, Server(j1="esriJobExecuting") as other:
        one.submit()
        assert run("--refresh")[0] == 1
        assert tokens(one) == [True]
        other.submit()
        assert "choose one with --url" in run("--refresh")[2]
        assert tokens(one) == [True, False]
        assert tokens(other) == [False]
        run("--refresh", "--url", other.url)
        assert tokens(other) == [False, True]


def test_what_a_server_says_steers_no_terminal(run):
    with Server(j1="esriJob\x1b[31mRed") as server:
        server.submit()
        run("--refresh")
        assert "\x1b" not in run()[1]


def test_a_submit_may_have_an_input_called_reuse(capsys):
    parameters = [*TASK["parameters"], {**TASK["parameters"][2], "name": "reuse", "choiceList": None}]
    with pytest.MonkeyPatch.context() as patch, Server() as server:
        patch.setitem(TASK, "parameters", parameters)
        arguments = ["submit", "Buffer", "--url", server.url, "-p", f"inputLayer={LAYER}", "-p", "reuse=yes"]
        assert main(arguments) == 0
    assert capsys.readouterr().out.strip().endswith("/Buffer/jobs/j1")


def test_wrong_numbers_are_refused():
    with pytest.raises(SystemExit) as caught:
        main(["jobs", "--limit", "many"])
    assert caught.value.code == 2


def test_a_url_that_is_none_is_one_message(run, capsys):
    status, _, err = run("--url", "nowhere")
    assert status == 1
    assert err.startswith("spatial-widgets: 'nowhere'")


def test_no_local_service_is_started(run, tmp_path):
    with Server(j1="esriJobExecuting") as server:
        server.submit()
        run("--refresh")
    assert not (tmp_path / "store").exists()
