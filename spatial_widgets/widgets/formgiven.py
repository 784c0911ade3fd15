"""What a form makes of an entry: a value of the call with the Python text of it, or words about what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from spatial_widgets.widgets.formfield import Field

__all__ = ["EntryError", "Given", "Origins"]


class EntryError(ValueError):
    """What a reader entered is no value; the message says so in words."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value of a call.

    Attributes
    ----------
    code : Python text that makes the value again.
    needs : the names that it uses beside ``sw``; see :data:`.pasting.IMPORTS`.
    variables : the notebook's own names that it uses.
    """

    value: Any
    code: str
    needs: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


class Origins(Protocol):
    """Where layers, tables and files come from."""

    def given(self, field: Field, origin: str, text: str) -> Given:
        """Return what an origin (variable, sample, url, file) has under a name; raises EntryError."""
