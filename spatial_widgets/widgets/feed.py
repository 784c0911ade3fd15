"""What a table tells its views: changed rows in numbered messages, and everything to whoever asks."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import Poller
from spatial_widgets.widgets.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.widgets import jobrow

__all__ = ["Feed"]


class Feed:
    """The one voice of a table: it says one thing at a time, and at most five in a second.

    ``{"kind": "rows", "seq": n, "all": bool, "rows": [...], ...}`` carries whole rows where ``all``, else of each row
    its key and what changed since message ``n - 1``. A view that misses a number asks for everything. When all
    is said and every job has ended, the chores come: what a page without a kernel needs.

    Parameters
    ----------
    rows : gives all rows as they stand.
    send : sends a message to the views.
    chores : gives what is to be done at rest, each of it one message.
    """

    def __init__(
        self,
        rows: Callable[[], list[jobrow.JobRow]],
        send: Callable[[dict[str, Any]], None],
        chores: Callable[[], list[Callable[[], None]]],
    ) -> None:
        self._rows, self._send, self._plan = rows, send, chores
        self._changed: dict[int, jobrow.JobRow | None] = {}  # key to the row that was told
        self._chores: deque[Callable[[], None]] = deque()
        self._seq = self._heard = 0
        self._wants_all = self._wants_word = False
        self._outcome = ""
        self._is_closed = False
        self._pace = Pace(self._speak)

    # ------------------------------------------------------------ on the poller's thread

    def changed(self, key: int, before: jobrow.JobRow | None) -> None:
        """Have a row told that was another one before, or none."""
        self._changed.setdefault(key, before)
        self._pace.ask()

    def _speak(self) -> None:
        if self._is_closed:
            return
        if self._changed or self._wants_word:
            rows = self._rows()
            self._chores.clear()
            self._send(self._message(rows))
            if all(row.is_over for row in rows):
                self._chores.extend(self._plan())
        elif self._chores:
            self._chores.popleft()()
        if self._chores:
            self._pace.ask()

    def _message(self, rows: list[jobrow.JobRow]) -> dict[str, Any]:
        is_all, changed = self._wants_all, self._changed
        self._changed, self._wants_all, self._wants_word = {}, False, False
        outcome, self._outcome = self._outcome, ""
        self._seq += 1
        told = (
            [row.to_json() for row in rows]
            if is_all
            else [
                rows[key].to_json() if before is None else rows[key].changes(before)
                for key, before in changed.items()
            ]
        )
        return {
            "kind": "rows",
            "seq": self._seq,
            "all": is_all,
            "rows": told,
            "outcome": outcome,
            "heard": self._heard,
            "now": time.time(),
        }

    # ------------------------------------------------------------ on any thread

    def hear(self, *, wants_all: bool = False) -> None:
        """Have it said that a command came, and everything to a view that asks for it."""

        def note() -> None:
            self._heard += 1
            self._wants_all = self._wants_all or wants_all
            self._say()

        Poller.shared().call(note)

    def tell(self, outcome: str) -> None:
        """Have it said what became of a command."""

        def note() -> None:
            self._outcome = outcome
            self._say()

        Poller.shared().call(note)

    def look_again(self) -> None:
        """Have chores planned anew."""
        Poller.shared().call(self._say)

    def close(self) -> None:
        """Fall silent."""
        self._is_closed = True

    def _say(self) -> None:
        self._wants_word = True
        self._pace.ask()
