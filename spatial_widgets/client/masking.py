"""Secrets kept out of sight, however a server spells them when it sends them back."""

from __future__ import annotations

import json
import re
import threading
from html.entities import codepoint2name
from typing import TYPE_CHECKING, Any, TypeVar

from spatial_widgets.client.forking import renewed_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MASK", "mask", "mask_bytes"]

_T = TypeVar("_T")

MASK = "***"
_SHORTEST_SECRET = 4  # shorter ones would mask half of every text
_SHORTEST_ANCHOR = 4
_MOST_KNOWN = 200  # secrets whose patterns are kept
_SIGNS = (b"\\", b"%", b"&")
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
        # No writer escapes letters and digits, but one may: the whole pattern, which is slow, is tried
        # only where the longest run of them stands as it is, or one of them is escaped.
        anchor = max(re.findall("[A-Za-z0-9]+", secret), key=len, default="")
        self._secret = secret
        self._anchor = anchor.encode() if len(anchor) >= _SHORTEST_ANCHOR else b""
        self._lock = threading.RLock()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Get a new lock, as in a forked child: who held the old one is not there."""
        self._lock = threading.RLock()

    # Patterns are made when a text first needs them, and by one thread: a token that is new to thirty polls at once
    # must not cost each of them the ten milliseconds.

    @property
    def in_text(self) -> re.Pattern[str]:
        """The whole pattern."""
        return self._made("_in_text", lambda: re.compile("".join(_spelled(c) for c in self._secret)))

    @property
    def _in_bytes(self) -> re.Pattern[bytes]:
        return self._made("_in_body", lambda: re.compile("".join(_spelled(c) for c in self._secret).encode()))

    @property
    def _escapes(self) -> dict[bytes, re.Pattern[bytes]]:
        return self._made("_escaped", self._escape_patterns)

    def _escape_patterns(self) -> dict[bytes, re.Pattern[bytes]]:
        letters = sorted(set(self._anchor.decode()))
        codes = "|".join("".join(f"[{d}{d.upper()}]" for d in f"{ord(c):02x}") for c in letters)
        decimals = "|".join(str(ord(c)) for c in letters)
        return {
            b"\\": re.compile(rf"\\u00(?:{codes})".encode()),
            b"%": re.compile(rf"%(?:25)*(?:{codes})".encode()),
            b"&": re.compile(rf"&#0*(?:[xX]0*(?:{codes})|{decimals});".encode()),
        }

    def _made(self, name: str, make: Callable[[], _T]) -> _T:
        found: _T | None = self.__dict__.get(name)
        if found is None:
            with self._lock:
                found = self.__dict__.get(name)
                if found is None:
                    found = self.__dict__[name] = make()
        return found

    @staticmethod
    def of(secret: str) -> _Spellings:
        found = _known.get(secret)
        if found is None:
            for old in list(_known)[: len(_known) - _MOST_KNOWN]:
                _known.pop(old, None)
            found = _known.setdefault(secret, _Spellings(secret))  # at one go: one for all threads
        return found

    def may_be_in_text(self, text: str) -> bool:
        """Whether it is worth looking closely: the plain letters stand there, or something is escaped."""
        return not self._anchor or self._anchor.decode() in text or any(sign in text for sign in "\\%&")

    def may_be_in(self, data: bytes) -> bool:
        if not self._anchor or self._anchor in data or self._may_be_escaped_in(data):
            return self._in_bytes.search(data) is not None
        return False

    def _may_be_escaped_in(self, data: bytes) -> bool:
        # One byte first: looking for it is ten times as fast as for a pattern.
        return any(sign in data and self._escapes[sign].search(data) for sign in _SIGNS)


_known: dict[str, _Spellings] = {}


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
