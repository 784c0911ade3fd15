"""What a forked child gets anew: of the threads only one crosses a fork, and of the locks all, held for ever or not."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["renewed_after_fork"]


class _Renewable(Protocol):
    def after_fork(self) -> None:
        """Get new locks, and forget threads and connections: they are the parent's."""


_renewables: weakref.WeakSet[_Renewable] = weakref.WeakSet()


def renewed_after_fork(owner: _Renewable) -> None:
    """Have ``owner.after_fork()`` called in a child process, as long as somebody holds the owner."""
    _renewables.add(owner)


def _renew() -> None:
    for owner in list(_renewables):
        owner.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_renew)
