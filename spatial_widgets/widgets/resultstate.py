"""What a page has of the results of a job: their lines, and what can be seen of each, as far as they fit."""

from __future__ import annotations

from typing import Any

from spatial_widgets.widgets.fitting import cut, fitting, weight
from spatial_widgets.widgets.phrases import say

__all__ = ["previews_sent", "summary_sent"]

_LINES = 3600  # bytes of all lines, and of the buttons below them
_BUTTONS = 2400
_ALL = 7500  # with the tables


def summary_sent(summary: list[dict[str, Any]], _widget: Any = None) -> list[dict[str, Any]]:
    """Return the lines of the first results; how many there are is a trait of its own."""
    lines = []
    for result in summary:
        line = {
            "name": result["name"],
            "kind": result["kind"],
            "rows": result["rows"],
            "columns": len(result["columns"]),
            "names": cut(", ".join(result["columns"]), 80),
            "crs": cut(result["crs"], 120),
            "text": cut(result["text"], 300),
        }
        lines.append({key: value for key, value in line.items() if key == "name" or value != ""})
    return lines[: fitting(lines, _LINES)]


def previews_sent(previews: list[dict[str, Any]], widget: Any) -> list[dict[str, Any]]:
    """Return what can be seen of those: buttons of all, pictures, and tables while they fit."""
    lines = summary_sent(widget.summary)
    shown = {line["name"] for line in lines}
    chosen = [preview for preview in previews if preview["name"] in shown]
    bare = [
        # Of the Python the last line: the others are the same for all results of a job, and travel once.
        {"name": p["name"], "code": p["code"].rpartition("\n")[2], "formats": p["formats"]}
        for p in chosen
    ]
    count = fitting(bare, _BUTTONS)
    left = _ALL - weight(lines) - weight(bare[:count])
    sent = []
    for preview, buttons in zip(chosen[:count], bare, strict=False):
        rest = {name: value for name, value in preview.items() if value and name not in buttons}
        weighs = weight(rest | {"picture": ""})
        if weighs > left:
            rest = {name: rest[name] for name in ("picture", "width", "height") if name in rest}
            if preview["columns"]:
                rest["pictureCaption"] = say("preview.too_wide", name=repr(preview["name"]))
            weighs = weight(rest | {"picture": ""})
        left -= weighs
        sent.append(buttons | rest if left > 0 else buttons)
    return sent
