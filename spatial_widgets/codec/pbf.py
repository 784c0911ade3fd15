"""Pages of a layer as Esri's protocol buffers, the answers to ``f=pbf``; the same frames as from JSON.

Coordinates are whole numbers on a grid that the page describes, as differences from vertex to vertex.

Source: https://github.com/Esri/arcgis-pbf/tree/main/proto/FeatureCollection
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.codec.layer import Description, Layer
from spatial_widgets.codec.pbf_shapes import Grid, read_shapes
from spatial_widgets.codec.pbf_values import Values
from spatial_widgets.codec.protobuf import BYTES, FIXED64, VARINT, Wire
from spatial_widgets.codec.rows import RowReader
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from spatial_widgets.codec.columns import Column
    from spatial_widgets.codec.layer import LayerOptions
    from spatial_widgets.codec.protobuf import Field, Fields, Ints
    from spatial_widgets.codec.rows import GeometryKind

__all__ = ["FIELD_TYPES", "GEOMETRY_TYPES", "REFERENCE", "PbfPage"]

FIELD_TYPES = [
    "esriFieldTypeSmallInteger",
    "esriFieldTypeInteger",
    "esriFieldTypeSingle",
    "esriFieldTypeDouble",
    "esriFieldTypeString",
    "esriFieldTypeDate",
    "esriFieldTypeOID",
    "esriFieldTypeGeometry",
    "esriFieldTypeBlob",
    "esriFieldTypeRaster",
    "esriFieldTypeGUID",
    "esriFieldTypeGlobalID",
    "esriFieldTypeXML",
    "esriFieldTypeBigInteger",
    "esriFieldTypeDateOnly",
    "esriFieldTypeTimeOnly",
    "esriFieldTypeTimestampOffset",
]
GEOMETRY_TYPES = {
    0: "esriGeometryPoint",
    1: "esriGeometryMultipoint",
    2: "esriGeometryPolyline",
    3: "esriGeometryPolygon",
    4: "esriGeometryMultiPatch",
    5: "esriGeometryEnvelope",
    127: None,
}
REFERENCE = {1: "wkid", 2: "latestWkid", 3: "vcsWkid", 4: "latestVcsWkid", 5: "wkt", 6: "wkt2"}
_SPATIAL_REFERENCE, _TRANSFORM, _FIELD, _FEATURES = 8, 12, 13, 15
_READ = range(7, 14)  # members of a FeatureResult that tell something
_ATTRIBUTES, _GEOMETRY, _SHAPE_BUFFER, _CURVES = 1, 2, 3, 7
_BESIDE_ATTRIBUTES = 16  # geometry, centroid, envelope
_UPPER_LEFT = 0
_AXES = (1, 2, 4, 3)  # x, y, z, m in a scale and in a translation, which count m before z
_FAR = 1e100  # no coordinate becomes infinite
_ONES, _ZEROS = (1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0)


class PbfPage:
    """One page of a layer.

    Parameters
    ----------
    data : the whole body of the answer.

    Attributes
    ----------
    document : what the page says around its features, as the JSON of the same page would say it. A page of
        points says no geometry type, nor does one of a table; the layer knows.

    Raises
    ------
    CodecError : this is no page of features.
    """

    def __init__(self, data: bytes) -> None:
        self._wire = Wire(data)
        self._grid = Grid()
        self._starts: list[int] = []
        self._stops: list[int] = []
        self.document: dict[str, Any] = {"fields": [], "hasZ": False, "hasM": False, "features": []}
        start, stop = self._member(0, len(data), 2, "queryResult")
        start, stop = self._member(start, stop, 1, "queryResult.featureResult")
        while start < stop:
            starts, stops, start = self._wire.run(start, stop, _FEATURES, "features")
            self._starts += starts
            self._stops += stops
            if start < stop:
                field = self._wire.field(start, stop, "queryResult.featureResult")
                self._take(field)
                start = field.stop

    def frame(self, document: Mapping[str, Any], options: LayerOptions) -> gpd.GeoDataFrame | pd.DataFrame:
        """Return the page's rows; ``document`` is :attr:`document` with what the layer adds to it.

        Raises
        ------
        CodecError : a feature cannot be read; with its place.
        """
        description = Description.of(document)
        layer = Layer(description, options, reader=self._reader)
        layer.take(self._wire.data)
        return layer.frame(description)

    def _reader(self, kind: GeometryKind, _columns: Sequence[Column]) -> _Rows:
        bounds = np.array(self._starts, np.int64), np.array(self._stops, np.int64)
        return _Rows(self._wire, *bounds, self.document["fields"], kind, self._grid)

    # ------------------------------------------------------------ what stands around the features

    def _member(self, start: int, stop: int, number: int, path: str) -> tuple[int, int]:
        """Return where the one message lies that is wanted of the message around it."""
        for field in self._wire.fields(start, stop, path):
            if field.number == number and field.wire == BYTES:
                return field.start, field.stop
        raise CodecError("this is no page of features", path=path)

    def _take(self, field: Field) -> None:
        expected = BYTES if field.number in {_SPATIAL_REFERENCE, _TRANSFORM, _FIELD} else VARINT
        if field.wire != expected and field.number in _READ:
            raise CodecError(
                f"field {field.number} is of wire type {field.wire}", path="queryResult.featureResult"
            )
        match field.number:
            case 7:
                if field.value not in GEOMETRY_TYPES:
                    raise CodecError(f"there is no geometry of type {field.value}", path="geometryType")
                self.document["geometryType"] = GEOMETRY_TYPES[field.value]
            case 8:
                self._read_reference(field)
            case 9:
                self.document["exceededTransferLimit"] = bool(field.value)
            case 10:
                self.document["hasZ"] = bool(field.value)
            case 11:
                self.document["hasM"] = bool(field.value)
            case 12:
                self._read_transform(field)
            case 13:
                self._read_field(field)

    def _read_reference(self, field: Field) -> None:
        reference: dict[str, Any] = {}
        for member in self._wire.fields(field.start, field.stop, "spatialReference"):
            if member.number in REFERENCE:
                is_text = member.wire == BYTES
                value = self._text(member, "spatialReference") if is_text else member.value
                reference[REFERENCE[member.number]] = value
        self.document["spatialReference"] = reference

    def _read_transform(self, field: Field) -> None:
        is_upper, scale, translate = True, _ONES, _ZEROS
        for member in self._wire.fields(field.start, field.stop, "transform"):
            if member.number == 1 and member.wire == VARINT:
                is_upper = member.value == _UPPER_LEFT
            elif member.number == 2 and member.wire == BYTES:
                scale = self._axes(member, 1.0)
            elif member.number == 3 and member.wire == BYTES:
                translate = self._axes(member, 0.0)
        x, y, z, m = scale
        self._grid = Grid((x, -y if is_upper else y, z, m), translate)

    def _axes(self, field: Field, default: float) -> tuple[float, float, float, float]:
        """Return numbers for x, y, z and m, the default for those not told."""
        found = [0.0] * 4
        for member in self._wire.fields(field.start, field.stop, "transform"):
            if member.wire == FIXED64 and member.number in _AXES:
                found[_AXES.index(member.number)] = float(self._wire.doubles(np.array([member.start]))[0])
        if not all(abs(number) < _FAR for number in found):  # NaN is not, either
            raise CodecError("the grid is out of this world", path="transform")
        x, y, z, m = (number or default for number in found)
        return x, y, z, m

    def _read_field(self, field: Field) -> None:
        path = f"fields[{len(self.document['fields'])}]"
        found = {"name": "", "type": FIELD_TYPES[0], "alias": ""}
        for member in self._wire.fields(field.start, field.stop, path):
            if member.number in {1, 3}:
                found["name" if member.number == 1 else "alias"] = self._text(member, path)
            elif member.number == 2:
                if member.value >= len(FIELD_TYPES):
                    raise CodecError(f"there is no field of type {member.value}", path=path)
                found["type"] = FIELD_TYPES[member.value]
        self.document["fields"].append(found)

    def _text(self, field: Field, path: str) -> str:
        try:
            return self._wire.data[field.start : field.stop].decode()
        except UnicodeDecodeError as error:
            raise CodecError(f"a text is no UTF-8: {error}", path=path) from error


class _Rows(RowReader):
    """Reads the features of a page, all in one block; a :class:`.RowReader`."""

    def __init__(
        self, wire: Wire, start: Ints, stop: Ints, fields: list[Any], kind: GeometryKind, grid: Grid
    ) -> None:
        self._wire = wire
        self._start = start
        self._stop = stop
        self._fields = fields
        self._kind = kind
        self._grid = grid

    def read(self, _text: bytes, columns: Sequence[Column], *, first: int, path: str) -> tuple[int, Any]:  # noqa: ARG002 -- a page is one block, the first
        """Read the page, whatever the text; as :meth:`.RowReader.read`."""
        count = len(self._start)
        of_field = iter(columns)
        per_field = [None if f["type"] == "esriFieldTypeGeometry" else next(of_field) for f in self._fields]
        attributes: list[tuple[Ints, ...]] = []
        has_shape = np.zeros(count, bool)
        shape_start, shape_stop = self._start.copy(), self._start.copy()
        seen = np.zeros(count, np.int64)
        most = len(self._fields) + _BESIDE_ATTRIBUTES
        for found in self._wire.columns(self._start, self._stop, path, most=most):
            is_attribute = found.number == _ATTRIBUTES
            some = found if is_attribute.all() else found.where(is_attribute)
            self._refuse(found, found.number <= _CURVES, found.wire != BYTES, path)
            self._refuse(found, (found.number == _SHAPE_BUFFER) | (found.number == _CURVES), None, path)
            attributes.append((some.rows, seen[some.rows], some.start, some.stop))
            seen[some.rows] += 1
            if some is not found:
                shape = found.where(found.number == _GEOMETRY)
                has_shape[shape.rows] = True
                shape_start[shape.rows], shape_stop[shape.rows] = shape.start, shape.stop
        joined = [np.concatenate(arrays) for arrays in zip(*attributes, strict=True)] if attributes else None
        Values(self._wire, *(joined or [seen[:0]] * 4), path=path).fill(per_field, count)
        if self._kind.name is None:
            return count, None
        rows = np.flatnonzero(has_shape)
        shapes = read_shapes(
            self._wire,
            rows,
            shape_start[rows],
            shape_stop[rows],
            count=count,
            kind=self._kind,
            grid=self._grid,
            path=path,
        )
        return count, shapes

    @staticmethod
    def _refuse(found: Fields, chosen: Any, also: Any, path: str) -> None:
        wrong = chosen if also is None else chosen & also
        if wrong.any():
            raise CodecError("this is no plain feature", path=f"{path}[{found.rows[wrong][0]}]")
