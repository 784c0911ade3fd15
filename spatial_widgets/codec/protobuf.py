"""Protocol buffers: many messages at once, field by field, as arrays. No Python object per message or number.

The first field of all messages is read, then the second of those that have one, and so on: as many steps as a
message has fields, whatever the number of messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BYTES", "FIXED32", "FIXED64", "VARINT", "Field", "Fields", "Ints", "Wire", "unpack", "zigzag"]

Ints = np.ndarray[Any, np.dtype[np.int64]]
Words = np.ndarray[Any, np.dtype[np.uint64]]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_PADDING = bytes(16)  # so that the longest number can be read at the last byte
_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)
_ONE, _SEVEN, _EIGHT = np.uint64(1), np.uint64(7), np.uint64(8)
_LOW_7, _LOW_8 = np.uint64(0x7F), np.uint64(0xFF)
# Eight groups of 7 bits become four of 14, two of 28, one of 56.
_SQUEEZE = [
    (np.uint64(0x007F007F007F007F), np.uint64(0x7F007F007F007F00), np.uint64(1)),
    (np.uint64(0x00003FFF00003FFF), np.uint64(0x3FFF00003FFF0000), np.uint64(2)),
    (np.uint64(0x000000000FFFFFFF), np.uint64(0x0FFFFFFF00000000), np.uint64(4)),
]
# What belongs to a number that has so many further bytes.
_MASKS = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(1, 11)], dtype=np.uint64)
_AT_ONCE = 1 << 13  # numbers; what is done with them stays in the processor's cache


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one message: its number, its wire type, its value if a number, and its bytes."""

    number: int
    wire: int
    value: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Fields:
    """One field each of several messages, arrays of one length; as :class:`Field`.

    ``rows`` are the numbers of the messages.
    """

    rows: Ints
    number: Ints
    wire: Ints
    value: Words
    start: Ints
    stop: Ints

    def where(self, chosen: Any) -> Fields:
        """Return some of them."""
        return Fields(*(getattr(self, name)[chosen] for name in Fields.__slots__))


class Wire:
    """The bytes of a message, to be read anywhere in them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._padded = data + _PADDING
        self.bytes = np.frombuffer(self._padded, np.uint8)
        self._words = _words(self._padded)

    def fields(self, start: int, stop: int, path: str) -> Iterator[Field]:
        """Yield the fields of one message that lies at ``start:stop``.

        Raises
        ------
        CodecError : the bytes are no message.
        """
        at = start
        while at < stop:
            field = self.field(at, stop, path)
            yield field
            at = field.stop

    def field(self, at: int, stop: int, path: str) -> Field:
        """Return the field that begins at ``at``; as :meth:`fields`."""
        tag, at = self._varint(at, stop, path)
        number, wire, value = tag >> 3, tag & 7, 0
        begin = at
        if wire == VARINT:
            value, at = self._varint(at, stop, path)
        elif wire == BYTES:
            size, begin = self._varint(at, stop, path)
            at = begin + size
        elif wire in {FIXED64, FIXED32}:
            at += 8 if wire == FIXED64 else 4
        else:
            raise CodecError(f"no field is of wire type {wire}", path=path)
        if at > stop:
            raise CodecError("a field ends beyond its message", path=path)
        return Field(number, wire, value, begin, at)

    def run(self, at: int, stop: int, number: int, path: str) -> tuple[list[int], list[int], int]:
        """Return where the messages lie that follow each other as the field ``number`` (below 16), and their end."""
        padded, tag = self._padded, number << 3 | BYTES
        starts, stops = [], []
        while at < stop and padded[at] == tag:
            # The padding lets the second byte be looked at, whatever the end.
            size, begin = padded[at + 1], at + 2
            if size >= 0x80:
                size, begin = (size & 0x7F) | padded[at + 2] << 7, at + 3
                if padded[at + 2] >= 0x80:
                    size, begin = self._varint(at + 1, stop, path)
            at = begin + size
            starts.append(begin)
            stops.append(at)
        if at > stop:
            raise CodecError("a field ends beyond its message", path=f"{path}[{len(starts) - 1}]")
        return starts, stops, at

    def _varint(self, at: int, stop: int, path: str) -> tuple[int, int]:
        value = shift = 0
        for place in range(at, min(stop, at + 10)):
            byte = self.data[place]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, place + 1
            shift += 7
        raise CodecError("a number does not end", path=path)

    def columns(
        self, start: Ints, stop: Ints, path: str, *, most: int, owner: Ints | None = None
    ) -> Iterator[Fields]:
        """Yield the first field of each message, then the second, and so on; a message lies at ``start:stop``.

        ``owner`` are the numbers under which ``path`` knows the messages; their own if not given.

        Raises
        ------
        CodecError : the bytes are no messages, or one has more than ``most`` fields; with its number.
        """
        rows = np.arange(len(start))
        owner = rows if owner is None else owner
        at, end = start, stop
        for step in range(most + 1):
            live = at < end
            if not live.all():
                rows, at, end = rows[live], at[live], end[live]
            if not len(rows):
                return
            if step == most:
                raise CodecError(f"a message has more than {most} fields", path=f"{path}[{owner[rows[0]]}]")
            found = self._next(rows, at)
            wrong = (found.stop > end) | (found.wire > FIXED32) | (found.wire == 3) | (found.wire == 4)
            if wrong.any():
                raise CodecError("this is no field of a message", path=f"{path}[{owner[rows[wrong][0]]}]")
            yield found
            at = found.stop

    def _next(self, rows: Ints, at: Ints) -> Fields:
        tag, at = self._varints(at)
        number, wire = (tag >> np.uint64(3)).astype(np.int64), (tag & _SEVEN).astype(np.int64)
        if (wire == BYTES).all():
            size, start = self._varints(at)
            return Fields(rows, number, wire, np.zeros_like(size), start, start + self._size(size))
        value, after = np.zeros(len(rows), np.uint64), at.copy()
        sized = (wire == BYTES) | (wire == VARINT)
        value[sized], after[sized] = self._varints(at[sized])
        start = np.where(wire == BYTES, after, at)
        stop = np.where(wire == BYTES, after + self._size(value), after)
        stop = np.where(wire == FIXED64, at + 8, np.where(wire == FIXED32, at + 4, stop))
        return Fields(rows, number, wire, value, start, stop)

    def _size(self, size: Words) -> Ints:
        """Return lengths as signed numbers; what is longer than all bytes is cut to one too long."""
        longest: Ints = np.minimum(size, np.uint64(len(self.data) + 1)).astype(np.int64)
        return longest

    def _varints(self, at: Ints) -> tuple[Words, Ints]:
        """Return the numbers that begin at some places, and where each ends."""
        small = self.bytes[at]
        if not (small & 0x80).any():
            return small.astype(np.uint64), at + 1
        word = self._words[at]
        top = ~word & _TOPS
        top &= ~top + _ONE  # the first byte that ends a number; 0 if none of the eight does
        mask = top | (top - _ONE)
        size = ((mask & _ONES) * _ONES >> np.uint64(56)).astype(np.int64)
        value = _squeezed(word & mask)
        longer = np.flatnonzero(top == 0)
        if len(longer):
            tail, count = _tail(self._words[at[longer] + 8])
            value[longer] |= tail
            size[longer] += count
        return value, at + size

    def doubles(self, at: Ints) -> Any:
        """Return the double floats at some places."""
        return self._words[at].view(np.float64)

    def floats(self, at: Ints) -> Any:
        """Return the single floats at some places."""
        return self._words[at].astype(np.uint32).view(np.float32)

    def numbers(self, start: Ints, stop: Ints, path: str, owner: Ints) -> tuple[Words, Ints]:
        """Return all numbers packed at ``start:stop``, one after the other, and how many each place has.

        ``owner`` are the numbers under which ``path`` knows the places.

        Raises
        ------
        CodecError : a number does not end within its place.
        """
        cut = (stop > start) & (self.bytes[stop - 1] >= 0x80)
        if cut.any():
            raise CodecError("a number does not end", path=f"{path}[{owner[cut][0]}]")
        data = self.data
        joined = b"".join([data[a:b] for a, b in zip(start.tolist(), stop.tolist(), strict=True)])
        values, ends = unpack(joined)
        counts = np.diff(np.searchsorted(ends, np.cumsum(stop - start), "left"), prepend=0)
        return values, counts


def unpack(packed: bytes) -> tuple[Words, Ints]:
    """Return the numbers of a packed field, of which the last one is whole, and where each has its last byte.

    Raises
    ------
    CodecError : a number is longer than any can be.
    """
    ends = np.flatnonzero(np.frombuffer(packed, np.uint8) < 0x80)
    words = _words(packed + _PADDING)
    values = np.empty(len(ends), np.uint64)
    before = -1
    for first in range(0, len(ends), _AT_ONCE):
        some = ends[first : first + _AT_ONCE]
        starts = np.empty_like(some)
        starts[0] = before + 1
        np.add(some[:-1], 1, out=starts[1:])
        before = some[-1]
        sizes = some - starts
        longest = int(sizes.max()) + 1
        if longest > 10:
            raise CodecError("a number is longer than ten bytes")
        found = words[starts]
        found &= _MASKS[sizes]
        found = _squeezed(found)
        if longest > 8:
            longer = np.flatnonzero(sizes >= 8)
            found[longer] |= _tail(words[starts[longer] + 8])[0]
        values[first : first + _AT_ONCE] = found
    return values, ends


def zigzag(values: Words) -> Ints:
    """Return the signed numbers that unsigned ones stand for: 0, -1, 1, -2 and so on."""
    sign = (values & _ONE).view(np.int64)
    np.negative(sign, out=sign)
    signed: Ints = (values >> _ONE).view(np.int64)
    signed ^= sign
    return signed


def _words(padded: bytes) -> Words:
    """Return the eight bytes that begin at each place, as numbers; a view, without a copy."""
    return np.ndarray((len(padded) - 7,), "<u8", buffer=padded, strides=(1,))


def _squeezed(words: Words) -> Words:
    """Return the numbers of eight groups of seven bits each, one group a byte."""
    for low, high, shift in _SQUEEZE:
        upper = words & high
        upper >>= shift
        words = words & low
        words |= upper
    return words


def _tail(words: Words) -> tuple[Words, Ints]:
    """Return what the ninth and tenth byte of a number add to it, and how many bytes that is."""
    is_tenth = (words & _LOW_8) > _LOW_7
    tail = (words & _LOW_7) << np.uint64(56)
    tail |= np.where(is_tenth, (words >> _EIGHT & _ONE) << np.uint64(63), np.uint64(0))
    too_long = is_tenth & ((words >> _EIGHT & _LOW_8) > _ONE)
    if too_long.any():
        raise CodecError("a number has more than 64 bits")
    return tail, is_tenth.astype(np.int64) + 1
