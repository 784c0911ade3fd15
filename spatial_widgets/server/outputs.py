"""Results as JSON text: written from the values of a task, and shown as a request asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from spatial_widgets.codec import decode_geometries, decode_spatial_reference, encode_geometries
from spatial_widgets.codec.features_out import FeatureSet
from spatial_widgets.codec.jsontext import json_pieces
from spatial_widgets.codec.layer import is_features
from spatial_widgets.codec.layers_out import local_files
from spatial_widgets.codec.parameters_out import encode_parameter
from spatial_widgets.codec.spatialref import encode_spatial_reference
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.protocol.parameter import ParameterInfo
from spatial_widgets.server.environment import ResultView, projected, read_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spatial_widgets.server.fieldmemory import FieldMemory

__all__ = ["encode_output", "output_pieces", "shown_as"]

_VERTICES = ("points", "paths", "rings")


def encode_output(
    parameter: ParameterInfo, value: Any, *, most: int | None = None, fields: FieldMemory | None = None
) -> Any:
    """Return an output as a tree that is ready to be written; one that was left out is ``""``.

    A layer or table of over ``most`` rows comes without any, and says so, as ArcGIS has it. ``fields`` knows
    the types of columns that came with the inputs.

    Raises
    ------
    CodecError : the value is none of the parameter's type, or a file of this machine.
    """
    if value is None:
        return ""
    tree = encode_parameter(ParameterInfo(name=parameter.name, data_type=_data_type(parameter, value)), value)
    for file in local_files(tree):
        raise CodecError(f"the file {file.path.name!r} cannot be given out; return its text or its rows")
    if fields is not None:
        _remind(fields, tree, value)
    if isinstance(tree, FeatureSet):
        tree.head.setdefault("exceededTransferLimit", False)
        if most is not None and len(tree) > most:
            return {**tree.head, "features": [], "exceededTransferLimit": True}
    return tree


def _data_type(parameter: ParameterInfo, value: Any) -> str:
    if not parameter.holds_rows or not isinstance(value, pd.DataFrame):
        return parameter.data_type
    return "GPFeatureRecordSetLayer" if hasattr(value, "crs") else "GPRecordSet"


def _remind(fields: FieldMemory, tree: Any, value: Any) -> None:
    if isinstance(tree, list) and isinstance(value, (list, tuple)):
        for inner, layer in zip(tree, value, strict=True):
            _remind(fields, inner, layer)
    elif isinstance(tree, FeatureSet) and isinstance(value, pd.DataFrame):
        fields.remind(tree, value)


def output_pieces(
    parameter: ParameterInfo, value: Any, *, most: int | None = None, fields: FieldMemory | None = None
) -> Iterator[bytes]:
    """Yield the JSON text of an output, a block of rows at a time.

    Raises
    ------
    CodecError : as :func:`encode_output`, or something in it has no JSON form.
    """
    yield from json_pieces(encode_output(parameter, value, most=most, fields=fields))


def shown_as(text: bytes, view: ResultView, name: str) -> bytes:
    """Return a result's JSON text as a request asks for it; what is no layer stays as it is.

    Raises
    ------
    ParameterError : the layer cannot be brought into the spatial reference that is asked for.
    """
    if view.is_plain:
        return text
    document = json.loads(text)
    if not is_features(document) or "layers" in document:
        return text
    features = document.get("featureSet", document)
    definition = document.get("layerDefinition")
    if features.get("geometryType") or (isinstance(definition, dict) and definition.get("geometryType")):
        _project(features, definition or {}, view.out_sr, name)
        _drop_numbers(features, definition or {}, view)
    if view.as_collection and "featureSet" not in document:
        document = _collection(features, name)
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _project(features: dict[str, Any], definition: dict[str, Any], out_sr: Any, name: str) -> None:
    import geopandas as gpd

    target = read_reference(out_sr, "outSR")
    source = decode_spatial_reference(features.get("spatialReference") or definition.get("spatialReference"))
    if target is None or (source is not None and source.equals(target, ignore_axis_order=True)):
        return
    if source is None:
        raise ParameterError(
            f"outSR: the result {name!r} has no spatial reference to come from.", parameter="outSR"
        )
    rows = features["features"]
    shapes = decode_geometries(
        [row.get("geometry") for row in rows],
        geometry_type=features.get("geometryType") or definition.get("geometryType"),
        has_z=bool(features.get("hasZ")),
        has_m=bool(features.get("hasM")),
    )
    layer = projected(gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapes, crs=source)), target, name)
    for row, shape in zip(rows, encode_geometries(layer.geometry.array)[2], strict=True):
        row["geometry"] = shape
    features["spatialReference"] = encode_spatial_reference(target)


def _drop_numbers(features: dict[str, Any], definition: dict[str, Any], view: ResultView) -> None:
    has_z = bool(features.get("hasZ") or definition.get("hasZ"))
    has_m = bool(features.get("hasM") or definition.get("hasM"))
    drops = [
        place
        for has, wanted, place in ((has_m, view.return_m, 3 if has_z else 2), (has_z, view.return_z, 2))
        if has and not wanted
    ]
    if not drops:
        return
    for row in features["features"]:
        geometry = row.get("geometry")
        if not isinstance(geometry, dict):
            continue
        for key in _VERTICES:
            if isinstance(geometry.get(key), list):
                geometry[key] = _without(geometry[key], drops)
        for wanted, label, flag in ((view.return_z, "z", "hasZ"), (view.return_m, "m", "hasM")):
            if not wanted:
                geometry.pop(label, None)
                geometry.pop(flag, None)
    for wanted, flag in ((view.return_z, "hasZ"), (view.return_m, "hasM")):
        for owner in (features, definition):
            if not wanted and flag in owner:
                owner[flag] = False


def _without(vertices: list[Any], drops: list[int]) -> list[Any]:
    if vertices and isinstance(vertices[0], list):
        return [_without(inner, drops) for inner in vertices]
    return [number for place, number in enumerate(vertices) if place not in drops]


def _collection(features: dict[str, Any], name: str) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "name": name,
        "type": "Feature Layer" if features.get("geometryType") else "Table",
        **{key: features[key] for key in ("geometryType", "fields", "hasZ", "hasM") if key in features},
    }
    return {"layerDefinition": definition, "featureSet": features}
