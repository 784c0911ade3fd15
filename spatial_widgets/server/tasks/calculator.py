"""FieldCalculator: values of fields from expressions."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.columnvalues import nullable
from spatial_widgets.server.analysis.expressions import Expression
from spatial_widgets.server.analysis.lengths import METERS_IN, SQUARE_METERS_IN
from spatial_widgets.server.analysis.measures import areas_m2, lengths_m
from spatial_widgets.server.analysis.prepare import require_field
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["calculate_fields"]

_TYPES = {
    "string": "text", "text": "text", "integer": "whole", "smallinteger": "whole", "biginteger": "whole", "long": "whole",
    "short": "whole", "double": "decimal", "single": "decimal", "float": "decimal", "date": "date",
}  # fmt: skip


class _Outputs(TypedDict):
    resultLayer: Annotated[gpd.GeoDataFrame, Note("the layer with the calculated fields")]


@task("FieldCalculator", restartable=True)
def calculate_fields(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("the layer whose fields are calculated")],
    expressions: Annotated[
        list[dict],  # type: ignore[type-arg]
        Note(
            '[{"field": "density", "expression": "!POP! / !AREA!"}]; a new field may be {"name": …, "type": "Double"} '
            "(this form, and the grammar of expressions, are ours)"
        ),
    ],
) -> _Outputs:
    """Calculate values of fields, one after the other, for all features.

    An expression is a small part of Python: fields between exclamation marks (``!POP!``), numbers, ``'texts'``,
    ``+ - * / // % **``, comparisons, ``in``, ``is None``, ``and or not``, ``a if test else b``, ``!name![0:3]``, the functions
    ``abs round int float str len min max floor ceil`` and those of ``math``, and the methods ``upper lower title strip replace
    startswith endswith find count`` of texts. ``!shape.area@hectares!`` and ``!shape.length@miles!`` are geodesic areas and
    lengths, in square metres and metres without a unit. It is taken apart and never executed as a program.

    Null with anything gives null, and so does a division by 0. A new field gets the type that is given for it or else
    that of its values: String, Integer, Double or Date. Decimals are cut off in fields of whole numbers.
    """
    if not expressions:
        raise ParameterError("expressions: give at least one.", parameter="expressions")
    result = inputLayer.copy(deep=False)
    for number, item in enumerate(expressions):
        _calculate(ctx, result, item, f"expressions[{number}]")
        ctx.progress(100 * (number + 1) / len(expressions), f"{number + 1} of {len(expressions)} expressions")
    shape = result.geometry.name
    return {"resultLayer": result[[*(c for c in result.columns if c != shape), shape]]}


def _calculate(ctx: Context, layer: gpd.GeoDataFrame, item: Any, place: str) -> None:
    name, kind, text = _read(layer, item, place)
    try:
        values = Expression.read(text).of(lambda field: _field(layer, field))
        column = _fitted(ctx, _as_column(values, layer), kind, name)
    except ParameterError:
        raise
    except ValueError as error:
        raise ParameterError(
            f"{place}: {text[:200]!r} cannot be calculated: {error}.", parameter="expressions", value=text
        ) from error
    told = "calculated" if name in layer else "added"
    layer[name] = column
    nulls = int(column.isna().sum())
    ctx.info(
        f"{name} {told} for {len(column):,} features by {text[:200]}"
        + (f"; {nulls:,} are null." if nulls else ".")
    )


def _read(layer: gpd.GeoDataFrame, item: Any, place: str) -> tuple[str, str, str]:
    """Return a field's name, the kind of its values (or "" for that of the expression), and the expression."""
    told = {str(key).casefold(): value for key, value in item.items()} if isinstance(item, dict) else {}
    field, text = told.get("field"), told.get("expression")
    field = {"name": field} if isinstance(field, str) else field
    if not isinstance(field, dict) or not isinstance(text, str) or not str(field.get("name") or "").strip():
        raise ParameterError(
            f'{place}: {str(item)[:100]} is not understood; write {{"field": "name", "expression": "!POP! / !AREA!"}}.',
            parameter="expressions",
        )
    name = str(field["name"]).strip()
    if name == layer.geometry.name:
        raise ParameterError(
            f"{place}: {name} is the geometry, which is not calculated.", parameter="expressions"
        )
    given = str(field.get("type") or "").removeprefix("esriFieldType")
    kind = _TYPES.get(given.casefold(), "")
    if given and not kind:
        raise ParameterError(
            f"{place}: a field of the type {given[:40]!r} is not calculated; use String, Integer, Double or Date.",
            parameter="expressions",
        )
    known = next((str(c) for c in layer.columns if str(c).casefold() == name.casefold()), None)
    if known is None:
        return name, kind, text
    return known, kind or _kind_of(layer[known]), text


def _kind_of(column: pd.Series[Any]) -> str:
    dtype = column.dtype
    if column.isna().all():
        return ""
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_integer_dtype(dtype):
        return "whole"
    return "decimal" if pd.api.types.is_float_dtype(dtype) else "text"


def _field(layer: gpd.GeoDataFrame, name: str) -> Any:
    """Return a field's values, or the sizes of the shapes."""
    head, _, unit = name.partition("@")
    measure = head.casefold().strip()
    if measure not in {"shape.area", "shape.length"}:
        names = pd.DataFrame(columns=[c for c in layer.columns if c != layer.geometry.name])
        found = require_field(names, name, "expressions")
        return nullable(layer[found])
    if layer.crs is None:
        raise ValueError("the layer has no coordinate system, so its shapes have no size")
    table = SQUARE_METERS_IN if measure == "shape.area" else METERS_IN
    word = {known.casefold(): known for known in table}.get(unit.casefold() or next(iter(table)).casefold())
    if word is None:
        raise ValueError(f"{unit[:40]!r} is no unit of {measure}; use one of {', '.join(table)}")
    shapes = layer.geometry.to_numpy()
    sizes = (areas_m2 if measure == "shape.area" else lengths_m)(shapes, layer.crs) / table[word]
    return pd.Series(
        pd.array(np.where(layer.geometry.isna(), np.nan, sizes), dtype="Float64"), index=layer.index
    )


def _as_column(values: Any, layer: gpd.GeoDataFrame) -> pd.Series[Any]:
    if isinstance(values, pd.Series):
        return values
    made = pd.Series(values, index=layer.index, dtype=object if values is None else None)
    column: pd.Series[Any] = nullable(made)
    return column


def _fitted(ctx: Context, column: pd.Series[Any], kind: str, name: str) -> pd.Series[Any]:
    """Return a column with the type that layers have for such values.

    Raises
    ------
    ValueError : the values do not fit.
    """
    found = _kind_of(column)
    kind = kind or found or "decimal"
    if str(column.dtype) == "boolean":
        column = column.astype("Int64")
    if not found:
        dtype: Any = {"text": object, "whole": "Int64", "date": "datetime64[ms, UTC]"}.get(kind, float)
        nothing: pd.Series[Any] = pd.Series([None] * len(column), index=column.index, dtype=dtype)
        return nothing
    if kind == "text":
        return column if found == "text" else column.map(str, na_action="ignore").astype("string")
    if kind == "date":
        if found == "text":
            column = pd.to_datetime(column.astype(object), utc=True, format="ISO8601")
        elif found != "date":
            raise ValueError(f"{name} holds dates, and this gives numbers")
        return column
    if found not in {"whole", "decimal"}:
        raise ValueError(
            f"{name} holds numbers, and this gives {found}; int() or float() make numbers of text"
        )
    if kind == "whole" and found == "decimal":
        whole = np.trunc(column.to_numpy(dtype=float, na_value=np.nan))
        cut = int((column.to_numpy(dtype=float, na_value=np.nan) != whole).sum() - column.isna().sum())
        if cut:
            ctx.warn(f"{name}: decimals of {cut:,} values were cut off.")
        return pd.Series(pd.array(whole, dtype="Float64"), index=column.index).astype("Int64")
    return (
        column
        if kind == "whole"
        else pd.Series(column.to_numpy(dtype=float, na_value=np.nan), index=column.index)
    )
