"""What a session asks and makes of the answers: reads that are repeated, writes that are not, one renewal of a refused token.

Knows no HTTP library: the one exchange that all of it comes down to is left to the session.
"""

from __future__ import annotations

import functools
import json
import random
import threading
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.authority import TokenReply
from spatial_widgets.client.body import multipart, urlencoded
from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.exchange import Timed, wanted
from spatial_widgets.client.failures import unsent
from spatial_widgets.client.login import Pass
from spatial_widgets.client.question import Question
from spatial_widgets.client.reply import read_json
from spatial_widgets.client.secret import Secret
from spatial_widgets.errors import (
    AuthenticationError,
    ParameterError,
    ProtocolError,
    ServiceError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from spatial_widgets.client.access import Access
    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.clock import Clock
    from spatial_widgets.client.exchange import Exchange, Listener
    from spatial_widgets.client.policy import RetryPolicy
    from spatial_widgets.client.reply import Reply
    from spatial_widgets.client.secret import Secrets

__all__ = ["Conversation"]

_REQUEST_S = 30.0
_ANSWER_S = 120.0
_INFO_S = 10.0
_STATUS_BODY_MAX = 64 << 20
_GATEWAY = {500, 502, 503, 504}
_TOKEN_KEYS = {"token", "access_token", "refresh_token"}


class Conversation(ABC):
    """Asks one service, and reads its answers as JSON."""

    def __init__(self, tokens: Access, secrets: Secrets, *, retry: RetryPolicy, clock: Clock) -> None:
        self.clock = clock
        self._tokens = tokens
        self._secrets = secrets
        self._retry = retry
        self._local = threading.local()
        self._listeners: dict[Listener, None] = {}  # changed at one go, by any thread

    @abstractmethod
    def _exchange(
        self,
        question: Question,
        shown: Pass | None,
        budget: Budget,
        digest: Callable[[Iterator[bytes]], bytes],
    ) -> Reply:
        """Ask once; raises TransportError where no answer came. ``digest`` is given the body as it arrives."""

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
        question = Question(url, query)
        budget = Budget(self.clock, deadline_s, attempt_s)
        for attempt in range(1, attempts + 1):
            try:
                return self._ask(
                    question, budget, digest or functools.partial(_joined, max_bytes=max_bytes, url=url)
                )
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
        headers: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
        answer_s: float = _ANSWER_S,
        hear: Callable[[Exchange], None] | None = None,
    ) -> Any:
        """Return the JSON body of one POST of a form (``f=json`` is added). It is never repeated.

        ``deadline_s`` bounds the whole call. Without it sending may take its time, and the answer must
        begin within 60 s of the end of sending, and be whole within ``answer_s`` of it. ``hear`` is told of each
        exchange that it took.

        The one exception: a token refused with an Esri error body proves that nothing was done, so
        the request is sent once more with a renewed token. A large form is streamed.
        """
        encode = multipart if as_multipart else urlencoded
        question = Question(url, {"f": "json", **form}, encode, headers=headers or {}, hear=hear)
        return self._post(question, Budget(self.clock, deadline_s, answer_s=answer_s))

    def post_file(self, url: str, path: Path) -> Any:
        """Return the JSON body of one POST of a file, as the field ``file``, streamed; repeated like :meth:`post_json`.

        Raises
        ------
        ParameterError : the file cannot be read; nothing was sent.
        """
        try:
            with path.open("rb"):
                question = Question(url, {"f": "json"}, functools.partial(multipart, file=path))
                question.body(None)  # its size can be told
        except OSError as error:
            raise ParameterError(f"The file {str(path)!r} cannot be read: {error}.", value=path) from error
        return self._post(question, Budget(self.clock, None, answer_s=_ANSWER_S))

    def _post(self, question: Question, budget: Budget) -> Any:
        return self._ask(question, budget, _short(question.url))

    # ------------------------------------------------------------ for signing in, without a token

    def ask_for_token(self, url: str, form: Mapping[str, FormValue], *, referer: str | None) -> TokenReply:
        """POST a form once to a token service; the tokens in the answer are :class:`.Secret`.

        Raises
        ------
        ServiceError, ProtocolError, TransportError : without an echo of what was sent.
        """
        question = Question(url, {"f": "json", **form}, urlencoded)
        reply = self._exchange(question, Pass(None, referer), Budget(self.clock, _REQUEST_S), _short(url))
        self._judge(reply)
        return TokenReply(
            json.loads(reply.body.decode("utf-8-sig"), object_hook=_with_secrets), reply.headers.get("Date")
        )

    def server_info(self, root: str, *, deadline_s: float | None = None) -> dict[str, Any]:
        """Return what an ArcGIS Server says of itself at ``<root>/rest/info``, as its own origin says it. One GET."""
        url = f"{root}/rest/info"
        budget = Budget(self.clock, _INFO_S if deadline_s is None else deadline_s)
        document = self._judge(
            self._exchange(Question(url, {"f": "json"}, stays=True), None, budget, _short(url))
        )
        if not isinstance(document, dict):
            raise ProtocolError(f"GET {url}: the answer is no object.", url=url)
        return document

    # ------------------------------------------------------------ one answer

    def _judge(self, reply: Reply) -> Any:
        """Return the JSON of a reply, or raise the error that it is, without an echo of a secret."""
        return read_json(replace(reply, body=self.mask_bytes(reply.body)))

    def mask_bytes(self, data: bytes) -> bytes:
        """Return a text of JSON with every token of this session replaced by ``***``."""
        return self._secrets.mask_bytes(data)

    def mask(self, text: str) -> str:
        """Return a text with every secret of this session replaced by ``***``."""
        return self._secrets.mask(text)

    def _ask(self, question: Question, budget: Budget, digest: Callable[[Iterator[bytes]], bytes]) -> Any:
        with unsent():
            shown = self._current_token(budget)
        try:
            return self._judge(self._heard(question, shown, budget, digest))
        except AuthenticationError as error:
            with unsent():  # a refusal proves that nothing was done
                renewed = self._tokens.renewed(error, shown, budget)
            if renewed is None:
                self._tokens.explain(error, question.url, budget)
                raise
        try:
            return self._judge(self._heard(question, renewed, budget, digest))
        except AuthenticationError as error:
            self._tokens.explain(error, question.url, budget)
            raise

    def _heard(
        self,
        question: Question,
        shown: Pass | None,
        budget: Budget,
        digest: Callable[[Iterator[bytes]], bytes],
    ) -> Reply:
        """Ask once, and tell those who listen."""
        tell = wanted(list(self._listeners), question.url) if self._listeners else []
        if question.hear is not None:
            tell.append(question.hear)
        if not tell:
            return self._exchange(question, shown, budget, digest)
        timed = Timed(question, shown, self._secrets, tell)
        try:
            reply = self._exchange(question, shown, budget, digest)
        except Exception as error:
            timed.failed(error)
            raise
        timed.answered(reply)
        return reply

    def listen(self, listener: Listener) -> None:
        """Have somebody told of each exchange that he wants, until :meth:`forget`; nobody listens by default."""
        self._listeners[listener] = None

    def forget(self, listener: Listener) -> None:
        """Tell him no more."""
        self._listeners.pop(listener, None)

    def _current_token(self, budget: Budget | None = None) -> Pass | None:
        return self._tokens.current(budget or Budget(self.clock, None))

    @property
    def last_retry_after_s(self) -> float | None:
        """``Retry-After`` of this thread's last answer, in seconds."""
        return getattr(self._local, "retry_after_s", None)

    def _pause(self, seconds: float) -> None:
        condition = threading.Condition()
        with condition:
            self.clock.wait(condition, seconds)


def _short(url: str) -> Callable[[Iterator[bytes]], bytes]:
    return lambda pieces: _joined(pieces, _STATUS_BODY_MAX, url)


def _joined(pieces: Iterator[bytes], max_bytes: int | None, url: str) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if max_bytes is not None and len(body) > max_bytes:
            del body, piece  # no traceback that shows variables needs them
            raise ProtocolError(
                f"{url} gave more than {max_bytes >> 20} MB where a short answer was expected.", url=url
            )
    return bytes(body)


def _with_secrets(document: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a token service's answer, its tokens hidden."""
    return {
        key: Secret(value) if key in _TOKEN_KEYS and isinstance(value, str) and value else value
        for key, value in document.items()
    }
