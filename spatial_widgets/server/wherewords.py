"""The words of a where clause: what may stand in one, and how it is written anew."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["FUNCTIONS", "Clause", "matches_like"]

#: Functions that may be called, and what SQLite calls them.
FUNCTIONS = {
    "ABS": "abs", "ROUND": "round", "UPPER": "upper", "LOWER": "lower", "TRIM": "trim", "LENGTH": "length",
    "CHAR_LENGTH": "length", "SUBSTRING": "substr", "SUBSTR": "substr", "COALESCE": "coalesce", "NULLIF": "nullif",
}  # fmt: skip
#: Words of a condition; a field of such a name has to stand in double quotes.
_WORDS = {"AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "ESCAPE"}
_CONSTANTS = {"TRUE", "FALSE"}
_UNITS_MS = {"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_LONGEST = 20_000
_DEEPEST = 50
_COMPARISONS = 50_000_000
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<text>[Nn]?'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<word>[^\W\d]\w*)
    |(?P<sign><>|!=|<=|>=|\|\||[=<>+\-*/(),])""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str
    text: str


@dataclass(slots=True)
class Clause:
    """A where clause in our own words: ``sql`` over the columns ``c0``, ``c1`` … of ``columns``."""

    names: dict[str, str]
    dates: Collection[str]
    columns: list[str] = field(default_factory=list)
    sql: str = ""
    _written: list[str] = field(default_factory=list)
    _subject: str = ""
    _depth: int = 0

    @classmethod
    def read(cls, text: str, names: Sequence[str], dates: Collection[str]) -> Self:
        """Read a clause over fields of these names, some of which hold dates.

        Raises
        ------
        ValueError : there is something in it that has no place in a condition.
        """
        folded: dict[str, str] = {}
        for name in names:
            folded.setdefault(name.casefold(), name)
        clause = cls(folded, dates)
        tokens = _tokens(text)
        while tokens:
            clause._take(tokens)
        if clause._depth:
            raise ValueError("a parenthesis is not closed")
        clause.sql = " ".join(clause._written)
        return clause

    def _take(self, tokens: list[_Token]) -> None:
        kind, text = tokens.pop(0)
        following = tokens[0] if tokens else _Token("", "")
        if kind == "quoted":
            self._column(text[1:-1].replace('""', '"'))
        elif kind == "text":
            self._literal(text)
        elif kind == "word":
            self._word(text, following, tokens)
        else:
            self._depth += {"(": 1, ")": -1}.get(text, 0)
            if not 0 <= self._depth <= _DEEPEST:
                raise ValueError(
                    "its parentheses do not match" if self._depth < 0 else "it is nested too deeply"
                )
            self._written.append(text)

    def _word(self, text: str, following: _Token, tokens: list[_Token]) -> None:
        word = text.upper()
        if word in _WORDS:
            self._written.append(word)
        elif word in {"DATE", "TIMESTAMP"} and following.kind == "text":
            self._written.append(str(_milliseconds(_unquoted(tokens.pop(0).text))))
        elif text.casefold() in self.names:
            self._column(text)
        elif word == "INTERVAL" and following.kind == "text":
            self._interval(tokens)
        elif word in {"CURRENT_TIMESTAMP", "CURRENT_DATE"}:
            now = pd.Timestamp.now("UTC").tz_localize(None)
            self._written.append(str(_stamp_ms(now if word.endswith("P") else now.normalize())))
        elif word in FUNCTIONS and following.text == "(":
            self._written.append(FUNCTIONS[word])
        elif word in _CONSTANTS:
            self._written.append(word)
        elif following.text == "(":
            known = ", ".join(FUNCTIONS)
            raise ValueError(f"there is no function {text[:40]!r} here; there are {known}")
        else:
            known = ", ".join(self.names.values()) or "none"
            raise ValueError(f"there is no field {text[:40]!r}; the fields are {known}")

    def _column(self, name: str) -> None:
        found = self.names.get(name.casefold())
        if found is None:
            known = ", ".join(self.names.values()) or "none"
            raise ValueError(f"there is no field {name[:40]!r}; the fields are {known}")
        if found not in self.columns:
            self.columns.append(found)
        self._subject = found
        self._written.append(f"c{self.columns.index(found)}")

    def _literal(self, text: str) -> None:
        if self._subject in self.dates:  # compared with a date, a text is one
            self._written.append(str(_milliseconds(_unquoted(text))))
        else:
            self._written.append("'" + _unquoted(text).replace("'", "''") + "'")

    def _interval(self, tokens: list[_Token]) -> None:
        amount = _unquoted(tokens.pop(0).text)
        unit = tokens.pop(0).text.upper() if tokens else ""
        if unit not in _UNITS_MS or not re.fullmatch(r"\d{1,9}", amount):
            raise ValueError("an interval is written INTERVAL '1' DAY; the units are " + ", ".join(_UNITS_MS))
        self._written.append(str(int(amount) * _UNITS_MS[unit]))


def _tokens(text: str) -> list[_Token]:
    if len(text) > _LONGEST:
        raise ValueError(f"it has over {_LONGEST:,} characters")
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or text.startswith("--", at) or text.startswith("/*", at):
            raise ValueError(f"{text[at : at + 10]!r} has no place in a condition")
        at = match.end()
        if match.lastgroup != "blank":
            found.append(_Token(str(match.lastgroup), match.group()))
    if not found:
        raise ValueError("it is empty")
    if any("\0" in token.text for token in found):
        raise ValueError("it holds a null character")
    return found


def _unquoted(text: str) -> str:
    return text.lstrip("Nn")[1:-1].replace("''", "'")


def _milliseconds(text: str) -> int:
    """Return a date's milliseconds since 1970, UTC."""
    try:
        stamp = pd.Timestamp(text)
    except (ValueError, OverflowError, TypeError) as error:
        raise ValueError(f"{text[:40]!r} is no date; write DATE 'yyyy-mm-dd'") from error
    if pd.isna(stamp) or not re.match(r"\s*\d", text):
        raise ValueError(f"{text[:40]!r} is no date; write DATE 'yyyy-mm-dd'")
    return _stamp_ms(stamp.tz_convert(None) if stamp.tzinfo is not None else stamp)


def _stamp_ms(stamp: pd.Timestamp) -> int:
    return int(stamp.to_datetime64().astype("datetime64[ms]").astype(np.int64))


def matches_like(pattern: object, value: object, escape: str = "") -> bool | None:
    """Return whether a text is LIKE a pattern, case and all, in time that grows with their lengths only."""
    if pattern is None or value is None:
        return None
    text = str(value)
    pieces = _pieces(str(pattern), str(escape or ""))
    if len(pieces) == 1:
        return len(text) == len(pieces[0]) and _found(pieces[0], text, 0, anchored=True) == 0
    first, middle, last = pieces[0], pieces[1:-1], pieces[-1]
    if len(text) < len(first) + len(last) or _found(first, text, 0, anchored=True) != 0:
        return False
    end = len(text) - len(last)
    if _found(last, text, end, anchored=True) != end:
        return False
    at = len(first)
    for piece in middle:
        begin = _found(piece, text, at)
        if begin < 0 or begin + len(piece) > end:
            return False
        at = begin + len(piece)
    return True


_ANY = None


@lru_cache(maxsize=16)
def _pieces(pattern: str, escape: str) -> list[list[str | None]]:
    """Return what stands between the percent signs; None stands for any one character."""
    pieces: list[list[str | None]] = [[]]
    letters = iter(pattern)
    for letter in letters:
        if escape and letter == escape:
            pieces[-1].append(next(letters, escape))
        elif letter == "%":
            pieces.append([])
        else:
            pieces[-1].append(_ANY if letter == "_" else letter)
    return pieces


def _found(piece: list[str | None], text: str, start: int, *, anchored: bool = False) -> int:
    """Return where a piece first stands in a text from ``start`` on, or -1."""
    if _ANY not in piece:
        literal = "".join(letter for letter in piece if letter is not None)
        if anchored:
            return start if text.startswith(literal, start) else -1
        return text.find(literal, start)
    if not anchored and len(piece) * len(text) > _COMPARISONS:
        raise ValueError("the pattern is too long for such long texts")
    source = re.compile("".join("." if letter is None else re.escape(letter) for letter in piece), re.DOTALL)
    match = source.match(text, start) if anchored else source.search(text, start)
    return match.start() if match else -1
