"""The layer around the web application that misbehaves as :mod:`.faults` decides; and tokens that expire."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus
from spatial_widgets.server import documents
from spatial_widgets.server.faults import Decider, Fate, Faults, Graveyard, job_in, kind_of, truncated
from spatial_widgets.server.wire import Fault, Request, Response

if TYPE_CHECKING:
    from spatial_widgets.server.faults import Instead

__all__ = ["FaultLayer", "TokenBook"]

_LOG = logging.getLogger("spatial_widgets.server.faults")
_FORM_BYTES = 64 * 1024
_DRIPS = 8

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_INSTEAD: Mapping[Instead, Response] = {
    "500": Response.error(500, "The service failed on purpose.", status=500),
    "502": Response(_PAGE.format("502 Bad Gateway").encode(), 502, "text/html"),
    "page": Response(_PAGE.format("Down for maintenance").encode(), 200, "text/html"),
    "empty": Response(b"", 200),
    "429": Response.error(429, "Too many requests.", status=429),
}


class TokenBook:
    """Which tokens are good: each for a number of seconds, and of requests. The first is the service's own."""

    def __init__(self, own: str, faults: Faults, *, clock: Callable[[], float] = time.time) -> None:
        self._password = own
        self._faults = faults
        self._clock = clock
        self._good: dict[str, list[float]] = {}

    def issue(self, password: str) -> dict[str, Any]:
        """Return the answer of generateToken: a new token for whoever knows the service's own.

        Raises
        ------
        Fault : the password is another.
        """
        if not hmac.compare_digest(password.encode(), self._password.encode()):
            raise Fault(400, "Unable to generate token.", ["Invalid username or password specified."])
        token = secrets.token_urlsafe(32)
        until = self._clock() + self._faults.token_s
        self._good[token] = [until, self._faults.token_requests]
        return {"token": token, "expires": int(until * 1000), "ssl": False}

    def accepts(self, token: str) -> bool:
        """Count a request, and return whether its token is still good. The service's own begins to run at its first."""
        if hmac.compare_digest(token.encode(), self._password.encode()):
            self._good.setdefault(token, [self._clock() + self._faults.token_s, self._faults.token_requests])
        left = self._good.get(token)
        if left is None or self._clock() >= left[0] or left[1] <= 0:
            return False
        left[1] -= 1
        return True


class FaultLayer:
    """An ASGI application around another one.

    Parameters
    ----------
    refuse_strangers : raises a Fault for requests that nobody may make, as the gate of the application does.
    """

    def __init__(
        self,
        app: App,
        faults: Faults,
        *,
        refuse_strangers: Callable[[str, Mapping[str, str]], object] = lambda *_: None,
        tokens: TokenBook | None = None,
    ) -> None:
        self._app = app
        self._faults = faults
        self._refuse_strangers = refuse_strangers
        self._tokens = tokens
        self._decider = Decider(faults)
        self._gone = Graveyard(faults.purge_s) if "purged" in faults.rates else None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        kind = kind_of(path)
        if kind == "token" and self._tokens is not None:
            await _answer(send, await self._sign_in(self._tokens, scope, receive))
            return
        fate = self._decider.fate(kind)
        if fate != Fate():
            _LOG.info("%s: %s %r", fate, scope["method"][:20], path[:200])
        await asyncio.sleep(fate.wait_s)
        if fate.instead:
            await _read(receive, None)
            await self._instead(fate.instead, receive, send)
            return
        job = job_in(path)
        if self._gone is not None and job is not None and self._gone.holds(job, time.monotonic()):
            _LOG.info("gone: job %s", job)
            await _answer(send, Response.error(404, f"The job {job} is gone: its results were cleaned away."))
            return
        is_end_told = self._gone is not None and kind == "job" and job is not None
        if not (fate.drip_s or fate.cut or fate.truncate or is_end_told):
            await self._app(scope, receive, send)
            return
        start, body = await self._heard(scope, receive)
        if is_end_told and job is not None:
            self._note_end(job, body)
        if fate.truncate:
            body = _without_rows(body)
        await _play(fate, start, body, receive, send)

    async def _instead(self, instead: Instead, receive: Receive, send: Send) -> None:
        if instead == "reset":
            await _hang_up(receive, send, reset=True)
            return
        headers = {"Retry-After": str(self._faults.retry_after_s)} if instead == "429" else {}
        await _answer(send, _INSTEAD[instead], headers)

    async def _heard(self, scope: MutableMapping[str, Any], receive: Receive) -> tuple[Message, bytes]:
        """Return the application's own answer."""
        said: list[Message] = []

        async def hear(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, hear)
        return said[0], b"".join(message.get("body", b"") for message in said[1:])

    def _note_end(self, job: str, body: bytes) -> None:
        try:
            status = JobStatus.parse(str(json.loads(body)["jobStatus"]))
        except (ValueError, KeyError, TypeError):
            return
        if status.is_terminal and self._gone is not None:
            self._gone.tell(job, time.monotonic())

    async def _sign_in(
        self, tokens: TokenBook, scope: MutableMapping[str, Any], receive: Receive
    ) -> Response:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        try:
            self._refuse_strangers(scope["method"], headers)
            if scope["path"].rstrip("/").lower().endswith("/rest/info"):
                return Response.of(_site(headers.get("host", ""), self._faults))
            return Response.of(tokens.issue(await _password(scope, headers, receive)))
        except Fault as fault:
            return Response.error(
                fault.code, str(fault), fault.details, status=403 if fault.code == 403 else 200
            )


async def _password(scope: MutableMapping[str, Any], headers: Mapping[str, str], receive: Receive) -> str:
    if scope["method"] != "POST":
        raise Fault(405, "Ask for a token with POST, so that the password is in no URL.")
    body = await _read(receive, _FORM_BYTES)
    try:
        return Request.build("POST", scope["path"], body=body, headers=headers).option("password")
    except ValueError as error:
        raise Fault(400, f"The request cannot be read: {error}.") from error


def _site(host: str, faults: Faults) -> dict[str, Any]:
    site = documents.site(is_anonymous=False)
    site["authInfo"] |= {
        "tokenServicesUrl": f"http://{host}/arcgis/tokens/",
        "shortLivedTokenValidity": faults.token_s / 60,
    }
    return site


def _without_rows(body: bytes) -> bytes:
    try:
        return json.dumps(truncated(json.loads(body)), separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return body


async def _read(receive: Receive, most: int | None) -> bytes:
    """Return a request's body, or the end of the part of it that may be kept; all of it is taken from the wire."""
    kept = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return kept
        if most is not None and len(kept) <= most:
            kept += message.get("body", b"")
        if not message.get("more_body"):
            break
    if most is not None and len(kept) > most:
        raise Fault(413, f"The form is larger than {most:,} bytes.")
    return kept


async def _answer(send: Send, response: Response, headers: Mapping[str, str] | None = None) -> None:
    told = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        "Cache-Control": "no-store",
    }
    lines = [(name.encode(), value.encode()) for name, value in (told | dict(headers or {})).items()]
    await send({"type": "http.response.start", "status": response.status, "headers": lines})
    await send({"type": "http.response.body", "body": response.body})


async def _play(fate: Fate, start: Message, body: bytes, receive: Receive, send: Send) -> None:
    """Send an answer in the way that its fate is."""
    headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
    if fate.cut:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await _hang_up(receive, send, reset=False)
        return
    size = max(1, -(-len(body) // _DRIPS)) if fate.drip_s else max(1, len(body))
    for at in range(0, len(body), size):
        await send({"type": "http.response.body", "body": body[at : at + size], "more_body": True})
        await asyncio.sleep(fate.drip_s / _DRIPS)
    await send({"type": "http.response.body", "body": b""})


async def _hang_up(receive: Receive, send: Send, *, reset: bool) -> None:
    """Close the connection under the server's hands: ASGI has no word for it, the server's own object has."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:  # another server: it closes when an application ends without an answer
        return
    if reset:
        plug = transport.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
