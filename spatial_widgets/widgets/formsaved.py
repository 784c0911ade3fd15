"""A form as it stands in a saved page: the call that it stands for, as text and HTML that need no kernel."""

from __future__ import annotations

import html

from spatial_widgets.widgets.phrases import say

__all__ = ["html_text", "plain_text"]


def plain_text(task: str, code: str) -> str:
    """Return a form as ``text/plain``."""
    lines = [say("form.label", task=task), *code.splitlines()]
    return "\n  ".join(lines)


def html_text(task: str, code: str) -> str:
    """Return a form as ``text/html``."""
    e = html.escape
    return f"<div><p><strong>{e(say('form.label', task=task))}</strong></p><pre>{e(code)}</pre></div>"
