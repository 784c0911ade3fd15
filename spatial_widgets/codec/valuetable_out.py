"""Value tables: rows of Python values in, arrays or objects of JSON values out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.codec.json_out import json_value
from spatial_widgets.codec.scalars_out import encode_date, is_date, is_missing
from spatial_widgets.codec.shown import parse_json, show
from spatial_widgets.codec.table_out import refuse_unclear_names
from spatial_widgets.errors import CodecError
from spatial_widgets.protocol.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spatial_widgets.protocol import ParameterInfo

__all__ = ["encode_rows", "encode_table_of"]

_TEXT_TYPES = {"GPString", "GPStringHidden", "GPSQLExpression"}
_EXPECTED = "a DataFrame, or a list of rows (lists, or dicts by column name)"


def encode_rows(value: Any) -> list[Any]:
    """Return the rows of a value table whose columns are not known."""
    rows, _ = _rows(value)
    return [
        {str(name): _cell(cell) for name, cell in row.items()}
        if isinstance(row, Mapping)
        else [_cell(cell) for cell in row]
        for row in rows
    ]


def _cell(value: Any) -> Any:
    if is_missing(value):
        return None
    return encode_date(value) if is_date(value) else json_value(value)


def encode_table_of(
    columns: Sequence[ParameterInfo], value: Any, encode: Callable[[ParameterInfo, Any], Any]
) -> list[Any]:
    """Return the rows of a value table; each cell is encoded and checked as its column asks.

    Rows keep their shape: lists stay lists, dicts stay objects with every column. The columns of a
    DataFrame are found by name, and by position where it has no names. A blank is ``""`` in a column of
    text and null in any other.

    Raises
    ------
    CodecError : a row does not fit the columns, or a cell its column.
    """
    rows, frame_columns = _rows(value)
    names = [column.name for column in columns]
    order = None if frame_columns is None else _positions(frame_columns, names)
    encoded: list[Any] = []
    for number, row in enumerate(rows):
        if isinstance(row, Mapping):
            _refuse_strangers(list(row), names, number)
            cells: list[Any] = [row.get(name) for name in names]
        else:
            cells = list(row) if order is None else [None if at is None else row[at] for at in order]
            if len(cells) != len(columns):
                raise CodecError(
                    f"expected {len(columns)} values ({', '.join(names)}), got {len(cells)}",
                    path=f"[{number}]",
                )
        made = [
            _cell_of(column, cell, encode, f"[{number}].{column.name}")
            for column, cell in zip(columns, cells, strict=True)
        ]
        encoded.append(dict(zip(names, made, strict=True)) if isinstance(row, Mapping) else made)
    return encoded


def _cell_of(column: ParameterInfo, cell: Any, encode: Callable[[ParameterInfo, Any], Any], path: str) -> Any:
    if is_missing(cell) or (isinstance(cell, str) and not cell):
        return "" if column.data_type in _TEXT_TYPES else None
    try:
        return encode(column, cell)
    except CodecError as error:
        raise CodecError(str(error), path=path) from error


def _rows(value: Any) -> tuple[list[Any], list[Any] | None]:
    """Return ``(rows, column names)``; only a DataFrame brings names."""
    if isinstance(value, pd.DataFrame):
        refuse_unclear_names(value.columns)
        columns = [value.iloc[:, at].astype(object).tolist() for at in range(value.shape[1])]
        rows = [list(row) for row in zip(*columns, strict=True)] if columns else []
        named = not isinstance(value.columns, pd.RangeIndex)
        return rows, list(value.columns) if named else None
    if isinstance(value, str):
        value = parse_json(value, _EXPECTED)
    if isinstance(value, np.ndarray) and value.ndim == 2:
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise CodecError(f"expected {_EXPECTED}, got {show(value)}")
    for number, row in enumerate(value):
        if not isinstance(row, (list, tuple, Mapping)):
            raise CodecError(f"expected {_EXPECTED}, got {show(row)}", path=f"[{number}]")
    return list(value), None


def _positions(found: list[Any], names: list[str]) -> list[int | None]:
    labels = [str(name) for name in found]
    for label in labels:
        if label not in names:
            raise CodecError(
                f"the table has no column {label!r}.{did_you_mean(label, names)} Its columns: {', '.join(names)}"
            )
    return [labels.index(name) if name in labels else None for name in names]


def _refuse_strangers(found: list[Any], names: list[str], number: int) -> None:
    for name in found:
        if name not in names:
            raise CodecError(
                f"the table has no column {name!r}.{did_you_mean(str(name), names)} Its columns: {', '.join(names)}",
                path=f"[{number}]",
            )
