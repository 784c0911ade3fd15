"""A submit whose answer is lost: never sent twice, or, where the service takes a key, answered by its one job."""

import contextlib
import json
import socket
import sqlite3
import struct
import threading

import pytest
import requests
from fakes import POINT_LAYER, TASK, FakeClock, Raw, ScriptedApp, error
from raw_server import RawServer, answer

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.client import GPService, Token, deadline, history, submitting
from spatial_widgets.client.policy import RetryPolicy

JOB = b'{"jobId": "j1", "jobStatus": "esriJobSubmitted"}'
LOOK = "may have accepted the job all the same"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    yield tmp_path / "state"
    history.close()


def reply(body, status=b"200 OK"):
    return b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def reset(connection, server):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closed(connection, server):
    pass


def silent(connection, server):
    server.over.wait(30)


LOST = {
    "reset after sending": reset,
    "closed without a word": closed,
    "silence": silent,
    "cut short": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + JOB[:20]),
    "cut within the head": answer(b"HTTP/1.1 200 OK\r\nContent-"),
    "half of the JSON": answer(reply(JOB[:20])),
    "HTML": answer(reply(b"<html><body>Please wait</body></html>")),
    "a login page": answer(reply(b"<html>Sign in <input type=password></html>")),
    "nothing in it": answer(reply(b"")),
    "HTTP 500 of a proxy": answer(reply(b"<html>oops</html>", b"500 Internal Server Error")),
    "HTTP 502": answer(reply(b"Bad gateway", b"502 Bad Gateway")),
    "HTTP 503": answer(reply(b"", b"503 Service Unavailable")),
    "HTTP 504": answer(reply(b"<html>timeout</html>", b"504 Gateway Timeout")),
    "an Esri error 504": answer(reply(b'{"error": {"code": 504, "message": "Your request has timed out."}}')),
    "no jobId": answer(reply(b'{"jobStatus": "esriJobSubmitted"}')),
    "an empty jobId": answer(reply(b'{"jobId": "", "jobStatus": "esriJobSubmitted"}')),
    "a list": answer(reply(b"[1]")),
}
REFUSED = {
    "an Esri error 400": answer(reply(b'{"error": {"code": 400, "message": "Invalid parameters"}}')),
    "an Esri error 500": answer(reply(b'{"error": {"code": 500, "message": "No"}}')),
    "an Esri error 498": answer(reply(b'{"error": {"code": 498, "message": "Invalid token"}}')),
    "HTTP 413": answer(reply(b"<html>too large</html>", b"413 Payload Too Large")),
    "a redirect": answer(b"HTTP/1.1 302 Found\r\nLocation: https://else.where/\r\nContent-Length: 0\r\n\r\n"),
}


class Service(RawServer):
    """A GPServer on sockets: its descriptions, and ``posts`` that are read whole and answered by ``answers`` in turn."""

    def __init__(self, *answers, takes_key=False):
        super().__init__(self.respond)
        self.answers = list(answers)
        self.takes_key = takes_key
        self.posts = []

    def respond(self, connection, server):
        head = self.mine.head
        if head.startswith("POST"):
            start, _, rest = head.partition("\r\n\r\n")
            length = int(start.lower().partition("content-length: ")[2].split("\r\n")[0])
            body = rest.encode("latin-1")
            while len(body) < length:
                body += connection.recv(1 << 16)
            self.posts.append((start, body))
            (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(connection, server)
        elif "/Buffer?" in head or "/Buffer " in head:
            connection.sendall(reply(json.dumps(TASK).encode()))
        elif "/jobs/" in head:
            connection.sendall(reply(JOB))
        else:
            document = {"tasks": ["Buffer"], **({"takesIdempotencyKey": True} if self.takes_key else {})}
            connection.sendall(reply(json.dumps(document).encode()))

    def task(self, **options):
        return GPService(self.url, **options).task("Buffer")

    @property
    def keys(self):
        return [
            line.partition(": ")[2]
            for start, _ in self.posts
            for line in start.split("\r\n")
            if line.lower().startswith("x-idempotency-key:")
        ]


def submit(task, **more):
    return task.submit(inputLayer=POINT_LAYER, **more)


def warm(task):
    """Return a task that knows all descriptions, so that a submit is one POST."""
    task.info()
    task.service.described()
    return task


class TestWithoutAKey:
    @pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
    def test_a_lost_answer_is_told_with_where_to_look_and_nothing_is_sent_again(self, lost, monkeypatch):
        with Service(lost) as server:
            task = warm(server.task())
            if lost is silent:
                monkeypatch.setattr(deadline, "SILENCE_S", 1.0)
            with pytest.raises((errors.TransportError, errors.ProtocolError, errors.ServiceError)) as caught:
                submit(task)
            assert len(server.posts) == 1
            assert server.keys == []
        for words in (LOOK, "not sent again", "list of jobs", "spatial-widgets jobs", "portal"):
            assert words in str(caught.value)
        for words in ("Nothing was sent", "try again"):
            assert words not in str(caught.value)
        [past] = history.recent()
        assert (past.status, past.url, past.task) == ("submitting", None, "Buffer")

    def test_a_submit_where_another_error_is_handled_is_told_by_its_own(self):
        with Service(closed) as server:
            task = warm(server.task())
            try:
                requests.get("http://127.0.0.1:9/")  # nobody listens
            except requests.ConnectionError as error:
                outer = error
                with pytest.raises(errors.TransportError, match=LOOK) as caught:
                    submit(task)
        assert caught.value.sent
        assert "refused" not in str(caught.value)
        assert history.recent()[0].status == "submitting"
        assert outer.__traceback__
        assert outer.request

    @pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
    def test_a_refused_submit_is_no_doubt_and_leaves_no_trace(self, refused):
        with Service(refused) as server:
            with pytest.raises((errors.ServiceError, errors.ProtocolError)) as caught:
                submit(server.task(auth="token-1"))
            assert len(server.posts) == 1
        assert LOOK not in str(caught.value)
        assert history.recent() == []

    @pytest.mark.parametrize("status", ["", ', "jobStatus": null', ', "jobStatus": 5', ', "jobStatus": {}'])
    def test_an_answer_with_a_job_and_no_status_is_a_job(self, status):
        with Service(answer(reply(b'{"jobId": "j1"%s}' % status.encode()))) as server:
            job = submit(server.task())
        assert (job.job_id, job.status) == ("j1", sw.JobStatus.SUBMITTED)

    @pytest.mark.parametrize("where", ["wants", "hear"])
    @pytest.mark.parametrize("trouble", [RuntimeError, SystemExit])
    def test_whoever_listens_and_raises_does_not_cost_the_job(self, where, trouble, caplog):
        def stumble(_):
            raise trouble("out of order")

        heard = []
        with Service(answer(reply(JOB))) as server:
            task = warm(server.task())
            deaf = type("Deaf", (), {"wants": lambda *_: True, "hear": lambda *_: None})()
            setattr(deaf, where, stumble)
            task.session.listen(deaf)
            ear = type("Ear", (), {"wants": lambda *_: True, "hear": lambda _, told: heard.append(told)})()
            task.session.listen(ear)
            job = submit(task)
            assert job.refresh().job_id == job.job_id == "j1"
            assert len(server.posts) == 1
        assert [told.method for told in heard] == ["POST", "GET"]
        assert [told.method for told in job.submission] == ["POST"]
        assert history.recent()[0].job_id == "j1"
        assert "out of order" in caplog.text

    def test_a_history_that_stumbles_does_not_cost_the_job(self, monkeypatch):
        from spatial_widgets.client import traces

        def stumble(*_, **__):
            raise RuntimeError("out of order")

        with Service(answer(reply(JOB))) as server:
            task = warm(server.task())
            monkeypatch.setattr(traces.FILE, "write", stumble)
            assert submit(task).job_id == "j1"
            assert len(server.posts) == 1

    def test_an_interrupt_leaves_the_trace_and_says_so(self):
        app = ScriptedApp()
        app.answers["submitJob"] = [KeyboardInterrupt()]
        with pytest.raises(KeyboardInterrupt) as caught:
            app.submit()
        assert LOOK in caught.value.__notes__[0]
        assert history.recent()[0].status == "submitting"

    @pytest.mark.parametrize("when", ["after a refusal", "before it is sent"])
    @pytest.mark.parametrize("trouble", [RuntimeError, KeyboardInterrupt, errors.TransportError])
    def test_a_function_for_tokens_that_fails_leaves_no_trace_and_no_doubt(self, when, trouble):
        def tokens():
            if is_out_of_order:
                raise trouble("no more")
            return Token("token-1", expires=0) if when == "before it is sent" else "token-1"

        app, is_out_of_order = ScriptedApp(), []
        app.answers["submitJob"] = [error(498, "Invalid token.")]
        task = warm(app.service(auth=tokens).task("Buffer"))
        is_out_of_order.append(True)
        with pytest.raises(trouble, match="no more") as caught:
            submit(task)
        assert app.count("submitJob") == (when == "after a refusal")
        assert LOOK not in str(caught.value)
        assert not hasattr(caught.value, "__notes__")
        assert history.recent() == []


class TestBeforeAnythingIsSent:
    def check(self, url):
        service = GPService(url)
        task = service.task("Buffer")
        task._info = ScriptedApp().service().task("Buffer").info()
        with pytest.raises(errors.TransportError, match="Nothing was sent") as caught:
            submit(task)
        assert not caught.value.sent
        assert LOOK not in str(caught.value)
        assert history.recent() == []

    def test_a_refused_connection_says_so(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.check(f"http://127.0.0.1:{port}/arcgis/rest/services/x/GPServer")

    def test_an_unknown_host_says_so(self):
        self.check("http://no-such-host.invalid/arcgis/rest/services/x/GPServer")

    @pytest.mark.parametrize("hello", [answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reset, closed])
    def test_a_failed_tls_handshake_says_so(self, hello):
        def shake(connection, server):
            connection.recv(65536)
            hello(connection, server)

        with Handshakes(shake) as server:
            self.check(server.url.replace("http:", "https:"))

    def test_a_proxy_that_refuses_the_tunnel_says_so(self, monkeypatch):
        with RawServer(answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy:
            port = proxy.listener.getsockname()[1]
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
            self.check("https://gp.test/arcgis/rest/services/x/GPServer")
            assert all(head.startswith("CONNECT") for head in proxy.requests)


class Handshakes(RawServer):
    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            self.handle(connection, self)


class TestWithAKey:
    def service(self, *answers):
        return Service(*answers, takes_key=True)

    @pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
    def test_a_lost_answer_is_asked_for_again_with_the_same_key(self, lost, monkeypatch):
        with self.service(lost, answer(reply(JOB))) as server:
            task = warm(server.task())
            if lost is silent:
                monkeypatch.setattr(deadline, "SILENCE_S", 1.0)
            assert submit(task).job_id == "j1"
            assert len(server.posts) == 2
            assert server.posts[0][1] == server.posts[1][1]
            assert len(server.keys) == 2
            assert len(set(server.keys)) == 1
        [past] = history.recent()
        assert past.job_id == "j1"

    def test_each_submit_has_a_key_of_its_own_and_the_description_is_read_once(self):
        with self.service(answer(reply(JOB))) as server:
            task = server.task()
            for _ in range(3):
                submit(task)
            assert len(set(server.keys)) == 3
            assert all(len(key) >= 32 for key in server.keys)
            assert sum(head.startswith("GET") for head in server.requests) == 2

    def test_a_description_that_is_not_to_be_had_is_asked_for_once_and_no_key_is_sent(self):
        app = ScriptedApp()
        app.answers["GPServer"] = [error(403, "no")]
        task = app.service().task("Buffer")
        for _ in range(2):
            submit(task)
        assert app.count("GPServer") == 1
        assert not [a for a in app.asked if "X-Idempotency-Key" in a.headers]

    def ours(self, *answers):
        app = ScriptedApp()
        app.takes_key = True
        app.answers["submitJob"] = list(answers)
        return app

    def test_asking_again_is_bounded_and_backs_off(self):
        app, clock = self.ours(*[requests.ConnectionError("reset")] * 20), FakeClock()
        with pytest.raises(errors.TransportError, match="asked 5 times with one key") as caught:
            app.submit(clock=clock)
        assert LOOK in str(caught.value)
        assert "reuse=True" in str(caught.value)
        assert app.count("submitJob") == 5
        assert sorted(clock.waits) == clock.waits
        assert 8 < sum(clock.waits) < 20

    def test_asking_again_has_an_end_in_time(self):
        app, clock = self.ours(), FakeClock()

        class Slow(list):
            def pop(self, _=0):
                clock.time += 70
                return Raw("", 502)

        app.answers["submitJob"] = Slow([1])
        with pytest.raises(errors.TransportError, match="asked 3 times"):
            app.submit(clock=clock)
        assert app.count("submitJob") == 3

    def test_a_service_that_is_down_in_between_answers_later(self):
        refused = requests.ConnectionError("refused")
        app = self.ours(Raw("", 502), refused, error(503, "The service is stopping."))
        assert app.submit(clock=FakeClock()).job_id == app.job_id
        assert app.count("submitJob") == 4

    def test_the_first_failure_is_told_and_the_last_is_its_cause(self):
        app = self.ours(Raw("", 502), error(403, "no"))
        with pytest.raises(errors.TransportError, match="HTTP 502") as caught:
            app.submit(clock=FakeClock())
        assert isinstance(caught.value.__cause__, errors.AuthenticationError)
        assert history.recent()[0].status == "submitting"

    def test_a_refusal_of_the_parameters_ends_the_doubt(self):
        app = self.ours(Raw("", 502), error(400, "no"))
        with pytest.raises(errors.ServiceError, match="was not submitted"):
            app.submit(clock=FakeClock())
        assert history.recent() == []

    def test_a_refusal_at_once_is_not_asked_again(self):
        for answered in (error(400, "no"), error(503, "queue full"), error(500, "no")):
            app = self.ours(answered)
            with pytest.raises(errors.ServiceError, match="was not submitted"):
                app.submit(clock=FakeClock())
            assert app.count("submitJob") == 1


class Cutter(RawServer):
    """Passes requests on to a real service, and loses the answers to the first ``cuts`` submits."""

    def __init__(self, target, cuts):
        super().__init__(self.relay)
        self.port = int(target.split(":")[2].split("/")[0])
        self.url = target.replace(f":{self.port}/", f":{self.listener.getsockname()[1]}/")
        self.own = self.listener.getsockname()[1]
        self.cuts = cuts
        self.submits = 0

    def relay(self, connection, server):
        head, _, rest = self.mine.head.partition("\r\n\r\n")
        head = head.replace(f"127.0.0.1:{self.own}", f"127.0.0.1:{self.port}")
        head = "\r\n".join(line for line in head.split("\r\n") if not line.lower().startswith("connection:"))
        body = rest.encode("latin-1")
        length = int((head.lower() + "\r\n").partition("content-length: ")[2].split("\r\n")[0] or 0)
        while len(body) < length:
            body += connection.recv(1 << 16)
        with socket.create_connection(("127.0.0.1", self.port), 30) as upstream:
            upstream.sendall((head + "\r\nConnection: close\r\n\r\n").encode("latin-1") + body)
            answered = b"".join(iter(lambda: upstream.recv(1 << 16), b""))
        if "/submitJob" in head.split("\r\n")[0]:
            self.submits += 1
            if self.submits <= self.cuts:
                reset(connection, server)
                return
        connection.sendall(answered.replace(b"keep-alive", b"close"))


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    with sw.LocalService.start(store=tmp_path_factory.mktemp("store"), workers=1) as service:
        yield service


@pytest.mark.slow
class TestTheRealService:
    def jobs(self, local):
        with contextlib.closing(sqlite3.connect(local.store / "jobs.sqlite3")) as db:
            return [row[0] for row in db.execute("SELECT id FROM jobs ORDER BY seq")]

    def test_it_says_that_it_takes_keys(self, local):
        assert local.service().info().takes_idempotency_key

    def test_a_cut_answer_gives_the_caller_the_one_job(self, local):
        before = self.jobs(local)
        with Cutter(local.url, cuts=2) as proxy:
            job = GPService(proxy.url, auth=local.token).task("SlowTask").submit(seconds=0)
            assert proxy.submits == 3
            assert self.jobs(local) == [*before, job.job_id]
            job.wait(timeout=60)
        assert [p.job_id for p in history.recent()] == [job.job_id]

    def test_an_answer_that_stays_lost_is_asked_for_by_the_next_submit(self, local, monkeypatch):
        before = self.jobs(local)
        monkeypatch.setattr(submitting, "_AGAIN", RetryPolicy(attempts=2, first_s=0.01))
        with Cutter(local.url, cuts=2) as proxy:
            task = GPService(proxy.url, auth=local.token).task("SlowTask")
            with pytest.raises(errors.TransportError, match="reuse=True"):
                task.submit(seconds=0)
            job = task.submit(seconds=0, reuse=True)
            assert task.submit(seconds=0, reuse=True).job_id == job.job_id
        assert self.jobs(local) == [*before, job.job_id]

    def test_two_that_submit_at_once_with_reuse_make_one_job(self, local):
        before = self.jobs(local)
        found, together = [], threading.Barrier(4)

        def run():
            task = local.service().task("SlowTask")
            task.info()
            together.wait()
            found.append(task.submit(seconds=0.01, reuse=True).job_id)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(found) == 4
        assert self.jobs(local) == [*before, *set(found)]
        assert len(set(found)) == 1
