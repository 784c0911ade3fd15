"""Columns of a frame, filled block by block with the values of one Esri field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.codec.columnways import join_objects, way_of
from spatial_widgets.codec.fieldvalues import infer
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Column", "columns_for", "free_name", "name_coded_values"]

_NO_VALUE = (TypeError, ValueError, OverflowError, ArithmeticError)


class Column:
    """One column: its label in the frame, the field it reads, and what has come so far.

    Parameters
    ----------
    label : the column's name in the frame.
    name : the field's name in the document.
    kind : ``esriFieldType…``; None infers it at the end from all values.
    """

    def __init__(self, label: str, name: str, kind: str | None) -> None:
        self.label = label
        self.name = name
        self.kind = kind
        self._blocks: list[Any] = []
        self._way = way_of(kind)

    @property
    def form(self) -> str:
        """What a block of it is, once taken; see :class:`.Way`."""
        return self._way.form

    def take_typed(self, values: list[Any], *, first: int, path: str) -> None:
        """Add a block of values that are of the field's type, or None: whole numbers, floats or text."""
        try:
            self._blocks.append(self._way.take_typed(values))
        except _NO_VALUE:
            self.take(values, first=first, path=path)

    def take(self, values: list[Any], *, first: int = 0, path: str = "features") -> None:
        """Add a block of values, one per row, the first of them row number ``first``; None is null.

        Raises
        ------
        CodecError : a value is none of the field's type; with its row.
        """
        try:
            self._blocks.append(self._way.take(values))
        except _NO_VALUE as error:
            row = next(i for i, value in enumerate(values) if not self._takes(value))
            raise CodecError(
                f"{_show(values[row])} is no {self.kind}, as field {self.name!r} is: {error}",
                path=f"{path}[{first + row}].attributes.{self.name}",
            ) from error

    def take_block(self, block: Any) -> None:
        """Add a block that has the column's :attr:`form` already; not for "objects"."""
        self._blocks.append(block)

    def _takes(self, value: Any) -> bool:
        try:
            self._way.take([value])
        except _NO_VALUE:
            return False
        return True

    def finish(self, *, dtype_backend: str | None = None) -> Any:
        """Return the whole column as an array for pandas, and let go of the blocks."""
        blocks, self._blocks = self._blocks, []
        if self.kind is None:
            values = [value for block in blocks for value in block]
            twin = Column(self.label, self.name, infer(values))
            if twin.kind == "boolean":
                array: Any = pd.array(values, dtype="boolean")
            elif twin.kind == "object":
                array = join_objects([values])
            else:
                twin.take(values)
                array = twin.finish()
        else:
            array = self._way.join(blocks or [self._way.take([])])
        return _to_arrow(array, self.kind) if dtype_backend == "pyarrow" else array


def columns_for(fields: Sequence[Any], *, reserved: str | None = None) -> list[Column]:
    """Return a column for each field listed, geometry fields aside, under names that differ.

    ``reserved`` is a label that no column may take; a field of that name gets ``_1`` appended.
    """
    taken = {reserved} if reserved else set()
    columns = []
    for field in fields:
        if not isinstance(field, dict) or field.get("type") == "esriFieldTypeGeometry":
            continue
        name = str(field.get("name"))
        kind = str(field["type"]) if field.get("type") else None
        columns.append(Column(free_name(name, taken), name, kind))
    return columns


def name_coded_values(frame: pd.DataFrame, fields: Sequence[Any]) -> pd.DataFrame:
    """Replace the codes of coded-value domains by their names, as categoricals in the domain's order.

    A code that its domain does not list stays, as text.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/domain-objects/
    """
    for field in fields:
        names = _coded_values(field) if isinstance(field, dict) else None
        if names and field.get("name") in frame:
            frame[field["name"]] = _named(frame[field["name"]], names)
    return frame


def free_name(name: str, taken: set[str]) -> str:
    """Return the name, with a number appended if it is taken, and note it as taken."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise CodecError(f"{name!r} is no name of a field: {error.reason}", path="fields") from error
    label, n = name, 0
    while label in taken:
        n += 1
        label = f"{name}_{n}"
    taken.add(label)
    return label


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _coded_values(field: dict[str, Any]) -> dict[Any, Any] | None:
    domain = field.get("domain")
    pairs = domain.get("codedValues") if isinstance(domain, dict) else None
    if not isinstance(pairs, list):
        return None
    return {p["code"]: str(p.get("name")) for p in pairs if isinstance(p, dict) and _is_key(p.get("code"))}


def _is_key(code: Any) -> bool:
    return isinstance(code, (str, int, float))


def _named(column: pd.Series[Any], names: dict[Any, str]) -> Any:
    codes, present = pd.factorize(column)
    found = [names.get(code, str(code)) for code in present.tolist()]
    categories = list(dict.fromkeys([*names.values(), *found]))
    place = np.array([*(categories.index(name) for name in found), -1])
    return pd.Categorical.from_codes(place[codes].tolist(), categories=pd.Index(categories))


def _to_arrow(array: Any, kind: str | None) -> Any:
    """Return a column as an Arrow-backed pandas array."""
    import pyarrow as pa

    types = {
        "esriFieldTypeDateOnly": pa.date32(),
        "esriFieldTypeTimeOnly": pa.time64("us"),
        "esriFieldTypeDate": pa.timestamp("ms", tz="UTC"),
        "esriFieldTypeTimestampOffset": pa.timestamp("ms", tz="UTC"),
    }
    wanted = types.get(kind or "")
    try:
        arrow = pa.array(pd.Series(array), type=wanted, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return array  # values of several kinds have no Arrow type; they stay Python objects
    if pa.types.is_null(arrow.type):
        arrow = arrow.cast(pa.large_string())
    return pd.arrays.ArrowExtensionArray(arrow)
