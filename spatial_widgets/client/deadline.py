"""Time for requests: the budget of one call, and sockets that obey it.

A read time-out starts anew with every byte, so a server that drips can hold a request for ever. Here
each read is given only what is left of the request's deadline, headers included.
"""

from __future__ import annotations

import http.client
import io
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)

from spatial_widgets.client.naming import NAMES

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from spatial_widgets.client.clock import Clock

__all__ = ["POOL_CLASSES", "SILENCE_S", "Budget", "deadline", "died_connecting"]

SILENCE_S = 60.0  # no request waits longer than this for the next byte

_current = threading.local()
# The connect time-out would also bound the sending of the body, as a whole; a large layer takes longer.
_SEND_S = 600.0
_LEAST_S = 0.05


class Budget:
    """The time of one call, its repeats, pauses and the renewal of a token included.

    Parameters
    ----------
    total_s : seconds from now for all of it; None sets no end.
    exchange_s : seconds for each single exchange within that; None bounds only its silence.
    answer_s : without any of these, seconds for each answer from the end of sending.
    """

    def __init__(
        self,
        clock: Clock,
        total_s: float | None,
        exchange_s: float | None = None,
        *,
        answer_s: float | None = None,
    ) -> None:
        self._clock = clock
        self._total_s = total_s
        self._exchange_s = exchange_s
        self.answer_s = answer_s
        self._end = None if total_s is None else clock.now() + total_s

    @property
    def left_s(self) -> float | None:
        """Seconds left of the whole, not below 0; None without an end."""
        return None if self._end is None else max(0.0, self._end - self._clock.now())

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.left_s == 0.0

    def exchange_at(self) -> float | None:
        """Return the monotonic second by which an exchange that starts now must have ended."""
        bounds = [s for s in (self.left_s, self._exchange_s) if s is not None]
        return time.monotonic() + min(bounds) if bounds else None

    def __str__(self) -> str:
        allowed = self._total_s if self._total_s is not None else self._exchange_s
        if allowed is not None:
            # What is left of another budget may be 0.599 of 0.6.
            return f"{allowed:.2g} s" if allowed < 10 else f"{allowed:.0f} s"
        return f"{SILENCE_S:g} s of silence" + (f" and {self.answer_s:g} s in all" if self.answer_s else "")


@contextmanager
def deadline(at: float | None, answer_s: float | None = None) -> Iterator[None]:
    """Within the block, reads of this thread end at monotonic second ``at``.

    Where ``at`` is None, ``answer_s`` bounds the answer from the end of sending: what is sent may be large.
    """
    _current.at, _current.answer_s, _current.is_connecting = at, answer_s, False
    try:
        yield
    finally:
        _current.at = _current.answer_s = None


def died_connecting() -> bool:
    """Whether this thread's last exchange ended before its connection stood, so that nothing was sent; told once."""
    told: bool = getattr(_current, "is_connecting", False)
    _current.is_connecting = False
    return told


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        # http.client asks for a reader when it has sent all: here the time for the answer begins.
        answer_s = getattr(_current, "answer_s", None)
        if answer_s is not None and getattr(_current, "at", None) is None:
            _current.at = time.monotonic() + answer_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        at = getattr(_current, "at", None)
        if at is not None:
            left = at - time.monotonic()
            if left <= 0:
                raise TimeoutError("the request's deadline passed")
            self._sock.settimeout(min(left, SILENCE_S))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _SocketView:
    """Stands in for the socket where ``http.client`` asks it for a file."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock))


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_SocketView(sock), *args, **kwargs)  # type: ignore[arg-type]

    def begin(self) -> None:
        super().begin()
        # urllib3 would log lines that are no headers as they came, an echo of a token included.
        self.headers.defects.clear()
        self.headers.set_payload("")


class _Connection(HTTPConnection):
    """Has its time to connect for the look-up of the name and all addresses together."""

    response_class = _Response

    def _new_conn(self) -> socket.socket:
        name, allowed = self._dns_host, self.timeout
        end = time.monotonic() + allowed if isinstance(allowed, (int, float)) else None
        failure: Exception = NewConnectionError(self, f"{name} has no address")
        try:
            addresses = self._addresses(name, None if end is None else end - time.monotonic())
            for tried, address in enumerate(addresses):
                if end is not None:
                    left = max(_LEAST_S, end - time.monotonic())
                    self.timeout = left / (len(addresses) - tried)
                self._dns_host = address
                try:
                    sock = super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    failure = error
                else:
                    if end is not None:
                        sock.settimeout(allowed)  # the handshake's
                    return sock
            raise failure
        finally:
            self._dns_host, self.timeout = name, allowed

    def _addresses(self, name: str, timeout_s: float | None) -> list[str]:
        try:
            return NAMES.addresses(name, timeout_s)
        except TimeoutError:
            raise ConnectTimeoutError(f"the name {name} was not looked up within {timeout_s:.2g} s") from None
        except UnicodeError:
            raise LocationParseError(f"'{name}', label empty or too long") from None
        except OSError as error:
            raise NameResolutionError(name, self, error) from error  # type: ignore[arg-type]


class _PlainConnection(_Connection):
    def connect(self) -> None:
        _current.is_connecting = True  # a proxy's tunnel and the TLS handshake are part of it
        super().connect()
        _current.is_connecting = False
        self.sock.settimeout(_SEND_S)


class _TlsConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        _current.is_connecting = True  # a proxy's tunnel and the TLS handshake are part of it
        super().connect()
        _current.is_connecting = False
        self.sock.settimeout(_SEND_S)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


#: For urllib3's ``PoolManager.pool_classes_by_scheme``.
POOL_CLASSES = {"http": _PlainPool, "https": _TlsPool}
