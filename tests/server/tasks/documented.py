"""The thirty-three tasks as Esri's pages and the description of its service have them, copied by hand.

Never made from the code: it is what the code is compared with. One line for each parameter:

    name  type[!]  [= default]  [{choices}]  [(unknown)]

``!`` is required; ``(unknown)`` stands where the documents do not give a name, a form or a word, so that
ours is our own. Without ``=`` no default is documented, without braces no choices. Lines that begin with ``->`` are
outputs. The service itself declares layers, lists and objects as GPString; the types here say what they hold.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["TASKS", "Page", "Parameter"]

_LINE = re.compile(
    r"(?P<out>-> )?(?P<name>\w+)\s+(?P<kind>\w+)(?P<required>!)?"
    r"(\s+=\s*(?P<default>\"[^\"]*\"|\S+))?(\s+\{(?P<choices>[^}]*)\})?(?P<unknown>\s+\(unknown\))?"
)
UNSAID = object()


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str
    required: bool
    default: Any
    choices: tuple[str, ...]
    unknown: bool
    is_output: bool


@dataclass(frozen=True)
class Page:
    source: str
    text: str

    @property
    def parameters(self):
        return [_read(line) for line in self.text.strip().splitlines()]


def _read(line):
    found = _LINE.fullmatch(line.strip())
    assert found, line
    default = UNSAID
    if found["default"] is not None:
        try:
            default = json.loads(found["default"])
        except ValueError:
            default = found["default"]
    choices = tuple(word.strip() for word in (found["choices"] or "").split("|") if word.strip())
    return Parameter(
        found["name"],
        found["kind"],
        bool(found["required"]),
        default,
        choices,
        bool(found["unknown"]),
        bool(found["out"]),
    )


_API = "https://developers.arcgis.com/rest/analysis/api-reference/"
_TASKS = "https://developers.arcgis.com/rest/analysis/tasks/"
_LENGTHS = "{Meters|Kilometers|Feet|Miles|NauticalMiles|Yards}"
_SHAPES = "{Acres|Hectares|SquareMeters|SquareKilometers|SquareFeet|SquareYards|SquareMiles|Meters|Kilometers|Feet|Yards|Miles}"
_FIVE = "{Meters|Kilometers|Feet|Yards|Miles}"
_FOUR = "{Meters|Kilometers|Feet|Miles}"
_BARRIERS = "pointBarrierLayer layer\nlineBarrierLayer layer\npolygonBarrierLayer layer"

TASKS = {
    "AggregatePoints": Page(
        f"{_TASKS}sa-aggregate-points",
        """
        pointLayer layer!
        polygonLayer layer
        keepBoundariesWithNoPoints bool = true
        summaryFields texts = []
        groupByField text
        minorityMajority bool = false
        percentPoints bool = false
        binType text {Hexagon|Square}
        binSize double
        binSizeUnit text
        -> aggregatedLayer layer
        -> groupSummary table
        """,
    ),
    "CalculateCompositeIndex": Page(
        f"{_API}sa-calculate-composite-index.htm",
        """
        inputLayer rows!
        inputVariables object!
        indexMethod text = meanScaled {meanScaled|meanPercentile|meanRaw|geomeanScaled|geomeanPercentile|geomeanRaw|sumFlagsPercentile}
        outputIndexReverse bool = false
        outputIndexMinMax object
        -> indexResultLayer rows
        """,
    ),
    "CalculateDensity": Page(
        f"{_API}sa-calculate-density.htm",
        f"""
        inputLayer layer!
        field text
        cellSize double
        cellSizeUnits text = Meters {_FOUR}
        radius double
        radiusUnits text {_FOUR}
        boundingPolygonLayer layer
        areaUnits text {{SquareKilometers|SquareMiles}}
        classificationType text = EqualInterval {{EqualInterval|EqualArea|GeometricInterval|NaturalBreaks|StandardDeviation}}
        numClasses long = 10
        -> resultLayer layer
        """,
    ),
    "ChooseBestFacilities": Page(
        f"{_API}sa-choose-best-facilities.htm",
        f"""
        goal text = Allocate {{Allocate|MinimizeImpedance|MaximizeCoverage|MaximizeCapacitatedCoverage|PercentCoverage}}
        demandLocationsLayer layer!
        demand double = 1
        demandField text
        maxTravelRange double = 2147483647
        maxTravelRangeField text
        maxTravelRangeUnits text = Minutes {{Seconds|Minutes|Hours|Days|Meters|Kilometers|Feet|Yards|Miles}}
        travelMode text
        timeOfDay date
        timeZoneForTimeOfDay text = GeoLocal {{GeoLocal|UTC}}
        travelDirection text = FacilityToDemand {{FacilityToDemand|DemandToFacility}}
        requiredFacilitiesLayer layer
        requiredFacilitiesCapacity double = 2147483647
        requiredFacilitiesCapacityField text
        candidateFacilitiesLayer layer
        candidateCount long = 1
        candidateFacilitiesCapacity double = 2147483647
        candidateFacilitiesCapacityField text
        percentDemandCoverage double = 100
        {_BARRIERS}
        -> allocatedDemandLocationsLayer layer
        -> allocationLinesLayer layer
        -> assignedFacilitiesLayer layer
        """,
    ),
    "ConnectOriginsToDestinations": Page(
        f"{_API}sa-connect-origins-to-destinations.htm",
        f"""
        originsLayer layer!
        destinationsLayer layer!
        measurementType text!
        originsLayerRouteIDField text
        destinationsLayerRouteIDField text
        timeOfDay date
        timeZoneForTimeOfDay text = GeoLocal {{GeoLocal|UTC}}
        includeRouteLayers bool = false
        routeShape text = FollowStreets {{FollowStreets|StraightLine}}
        {_BARRIERS}
        -> routesLayer layer
        -> unassignedOriginsLayer layer
        -> unassignedDestinationsLayer layer
        -> routeLayerItems text
        """,
    ),
    "CreateBuffers": Page(
        f"{_API}sa-create-buffers.htm",
        f"""
        inputLayer layer!
        distances doubles = []
        field text
        units text = Meters {_LENGTHS}
        dissolveType text = None {{None|Dissolve|Split}}
        ringType text = Disks {{Disks|Rings}}
        sideType text = Full {{Full|Left|Right|Outside}}
        endType text = Round {{Round|Flat}}
        -> bufferLayer layer
        """,
    ),
    "CreateDriveTimeAreas": Page(
        f"{_API}sa-create-drive-time-areas.htm",
        f"""
        inputLayer layer!
        breakValues doubles = [5,10,15]
        breakUnits text = Minutes {{Seconds|Minutes|Hours|Meters|Kilometers|Feet|Yards|Miles}}
        travelMode text
        overlapPolicy text = Overlap {{Overlap|Dissolve|Split}}
        timeOfDay date
        timeZoneForTimeOfDay text = GeoLocal {{GeoLocal|UTC}}
        {_BARRIERS}
        -> driveTimeAreasLayer layer
        -> reachableStreetsLayer layer
        """,
    ),
    "CreateRouteLayers": Page(
        f"{_API}create-route-layers.htm",
        """
        routeData text!
        deleteRouteData bool! = false
        -> routeLayers text (unknown)
        """,
    ),
    "CreateThresholdAreas": Page(
        f"{_API}create-threshold-areas.htm",
        """
        inputLayer layer!
        idField text!
        thresholdVariable text!
        thresholdValues doubles
        thresholdExpression text
        distanceType text
        distanceUnits text
        maxIterations long
        travelDirection text = FromFacility {FromFacility|ToFacility}
        timeOfDay date
        timeZoneForTimeOfDay text = GeoLocal {GeoLocal|UTC}
        polygonDetail text = Standard {Standard|Generalized|High}
        minimumStep double
        targetPercentDifference double = 5
        useData object
        -> resultLayer layer
        """,
    ),
    "CreateViewshed": Page(
        f"{_API}sa-create-viewshed.htm",
        f"""
        inputLayer layer!
        demResolution text = Finest {{Finest|10m|30m|90m}}
        maximumDistance double
        maxDistanceUnits text = Meters {_FIVE}
        observerHeight double
        observerHeightUnits text = Meters {_FIVE}
        targetHeight double
        targetHeightUnits text = Meters {_FIVE}
        generalize bool = true
        -> viewshedLayer layer
        """,
    ),
    "CreateWatersheds": Page(
        f"{_API}sa-create-watersheds.htm",
        f"""
        inputLayer layer!
        searchDistance double
        searchUnits text = Meters {_FIVE}
        sourceDatabase text = FINEST {{FINEST|30m|90m}}
        generalize bool = true
        -> snapPourPtsLayer layer
        -> watershedLayer layer
        """,
    ),
    "DeriveNewLocations": Page(
        f"{_API}sa-derive-new-locations.htm",
        """
        inputLayers layers!
        expressions object! (unknown)
        -> resultLayer layer
        """,
    ),
    "DissolveBoundaries": Page(
        f"{_API}sa-dissolve-boundaries.htm",
        """
        inputLayer layer!
        dissolveFields texts = []
        summaryFields texts = []
        multiPartFeatures bool
        -> dissolvedLayer layer
        """,
    ),
    "EnrichLayer": Page(
        f"{_API}sa-enrich-layer.htm",
        """
        inputLayer layer!
        dataCollections texts = []
        analysisVariables texts = []
        country text
        bufferType text
        distance double
        units text {Feet|Yards|Miles|Meters|Kilometers|Seconds|Minutes|Hours}
        returnBoundaries bool = false
        hierarchy text
        -> enrichedLayer layer
        """,
    ),
    "ExtractData": Page(
        f"{_API}sa-extract-data.htm",
        """
        inputLayers layers!
        extent layer
        clip bool = false
        dataFormat text {FileGeodatabase|ShapeFile|KML|CSV}
        -> contentID file (unknown)
        """,
    ),
    "FieldCalculator": Page(
        f"{_API}sa-field-calculator.htm",
        """
        inputLayer layer!
        expressions texts! (unknown)
        -> resultLayer layer
        """,
    ),
    "FindCentroids": Page(
        f"{_TASKS}find-centroids",
        """
        inputLayer layer!
        pointLocation bool = false
        -> outputLayer layer
        """,
    ),
    "FindExistingLocations": Page(
        f"{_API}sa-find-existing-locations.htm",
        """
        inputLayers layers!
        expressions object! (unknown)
        -> resultLayer layer
        """,
    ),
    "FindHotSpots": Page(
        f"{_TASKS}sa-find-hot-spots",
        f"""
        analysisLayer layer!
        analysisField text
        dividedByField text
        boundingPolygonLayer layer
        aggregationPolygonLayer layer
        shapeType text {{Fishnet|Hexagon}}
        cellSize double
        cellSizeUnits text {_FOUR}
        distanceBand double
        distanceBandUnits text {_FOUR}
        -> hotSpotsResultLayer layer
        -> processInfo texts
        """,
    ),
    "FindNearest": Page(
        f"{_API}sa-find-nearest.htm",
        f"""
        analysisLayer layer!
        nearLayer layer!
        measurementType text! = StraightLine
        maxCount long = 100
        searchCutoff double = 2147483647
        searchCutoffUnits text = null {_LENGTHS}
        timeOfDay date
        timeZoneForTimeOfDay text = GeoLocal {{GeoLocal|UTC}}
        includeRouteLayers bool = false
        {_BARRIERS}
        -> nearestLayer layer
        -> connectingLinesLayer layer
        -> routeLayerItems text
        """,
    ),
    "FindOutliers": Page(
        f"{_API}sa-find-outliers.htm",
        f"""
        analysisLayer layer!
        analysisField text
        dividedByField text
        boundingPolygonLayer layer
        aggregationPolygonLayer layer
        permutations text (unknown)
        shapeType text {{Fishnet|Hexagon}}
        cellSize double
        cellSizeUnits text {_FOUR}
        distanceBand double
        distanceBandUnits text {_FOUR}
        -> outliersResultLayer layer
        -> processInfo texts
        """,
    ),
    "FindPointClusters": Page(
        f"{_API}sa-find-point-clusters.htm",
        """
        analysisLayer layer!
        method text {DBSCAN|HDBSCAN|OPTICS}
        minFeaturesCluster long!
        searchDistance double
        searchDistanceUnit text
        -> pointClustersResultLayer layer
        """,
    ),
    "FindSimilarLocations": Page(
        f"{_API}sa-find-similar-locations.htm",
        """
        inputLayer layer!
        searchLayer layer!
        analysisFields texts!
        inputQuery text
        numberOfResults long = 0
        -> similarResultLayer layer
        -> processInfo texts
        """,
    ),
    "GenerateTessellations": Page(
        f"{_TASKS}generate-tessellations",
        """
        binType text! = Square {Square|Hexagon|TransverseHexagon|Triangle|Diamond|H3_Hexagon}
        binSize double
        binSizeUnit text = SquareKilometers {Meters|Kilometers|Feet|Miles|NauticalMiles|Yards|SquareKilometers|Hectares|SquareMeters|SquareMiles|Acres|SquareYards|SquareFeet|SquareInches}
        extentLayer layer
        intersectStudyArea bool
        binResolution long (unknown)
        -> tessellationLayer layer
        """,
    ),
    "InterpolatePoints": Page(
        f"{_API}sa-interpolate-points.htm",
        """
        inputLayer layer!
        field text!
        interpolateOption long = 5 {1|5|9}
        outputPredictionError bool = false
        classificationType text = GeometricInterval {GeometricInterval|EqualArea|EqualInterval|Manual}
        numClasses long = 10
        classBreaks doubles = []
        boundingPolygonLayer layer
        predictAtPointLayer layer
        -> resultLayer layer
        -> predictionError layer
        -> predictedPointLayer layer
        """,
    ),
    "JoinFeatures": Page(
        f"{_API}sa-join-features.htm",
        f"""
        targetLayer rows!
        joinLayer rows!
        spatialRelationship text {{IdenticalTo|Intersects|CompletelyContains|CompletelyWithin|WithinDistance|Contains|Within}}
        spatialRelationshipDistance double
        spatialRelationshipDistanceUnits text {_LENGTHS}
        attributeRelationship texts (unknown)
        joinOperation text {{JoinOneToOne|JoinOneToMany}}
        summaryFields texts
        joinType text (unknown)
        recordsToMatch object (unknown)
        -> outputLayer rows
        """,
    ),
    "MergeLayers": Page(
        f"{_API}sa-merge-layers.htm",
        """
        inputLayer layer!
        mergeLayer layer!
        mergingAttributes texts = [] (unknown)
        -> mergedLayer layer
        """,
    ),
    "OverlayLayers": Page(
        f"{_API}sa-overlay-layers.htm",
        """
        inputLayer layer!
        overlayLayer layer!
        overlayType text = Intersect {Intersect|Union|Erase}
        outputType text = Input {Input|Line|Point}
        snapToInput bool = false
        tolerance double
        -> outputLayer layer
        """,
    ),
    "PlanRoutes": Page(
        f"{_API}sa-plan-routes.htm",
        f"""
        stopsLayer layer!
        routeCount long!
        maxStopsPerRoute long!
        routeStartTime date!
        startLayer layer!
        startLayerRouteIDField text
        returnToStart bool = true
        endLayer layer
        endLayerRouteIDField text
        travelMode text
        stopServiceTime double = 0
        maxRouteTime double = 525600
        includeRouteLayers bool = false
        {_BARRIERS}
        -> routesLayer layer
        -> assignedStopsLayer layer
        -> unassignedStopsLayer layer
        -> routeLayerItems text
        """,
    ),
    "SummarizeCenterAndDispersion": Page(
        f"{_API}sa-summarize-center-and-dispersion.htm",
        """
        analysisLayer layer!
        summarizeType texts {CentralFeature|MeanCenter|MedianCenter|Ellipse}
        ellipseSize text {1 standard deviation|2 standard deviations|3 standard deviations}
        weightField text
        groupField text
        -> centralFeatureResultLayer layer
        -> meanCenterResultLayer layer
        -> medianCenterResultLayer layer
        -> ellipseResultLayer layer
        """,
    ),
    "SummarizeNearby": Page(
        f"{_API}sa-summarize-nearby.htm",
        f"""
        sumNearbyLayer layer!
        summaryLayer layer!
        nearType text = StraightLine
        distances doubles!
        units text = Meters {{Meters|Kilometers|Feet|Yards|Miles|Seconds|Minutes|Hours}}
        timeOfDay date
        timeZoneForTimeOfDay text = GeoLocal {{GeoLocal|UTC}}
        returnBoundaries bool = true
        sumShape bool = true
        shapeUnits text {_SHAPES}
        summaryFields texts = []
        groupByField text
        minorityMajority bool = false
        percentShape bool = false
        -> resultLayer layer
        -> groupBySummary table
        """,
    ),
    "SummarizeWithin": Page(
        f"{_API}sa-summarize-within.htm",
        f"""
        sumWithinLayer layer
        summaryLayer layer!
        sumShape bool = true
        shapeUnits text {_SHAPES}
        summaryFields texts = []
        groupByField text
        minorityMajority bool = false
        percentShape bool = false
        binType text = Square {{Square|Hexagon}}
        binSize double
        binSizeUnit text = Meters {_LENGTHS}
        -> resultLayer layer
        -> groupBySummary table
        """,
    ),
    "TraceDownstream": Page(
        f"{_API}sa-trace-downstream.htm",
        f"""
        inputLayer layer!
        splitDistance double
        splitUnits text = Kilometers {_FIVE}
        maxDistance double
        maxDistanceUnits text = Kilometers {_FIVE}
        boundingPolygonLayer layer
        sourceDatabase text
        generalize bool = true
        -> traceLayer layer
        """,
    ),
}
