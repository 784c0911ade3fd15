"""One at a time, with a time-out."""

from __future__ import annotations

import threading

__all__ = ["Turns"]


class Turns:
    """A lock for what Ctrl-C may cut short at any instruction.

    A ``Lock`` taken with a time-out stays locked for ever when the interrupt comes between the taking and the
    ``try`` after it. Here the turn is a mark that its owner gives back, whether it was taken or not::

        mine = object()
        try:
            if turns.take(mine, 30.0):
                ...
        finally:
            turns.give_back(mine)
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owner: object | None = None

    def take(self, mark: object, timeout_s: float | None) -> bool:
        """Wait for the turn; False when the time ran out first."""
        with self._changed:
            if self._changed.wait_for(lambda: self._owner is None, timeout_s):
                self._owner = mark
            return self._owner is mark

    def give_back(self, mark: object) -> None:
        """Let the next one in; nothing happens where it is not this mark's turn."""
        with self._changed:
            if self._owner is mark:
                self._owner = None
                self._changed.notify()
