"""Secrets kept out of sight, however a server spells them when it sends them back."""

from __future__ import annotations

import functools
import json
import re
from html.entities import codepoint2name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MASK", "mask", "mask_bytes"]

MASK = "***"
_SHORTEST_SECRET = 4  # shorter ones would mask half of every text
_SHORTEST_ANCHOR = 4
_CONTROLS = dict(zip("\b\f\n\r\t", "bfnrt", strict=True))


def mask(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text by ``***``: plain, or escaped as JSON, Python, URLs and HTML do it."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET and _Spellings.of(secret).may_be_in_text(text):
            text = _Spellings.of(secret).in_text.sub(MASK, text)
    return text


def mask_bytes(data: bytes, secrets: Iterable[str]) -> bytes:
    """Return a body without the secrets; the very same object where it holds none.

    A body of JSON stays JSON: its strings and keys are masked as they read, not as they are spelled. What
    is no whole JSON is masked as text.
    """
    told = [s for s in secrets if len(s) >= _SHORTEST_SECRET and _Spellings.of(s).may_be_in(data)]
    if not told:
        return data
    try:
        document = json.loads(data.decode("utf-8-sig"))
        return json.dumps(_masked(document, told)).encode()
    except (ValueError, RecursionError):
        return mask(data.decode("utf-8", "surrogateescape"), told).encode("utf-8", "surrogateescape")


def _masked(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    if isinstance(value, dict):
        return {mask(key, secrets): _masked(item, secrets) for key, item in value.items()}
    return value


class _Spellings:
    """The ways to write one secret, as patterns, and a quick test for large bodies.

    Every character may be spelled in a way of its own: which ones are escaped differs from writer to writer.
    """

    def __init__(self, secret: str) -> None:
        pattern = "".join(_spelled(c) for c in secret)
        self.in_text = re.compile(pattern)
        self._in_bytes = re.compile(pattern.encode())
        # No writer escapes letters and digits, but one may: the whole pattern, which is slow, is tried
        # only where the longest run of them stands as it is, or one of them is escaped.
        anchor = max(re.findall("[A-Za-z0-9]+", secret), key=len, default="")
        self._anchor = anchor.encode() if len(anchor) >= _SHORTEST_ANCHOR else b""
        codes = "|".join("".join(f"[{d}{d.upper()}]" for d in f"{ord(c):02x}") for c in sorted(set(anchor)))
        decimals = "|".join(str(ord(c)) for c in sorted(set(anchor)))
        self._escapes = {
            b"\\": re.compile(rf"\\u00(?:{codes})".encode()),
            b"%": re.compile(rf"%(?:25)*(?:{codes})".encode()),
            b"&": re.compile(rf"&#0*(?:[xX]0*(?:{codes})|{decimals});".encode()),
        }

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def of(secret: str) -> _Spellings:
        return _Spellings(secret)

    def may_be_in_text(self, text: str) -> bool:
        """Whether it is worth looking closely: the plain letters stand there, or something is escaped."""
        return not self._anchor or self._anchor.decode() in text or any(sign in text for sign in "\\%&")

    def may_be_in(self, data: bytes) -> bool:
        if not self._anchor or self._anchor in data or self._may_be_escaped_in(data):
            return self._in_bytes.search(data) is not None
        return False

    def _may_be_escaped_in(self, data: bytes) -> bool:
        # One byte first: looking for it is ten times as fast as for a pattern.
        return any(sign in data and escape.search(data) for sign, escape in self._escapes.items())


def _spelled(character: str) -> str:
    """Return the pattern of one character; repeats are bounded, so that no body makes the search slow."""
    units = character.encode("utf-16-be").hex()
    plain = [re.escape(character)]
    escaped = [
        "".join(rf"\\{{1,4}}u{units[i : i + 4]}" for i in range(0, len(units), 4)),
        "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in character.encode()),
        f"&#0{{0,4}}(?:x0{{0,4}}{ord(character):x}|{ord(character)});",
    ]
    if ord(character) in codepoint2name:
        escaped.append(f"&{codepoint2name[ord(character)]};")
    if ord(character) < 256:
        escaped.append(rf"\\{{1,4}}x{ord(character):02x}")
    if character in "/\"'":
        plain.append(rf"\\{{1,4}}{character}")
    elif character == "\\":
        plain = [r"\\{1,4}"]
    elif character == " ":
        plain.append(r"\+")
    elif character in _CONTROLS:
        plain.append(rf"\\{{1,4}}{_CONTROLS[character]}")
    return f"(?:{'|'.join(plain)}|(?i:{'|'.join(escaped)}))"
