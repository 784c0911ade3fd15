"""The last requests about one job, kept for those who want to see how a job is asked for."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client import Job
    from spatial_widgets.client.exchange import Exchange

__all__ = ["WireLog"]

_KEPT = 20


class WireLog:
    """Listens to a job's session, from its making until :meth:`close`.

    Parameters
    ----------
    tell : called after each exchange, on the thread that asked.
    """

    def __init__(self, job: Job, tell: Callable[[], None]) -> None:
        self._job, self._tell = job, tell
        self._kept: deque[Exchange] = deque(job.submission, maxlen=_KEPT)
        self._heard = len(self._kept)
        self._sent = 0
        job.session.listen(self)

    def wants(self, url: str) -> bool:
        """Whether an address is the job's own, or one below it."""
        return url == self._job.url or url.startswith(f"{self._job.url}/")

    def hear(self, exchange: Exchange) -> None:
        """Keep an exchange; the oldest goes."""
        self._kept.append(exchange)
        self._heard += 1
        self._tell()

    def news(self) -> dict[str, Any] | None:
        """Return the message with what has not been sent, None where all has."""
        return self.since(self._sent) if self._sent < self._heard else None

    def since(self, number: int) -> dict[str, Any]:
        """Return the message with the exchanges from a number on, as far as they are kept."""
        kept, heard = list(self._kept), self._heard
        self._sent = heard
        first = max(number, heard - len(kept))
        items = [exchange.to_json() for exchange in kept[first - heard + len(kept) :]]
        return {"kind": "requests", "seq": first, "items": items}

    def close(self) -> None:
        """Listen no more."""
        self._job.session.forget(self)
