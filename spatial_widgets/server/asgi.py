"""The web around the core: who may ask, how much may be sent, and the socket. The only place with a web framework.

Clients talk to this service, web pages never do: what a script, a frame, a form or another site's link sends
is refused by its ``Origin`` and ``Sec-Fetch-…`` headers, and no CORS header is ever sent. A person who types an
address into a browser gets a page to read. It is long since nothing else may import a web framework.
"""

from __future__ import annotations

import functools
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
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.responses import StreamingResponse

from spatial_widgets.server.faultlayer import FaultLayer, TokenBook
from spatial_widgets.server.htmlpage import explanation
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Fault, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from starlette.types import ASGIApp, Receive, Scope, Send

    from spatial_widgets.server.core import GPCore
    from spatial_widgets.server.faults import Faults

__all__ = ["Gate", "bind", "make_app", "serve"]

_LOG = logging.getLogger("spatial_widgets.server")
_ACCESS = logging.getLogger("spatial_widgets.server.access")
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_TYPED = {"none", "same-origin"}
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_DRAIN = 16
_BLOCK = 1 << 18


class Gate:
    """Who may ask: the right Host, no web page, the right token (None: anybody on this machine)."""

    def __init__(self, token: str | None, port: int, *, accepts: Callable[[str], bool] | None = None) -> None:
        self._token = token
        self._accepts = accepts or self._is_own
        self._hosts = {f"{name}:{port}" for name in _NAMES}

    def refuse_strangers(self, method: str, headers: Mapping[str, str]) -> bool:
        """Return whether a person opened this address in a browser.

        Raises
        ------
        Fault : a foreign Host (DNS rebinding), or a request that a web page made.
        """
        if headers.get("host", "").lower() not in self._hosts:
            raise Fault(403, "This service answers under 127.0.0.1 and localhost only.")
        no_pages = Fault(403, "This service does not answer web pages.")
        if "origin" in headers or self._is_referred(headers.get("referer", "")):
            raise no_pages
        # Browsers send it always. Node's own fetch sends Sec-Fetch-Mode alone, and is no browser.
        if "sec-fetch-site" not in headers:
            return False
        # An address that was typed, or a link between our own pages; no script, frame, form or other site.
        typed = (
            method in {"GET", "HEAD"}
            and headers.get("sec-fetch-site") in _TYPED
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest", "document") == "document"
        )
        if not typed:
            raise no_pages
        return True

    def _is_referred(self, referer: str) -> bool:
        """Whether a web page elsewhere led here; browsers too old for Sec-Fetch say it in no other way."""
        scheme, colon, rest = referer.partition("://")
        return (
            bool(colon)
            and scheme.lower() in {"http", "https"}
            and rest.split("/")[0].lower() not in self._hosts
        )

    @property
    def is_anonymous(self) -> bool:
        """Whether no token is asked for."""
        return self._token is None

    def _is_own(self, token: str) -> bool:
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

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
        if not any(map(self._accepts, given)):
            raise Fault(
                498,
                "Invalid token.",
                ["The token is not this service's. A restarted service may have a new one."],
            )
        return bare


def make_app(
    core: GPCore,
    gate: Gate,
    *,
    limits: Limits | None = None,
    touched: Callable[[], None] = lambda: None,
    access_log: bool = False,
) -> ASGIApp:
    """Return the ASGI application; ``touched`` is called at each request, ``access_log`` writes a line for each."""
    bounds = limits or Limits()

    def answer(
        method: str, url: str, headers: Mapping[str, str], body: bytes, *, is_navigation: bool
    ) -> Response:
        try:
            request = Request.build(method, url, body=body, headers=headers, limits=bounds)
        except ValueError as error:
            raise Fault(400, f"The request cannot be read: {error}.") from error
        return core.handle(replace(gate.check_token(request), is_navigation=is_navigation))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Not a starlette route: those answer a path with a line break in it with a plain text of their own.
        if scope["type"] != "http":
            return
        web = WebRequest(scope, receive)
        touched()
        began = time.monotonic()
        reply = await safely(web)
        if access_log:
            # Neither query nor body: a token may be in them.
            seconds = time.monotonic() - began
            _ACCESS.info("%s %r %d %.3f s", web.method[:20], web.scope["path"][:300], reply.status, seconds)
        headers = {**_PAGE_HEADERS, **reply.headers}
        if reply.file is None:
            await WebResponse(reply.body, reply.status, headers, reply.content_type)(scope, receive, send)
            return
        with reply.file:
            blocks = iter(functools.partial(reply.file.read, _BLOCK), b"")
            await StreamingResponse(blocks, reply.status, headers, reply.content_type)(scope, receive, send)

    async def safely(web: WebRequest) -> Response:
        headers = {name.lower(): value for name, value in web.headers.items()}
        try:
            is_navigation = gate.refuse_strangers(web.method, headers)
            if is_navigation and not gate.is_anonymous:
                return explanation()
            body = await _read(web, bounds.body_bytes)
            raw = web.scope.get("raw_path") or web.url.path.encode()
            url = f"{raw.decode('latin-1').partition('?')[0]}?{web.scope['query_string'].decode('latin-1')}"
            # Reading megabytes of form and waiting for the disk would hold up everybody else's polls.
            ask = functools.partial(answer, is_navigation=is_navigation)
            return await run_in_threadpool(ask, web.method, url, headers, body)
        except Fault as fault:
            status = fault.code if fault.code == 403 else 200
            return Response.error(fault.code, str(fault), fault.details, status=status)
        except ClientDisconnect:
            return Response.error(400, "The request was cut short.")
        except Exception:  # noqa: BLE001 -- whatever it is, the answer is an Esri error
            number = secrets.token_hex(4)
            _LOG.exception("error %s at %s", number, web.method)
            return Response.error(
                500, f"The service failed at this request; its log has more under error {number}."
            )

    return app


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
    # asyncio sets TCP_NODELAY only where the protocol is named; without it each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def serve(
    core: GPCore,
    listener: socket.socket,
    token: str | None,
    *,
    limits: Limits | None = None,
    access_log: bool = False,
    faults: Faults | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or long idleness; running jobs have ended when this returns.

    A token of None lets every process of this machine in. With ``faults`` it misbehaves on purpose.
    """
    bounds = limits or Limits()
    asked = [time.monotonic()]

    def touched() -> None:
        asked[0] = time.monotonic()

    tokens = None
    if faults is not None and token is not None and "expiring-token" in faults.rates:
        tokens = TokenBook(token, faults)
    gate = Gate(token, listener.getsockname()[1], accepts=tokens.accepts if tokens else None)
    app = make_app(core, gate, limits=bounds, touched=touched, access_log=access_log)
    if faults is not None:
        app = FaultLayer(app, faults, refuse_strangers=gate.refuse_strangers, tokens=tokens)
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
