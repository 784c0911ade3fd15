"""Protocol buffers, written: single fields as bytes, and many numbers at once as arrays."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.codec.protobuf import BYTES, FIXED64, VARINT

if TYPE_CHECKING:
    from spatial_widgets.codec.protobuf import Ints, Words

__all__ = ["double", "message", "number", "packed", "varint", "varints", "zigzagged"]

_LONGEST = 10  # bytes of a number
_AT_ONCE = 1 << 14  # numbers; what is done with them stays in the processor's cache
_SHIFTS = np.arange(0, 7 * _LONGEST, 7, dtype=np.uint64)
_PLACES = np.arange(_LONGEST)
_LOW, _MORE = np.uint64(0x7F), np.uint8(0x80)


def varint(value: int) -> bytes:
    """Return one number, from 0 up."""
    return _SMALL[value] if value < len(_SMALL) else _varint(value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


_SMALL = tuple(map(_varint, range(1 << 14)))  # tags, and nearly all lengths


def number(field: int, value: int) -> bytes:
    """Return a field that holds a number from 0 up; nothing for 0, which is what a missing field means."""
    return varint(field << 3 | VARINT) + varint(value) if value else b""


def double(field: int, value: float) -> bytes:
    """Return a field that holds a double float; nothing for 0."""
    return varint(field << 3 | FIXED64) + struct.pack("<d", value) if value else b""


def message(field: int, content: bytes) -> bytes:
    """Return a field that holds a message, a text or packed numbers."""
    return _SMALL[field << 3 | BYTES] + varint(len(content)) + content


def packed(field: int, values: Any) -> bytes:
    """Return a field that holds many numbers from 0 up; nothing for none."""
    return message(field, varints(np.asarray(values, np.uint64))[0]) if len(values) else b""


def zigzagged(values: Ints) -> Words:
    """Return the unsigned numbers that stand for signed ones: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return ((values << np.int64(1)) ^ (values >> np.int64(63))).view(np.uint64)


def varints(values: Words) -> tuple[bytes, Ints]:
    """Return many numbers, one after the other, and how many bytes each takes."""
    pieces, sizes = [], np.ones(len(values), np.int64)
    for first in range(0, len(values), _AT_ONCE):
        some = values[first : first + _AT_ONCE]
        size = sizes[first : first + _AT_ONCE]
        for shift in _SHIFTS[1:]:
            longer = some >> shift > 0
            if not longer.any():
                break
            size += longer
        longest = int(size.max())
        groups = (some[:, None] >> _SHIFTS[:longest] & _LOW).astype(np.uint8)
        places = _PLACES[:longest]
        groups |= np.where(places < size[:, None] - 1, _MORE, np.uint8(0))
        pieces.append(groups[places < size[:, None]].tobytes())
    return b"".join(pieces), sizes
