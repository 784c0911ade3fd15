"""What an HTTP reply says: the JSON of a GPServer, or which error it is. No I/O."""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import AuthenticationError, NotFound, ProtocolError, ServiceError, TransportError
from spatial_widgets.protocol.plain import plain
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ERROR_BODY_MAX", "Reply", "connection_hint", "is_error_body", "read_json", "retry_after_s"]

ERROR_BODY_MAX = 1 << 16  # an error in the place of a file is short

_AUTHENTICATION = {401, 403, 498, 499}
_HOW = (
    "auth=UserLogin('name', getpass.getpass), auth=AppLogin('client id', 'client secret', portal='https://…'), both from "
    "spatial_widgets.client, or auth='a token or API key'"
)
_NEXT_STEP = {
    401: f"Sign in: {_HOW}.",
    403: "The token is valid but does not allow this; ask the service's owner.",
    404: "Check the URL and the names in it.",
    498: f"The token is invalid or has expired. Sign in anew, or with what renews itself: {_HOW}.",
    499: f"The service wants you to sign in: {_HOW}.",
}
_BAD_REQUEST, _WANTS_LOGIN, _PROXY_WANTS_LOGIN, _TOO_MANY, _SERVER_FAULT = 400, 401, 407, 429, 500
_PROXY_LOGIN = "a proxy on the way wants a login: give name and password in the proxy's address, in HTTPS_PROXY or HTTP_PROXY."
_HINTS = {
    "CERTIFICATE_VERIFY_FAILED": "The server's certificate could not be verified. If it is the right server, "
    "let REQUESTS_CA_BUNDLE name a file with the certificate of its issuer.",
    "WRONG_VERSION_NUMBER": "The server does not speak TLS there. Does the address begin with http://, or have another port?",
    "Tunnel connection failed: 407": f"A{_PROXY_LOGIN[1:]}",
}
# Every escape of a JSON text, so that an escaped backslash is not taken for the start of one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)",
    re.DOTALL,
)
_MAY_BE_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = 6  # the length of the escape of one half of a surrogate pair
_ANSWERS = {"jobStatus", "paramName", "tasks", "parameters", "results"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, its body read."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    asked: str = ""  # what was asked for, where a redirect led elsewhere

    @property
    def where(self) -> str:
        """The question, and where it led, as the start of a sentence."""
        if self.asked in {"", self.url}:
            return f"{self.method} {self.url}"
        return f"{self.method} {self.asked} was redirected to {self.url}, which"

    @property
    def is_elsewhere(self) -> bool:
        """Whether another origin answered."""
        return bool(self.asked) and origin(self.asked) != origin(self.url)

    @property
    def question(self) -> str:
        """The same, as the end of a sentence."""
        led = "" if self.asked in {"", self.url} else f", redirected to {self.url}"
        return f"{self.method} {self.asked or self.url}{led}"


def read_json(reply: Reply) -> Any:
    """Return the body as JSON.

    Raises
    ------
    ServiceError : the body is an Esri error, whatever the HTTP status. (AuthenticationError, NotFound)
    TransportError : HTTP 5xx or 429 without an Esri body.
    ProtocolError : HTML, nothing, cut short, not UTF-8, or another HTTP status that is not success.
    """
    try:
        document = json.loads(_with_whole_characters(reply.body).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _unreadable(reply, error) from error
    fault = _fault(document)
    if fault is not None:
        raise _service_error(reply, *fault)
    if reply.status >= _BAD_REQUEST:
        raise _unreadable(reply, None)
    return document


def _with_whole_characters(body: bytes) -> bytes:
    """Return a JSON text in which each half of a surrogate pair alone is U+FFFD; no UTF-8 could carry it on."""
    if _MAY_BE_HALF.search(body) is None:
        return body

    def mended(escape: re.Match[bytes]) -> bytes:
        found = escape[0]
        return rb"\ufffd" if len(found) == _HALF else found

    return _ESCAPE.sub(mended, body)


def is_error_body(body: bytes) -> bool:
    """Whether the start of a file, or all of it, is an Esri error and nothing else.

    Stricter than :func:`read_json`, as a file may be any JSON: one ``error`` object with a numeric code
    and a message or details.
    """
    if len(body) > ERROR_BODY_MAX or not body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return False
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    error = document.get("error") if document.keys() == {"error"} else None
    return (
        isinstance(error, dict)
        and _code(error.get("code")) is not None
        and {"message", "details"} & error.keys() != set()
    )


def _fault(document: Any) -> tuple[int | None, str, list[str]] | None:
    """Return ``(code, message, details)`` of an error body in any of its spellings, or None."""
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    if isinstance(error, dict):
        details = error.get("details")
        lines = [details] if isinstance(details, str) else details if isinstance(details, list) else []
        lines = [*lines, *_oauth_words(error)]
        code = error.get("code")
        text = error.get("message") or error.get("messageCode")
        return _code(code), str(text or ""), [str(line) for line in lines if line]
    if isinstance(error, str):
        return _code(document.get("code")), "", _oauth_words(document)
    if (
        str(document.get("status")).casefold() in {"error", "failure", "failed"}
        and not _ANSWERS & document.keys()
    ):
        messages = document.get("messages")
        lines = [str(line) for line in messages] if isinstance(messages, list) else []
        text = document.get("message") or document.get("statusMessage") or (lines or [""])[0]
        return _code(document.get("code")), str(text), lines[1:]
    return None


def _oauth_words(error: dict[str, Any]) -> list[str]:
    """Return what OAuth 2.0 says of an error, https://datatracker.ietf.org/doc/html/rfc6749#section-5.2 ."""
    word, description = error.get("error"), error.get("error_description")
    return [str(description)] * bool(description) + [f"({word})"] * bool(word)


def _code(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _service_error(reply: Reply, code: int | None, message: str, details: list[str]) -> ServiceError:
    kind = ServiceError
    if code in _AUTHENTICATION:
        kind = AuthenticationError
    elif code == 404:
        kind = NotFound
    lines = [line for line in (message.strip(), *(line.strip() for line in details)) if line]
    said = plain(" ".join(dict.fromkeys(lines or ["no message"])))
    number = "an error without a code" if code is None else f"error {code}"
    parts = [f"The service answered {number} to {reply.question}: {said}"]
    if code in _NEXT_STEP:
        parts.append(_NEXT_STEP[code])
    return kind(
        "\n".join(parts),
        code=code,
        details=details,
        url=reply.url,
        retry_after_s=retry_after_s(reply.headers),
        is_elsewhere=reply.is_elsewhere,
    )


def _unreadable(reply: Reply, error: Exception | None) -> TransportError | ProtocolError:
    if reply.status >= _SERVER_FAULT or reply.status == _TOO_MANY:
        why = (
            "These are too many requests at once for the server, or a proxy before it"
            if reply.status == _TOO_MANY
            else "The server, or a proxy before it, is in trouble"
        )
        later = "; try again later" if reply.method == "GET" else ""  # what was posted may have been done
        return TransportError(
            f"{reply.where} gave HTTP {reply.status} and no readable error. {why}{later}.",
            method=reply.method,
            url=reply.url,
            status=reply.status,
            retry_after_s=retry_after_s(reply.headers),
        )
    start = reply.body[:4000].decode("utf-8", "replace").strip()
    return ProtocolError(
        f"{reply.where} gave HTTP {reply.status} and {_what(reply, start, error)}",
        url=reply.url,
        excerpt=start,
        status=reply.status,
    )


def _what(reply: Reply, start: str, error: Exception | None) -> str:
    """Return what a body is that is no JSON of a GPServer, and what may be done about it."""
    if reply.status == _PROXY_WANTS_LOGIN:
        return _PROXY_LOGIN
    if not start:
        return "an empty body"
    if start[:1] == "<":
        if reply.is_elsewhere:
            return "HTML: this may be the page of a network or a portal that wants a login first; open it in a browser."
        if any(word in start.casefold() for word in ("password", "sign in", "login", "log in")):
            return "a login page (HTML): the service needs a token, pass auth=…"
        if reply.status == _WANTS_LOGIN:
            return "HTML: the service, or what stands before it, wants a login; pass auth=…"
        return "HTML: is this the address of a GPServer?"
    if error is None:
        return "JSON without an Esri error"
    if isinstance(error, UnicodeDecodeError):
        return f"text that is not UTF-8 ({error.reason} at byte {error.start:,})"
    return f"something that is not whole JSON ({error})"


def connection_hint(reason: str) -> str:
    """Return what may be done about the reason why a connection failed, or nothing."""
    return next((hint for sign, hint in _HINTS.items() if sign in reason), "")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After`` header, given as a number or a date; None without a usable one.

    A date is compared with the server's own, where the answer has it, as this machine's clock may be wrong.
    """
    text = headers.get("Retry-After")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until, now = _moment(text), _moment(headers.get("Date"))
        if until is None:
            return None
        seconds = until - (time.time() if now is None else now)
    return None if math.isnan(seconds) else max(0.0, seconds)


def _moment(text: str | None) -> float | None:
    """Return the seconds since 1970 of an HTTP date, or None."""
    try:
        parsed = email.utils.parsedate_tz(text or "")
        return None if parsed is None else float(email.utils.mktime_tz(parsed))
    except (ValueError, OverflowError):  # a date that no calendar has
        return None
