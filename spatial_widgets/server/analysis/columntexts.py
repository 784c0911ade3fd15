"""What an expression does to the texts of a column: parts, pieces, and the methods of Python's ``str``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from spatial_widgets.server.analysis.columnvalues import as_columns, as_given, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["METHODS", "contains", "limited", "on_text", "part"]

_TEXT_CHARS = 100_000_000  # of one step together
_ALIKE = {"upper", "lower", "len"}  # pandas does these for a whole column, and as Python does


def limited(value: Any) -> Any:
    """Return texts, and refuse those that are too long together."""
    size = value.str.len().sum() if isinstance(value, pd.Series) else len(value or "")
    if size > _TEXT_CHARS:
        raise ValueError("the texts it makes are too long")
    return value


def on_text(value: Any, name: str, change: Callable[[str], Any], dtype: str = "string") -> Any:
    """Return what a change makes of each text; null stays null."""
    if kind_of(value) not in {"text", "nothing"}:
        raise ValueError(f"{name} works on text, not on {kind_of(value)}; str() makes text of numbers")
    (column,), single = as_columns(value)
    if name in _ALIKE and _is_ascii(column):
        return as_given(getattr(column.str, name)(), was_single=single)
    made: list[Any] = [
        pd.NA if text is pd.NA or text is None else change(text) for text in column.astype(object)
    ]
    made_column: pd.Series[Any] = pd.Series(made, index=column.index, dtype=dtype)
    found = as_given(made_column, was_single=single)
    return limited(found) if dtype == "string" else found


def _is_ascii(column: pd.Series[Any]) -> bool:
    """Whether all texts are ASCII; beyond it Arrow, which pandas may use, changes case otherwise than Python."""
    test = getattr(getattr(column, "str", None), "isascii", None) if str(column.dtype) == "string" else None
    return test is not None and bool(test().fillna(value=True).all())


def part(value: Any, places: slice) -> Any:
    """Return a part of each text."""
    return on_text(value, "[…]", lambda text: text[places])


def contains(value: Any, piece: Any) -> Any:
    """Return whether texts hold a piece."""
    return on_text(value, "in", lambda text: _one_text(piece, "in") in text, "boolean")


def _one_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: give it a text, not a field")  # noqa: TRY004 -- of the expression
    return value


def _method(name: str) -> Callable[..., Any]:
    def call(value: Any, *arguments: Any) -> Any:
        given = [_one_text(argument, name) for argument in arguments]
        dtype = "boolean" if name.endswith("swith") else "Int64" if name in {"count", "find"} else "string"
        if name == "replace" and isinstance(value, pd.Series):
            _limited_replace(value, *given)
        return on_text(value, name, lambda text: getattr(text, name)(*given), dtype)

    return call


def _limited_replace(value: pd.Series[Any], old: str, new: str) -> None:
    grown = value.str.len().sum() * max(1, len(new)) / max(1, len(old)) if kind_of(value) == "text" else 0
    if grown > _TEXT_CHARS:
        raise ValueError("the texts it makes are too long")


#: Methods of texts by name, with the fewest and the most values that they take.
METHODS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    **{name: (_method(name), 0, 0) for name in ("upper", "lower", "title", "capitalize")},
    **{name: (_method(name), 0, 1) for name in ("strip", "lstrip", "rstrip")},
    **{name: (_method(name), 1, 1) for name in ("startswith", "endswith", "find", "count")},
    "replace": (_method("replace"), 2, 2),
}
