"""JSON text in pieces.

A value on its way to the wire is a tree of plain JSON values in which a :class:`Written` may stand for a
whole layer. It is written block by block, so that a large layer never stands in memory as objects.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Written", "form_pieces", "form_text", "json_pieces", "plain"]


class Written(ABC):
    """A JSON value that writes itself."""

    @abstractmethod
    def document(self) -> Any:
        """Return the value as plain objects."""

    @abstractmethod
    def pieces(self) -> Iterator[bytes]:
        """Yield the value's UTF-8 text."""


def plain(tree: Any) -> Any:
    """Return a tree with plain objects in place of everything that would write itself."""
    if isinstance(tree, Written):
        return tree.document()
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    return [plain(value) for value in tree] if isinstance(tree, list) else tree


def form_pieces(tree: Any) -> list[bytes]:
    """Return the UTF-8 text of a form field, in pieces: text as it is, everything else as JSON.

    Raises
    ------
    CodecError : a text cannot be written as UTF-8, or a value is no JSON.
    """
    return [_utf8(tree)] if isinstance(tree, str) else list(json_pieces(tree))


def form_text(value: Any) -> str:
    """Return the text of a form field for an encoded value: text as it is, everything else as JSON."""
    return b"".join(form_pieces(value)).decode()


def json_pieces(tree: Any) -> Iterator[bytes]:
    """Yield the UTF-8 text of a JSON value.

    Raises
    ------
    CodecError : a text cannot be written as UTF-8, or a value is no JSON.
    """
    if isinstance(tree, Written):
        yield from tree.pieces()
        return
    try:
        # Most trees are plain, and some of those large: the C encoder tells faster than a look at every leaf.
        whole = _json(tree)
    except CodecError:
        if not _is_long(tree):
            raise
    else:
        yield whole
        return
    if isinstance(tree, dict):
        for number, (key, value) in enumerate(tree.items()):
            yield (b"," if number else b"{") + _json(str(key)) + b":"
            yield from json_pieces(value)
        yield b"}"
    else:
        for number, value in enumerate(tree):
            yield b"," if number else b"["
            yield from json_pieces(value)
        yield b"]"


def _is_long(tree: Any) -> bool:
    if isinstance(tree, Written):
        return True
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return any(map(_is_long, inner))


def _json(value: Any) -> bytes:
    try:
        return _utf8(json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"expected a JSON value, got one that is none: {error}") from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CodecError(
            f"a text cannot be sent: character {error.start} is half of a pair (U+{ord(text[error.start]):04X}); "
            "text.encode('utf-16', 'surrogatepass').decode('utf-16') joins such halves, errors='replace' drops them"
        ) from error
