"""Tables of jobs that were submitted before: from this machine, or by whomever to one service."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

from spatial_widgets.client import GPService
from spatial_widgets.client.auth import hidden
from spatial_widgets.errors import ParameterError
from spatial_widgets.widgets.recent import RecentJob, jobs_at, recent_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PastJobs"]


class PastJobs:
    """The ways to a table of past jobs, for the class that shows them."""

    @classmethod
    @abstractmethod
    def _of_past(cls, found: Sequence[RecentJob]) -> Self:
        """Return a table of these."""

    @classmethod
    def recent(cls, limit: int = 50, *, service: GPService | str | None = None, auth: Any = None) -> Self:
        """Return a table of the jobs that were submitted last from this machine, newest first, as after a restart.

        Parameters
        ----------
        limit : at most so many.
        service : a :class:`GPService`, or the URL of one, to see its jobs only.
        auth : as for :class:`GPService`; the local service needs none. It goes to one server only: name that
            with ``service`` where the jobs are of several.

        Raises
        ------
        ParameterError : ``auth`` would go to more than one server.
        SpatialWidgetsError : the history's file cannot be read.

        Notes
        -----
        Jobs that have not ended are watched with what there is to sign in: the ``service`` that was given, the local
        service if it runs (none is started), ``auth``. The others are shown "as last seen", without a request.
        """
        auth = hidden(auth)
        return cls._of_past(recent_jobs(limit, service=service, auth=auth))

    @classmethod
    def of(cls, service: GPService | str, limit: int = 50, *, auth: Any = None) -> Self:
        """Return a table of the last jobs that a service itself has, newest first, whoever submitted them.

        Parameters
        ----------
        service : a :class:`GPService`, or the URL of one. The local service lists its jobs; ArcGIS does not, and
            :meth:`recent` tells there what was submitted from this machine.
        limit : at most so many.
        auth : as for :class:`GPService`, with a URL.

        Raises
        ------
        NotFound : the service does not list its jobs.
        ParameterError : ``auth`` beside a :class:`GPService`, which has its own; or no URL of a GPServer.

        Notes
        -----
        Cost: one GET, and one for each task of the service; then as for any table.
        """
        auth = hidden(auth)
        if not isinstance(service, GPService):
            service = GPService(service, auth=auth)
        elif auth is not None:
            raise ParameterError("A GPService has its own auth; give auth= with a URL.", parameter="auth")
        return cls._of_past(jobs_at(service, limit))
