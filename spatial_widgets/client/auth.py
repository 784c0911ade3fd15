"""Tokens: where they come from, when they are renewed, and how they are kept out of sight."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MASK", "TokenSource", "mask"]

MASK = "***"
_SHORTEST_SECRET = 4  # shorter ones would mask half of every text


class TokenSource:
    """One token for all threads, from a text or from a callable that makes one.

    A callable is asked once, and again only after the service refused the token; threads that were
    refused with the same token share one renewal. Never shows the token in its repr.
    """

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._make = source if callable(source) else None
        self._token: str | None = None if callable(source) else _checked(source)
        self._lock = threading.Lock()

    def token(self) -> str:
        """Return the token, asking the callable for the first one."""
        with self._lock:
            if self._token is None and self._make is not None:
                self._token = _checked(self._make())
            return self._token or ""

    def renew(self, refused: str) -> str | None:
        """Return a token other than the refused one, or None when there is none to be had."""
        with self._lock:
            if self._token == refused and self._make is not None:
                self._token = _checked(self._make())
            return self._token if self._token != refused else None

    def __repr__(self) -> str:
        return f"TokenSource({MASK})"


def _checked(token: object) -> str:
    if not isinstance(token, str) or not token.strip() or any(c in token for c in "\r\n"):
        raise ParameterError(
            f"The token must be a text without line ends, got {type(token).__name__}. "
            "Pass auth='…', or a function that returns the text.",
            parameter="auth",
        )
    return token.strip()


def mask(text: str, secrets: set[str]) -> str:
    """Replace every secret in a text, plain or percent-encoded, by ``***``."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, MASK)
    return text
