"""Tasks of the catalogue that need data nobody ships: described as the hosted service describes them, and refused.

Source: https://developers.arcgis.com/rest/analysis/tasks/tasks-overview and the pages of the tasks it lists
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import ParameterInfo
from spatial_widgets.server.catalogue import CATALOGUE
from spatial_widgets.server.gptask import Task
from spatial_widgets.server.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DESCRIPTIONS"]

_LAYER = "GPFeatureRecordSetLayer"
_LENGTHS = ("Meters", "Kilometers", "Feet", "Yards", "Miles")


def _needed(name: str, kind: str, text: str, default: Any = None) -> ParameterInfo:
    return ParameterInfo(
        name,
        kind,
        required=True,
        default=default,
        description=text,
        parameter_type="esriGPParameterTypeRequired",
    )


def _optional(
    name: str, kind: str, text: str, default: Any = None, choices: Sequence[str] = ()
) -> ParameterInfo:
    return ParameterInfo(name, kind, default=default, choices=tuple(choices), description=text)


def _output(name: str, text: str, kind: str = _LAYER) -> ParameterInfo:
    return ParameterInfo(
        name, kind, direction="output", description=text, parameter_type="esriGPParameterTypeDerived"
    )


_ZONE = _optional("timeZoneForTimeOfDay", "GPString", "what timeOfDay is in", "GeoLocal", ("GeoLocal", "UTC"))
_BARRIERS = tuple(
    _optional(f"{kind}BarrierLayer", _LAYER, f"{kind}s that travel cannot pass")
    for kind in ("point", "line", "polygon")
)

#: What each task does, and its inputs and outputs.
DESCRIPTIONS: Mapping[str, tuple[str, tuple[ParameterInfo, ...]]] = {
    "ConnectOriginsToDestinations": (
        "Measure the time or distance of travel between pairs of points.",
        (
            _needed("originsLayer", _LAYER, "where travel begins"),
            _needed("destinationsLayer", _LAYER, "where it ends"),
            _needed("measurementType", "GPString", '"StraightLine", or a travel mode'),
            _optional("originsLayerRouteIDField", "GPString", "the field that pairs origins"),
            _optional("destinationsLayerRouteIDField", "GPString", "the field that pairs destinations"),
            _optional("timeOfDay", "GPDate", "when travel begins"),
            _ZONE,
            _optional("includeRouteLayers", "GPBoolean", "whether route layers are made", default=False),
            _optional(
                "routeShape",
                "GPString",
                "the shape of routes by a travel mode",
                "FollowStreets",
                ("FollowStreets", "StraightLine"),
            ),
            *_BARRIERS,
            _output("routesLayer", "the routes"),
            _output("unassignedOriginsLayer", "origins without a route"),
            _output("unassignedDestinationsLayer", "destinations without a route"),
            _output("routeLayerItems", "the route layers", "GPString"),
        ),
    ),
    "CreateDriveTimeAreas": (
        "Create the area that can be reached within a time or distance of travel.",
        (
            _needed("inputLayer", _LAYER, "the points that travel begins at"),
            _optional("breakValues", "GPMultiValue:GPDouble", "the sizes of the areas", [5, 10, 15]),
            _optional(
                "breakUnits",
                "GPString",
                "unit of breakValues",
                "Minutes",
                ("Seconds", "Minutes", "Hours", *_LENGTHS),
            ),
            _optional("travelMode", "GPString", "how one travels"),
            _optional(
                "overlapPolicy",
                "GPString",
                "what becomes of areas that overlap",
                "Overlap",
                ("Overlap", "Dissolve", "Split"),
            ),
            _optional("timeOfDay", "GPDate", "when travel begins"),
            _ZONE,
            *_BARRIERS,
            _output("driveTimeAreasLayer", "the areas"),
            _output("reachableStreetsLayer", "the streets that can be reached"),
        ),
    ),
    "CreateRouteLayers": (
        "Create route layers on a portal from the route data of a network analysis.",
        (
            _needed("routeData", "GPString", "the item of the route data"),
            _needed("deleteRouteData", "GPBoolean", "whether the item is deleted afterwards", default=False),
            _output("routeLayers", "the items that were made (the name is ours)", "GPString"),
        ),
    ),
    "CreateThresholdAreas": (
        "Create rings or drive-time areas that just hold a wanted amount, such as a number of people.",
        (
            _needed("inputLayer", _LAYER, "the points that the areas lie around"),
            _needed("idField", "GPString", "a field with a value of its own for each point"),
            _needed("thresholdVariable", "GPString", "the variable of a data collection"),
            _optional("thresholdValues", "GPMultiValue:GPDouble", "the amounts"),
            _optional("thresholdExpression", "GPString", "an Arcade expression that gives the amounts"),
            _optional("distanceType", "GPString", '"StraightLine", or a travel mode'),
            _optional("distanceUnits", "GPString", "unit of distances"),
            _optional("maxIterations", "GPLong", "how often sizes are tried at most"),
            _optional(
                "travelDirection",
                "GPString",
                "whether one travels from the points or to them",
                "FromFacility",
                ("FromFacility", "ToFacility"),
            ),
            _optional("timeOfDay", "GPDate", "when travel begins"),
            _ZONE,
            _optional(
                "polygonDetail",
                "GPString",
                "how closely outlines follow the streets",
                "Standard",
                ("Standard", "Generalized", "High"),
            ),
            _optional("minimumStep", "GPDouble", "by how much sizes differ at least from try to try"),
            _optional(
                "targetPercentDifference", "GPDouble", "how far from the amount an area may be, in percent", 5
            ),
            _optional("useData", "GPString", "the country and the geography of the data, as an object"),
            _output("resultLayer", "the areas"),
        ),
    ),
    "CreateViewshed": (
        "Create the areas that can be seen from points.",
        (
            _needed("inputLayer", _LAYER, "where the observers stand"),
            _optional(
                "demResolution",
                "GPString",
                "resolution of the elevation model",
                "Finest",
                ("Finest", "10m", "30m", "90m"),
            ),
            _optional("maximumDistance", "GPDouble", "how far one sees"),
            _optional("maxDistanceUnits", "GPString", "unit of maximumDistance", "Meters", _LENGTHS),
            _optional("observerHeight", "GPDouble", "height of the observers above the ground"),
            _optional("observerHeightUnits", "GPString", "unit of observerHeight", "Meters", _LENGTHS),
            _optional("targetHeight", "GPDouble", "height of what is seen above the ground"),
            _optional("targetHeightUnits", "GPString", "unit of targetHeight", "Meters", _LENGTHS),
            _optional("generalize", "GPBoolean", "whether outlines are smoothed", default=True),
            _output("viewshedLayer", "the areas that are seen"),
        ),
    ),
    "CreateWatersheds": (
        "Create the areas whose water flows to points.",
        (
            _needed("inputLayer", _LAYER, "the points that water flows to"),
            _optional("searchDistance", "GPDouble", "how far a point may be moved to a stream"),
            _optional("searchUnits", "GPString", "unit of searchDistance", "Meters", _LENGTHS),
            _optional(
                "sourceDatabase",
                "GPString",
                "resolution of the elevation model",
                "FINEST",
                ("FINEST", "30m", "90m"),
            ),
            _optional("generalize", "GPBoolean", "whether outlines are smoothed", default=True),
            _output("snapPourPtsLayer", "the points, moved to streams"),
            _output("watershedLayer", "the areas"),
        ),
    ),
    "PlanRoutes": (
        "Assign stops to vehicles, and order them into routes.",
        (
            _needed("stopsLayer", _LAYER, "the stops"),
            _needed("routeCount", "GPLong", "the most routes"),
            _needed("maxStopsPerRoute", "GPLong", "the most stops of a route"),
            _needed("routeStartTime", "GPDate", "when routes begin"),
            _needed("startLayer", _LAYER, "where routes begin"),
            _optional("startLayerRouteIDField", "GPString", "the field with the names of routes"),
            _optional("returnToStart", "GPBoolean", "whether routes end where they began", default=True),
            _optional("endLayer", _LAYER, "where routes end otherwise"),
            _optional("endLayerRouteIDField", "GPString", "the field with the names of routes"),
            _optional("travelMode", "GPString", "how one travels"),
            _optional("stopServiceTime", "GPDouble", "minutes that each stop takes", 0),
            _optional("maxRouteTime", "GPDouble", "the most minutes of a route", 525600),
            _optional("includeRouteLayers", "GPBoolean", "whether route layers are made", default=False),
            *_BARRIERS,
            _output("routesLayer", "the routes"),
            _output("assignedStopsLayer", "stops on a route"),
            _output("unassignedStopsLayer", "stops on none"),
            _output("routeLayerItems", "the route layers", "GPString"),
        ),
    ),
    "TraceDownstream": (
        "Trace the way of water from points downstream.",
        (
            _needed("inputLayer", _LAYER, "where water begins to flow"),
            _optional("splitDistance", "GPDouble", "length of the pieces that lines are split into"),
            _optional("splitUnits", "GPString", "unit of splitDistance", "Kilometers", _LENGTHS),
            _optional("maxDistance", "GPDouble", "how far is traced"),
            _optional("maxDistanceUnits", "GPString", "unit of maxDistance", "Kilometers", _LENGTHS),
            _optional("boundingPolygonLayer", _LAYER, "where lines end"),
            _optional("sourceDatabase", "GPString", "resolution of the elevation model"),
            _optional("generalize", "GPBoolean", "whether lines are smoothed", default=True),
            _output("traceLayer", "the lines"),
        ),
    ),
}


def _refusing(name: str) -> Any:
    def refuse(**_: Any) -> NoReturn:
        raise ParameterError(CATALOGUE[name].refusal(name))

    refuse.__module__ = __name__
    return refuse


for _name, (_text, _parameters) in DESCRIPTIONS.items():
    REGISTRY.add(
        Task(
            name=_name,
            function=_refusing(_name),
            parameters=_parameters,
            description=f"{CATALOGUE[_name].refusal(_name)}\n\n{_text}",
            refusal=CATALOGUE[_name].refusal(_name),
        )
    )
