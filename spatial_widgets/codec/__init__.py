"""Floor 2, translate: Esri JSON to pandas, geopandas and Python values, and back."""

from spatial_widgets.codec.columns import name_coded_values
from spatial_widgets.codec.features import LayerOptions, LayerText, ToldTooLate, decode_features
from spatial_widgets.codec.features_out import encode_feature_collection, encode_features, encode_records
from spatial_widgets.codec.geometry import decode_geometries
from spatial_widgets.codec.geometry_out import encode_geometries
from spatial_widgets.codec.json_out import json_value
from spatial_widgets.codec.jsontext import form_pieces, form_text
from spatial_widgets.codec.layers_out import LocalFile, encode_extent, encode_reference, local_files
from spatial_widgets.codec.parameters_out import alternatives_of, encode_parameter, encode_value, member_of
from spatial_widgets.codec.pbf import PbfPage
from spatial_widgets.codec.spatialref import decode_spatial_reference, encode_spatial_reference
from spatial_widgets.codec.values import FileReference, decode_value

__all__ = [
    "FileReference",
    "LayerOptions",
    "LayerText",
    "LocalFile",
    "PbfPage",
    "ToldTooLate",
    "alternatives_of",
    "decode_features",
    "decode_geometries",
    "decode_spatial_reference",
    "decode_value",
    "encode_extent",
    "encode_feature_collection",
    "encode_features",
    "encode_geometries",
    "encode_parameter",
    "encode_records",
    "encode_reference",
    "encode_spatial_reference",
    "encode_value",
    "form_pieces",
    "form_text",
    "json_value",
    "local_files",
    "member_of",
    "name_coded_values",
]
