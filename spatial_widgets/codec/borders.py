"""Where one feature ends and the next begins, in the text of a list of features."""

from __future__ import annotations

import re

__all__ = ["SPACE", "TOKEN", "likely_border", "scan"]

SPACE = b" \t\r\n"
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}:,"]', re.DOTALL)
_QUOTE_OR_BRACE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|\{|\}|"', re.DOTALL)
_COMMA = re.compile(rb"\s*,\s*")
_TRIES = 8


def likely_border(data: bytes | bytearray, start: int, end: int) -> tuple[int, int] | None:
    """Return the end of a feature and the start of the next, the last that look like it before ``end``."""
    brace = end
    for _ in range(_TRIES):
        brace = data.rfind(b"{", start, brace)
        if brace <= start:
            return None
        before = data[max(start, brace - 64) : brace].rstrip(SPACE)
        if before.endswith(b","):
            closed = before[:-1].rstrip(SPACE)
            if closed.endswith(b"}"):
                return max(start, brace - 64) + len(closed), brace
    return None


def scan(
    data: bytes | bytearray, start: int, end: int
) -> tuple[int | None, int | None, int | None, int | None]:
    """Scan inside an array of objects, from between two of them.

    Returns the end of the last whole object that another follows, the start of that one, the end of the
    first object, and the place of the bracket that closes the array; None for what is not there.
    """
    nested = 0  # arrays in the place of objects
    at = start
    ended: int | None = None
    last_end = next_start = first_end = None
    while match := TOKEN.search(data, at, end):
        token = match.group()
        at = match.end()
        if token == b'"':  # a text that goes on beyond the end
            break
        if token == b"{":
            closed = _object_end(data, at, end)
            if closed is None:
                break
            at = closed
        elif token == b"[":
            nested += 1
        elif token == b"]":
            if not nested:
                return last_end, next_start, first_end, match.start()
            nested -= 1
        if token in (b"{", b"]") and not nested:
            ended = at
            first_end = first_end or ended
        elif token == b"," and not nested and ended is not None:
            comma = _COMMA.match(data, ended, end)
            if comma and comma.end() < end:
                last_end, next_start = ended, comma.end()
    return last_end, next_start, first_end, None


def _object_end(data: bytes | bytearray, start: int, end: int) -> int | None:
    """Return the end of an object from behind its opening brace; what is no brace and no text is passed over."""
    depth = 1
    for match in _QUOTE_OR_BRACE.finditer(data, start, end):
        token = match.group()
        if token == b"{":
            depth += 1
        elif token == b"}":
            depth -= 1
            if not depth:
                return match.end()
        elif token == b'"':  # a text that goes on beyond the end
            return None
    return None
