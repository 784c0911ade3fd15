"""Feature sets, feature collections and record sets: frames in, whole layers out."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from spatial_widgets.codec.geometry_out import encode_geometries
from spatial_widgets.codec.spatialref import encode_spatial_reference
from spatial_widgets.codec.table_out import encode_columns
from spatial_widgets.errors import CodecError

__all__ = ["encode_feature_collection", "encode_features", "encode_records"]


def encode_features(layer: Any) -> dict[str, Any]:
    """Return the feature set of a GeoDataFrame, a GeoSeries, or one shapely geometry.

    The index is not sent. A layer without CRS is refused: the service would have to guess.

    Raises
    ------
    CodecError : there is no CRS, or something has no Esri form.
    """
    if isinstance(layer, shapely.Geometry):
        layer = gpd.GeoSeries([layer])
    if isinstance(layer, gpd.GeoSeries):
        layer = gpd.GeoDataFrame(geometry=layer)
    geometry = layer.geometry
    if geometry.crs is None:
        raise CodecError(
            "the layer has no CRS, so its coordinates mean nothing to the service; set one first, such as gdf.set_crs(4326)",
            path="spatialReference",
        )
    kind, has_z, shapes = encode_geometries(geometry.array)
    attributes = pd.DataFrame(layer.drop(columns=geometry.name))
    extra = [
        name for name in attributes.columns if isinstance(attributes[name].dtype, gpd.array.GeometryDtype)
    ]
    fields, rows = encode_columns(attributes.drop(columns=extra))
    document: dict[str, Any] = {
        "geometryType": kind,
        "spatialReference": encode_spatial_reference(geometry.crs),
        "fields": fields,
        "features": [{"attributes": row, "geometry": shape} for row, shape in zip(rows, shapes, strict=True)],
    }
    if has_z:
        document["hasZ"] = True
    return document


def encode_feature_collection(layer: Any, *, name: str = "layer") -> dict[str, Any]:
    """Return ``{"layerDefinition", "featureSet"}``: the form the hosted Spatial Analysis tasks take."""
    features = encode_features(layer)
    definition = {
        "name": name,
        "type": "Feature Layer",
        "geometryType": features["geometryType"],
        "fields": features["fields"],
        "hasZ": features.get("hasZ", False),
    }
    return {"layerDefinition": definition, "featureSet": features}


def encode_records(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the record set of a DataFrame without geometry."""
    fields, rows = encode_columns(pd.DataFrame(frame))
    return {"fields": fields, "features": [{"attributes": row} for row in rows]}
