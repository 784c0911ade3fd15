"""Elements of SVG and HTML as text."""

from __future__ import annotations

from typing import Any

__all__ = ["element"]


def element(name: str, inside: str = "", /, **attributes: Any) -> str:
    """Return an element; ``inside`` is markup, and so are the attributes' values: what came from elsewhere is escaped before.

    ``stroke_width=3`` is ``stroke-width="3"``.
    """
    told = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f"<{name}{told}>{inside}</{name}>" if inside else f"<{name}{told}/>"
