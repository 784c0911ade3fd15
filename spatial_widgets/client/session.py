"""The one place that speaks HTTP to a GPServer.

Time-outs always, a total deadline where asked for, retries for GET only, the token in a header and to its own
origin only, and never in what is shown.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from spatial_widgets.client.auth import TokenSource, mask, mask_bytes
from spatial_widgets.client.body import Body, multipart, urlencoded
from spatial_widgets.client.clock import SYSTEM_CLOCK
from spatial_widgets.client.deadline import POOL_CLASSES, SILENCE_S, Budget, deadline
from spatial_widgets.client.policy import RetryPolicy
from spatial_widgets.client.reply import ERROR_BODY_MAX, Reply, is_error_body, read_json, retry_after_s
from spatial_widgets.errors import (
    AuthenticationError,
    ParameterError,
    ProtocolError,
    ServiceError,
    SpatialWidgetsError,
    TransportError,
    TransportTimeout,
)
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from requests.adapters import BaseAdapter

    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.clock import Clock

__all__ = ["AuthBase", "GPSession"]

_CONNECT_S = 5.0
_REQUEST_S = 30.0
_ANSWER_S = 120.0
_CHUNK = 1 << 18
_STREAMED = 1 << 20
_STATUS_BODY_MAX = 64 << 20
_TOKEN_HEADER = "X-Esri-Authorization"  # noqa: S105 -- a header's name
_TOKEN_CODES = {498, 499}
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 5
_GATEWAY = {500, 502, 503, 504}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager


def _own_auth_only(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request  # keeps requests from looking into ~/.netrc


class GPSession:
    """Speaks to one service. Thread-safe: each thread has its own connections.

    Parameters
    ----------
    url : the service; the token goes to this origin only.
    auth : None, a token, a callable that returns one, or a ``requests.auth.AuthBase``.
    adapter : makes the ``requests`` transport adapter; tests put a program in the place of the network.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Any = None,
        adapter: Callable[[], BaseAdapter] = _Adapter,
        retry: RetryPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._home = origin(url)
        self._adapter = adapter
        self._retry = retry or RetryPolicy()
        self.clock = clock
        self._local = threading.local()
        self._secrets: set[str] = set()
        self._auth: AuthBase | None = None
        self._tokens: TokenSource | None = None
        if isinstance(auth, AuthBase):
            self._auth = auth
        elif isinstance(auth, str) or callable(auth):
            self._tokens = TokenSource(auth)
        elif auth is not None:
            raise ParameterError(
                f"auth must be a token (text), a function that returns one, or a requests AuthBase, got {type(auth).__name__}.",
                parameter="auth",
            )

    def __repr__(self) -> str:
        kind = "token" if self._tokens else "auth" if self._auth else "no auth"
        return f"<GPSession {self._home[0]}://{self._home[1]}:{self._home[2]}, {kind}>"

    def for_origin(self, url: str, *, auth: Any) -> GPSession:
        """Return a session like this one for another host, with its own auth."""
        return GPSession(url, auth=auth, adapter=self._adapter, retry=self._retry, clock=self.clock)

    def get_json(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        deadline_s: float | None = None,
        attempt_s: float | None = _REQUEST_S,
        retry: bool = True,
        max_bytes: int | None = _STATUS_BODY_MAX,
        digest: Callable[[Iterator[bytes]], bytes] | None = None,
    ) -> Any:
        """Return the JSON body of a GET (``f=json`` is added).

        ``deadline_s`` bounds the whole call: attempts, pauses and the making of a token. ``attempt_s``
        bounds each attempt within that; None bounds only silence, 60 s. With ``retry``, transport
        failures and gateway errors are asked again (see :class:`RetryPolicy`).

        ``digest`` is given the pieces of a body as they arrive, takes from them what it wants, and returns
        the text to be returned as JSON; it is called anew for each attempt.
        """
        attempts = self._retry.attempts if retry else 1
        query = {"f": "json", **(params or {})}
        budget = Budget(self.clock, deadline_s, attempt_s)
        for attempt in range(1, attempts + 1):
            try:
                return self._ask("GET", url, query, budget, digest or (lambda p: _joined(p, max_bytes, url)))
            except (TransportError, ServiceError) as error:
                fleeting = isinstance(error, TransportError) or error.code in _GATEWAY
                asked = getattr(error, "retry_after_s", None)
                pause_s, left_s = self._retry.pause_s(attempt, asked, random.uniform(-1, 1)), budget.left_s
                is_last = attempt == attempts or (left_s is not None and pause_s >= left_s)
                if not fleeting or is_last:
                    if isinstance(error, TransportError):
                        error.attempts = attempt
                    raise
                self._pause(pause_s)
        raise AssertionError  # the loop returns or raises

    def post_json(
        self,
        url: str,
        form: Mapping[str, FormValue],
        *,
        as_multipart: bool = False,
        deadline_s: float | None = None,
        answer_s: float = _ANSWER_S,
    ) -> Any:
        """Return the JSON body of one POST of a form (``f=json`` is added). It is never repeated.

        ``deadline_s`` bounds the whole call. Without it sending may take its time, and the answer must
        begin within 60 s of the end of sending, and be whole within ``answer_s`` of it.

        The one exception: a token refused with an Esri error body proves that nothing was done, so
        the request is sent once more with a renewed token. A large form is streamed.
        """
        body = (multipart if as_multipart else urlencoded)({"f": "json", **form})
        return self._post(url, body, Budget(self.clock, deadline_s, answer_s=answer_s))

    def post_file(self, url: str, path: Path) -> Any:
        """Return the JSON body of one POST of a file, as the field ``file``, streamed; repeated like :meth:`post_json`.

        Raises
        ------
        ParameterError : the file cannot be read; nothing was sent.
        """
        try:
            with path.open("rb"):
                body = multipart({"f": "json"}, file=path)
        except OSError as error:
            raise ParameterError(f"The file {str(path)!r} cannot be read: {error}.", value=path) from error
        return self._post(url, body, Budget(self.clock, None, answer_s=_ANSWER_S))

    def _post(self, url: str, body: Body, budget: Budget) -> Any:
        return self._ask("POST", url, body, budget, lambda p: _joined(p, _STATUS_BODY_MAX, url))

    def download(self, url: str) -> Iterator[bytes]:
        """Yield the body of a GET in chunks; used for files that results point to.

        Raises
        ------
        ServiceError : the body is an Esri error instead of the file, at any HTTP status. A refused
            token is renewed once.
        """
        token = self._current_token()
        for attempt in (1, 2):
            where = url
            try:
                response, where = self._send_following("GET", url, {}, None, token)
                with response:
                    start, rest = self._file(response, where)
                    yield start
                    yield from rest
            except AuthenticationError as error:
                token = self._renewed_token(error, url, token, Budget(self.clock, None))
                if token is None or attempt == 2:
                    raise
            except requests.RequestException as error:
                cause = self._without_secrets(error)
                raise self._transport_error("GET", where, error, Budget(self.clock, None)) from cause
            else:
                return

    def _file(self, response: requests.Response, url: str) -> tuple[bytes, Iterator[bytes]]:
        """Return the start of a file and the rest of it; raises where an error came in its place."""
        chunks = response.iter_content(_CHUNK)
        start = b""
        for chunk in chunks:
            start += chunk
            if len(start) > ERROR_BODY_MAX:
                break
        if response.status_code >= 400 or is_error_body(start):
            self._judge(Reply("GET", url, response.status_code, response.headers, start))
        return start, chunks

    def _judge(self, reply: Reply) -> Any:
        """Return the JSON of a reply, or raise the error that it is, without an echo of a token."""
        return read_json(replace(reply, body=mask_bytes(reply.body, self._secrets)))

    def mask_bytes(self, data: bytes) -> bytes:
        """Return a text of JSON with every token of this session replaced by ``***``."""
        return mask_bytes(data, self._secrets)

    def mask(self, text: str) -> str:
        """Return a text with every token of this session replaced by ``***``."""
        return mask(text, self._secrets)

    # ------------------------------------------------------------ one exchange

    def _ask(
        self,
        method: str,
        url: str,
        fields: Mapping[str, str] | Body,
        budget: Budget,
        digest: Callable[[Iterator[bytes]], bytes],
    ) -> Any:
        token = self._current_token(budget)
        try:
            return self._exchange(method, url, fields, token, budget, digest)
        except AuthenticationError as error:
            renewed = self._renewed_token(error, url, token, budget)
            if renewed is None:
                raise
            return self._exchange(method, url, fields, renewed, budget, digest)

    def _exchange(
        self,
        method: str,
        url: str,
        fields: Mapping[str, str] | Body,
        token: str | None,
        budget: Budget,
        digest: Callable[[Iterator[bytes]], bytes],
    ) -> Any:
        if budget.is_spent:
            raise TransportTimeout(f"{method} {url}: no time was left of {budget}.", method=method, url=url)
        at = budget.exchange_at()
        try:
            with deadline(at, budget.answer_s):
                response, url = self._send_following(method, url, fields, at, token)
                with response:
                    body = digest(_pieces(response, at))
            reply = Reply(method, url, response.status_code, response.headers, body)
            self._local.retry_after_s = retry_after_s(response.headers)
        except requests.RequestException as error:
            raise self._transport_error(method, url, error, budget) from self._without_secrets(error)
        return self._judge(reply)

    @property
    def last_retry_after_s(self) -> float | None:
        """``Retry-After`` of this thread's last answer, in seconds."""
        return getattr(self._local, "retry_after_s", None)

    def _send_following(
        self, method: str, url: str, fields: Mapping[str, str] | Body, at: float | None, token: str | None
    ) -> tuple[requests.Response, str]:
        query: Mapping[str, str] | Body | None = fields
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send(method, url, query, at, token)
            if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                return response, url
            target = self.mask(urljoin(response.url, response.headers["Location"]))
            response.close()
            if method != "GET":
                raise ProtocolError(
                    f"{method} {url} was redirected to {target.split('?', 1)[0]}, which is not followed: nothing was done. "
                    "If you trust that address, use it as the service's URL.",
                    url=url,
                    status=response.status_code,
                )
            url = target if "?" in target else target.split("#", 1)[0]
            query = None if "?" in target else fields
        raise ProtocolError(f"{method} {url}: more than {_MAX_REDIRECTS} redirects.", url=url)

    def _send(
        self,
        method: str,
        url: str,
        fields: Mapping[str, str] | Body | None,
        at: float | None,
        token: str | None,
    ) -> requests.Response:
        fresh = method == "POST"  # a kept connection may be dead, and a POST is not sent twice
        session = self._new_session() if fresh else self._thread_session()
        request = requests.Request(method, url, auth=_own_auth_only)
        if isinstance(fields, Body):
            fields.rewind()
            request.headers["Content-Type"] = fields.content_type
            # requests passes on what it can read, with a Content-Length; a small body is no work either way.
            request.data = fields if len(fields) > _STREAMED else fields.read()
        else:
            request.params = dict(fields or {})
        prepared = session.prepare_request(request)
        self._authorize(prepared, token)
        if fresh:
            prepared.headers["Connection"] = "close"
        settings = session.merge_environment_settings(prepared.url, {}, True, None, None)
        if origin(url)[1] in _LOOPBACK:
            settings["proxies"] = {}
        left = SILENCE_S if at is None else max(0.05, at - time.monotonic())
        return session.send(
            prepared,
            allow_redirects=False,
            timeout=(min(_CONNECT_S, left), min(SILENCE_S, left)),
            **settings,
        )

    def _authorize(self, prepared: requests.PreparedRequest, token: str | None) -> None:
        if origin(str(prepared.url)) != self._home:
            return
        if token:
            prepared.headers[_TOKEN_HEADER] = f"Bearer {token}"
        elif self._auth is not None:
            before = dict(prepared.headers)
            prepared.prepare_auth(self._auth, str(prepared.url))
            for name, value in prepared.headers.items():
                if before.get(name) != value and "authorization" in name.casefold():
                    self._secrets.add(str(value).rpartition(" ")[2])

    def _current_token(self, budget: Budget | None = None) -> str | None:
        if self._tokens is None:
            return None
        token = self._tokens.token(budget.left_s if budget else None)
        self._secrets.add(token)
        return token

    def _renewed_token(
        self, error: AuthenticationError, url: str, refused: str | None, budget: Budget
    ) -> str | None:
        """Return another token after a refusal, or None where there is none to be had."""
        if error.code not in _TOKEN_CODES or self._tokens is None or origin(url) != self._home:
            return None
        renewed = self._tokens.renew(refused or "", budget.left_s)
        if renewed is not None:
            self._secrets.add(renewed)
        return renewed

    def _transport_error(
        self, method: str, url: str, error: Exception, budget: Budget
    ) -> SpatialWidgetsError:
        reason = self.mask(_root(error))
        if isinstance(error, requests.exceptions.ConnectTimeout) or _is_unsent(error):
            text = f"{method} {url}: no connection ({reason}). Nothing was sent. Is the address right, and the server running?"
            kind = (
                TransportTimeout if isinstance(error, requests.exceptions.ConnectTimeout) else TransportError
            )
            return kind(text, method=method, url=url)
        if isinstance(error, requests.exceptions.Timeout) or "timed out" in reason or "deadline" in reason:
            return TransportTimeout(
                f"{method} {url}: no whole answer within {budget}.", method=method, url=url
            )
        return TransportError(f"{method} {url}: the connection failed ({reason}).", method=method, url=url)

    def _without_secrets(self, error: Exception) -> Exception:
        """Return the cause to show: the error itself, or its masked text where a token is anywhere in it."""
        text = " ".join(str(cause) for cause in _chain(error))
        return error if self.mask(text) == text else requests.RequestException(self.mask(str(error)))

    # ------------------------------------------------------------ connections

    def _thread_session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
        return session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.headers["Accept"] = "application/json, */*"
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._adapter())
        return session

    def _pause(self, seconds: float) -> None:
        condition = threading.Condition()
        with condition:
            self.clock.wait(condition, seconds)


def _pieces(response: requests.Response, at: float | None) -> Iterator[bytes]:
    """Yield a body as it arrives; raises where it comes too slowly or is cut short."""
    received = 0
    for piece in response.iter_content(_CHUNK):
        received += len(piece)
        yield piece
        if at is not None and time.monotonic() > at:
            raise requests.exceptions.ReadTimeout("the request's deadline passed")
    expected = response.headers.get("Content-Length", "")
    if expected.isdigit() and not response.headers.get("Content-Encoding") and received < int(expected):
        raise requests.exceptions.ContentDecodingError(f"got {received} of {expected} bytes")


def _joined(pieces: Iterator[bytes], max_bytes: int | None, url: str) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if max_bytes is not None and len(body) > max_bytes:
            raise ProtocolError(
                f"{url} gave more than {max_bytes >> 20} MB where a short answer was expected.", url=url
            )
    return bytes(body)


def _is_unsent(error: BaseException) -> bool:
    """Whether the connection itself could not be made, so that the server saw nothing."""
    return any(
        type(cause).__name__ in {"NewConnectionError", "NameResolutionError"} for cause in _chain(error)
    )


def _root(error: BaseException) -> str:
    return str(list(_chain(error))[-1]) or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        cause = cause.__cause__ or (inner if isinstance(inner, BaseException) else None) or cause.__context__
