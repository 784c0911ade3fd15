"""The one place that speaks HTTP to a GPServer.

Time-outs always, a total deadline where asked for, retries for GET only, the token in a header and to its own
origin only, and never in what is shown. It is longer than the modules around it since nothing else may import
requests: what needs none of it stands in those.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import DecodeError

from spatial_widgets.client.access import Access
from spatial_widgets.client.auth import Login, Token
from spatial_widgets.client.clock import SYSTEM_CLOCK
from spatial_widgets.client.conversation import Conversation
from spatial_widgets.client.deadline import POOL_CLASSES, SILENCE_S, Budget, deadline, died_connecting
from spatial_widgets.client.failures import chain, frameless, is_unsent, root, unsent, without_frames
from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.login import Pass, Same
from spatial_widgets.client.plainhttp import warn_if_plain
from spatial_widgets.client.policy import RetryPolicy
from spatial_widgets.client.question import Question
from spatial_widgets.client.reply import ERROR_BODY_MAX, Reply, connection_hint, is_error_body, retry_after_s
from spatial_widgets.client.secret import Secrets
from spatial_widgets.client.signs import signs
from spatial_widgets.client.surroundings import Surroundings
from spatial_widgets.client.unpacking import unpacked
from spatial_widgets.errors import (
    AuthenticationError,
    ParameterError,
    ProtocolError,
    TransportError,
    TransportTimeout,
)
from spatial_widgets.protocol.plain import plain
from spatial_widgets.protocol.urls import origin, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from requests.adapters import BaseAdapter

    from spatial_widgets.client.clock import Clock

__all__ = ["AuthBase", "GPSession"]

_CONNECT_S = 5.0
_STREAMED = 1 << 20
_TOKEN_HEADER = "X-Esri-Authorization"  # noqa: S105 -- a header's name
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 5


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Leave redirects to us: requests reads all of a redirect's body, be it without end, to tell where it leads."""


class _Connections(threading.local):
    """What a thread keeps open, for all sessions with tokens: a thousand of them must not hold a thousand sockets."""

    def __init__(self) -> None:
        self.adapter = _Adapter()


def _own_auth_only(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request  # keeps requests from looking into ~/.netrc


class GPSession(Conversation):
    """Speaks to one service. Thread-safe: each thread has its own connections.

    A pickle holds neither tokens nor passwords, nor the adapter and clock; used, it says to sign in again. A
    copy is the same session.

    Parameters
    ----------
    url : the service; the token goes to this origin only.
    auth : what to sign in with, see :mod:`spatial_widgets.client.auth`.
    adapter : makes the ``requests`` transport adapter; tests put a program in the place of the network.
    masked : further secrets to be kept out of what is shown.

    Raises
    ------
    ParameterError : ``auth`` is nothing that signs in.

    Warns
    -----
    UserWarning : with ``auth``, where the address is plain http and not this machine; once per origin.
    """

    _connections = _Connections()

    def __init__(
        self,
        url: str,
        *,
        auth: Any = None,
        adapter: Callable[[], BaseAdapter] = _Adapter,
        retry: RetryPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        masked: Secrets | None = None,
    ) -> None:
        #: What signs in: a login, a ``requests`` auth object, or None.
        self.auth = auth = _known(auth)
        self._url = url
        self._home = origin(url)
        self._adapter = adapter
        login = auth if isinstance(auth, Login) else None
        super().__init__(
            Access(url, login, self._anonymous),
            Secrets(*(known for known in (masked, login and login.secrets) if known)),
            retry=retry or RetryPolicy(),
            clock=clock,
        )
        self._surroundings = Surroundings(
            lambda url: requests.Session().merge_environment_settings(url, {}, True, None, None)
        )
        renewed_after_fork(self)
        if auth is not None:
            warn_if_plain(url)

    def forget_connections(self) -> None:
        """Use new ones from now on; those in use are closed after that."""
        self._local = threading.local()
        GPSession._connections = _Connections()

    after_fork = forget_connections  # they are the parent's

    def __repr__(self) -> str:
        kind = "no auth" if self.auth is None else "token" if isinstance(self.auth, Login) else "auth"
        return f"<GPSession {self._home[0]}://{self._home[1]}:{self._home[2]}, {kind}>"

    def __getstate__(self) -> dict[str, Any]:
        auth = Token.signed_out() if isinstance(self.auth, AuthBase) else self.auth
        return {"url": self._url, "auth": auth, "retry": self._retry}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __copy__(self) -> GPSession:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> GPSession:
        return self

    @property
    def identity(self) -> Hashable:
        """What two sessions have in common that speak in the same way, and sign in as the same."""
        who = self.auth.identity if isinstance(self.auth, Login) else Same(self.auth)
        return type(self), who, self._adapter, Same(self.clock)

    def for_origin(self, url: str, *, auth: Any) -> GPSession:
        """Return a session like this one for another host, with its own auth."""
        return GPSession(
            url,
            auth=auth,
            adapter=self._adapter,
            retry=self._retry,
            clock=self.clock,
            masked=self._secrets,
        )

    def toward(self, url: str, *, token: str = "", deadline_s: float | None = None) -> GPSession:
        """Return the session to read with what a result points to.

        With ``token``, which the result brought along for it, that one; else this one at its own origin; else
        one with this session's login where that covers the other origin; else this one, which sends nothing there.
        At most one GET, to ask the other server, of at most ``deadline_s``.
        """
        login = self._tokens.login
        if token:
            own, token = Token(token, in_body=login is not None and login.in_body), ""
            return self.for_origin(url, auth=own)
        if origin(url) == self._home or not self._tokens.covers(url, deadline_s):
            return self
        return self.for_origin(url, auth=login)

    def _anonymous(self, url: str) -> GPSession:
        return self.for_origin(url, auth=None)

    def download(self, url: str) -> Iterator[bytes]:
        """Yield the body of a GET in chunks; used for files that results point to.

        Raises
        ------
        ServiceError : the body is an Esri error instead of the file, at any HTTP status. A refused
            token is renewed once.
        """
        question, budget, outer = Question(url, {}), Budget(self.clock, None), sys.exception()
        shown = self._current_token(budget)
        for attempt in (1, 2):
            where = url
            try:
                response, where = self._send_following(question, None, shown)
                with response:
                    start, rest = self._file(response, where, url)
                    yield start
                    yield from rest
            except AuthenticationError as error:
                shown = self._tokens.renewed(error, shown, budget)
                if shown is None or attempt == 2:
                    self._tokens.explain(error, url, budget)
                    raise
            except requests.RequestException as error:
                failure = self._failure("GET", where, error, budget, outer)
                break
            else:
                return
        raise failure

    def _file(self, response: requests.Response, url: str, asked: str) -> tuple[bytes, Iterator[bytes]]:
        """Return the start of a file and the rest of it; raises where an error came in its place."""
        chunks = _unpacked(response)
        start = b""
        for chunk in chunks:
            start += chunk
            if len(start) > ERROR_BODY_MAX:
                break
        if response.status_code >= 400 or is_error_body(start):
            start = self.mask_bytes(start)
            self._judge(Reply("GET", url, response.status_code, response.headers, start, asked))
        return start, chunks

    # ------------------------------------------------------------ one exchange

    def _exchange(
        self,
        question: Question,
        shown: Pass | None,
        budget: Budget,
        digest: Callable[[Iterator[bytes]], bytes],
    ) -> Reply:
        method, url, outer = question.method(shown), question.url, sys.exception()
        if budget.is_spent:
            raise TransportTimeout(
                f"{method} {url}: no time was left of {budget}. Nothing was sent.",
                method=method,
                url=url,
                sent=False,
            )
        at = budget.exchange_at()
        try:
            with deadline(at, budget.answer_s):
                response, url = self._send_following(question, at, shown)
                with response:
                    body = digest(_pieces(response, at))
        except requests.RequestException as error:
            failure = self._failure(method, url, error, budget, outer)
        else:
            self._local.retry_after_s = retry_after_s(response.headers)
            return Reply(method, url, response.status_code, response.headers, body, question.url)
        raise failure  # out here, so that it does not drag the error along that it stands for

    def _send_following(
        self, question: Question, at: float | None, shown: Pass | None
    ) -> tuple[requests.Response, str]:
        asked = question
        for _ in range(_MAX_REDIRECTS + 1):
            with frameless():
                try:
                    response = self._send(asked, at, shown)
                except requests.RequestException:
                    raise
                except ValueError as error:  # urllib3, of a host's name that cannot be one
                    raise self._nowhere(asked, shown, error) from None
            if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                return response, asked.shown
            response.close()
            try:
                target = self.mask(resolve(asked.url, response.headers["Location"]))
            except ValueError as error:
                raise self._nowhere(asked, shown, error) from None
            if question.is_write or (question.stays and origin(target) != self._home):
                raise ProtocolError(
                    f"{question.method(shown)} {question.url} was redirected to {target.split('?', 1)[0]}, which is not followed: "
                    "nothing was done. If you trust that address, use it instead.",
                    url=question.url,
                    status=response.status_code,
                )
            asked = asked.at(target)
        raise ProtocolError(
            f"{question.method(shown)} {question.url}: more than {_MAX_REDIRECTS} redirects.",
            url=question.url,
        )

    def _nowhere(self, asked: Question, shown: Pass | None, error: ValueError) -> ProtocolError:
        where = plain(self.mask(str(error)))
        return ProtocolError(
            f"{asked.method(shown)} {asked.shown} was redirected to where nobody can follow: {where}.",
            url=asked.shown,
        )

    def _send(self, question: Question, at: float | None, shown: Pass | None) -> requests.Response:
        is_home = origin(question.url) == self._home
        shown = shown if is_home else None
        # A kept connection may be dead, and a write is not sent twice.
        session = self._new_session(self._adapter()) if question.is_write else self._thread_session()
        content: dict[str, Any] = {"headers": dict(session.headers)}
        body = question.body(shown)
        if body is None:
            content["params"] = dict(question.fields)
        else:
            content["headers"].update(body.headers)
            # requests passes on what it can read, with a Content-Length; a small body is no work either way.
            content["data"] = body if len(body) > _STREAMED else body.read()
        prepared = requests.PreparedRequest()
        prepared.prepare(
            question.method(shown), question.url, auth=_own_auth_only, cookies=session.cookies, **content
        )
        if is_home:
            self._authorize(prepared, shown)
        else:
            prepared.headers.pop("Cookie", None)  # cookies know no ports, and some servers put tokens in them
        if question.is_write:
            prepared.headers["Connection"] = "close"
        left = SILENCE_S if at is None else max(0.05, at - time.monotonic())
        before = dict(prepared.headers) if is_home and isinstance(self.auth, AuthBase) else None
        response = session.send(
            prepared,
            allow_redirects=False,
            timeout=(min(_CONNECT_S, left), min(SILENCE_S, left)),
            **self._surroundings.settings(question.url),
        )
        if before is not None:  # an auth object may have answered a challenge
            self._secrets.sign(signs(before, response.request.headers))
        return response

    def _authorize(self, prepared: requests.PreparedRequest, shown: Pass | None) -> None:
        if shown is not None:
            if shown.referer is not None:
                prepared.headers["Referer"] = shown.referer
            if shown.token is not None and not shown.in_body:
                prepared.headers[_TOKEN_HEADER] = f"Bearer {shown.token.reveal()}"
        elif isinstance(self.auth, AuthBase):
            before, url = dict(prepared.headers), str(prepared.url)
            with unsent():
                prepared.prepare_auth(self.auth, url)
            self._secrets.sign(signs(before, prepared.headers, url, str(prepared.url)))

    def _failure(
        self, method: str, url: str, error: Exception, budget: Budget, outer: BaseException | None
    ) -> TransportError:
        """Return the error of ours for one of the HTTP library's, with its cause, but nothing that holds a secret."""
        without_frames(error, outer)
        failure = self._transport_error(method, url, error, budget, outer)
        text = " ".join(str(cause) for cause in chain(error, outer))
        is_clean = self.mask(text) == text
        failure.__cause__ = error if is_clean else requests.RequestException(self.mask(str(error)))
        return failure

    def _transport_error(
        self, method: str, url: str, error: Exception, budget: Budget, outer: BaseException | None
    ) -> TransportError:
        reason = plain(self.mask(root(error, outer)))
        hint = connection_hint(reason)
        is_connecting = died_connecting() or isinstance(error, requests.exceptions.ConnectTimeout)
        if is_connecting or is_unsent(error, outer):
            text = f"{method} {url}: no connection ({reason}). Nothing was sent. {hint or 'Is the address right, and the server running?'}"
            kind = TransportTimeout if isinstance(error, requests.exceptions.Timeout) else TransportError
            return kind(text, method=method, url=url, sent=False)
        if isinstance(error, requests.exceptions.Timeout) or "timed out" in reason or "deadline" in reason:
            return TransportTimeout(
                f"{method} {url}: no whole answer within {budget}.", method=method, url=url
            )
        return TransportError(
            f"{method} {url}: the connection failed ({reason}). {hint}".strip(), method=method, url=url
        )

    # ------------------------------------------------------------ connections

    def _thread_session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            # An auth object may have its say with a connection (NTLM has), so it gets its own.
            is_shared = self._adapter is _Adapter and not isinstance(self.auth, AuthBase)
            adapter = self._connections.adapter if is_shared else self._adapter()
            session = self._local.session = self._new_session(adapter)
        return session

    def _new_session(self, adapter: BaseAdapter) -> requests.Session:
        session = _Session()
        session.headers["Accept"] = "application/json, */*"
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        return session


def _pieces(response: requests.Response, at: float | None) -> Iterator[bytes]:
    """Yield a body as it arrives; raises where it comes too slowly or is cut short."""
    received = 0
    for piece in _unpacked(response):
        received += len(piece)
        yield piece
        if at is not None and time.monotonic() > at:
            raise requests.exceptions.ReadTimeout("the request's deadline passed")
    expected = response.headers.get("Content-Length", "")
    if expected.isdigit() and not response.headers.get("Content-Encoding") and received < int(expected):
        raise requests.exceptions.ContentDecodingError(f"got {received} of {expected} bytes")


def _unpacked(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from unpacked(response)
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error


def _known(auth: Any) -> Login | AuthBase | None:
    """Return what signs in; a token's text is hidden in a :class:`Token`."""
    if auth is None or isinstance(auth, (Login, AuthBase)):
        return auth
    if isinstance(auth, str) or callable(auth):
        return Token(auth)
    raise ParameterError(
        "auth must be a token (text), a function that returns one, a login (UserLogin, AppLogin or Token of spatial_widgets.client), "
        f"or a requests AuthBase, got {type(auth).__name__}.",
        parameter="auth",
    )
