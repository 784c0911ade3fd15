"""The words that views and saved pages show: the table of ``static/phrases.js``, read once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["PHRASES", "count", "say"]


def _read() -> dict[str, str]:
    module = (Path(__file__).parent / "static" / "phrases.js").read_text(encoding="utf-8")
    found = re.search(r"^export const PHRASES = (\{.*?^\});$", module, re.MULTILINE | re.DOTALL)
    if found is None:
        raise RuntimeError("static/phrases.js has no table of texts")
    table: dict[str, str] = json.loads(found[1])
    return table


#: Name to text; a name in {braces} is filled in when the text is shown.
PHRASES = _read()


def say(name: str, /, **values: Any) -> str:
    """Return the text of a name with ``values`` filled in, each as it is: braces in a value mean nothing."""
    return PHRASES[name].format_map(values)


def count(thing: str, n: int) -> str:
    """Return a number of things, such as ``1,234 rows``; ``thing`` is "row", "column", "job", "message" or "request"."""
    return say(f"count.{thing}.{'one' if n == 1 else 'other'}", n=f"{n:,}")
