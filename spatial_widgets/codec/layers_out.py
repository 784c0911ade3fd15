"""Layers, tables, files, coordinate systems and extents: whatever names or holds one in, JSON values out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.codec.features_out import feature_set, record_set, with_crs
from spatial_widgets.codec.scalars_out import encode_double
from spatial_widgets.codec.shown import parse_json, show
from spatial_widgets.codec.sources import local_path, read_layer, read_table
from spatial_widgets.codec.spatialref import decode_spatial_reference, encode_spatial_reference
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "LocalFile",
    "encode_extent",
    "encode_field",
    "encode_file",
    "encode_layer",
    "encode_reference",
    "encode_table",
    "is_pointer",
    "local_files",
    "pointer",
]

_GEOJSON = {
    "FeatureCollection", "Feature", "GeometryCollection", "Point", "MultiPoint", "LineString", "MultiLineString",
    "Polygon", "MultiPolygon",
}  # fmt: skip
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_REFERENCE_KEYS = {
    "wkid", "latestWkid", "vcsWkid", "latestVcsWkid", "wkt", "wkt2", "name", "vcsName", "projectionFile",
    "projectionFileItemID",
}  # fmt: skip


class LocalFile(dict[str, Any]):
    """The value of a file that is still on this machine; it is empty until the file was uploaded."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


def local_files(tree: Any) -> list[LocalFile]:
    """Return the files in an encoded value that have to be uploaded before it can be sent."""
    if isinstance(tree, LocalFile):
        return [tree]
    if isinstance(tree, dict) and isinstance(tree.get("features"), list) and "fields" in tree:
        return []  # a feature set, and perhaps a large one
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [found for value in inner for found in local_files(value)]


def is_pointer(value: Any) -> bool:
    """Whether a value points to a file or a layer, as a result does: a FileReference, a ResultFile."""
    return all(isinstance(getattr(value, name, None), str) for name in ("url", "format"))


def pointer(value: Any) -> dict[str, str]:
    """Return ``{"url"}`` of a result that points somewhere; a token in it stays here."""
    parts = urlsplit(value.url)
    if "token" in parts.query.casefold():
        kept = [
            pair
            for pair in parse_qsl(parts.query, keep_blank_values=True)
            if "token" not in pair[0].casefold()
        ]
        parts = parts._replace(query=urlencode(kept))
    return {"url": parts.geturl()}


def encode_layer(value: Any) -> Any:
    """Return a feature set, or what points to a layer."""
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries, shapely.Geometry)):
        return feature_set(value)
    if isinstance(value, (pd.DataFrame, pd.Series)):
        raise CodecError(
            f"expected a GeoDataFrame, got a {type(value).__name__} without geometry; see geopandas.points_from_xy"
        )
    return _named(
        value,
        "a GeoDataFrame, a layer's URL, the path of a file, or a feature set as a dict",
        lambda path: feature_set(read_layer(path)),
    )


def encode_table(value: Any) -> Any:
    """Return a record set, or what points to a table."""
    if isinstance(value, gpd.GeoSeries):
        raise CodecError("expected a DataFrame, got a GeoSeries, which has no attributes")
    if isinstance(value, pd.Series):
        value = value.to_frame(str(value.name or "value"))
    if isinstance(value, (list, tuple)) and value and all(isinstance(row, dict) for row in value):
        value = pd.DataFrame(list(value))
    if isinstance(value, pd.DataFrame):
        return record_set(value)
    return _named(
        value,
        "a DataFrame, a list of dicts, a table's URL, the path of a file, or a record set as a dict",
        lambda path: record_set(read_table(path)),
    )


def encode_file(value: Any) -> Any:
    """Return what points to a file; a local one is a :class:`LocalFile`, to be uploaded."""
    return _named(value, "a URL, the path of a file, or {'itemID': …} of an uploaded one", LocalFile)


def _named(value: Any, expected: str, read: Callable[[Path], Any]) -> Any:
    """Return what a pointer, a dict, a URL, a JSON text or a path stands for."""
    if is_pointer(value):
        return pointer(value)
    if isinstance(value, dict):
        return _known_dict(value, expected)
    if isinstance(value, str):
        text = value.strip()
        if text.casefold().startswith(("http://", "https://")):
            return {"url": text}
        if text.startswith("{"):
            return _known_dict(parse_json(text, expected), expected)
    path = local_path(value)
    if path is not None:
        return read(path)
    absent = ", and there is no such file" if isinstance(value, str) else ""
    raise CodecError(f"expected {expected}, got {show(value)}{absent}")


def _known_dict(value: dict[str, Any], expected: str) -> Any:
    if value.get("type") in _GEOJSON:
        raise CodecError(
            f"expected {expected}, got GeoJSON; make a layer of it: gpd.GeoDataFrame.from_features(…, crs=4326)"
        )
    if not value:
        raise CodecError(f"expected {expected}, got an empty dict")
    from spatial_widgets.codec.json_out import json_value

    return json_value(value)


def encode_field(value: Any) -> Any:
    """Return a field's description for a dict of one, or for its name."""
    if isinstance(value, str) and value.strip().startswith("{"):
        value = parse_json(value, "a field's name or description")
    if isinstance(value, str) and value.strip():
        return {"name": value}
    if isinstance(value, dict) and isinstance(value.get("name"), str) and value["name"]:
        from spatial_widgets.codec.json_out import json_value

        return json_value(value)
    raise CodecError(
        f"expected a field's name, or {{'name': …, 'type': 'esriFieldType…'}}, got {show(value)}"
    )


def encode_reference(value: Any) -> Any:
    """Return a spatial reference for a number, a CRS, a text that pyproj knows, a layer with a CRS, or a dict."""
    expected = "a coordinate system (a number, a pyproj.CRS, a text such as 'EPSG:25832', or {'wkid': …})"
    if isinstance(value, str) and value.strip().startswith("{"):
        value = parse_json(value, expected)
    if isinstance(value, dict):
        if not _REFERENCE_KEYS & value.keys():
            raise CodecError(
                f"expected {expected}, got {show(value)}; one of {', '.join(sorted(_REFERENCE_KEYS))} must be in it"
            )
        return value
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries)):
        value = _crs_of(value)
        if value is None:
            raise CodecError(f"expected {expected}, got a layer without CRS; see set_crs")
    if isinstance(value, (int, np.integer, str)) and not isinstance(value, bool):
        number = str(value).strip()
        if number.isdigit():
            value = decode_spatial_reference(int(number))
        elif not number:
            raise CodecError(f"expected {expected}, got an empty text")
    elif isinstance(value, (bool, float, list, tuple, bytes)):
        raise CodecError(f"expected {expected}, got {show(value)}")
    try:
        found = encode_spatial_reference(value)
    except CodecError as error:
        raise CodecError(f"expected {expected}: {error}") from error
    if found is None:
        raise CodecError(f"expected {expected}, got {show(value)}")
    return found


def _crs_of(layer: Any) -> Any:
    try:
        return layer.crs
    except AttributeError:
        return None


def encode_extent(value: Any) -> Any:
    """Return an envelope for four numbers, a layer, a geometry, or a dict."""
    expected = "a GeoDataFrame, a shapely geometry, (xmin, ymin, xmax, ymax), or a dict of these"
    if isinstance(value, str) and value.strip().startswith("{"):
        value = parse_json(value, expected)
    if isinstance(value, shapely.Geometry):
        value = with_crs(value)
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries)):
        crs = _crs_of(value)
        if crs is None:
            raise CodecError(f"expected {expected} with a CRS; set one first, such as gdf.set_crs(4326)")
        corners = value.total_bounds.tolist()
        if not np.isfinite(corners).all():
            raise CodecError("expected a layer with geometry: an empty one has no extent")
        return _envelope(corners, expected) | _spelled_twice(encode_spatial_reference(crs))
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) == 4:
        return _envelope(list(value), expected)
    if isinstance(value, dict):
        return _given_extent(value, expected)
    raise CodecError(f"expected {expected}, got {show(value)}")


def _given_extent(value: dict[str, Any], expected: str) -> dict[str, Any]:
    if not set(_CORNERS) <= value.keys():
        raise CodecError(f"expected {expected}, got {show(value)}; {', '.join(_CORNERS)} must be in it")
    from spatial_widgets.codec.json_out import json_value

    given = dict(value)
    references = [given.pop(key, None) for key in ("spatialReference", "spatial_reference")]
    reference = next((encode_reference(found) for found in references if found), None)
    corners = _envelope([value[key] for key in _CORNERS], expected)
    checked: dict[str, Any] = json_value(given | corners | _spelled_twice(reference))
    return checked


def _envelope(corners: list[Any], expected: str) -> dict[str, Any]:
    try:
        numbers = [encode_double(corner) for corner in corners]
    except CodecError as error:
        raise CodecError(f"expected {expected}: {error}") from error
    xmin, ymin, xmax, ymax = numbers
    if xmin > xmax or ymin > ymax:
        raise CodecError(
            f"expected xmin ≤ xmax and ymin ≤ ymax, got {numbers}; the order is xmin, ymin, xmax, ymax"
        )
    return dict(zip(_CORNERS, map(float, numbers), strict=True))


def _spelled_twice(reference: Any) -> dict[str, Any]:
    # Envelopes have "spatialReference"; the page of the data types spells it with an underscore for extents.
    return {"spatialReference": reference, "spatial_reference": reference} if reference else {}


def is_path(value: Any) -> bool:
    """Whether a value is a path by its own type."""
    return isinstance(value, os.PathLike)
