"""Tokens: where they come from, and when they are renewed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spatial_widgets.client.masking import mask, mask_bytes
from spatial_widgets.client.requestpool import RequestPool
from spatial_widgets.errors import ParameterError, TransportTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TokenSource", "mask", "mask_bytes"]


class TokenSource:
    """One token for all threads, from a text or from a callable that makes one.

    A callable is asked once, and again only after the service refused the token; threads that were
    refused with the same token share one renewal. Never shows the token in its repr.

    Notes
    -----
    The callable runs in the caller's thread where there is time without end, so that it may ask a
    person; else on a thread of its own, and whoever comes after the time-out waits for the same call.
    """

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._make = source if callable(source) else None
        self._token: str | None = None if callable(source) else _checked(source)
        self._lock = threading.Lock()
        self._worker = RequestPool(size=1, idle_s=0.0, name="token")
        self._pending: Future[str] | None = None

    def token(self, timeout_s: float | None = None) -> str:
        """Return the token, asking the callable for the first one.

        Raises
        ------
        TransportTimeout : the callable took longer than ``timeout_s``.
        """
        with self._held(timeout_s) as left_s:
            if self._token is None and self._make is not None:
                self._token = self._made(self._make, left_s)
            return self._token or ""

    def renew(self, refused: str, timeout_s: float | None = None) -> str | None:
        """Return a token other than the refused one, or None when there is none to be had; as :meth:`token`."""
        with self._held(timeout_s) as left_s:
            if self._token == refused and self._make is not None:
                self._token = self._made(self._make, left_s)
            return self._token if self._token != refused else None

    @contextmanager
    def _held(self, timeout_s: float | None) -> Iterator[float | None]:
        """Hold the lock; gives the seconds that are left then."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=-1 if timeout_s is None else timeout_s):
            raise _late(timeout_s)
        try:
            if self._pending is not None and self._pending.done():  # it came when nobody waited any more
                self._token = self._taken(self._pending)
            yield None if end is None else max(0.0, end - time.monotonic())
        finally:
            self._lock.release()

    def _made(self, make: Callable[[], str], timeout_s: float | None) -> str:
        pending = self._pending
        if pending is None:
            if timeout_s is None:
                return _checked(make())
            asked = self._pending = pending = Future[str]()
            self._worker.submit(lambda: _fulfil(asked, make))
        if not wait([pending], timeout_s).done:
            raise _late(timeout_s)
        return self._taken(pending)

    def _taken(self, pending: Future[str]) -> str:
        self._pending = None
        return _checked(pending.result())

    def __repr__(self) -> str:
        return "TokenSource(***)"


def _fulfil(pending: Future[str], make: Callable[[], str]) -> None:
    try:
        pending.set_result(make())
    except BaseException as error:  # noqa: BLE001 -- raised again in the thread that waits
        pending.set_exception(error)


def _late(timeout_s: float | None) -> TransportTimeout:
    return TransportTimeout(
        f"The function that makes the token took longer than {timeout_s:.3g} s. Pass a quicker one as auth=…."
    )


def _checked(token: object) -> str:
    if not isinstance(token, str) or not token.strip() or any(c in token for c in "\r\n"):
        raise ParameterError(
            f"The token must be a text without line ends, got {type(token).__name__}. "
            "Pass auth='…', or a function that returns the text.",
            parameter="auth",
        )
    if any(ord(c) > 255 for c in token):
        raise ParameterError("The token holds a character that no request header can.", parameter="auth")
    return token.strip()
