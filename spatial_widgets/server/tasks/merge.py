"""MergeLayers: the features of two layers in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import require_field, to_output
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["merge_layers"]

_ACTIONS = ("Remove", "Rename", "Match")
_KINDS = {-1: "nothing", 0: "points", 1: "lines", 2: "polygons"}


class _Outputs(TypedDict):
    mergedLayer: Annotated[gpd.GeoDataFrame, Note("the features of inputLayer, and then those of mergeLayer")]


@task("MergeLayers", restartable=True)
def merge_layers(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("points, lines or polygons")],
    mergeLayer: Annotated[gpd.GeoDataFrame, Note("features of the same kind")],
    mergingAttributes: Annotated[
        Sequence[str],
        Note(
            'what becomes of fields of the mergeLayer: "field Remove", "field Rename newname", "field Match inputfield"; '
            "names with blanks are set off by commas (this way of writing is ours)"
        ),
    ] = (),
) -> _Outputs:
    """Copy the features of two layers into one.

    The result has all fields of both layers; fields of the same name become one, and a feature that does not have
    a field is null there. Rename gives a field of the mergeLayer a new name, Match writes its values into a field of
    the inputLayer, Remove leaves it out. Whole numbers become decimal ones where need be, and numbers text, but text
    never becomes a number. The result is in the coordinate system of the inputLayer. Geometries are copied as they
    are, also those that are missing or invalid.
    """
    _check_alike(inputLayer, mergeLayer)
    first = _plain(inputLayer)
    second = to_output(ctx, _plain(mergeLayer), inputLayer.crs)
    ctx.info(
        f"inputLayer: {len(first):,} features; mergeLayer: {len(second):,} features of {mergeLayer.crs.name}."
    )
    second = _edited(ctx, first, second, mergingAttributes or ())
    _cast(ctx, first, second)
    merged = pd.concat([frame for frame in (first, second) if len(frame)] or [first], ignore_index=True)
    fields = list(dict.fromkeys([*first.columns, *second.columns]))
    result = merged.reindex(columns=[*(name for name in fields if name != "geometry"), "geometry"])
    for line in _one_sided(first, second):
        ctx.info(line)
    ctx.info(f"mergedLayer: {len(result):,} features with {len(result.columns) - 1} fields.")
    ctx.progress(100)
    return {"mergedLayer": gpd.GeoDataFrame(result, geometry="geometry", crs=inputLayer.crs)}


def _plain(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    named = layer.rename_geometry("geometry") if layer.geometry.name != "geometry" else layer
    return named.reset_index(drop=True)


def _kind(layer: gpd.GeoDataFrame) -> set[int]:
    return {int(d) for d in np.unique(shapely.get_dimensions(layer.geometry.to_numpy()))} - {-1}


def _check_alike(first: gpd.GeoDataFrame, second: gpd.GeoDataFrame) -> None:
    for name, layer in (("inputLayer", first), ("mergeLayer", second)):
        if layer.crs is None:
            raise ParameterError(
                f"{name}: the layer has no coordinate system. Give it its spatialReference, such as {{'wkid': 4326}}.",
                parameter=name,
            )
    kinds = _kind(first), _kind(second)
    if len(kinds[0] | kinds[1]) > 1:
        words = [" and ".join(_KINDS[d] for d in sorted(kind)) for kind in kinds]
        raise ParameterError(
            f"mergeLayer: it holds {words[1]}, and inputLayer {words[0]}; only layers of one kind can be merged.",
            parameter="mergeLayer",
        )


def _edited(
    ctx: Context, first: gpd.GeoDataFrame, second: gpd.GeoDataFrame, texts: Sequence[str]
) -> gpd.GeoDataFrame:
    """Return the second layer with its fields removed and named as the texts say, or as the first layer has them."""
    removed, named = [], {}
    spelled = {str(name).casefold(): str(name) for name in first.columns}
    for text in texts:
        name, action, target = _read(text)
        field = require_field(second, name, "mergingAttributes")
        if field in removed or field in named:
            raise _refusal(text, f"{field} is named twice")
        if action == "Remove":
            removed.append(field)
        elif action == "Match":
            named[field] = require_field(first, target, "mergingAttributes")
        else:
            if target.casefold() in spelled:
                raise _refusal(text, f"inputLayer has a field {target!r}; write Match to fill it")
            named[field] = target
        ctx.info(f"mergingAttributes: {field} {action.lower()}{f'd to {target}' if target else 'd'}.")
    kept = second.drop(columns=removed)
    # A field of the same name in another case is the same field.
    same = {str(c): spelled[str(c).casefold()] for c in kept.columns if str(c).casefold() in spelled}
    names = {**same, **named}
    after = [names.get(str(c), str(c)) for c in kept.columns]
    twice = sorted({name for name in after if after.count(name) > 1})
    if twice:
        raise ParameterError(
            f"mergingAttributes: two fields of mergeLayer would be called {twice[0]!r}; rename or remove one.",
            parameter="mergingAttributes",
        )
    return kept.rename(columns=names)


def _read(text: str) -> tuple[str, str, str]:
    parts = [part.strip() for part in text.split(",")] if "," in text else text.split()
    action = next((a for a in _ACTIONS if len(parts) > 1 and a.casefold() == parts[1].casefold()), "")
    if not action or len(parts) != (2 if action == "Remove" else 3) or not all(parts):
        raise _refusal(text, 'write "field Remove", "field Rename newname" or "field Match inputfield"')
    return parts[0], action, parts[2] if len(parts) > 2 else ""


def _refusal(text: str, reason: str) -> ParameterError:
    return ParameterError(
        f"mergingAttributes: {text!r} cannot be done: {reason}.", parameter="mergingAttributes", value=text
    )


def _cast(ctx: Context, first: gpd.GeoDataFrame, second: gpd.GeoDataFrame) -> None:
    """Bring the values of fields that both layers have to one type, in place."""
    for name in [c for c in first.columns if c in second.columns and c != "geometry"]:
        one, two = first[name], second[name]
        classes = _class(one), _class(two)
        if "empty" in classes or classes[0] == classes[1]:
            continue
        if classes == ("text", "number"):
            second[name] = two.map(_shown, na_action="ignore").astype(object)
            ctx.info(f"mergingAttributes: the numbers of {name} in mergeLayer became text.")
        else:
            raise ParameterError(
                f"mergingAttributes: the field {name!r} holds {classes[0]} in inputLayer and {classes[1]} in mergeLayer; "
                f'write "{name} Remove" or "{name} Rename newname".',
                parameter="mergingAttributes",
                value=str(name),
            )


def _class(column: pd.Series[Any]) -> str:
    if column.isna().all():
        return "empty"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "number"
    return "dates" if pd.api.types.is_datetime64_any_dtype(column.dtype) else "text"


def _shown(number: Any) -> str:
    return f"{number:.0f}" if float(number).is_integer() else f"{number:g}"


def _one_sided(first: gpd.GeoDataFrame, second: gpd.GeoDataFrame) -> list[str]:
    lines = []
    for label, here, there in (("inputLayer", first, second), ("mergeLayer", second, first)):
        only = [str(c) for c in here.columns if c not in there.columns]
        if only:
            lines.append(f"Only {label} has {', '.join(only)}; the other's features are null there.")
    return lines
