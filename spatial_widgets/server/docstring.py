"""A task's docstring, in NumPy's style: what it says of the whole, of the parameters and of what is returned.

Source: https://numpydoc.readthedocs.io/en/latest/format.html
"""

from __future__ import annotations

import inspect
import itertools
import re
from dataclasses import dataclass, field

__all__ = ["TaskText", "read_docstring"]

_RULE = re.compile(r"-{3,}")
_TAKEN = {"parameters": "parameters", "other parameters": "parameters", "returns": "returns"}


@dataclass(frozen=True, slots=True)
class TaskText:
    """What a docstring says. ``returns`` has the names of outputs, or types where it names none."""

    description: str
    parameters: dict[str, str] = field(default_factory=dict)
    returns: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> TaskText:
    """Return the parts of a docstring; sections other than Parameters and Returns stay in the description."""
    lines = inspect.cleandoc(text or "").splitlines()
    heads = [n for n in range(len(lines) - 1) if lines[n].strip() and _RULE.fullmatch(lines[n + 1].strip())]
    kept = lines[: heads[0] if heads else len(lines)]
    entries: dict[str, dict[str, str]] = {"parameters": {}, "returns": {}}
    for head, end in itertools.pairwise([*heads, len(lines)]):
        section = _TAKEN.get(lines[head].strip().casefold())
        if section is None:
            kept += lines[head:end]
        else:
            entries[section] |= _entries(lines[head + 2 : end])
    return TaskText("\n".join(kept).strip(), **entries)


def _entries(lines: list[str]) -> dict[str, str]:
    """Return name → text: the indented lines below a name, or, without any, what follows its colon."""
    found: dict[str, str] = {}
    names: list[str] = []
    beside, below = "", [""]

    def close() -> None:
        words = " ".join(" ".join(below).split())
        for name in names:
            # A single word beside the colon is the type.
            found[name] = words or (beside if " " in beside else "")

    for line in lines:
        if line[:1].isspace() or not line.strip():
            below.append(line.strip())
            continue
        close()
        label, _, beside = (part.strip() for part in line.partition(":"))
        names, below = [name.strip().lstrip("*") for name in label.split(",") if name.strip()], []
    close()
    return found
