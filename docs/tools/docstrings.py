"""Docstrings as the site reads them: what is written as a Sphinx role becomes a link, or code where nothing is documented."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLE = re.compile(r":(?:class|meth|func|attr|exc|data|mod|obj):`~?([^`]+)`")


class Roles(griffe.Extension):
    """Rewrites every docstring of the package."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrite the docstrings once the whole package is known."""
        for thing in _walk(pkg):
            if thing.docstring is not None:
                thing.docstring.value = _ROLE.sub(lambda found: f"`{found[1]}`", thing.docstring.value)


def _walk(thing: griffe.Object | griffe.Alias) -> Iterator[griffe.Object]:
    if thing.is_alias or not isinstance(thing, griffe.Object):
        return
    yield thing
    for member in thing.members.values():
        yield from _walk(member)
