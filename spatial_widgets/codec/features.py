"""Feature sets, feature collections and record sets: whole layers in, frames out."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from spatial_widgets.codec.geometry import decode_geometries
from spatial_widgets.codec.spatialref import decode_spatial_reference
from spatial_widgets.codec.table import decode_columns
from spatial_widgets.errors import CodecError, TransferLimitExceeded

__all__ = ["decode_features", "is_features"]

_GEOMETRY = "geometry"


def is_features(document: Any) -> bool:
    """Whether a value is a feature set, a record set or a feature collection layer."""
    return isinstance(document, dict) and (
        isinstance(document.get("features"), list)
        or isinstance(document.get("featureSet"), dict)
        or isinstance(document.get("layers"), list)
    )


def decode_features(
    document: Any, *, path: str = "", url: str = "", allow_truncated: bool = False
) -> gpd.GeoDataFrame | pd.DataFrame:
    """Return a layer as a GeoDataFrame, or a table without geometry as a DataFrame.

    Reads a feature set, a record set, ``{"layerDefinition", "featureSet"}`` and ``{"layers": […]}`` with
    one layer. The geometry column is called ``geometry``; the index counts from 0 in the order of the
    document; the CRS is the document's. Zero rows keep columns, dtypes and CRS.

    Parameters
    ----------
    allow_truncated : return the rows there are even though the document says that some are missing.

    Raises
    ------
    TransferLimitExceeded : the document says that rows are missing.
    CodecError : with the place of what cannot be read.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
    """
    definition, body, path = _unwrap(document, path)
    truncated = body.get("exceededTransferLimit") or document.get("exceededTransferLimit")
    if truncated and not allow_truncated:
        raise TransferLimitExceeded(
            "The result has more rows than the service hands out, and it sent none or only some of them. "
            "Ask for a hosted result (outputName), narrow the input, or have the service's maximumRecords raised; "
            "job.result(…, allow_truncated=True) gives the rows that did come.",
            url=url,
        )
    features = body.get("features")
    if not isinstance(features, list):
        raise CodecError("there is no list of features", path=path)
    prefix = f"{path}.features" if path else "features"
    for i, feature in enumerate(features):
        if not isinstance(feature, dict):
            raise CodecError(f"{type(feature).__name__} is no feature", path=f"{prefix}[{i}]")
    fields = body.get("fields")
    if fields is None:
        fields = definition.get("fields")
    kind = body.get("geometryType") or definition.get("geometryType")
    is_spatial = bool(kind) or any("geometry" in f for f in features)
    rows = [f.get("attributes") or {} for f in features]
    columns = decode_columns(
        fields if isinstance(fields, list) else None,
        rows,
        reserved=_GEOMETRY if is_spatial else None,
        path=prefix,
    )
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(features)))
    if not is_spatial:
        return frame
    reference = (
        body.get("spatialReference") or _first_reference(features) or definition.get("spatialReference")
    )
    crs = decode_spatial_reference(reference, path=f"{path}.spatialReference" if path else "spatialReference")
    geometries = decode_geometries(
        [f.get("geometry") for f in features],
        geometry_type=kind,
        has_z=bool(body.get("hasZ") or definition.get("hasZ")),
        has_m=bool(body.get("hasM") or definition.get("hasM")),
        path=prefix,
    )
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(geometries, index=frame.index, crs=crs), crs=crs)


def _unwrap(document: Any, path: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return ``(layerDefinition, featureSet, path)``, whatever the wrapping."""
    if not isinstance(document, dict):
        raise CodecError(f"{type(document).__name__} is no feature set", path=path)
    layers = document.get("layers")
    if isinstance(layers, list):
        if len(layers) != 1 or not isinstance(layers[0], dict):
            raise CodecError(f"expected one layer, got {len(layers)}", path=f"{path}.layers".lstrip("."))
        return _unwrap(layers[0], f"{path}.layers[0]".lstrip("."))
    if isinstance(document.get("featureSet"), dict):
        definition = document.get("layerDefinition")
        return (
            (definition if isinstance(definition, dict) else {}),
            document["featureSet"],
            f"{path}.featureSet".lstrip("."),
        )
    return {}, document, path


def _first_reference(features: list[dict[str, Any]]) -> Any:
    for feature in features:
        geometry = feature.get("geometry")
        if isinstance(geometry, dict) and geometry.get("spatialReference"):
            return geometry["spatialReference"]
    return None
