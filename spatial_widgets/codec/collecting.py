"""No garbage collection while many objects are made that are all kept.

A collection looks through every object that is alive. While a layer is built, nothing of it is garbage, and a
million geometries are looked through again and again: two thirds of the time went there.
"""

from __future__ import annotations

import gc
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["no_collection"]

_lock = threading.Lock()
_inside = 0
_was_on = False


def _after_fork() -> None:
    """Begin anew in a forked child: of the threads that were inside, none is there to leave."""
    global _lock, _inside  # noqa: PLW0603 -- as below
    _lock = threading.Lock()
    if _inside and _was_on:
        gc.enable()
    _inside = 0


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def no_collection() -> Iterator[None]:
    """Within the block, in whatever thread, nothing is collected; the last one out restores what was."""
    global _inside, _was_on  # noqa: PLW0603 -- the collector is the process's, so is its count
    with _lock:
        if _inside == 0:
            _was_on = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside = max(0, _inside - 1)  # in a child that was forked within the block, it is 0 already
            if _inside == 0 and _was_on:
                _call_them_old()
                gc.enable()


def _call_them_old() -> None:
    """Spare what was made the look that young objects get: it would be found alive, one by one.

    Without this, a layer that arrives in blocks pays for its own objects with collections in between, and
    sooner or later with one of the whole heap.
    """
    due = gc.get_threshold()[0]
    if gc.get_count()[0] > due > 0 and gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()  # moves all to the oldest generation, without looking at any
