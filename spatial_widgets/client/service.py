"""A geoprocessing service: the tasks at one URL."""

from __future__ import annotations

from typing import Any

from spatial_widgets.client.auth import hidden
from spatial_widgets.client.policy import checked_interval
from spatial_widgets.client.session import GPSession
from spatial_widgets.client.task import GPTask
from spatial_widgets.errors import ProtocolError, ServiceError, TransportError
from spatial_widgets.protocol import GPUrl, ServiceInfo

__all__ = ["GPService", "GPTask"]

_OPTIONAL_S = 10.0


class GPService:
    """A GPServer: the tasks at one URL.

    Parameters
    ----------
    url : the service, ``…/GPServer``; a task's or job's URL is cut back to it.
    auth : what to sign in with: a token or API key, a function that returns one (asked again when the service
        refuses the old one), a ``UserLogin``, ``AppLogin`` or ``Token`` of :mod:`spatial_widgets.client.auth`, or a
        ``requests.auth.AuthBase``. A token travels in a request header, to this origin only.
    poll_interval : seconds between two polls of its jobs; None for the usual pace. See :attr:`Job.poll_interval`.

    Raises
    ------
    ParameterError : the URL is not a GPServer's, or carries a token itself; the interval is not above 0.

    Warns
    -----
    UserWarning : with ``auth``, where the address is plain http and not this machine; once per origin.

    Notes
    -----
    Making one costs no request. A pickle of it holds no token or password: what is read from it says to sign in
    again when it is used.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Any = None,
        session: GPSession | None = None,
        poll_interval: float | None = None,
    ) -> None:
        auth = hidden(auth)
        self.poll_interval = checked_interval(poll_interval)
        self.url = GPUrl.parse(url).service
        self.session = session or GPSession(self.url, auth=auth)
        self._known: ServiceInfo | None = None
        self._is_silent = False  # whether it was asked in vain

    @property
    def auth(self) -> Any:
        """What signs in to it, to be passed on as ``auth=``; the text of a token is hidden in a :class:`.Token`."""
        return self.session.auth

    def info(self, *, deadline_s: float | None = None) -> ServiceInfo:
        """Return the service's description of itself. One GET, of at most ``deadline_s`` in all."""
        document = self.session.get_json(self.url, deadline_s=deadline_s)
        self._known = ServiceInfo.from_json(document, url=self.url)
        return self._known

    def known_info(self) -> ServiceInfo:
        """Return the description that was read last. One GET the first time."""
        return self._known or self.info()

    def described(self) -> ServiceInfo | None:
        """Return the description that was read last, None where there is none to be had.

        One GET the first time, of at most 10 s in all; a service that gave none is not asked again, one out of reach is.
        """
        if self._known is None and not self._is_silent:
            try:
                return self.info(deadline_s=_OPTIONAL_S)
            except (ServiceError, ProtocolError, TransportError) as error:
                # A service that does not describe itself may still take jobs; one that was away said nothing yet.
                self._is_silent = getattr(error, "sent", True)
        return self._known

    def tasks(self) -> list[str]:
        """Return the names of the tasks, in the service's order. One GET."""
        return list(self.info().tasks)

    def task(self, name: str) -> GPTask:
        """Return a task by name. No request: a wrong name is told when the task is first used."""
        return GPTask(self, name)

    def __repr__(self) -> str:
        return f"<GPService {vars(self).get('url', 'not made')}>"  # a traceback may show it half made
