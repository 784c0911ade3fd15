"""FindSimilarLocations: which features are most like some others in their attributes."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import free_name, numbers_of, require_field
from spatial_widgets.server.analysis.record import Record
from spatial_widgets.server.analysis.similarity import Similarity, rank_by_similarity
from spatial_widgets.server.registry import Context, Note, task
from spatial_widgets.server.tasks._patterninputs import ProcessInfo
from spatial_widgets.server.where import select_rows

__all__ = ["find_similar_locations"]

Array = np.ndarray[Any, Any]


class _Outputs(TypedDict):
    similarResultLayer: Annotated[
        gpd.GeoDataFrame, Note("the search layer's features, most similar first, with SIMRANK and SIMINDEX")
    ]
    processInfo: ProcessInfo


@task("FindSimilarLocations", restartable=True)
def find_similar_locations(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("the features to be like")],
    searchLayer: Annotated[gpd.GeoDataFrame, Note("the candidates")],
    analysisFields: Annotated[list[str], Note("numeric fields of both layers, which are compared")],
    inputQuery: Annotated[
        str | None, Note("a where clause that selects features of inputLayer, such as \"name = 'Bern'\"")
    ] = None,
    numberOfResults: Annotated[
        int, Note("how many of the most similar features; 0 gives all of them", minimum=0)
    ] = 0,
) -> _Outputs:
    """Rank the features of a layer by how similar they are to others.

    Each field is standardized: its mean is subtracted, and it is divided by its standard deviation, both
    taken over the chosen input features and the candidates together. ``SIMINDEX`` is the sum of the squared
    differences from the target, and ``SIMRANK`` is 1 for the most similar; equal features share a rank. Several
    input features make one target, their average, nulls left out. Candidates with a null are left out; a
    field with one value only tells nothing. Where the candidates include an input feature, it ranks like any other.

    Shapes play no part, and are given back as they came. The result has the fields of the candidates; the names SIMRANK and SIMINDEX are ours.
    """
    record = Record(ctx)
    target_layer = _read(ctx, inputLayer, "inputLayer")
    candidates = _read(ctx, searchLayer, "searchLayer")
    if not analysisFields:
        raise ParameterError(
            "analysisFields: name at least one field to compare.", parameter="analysisFields"
        )
    if inputQuery:
        target_layer = _chosen(record, target_layer, inputQuery)
    ctx.progress(20, "Layers read")
    fields = list(dict.fromkeys(require_field(candidates, name, "analysisFields") for name in analysisFields))
    references = _numbers(target_layer, fields)
    target = _average(references, fields)
    record.info(
        f"The target is {'the only input feature' if len(references) == 1 else f'the average of {len(references):,} input features'}."
    )
    numbers = _numbers(candidates, fields)
    usable = ~np.isnan(numbers).any(axis=1)
    if not usable.all():
        record.warn(f"{int((~usable).sum()):,} candidates left out, in which a field is null.")
    if not usable.any():
        raise ParameterError(
            "searchLayer: no candidate has a value in all analysisFields.", parameter="searchLayer"
        )
    whole = ~np.isnan(references).any(axis=1)
    similarity = rank_by_similarity(target, references[whole], numbers[usable])
    _describe(record, fields, target, similarity)
    ctx.progress(80, "Candidates compared")
    result = _ranked(candidates if usable.all() else candidates[usable], similarity, numberOfResults)
    record.info(
        f"{len(result):,} of {int(usable.sum()):,} candidates in the result; the best has an index of {similarity.index.min():.4g}."
    )
    ctx.progress(100)
    return {"similarResultLayer": result, "processInfo": record.process_info()}


def _read(ctx: Context, layer: gpd.GeoDataFrame, parameter: str) -> gpd.GeoDataFrame:
    """Return a layer with numbered rows. Shapes are only passed on: they are neither needed nor repaired."""
    if len(layer) == 0:
        raise ParameterError(f"{parameter}: the layer has no features.", parameter=parameter)
    ctx.info(f"{parameter}: {len(layer):,} features.")
    frame = layer if layer.geometry.name == "geometry" else layer.rename_geometry("geometry")
    return frame.reset_index(drop=True)


def _chosen(record: Record, layer: gpd.GeoDataFrame, clause: str) -> gpd.GeoDataFrame:
    chosen = select_rows(layer, clause, parameter="inputQuery", timeout_s=record.ctx.limits.where_s)
    if len(chosen) == 0:
        raise ParameterError(
            f"inputQuery: no feature of inputLayer satisfies {clause!r}.",
            parameter="inputQuery",
            value=clause,
        )
    record.info(f"{len(chosen):,} of {len(layer):,} input features satisfy the inputQuery.")
    return gpd.GeoDataFrame(chosen)


def _numbers(layer: gpd.GeoDataFrame, fields: list[str]) -> Array:
    return np.column_stack([numbers_of(layer, name, "analysisFields") for name in fields])


def _average(references: Array, fields: list[str]) -> Array:
    known = ~np.isnan(references)
    empty = [fields[i] for i in np.flatnonzero(known.sum(axis=0) == 0)]
    if empty:
        raise ParameterError(
            f"inputLayer: {' and '.join(empty)} of the input features is null, so there is nothing to compare with.",
            parameter="inputLayer",
        )
    average: Array = np.where(known, references, 0).sum(axis=0) / known.sum(axis=0)
    return average


def _describe(record: Record, fields: list[str], target: Array, similarity: Similarity) -> None:
    for name, wanted, mean, spread in zip(fields, target, similarity.mean, similarity.spread, strict=True):
        if spread == 0:
            record.warn(f"{name} is {mean:.6g} everywhere and tells nothing.")
        else:
            record.info(f"{name}: target {wanted:.6g}, mean {mean:.6g}, standard deviation {spread:.6g}.")
    if not similarity.spread.any():
        raise ParameterError(
            "analysisFields: no field differs between features, so none is more similar than another.",
            parameter="analysisFields",
        )


def _ranked(candidates: gpd.GeoDataFrame, similarity: Similarity, most: int) -> gpd.GeoDataFrame:
    order = similarity.order[:most] if most > 0 else similarity.order
    result = candidates.iloc[order].reset_index(drop=True)
    for name, column in (("SIMRANK", similarity.rank), ("SIMINDEX", similarity.index)):
        result[free_name(name, result.columns)] = pd.Series(column[order])
    return result[[*(c for c in result.columns if c != "geometry"), "geometry"]]
