"""CalculateCompositeIndex: several variables combined into one index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.composing import Method, combined, in_range, scaled
from spatial_widgets.server.analysis.prepare import free_name, numbers_of
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["calculate_composite_index"]

Array = np.ndarray[Any, Any]


class _Outputs(TypedDict):
    indexResultLayer: Annotated[
        gpd.GeoDataFrame | pd.DataFrame,
        Note("the features or rows with their scaled variables and the index"),
    ]


@dataclass(frozen=True, slots=True)
class _Variable:
    field: str
    reverse: bool
    weight: float


@task("CalculateCompositeIndex", restartable=True)
def calculate_composite_index(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame | pd.DataFrame, Note("features or rows with the variables")],
    inputVariables: Annotated[
        str,
        Note(
            'a JSON list of at least two: {"field": "income", "reverseVariable": true, "weight": 2}; only field is needed'
        ),
    ],
    indexMethod: Annotated[
        Method,
        Note(
            "how variables are scaled and combined: from least to largest value, by percentile, or as they are; by mean "
            "or geometric mean, or the number of variables above the 90th percentile"
        ),
    ] = "meanScaled",
    outputIndexReverse: Annotated[bool, Note("whether high values of the index become low ones")] = False,
    outputIndexMinMax: Annotated[
        str | None, Note('JSON: the least and the largest value of the index, such as {"min": 0, "max": 100}')
    ] = None,
) -> _Outputs:
    """Combine several numeric variables into one index.

    Scaled variables go from 0 for their least to 1 for their largest value; percentiles are (rank - 1) / (n - 1), equal
    values sharing their mean rank. A reversed variable, or index, is mirrored between its least and its largest
    value. Means are weighted; a sum of flags is that of the weights of the variables whose percentile is above 0.9.
    A geometric mean is 0 where a variable is 0, and refused where one is below 0.

    Rows with a null in any of the variables have no index, and the others are scaled without them. ``Index`` is the
    result, ``Index_Rank`` is 1 for the largest, ``Scaled_…`` are the variables as they were combined. These names, what
    equal values do and the mirroring are ours.
    """
    variables = _variables(inputVariables)
    bounds = _bounds(outputIndexMinMax)
    if len(inputLayer) == 0:
        raise ParameterError("inputLayer: the layer has no features.", parameter="inputLayer")
    table = np.column_stack([numbers_of(inputLayer, v.field, "inputVariables") for v in variables])
    complete = ~np.isnan(table).any(axis=1)
    if not complete.any():
        raise ParameterError(
            "inputVariables: every row has a null in one of them; there is nothing to scale.",
            parameter="inputVariables",
        )
    if not complete.all():
        ctx.warn(f"inputVariables: {int((~complete).sum()):,} rows have a null in one of them, and no index.")
    columns = [
        _scaled(ctx, table[complete, i], variable, indexMethod) for i, variable in enumerate(variables)
    ]
    ctx.progress(50, "Variables scaled")
    weights = np.array([v.weight for v in variables])
    index = combined(np.column_stack(columns), weights, indexMethod)
    if outputIndexReverse:
        index = index.max() + index.min() - index
    if bounds is not None:
        index = in_range(index, *bounds)
    ctx.info(
        f"Index of {len(variables)} variables by {indexMethod} for {len(index):,} rows, from {index.min():.6g} to {index.max():.6g}."
    )
    ctx.progress(100)
    return {"indexResultLayer": _with_index(inputLayer, complete, variables, columns, index)}


def _with_index(
    layer: Any, complete: Array, variables: list[_Variable], columns: list[Array], index: Array
) -> Any:
    added = {f"Scaled_{v.field}": column for v, column in zip(variables, columns, strict=True)} | {
        "Index": index
    }
    result = layer.copy()
    for name, values in added.items():
        whole = np.full(len(layer), np.nan)
        whole[complete] = values
        result[free_name(name, result.columns)] = whole
    rank = pd.Series(pd.NA, index=result.index, dtype="Int64")
    rank[complete] = pd.Series(-index).rank(method="min").to_numpy().astype("int64")
    result[free_name("Index_Rank", result.columns)] = rank
    if isinstance(result, gpd.GeoDataFrame):
        shape = result.geometry.name
        return result[[*(c for c in result.columns if c != shape), shape]]
    return result


def _scaled(ctx: Context, values: Array, variable: _Variable, method: Method) -> Array:
    if method == "geomeanRaw" and values.min() < 0:
        raise ParameterError(
            f"inputVariables: {variable.field!r} has values below 0, which have no geometric mean. Use another indexMethod.",
            parameter="inputVariables",
        )
    if values.min() == values.max():
        ctx.warn(f"inputVariables: {variable.field!r} has one value only, {values[0]:g}, and tells nothing.")
    return scaled(values, method, reverse=variable.reverse)


# ---------------------------------------------------------------- what the texts say


def _document(text: Any, parameter: str) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"{parameter}: this is no JSON ({error}).", parameter=parameter) from error


def _variables(text: Any) -> list[_Variable]:
    document = _document(text, "inputVariables")
    if not isinstance(document, list) or len(document) < 2:
        raise ParameterError(
            'inputVariables: a list of at least two is needed, such as [{"field": "a"}, {"field": "b", "weight": 2}].',
            parameter="inputVariables",
        )
    return [_variable(one, f"inputVariables[{i}]") for i, one in enumerate(document)]


def _variable(document: Any, place: str) -> _Variable:
    def refused(reason: str) -> ParameterError:
        return ParameterError(f"{place}: {reason}.", parameter="inputVariables")

    if not isinstance(document, dict) or not isinstance(document.get("field"), str):
        raise refused('an object with a field is needed, such as {"field": "income", "weight": 2}')
    unknown = [key for key in document if key not in {"field", "reverseVariable", "weight"}]
    if unknown:
        raise refused(f"there is no {unknown[0]!r}; it has field, reverseVariable and weight")
    reverse, weight = document.get("reverseVariable", False), document.get("weight", 1)
    if not isinstance(reverse, bool):
        raise refused(f"reverseVariable is true or false, got {reverse!r:.40}")
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight < np.inf:
        raise refused(f"weight is a number above 0, got {weight!r:.40}")
    return _Variable(document["field"], reverse, float(weight))


def _bounds(text: Any) -> tuple[float, float] | None:
    if text is None or text == "":
        return None
    document = _document(text, "outputIndexMinMax")
    if isinstance(document, list) and len(document) == 1:  # the service's own page has a list of one
        document = document[0]
    try:
        low, high = float(document["min"]), float(document["max"])
        fine = np.isfinite([low, high]).all() and low < high
    except (KeyError, TypeError, ValueError):
        fine, low, high = False, 0.0, 0.0
    if not fine:
        raise ParameterError(
            'outputIndexMinMax: a min below a max is needed, such as {"min": 0, "max": 100}.',
            parameter="outputIndexMinMax",
        )
    return low, high
