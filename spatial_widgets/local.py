"""The local service as users meet it, and the shortest way to a service.

Stands above client and server, which do not know each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from spatial_widgets.client import GPService
from spatial_widgets.server.discovery import Discovery
from spatial_widgets.server.launcher import LocalServiceProcess, default_store

if TYPE_CHECKING:
    import os

__all__ = ["LocalService", "connect"]


class LocalService(LocalServiceProcess):
    """A GPServer-compatible service on this machine, with real analysis tasks; no account, no network.

    Make one with :meth:`start`. It runs as a process of its own, reached on 127.0.0.1 with a token, and
    keeps its jobs in a folder, so that they survive kernel restarts.

    Examples
    --------
    >>> with LocalService.start() as local:               # doctest: +SKIP
    ...     local.service().tasks()
    """

    @classmethod
    def running(cls, store: str | os.PathLike[str] | None = None) -> Self | None:
        """Return the service that runs on a store now, or None; starts nothing."""
        folder = Path(default_store() if store is None else store).expanduser().resolve()
        found = Discovery.read(folder)
        alive = found is not None and found.is_alive and found.health() is not None
        return cls(folder, found, started=False) if found is not None and alive else None

    def service(self) -> GPService:
        """Return the client for this service. No request."""
        return GPService(self.url, auth=self.token)


def connect(url: str | None = None, *, auth: Any = None) -> GPService:
    """Return a service: the one at ``url``, or this user's local one, started if need be.

    Parameters
    ----------
    url : a GPServer's URL; None for the local service.
    auth : as for :class:`GPService`; not used for the local service, which brings its own token.
    """
    return LocalService.start().service() if url is None else GPService(url, auth=auth)
