"""Who is due when. No clock, no thread."""

from __future__ import annotations

import heapq
import itertools
from typing import Generic, TypeVar

__all__ = ["Agenda"]

T = TypeVar("T")


class Agenda(Generic[T]):
    """A heap of due times that holds each item at most once; not thread-safe."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._items: dict[int, T] = {}
        self._numbers: dict[T, int] = {}
        self._next = itertools.count()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, due: float) -> None:
        """Make an item due then, and at no other time."""
        self.drop(item)
        number = next(self._next)
        self._items[number], self._numbers[item] = item, number
        heapq.heappush(self._heap, (due, number))

    def drop(self, item: T) -> None:
        """Take an item off; nothing happens where it is not on."""
        number = self._numbers.pop(item, None)
        if number is not None:
            del self._items[number]  # its place in the heap is passed over later

    def pop(self, now: float) -> T | None:
        """Take off the item that is due first, or return None when none is due yet."""
        due = self.soonest
        if due is None or due > now:
            return None
        item = self._items.pop(heapq.heappop(self._heap)[1])
        del self._numbers[item]
        return item

    @property
    def soonest(self) -> float | None:
        """The next due time, or None when nothing is on."""
        while self._heap and self._heap[0][1] not in self._items:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
