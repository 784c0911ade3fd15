"""Where a host is: its name looked up in bounded time.

The system's own look-up takes no time-out and heeds no Ctrl-C: a name server that says nothing holds it for ten
seconds and more. So it runs on a thread of its own, and whoever asks waits as long as there is time.
"""

from __future__ import annotations

import ipaddress
import socket
from concurrent.futures import Future
from typing import Any

from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.requestpool import Errand, RequestPool

__all__ = ["NAMES", "Names"]


class Names:
    """Looks up names; those who ask for the same one at the same time share a look-up. Nothing is kept."""

    def __init__(self) -> None:
        self._pool = RequestPool(idle_s=0.0, name="lookup")
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Forget, in a forked child, what the parent waits for."""
        self._pending: dict[str, Future[list[str]]] = {}

    def addresses(self, host: str, timeout_s: float | None) -> list[str]:
        """Return the addresses of a host, the best one first.

        Raises
        ------
        TimeoutError : that took longer than ``timeout_s``.
        OSError, UnicodeError : there is no such name, or nobody to ask; or it cannot be one.
        """
        if _is_here(host):
            return _found(host)
        pending = self._pending.get(host)
        if pending is None or pending.done():
            pending = Future()
            try:
                self._pool.submit(Errand(_Lookup(host, pending), origin=host))
            except RuntimeError:  # no thread can be started
                return _found(host)
            self._pending[host] = pending  # not before: an interrupt may come in between
        return pending.result(timeout_s)


class _Lookup:
    def __init__(self, host: str, told: Future[list[str]]) -> None:
        self._host, self._told = host, told

    def __call__(self) -> None:
        try:
            self._told.set_result(_found(self._host))
        except Exception as error:  # noqa: BLE001 -- raised by whoever asked
            self._told.set_exception(error.with_traceback(None))


def _is_here(host: str) -> bool:
    """Whether nobody needs to be asked for a host: an address, or this machine."""
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return host.lower() == "localhost"
    return True


def _found(host: str) -> list[str]:
    host.encode("idna")  # raises UnicodeError for what cannot be a name
    found: list[Any] = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(_written(address) for *_, address in found))


def _written(address: tuple[Any, ...]) -> str:
    scope = address[3] if len(address) == 4 else 0  # of a link-local address: which network is meant
    text = str(address[0])
    return f"{text}%{scope}" if scope and "%" not in text else text


#: The one of this process.
NAMES = Names()
