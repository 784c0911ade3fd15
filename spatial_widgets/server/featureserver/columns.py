"""How the values of Esri's field types lie in a file, and how they come out of it for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spatial_widgets.codec.table_out import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["arrow_type", "to_arrow", "to_columns", "to_frame"]

_DATE, _DAY = pa.timestamp("ms", tz="UTC"), pa.date32()
_TYPES: dict[str, pa.DataType] = {
    "esriFieldTypeOID": pa.int64(),
    "esriFieldTypeSmallInteger": pa.int16(),
    "esriFieldTypeInteger": pa.int32(),
    "esriFieldTypeBigInteger": pa.int64(),
    "esriFieldTypeSingle": pa.float64(),  # 0.1 comes back as 0.1
    "esriFieldTypeDouble": pa.float64(),
    "esriFieldTypeDate": _DATE,
    "esriFieldTypeDateOnly": _DAY,
}


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of a field type; text for those whose values travel as text."""
    return _TYPES.get(kind, pa.string())


def to_arrow(kind: str, values: list[Any]) -> pa.Array:
    """Return values as they stand in Esri JSON as an Arrow array; None is null."""
    wanted = arrow_type(kind)
    if wanted == _DATE:
        return pa.array(values, pa.int64()).cast(wanted)
    if wanted == _DAY:
        return pa.array(values, pa.string()).cast(wanted)
    return pa.array(values, wanted)


def to_columns(table: pa.Table, fields: Sequence[dict[str, Any]]) -> list[Column]:
    """Return some fields of rows that were read, ready to be written as Esri JSON or as a protocol buffer."""
    return [Column(field["name"], field, _wire(table.column(field["name"]))) for field in fields]


def _wire(array: pa.ChunkedArray) -> Callable[[int, int], list[Any]]:
    if array.type == _DATE:
        array = array.cast(pa.int64())
    elif array.type == _DAY:
        array = array.cast(pa.string())

    def values(start: int, stop: int) -> list[Any]:
        found: list[Any] = array.slice(start, stop - start).to_pylist()
        return found

    return values


def to_frame(table: pa.Table) -> Any:
    """Return rows as a frame for a where clause: whole numbers stay whole, days are dates."""
    import pandas as pd

    columns = {}
    for name in table.column_names:
        array = table.column(name)
        if array.type == _DAY:
            array = array.cast(pa.timestamp("s")).cast(pa.timestamp("ms"))
        if pa.types.is_integer(array.type) and array.null_count:
            columns[name] = pd.array(array.to_pylist(), dtype="Int64")
        elif pa.types.is_string(array.type):
            columns[name] = pd.array(array.to_pylist(), dtype=object)
        else:
            columns[name] = array.to_pandas().array
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))
