"""The web around the core: who may ask, how much may be sent, and the socket. The only place with a web framework.

The kernel talks to this service, a browser never does: a request that carries ``Origin`` or
``Sec-Fetch-Site`` is refused, and no CORS header is ever sent.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import signal
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.routing import Route

from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Fault, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from spatial_widgets.server.core import GPCore

__all__ = ["Gate", "bind", "make_app", "serve"]

_LOG = logging.getLogger("spatial_widgets.server")
_METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_BROWSER_HEADERS = ("origin", "sec-fetch-site")
_DRAIN = 16


class Gate:
    """Who may ask: the right Host, no browser, the right token (None: anybody on this machine)."""

    def __init__(self, token: str | None, port: int) -> None:
        self._token = token
        self._hosts = {f"{name}:{port}" for name in _NAMES}

    def refuse_strangers(self, headers: Mapping[str, str]) -> None:
        """Raise a Fault for a foreign Host (DNS rebinding) or a request that a web page made."""
        if headers.get("host", "").lower() not in self._hosts:
            raise Fault(403, "This service answers under 127.0.0.1 and localhost only.")
        if any(name in headers for name in _BROWSER_HEADERS):
            raise Fault(403, "This service does not answer web pages.")

    def check_token(self, request: Request) -> Request:
        """Return the request without its token; raise a Fault when it is missing (499) or wrong (498)."""
        given = [value for name, value in request.form.items() if name.casefold() == "token" and value]
        for name in ("x-esri-authorization", "authorization"):
            scheme, _, value = request.headers.get(name, "").partition(" ")
            given += [value.strip()] if scheme.lower() == "bearer" and value.strip() else []
        bare = replace(
            request,
            form={name: value for name, value in request.form.items() if name.casefold() != "token"},
            headers={
                name: value for name, value in request.headers.items() if not name.endswith("authorization")
            },
        )
        if self._token is None or request.path.rstrip("/").lower() == "/health":
            return bare
        if not given:
            raise Fault(
                499,
                "Token Required",
                ["Send the service's token in the header X-Esri-Authorization: Bearer <token>."],
            )
        if not any(hmac.compare_digest(value.encode(), self._token.encode()) for value in given):
            raise Fault(
                498,
                "Invalid token.",
                ["The token is not this service's. A restarted service may have a new one."],
            )
        return bare


def make_app(
    core: GPCore, gate: Gate, *, limits: Limits | None = None, touched: Callable[[], None] = lambda: None
) -> Starlette:
    """Return the ASGI application; ``touched`` is called at each request."""
    bounds = limits or Limits()

    def answer(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            request = Request.build(method, url, body=body, headers=headers, limits=bounds)
        except ValueError as error:
            raise Fault(400, f"The request cannot be read: {error}.") from error
        return core.handle(gate.check_token(request))

    async def endpoint(web: WebRequest) -> WebResponse:
        touched()
        headers = {name.lower(): value for name, value in web.headers.items()}
        try:
            gate.refuse_strangers(headers)
            body = await _read(web, bounds.body_bytes)
            raw = web.scope.get("raw_path") or web.url.path.encode()
            url = f"{raw.decode('latin-1').partition('?')[0]}?{web.scope['query_string'].decode('latin-1')}"
            # Reading megabytes of form and waiting for the disk would hold up everybody else's polls.
            reply = await run_in_threadpool(answer, web.method, url, headers, body)
        except Fault as fault:
            status = fault.code if fault.code == 403 else 200
            reply = Response.error(fault.code, str(fault), fault.details, status=status)
        except ClientDisconnect:
            reply = Response.error(400, "The request was cut short.")
        except Exception:  # noqa: BLE001 -- whatever it is, the answer is an Esri error
            number = secrets.token_hex(4)
            _LOG.exception("error %s at %s", number, web.method)
            reply = Response.error(
                500, f"The service failed at this request; its log has more under error {number}."
            )
        return WebResponse(reply.body, reply.status, {"Cache-Control": "no-store"}, reply.content_type)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])


async def _read(web: WebRequest, most: int) -> bytes:
    chunks, size = [], 0
    async for chunk in web.stream():
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
        else:
            chunks.clear()
        # Read on for a while: a client that is still sending would see a broken pipe instead of the answer.
        if size > _DRAIN * most:
            break
    if size > most:
        raise Fault(
            413,
            f"The request is larger than the {most:,} bytes this service takes. Send fewer or simpler features.",
        )
    return b"".join(chunks)


def bind(port: int = 0) -> socket.socket:
    """Return a listening socket on loopback; port 0 takes a free one.

    Raises
    ------
    OSError : the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except BaseException:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """A server that, when told to stop, lets the jobs end first while clients can still ask."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- uvicorn's signature
        _LOG.info("%s: stopping", signal.Signals(sig).name)
        self.leave()

    def leave(self) -> None:
        if self._draining:
            return
        self._draining = True

        def end() -> None:
            try:
                self._drain()
            finally:
                self.should_exit = True

        threading.Thread(target=end, name="spatial-widgets-drain", daemon=True).start()


def serve(core: GPCore, listener: socket.socket, token: str | None, *, limits: Limits | None = None) -> None:
    """Serve until SIGTERM, SIGINT or long idleness; running jobs have ended when this returns.

    A token of None lets every process of this machine in.
    """
    bounds = limits or Limits()
    asked = [time.monotonic()]

    def touched() -> None:
        asked[0] = time.monotonic()

    app = make_app(core, Gate(token, listener.getsockname()[1]), limits=bounds, touched=touched)
    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # a query may carry a token
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config, core.supervisor.stop)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(min(60.0, bounds.idle_s / 4)):
            if time.monotonic() - asked[0] > bounds.idle_s and core.supervisor.live() == 0:
                _LOG.info("no request for %g s and no job: stopping", bounds.idle_s)
                server.leave()
                return

    watcher = threading.Thread(target=watch, name="spatial-widgets-idle", daemon=True)
    watcher.start()
    try:
        server.run(sockets=[listener])
    finally:
        ended.set()
        watcher.join(5.0)
        core.close()
