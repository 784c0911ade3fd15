"""Floor 2, translate: Esri JSON to pandas, geopandas and Python values, and back."""

from spatial_widgets.codec.columns import name_coded_values
from spatial_widgets.codec.encode import encode_value, form_text
from spatial_widgets.codec.features import LayerOptions, LayerText, ToldTooLate, decode_features
from spatial_widgets.codec.features_out import encode_feature_collection, encode_features, encode_records
from spatial_widgets.codec.geometry import decode_geometries
from spatial_widgets.codec.geometry_out import encode_geometries
from spatial_widgets.codec.spatialref import decode_spatial_reference, encode_spatial_reference
from spatial_widgets.codec.values import FileReference, decode_value

__all__ = [
    "FileReference",
    "LayerOptions",
    "LayerText",
    "ToldTooLate",
    "decode_features",
    "decode_geometries",
    "decode_spatial_reference",
    "decode_value",
    "encode_feature_collection",
    "encode_features",
    "encode_geometries",
    "encode_records",
    "encode_spatial_reference",
    "encode_value",
    "form_text",
    "name_coded_values",
]
