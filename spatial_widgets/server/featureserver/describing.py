"""What a feature service and its layers say of themselves.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/layer-feature-service/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.server.documents import CURRENT_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spatial_widgets.server.featureserver.layerfile import LayerFile

__all__ = ["describe_folder", "describe_layer", "describe_service", "extent_of", "field_of"]

_SYMBOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "esriGeometryPoint": ("esriSMS", {"style": "esriSMSCircle", "size": 5, "color": [31, 119, 180, 255]}),
    "esriGeometryMultipoint": (
        "esriSMS",
        {"style": "esriSMSCircle", "size": 5, "color": [31, 119, 180, 255]},
    ),
    "esriGeometryPolyline": (
        "esriSLS",
        {"style": "esriSLSSolid", "width": 1.5, "color": [31, 119, 180, 255]},
    ),
    "esriGeometryPolygon": ("esriSFS", {"style": "esriSFSSolid", "color": [31, 119, 180, 120]}),
}


def describe_folder(names: Sequence[str]) -> dict[str, Any]:
    """Return the list of services in the folder."""
    services = [{"name": f"Hosted/{name}", "type": "FeatureServer"} for name in names]
    return {"currentVersion": CURRENT_VERSION, "folders": [], "services": services}


def describe_service(name: str, layers: Mapping[int, LayerFile], *, page: int) -> dict[str, Any]:
    """Return the service resource."""
    lines: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for number, layer in sorted(layers.items()):
        line = {"id": number, "name": layer.described["name"], "parentLayerId": -1, "subLayerIds": None}
        line |= {"defaultVisibility": True, "minScale": 0, "maxScale": 0}
        if layer.is_spatial:
            line |= {"type": "Feature Layer", "geometryType": layer.described["geometryType"]}
        lines[layer.is_spatial].append(line)
    spatial = [layer for _, layer in sorted(layers.items()) if layer.is_spatial]
    document: dict[str, Any] = {
        "currentVersion": CURRENT_VERSION,
        "serviceDescription": f"Outputs of a job, under the name {name}.",
        "hasVersionedData": False,
        "maxRecordCount": page,
        "supportedQueryFormats": _formats(
            all(layer.described.get("isWhole", True) for layer in layers.values())
        ),
        "capabilities": "Query",
        "description": "",
        "copyrightText": "",
        "allowGeometryUpdates": False,
        "supportsDisconnectedEditing": False,
        "layers": lines[True],
        "tables": lines[False],
    }
    if spatial:
        document["spatialReference"] = spatial[0].described["spatialReference"]
        document["fullExtent"] = document["initialExtent"] = extent_of(spatial[0])
    return document


def describe_layer(number: int, layer: LayerFile, *, page: int) -> dict[str, Any]:
    """Return the layer resource."""
    told = layer.described
    document: dict[str, Any] = {
        "currentVersion": CURRENT_VERSION,
        "id": number,
        "name": told["name"],
        "type": "Feature Layer" if layer.is_spatial else "Table",
        "description": "",
        "copyrightText": "",
        "displayField": next(
            (f["name"] for f in layer.fields if f["type"] == "esriFieldTypeString"), layer.id_field
        ),
        "objectIdField": layer.id_field,
        "globalIdField": "",
        "uniqueIdField": {"name": layer.id_field, "isSystemMaintained": True},
        "fields": [field_of(field, layer) for field in layer.fields],
        "indexes": [],
        "types": [],
        "templates": [],
        "hasAttachments": False,
        "capabilities": "Query",
        "maxRecordCount": page,
        "standardMaxRecordCount": page,
        "supportedQueryFormats": _formats(told.get("isWhole", True)),
        "supportsPagination": True,
        "supportsAdvancedQueries": True,
        "supportsStatistics": False,
        "supportsCoordinatesQuantization": False,
        "useStandardizedQueries": True,
        "advancedQueryCapabilities": _capabilities(is_spatial=layer.is_spatial),
        "dateFieldsTimeReference": {"timeZone": "UTC", "respectsDaylightSaving": False},
        "isDataVersioned": False,
        "allowGeometryUpdates": False,
        "supportsCalculate": False,
        "supportsTruncate": False,
    }
    if layer.is_spatial:
        kind, symbol = _SYMBOLS[told["geometryType"]]
        document |= {
            "geometryType": told["geometryType"],
            "hasZ": told["hasZ"],
            "hasM": told["hasM"],
            "minScale": 0,
            "maxScale": 0,
            "defaultVisibility": True,
            "extent": extent_of(layer),
            "drawingInfo": {"renderer": {"type": "simple", "symbol": {"type": kind, **symbol}}},
        }
    return document


def field_of(field: Mapping[str, Any], layer: LayerFile) -> dict[str, Any]:
    """Return a field as a layer and its answers describe it."""
    is_id = field["name"] == layer.id_field
    return {
        **field,
        "sqlType": "sqlTypeOther",
        "nullable": not is_id,
        "editable": False,
        "domain": None,
        "defaultValue": None,
    }


def extent_of(layer: LayerFile, corners: Sequence[float] | None = None) -> dict[str, Any]:
    """Return an extent in the layer's coordinate system, its own by default; without a place it is NaN, as text."""
    found = layer.described["extent"] if corners is None else corners
    names = ("xmin", "ymin", "xmax", "ymax")
    told: dict[str, Any] = (
        dict.fromkeys(names, "NaN") if found is None else dict(zip(names, found, strict=True))
    )
    return {**told, "spatialReference": layer.described["spatialReference"]}


def _formats(is_whole: bool) -> str:  # noqa: FBT001 -- the only argument
    return "JSON, geoJSON, PBF" if is_whole else "JSON, geoJSON"


def _capabilities(*, is_spatial: bool) -> dict[str, Any]:
    return {
        "supportsPagination": True,
        "supportsOrderBy": True,
        "supportsDistinct": True,
        "supportsReturningQueryExtent": is_spatial,
        "supportsSqlExpression": False,
        "supportsStatistics": False,
        "supportsQueryWithDistance": False,
        "supportsHavingClause": False,
        "supportsCountDistinct": False,
        "supportsQueryWithResultType": False,
        "supportsReturningGeometryCentroid": False,
        "supportsReturningGeometryProperties": False,
        "supportsQueryByOthers": False,
        "supportsPaginationOnAggregatedQueries": False,
        "supportedSpatialRelationships": [
            "esriSpatialRelIntersects",
            "esriSpatialRelEnvelopeIntersects",
            "esriSpatialRelIndexIntersects",
        ],
    }
