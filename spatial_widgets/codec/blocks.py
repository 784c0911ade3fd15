"""The text of a layer, cut between its features: a head, blocks of whole features, and a tail.

A layer of a million features is never held as one parsed document. What stands before the features (the
head) tells their fields; then the text is read in blocks; and head and tail together are a document of
their own, the same layer without features.

A block is cut where the text looks like the border of two features. The border is proved by the block
itself: it starts between two features, so had the cut gone through a text or an inner object, the block would
not be JSON. Then, and at the end, a scanner looks that knows strings and brackets.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec.borders import SPACE, TOKEN, likely_border, scan
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["FeatureText", "NotJson"]

_BLOCK = 1 << 18
_LOOK = 1 << 14
_FEATURES = b'"features"'
_COLON_BRACKET = re.compile(rb"\s*:\s*\[")
_BACKSLASH = 0x5C
_PLACES: tuple[list[Any], ...] = ([], ["featureSet"], ["layers", 0], ["layers", 0, "featureSet"])


class NotJson(CodecError):  # noqa: N818 -- named as the errors beside it
    """A block of text is no JSON: cut in the wrong place, or broken itself."""


class FeatureText:
    """The text of a document that holds one layer.

    Parameters
    ----------
    source : the whole text, or an iterable of its pieces as they arrive.
    inside : the keys under which the layer stands, such as ``("value",)`` in a result.
    clean : is given each block of features, and returns what is to be read in its place.

    Attributes
    ----------
    head : the text up to and including the bracket that opens the features; "" before :meth:`find`.
    received : bytes that have come so far.
    """

    def __init__(
        self,
        source: bytes | Iterable[bytes],
        *,
        inside: tuple[str, ...] = (),
        clean: Callable[[bytes], bytes] = lambda block: block,
    ) -> None:
        self._clean = clean
        self._data: bytes | bytearray = source if isinstance(source, bytes) else bytearray()
        self._pieces: Iterator[bytes] | None = None if isinstance(source, bytes) else iter(source)
        self._at = 0
        self._places = [[*inside, *place] for place in _PLACES]
        self.head = b""
        self.received = len(self._data)
        self._closers = b""

    # ------------------------------------------------------------ the head

    def find(self) -> bool:
        """Read up to the features; return whether there are any. Without, :meth:`rest` is the whole text."""
        place = _Place()
        searched = scanned = 0
        while True:
            found = self._data.find(_FEATURES, searched)
            if found < 0:
                searched = max(0, len(self._data) - len(_FEATURES))
                if not self._more(_BLOCK):
                    return False
                continue
            if found and self._data[found - 1] == _BACKSLASH:  # the end of a longer text
                searched = found + 1
                continue
            place.read(TOKEN.finditer(self._data, scanned, found))
            scanned = found
            after = found + len(_FEATURES)
            while not (opened := _COLON_BRACKET.match(self._data, after)) and len(self._data) < after + 64:
                if not self._more(64):
                    break
            if opened and place.expects_key and place.path in self._places:
                self._at = opened.end()
                self.head = bytes(self._data[: self._at])
                self._closers = place.closers
                return True
            searched = after

    def head_document(self) -> Any:
        """Return what the head says, parsed, as a document without features; None where that is no JSON."""
        try:
            return json.loads(self.head + b"]" + self._closers)
        except (ValueError, RecursionError):
            return None

    def first_features(self) -> list[Any]:
        """Return some features from the start, parsed: at least one, if there is one and it can be read."""
        size = _LOOK
        while True:
            end, is_all = self._window(size)
            last_end, _, first_end, array_end = scan(self._data, self._at, end)
            some = array_end or last_end or first_end
            if some is not None or is_all:
                try:
                    found = json.loads(b"[" + self._data[self._at : some or self._at] + b"]")
                except (ValueError, RecursionError):
                    return []
                return list(found)
            size *= 2

    # ------------------------------------------------------------ the blocks

    def read(self, take: Callable[[bytes], None], *, size: int = _BLOCK) -> bool:
        """Hand over the features, in blocks of about ``size`` bytes, each as ``[{…},…]``.

        Returns False if the text ends among them.

        ``take`` raises :class:`NotJson` for a block that is none, before it keeps anything of it.
        """
        wanted = size
        while True:
            end, is_all = self._window(size)
            if not is_all or end - self._at > _LOOK:  # the scan of what is left is slow
                cut = likely_border(self._data, self._at, end)
                if cut is not None and self._offered(take, cut[0]):
                    self._at = cut[1]
                    size = wanted
                    continue
            last_end, next_start, _, array_end = scan(self._data, self._at, end)
            if array_end is not None:
                if self._data[self._at : array_end].strip(SPACE):
                    take(self._block(array_end))
                self._at = array_end
                return True
            if last_end is not None and next_start is not None:
                take(self._block(last_end))
                self._at = next_start
                size = wanted
            elif is_all:
                return False
            else:
                size *= 2

    def _offered(self, take: Callable[[bytes], None], end: int) -> bool:
        try:
            take(self._block(end))
        except NotJson:
            return False
        return True

    def _block(self, end: int) -> bytes:
        with memoryview(self._data) as view, view[self._at : end] as part:
            return self._clean(b"".join((b"[", part, b"]")))

    def rest(self) -> bytes:
        """Return all text from here to the end."""
        while self._more(_BLOCK):
            pass
        return bytes(self._data[self._at :]) if self._at else bytes(self._data)

    # ------------------------------------------------------------ what has arrived

    def _window(self, size: int) -> tuple[int, bool]:
        """Return the end of the next ``size`` bytes, and whether the text ends there."""
        missing = size - (len(self._data) - self._at)
        if missing >= 0:
            self._more(missing + 1)
        end = min(len(self._data), self._at + size)
        return end, end == len(self._data) and self._pieces is None

    def _more(self, count: int) -> bool:
        """Take in at least ``count`` more bytes, if there are; forget what was read. False at the end."""
        if self._pieces is None or isinstance(self._data, bytes):
            return False
        pieces, count_so_far = [], 0
        while count_so_far < count:
            piece = next(self._pieces, None)
            if piece is None:
                self._pieces = None
                break
            pieces.append(piece)
            count_so_far += len(piece)
        self.received += count_so_far
        if self._at and self.head:
            with memoryview(self._data) as view, view[self._at :] as left:
                self._data = bytearray().join((left, *pieces))
            self._at = 0
        else:
            self._data += b"".join(pieces)
        return bool(count_so_far)


class _Place:
    """Where in a document a scan stands: the keys and indices from the top down to here."""

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._steps: list[Any] = []  # for each open bracket, the key or index that is current in it
        self.expects_key = False

    @property
    def path(self) -> list[Any]:
        return self._steps[:-1]

    @property
    def closers(self) -> bytes:
        return b"".join(b"}" if bracket == b"{" else b"]" for bracket in reversed(self._open))

    def read(self, tokens: Iterator[re.Match[bytes]]) -> None:
        for match in tokens:
            token = match.group()
            mark = token[:1]
            if mark == b'"':
                if self.expects_key:
                    self._steps[-1] = token[1:-1].decode("utf-8", "replace")
            elif mark in b"{[":
                self._open.append(mark)
                self._steps.append(None if mark == b"{" else 0)
                self.expects_key = mark == b"{"
            elif mark in b"}]":
                if self._open:
                    self._open.pop()
                    self._steps.pop()
                self.expects_key = False
            elif mark == b":":
                self.expects_key = False
            elif self._open and self._open[-1] == b"{":
                self.expects_key = True
            elif self._open:
                self._steps[-1] += 1
