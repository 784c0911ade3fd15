"""Each rule of the chaos test can be broken: a client with one defect, a few jobs, and the rule that finds it."""

import contextlib
import logging
import random
import socket
import threading
import warnings
from urllib.parse import urlsplit

import pytest
import requests
from chaos import crowd
from chaos.lives import options
from chaos.run import chaos
from chaos.server import ROOT, Request, Server

from spatial_widgets.client import GPSession, GPTask, Job, schedule
from spatial_widgets.client.policy import ContactPolicy, Severity
from spatial_widgets.client.results import Results
from spatial_widgets.errors import ServiceError, SpatialWidgetsError, TransportError
from spatial_widgets.protocol import JobInfo, JobMessage, JobStatus

CALM = {"lives": {"usual": 1}, "odd": 0, "revoke": 0, "close": 0}


def run(jobs=10, *, rates=None, idle_s=5, **settings):
    quiet = dict.fromkeys(["poll", "submit", "cancel", "result", "task"], 0)
    settings = {**CALM, "rates": quiet | (rates or {}), **settings}
    return chaos(1, jobs, idle_s=idle_s, **settings)


def test_a_good_client_breaks_no_rule(capfd):
    outcome = run(20, capture=capfd.readouterr, rates={"poll": 0.1, "submit": 0.2})
    assert outcome.broken == []
    assert "20 jobs" in outcome.summary


def resent(submit):
    def again(task, **parameters):
        try:
            return submit(task, **parameters)
        except SpatialWidgetsError:
            return submit(task, **parameters)

    return again


def invented(submit):
    def made_up(task, **parameters):
        try:
            return submit(task, **parameters)
        except SpatialWidgetsError:
            return Job(task, JobInfo("j1", JobStatus.SUBMITTED))

    return made_up


@pytest.mark.parametrize("defect", [resent, invented])
def test_a_lost_answer_to_a_submission_that_the_caller_does_not_hear_of_is_found(monkeypatch, defect):
    monkeypatch.setattr(GPTask, "submit", defect(GPTask.submit))
    assert "submits" in run(4, rates={"submit": 1}, kinds={"submit": ["reset after headers"]}).rules


def test_a_server_fault_taken_for_the_end_is_found(monkeypatch):
    sort = schedule.severity
    hasty = lambda error: Severity.FINAL if isinstance(error, ServiceError) else sort(error)  # noqa: E731
    monkeypatch.setattr(schedule, "severity", hasty)
    outcome = run(
        rates={"poll": 0.5}, kinds={"poll": ["error 500 in 200"]}, uses={"wait": 1, "subscriber": 1}
    )
    assert outcome.rules == {"ends"}


def test_a_contact_given_up_too_early_is_found(monkeypatch):
    monkeypatch.setattr(crowd, "CONTACT", ContactPolicy(failures=1, silence_s=0.0))
    outcome = run(rates={"poll": 0.5}, kinds={"poll": ["HTTP 502"]}, uses={"wait": 1, "widget": 1})
    assert outcome.rules == {"ends"}


@pytest.mark.parametrize(
    ("said", "shown", "rule"),
    [("esriJobFailed", "esriJobTimedOut", "ends"), ("esriJobWaiting", "esriJobSuspended", "words")],
)
def test_a_status_that_the_server_never_said_is_found(monkeypatch, said, shown, rule):
    read = JobInfo.from_json.__func__

    def misread(cls, document, **named):
        if document.get("jobStatus") == said:
            document["jobStatus"] = shown
        return read(cls, document, **named)

    monkeypatch.setattr(JobInfo, "from_json", classmethod(misread))
    assert rule in run(20).rules


def test_two_polls_of_one_job_at_once_are_found(monkeypatch):
    def ask(job):
        with contextlib.suppress(SpatialWidgetsError):
            job.session.get_json(job.url, retry=False)

    def twice(job, **named):
        other = threading.Thread(target=ask, args=(job,))
        other.start()
        try:
            return refresh(job, **named)
        finally:
            other.join()

    refresh = Job.refresh
    monkeypatch.setattr(Job, "refresh", twice)
    assert "overlaps" in run(odd=1, uses={"wait": 1}).rules


def test_somebody_elses_result_is_found(monkeypatch):
    load = Results.load
    monkeypatch.setattr(Results, "load", lambda *a, **named: load(*a, **named).assign(n=-1))
    assert run(uses={"result": 1, "widget": 1}).rules == {"results"}


def test_a_result_that_fails_without_the_servers_doing_is_found(monkeypatch):
    load, failed = Results.load, set()

    def unlucky(results, *given, **named):
        if id(results) not in failed:
            failed.add(id(results))
            raise TransportError("the connection failed ([Errno 104] Connection reset by peer)")
        return load(results, *given, **named)

    monkeypatch.setattr(Results, "load", unlucky)
    assert run(4, uses={"result": 1}).rules == {"results"}


def test_a_thread_that_stays_is_found(monkeypatch):
    over, live = threading.Event(), crowd.Crowd.run
    thread = threading.Thread(target=over.wait, name="spatial-widgets-forgotten", daemon=True)
    monkeypatch.setattr(crowd.Crowd, "run", lambda self: (thread.start(), live(self)))
    try:
        assert run(2, idle_s=0.5).rules == {"threads"}
    finally:
        over.set()


def test_a_socket_that_stays_open_is_found(monkeypatch):
    kept, submit = [], GPTask.submit

    def forgetful(task, **parameters):
        kept.append(socket.create_connection(("127.0.0.1", urlsplit(task.url).port)))
        return submit(task, **parameters)

    monkeypatch.setattr(GPTask, "submit", forgetful)
    assert run(2, idle_s=0.5).rules == {"sockets", "files"}
    for each in kept:
        each.close()


def test_a_thread_that_an_error_ended_is_found(monkeypatch):
    live = crowd.Crowd.run

    def fragile(self):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        live(self)

    monkeypatch.setattr(crowd.Crowd, "run", fragile)
    assert run(2).rules == {"thread ended"}


LOGGER = logging.getLogger("spatial_widgets.somewhere")


@pytest.mark.parametrize(
    ("deed", "rules"),
    [
        (LOGGER.debug, {"token in log"}),
        (LOGGER.error, {"token in log", "error in log"}),
        (print, {"token in printed"}),
        (warnings.warn, {"token in warnings", "warning"}),
    ],
)
def test_a_token_that_is_told_is_found(monkeypatch, capfd, deed, rules):
    with_every_request(monkeypatch, lambda _request, token: deed(token))
    assert run(2, capture=capfd.readouterr).rules == rules


def with_every_request(monkeypatch, deed):
    """Have ``deed(request, token)`` done before each request goes out; return the tokens seen."""
    send, tokens = requests.Session.send, []

    def sends(session, request, **named):
        tokens.append(request.headers.get("X-Esri-Authorization", "").removeprefix("Bearer ") or tokens[-1])
        deed(request, tokens[-1])
        return send(session, request, **named)

    monkeypatch.setattr(requests.Session, "send", sends)
    return tokens


def test_a_token_in_an_error_is_found(monkeypatch):
    tokens, get = with_every_request(monkeypatch, lambda *_: None), GPSession.get_json

    def talkative(session, *given, **named):
        try:
            return get(session, *given, **named)
        except ServiceError as error:
            error.add_note(f"That was with {tokens[-1]}.")
            raise

    monkeypatch.setattr(GPSession, "get_json", talkative)
    assert run(1, rates={"task": 1}, kinds={"task": ["error 500 in 200"]}).rules == {"token in texts"}


def test_a_token_in_a_widget_is_found(monkeypatch):
    tokens = with_every_request(monkeypatch, lambda *_: None)
    monkeypatch.setattr(
        JobMessage, "from_json", lambda _document: JobMessage("esriJobMessageTypeWarning", tokens[-1])
    )
    assert run(10, uses={"widget": 1}).rules == {"token in texts"}


def test_a_token_in_a_request_line_is_found(monkeypatch):
    def tell(request, token):
        request.url += f"{'&' if '?' in request.url else '?'}token={token}"

    with_every_request(monkeypatch, tell)
    assert "token at main" in run(2).rules


def test_a_token_at_another_origin_is_found(monkeypatch):
    def everywhere(request, token):
        request.headers["X-Esri-Authorization"] = f"Bearer {token}"

    with_every_request(monkeypatch, everywhere)
    outcome = run(rates={"poll": 0.5}, kinds={"poll": ["redirect elsewhere"]})
    assert outcome.rules == {"token at foreign"}


class Line:
    poll = None


def test_the_same_seed_decides_the_same_in_whatever_order_requests_come():
    def answers(order):
        server = Server({**options('{"seed": 7, "jobs": 30, "secret": "s"}'), "revoke": 0, "close": 0})
        server.ports = {"main": 1, "foreign": 2}
        numbers = [n for n in range(30) for _ in range(12)]
        order.shuffle(numbers)
        given = {}
        for number in numbers:
            path = f"{ROOT}/Chaos/jobs/{server.jobs[number].job_id}?f=json"
            request = Request(
                f"GET {path} HTTP/1.1\r\nX-Esri-Authorization: Bearer s/0001".encode(), b"", "main"
            )
            given.setdefault(number, []).append(server.answer(request, Line()))
        return given

    assert answers(random.Random(1)) == answers(random.Random(2))
