"""A result that is a layer, as GeoJSON or as a protocol buffer instead of Esri JSON.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-result/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyproj

from spatial_widgets.codec import decode_value
from spatial_widgets.codec.features_out import FeatureSet, feature_set, record_set
from spatial_widgets.codec.layer import Description, is_features
from spatial_widgets.codec.pbf_out import PowerGrid, write_page
from spatial_widgets.server.environment import projected, read_reference
from spatial_widgets.server.featureserver.answering import GEOJSON, PBF, geojson_page
from spatial_widgets.server.fieldmemory import FieldMemory
from spatial_widgets.server.wire import Fault, Response

if TYPE_CHECKING:
    import pandas as pd

    from spatial_widgets.server.environment import ResultView

__all__ = ["LAYER_FORMATS", "layer_answer", "refuse_layer_format"]

#: What a layer may be asked for as ``f``, and nothing else.
LAYER_FORMATS = frozenset({"geojson", "pbf"})
_WGS84 = 4326


def refuse_layer_format(chosen: str, what: str) -> Fault:
    """Return the error for a format of layers that was asked of something else."""
    return Fault(400, f"The output format {chosen!r} is one of layers, and {what}. Ask for f=json.")


def layer_answer(text: bytes, chosen: str, view: ResultView, name: str) -> Response:
    """Return a result's JSON text, as it is shown otherwise, as ``geojson`` or ``pbf``.

    GeoJSON is in longitude and latitude unless ``outSR`` says otherwise.

    Raises
    ------
    Fault : the result is no layer and no table.
    ParameterError, CodecError : it cannot be brought into the format.
    """
    document = json.loads(text)
    if not is_features(document) or "layers" in document:
        raise refuse_layer_format(chosen, f"the result {name!r} is none")
    described = Description.of(document)
    frame = decode_value("GPFeatureRecordSetLayer", document, path=name, allow_truncated=True)
    crs = read_reference(view.out_sr, "outSR")
    if chosen == "geojson" and isinstance(frame, gpd.GeoDataFrame):
        crs = crs or pyproj.CRS.from_epsg(_WGS84)
        frame = projected(frame, crs, name)
    page = _page(document, described, frame)
    if chosen == "geojson":
        return Response(geojson_page(page, None, crs, exceeded=described.is_truncated), content_type=GEOJSON)
    body = write_page(page, _grid(page), id_field="", exceeded=described.is_truncated)
    return Response(body, content_type=PBF)


def _page(document: Any, described: Description, frame: pd.DataFrame) -> FeatureSet:
    page = feature_set(frame) if isinstance(frame, gpd.GeoDataFrame) else record_set(frame)
    fields = FieldMemory()
    fields.note(document, frame)
    fields.remind(page, frame)
    if page.shapes is None:
        return page
    # An empty layer has nothing else that could tell what it is of.
    page.shapes.found = described.geometry_type or page.shapes.found
    page.shapes.has_z, page.shapes.has_m = described.has_z, described.has_m
    return FeatureSet(len(page), page.columns, page.shapes, page.head["spatialReference"])


def _grid(page: FeatureSet) -> PowerGrid:
    largest = np.zeros(4)
    if page.shapes is not None:
        vertices = page.shapes.parts().vertices
        axes = [0, 1, *([2] * page.shapes.has_z), *([3] * page.shapes.has_m)]
        if len(vertices):
            largest[axes] = np.abs(np.nan_to_num(vertices)).max(axis=0)[: len(axes)]
    return PowerGrid.over(largest.tolist())
