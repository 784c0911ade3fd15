"""Endings by what a connection does."""

import socket
from dataclasses import replace

from endings.case import CONTACT, EXECUTING, HASTY, SUCCEEDED, goes_on, hard, soft
from endings.server import (
    JOB_ID,
    dripping,
    endless,
    esri_error,
    hang_up,
    head,
    html,
    job,
    redirect,
    reset,
    say,
    send,
    silent,
    status,
)
from spatial_widgets import errors

NOWHERE = "https://gp.invalid/arcgis/rest/services/x/GPServer"


def refused(server):
    """Return a URL on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}/arcgis/rest/services/x/GPServer"


def unreachable(name, *says, **more):
    """Return a case in which not one poll is answered."""
    more.setdefault("scripts", {})
    return soft(name, status(EXECUTING), *says, start=EXECUTING, soft=False, **more)


def kept(connection, server):
    """Answer, and close the connection only after that, as a server does that keeps connections for a while."""
    say(job(EXECUTING), keep=True)(connection, server)


def to_itself(server):
    return server.job_url


def proxy(server):
    address = "http://" + server.url.split("/")[2]
    return {"HTTP_PROXY": address, "http_proxy": address, "HTTPS_PROXY": address, "https_proxy": address}


def elsewhere(server):
    return f"{server.elsewhere.url}/Buffer/jobs/{JOB_ID}"


def redirect_without_end(connection, server):
    """Send on to another origin, in an answer whose body never ends."""
    start = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere(server)}\r\n\r\n".encode()
    endless(start, b" " * 65536)(connection, server)


def asleep(then):
    """Answer so after a sleep of three hours, which only the wall clock noticed."""

    def answer(connection, server):
        server.slept_s = 3 * 3600.0
        then(connection, server)

    return answer


WANTS_LOGIN = html("Proxy login", 407, Proxy_Authenticate="Basic")

CASES = [
    soft("connection-reset", reset, "connection failed"),
    soft("connection-closed-without-a-word", hang_up, "connection failed"),
    unreachable("connection-refused", "no connection", "Nothing was sent", where=refused),
    soft("connection-silent", silent(), "no whole answer within 0.6 s", contact=HASTY, start=EXECUTING),
    soft("connection-silent-in-mid-body", silent(head(Content_Length=500) + b'{"jobId'), "no whole answer within 0.6 s", contact=HASTY, start=EXECUTING),
    soft("connection-drips", dripping(head(Content_Length=5000)), "no whole answer within 0.6 s", contact=HASTY, start=EXECUTING),
    goes_on("connection-kept", say(job(EXECUTING), keep=True), say(job(EXECUTING), keep=True), status(SUCCEEDED), check=lambda run: run.never_failed()),
    goes_on("connection-kept-and-closed", kept, kept, kept, status(SUCCEEDED), check=lambda run: run.never_failed()),
    goes_on("laptop-slept", status(EXECUTING), reset, asleep(reset), reset, status(SUCCEEDED), sleeps=True, contact=replace(CONTACT, failures=3)),
    goes_on("redirect-elsewhere", status(EXECUTING), redirect(elsewhere, 307), elsewhere=(status(SUCCEEDED),), check=lambda run: run.kept_the_token()),
    goes_on("redirect-elsewhere-refused-once", status(EXECUTING), redirect(elsewhere), elsewhere=(say(esri_error(499, "Token Required")), status(SUCCEEDED)), most=3, check=lambda run: run.kept_the_token()),
    hard("redirect-elsewhere-refused", redirect(elsewhere), errors.AuthenticationError, "error 499", "redirected to", "its token is not sent", elsewhere=(say(esri_error(499, "Token Required")),), check=lambda run: run.kept_the_token()),
    goes_on("redirect-without-end", status(EXECUTING), redirect_without_end, elsewhere=(status(SUCCEEDED),), check=lambda run: run.kept_the_token()),
    soft("redirect-loop", redirect(to_itself), "more than 5 redirects", most=13, soft=False),
    soft("redirect-nowhere", redirect("http://[bad/"), "redirected"),
    soft("redirect-to-a-file", redirect("file:///etc/passwd"), "redirected"),
    unreachable("name-unknown", "no connection", "Nothing was sent", where=lambda server: NOWHERE),
    unreachable("name-server-silent", "no connection", "gp.invalid was not looked up within", "Nothing was sent", where=lambda server: NOWHERE, names_hang=True, contact=HASTY),
    unreachable("certificate-not-trusted", "certificate", "verif", "Nothing was sent", tls=True, check=lambda run: run.heard_nothing()),
    unreachable("proxy-wants-login", "HTTP 407", "proxy", most=6, where=lambda server: NOWHERE.replace("https", "http"), auth=lambda: None, environment=proxy, scripts={"poll": (WANTS_LOGIN,)}),
    unreachable("proxy-wants-login-tls", "407", "proxy", "Nothing was sent", where=lambda server: NOWHERE, environment=proxy, scripts={"other": (WANTS_LOGIN,)}),
    unreachable("not-a-tls-server", "TLS", "Nothing was sent", where=lambda server: server.url.replace("http", "https"), scripts={"other": (send(b"HTTP/1.1 400 Bad\r\n\r\n"),)}),
]  # fmt: skip
