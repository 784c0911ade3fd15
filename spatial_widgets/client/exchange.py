"""One request and its answer as they may be shown to people: secrets masked, long texts cut. No I/O."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from spatial_widgets.client.masking import MASK
from spatial_widgets.client.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.login import Pass
    from spatial_widgets.client.question import Question
    from spatial_widgets.client.reply import Reply
    from spatial_widgets.client.secret import Secrets

__all__ = ["Exchange", "Listener", "Timed", "wanted"]

logger = logging.getLogger(__name__)

_VALUE = 120  # characters of a form field: an input is told, not shown
_ANSWER = 4_000
_LOOKED_AT = 4_096  # bytes of a long field
# Tokens that are not this session's, known by their name alone: of a secured layer in a result or an input. In JSON,
# in JSON within a text of JSON, and in a query; the end may have been cut off.
_NAMED = re.compile(
    r"""("\w*token"\s*:\s*")(?:[^"\\]|\\.)*|(?P<quote>\\+")(\w*token(?P=quote)\s*:\s*(?P=quote))(?:(?!(?<!\\)(?P=quote)).)*"""
    r"""|([?&]\w*token=)[^&#\s"'\\]*""",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked and what came back.

    Attributes
    ----------
    at : when it was asked, in seconds since 1970-01-01 UTC.
    fields : names and values of the form or query, each value at most 120 characters of it.
    headers : those of ours that matter, the token masked.
    status : of HTTP; None where no answer came.
    ms : milliseconds until the answer was read.
    answer : at most 4,000 characters of the body.
    size : characters of the body, as far as it was kept.
    problem : why no answer came, or "".
    """

    at: float
    method: str
    url: str
    fields: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    status: int | None
    ms: float
    answer: str = ""
    size: int = 0
    problem: str = ""

    @property
    def path(self) -> str:
        """The path of the URL."""
        return urlsplit(self.url).path

    def to_json(self) -> dict[str, Any]:
        """Return what travels to a browser."""
        return {
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "fields": [list(field) for field in self.fields],
            "headers": [list(header) for header in self.headers],
            "status": self.status,
            "ms": round(self.ms, 1),
            "answer": self.answer,
            "size": self.size,
            "problem": self.problem,
        }


class Listener(Protocol):
    """Who wants to know what is said. Called on the thread that asks."""

    def wants(self, url: str) -> bool:
        """Whether a request to this address is of interest."""

    def hear(self, exchange: Exchange) -> None:
        """Take an exchange that is over."""


def wanted(listeners: Iterable[Listener], url: str) -> list[Callable[[Exchange], None]]:
    """Return how to tell those who want to know of requests to a URL."""
    tell: list[Callable[[Exchange], None]] = []
    for each in listeners:
        with unheard(url):
            if each.wants(url):
                tell.append(each.hear)
    return tell


@contextlib.contextmanager
def unheard(url: str) -> Iterator[None]:
    """Within the block, what is raised is logged: who listens must not cost anybody a request or its answer."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException:  # sys.exit() of a listener, too
        logger.exception("Somebody who listens to requests to %s raised; they go on", urlsplit(url).path)


class Timed:
    """One exchange that is under way, for those who want to know of it."""

    def __init__(
        self, question: Question, shown: Pass | None, secrets: Secrets, tell: list[Callable[[Exchange], None]]
    ) -> None:
        self._question, self._shown, self._secrets, self._tell = question, shown, secrets, tell
        self._at = time.time()
        self._begun = time.perf_counter()

    def answered(self, reply: Reply) -> None:
        """Tell of an answer; whatever goes wrong here, the answer is there."""
        with unheard(self._question.url):
            text = self._secrets.mask_bytes(reply.body).decode("utf-8", "replace")
            text = self._masked(text)
            self._over(status=reply.status, answer=text[:_ANSWER], size=len(text))

    def failed(self, error: Exception) -> None:
        """Tell that none came; the error that the caller gets is that one."""
        with unheard(self._question.url):
            self._over(status=None, problem=self._masked(str(error)))

    def _over(self, *, status: int | None, answer: str = "", size: int = 0, problem: str = "") -> None:
        mask = self._masked
        exchange = Exchange(
            at=self._at,
            method=self._question.method(self._shown),
            url=mask(self._question.url),
            fields=tuple((mask(name), self._value(value)) for name, value in self._fields()),
            headers=tuple(self._headers()),
            status=status,
            ms=1000 * (time.perf_counter() - self._begun),
            answer=answer,
            size=size,
            problem=problem,
        )
        for tell in self._tell:
            with unheard(exchange.path):
                tell(exchange)

    def _masked(self, text: str) -> str:
        return _NAMED.sub(_kept, self._secrets.mask(text))

    def _fields(self) -> Iterator[tuple[str, FormValue]]:
        yield from self._question.fields.items()
        if self._shown is not None and self._shown.in_body and self._shown.token is not None:
            yield "token", self._shown.token

    def _headers(self) -> Iterator[tuple[str, str]]:
        for name, value in self._question.headers.items():
            yield name, self._secrets.mask(value)
        if self._shown is not None and self._shown.token is not None and not self._shown.in_body:
            yield "X-Esri-Authorization", f"Bearer {MASK}"

    def _value(self, value: FormValue) -> str:
        if isinstance(value, Secret):
            return MASK
        if isinstance(value, str):
            # Masked before it is cut: half a secret is one too.
            return _cut(self._masked(value), len(value))
        size, start = sum(map(len, value)), b""
        for piece in value:
            start += bytes(piece[: _LOOKED_AT - len(start)])
            if len(start) >= _LOOKED_AT:
                break
        text = start.decode("utf-8", "replace")
        masked = self._masked(text)
        return _cut(masked if masked == text or size <= _LOOKED_AT else MASK, size)


def _kept(found: re.Match[str]) -> str:
    """Return the name of a token without the token."""
    in_text, quote, in_quoted_text, in_query = found.groups(default="")
    return f"{in_text}{quote}{in_quoted_text}{in_query}{MASK}"


def _cut(text: str, size: int) -> str:
    return text if len(text) <= _VALUE and size <= _LOOKED_AT else f"{text[:_VALUE]}… ({size:,})"
