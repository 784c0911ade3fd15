"""Passes the events of an attempt on, when they reach the service twice or out of order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.server.executors.base import Emit, Event

__all__ = ["Relay"]


class Relay:
    """Events of one attempt on their way to the supervisor, from any thread: each once, in order, none after the end.

    Attributes
    ----------
    told : how many events have been passed on.
    """

    def __init__(self, emit: Emit) -> None:
        self.told = 0
        self._emit = emit
        self._ended = False
        self._lock = threading.RLock()

    def tell(self, number: int, event: Event) -> None:
        """Pass an event on if it is the next one; one out of order comes again with the record of the attempt."""
        with self._lock:
            if not self._ended and number == self.told:
                self.told += 1
                self._emit(event)

    def finish(self, record: Sequence[Event]) -> bool:
        """Pass on what is still untold of a whole attempt; False when it had ended already."""
        with self._lock:
            return self.end(*record[self.told :])

    def end(self, *events: Event) -> bool:
        """Pass the last events on; False when the attempt had ended already."""
        with self._lock:
            if self._ended:
                return False
            self._ended = True
            for event in events:
                self._emit(event)
            return True
