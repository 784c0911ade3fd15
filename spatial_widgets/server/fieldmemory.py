"""Field types that a frame does not tell: kept for columns that a task only passes on.

A day without a time, a time with an offset, whole numbers of 16 or 64 bits, single floats and GUIDs become the same
pandas types as a date, an integer, a double and a text. So what the input layers said of their fields is remembered,
and said again of an output's column that has the same name and type, and no value that the input does not have.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.codec.layer import Description
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.codec.features_out import FeatureSet
    from spatial_widgets.codec.table_out import Column

__all__ = ["FieldMemory"]

_PREFIX = "esriFieldType"
#: The types that are lost, with those under which they would come back.
_LOST = {
    f"{_PREFIX}{kept}": f"{_PREFIX}{found}"
    for kept, found in {
        "DateOnly": "Date",
        "TimestampOffset": "Date",
        "SmallInteger": "Integer",
        "BigInteger": "Integer",
        "Single": "Double",
        "GUID": "String",
        "GlobalID": "String",
    }.items()
}
_AS_TEXT = {f"{_PREFIX}DateOnly": ("D", ""), f"{_PREFIX}TimestampOffset": ("ms", "+00:00")}


class FieldMemory:
    """What the layers that one job reads say of their fields."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, list[pd.Series[Any]]] | None] = {}

    def note(self, document: Any, frame: pd.DataFrame) -> None:
        """Remember the fields of a layer: its document, with or without the features, and the frame it became."""
        try:
            fields = Description.of(document).fields or []
        except CodecError:
            return
        for field in fields:
            name, kind = (field.get("name"), field.get("type")) if isinstance(field, dict) else (None, None)
            if isinstance(name, str) and name in frame.columns:
                self._note(name, str(kind), frame[name])

    def _note(self, name: str, kind: str, column: pd.Series[Any]) -> None:
        known = self._known.get(name, (kind, []))
        if known is None or known[0] != kind:
            self._known[name] = None  # two layers differ, and nobody can say whose column it is
        else:
            self._known[name] = (kind, [*known[1], *([column] if kind in _LOST else [])])

    def remind(self, layer: FeatureSet, frame: pd.DataFrame) -> None:
        """Give the columns of an output, about to be written, the types that they had in the input."""
        for number, column in enumerate(layer.columns):
            known = self._known.get(column.name)
            if known is None or _LOST.get(known[0]) != column.field["type"]:
                continue
            kind, inputs = known
            now = frame.iloc[:, [str(name) for name in frame.columns].index(column.name)]
            if any(now.dtype == before.dtype for before in inputs) and _is_passed_on(now, inputs):
                layer.columns[number] = _as_it_was(column, kind, now)
                layer.head["fields"][number] = layer.columns[number].field


def _is_passed_on(column: pd.Series[Any], inputs: list[pd.Series[Any]]) -> bool:
    """Whether a column has no value that the inputs do not have."""
    present = column.dropna()
    return bool(present.isin(pd.concat([before.dropna() for before in inputs])).all())


def _as_it_was(column: Column, kind: str, now: pd.Series[Any]) -> Column:
    field = {key: value for key, value in column.field.items() if key != "length"} | {"type": kind}
    if kind in (f"{_PREFIX}GUID", f"{_PREFIX}GlobalID"):
        field["length"] = 38
    made = replace(column, field=field)
    return replace(made, values=_texts(now, *_AS_TEXT[kind])) if kind in _AS_TEXT else made


def _texts(column: pd.Series[Any], unit: str, ending: str) -> Callable[[int, int], list[Any]]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    moments = column.to_numpy()

    def values(start: int, stop: int) -> list[Any]:
        block = moments[start:stop]
        written = np.datetime_as_string(block.astype(f"datetime64[{unit}]")).tolist()
        return [
            None if gone else text + ending
            for text, gone in zip(written, np.isnat(block).tolist(), strict=True)
        ]

    return values
