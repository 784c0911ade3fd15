"""A form as it stands in a saved page: the call that it stands for, as text and HTML that need no kernel."""

from __future__ import annotations

import html

from spatial_widgets.widgets.fitting import cut, weight_in_html
from spatial_widgets.widgets.phrases import say

__all__ = ["html_text", "plain_text"]


def plain_text(task: str, code: str) -> str:
    """Return a form as ``text/plain``."""
    lines = [say("form.label", task=cut(task, 200)), *cut(code, 2500, "form.call.more").splitlines()]
    return "\n  ".join(lines)


def html_text(task: str, code: str) -> str:
    """Return a form as ``text/html``."""
    e = html.escape
    name = cut(task, 300, weigh=weight_in_html)
    program = cut(code, 3500, "form.call.more", weight_in_html)
    return f"<div><p><strong>{e(say('form.label', task=name))}</strong></p><pre>{e(program)}</pre></div>"
