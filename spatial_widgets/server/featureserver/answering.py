"""The answers of a layer: pages of features as JSON, GeoJSON or protocol buffer; counts, object IDs, extents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely

from spatial_widgets.codec import decode_spatial_reference, encode_spatial_reference
from spatial_widgets.codec.features_out import FeatureSet
from spatial_widgets.codec.geometry_out import Shapes
from spatial_widgets.codec.pbf_out import PowerGrid, write_count, write_ids, write_page
from spatial_widgets.codec.table_out import rows_of
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.environment import projected
from spatial_widgets.server.featureserver.columns import to_columns
from spatial_widgets.server.featureserver.describing import extent_of, field_of
from spatial_widgets.server.featureserver.layerwriter import CORNERS
from spatial_widgets.server.wire import Response

if TYPE_CHECKING:
    from spatial_widgets.codec.protobuf import Ints
    from spatial_widgets.server.featureserver.layerfile import LayerFile
    from spatial_widgets.server.featureserver.query import Query

__all__ = ["GEOJSON", "PBF", "Answer", "geojson_page"]

PBF, GEOJSON = "application/x-protobuf", "application/geo+json; charset=utf-8"
_WGS84 = 4326
_EDGE_POINTS = 21


class Answer:
    """What a layer answers to a query.

    Parameters
    ----------
    rows : the numbers of the rows that are meant, in order.
    page : most rows of an answer.
    """

    def __init__(self, layer: LayerFile, query: Query, rows: Ints | range, *, page: int) -> None:
        self._layer = layer
        self._query = query
        self._rows = rows
        self._page = page

    def response(self) -> Response:
        """Return the answer.

        Raises
        ------
        ParameterError, CodecError : it cannot be given in this form.
        """
        query, layer = self._query, self._layer
        if query.distinct:
            return self._distinct()
        if query.only == {"count"}:
            return self._counted(len(self._rows))
        if "ids" in query.only:
            ids = np.asarray(self._rows, np.int64) + 1
            if query.format == "pbf":
                return Response(write_ids(layer.id_field, ids), content_type=PBF)
            return _json({"objectIdFieldName": layer.id_field, "objectIds": ids.tolist()})
        if "extent" in query.only:
            told = {"extent": self._extent()}
            return _json({"count": len(self._rows), **told} if "count" in query.only else told)
        return self._features()

    def _counted(self, count: int) -> Response:
        if self._query.format == "pbf":
            return Response(write_count(count), content_type=PBF)
        return _json({"count": count})

    # ------------------------------------------------------------ pages

    def _features(self) -> Response:
        query, layer = self._query, self._layer
        most = self._page if query.count is None else min(query.count, self._page)
        wanted = np.asarray(self._rows[query.offset : query.offset + most], np.int64)
        has_shapes = query.geometry and layer.is_spatial
        names = {layer.id_field, *query.fields} | ({layer.described["geometry"]} if has_shapes else set())
        table = layer.rows(wanted, names)
        exceeded = query.offset + table.num_rows < len(self._rows)
        return self._written(table, exceeded=exceeded, has_shapes=has_shapes)

    def _written(self, table: pa.Table, *, exceeded: bool, has_shapes: bool) -> Response:
        query, layer = self._query, self._layer
        fields = [field_of(f, layer) for f in layer.fields if f["name"] in query.fields]
        columns = to_columns(table, fields)
        shapes, crs = self._shapes(table) if has_shapes else (None, None)
        reference = layer.described.get("spatialReference") if crs is None else encode_spatial_reference(crs)
        page = FeatureSet(table.num_rows, columns, shapes, reference)
        if query.format == "pbf":
            grid = self._grid(shapes, is_own=crs is None)
            body = write_page(page, grid, id_field=layer.id_field, exceeded=exceeded)
            return Response(body, content_type=PBF)
        if query.format == "geojson":
            ids = table.column(layer.id_field).to_pylist()
            return Response(geojson_page(page, ids, crs, exceeded=exceeded), content_type=GEOJSON)
        page.head = {"objectIdFieldName": layer.id_field, "globalIdFieldName": "", **page.head}
        if exceeded:
            page.head["exceededTransferLimit"] = True
        return Response(b"".join(page.pieces()))

    def _shapes(self, table: pa.Table) -> tuple[Shapes, pyproj.CRS | None]:
        """Return the geometries as they are asked for, and their coordinate system if it is not the layer's."""
        query, told = self._query, self._layer.described
        array = shapely.from_wkb(table.column(told["geometry"]).to_pylist())
        own = decode_spatial_reference(told["spatialReference"])
        crs = query.out_crs
        if crs is None and query.format == "geojson" and own is not None:
            crs = pyproj.CRS.from_epsg(_WGS84)
        if crs is not None and own is not None and crs.equals(own, ignore_axis_order=True):
            crs = None if query.format != "geojson" else crs
        elif crs is not None:
            array = projected(
                gpd.GeoDataFrame(geometry=array, crs=own), crs, "query: outSR"
            ).geometry.to_numpy()
        z, m = told["hasZ"] and query.z, told["hasM"] and query.m
        if not (z or m) and (told["hasZ"] or told["hasM"]):
            array = shapely.force_2d(array)
        if query.tolerance is not None:
            array = shapely.simplify(array, query.tolerance)
        if query.precision is not None:
            array = _rounded(array, query.precision, z=z, m=m)
        shapes = Shapes(np.asarray(array, dtype=object))
        # One page may hold less than the layer: it is written as the layer all the same.
        shapes.found, shapes.has_z, shapes.has_m = told["geometryType"], z, m
        return shapes, crs

    def _grid(self, shapes: Shapes | None, *, is_own: bool) -> PowerGrid:
        largest = list(self._layer.described.get("largest", [0.0] * 4))
        if shapes is not None and not is_own:
            vertices = shapes.parts().vertices
            largest[:2] = np.abs(vertices[:, :2]).max(axis=0).tolist() if len(vertices) else [0.0, 0.0]
        return PowerGrid.over(largest)

    # ------------------------------------------------------------ other answers

    def _distinct(self) -> Response:
        query, layer = self._query, self._layer
        names = list(query.fields)
        found = pa.concat_tables([self._layer.rows(np.empty(0, np.int64), names), *self._batches(names)])
        found = found.group_by(names).aggregate([])
        if "count" in query.only:
            return self._counted(found.num_rows)
        keys = dict.fromkeys([*(name for name, _ in query.order), *names], "ascending")
        keys |= {name: "descending" for name, descends in query.order if descends}
        found = found.take(pc.sort_indices(found, sort_keys=list(keys.items())))
        most = self._page if query.count is None else min(query.count, self._page)
        page = found.slice(query.offset, most)
        columns = to_columns(page, [field_of(f, layer) for f in layer.fields if f["name"] in names])
        exceeded = query.offset + page.num_rows < found.num_rows
        table = FeatureSet(page.num_rows, columns, None, None)
        if query.format == "pbf":
            grid = PowerGrid.over([0.0] * 4)
            body = write_page(table, grid, id_field=layer.id_field, exceeded=exceeded)
            return Response(body, content_type=PBF)
        if query.format == "geojson":
            return Response(geojson_page(table, None, None, exceeded=exceeded), content_type=GEOJSON)
        if exceeded:
            table.head["exceededTransferLimit"] = True
        return Response(b"".join(table.pieces()))

    def _batches(self, names: list[str]) -> list[pa.Table]:
        """Return what is different in each batch of the chosen rows."""
        chosen = None if isinstance(self._rows, range) else np.sort(self._rows)
        found = []
        for numbers, table in self._layer.batches(names):
            some = table if chosen is None else table.take(np.flatnonzero(np.isin(numbers, chosen)))
            found.append(some.group_by(names).aggregate([]).select(names))
        return found

    def _extent(self) -> dict[str, Any]:
        layer, query = self._layer, self._query
        if not layer.is_spatial:
            raise ParameterError(
                "query: returnExtentOnly: a table has no extent.", parameter="returnExtentOnly"
            )
        corners = layer.described["extent"] if isinstance(self._rows, range) else self._bounds()
        extent = extent_of(layer) if corners is None else extent_of(layer, corners)
        if not len(self._rows) or corners is None:
            extent |= dict.fromkeys(CORNERS, "NaN")
            corners = None
        if query.out_crs is None:
            return extent
        own = decode_spatial_reference(layer.described["spatialReference"])
        if corners is not None:
            xmin, ymin, xmax, ymax = corners
            way = pyproj.Transformer.from_crs(own, query.out_crs, always_xy=True)
            moved = way.transform_bounds(xmin, ymin, xmax, ymax, densify_pts=_EDGE_POINTS)
            if not np.isfinite(moved).all():
                raise ParameterError(
                    "query: outSR: the extent reaches to where it has no coordinates.", parameter="outSR"
                )
            extent |= dict(zip(CORNERS, moved, strict=True))
        return extent | {"spatialReference": encode_spatial_reference(query.out_crs)}

    def _bounds(self) -> list[float] | None:
        chosen = np.sort(np.asarray(self._rows))
        name = self._layer.described["bounds"]
        lowest, highest = np.full(2, np.inf), np.full(2, -np.inf)
        for numbers, table in self._layer.batches([name]):
            first, last = np.searchsorted(chosen, [numbers[0], numbers[-1] + 1])
            boxes = table.column(name).take(pa.array(chosen[first:last] - numbers[0])).combine_chunks()
            if not len(boxes):
                continue
            sides = [pc.min_max(pc.struct_field(boxes, corner)).as_py() for corner in CORNERS]
            if sides[0]["min"] is not None:
                lowest = np.minimum(lowest, [sides[0]["min"], sides[1]["min"]])
                highest = np.maximum(highest, [sides[2]["max"], sides[3]["max"]])
        return None if np.isinf(lowest).any() else [*lowest.tolist(), *highest.tolist()]


def _json(document: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(document))


def _rounded(array: Any, digits: int, *, z: bool, m: bool) -> Any:
    extra = {"include_m": True} if m else {}
    return shapely.transform(array, lambda vertices: np.round(vertices, digits), include_z=z, **extra)


def geojson_page(page: FeatureSet, ids: list[int] | None, crs: pyproj.CRS | None, *, exceeded: bool) -> bytes:
    """Return a FeatureCollection: exterior rings counter-clockwise, as RFC 7946 has it; no M."""
    rows = rows_of(page.columns, 0, len(page))
    shapes: list[Any] = [None] * len(page)
    if page.shapes is not None:
        array = page.shapes.checked(0, len(page))
        flat = array if page.shapes.has_z else shapely.force_2d(array)  # GEOS writes no M
        turned = shapely.orient_polygons(flat)
        shapes = [None if text is None else msgspec.Raw(text.encode()) for text in shapely.to_geojson(turned)]
    features = [
        {"type": "Feature", "geometry": shape, "properties": row}
        for shape, row in zip(shapes, rows, strict=True)
    ]
    if ids is not None:
        features = [feature | {"id": number} for feature, number in zip(features, ids, strict=True)]
    document: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs is not None and not crs.equals(pyproj.CRS.from_epsg(_WGS84), ignore_axis_order=True):
        name = ":".join(crs.to_authority() or ("", crs.name))
        document["crs"] = {"type": "name", "properties": {"name": name}}
    if exceeded:
        document["exceededTransferLimit"] = True
        document["properties"] = {"exceededTransferLimit": True}
    return msgspec.json.encode(document)
