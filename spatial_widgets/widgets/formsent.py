"""What a page has of a form whose inputs or entries are very large. Each is the ``to_json`` of a trait; see fitting.py."""

from __future__ import annotations

from typing import Any

from spatial_widgets.widgets.fitting import cut, fitting, weight

__all__ = ["columns_sent", "entries_sent", "fields_sent", "told_sent"]

_FIELDS_BYTES = 15_000
_HELP_BYTES = (400, 100, 0)  # of one field, the more there are
_CHOICES = (200, 30, 5)
_ENTRIES_BYTES, _TOLD_BYTES, _COLUMNS_BYTES = 4000, 1500, 3000


def fields_sent(fields: list[dict[str, Any]], _widget: Any = None) -> list[dict[str, Any]]:
    """Return the fields; of very many and long ones less, until they fit."""
    sent = fields
    for most, choices in zip(_HELP_BYTES, _CHOICES, strict=True):
        if weight(sent) <= _FIELDS_BYTES:
            return sent
        sent = [_shorter(field, most, choices) for field in fields]
    return sent[: fitting(sent, _FIELDS_BYTES)]


def _shorter(field: dict[str, Any], most: int, choices: int) -> dict[str, Any]:
    start = field["start"] if weight(field["start"]) <= 200 else field["blank"]
    return field | {
        "help": cut(field["help"], most) if most else "",
        "notes": [cut(note, most) for note in field["notes"]] if most else [],
        "labels": field["labels"][:choices],
        "words": field["words"][:choices],
        "start": start if field["kind"] != "choice" or len(field["labels"]) <= choices else field["blank"],
        "parts": [_shorter(part, most, choices) for part in field["parts"]],
    }


def entries_sent(entries: dict[str, Any], _widget: Any = None) -> dict[str, Any]:
    """Return the entries; None for one that is too large: it stays in the view where it was entered."""
    left, sent = _ENTRIES_BYTES, {}
    for name, entry in entries.items():
        weighs = weight(entry)
        sent[name] = entry if weighs <= left else None
        left -= weighs if weighs <= left else 0
    return sent


def told_sent(told: dict[str, str], _widget: Any = None) -> dict[str, str]:
    """Return what is wrong, by input: each at less length where there is much."""
    most = max(60, _TOLD_BYTES // max(1, len(told)))
    return {name: cut(words, most) for name, words in told.items()}


def columns_sent(columns: dict[str, list[list[str]]], _widget: Any = None) -> dict[str, list[list[str]]]:
    """Return the columns that are offered: the first ones of a wide layer; any other can be typed."""
    most = _COLUMNS_BYTES // max(1, len(columns))
    return {name: pairs[: fitting(pairs, most)] for name, pairs in columns.items()}
