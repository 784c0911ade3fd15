"""The body of an answer as it arrives, decompressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["unpacked"]

_PLAIN = 1 << 18
_PACKED = 1 << 17
_MOST = 1 << 19  # bytes of a piece, however well they were packed
_GZIP = {"gzip", "x-gzip"}
_WINDOW = 16 + zlib.MAX_WBITS


def unpacked(response: Any) -> Iterator[bytes]:
    """Yield the body of a streamed ``requests.Response`` in pieces of at most 512 kB.

    gzip is unpacked here: for large bodies urllib3's many copies of what it unpacked are a good part of the time.

    Raises
    ------
    DecodeError : the body is no gzip, or a cut one; for other packings as ``iter_content`` says it.
    """
    headers = getattr(response.raw, "headers", None)
    packing = str(response.headers.get("Content-Encoding", "")).strip().casefold()
    if headers is None or packing not in _GZIP:
        return response.iter_content(_PLAIN)  # type: ignore[no-any-return]
    headers.pop("Content-Encoding", None)  # so that it comes as it is
    return _gunzipped(response.iter_content(_PACKED))


def _gunzipped(packed: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what was packed, in one member or several; what follows a member and is none is passed over."""
    member, has_given, is_first = zlib.decompressobj(_WINDOW), False, True
    received = 0
    for left in packed:
        received += len(left)
        while left:
            if member.eof:
                member, has_given, is_first = zlib.decompressobj(_WINDOW), False, False
            try:
                plain = member.decompress(left, _MOST)
            except zlib.error as error:
                if not is_first and not has_given:
                    return
                # The root of an error is what is told, and the library's words say nothing of a body.
                raise DecodeError(f"the gzipped body is damaged: {error}") from None
            left = member.unconsumed_tail or member.unused_data  # noqa: PLW2901 -- what is left of the piece
            if plain:
                has_given = True
                yield plain
    if received and not member.eof:
        raise DecodeError(f"the gzipped body ends too early, after {received} bytes")
