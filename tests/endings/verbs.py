"""Endings of what else is asked of a service: a result, a cancel, a submit."""

import socket

from fakes import POINT_LAYER, TASK

from endings.case import EXECUTING, SUCCEEDED, Case, fetch
from endings.server import (
    endless,
    esri_error,
    hang_up,
    head,
    html,
    job,
    redirect,
    result,
    say,
    send,
    silent,
    status,
)
from spatial_widgets import errors

CANCELLING, CANCELLED = "esriJobCancelling", "esriJobCancelled"
REFUSED = say(esri_error(400, "Invalid or missing input parameters."))
ROWS = b'{"attributes": {"n": 1}, "geometry": {"x": 1, "y": 2}},' * 2000
LAYER = b'{"paramName": "bufferLayer", "dataType": "GPFeatureRecordSetLayer", "value": {"geometryType": "esriGeometryPoint", "spatialReference": {"wkid": 4326}, "fields": [{"name": "n", "type": "esriFieldTypeInteger"}], "features": ['
ELSEWHERE = "/arcgis/rest/services/x/GPServer/a/b/c/d/e/f"


def linked(name, path, *, raises=None, says=(), **more):
    """Return a case of a job whose link to its result is this, or what a function makes of the server."""

    def done(connection, server):
        where = path(server) if callable(path) else path
        return say({**job(SUCCEEDED), "results": {"bufferLayer": {"paramUrl": where}}})(connection, server)

    return fetch(name, None, raises, *says, scripts={"poll": (done,), "result": (result(POINT_LAYER),), "other": (result(POINT_LAYER),)}, **more)  # fmt: skip


def cancelling(name, *polls, answers, raises=None, ends=SUCCEEDED, says=(), most=1, **more):
    """Return a case of a job that somebody cancels; ``most`` is of requests to cancel."""
    return Case(name=name, act="cancel", scripts={"poll": polls, "cancel": answers}, raises=raises, ends=ends, says=says, most=most, **more)  # fmt: skip


def then_gone(connection, server):
    """Describe the task, and listen no more."""
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    say(TASK)(connection, server)


def submitting(name, answer, raises, *says, task=None, most=1, **more):
    """Return a case of a submit that is not answered with a job; it is sent exactly ``most`` times."""
    scripts = {"submitJob": (answer,), "task": (task or say(TASK),)}
    return Case(name=name, act="submit", scripts=scripts, raises=raises, says=says, most=most, **more)  # fmt: skip


RESULTS = [
    fetch("result-here", result(POINT_LAYER), None),
    fetch("result-without-link", None, None, scripts={"poll": (status(SUCCEEDED),), "task": (say(TASK),)}),
    fetch("result-of-no-outputs", None, None, scripts={"poll": (status(SUCCEEDED),)}, most=0),
    fetch("result-none-there", None, errors.ServiceError, "error 400", "asks again", scripts={"poll": (status(SUCCEEDED),), "task": (say(TASK),), "result": (say(esri_error(400, "Unable to complete operation.")),)}),
    fetch("result-400", say(esri_error(400)), errors.ServiceError, "error 400", "asks again"),
    fetch("result-404", say(esri_error(404)), errors.NotFound, "error 404"),
    fetch("result-498", say(esri_error(498)), errors.AuthenticationError, "error 498", "Job.from_url("),
    fetch("result-500", say(esri_error(500)), errors.ServiceError, "error 500", "asks again", most=3),
    fetch("result-502", html("Bad gateway", 502), errors.TransportError, "HTTP 502", "asks again", most=3),
    fetch("result-html", html("Sorry"), errors.ProtocolError, "HTML", "asks again"),
    fetch("result-no-value", say({"paramName": "bufferLayer"}), errors.ProtocolError, "no value"),
    fetch("result-cut-short", send(head(Content_Length=10**9) + LAYER + ROWS), errors.TransportError, "connection", "asks again", most=3),
    fetch("result-without-end", endless(head() + LAYER, ROWS), errors.WaitTimeout, "did not arrive within 1 s", "goes on", timeout=1.0),
    fetch("result-silent", silent(head() + LAYER), errors.WaitTimeout, "did not arrive within 1 s", "goes on", timeout=1.0),
    linked("result-link-elsewhere", lambda server: f"{server.elsewhere.url}/Buffer/jobs/x/results/y", elsewhere=(result(POINT_LAYER),), most=0, check=lambda run: run.kept_the_token()),
    linked("result-link-to-another-path", ELSEWHERE, most=0),
    linked("result-link-to-a-file", "file:///etc/passwd", raises=errors.ProtocolError, says=("file:///etc/passwd",), most=0),
    linked("result-link-broken", "http://[bad/", raises=errors.ProtocolError, says=("address",), most=0),
]  # fmt: skip

CANCELS = [
    cancelling("cancel-accepted", status(CANCELLING), status(CANCELLED), answers=(status(CANCELLING),), raises=errors.JobCancelled, ends=CANCELLED, shows=CANCELLING, says=("Submit again",), runs=True),
    cancelling("cancel-refused-while-submitted", status("esriJobSubmitted"), status("esriJobWaiting"), status(CANCELLED), answers=(REFUSED, status(CANCELLING)), raises=errors.JobCancelled, ends=CANCELLED, says=("Submit again",), most=2),
    cancelling("cancel-refused-as-it-ended", status(SUCCEEDED), answers=(REFUSED,)),
    cancelling("cancel-answer-lost", status(EXECUTING), answers=(hang_up,), raises=errors.TransportError, ends=EXECUTING, runs=True, start=EXECUTING, says=("may still run", "job.cancel() asks again")),
    cancelling("cancel-404", status(EXECUTING), answers=(say(esri_error(404)),), raises=errors.NotFound, ends=EXECUTING, runs=True, start=EXECUTING, says=("error 404", "may still run", "job.cancel() asks again")),
    cancelling("cancel-html", status(EXECUTING), answers=(html(),), raises=errors.ProtocolError, ends=EXECUTING, runs=True, start=EXECUTING, says=("HTML", "may still run", "job.cancel() asks again")),
    cancelling("cancel-redirected", status(EXECUTING), answers=(redirect(lambda s: s.elsewhere.url),), raises=errors.ProtocolError, ends=EXECUTING, runs=True, start=EXECUTING, elsewhere=(html(),), says=("redirected", "may still run", "job.cancel() asks again"), check=lambda run: run.asked_nobody_else()),
    cancelling("cancel-too-late", status(CANCELLING), status(SUCCEEDED), answers=(status(CANCELLING),)),
    cancelling("cancelling-for-ever", status(CANCELLING), answers=(status(CANCELLING),), raises=errors.WaitTimeout, ends=CANCELLING, timeout=0.3, runs=True, says=("still Cancelling", "goes on")),
]  # fmt: skip

SUBMITS = [
    submitting("submit-answer-lost", hang_up, errors.TransportError, "may have accepted", runs=True),
    submitting("submit-refused", say(esri_error(400, "Invalid layer.")), errors.ServiceError, "was not submitted", "Invalid layer."),
    submitting("submit-no-connection", hang_up, errors.TransportError, "Nothing was sent", task=then_gone, most=0),
    submitting("submit-redirected", redirect(lambda s: s.elsewhere.url), errors.ProtocolError, "redirected", "nothing was done", elsewhere=(html(),), check=lambda run: run.asked_nobody_else()),
    submitting("submit-html", html("Welcome"), errors.ProtocolError, "HTML", runs=True),
    submitting("submit-without-job-id", say({"jobStatus": "esriJobSubmitted"}), errors.ProtocolError, "no jobId", runs=True),
]  # fmt: skip

CASES = [*RESULTS, *CANCELS, *SUBMITS]
