"""Docstrings as the site shows them: the house's sections become Markdown, Sphinx roles become code.

The parameters of this house are written ``name : what it is, with its unit``, the type being in the signature. No reader of
docstrings knows that form, so this one does the little that is needed.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLE = re.compile(r":(?:class|meth|func|attr|exc|data|mod|obj):`~?([^`]+)`")
_ADDRESS = re.compile(r"(?<![<(`])https://[^\s)>,;]*[^\s)>,;.]")
_TITLE = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
_ITEM = re.compile(r"^(\*{0,2}[A-Za-z_][\w.]*(?:, \*{0,2}[A-Za-z_][\w.]*)*) : (.*)$")


class Sections(griffe.Extension):
    """Rewrites every docstring of the package."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrite the docstrings once the whole package is known."""
        for thing in _walk(pkg):
            if thing.docstring is not None:
                thing.docstring.value = as_markdown(thing.docstring.value)


def _walk(thing: griffe.Object | griffe.Alias) -> Iterator[griffe.Object]:
    if thing.is_alias or not isinstance(thing, griffe.Object):
        return
    yield thing
    for member in thing.members.values():
        yield from _walk(member)


def as_markdown(docstring: str) -> str:
    """Return a docstring of the house as Markdown."""
    text = _ROLE.sub(r"`\1`", inspect.cleandoc(docstring))
    text = re.sub(r"^::$\n", "", text, flags=re.MULTILINE)
    head, *sections = _TITLE.split(_ADDRESS.sub(r"<\g<0>>", text))
    parts = [_prose(head)]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        parts += [f"**{title}**", _section(body.strip("\n"))]
    return "\n\n".join(part for part in parts if part)


def _section(body: str) -> str:
    """Return a section's items as a list, or its prose."""
    lines: list[str] = []
    for line in body.splitlines():
        item = _ITEM.match(line)
        if item:
            names = ", ".join(f"`{name}`" for name in item[1].split(", "))
            lines.append(f"- {names}: {item[2]}")
        else:
            lines.append(line)
    if not any(line.startswith("- `") for line in lines):
        return _prose(body)
    return "\n".join(lines)


def _prose(text: str) -> str:
    """Return prose, with what a Python prompt shows as a block of code."""
    prompt = re.compile(r"^>>> .*(?:\n(?!\n).+)*", re.MULTILINE)
    told = re.sub(r" *# doctest: \+\w+$", "", text.strip(), flags=re.MULTILINE)
    return prompt.sub(lambda found: f"```pycon\n{found[0]}\n```", told)


__all__ = ["Sections", "as_markdown"]
