"""A caller's time-out holds whatever the server does, the renewal of a token and the paging of a layer included."""

import json
import threading
import time

import pytest
from fakes import POINT_LAYER, TASK, FakeClock, ScriptedApp, error
from raw_server import RawServer, drip, silent

from spatial_widgets import errors
from spatial_widgets.client import GPService, GPSession
from spatial_widgets.client import deadline as deadline_module
from spatial_widgets.client.deadline import Budget
from spatial_widgets.protocol import JobStatus

JOB = "j0123456789abcdef0123456789abcdef"
DONE = {"jobId": JOB, "jobStatus": "esriJobSucceeded"}


def headers_without_end(connection, server):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    drip(b"X-More: yes\r\n")(connection, server)


def say(document):
    body = json.dumps(document).encode()
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    return lambda connection, server: connection.sendall(head + body)


class Paths(RawServer):
    """Handles each request by the last part of its path; what is not named is a task or a finished job."""

    def __init__(self, **handlers):
        known = {"Buffer": say(TASK), JOB: say(DONE), **handlers}

        def handle(connection, server):
            last = server.requests[-1].split()[1].partition("?")[0].rstrip("/").rpartition("/")[2]
            known[last](connection, server)

        super().__init__(handle)

    def job(self, **kwargs):
        return GPService(self.url, **kwargs).task("Buffer").attach(JOB)


def ends_in_time(act, timeout_s, error_type=errors.WaitTimeout):
    started = time.monotonic()
    with pytest.raises(error_type):
        act()
    assert time.monotonic() - started < timeout_s + 2


@pytest.mark.parametrize(
    "handle", [silent, drip(b"H"), headers_without_end], ids=["silent", "letters", "headers"]
)
def test_a_result_that_does_not_come_ends_with_the_callers_time_out(handle):
    with Paths(bufferLayer=handle, Buffer=say(TASK)) as server:
        job = server.job()
        ends_in_time(lambda: job.result("bufferLayer", timeout=0.3), 0.3)


def test_a_task_that_does_not_describe_itself_is_part_of_the_time_out():
    with Paths(Buffer=silent) as server:
        job = server.job()  # its document has no links: the outputs are the task's to name
        ends_in_time(lambda: job.result(timeout=0.3), 0.3)


def test_a_renewal_gets_what_is_left_and_no_new_deadline():
    def refuse_late(connection, server):
        server.over.wait(0.7)
        say(error(498, "Invalid token."))(connection, server)

    tokens = iter(["first-token", "second-token", "third-token"])
    with Paths(bufferLayer=refuse_late) as server:
        job = server.job(auth=lambda: next(tokens))
        started = time.monotonic()
        with pytest.raises(errors.SpatialWidgetsError):
            job.results.load("bufferLayer", deadline_s=1.0)
        assert time.monotonic() - started < 1.3


def test_a_slow_maker_of_tokens_is_part_of_the_time_out_and_asked_once():
    release, asked, refused = threading.Event(), [], ["Bearer token-number-1"]

    def make():
        asked.append(threading.current_thread().name)
        if len(asked) == 2:
            release.wait(20)
        return f"token-number-{len(asked)}"

    app = ScriptedApp()
    job, ask = app.submit(auth=make), app.answer
    job.wait()
    app.answer = lambda a: (
        error(498, "Invalid token.") if a.headers["X-Esri-Authorization"] in refused else ask(a)
    )
    try:
        ends_in_time(lambda: job.result(timeout=0.2), 0.2)
    finally:
        release.set()
    assert len(job.result(timeout=5)) == 1
    assert len(asked) == 2
    assert asked[0] == threading.main_thread().name
    assert app.asked[-1].headers["X-Esri-Authorization"] == "Bearer token-number-2"


def test_what_a_maker_of_tokens_raises_reaches_the_caller():
    tokens = iter(["first-token"])
    app = ScriptedApp()
    job = app.submit(auth=lambda: next(tokens, None))
    app.answers[app.job_id] = [error(498, "Invalid token.")]
    with pytest.raises(errors.ParameterError, match="NoneType"):
        job.refresh()


def test_attempts_and_pauses_share_one_deadline():
    clock = FakeClock()
    app = ScriptedApp()
    session = app.service(clock=clock).session
    app.answers["GPServer"] = [error(503, "busy")] * 9

    def slow(asked, answer=app.answer):
        clock.time += 4.0
        return answer(asked)

    app.answer = slow
    with pytest.raises(errors.ServiceError):
        session.get_json(app.service().url, deadline_s=8.5)
    assert clock.now() - 1000 <= 8.5
    assert len(app.asked) == 2
    with pytest.raises(errors.ServiceError):
        session.get_json(app.service().url)  # without it, three attempts as ever
    assert len(app.asked) == 5


def test_a_pause_that_a_server_asks_for_does_not_outlast_the_deadline():
    clock = FakeClock()
    app = ScriptedApp()
    app.answers["GPServer"] = [error(503, "busy")]
    started = clock.now()
    with pytest.raises(errors.ServiceError):
        app.service(clock=clock).session.get_json(app.service().url, deadline_s=0.1)
    assert clock.now() == started


def test_layers_of_many_pages_share_one_deadline():
    url = "https://gp.test/arcgis/rest/services/Hosted/out/FeatureServer/0"
    clock = FakeClock()
    app = ScriptedApp(results={"bufferLayer": {"url": url}})
    ask = app.answer
    fields = [{"name": "OBJECTID", "type": "esriFieldTypeOID"}]

    def answer(asked):
        if "/FeatureServer/0" not in asked.url:
            return ask(asked)
        clock.time += 3.0
        if not asked.path.endswith("/query"):
            return {
                "fields": fields,
                "maxRecordCount": 1,
                "advancedQueryCapabilities": {"supportsPagination": True},
            }
        if "returnCountOnly" in asked.form:
            return {"count": 1000}
        return {**POINT_LAYER, "features": [{"attributes": {"OBJECTID": int(asked.form["resultOffset"])}}]}

    app.answer = answer
    job = app.submit(clock=clock)
    job.wait()
    started = clock.now()
    with pytest.raises(errors.WaitTimeout):
        job.result(timeout=20)
    assert clock.now() - started < 40  # four pages in flight, 3 s each


def test_a_cancel_sent_again_by_a_poll_has_what_is_left_of_its_deadline():
    released, cancels = threading.Event(), []

    def poll(connection, server):
        word = "Cancelled" if released.is_set() else "Executing" if cancels else "Submitted"
        say({"jobId": JOB, "jobStatus": f"esriJob{word}"})(connection, server)

    def cancel(connection, server):
        if len(cancels) > 0:
            released.wait(20)
        else:
            say(error(400, "Invalid or missing input parameters."))(connection, server)

    with Paths(**{JOB: poll, "cancel": cancel}) as server:
        job = server.job()
        job.cancel()
        cancels.append(1)
        try:
            started = time.monotonic()
            assert job.refresh(deadline_s=0.3).status is JobStatus.EXECUTING
            assert time.monotonic() - started < 2.3
            ends_in_time(lambda: job.wait(timeout=0.3), 0.3)
        finally:
            released.set()
        assert job.wait(timeout=10, check=False).status is JobStatus.CANCELLED


def drip_an_answer(connection, server):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(b" ")(connection, server)


@pytest.mark.parametrize("handle", [headers_without_end, drip_an_answer])
def test_the_answer_to_a_post_ends_though_it_drips(handle):
    with RawServer(handle) as server:
        started = time.monotonic()
        with pytest.raises(errors.TransportTimeout, match=r"60 s of silence and 0\.4 s in all"):
            GPSession(server.url).post_json(server.url + "/Buffer/submitJob", {"a": "1"}, answer_s=0.4)
        assert 0.4 <= time.monotonic() - started < 2
        assert len(server.requests) == 1


def test_a_long_sending_takes_nothing_from_the_time_for_the_answer():
    def read_slowly(connection, server):
        left = 40_000_000
        while left > 0:
            server.over.wait(0.0005)
            left -= len(connection.recv(1 << 16))
        say({"ok": True})(connection, server)

    with RawServer(read_slowly) as server:
        started = time.monotonic()
        form = {"layer": "x" * 40_100_000}
        assert GPSession(server.url).post_json(server.url, form, answer_s=0.3) == {"ok": True}
        assert time.monotonic() - started > 0.3


def test_submitting_has_a_total_deadline_for_the_answer():
    allowed = []

    class Noting(ScriptedApp):
        def send(self, request, **kwargs):
            allowed.append((request.method, deadline_module._current.at, deadline_module._current.answer_s))
            return super().send(request, **kwargs)

    Noting().submit()
    assert ("POST", None, 120.0) in allowed


def test_a_budget_says_what_it_allows():
    clock = FakeClock()
    assert str(Budget(clock, None)) == "60 s of silence"
    assert str(Budget(clock, None, 30.0)) == "30 s"
    budget = Budget(clock, 2.0, 30.0)
    clock.time += 5
    assert (str(budget), budget.left_s, budget.is_spent) == ("2 s", 0.0, True)
    assert [str(Budget(clock, s)) for s in (0.599, 2.5, 29.9996, 150.0)] == [
        "0.6 s",
        "2.5 s",
        "30 s",
        "150 s",
    ]
    with pytest.raises(errors.TransportTimeout, match="no time was left"):
        GPSession("https://gp.test/x", clock=clock).get_json("http://gp.test/x", deadline_s=0.0)
