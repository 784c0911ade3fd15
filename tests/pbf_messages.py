"""Esri's FeatureCollection messages written by the reference implementation of protocol buffers, from JSON documents.

The schema is told here once more, by hand, so that nothing of the decoder is trusted.
Source: https://github.com/Esri/arcgis-pbf/blob/main/proto/FeatureCollection/FeatureCollection.proto
"""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "esriPBuffer"
# message: fields as "name type number", * for repeated, ? for members of the one union of a message
_SCHEMA = {
    "SpatialReference": "wkid uint32 1, latestWkid uint32 2, vcsWkid uint32 3, latestVcsWkid uint32 4, wkt string 5, wkt2 string 6",
    "Field": "name string 1, fieldType int32 2, alias string 3, sqlType int32 4, domain string 5",
    "Value": "string_value string 1 ?, float_value float 2 ?, double_value double 3 ?, sint_value sint32 4 ?, uint_value uint32 5 ?, int64_value int64 6 ?, uint64_value uint64 7 ?, sint64_value sint64 8 ?, bool_value bool 9 ?, null_value bool 10 ?, index uint32 11",
    "Geometry": "geometryType int32 1, lengths uint32 2 *, coords sint64 3 *, ids sint32 4 *",
    "Envelope": "XMin double 1, YMin double 2",
    "Feature": "attributes Value 1 *, geometry Geometry 2, shapeBuffer string 3, centroid Geometry 4, envelope Envelope 6, curveGeometry Geometry 7",
    "Four": "x double 1, y double 2, m double 3, z double 4",
    "Transform": "quantizeOriginPostion int32 1, scale Four 2, translate Four 3",
    "FeatureResult": "objectIdFieldName string 1, geometryType int32 7, spatialReference SpatialReference 8, exceededTransferLimit bool 9, hasZ bool 10, hasM bool 11, transform Transform 12, fields Field 13 *, features Feature 15 *",
    "CountResult": "count uint64 1",
    "ObjectIdsResult": "objectIdFieldName string 1, objectIds uint64 3 *",
    "QueryResult": "featureResult FeatureResult 1, countResult CountResult 2, idsResult ObjectIdsResult 3",
    "Page": "version string 1, queryResult QueryResult 2",
}
_GEOMETRY_TYPES = ["Point", "Multipoint", "Polyline", "Polygon"]
FIELD_TYPES = [
    "SmallInteger",
    "Integer",
    "Single",
    "Double",
    "String",
    "Date",
    "OID",
    "Geometry",
    "Blob",
    "Raster",
    "GUID",
    "GlobalID",
    "XML",
    "BigInteger",
    "DateOnly",
    "TimeOnly",
    "TimestampOffset",
]
_MEMBERS = {
    "SmallInteger": "sint_value",
    "Integer": "sint_value",
    "Single": "float_value",
    "Double": "double_value",
    "Date": "sint64_value",
    "OID": "uint_value",
    "BigInteger": "int64_value",
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="page.proto", package=_PACKAGE, syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in _SCHEMA.items():
        described = file.message_type.add(name=message)
        if "?" in fields:
            described.oneof_decl.add(name="value_type")
        for text in fields.split(", "):
            name, kind, number, *marks = text.split()
            field = described.field.add(name=name, number=int(number), label=kinds.LABEL_OPTIONAL)
            if "*" in marks:
                field.label = kinds.LABEL_REPEATED
            if "?" in marks:
                field.oneof_index = 0
            if kind in _SCHEMA:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessages([file], pool=pool)
    return {name: found[f"{_PACKAGE}.{name}"] for name in _SCHEMA}


MESSAGES = _classes()


class Grid:
    """A transform, as a server chooses it for a page."""

    def __init__(self, scale=1e-9, origin=(-400.0, -400.0), *, upper=True, z=1e-4, m=1e-4):
        self.scale, self.origin, self.upper, self.z, self.m = scale, origin, upper, z, m

    def numbers(self, vertex, *, z, m):
        x, y = vertex[:2]
        up = self.origin[1] - y if self.upper else y - self.origin[1]
        found = [round((x - self.origin[0]) / self.scale), round(up / self.scale)]
        found += [round(vertex[2] / self.z)] if z else []
        return found + ([round(vertex[2 + z] / self.m)] if m else [])

    def message(self):
        scale = MESSAGES["Four"](x=self.scale, y=self.scale, z=self.z, m=self.m)
        translate = MESSAGES["Four"](x=self.origin[0], y=self.origin[1])
        return MESSAGES["Transform"](
            quantizeOriginPostion=int(not self.upper), scale=scale, translate=translate
        )


GRID = Grid()


def page(document: Any, *, grid: Grid = GRID, member=None, says_null=False, index=False) -> Any:
    """Return a feature set as a message; ``member`` chooses the member that holds a value of a field type."""
    document = json.loads(document) if isinstance(document, (str, bytes)) else document
    kind = str(document.get("geometryType") or "").removeprefix("esriGeometry")
    z, m = bool(document.get("hasZ")), bool(document.get("hasM"))
    result = MESSAGES["FeatureResult"](
        objectIdFieldName="OBJECTID",
        geometryType=_GEOMETRY_TYPES.index(kind) if kind else 127,
        exceededTransferLimit=bool(document.get("exceededTransferLimit")),
        hasZ=z,
        hasM=m,
    )
    if kind:
        result.spatialReference.MergeFrom(MESSAGES["SpatialReference"](**document["spatialReference"]))
        result.transform.MergeFrom(grid.message())
    types = {}
    for field in document["fields"]:
        types[field["name"]] = field["type"].removeprefix("esriFieldType")
        result.fields.add(name=field["name"], fieldType=FIELD_TYPES.index(types[field["name"]]), alias="…")
    choose = {**_MEMBERS, **(member or {})}
    for feature in document["features"]:
        added = result.features.add()
        for number, (name, kind_of) in enumerate(types.items()):
            value = (feature.get("attributes") or {}).get(name)
            message = added.attributes.add()
            if index:
                message.index = number
            if value is not None:
                setattr(message, choose.get(kind_of, "string_value"), value)
            elif says_null:
                message.null_value = True
        shape = feature.get("geometry")
        if shape is not None:
            fill_geometry(added.geometry, shape, grid, z=z, m=m)
    return MESSAGES["Page"](version="1.0", queryResult=MESSAGES["QueryResult"](featureResult=result))


def fill_geometry(message: Any, shape: Any, grid: Grid, *, z: bool, m: bool) -> None:
    message.SetInParent()
    if "x" in shape:
        parts = [[[shape[o] for o in "xy" + "z" * z + "m" * m]]]
    else:
        parts = [shape["points"]] if "points" in shape else shape.get("rings", shape.get("paths"))
        message.lengths.extend(map(len, parts))
    for part in parts:
        before = [0] * (2 + z + m)
        for vertex in part:
            numbers = grid.numbers(vertex, z=z, m=m)
            message.coords.extend([n - b for n, b in zip(numbers, before, strict=True)])
            before = numbers
