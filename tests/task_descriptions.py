"""Descriptions of tasks as real services give them, and as none should: what a form has to cope with.

Written after the shapes of https://developers.arcgis.com/rest/services-reference/enterprise/gp-task/ and the data types of
https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/ ; parameters of the Spatial Analysis tasks
after https://developers.arcgis.com/rest/analysis/tasks/ .
"""

from __future__ import annotations

from typing import Any

INPUT, OUTPUT = "esriGPParameterDirectionInput", "esriGPParameterDirectionOutput"
REQUIRED, OPTIONAL, DERIVED = (f"esriGPParameterType{word}" for word in ("Required", "Optional", "Derived"))


def entry(
    name: str, data_type: str, default: Any = None, *, required: bool = False, **more: Any
) -> dict[str, Any]:
    """Return one input as a service describes it."""
    return {
        "name": name,
        "dataType": data_type,
        "displayName": more.pop("label", name.replace("_", " ").title()),
        "description": more.pop("text", ""),
        "direction": INPUT,
        "defaultValue": default,
        "parameterType": REQUIRED if required else OPTIONAL,
        "category": more.pop("category", ""),
        **more,
    }


def task(name: str, *inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a task's description."""
    out = {"name": "result", "dataType": "GPString", "displayName": "Result", "direction": OUTPUT, "defaultValue": None, "parameterType": DERIVED}  # fmt: skip
    return {
        "name": name,
        "displayName": more.pop("label", name),
        "description": more.pop("text", ""),
        "category": "",
        "helpUrl": "https://host.test/help/" + name.replace(" ", "%20"),
        "executionType": "esriExecutionTypeAsynchronous",
        "parameters": [*inputs, out],
        **more,
    }


def limits(low: Any = None, high: Any = None) -> dict[str, Any]:
    """Return a filter of a range."""
    bounds = {"minimum": low, "maximum": high}
    return {"type": "range", **{key: value for key, value in bounds.items() if value is not None}}


def geometries(*words: str) -> dict[str, Any]:
    """Return a filter of geometry types."""
    return {"type": "featureClass", "list": [f"esriGeometry{word}" for word in words]}


POINTS = {
    "displayFieldName": "",
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326, "latestWkid": 4326},
    "fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID"}],
    "features": [],
    "exceededTransferLimit": False,
}
METERS = {"distance": 5, "units": "esriMeters"}

#: Layers as text: the hosted analyses declare them so.
HOSTED = task(
    "SummarizeNearby",
    entry("sumNearbyLayer", "GPString", required=True, text="The layer near which to summarize."),
    entry("summaryLayer", "GPString", required=True),
    entry("nearType", "GPString", "StraightLine"),
    entry("distances", "GPString", required=True, text="An array of double values."),
    entry("units", "GPString", "Meters", choiceList=["Meters", "Kilometers", "Feet", "Yards", "Miles", "Seconds", "Minutes", "Hours"]),
    entry("timeOfDay", "GPDate"),
    entry("timeZoneForTimeOfDay", "GPString", "GeoLocal", choiceList=["GeoLocal", "UTC"]),
    entry("returnBoundaries", "GPBoolean", True),
    entry("summaryFields", "GPString", "[]"),
    entry("groupByField", "GPString"),
    entry("outputName", "GPString", category="Output"),
    entry("context", "GPString", category="Output"),
)  # fmt: skip

DEMOGRAPHICS = task(
    "911 Calls Hotspot",
    entry("Query", "GPSQLExpression", '"DATE" > 1998', required=True, dependency="Calls"),
    entry(
        "Calls", "GPFeatureRecordSetLayer", POINTS, required=True, filter=geometries("Point", "Multipoint")
    ),
    entry("Neighborhood_Size", "GPLinearUnit", METERS),
)

BUFFER = task(
    "Buffer Points",
    entry("Input_Points", "GPFeatureRecordSetLayer", {**POINTS, "Fields": POINTS["fields"]}, required=True),
    entry("Distance", "GPLinearUnit", {"distance": 0.5, "units": "esriMiles"}, required=True),
    entry("Smallest_Part", "GPArealUnit", "3 SquareKilometers", category="Advanced"),
    entry("Dissolve", "GPBoolean", "false"),
    entry("End", "GPString", "ROUND", choiceList=["ROUND", "FLAT"], category="Advanced"),
)

VIEWSHED = task(
    "Viewshed",
    entry(
        "Input_Observation_Point",
        "GPFeatureRecordSetLayer",
        POINTS,
        required=True,
        filter=geometries("Point"),
    ),
    entry("Viewshed_Distance", "GPLinearUnit", {"distance": 15000, "units": "esriMeters"}),
    entry("Elevation", "GPRasterDataLayer", {"url": "https://host.test/dem"}),
    entry("Observer_Height", "GPDouble", 1.75, filter=limits(0, 500)),
)

ROUTES = task(
    "Solve Routes",
    entry("stops", "GPRecordSet", required=True),
    entry("start", "GPDate", 1388534400000),
    entry("until", "GPDate", "2014-06-01T12:30:00"),
    entry("longest", "GPTimeUnit", "2 Hours"),
    entry("breaks", "GPMultiValue:GPTimeUnit"),
    entry("vehicles", "GPLong", "4", filter=limits(1)),
)

WEIGHTS = task(
    "Weighted Overlay",
    entry(
        "weights",
        "GPValueTable",
        [["POP", 0.5, None]],
        required=True,
        parameterInfos=[
            {"name": "field", "dataType": "GPString", "displayName": "Field", "choiceList": ["POP", "AREA"]},
            {"name": "weight", "dataType": "GPDouble", "displayName": "Weight", "filter": limits(0, 1)},
            {"name": "since", "dataType": "GPDate", "displayName": "Since"},
        ],
    ),
    entry("bare", "GPValueTable"),
)

COMPOSITE = task(
    "Either Or",
    entry(
        "distance_or_field",
        "GPComposite",
        {"dataType": "GPLinearUnit", "value": METERS},
        parameterInfos=[
            {"name": "a", "dataType": "GPLinearUnit", "displayName": "Distance"},
            {"name": "b", "dataType": "Field", "displayName": "Field"},
            {"name": "c", "dataType": "GPLong", "displayName": "Number"},
        ],
        filter={"type": "composite", "list": [None, None, limits(0, 9)]},
    ),
    entry("loose", "GPComposite"),
    entry("coded", "GPLong", 2, filter={"type": "codedValue", "list": [
        {"dataType": "GPLong", "name": "One", "value": 1}, {"dataType": "GPLong", "name": "Two", "value": 2}]}),
)  # fmt: skip

PLACES = task(
    "Reproject",
    entry("out", "GPSpatialReference", {"wkid": 102100, "latestWkid": 3857}, required=True),
    entry("system", "GPCoordinateSystem", {"wkt": 'GEOGCS["Own",…]'}),
    entry(
        "extent",
        "GPExtent",
        {"xmin": 0, "ymin": 0, "xmax": 10, "ymax": 5.5, "spatial_reference": {"wkid": 4326}},
    ),
    entry("box", "GPEnvelope"),
)

LISTS = task(
    "Lists",
    entry("numbers", "GPMultiValue:GPDouble", [5, 10.5, 15], filter=limits(0, 1000)),
    entry("words", "GPMultiValue:GPString", ["a"], choiceList=["a", "b", "c"]),
    entry("layers", "GPMultiValue:GPFeatureRecordSetLayer"),
    entry("flags", "GPMultiValue:GPBoolean", [True, False]),
    entry(
        "fields",
        "GPMultiValue:Field",
        dependency="layers",
        filter={"type": "field", "list": ["esriFieldTypeDouble"]},
    ),
)

FILES = task(
    "Import",
    entry("archive", "GPDataFile", required=True, filter={"type": "file", "list": ["zip", ".gpkg"]}),
    entry("sheet", "GPDataFile"),
    entry("password", "GPStringHidden"),
    entry("workspace", "GPWorkspace"),
)

ENTERPRISE = task(
    "Export",
    entry("Layer_to_Export", "GPString", "Cities", choiceList=["Cities", "Roads"], category="What"),
    entry("Format", "GPString", "Shapefile - SHP - .shp", choiceList=["Shapefile - SHP - .shp", "GML - .gml"], category="How"),
    entry("where", "GPSQLExpression", "1=1", dependency="Layer_to_Export"),
    entry("esri_out_feature_service_name", "GPString", ""),
    entry("id", "GPLong", 9007199254740993),
    entry("scale", "GPDouble", "-1.23456789E7"),
)  # fmt: skip

SCRIPTS = task(
    "Scripts",
    entry("a", "GPString", '<img src=x onerror="window.broken = 1">', label="<script>window.broken = 1</script>",
          text="<b>Bold</b> <script>window.broken = 1</script> {n} ${n}", category="<i>Group</i>"),
    entry("b", "GPString", "<b>1</b>", choiceList=["<b>1</b>", "</select><script>window.broken = 1</script>"]),
    entry("c", "GPLinearUnit", {"distance": 1, "units": "<b>"}),
    label="<img src=x onerror='window.broken = 1'>",
    text="<script>window.broken = 1</script>" + " and more of it" * 30,
    helpUrl="javascript:window.broken=1",
)  # fmt: skip

PYTHON = task(
    "__import__('os').abort()",
    entry("a", "GPString", "__import__('os').abort()"),
    entry("b", "GPString", '"); __import__("os").abort() #'),
    entry("class", "GPString", "\\' + open('x') + \\'"),
    entry("reuse", "GPBoolean", False),
    entry("x); import os; (", "GPLong", 1),
    entry("line\nbreak", "GPDouble"),
    entry("values", "GPString", "two\nlines"),
)

MANY = task(
    "Many",
    entry("code", "GPString", "Choice 250", choiceList=[f"Choice {n}" for n in range(500)]),
    entry("number", "GPLong", 3, choiceList=[1, 2, 3]),
    entry("double", "GPMultiValue:GPString", choiceList=[f"Choice {n}" for n in range(500)]),
)

MISSING = {
    "name": "Missing",
    "executionType": "esriExecutionTypeAsynchronous",
    "parameters": [
        {"name": "a"},
        {"name": "b", "dataType": "GPLong", "direction": INPUT},
        {"dataType": "GPLong"},
        {},
        {"name": "a", "dataType": "GPDouble"},
        {"name": "c", "dataType": "GPString", "choiceList": [], "filter": {}, "parameterInfos": "none"},
        {"name": "d", "dataType": "GPMultiValue:", "defaultValue": {"x": 1}},
        {"name": "e", "dataType": "GPValueTable", "parameterInfos": [{}], "defaultValue": "[[1, 2]]"},
        {"name": "f", "dataType": "GPDouble", "filter": {"type": "range", "minimum": "low", "maximum": None}},
        {"name": "g", "dataType": "GPComposite", "parameterInfos": []},
    ],
}

UNKNOWN = task(
    "Unknown",
    entry("mesh", "GPMeshLayer", {"lod": 3}),
    entry("list", "GPMultiValue:GPMeshLayer"),
    entry("date", "GPDate", {"date": "1/2/1970", "format": "M/d/yyyy"}),
    entry("long", "GPLong", "many"),
    entry("flag", "GPBoolean", "perhaps"),
    entry("span", "GPTimeUnit", {"time": float("1e400"), "units": "esriTimeUnitsDays"}),
    entry("deep", "GPValueTable", parameterInfos=[{"name": "d1", "dataType": "GPValueTable", "parameterInfos": [
        {"name": "d2", "dataType": "GPMultiValue:GPLong"}]}]),
)  # fmt: skip

# More than a page without a kernel holds.
HUGE = task(
    "Huge",
    *(
        entry(
            f"choice_{n}",
            "GPString",
            "no 7",
            text="a long story. " * 500,
            choiceList=[f"no {k} of {n}" for k in range(3000)],
        )
        for n in range(20)
    ),
    text="what it is about. " * 2000,
)

DESCRIPTIONS = {
    document["name"]: document
    for document in (
        HOSTED, DEMOGRAPHICS, BUFFER, VIEWSHED, ROUTES, WEIGHTS, COMPOSITE, PLACES, LISTS, FILES, ENTERPRISE,
        SCRIPTS, PYTHON, MANY, MISSING, UNKNOWN,
    )
}  # fmt: skip
