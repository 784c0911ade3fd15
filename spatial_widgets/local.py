"""The local service as users meet it, and the shortest way to a service.

Stands above client and server, which do not know each other.
"""

from __future__ import annotations

from typing import Any

from spatial_widgets.client import GPService
from spatial_widgets.client.auth import hidden
from spatial_widgets.server.launcher import LocalServiceProcess

__all__ = ["LocalService", "connect"]


class LocalService(LocalServiceProcess):
    """A GPServer-compatible service on this machine, with real analysis tasks; no account, no network.

    Make one with :meth:`start`. It runs as a process of its own, reached on 127.0.0.1 with a token, and
    keeps its jobs in a folder, so that they survive kernel restarts.

    Examples
    --------
    >>> with LocalService.start() as local:
    ...     tasks = local.service().tasks()
    """

    def service(self, *, auth: Any = None) -> GPService:
        """Return the client for this service. No request.

        Parameters
        ----------
        auth : what to sign in with instead of the service's own token, as for :class:`GPService`.
        """
        return GPService(self.url, auth=self.token if auth is None else hidden(auth))


def connect(url: str | None = None, *, auth: Any = None) -> GPService:
    """Return a service: the one at ``url``, or this user's local one, started if need be.

    Parameters
    ----------
    url : a GPServer's URL; None for the local service.
    auth : as for :class:`GPService`; not used for the local service, which brings its own token.
    """
    auth = hidden(auth)
    return LocalService.start().service() if url is None else GPService(url, auth=auth)
