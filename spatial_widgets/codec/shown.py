"""Values as error messages show them: short, and without tokens."""

from __future__ import annotations

import json
import re
import reprlib
from typing import Any

from spatial_widgets.errors import CodecError

__all__ = ["parse_json", "show"]

_LONGEST = 60
_SHORT = reprlib.Repr()  # the whole text of a large document would take seconds
_SHORT.maxstring = _SHORT.maxother = 1000
_TOKEN = re.compile(r"(token['\"]?\s*[=:]\s*['\"]?)[^&\s'\",}]+", re.IGNORECASE)


def show(value: Any) -> str:
    """Return a value's type and its text, cut short, with the tokens of URLs masked."""
    try:
        text = _SHORT.repr(value) if isinstance(value, (dict, list, tuple, set)) else repr(value)
    except Exception as error:  # noqa: BLE001 -- a value whose repr fails is still named by its type
        text = f"(repr failed: {type(error).__name__})"
    text = _TOKEN.sub(r"\1***", text)
    return f"{type(value).__name__} {text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'}"


def parse_json(text: str, expected: str) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    CodecError : it is none; the message says what was expected.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"expected {expected}, got {show(text)}, which is no JSON: {error}") from error
