"""What a parameter's annotation means on the wire: its data type, its choices, its range, its help text.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
"""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import geopandas as gpd
import pandas as pd

from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["File", "Kind", "Layer", "Note", "P", "Rows", "Table", "read_annotation"]

Layer = gpd.GeoDataFrame
"""Features with geometry, a GPFeatureRecordSetLayer."""
Table = pd.DataFrame
"""Rows without geometry, a GPRecordSet."""
File = Path
"""A file, a GPDataFile: the path of one that was uploaded, or of one that the task has written."""


class Rows:
    """Features or rows, whichever a client sends: what ``GeoDataFrame | DataFrame`` means. A GPString on the wire."""


_DATA_TYPES: Mapping[Any, str] = {
    bool: "GPBoolean",
    int: "GPLong",
    float: "GPDouble",
    str: "GPString",
    dict: "GPString",
    dt.datetime: "GPDate",
    pd.Timestamp: "GPDate",
    LinearUnit: "GPLinearUnit",
    ArealUnit: "GPArealUnit",
    TimeUnit: "GPTimeUnit",
    Layer: "GPFeatureRecordSetLayer",
    Table: "GPRecordSet",
    File: "GPDataFile",
    Rows: "GPString",
}
_NUMBERS = {"GPLong", "GPDouble"}
_CHOSEN = (str, int, float)


@dataclass(frozen=True, slots=True)
class Note:
    """What an annotation adds to a parameter: ``Annotated[float, P("metres to look around", minimum=0)]``.

    Parameters
    ----------
    description : help text; without one the docstring's is taken. A plain text in ``Annotated`` means the same.
    display_name, category : how clients may label and group it.
    minimum, maximum : bounds of a number, or of each number of a list; both belong to the range.
    depends_on : the parameter that this one depends on, such as the layer that a field name is of.
    """

    description: str = ""
    display_name: str = ""
    category: str = ""
    minimum: float | None = None
    maximum: float | None = None
    depends_on: str = ""


#: The short name of :class:`Note`, for signatures.
P = Note


@dataclass(frozen=True, slots=True)
class Kind:
    """What an annotation says. ``member`` is the Python type of the value, or of each value of a list."""

    data_type: str
    member: type
    is_list: bool = False
    is_optional: bool = False
    choices: tuple[Any, ...] = ()
    note: Note = Note()

    @property
    def range(self) -> dict[str, Any] | None:
        """Esri's filter object for the note's bounds."""
        bounds = {"minimum": self.note.minimum, "maximum": self.note.maximum}
        told = {name: bound for name, bound in bounds.items() if bound is not None}
        return {"type": "range", **told} if told else None

    def takes(self, value: Any) -> bool:
        """Whether a default is of the annotated type: no text for a number, no number for a text."""
        if value is None:
            return self.is_optional
        if self.is_list:
            return isinstance(value, (list, tuple)) and all(self._takes_one(item) for item in value)
        return self._takes_one(value)

    def _takes_one(self, value: Any) -> bool:
        if isinstance(value, bool) or self.member is bool:
            return isinstance(value, bool) and self.member is bool
        if self.choices and value not in self.choices:
            return False
        return isinstance(value, (int, float) if self.member is float else self.member)


def read_annotation(hint: Any) -> Kind:
    """Return what an annotation says.

    Raises
    ------
    ValueError : it has no meaning here; the message continues "… is annotated X" with what to write instead.
    """
    hint, note, is_optional = _unwrapped(hint)
    # A Sequence is a list whose default is an empty tuple, so that nobody can fill it by accident.
    is_list = hint is list or get_origin(hint) in {list, Sequence}
    if is_list:
        if not get_args(hint):
            raise ValueError("say what it is a list of, such as list[float]")
        hint, inner, is_none = _unwrapped(get_args(hint)[0])
        if is_none or get_origin(hint) in {list, Sequence}:
            raise ValueError("the values of a list are single ones, and none is missing: list[float]")
        note = note if note != Note() else inner
    choices: tuple[Any, ...] = ()
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), _type_of_choices(get_args(hint))
    plain = get_origin(hint) or hint
    if not isinstance(plain, type) or plain not in _DATA_TYPES:
        known = ", ".join(dict.fromkeys(known.__name__ for known in _DATA_TYPES))
        raise ValueError(f"use one of {known}, Literal[…], list[…] of these, or one of them with | None")
    data_type = _DATA_TYPES[plain]
    if (note.minimum is not None or note.maximum is not None) and data_type not in _NUMBERS:
        raise ValueError("minimum and maximum are for int and float; leave them out")
    prefix = "GPMultiValue:" if is_list else ""
    return Kind(prefix + data_type, plain, is_list, is_optional, choices, note)


def _unwrapped(hint: Any) -> tuple[Any, Note, bool]:
    """Return an annotation without Annotated and None, the note it carried, and whether None was in it."""
    note, is_optional = Note(), False
    while True:
        if get_origin(hint) is Annotated:
            found = [
                n if isinstance(n, Note) else Note(n) for n in hint.__metadata__ if isinstance(n, (Note, str))
            ]
            note = found[0] if found and note == Note() else note
            hint = hint.__origin__
        elif get_origin(hint) in {typing.Union, types.UnionType}:
            members = [member for member in get_args(hint) if member is not type(None)]
            if set(members) == {Layer, Table}:
                members = [Rows]
            if len(members) != 1:
                raise ValueError("a parameter has one type; of int and float choose float")
            hint, is_optional = members[0], True
        else:
            return hint, note, is_optional


def _type_of_choices(choices: tuple[Any, ...]) -> type:
    kinds = {type(choice) for choice in choices}
    if len(kinds) != 1 or kinds.isdisjoint(_CHOSEN):
        raise ValueError("the choices of a Literal are all texts, or all whole numbers")
    return kinds.pop()
