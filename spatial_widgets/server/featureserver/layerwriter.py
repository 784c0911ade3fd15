"""A result as a GeoParquet file, in groups of rows that are small enough to be read for one page.

Beside the attributes and the geometry, as WKB, each row has its bounds: by those of a group whole groups are
passed over. What a layer must say of itself, fields and spatial reference, is kept as Esri's JSON.

Source: https://geoparquet.org/releases/v1.1.0/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from spatial_widgets import __version__
from spatial_widgets.codec import decode_spatial_reference
from spatial_widgets.server.featureserver.columns import arrow_type, to_arrow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spatial_widgets.codec.features_out import FeatureSet

__all__ = ["BOUNDS", "CORNERS", "DESCRIPTION", "write_layer"]

#: The key of the file's metadata that holds the layer's description.
DESCRIPTION = b"spatial_widgets"
BOUNDS = "bbox"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
_GROUP_ROWS = 2000
_GROUP_BYTES = 8 * 1024 * 1024
_KINDS = {
    "POINT": "Point",
    "MULTIPOINT": "MultiPoint",
    "LINESTRING": "LineString",
    "LINEARRING": "LineString",
    "MULTILINESTRING": "MultiLineString",
    "POLYGON": "Polygon",
    "MULTIPOLYGON": "MultiPolygon",
}
_BOX = pa.struct([(corner, pa.float64()) for corner in CORNERS])


def write_layer(file: BinaryIO, layer: FeatureSet, *, name: str) -> None:
    """Write a layer or a table.

    Notes
    -----
    Takes about 3 s of one core for a million points with four fields; no more than a group of rows is held beside the layer itself.

    Raises
    ------
    CodecError : a value or a coordinate has no Esri form, just as when the layer is written as JSON.
    """
    described = _describe(layer, name)
    fields = [pa.field(f["name"], arrow_type(f["type"])) for f in described["fields"]]
    if layer.shapes is not None:
        fields += [pa.field(described["geometry"], pa.binary()), pa.field(described["bounds"], _BOX)]
    metadata = {DESCRIPTION: json.dumps(described).encode()}
    if layer.shapes is not None:
        metadata[b"geo"] = json.dumps(_geo(_kinds(layer.shapes.checked(0, len(layer))), described)).encode()
    schema = pa.schema(fields, metadata=metadata)
    texts = [
        f.name for f in fields if pa.types.is_string(f.type)
    ]  # the others repeat too seldom to be numbered
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=texts or False) as writer:
        for table in _groups(layer, schema):
            rows = max(1, table.num_rows * _GROUP_BYTES // max(_GROUP_BYTES, table.nbytes))
            writer.write_table(table, row_group_size=rows)


def _groups(layer: FeatureSet, schema: pa.Schema) -> Iterator[pa.Table]:
    blocks = (
        ((start, min(start + _GROUP_ROWS, len(layer))) for start in range(0, len(layer), _GROUP_ROWS))
        if layer.shapes is None
        else layer.shapes.blocks(rows=_GROUP_ROWS, vertices=_GROUP_BYTES // 32)
    )
    for start, stop in blocks:
        arrays = [to_arrow(column.field["type"], column.values(start, stop)) for column in layer.columns]
        if layer.shapes is not None:
            shapes = layer.shapes.checked(start, stop)
            arrays += [pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary()), _boxes(shapes)]
        yield pa.Table.from_arrays(arrays, schema=schema)


def _boxes(shapes: Any) -> pa.StructArray:
    bounds = shapely.bounds(shapes)
    nowhere = np.isnan(bounds[:, 0])
    corners = [pa.array(bounds[:, i], pa.float64(), mask=nowhere) for i in range(4)]
    return pa.StructArray.from_arrays(corners, fields=list(_BOX))


def _describe(layer: FeatureSet, name: str) -> dict[str, Any]:
    names = [column.name for column in layer.columns]
    described: dict[str, Any] = {
        "name": name,
        "rows": len(layer),
        "fields": [column.field for column in layer.columns],
        "objectIdField": _free("OBJECTID", names),
        "writtenBy": __version__,
    }
    if layer.shapes is None:
        return described
    geometries = layer.shapes.checked(0, len(layer))
    has_z, has_m = layer.shapes.has_z, layer.shapes.has_m
    extra = {"include_m": True} if has_m else {}
    vertices = shapely.get_coordinates(geometries, include_z=has_z, **extra)
    is_whole = not np.isnan(vertices).any()
    largest = np.zeros(4)
    if len(vertices):
        axes = [0, 1, *([2] * has_z), *([3] * has_m)]
        largest[axes] = np.abs(np.nan_to_num(vertices)).max(axis=0)
    bounds = shapely.total_bounds(geometries) if len(geometries) else np.full(4, np.nan)
    return described | {
        "geometry": _free("geometry", names),
        "bounds": _free(BOUNDS, [*names, *(name.split(".")[0] for name in names)]),
        "geometryType": layer.head["geometryType"],
        "spatialReference": layer.head["spatialReference"],
        "hasZ": has_z,
        "hasM": has_m,
        "extent": None if np.isnan(bounds).any() else bounds.tolist(),
        "largest": largest.tolist(),
        # A missing z or m has no form on a grid.
        "isWhole": is_whole,
    }


def _kinds(shapes: Any) -> list[str]:
    """Return what kinds of geometries there are, such as "MultiPolygon" and "Point Z"."""
    there = shapes[~shapely.is_missing(shapes)]
    codes = np.unique(2 * shapely.get_type_id(there) + shapely.has_z(there)).tolist()
    names = [_KINDS[shapely.GeometryType(code // 2).name] + " Z" * (code % 2) for code in codes]
    return list(dict.fromkeys(names))


def _geo(kinds: list[str], described: dict[str, Any]) -> dict[str, Any]:
    """Return what GeoParquet wants said of the geometry."""
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": kinds}
    crs = decode_spatial_reference(described["spatialReference"])
    column["crs"] = None if crs is None else crs.to_json_dict()
    if described["extent"] is not None:
        column["bbox"] = described["extent"]
    column["covering"] = {"bbox": {corner: [described["bounds"], corner] for corner in CORNERS}}
    return {
        "version": "1.1.0",
        "primary_column": described["geometry"],
        "columns": {described["geometry"]: column},
    }


def _free(wanted: str, names: list[str]) -> str:
    """Return a name that no field has in any case."""
    taken = {name.casefold() for name in names}
    return next(
        name
        for name in (wanted, *(f"{wanted}_{n}" for n in range(1, len(names) + 2)))
        if name.casefold() not in taken
    )
