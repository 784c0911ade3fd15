"""Feature sets, feature collections and record sets: frames in, whole layers out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import msgspec
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.codec.geometry_out import Shapes
from spatial_widgets.codec.jsontext import Written, json_pieces, plain
from spatial_widgets.codec.spatialref import decode_spatial_reference, encode_spatial_reference
from spatial_widgets.codec.table_out import (
    prepare_columns,
    record_type,
    records_of,
    refuse_unclear_names,
    rows_of,
)
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spatial_widgets.codec.table_out import Column

__all__ = [
    "FeatureSet",
    "encode_feature_collection",
    "encode_features",
    "encode_records",
    "feature_collection",
    "feature_set",
    "record_set",
    "with_crs",
]

_BLOCK_ROWS = 2000
_LONGITUDE, _LATITUDE = 180.0, 90.0


class FeatureSet(Written):
    """A layer or a table, checked and ready to be written.

    Attributes
    ----------
    columns, shapes : its attributes and its geometries; ``shapes`` is None for a table.
    head : everything but the features: ``geometryType``, ``spatialReference``, ``fields`` and so on.
    is_untyped : it has no geometry that could tell its type; ``head`` says points.
    """

    def __init__(self, size: int, columns: list[Column], shapes: Shapes | None, reference: Any) -> None:
        self._size = size
        self.columns = columns
        self.shapes = shapes
        self.is_untyped = shapes is not None and not shapes.found
        self.head: dict[str, Any] = {"fields": [column.field for column in columns]}
        if shapes is not None:
            self.head = {"geometryType": shapes.kind, "spatialReference": reference, **self.head}
            self.head |= {"hasZ": True} if shapes.has_z else {}
            self.head |= {"hasM": True} if shapes.has_m else {}

    def __len__(self) -> int:
        return self._size

    def _blocks(self, *, as_text: bool) -> Iterator[list[dict[str, Any]]]:
        record = record_type(self.columns) if as_text else None

        def rows_from(start: int, stop: int) -> list[Any]:
            if record is None or stop - start == 1:
                return rows_of(self.columns, start, stop)
            return records_of(record, self.columns, start, stop)

        if self.shapes is None:
            for start in range(0, self._size, _BLOCK_ROWS):
                rows = rows_from(start, min(start + _BLOCK_ROWS, self._size))
                yield [{"attributes": row} for row in rows]
            return
        for start, stop in self.shapes.blocks():
            shapes = self.shapes.encode(start, stop, as_text=as_text)
            rows = rows_from(start, stop)
            yield [{"attributes": row, "geometry": shape} for row, shape in zip(rows, shapes, strict=True)]

    def document(self) -> dict[str, Any]:
        """Return the feature set as plain objects."""
        features = [feature for block in self._blocks(as_text=False) for feature in block]
        return {**self.head, "features": features}

    def pieces(self) -> Iterator[bytes]:
        """Yield the text, a block of rows at a time."""
        yield _encoded(self.head)[:-1] + b',"features":['
        comma = b""
        for block in self._blocks(as_text=True):
            if len(block) == 1:  # perhaps a very large one
                yield comma
                yield from json_pieces(block[0])
            else:
                yield comma + _encoded(block)[1:-1]
            comma = b","
        yield b"]}"


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        raise CodecError(
            f"a text attribute or column name cannot be sent as UTF-8: {error.reason}; "
            "frame[…].str.encode('utf-8', 'replace').str.decode('utf-8') replaces what is broken",
            path="attributes",
        ) from error


def feature_set(layer: Any) -> FeatureSet:
    """Return the feature set of a GeoDataFrame, a GeoSeries, or one shapely geometry, ready to be written.

    The index and further geometry columns are not sent. A layer without CRS is refused: the service would
    have to guess. For a bare geometry see :func:`with_crs`.

    Raises
    ------
    CodecError : there is no CRS, or something has no Esri form.
    """
    if isinstance(layer, shapely.Geometry):
        layer = with_crs(layer)
    if isinstance(layer, gpd.GeoSeries):
        layer = gpd.GeoDataFrame(geometry=gpd.GeoSeries(layer.array, crs=layer.crs))
    refuse_unclear_names(layer.columns)
    geometry = _active_geometry(layer)
    if geometry.crs is None:
        raise CodecError(
            "the layer has no CRS, so its coordinates mean nothing to the service; set one first, such as gdf.set_crs(4326)",
            path="spatialReference",
        )
    return FeatureSet(
        len(layer),
        prepare_columns(_attributes(layer)),
        Shapes(np.asarray(geometry.array, dtype=object)),
        encode_spatial_reference(geometry.crs),
    )


def with_crs(geometry: Any) -> gpd.GeoSeries:
    """Return one shapely geometry as a series with a CRS.

    It is the CRS of its SRID; without one, longitude and latitude (EPSG:4326) if all coordinates may be such.

    Raises
    ------
    CodecError : the CRS cannot be told.
    """
    srid = int(shapely.get_srid(geometry))
    if srid > 0:
        return gpd.GeoSeries([geometry], crs=decode_spatial_reference(srid))
    bounds = np.abs(shapely.bounds(geometry))
    limits = np.array([_LONGITUDE, _LATITUDE] * 2)
    if (bounds > limits).any():
        raise CodecError(
            "expected a geometry with a CRS: it has no SRID, and its coordinates are no longitudes and latitudes; "
            "say which CRS it is in: gpd.GeoSeries([geometry], crs=…)",
            path="spatialReference",
        )
    return gpd.GeoSeries([geometry], crs=4326)


def _active_geometry(layer: gpd.GeoDataFrame) -> gpd.GeoSeries:
    try:
        return layer.geometry
    except AttributeError as error:
        others = [str(name) for name in layer.columns if _is_geometry(layer[name])]
        step = (
            f"choose one: gdf.set_geometry({others[0]!r})"
            if others
            else "make one: gdf.set_geometry(gpd.points_from_xy(x, y), crs=4326)"
        )
        raise CodecError(
            f"the GeoDataFrame has no active geometry column; {step}", path="geometry"
        ) from error


def _is_geometry(column: Any) -> bool:
    return isinstance(column.dtype, gpd.array.GeometryDtype)


def _attributes(frame: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in frame.columns if not _is_geometry(frame[name])]
    return pd.DataFrame(frame)[names]


def feature_collection(layer: Any, *, name: str = "layer") -> dict[str, Any]:
    """Return ``{"layerDefinition", "featureSet"}`` of a layer, ready to be written."""
    features = feature_set(layer)
    definition = {
        "name": name,
        "type": "Feature Layer",
        "geometryType": features.head["geometryType"],
        "fields": features.head["fields"],
        "hasZ": features.head.get("hasZ", False),
        "hasM": features.head.get("hasM", False),
    }
    return {"layerDefinition": definition, "featureSet": features}


def record_set(frame: pd.DataFrame) -> FeatureSet:
    """Return the record set of a frame, ready to be written; geometry columns are left out."""
    refuse_unclear_names(frame.columns)
    return FeatureSet(len(frame), prepare_columns(_attributes(frame)), None, None)


def encode_features(layer: Any) -> dict[str, Any]:
    """Return the feature set of a GeoDataFrame, a GeoSeries, or one shapely geometry.

    The index is not sent. A layer without CRS is refused: the service would have to guess. A bare geometry
    has the CRS of its SRID, and is taken as longitude and latitude where it has none and may be such.

    Raises
    ------
    CodecError : there is no CRS, or something has no Esri form.
    """
    return feature_set(layer).document()


def encode_feature_collection(layer: Any, *, name: str = "layer") -> dict[str, Any]:
    """Return ``{"layerDefinition", "featureSet"}``: the form the hosted Spatial Analysis tasks take."""
    collection: dict[str, Any] = plain(feature_collection(layer, name=name))
    return collection


def encode_records(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the record set of a DataFrame without geometry."""
    return record_set(frame).document()
