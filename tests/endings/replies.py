"""Endings by what a reply to a poll is: an Esri error in all its spellings, another HTTP status, an odd body."""

import json
import re

from endings.case import EXECUTING, SUCCEEDED, Case, goes_on, hard, soft
from endings.server import (
    TOKEN,
    endless,
    esri_error,
    gzip_bomb,
    gzipped,
    head,
    html,
    job,
    redirect,
    say,
    send,
    status,
)
from spatial_widgets import errors

WHOLE = json.dumps(job(EXECUTING)).encode()
DEEP = b'{"jobStatus": "esriJobExecuting", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LATIN = json.dumps(job(EXECUTING)).replace("[]", '["Stra\xdfe"]').encode("latin-1")
SPACES = b" " * 65536


def once(name, answer):
    """Return a case of an error that is final when it comes twice in a row, and comes but once."""
    return goes_on(name, status(EXECUTING), answer, status(EXECUTING), answer, status(SUCCEEDED))


def numbered_tokens():
    numbers = iter(range(9))
    return lambda: f"{TOKEN}-{next(numbers)}"


def renewal(*, works):
    """Return an answer that refuses the first token, or all of them."""

    def answer(connection, server):
        token = re.search(r"Bearer (\S+)", server.mine.asked.head)[1]
        refused = {"error": {"code": 498, "message": f"Invalid token {token}."}}
        return (status(SUCCEEDED) if works and token[-1] != "0" else say(refused))(connection, server)

    return answer


ERRORS = [
    once("error-400-once", say(esri_error(400))),
    hard("error-400", say(esri_error(400, "Unable to complete operation.")), errors.ServiceError, "error 400", "Unable to complete operation"),
    hard("error-401", say(esri_error(401)), errors.AuthenticationError, "error 401", "auth="),
    once("error-403-once", say(esri_error(403))),
    hard("error-403", say(esri_error(403)), errors.AuthenticationError, "error 403", "does not allow"),
    once("error-404-once", say(esri_error(404))),
    hard("error-404", say(esri_error(404)), errors.NotFound, "error 404"),
    hard("error-498", say(esri_error(498)), errors.AuthenticationError, "error 498", "expired", "auth=", most=2),
    goes_on("error-498-renewed", status(EXECUTING), renewal(works=True), auth=numbered_tokens, most=3),
    hard("error-498-renewed-in-vain", renewal(works=False), errors.AuthenticationError, "error 498", "auth=", auth=numbered_tokens),
    hard("error-499", say(esri_error(499)), errors.AuthenticationError, "error 499", "wants you to sign in", most=2),
    soft("error-500", say(esri_error(500)), "error 500"),
    soft("error-other-code", say(esri_error(1007)), "error 1007"),
    hard("error-code-as-text", say(esri_error("400")), errors.ServiceError, "error 400"),
    soft("error-code-missing", say({"error": {"message": "Something."}}), "Something."),
    soft("error-code-no-number", say(esri_error("GWM_0003")), "Something is wrong"),
    soft("error-code-endless", say(b'{"error": {"code": 1e999, "message": "Something is wrong."}}'), "Something is wrong"),
    hard("error-details-missing", say({"error": {"code": 400, "message": "Bare."}}), errors.ServiceError, "Bare."),
    hard("error-details-null", say(esri_error(400, details=None)), errors.ServiceError, "Something is wrong"),
    hard("error-details-text", say(esri_error(400, details="One line.")), errors.ServiceError, "One line."),
    hard("error-details-repeat", say(esri_error(400, "Same.", details=["Once.", "Once.", None, ""])), errors.ServiceError, "Same.", "Once."),
    hard("error-details-odd", say(esri_error(400, details=[{"a": 1}, 7])), errors.ServiceError, "7"),
    hard("error-message-missing", say({"error": {"code": 400}}), errors.ServiceError, "no message"),
    hard("error-message-odd", say({"error": {"code": 400, "message": ["x"]}}), errors.ServiceError, "x"),
    hard("error-message-code", say({"error": {"code": 403, "messageCode": "GWM_0003"}}), errors.AuthenticationError, "GWM_0003"),
    hard("error-extended-code", say(esri_error(400, extendedCode=-2147467259)), errors.ServiceError, "Something is wrong"),
    hard("error-status-failure", say({"status": "failure", "code": 400, "messages": ["No.", "Why."]}), errors.ServiceError, "No. Why."),
    soft("error-status-failed", say({"status": "failed", "statusMessage": '{"cause": "none"}'}), "cause"),
    soft("error-oauth", say({"error": "invalid_grant", "error_description": "expired"}), "expired"),
    soft("error-oauth-inside", say({"error": {"error": "invalid_request", "error_description": "nothing given"}}), "nothing given"),
    soft("error-null", say({"error": None}), "no jobStatus"),
    soft("error-empty", say({"error": {}}), "no message"),
    hard("error-with-terminal-codes", say(esri_error(400, "\x1b[31mred\x1b[0m \x9b2J half \ud83d pair")), errors.ServiceError, "red", "half \ufffd pair"),
    hard("error-of-5-mb", say(esri_error(400, "begin " + "x" * 5_000_000)), errors.ServiceError, "begin xxx", "characters in all"),
]  # fmt: skip

HTTP = [
    hard("http-400-esri", say(esri_error(400), 400), errors.ServiceError, "error 400"),
    hard("http-404-esri", say(esri_error(404), 404), errors.NotFound, "error 404"),
    soft("http-500-esri", say(esri_error(500), 500), "error 500"),
    soft("http-404-json", say({"detail": "not here"}, 404), "HTTP 404", "JSON without an Esri error"),
    soft("http-500-json", say({"detail": "oops"}, 500), "HTTP 500"),
    soft("http-200-json", say({"ok": True}), "no jobStatus"),
    soft("http-401-html", html("Who are you?", 401), "HTTP 401", "HTML"),
    soft("http-404-html", html("Not found", 404), "HTTP 404", "HTML"),
    soft("http-502-html", html("Bad gateway", 502), "HTTP 502", "try again later"),
    soft("http-503-empty", say(b"", 503), "HTTP 503"),
    soft("http-204", send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), "HTTP 204", "empty"),
    soft("http-429", html("Slow down", 429), "HTTP 429", "too many"),
    goes_on("http-429-retry-after", status(EXECUTING), html("Slow down", 429, Retry_After="1"), status(SUCCEEDED), check=lambda run: run.paused(1.0)),
    goes_on("http-200-retry-after", status(EXECUTING), say(job(EXECUTING), Retry_After="1"), status(SUCCEEDED), check=lambda run: run.paused(1.0)),
    soft("http-503-retry-after-odd", html("Busy", 503, Retry_After="Wed, 12 Jan 99999 10:00:00 GMT"), "HTTP 503"),
    soft("http-login-page", html("<form>Password <input type=password></form>"), "login page", "auth="),
    soft("http-captive-portal", redirect(lambda server: server.elsewhere.url.partition("/arcgis")[0] + "/welcome"), "HTML", "/welcome", "redirected", elsewhere=(html("Welcome to our network"),), check=lambda run: run.kept_the_token()),
]  # fmt: skip

BODIES = [
    soft("body-cut-short", send(head(Content_Length=9999) + WHOLE), "connection"),
    soft("body-chunks-cut", send(head(Transfer_Encoding="chunked") + b"40\r\n" + WHOLE[:30]), "connection"),
    soft("body-half", say(WHOLE[:30]), "whole JSON"),
    soft("body-empty", say(b""), "an empty body"),
    soft("body-spaces", say(b" \r\n "), "an empty body"),
    soft("body-not-utf-8", say(LATIN), "UTF-8"),
    goes_on("body-with-bom", say(b"\xef\xbb\xbf" + WHOLE), status(SUCCEEDED)),
    soft("body-list", say([1]), "no jobStatus"),
    soft("body-number", say(b"7"), "no jobStatus"),
    soft("body-null", say(b"null"), "no jobStatus"),
    soft("body-deep", say(DEEP), "whole JSON"),
    goes_on("body-wrong-content-type", say(WHOLE, Content_Type="text/html"), say(WHOLE, Content_Type=None), status(SUCCEEDED)),
    goes_on("body-gzip", gzipped(job(EXECUTING)), status(SUCCEEDED)),
    soft("body-gzip-damaged", gzipped(job(EXECUTING), damaged=True), "connection"),
    soft("body-gzip-bomb", gzip_bomb, "64 MB", within_s=60.0),
    soft("body-without-end", endless(head(Connection="close"), SPACES), "64 MB", within_s=60.0),
    soft("header-lines-without-end", endless(b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n" * 500), "headers"),
    soft("header-line-without-end", endless(b"HTTP/1.1 200 OK\r\nX-More: ", b"y" * 65536), "connection"),
    soft("not-http", send(b"SSH-2.0-OpenSSH_9.2\r\n"), "connection"),
]  # fmt: skip

CASES: list[Case] = [*ERRORS, *HTTP, *BODIES]
