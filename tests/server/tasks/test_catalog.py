"""What the built-in tasks tell about themselves, and that they run through texts and JSON as a service runs them."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
from shapely import Point

import spatial_widgets.server.tasks
from spatial_widgets.codec import decode_features, encode_features
from spatial_widgets.server.registry import REGISTRY

ESRI = {
    "CreateBuffers": "inputLayer distances field units dissolveType ringType sideType endType bufferLayer",
    "AggregatePoints": "pointLayer polygonLayer keepBoundariesWithNoPoints summaryFields groupByField minorityMajority "
    "percentPoints binType binSize binSizeUnit aggregatedLayer groupSummary",
    "DissolveBoundaries": "inputLayer dissolveFields summaryFields multiPartFeatures dissolvedLayer",
    "FindNearest": "analysisLayer nearLayer measurementType maxCount searchCutoff searchCutoffUnits timeOfDay "
    "timeZoneForTimeOfDay includeRouteLayers pointBarrierLayer lineBarrierLayer polygonBarrierLayer nearestLayer "
    "connectingLinesLayer routeLayerItems",
    "GenerateTessellations": "binType binSize binSizeUnit extentLayer intersectStudyArea binResolution tessellationLayer",
    "FindExistingLocations": "inputLayers expressions resultLayer",
    "DeriveNewLocations": "inputLayers expressions resultLayer",
    "ChooseBestFacilities": "goal demandLocationsLayer demand demandField maxTravelRange maxTravelRangeField "
    "maxTravelRangeUnits travelMode timeOfDay timeZoneForTimeOfDay travelDirection "
    "requiredFacilitiesLayer requiredFacilitiesCapacity requiredFacilitiesCapacityField "
    "candidateFacilitiesLayer candidateCount candidateFacilitiesCapacity "
    "candidateFacilitiesCapacityField percentDemandCoverage pointBarrierLayer lineBarrierLayer "
    "polygonBarrierLayer allocatedDemandLocationsLayer allocationLinesLayer assignedFacilitiesLayer",
    "CalculateCompositeIndex": "inputLayer inputVariables indexMethod outputIndexReverse outputIndexMinMax indexResultLayer",
    "FindHotSpots": "analysisLayer analysisField dividedByField boundingPolygonLayer aggregationPolygonLayer shapeType cellSize "
    "cellSizeUnits distanceBand distanceBandUnits hotSpotsResultLayer processInfo",
    "FindCentroids": "inputLayer pointLocation outputLayer",
    "JoinFeatures": "targetLayer joinLayer spatialRelationship spatialRelationshipDistance spatialRelationshipDistanceUnits "
    "attributeRelationship joinOperation summaryFields joinType recordsToMatch outputLayer",
    "OverlayLayers": "inputLayer overlayLayer overlayType outputType snapToInput tolerance outputLayer",
    "FieldCalculator": "inputLayer expressions resultLayer",
    "ExtractData": "inputLayers extent clip dataFormat contentID",
    "EnrichLayer": "inputLayer dataCollections analysisVariables country bufferType distance units returnBoundaries hierarchy "
    "enrichmentLayer enrichedLayer",
    "MergeLayers": "inputLayer mergeLayer mergingAttributes mergedLayer",
    "SummarizeNearby": "sumNearbyLayer summaryLayer distances nearType units timeOfDay timeZoneForTimeOfDay returnBoundaries "
    "sumShape shapeUnits summaryFields groupByField minorityMajority percentShape resultLayer groupBySummary",
    "SummarizeWithin": "summaryLayer sumWithinLayer sumShape shapeUnits summaryFields groupByField minorityMajority percentShape "
    "binType binSize binSizeUnit resultLayer groupBySummary",
    "FindOutliers": "analysisLayer analysisField dividedByField boundingPolygonLayer aggregationPolygonLayer permutations shapeType "
    "cellSize cellSizeUnits distanceBand distanceBandUnits outliersResultLayer processInfo",
    "FindSimilarLocations": "inputLayer searchLayer analysisFields inputQuery numberOfResults similarResultLayer processInfo",
    "FindPointClusters": "analysisLayer method minFeaturesCluster searchDistance searchDistanceUnit pointClustersResultLayer",
    "SummarizeCenterAndDispersion": "analysisLayer summarizeType ellipseSize weightField groupField centralFeatureResultLayer meanCenterResultLayer "
    "medianCenterResultLayer ellipseResultLayer",
    "CalculateDensity": "inputLayer field cellSize cellSizeUnits radius radiusUnits boundingPolygonLayer areaUnits classificationType "
    "numClasses resultLayer",
    "InterpolatePoints": "inputLayer field interpolateOption outputPredictionError classificationType numClasses classBreaks "
    "boundingPolygonLayer predictAtPointLayer resultLayer predictionError predictedPointLayer",
}
#: Defaults that are documented, by task; "!" is an input that is required.
DEFAULTS = {
    "AggregatePoints": {
        "pointLayer": "!",
        "keepBoundariesWithNoPoints": True,
        "minorityMajority": False,
        "percentPoints": False,
    },
    "CalculateDensity": {"inputLayer": "!", "cellSizeUnits": "Meters", "numClasses": 10},
    "ChooseBestFacilities": {"goal": "Allocate", "demand": 1},
    "CreateBuffers": {
        "inputLayer": "!",
        "units": "Meters",
        "dissolveType": "None",
        "ringType": "Disks",
        "sideType": "Full",
        "endType": "Round",
    },
    "CreateDriveTimeAreas": {"breakValues": [5, 10, 15], "breakUnits": "Minutes", "overlapPolicy": "Overlap"},
    "CreateViewshed": {"inputLayer": "!", "demResolution": "Finest", "generalize": True},
    "CreateWatersheds": {"inputLayer": "!", "sourceDatabase": "FINEST"},
    "DissolveBoundaries": {"inputLayer": "!"},
    "EnrichLayer": {"inputLayer": "!", "returnBoundaries": False},
    "ExtractData": {"inputLayers": "!", "clip": False},
    "FieldCalculator": {"inputLayer": "!", "expressions": "!"},
    "FindCentroids": {"inputLayer": "!", "pointLocation": False},
    "FindExistingLocations": {"inputLayers": "!", "expressions": "!"},
    "FindNearest": {
        "analysisLayer": "!",
        "nearLayer": "!",
        "measurementType": "StraightLine",
        "maxCount": 100,
        "searchCutoff": 2147483647,
        "searchCutoffUnits": None,
    },
    "FindSimilarLocations": {
        "inputLayer": "!",
        "searchLayer": "!",
        "analysisFields": "!",
        "numberOfResults": 0,
    },
    "GenerateTessellations": {"binSizeUnit": "SquareKilometers"},
    "InterpolatePoints": {
        "inputLayer": "!",
        "field": "!",
        "interpolateOption": 5,
        "outputPredictionError": False,
        "classificationType": "GeometricInterval",
        "numClasses": 10,
    },
    "JoinFeatures": {"targetLayer": "!", "joinLayer": "!"},
    "MergeLayers": {"inputLayer": "!", "mergeLayer": "!"},
    "OverlayLayers": {
        "inputLayer": "!",
        "overlayLayer": "!",
        "overlayType": "Intersect",
        "outputType": "Input",
        "snapToInput": False,
    },
    "PlanRoutes": {
        "stopsLayer": "!",
        "routeCount": "!",
        "maxStopsPerRoute": "!",
        "routeStartTime": "!",
        "startLayer": "!",
        "returnToStart": True,
        "stopServiceTime": 0,
        "maxRouteTime": 525600,
    },
    "SummarizeNearby": {
        "sumNearbyLayer": "!",
        "summaryLayer": "!",
        "distances": "!",
        "nearType": "StraightLine",
        "units": "Meters",
        "returnBoundaries": True,
        "sumShape": True,
        "minorityMajority": False,
        "percentShape": False,
    },
    "SummarizeWithin": {
        "summaryLayer": "!",
        "sumShape": True,
        "minorityMajority": False,
        "percentShape": False,
        "binType": "Square",
        "binSizeUnit": "Meters",
    },
}
NAMES = {*ESRI, "FailingTask", "SlowTask"}


def test_importing_the_package_registers_all_tasks():
    folder = Path(spatial_widgets.server.tasks.__file__).parent
    modules = sorted(path.stem for path in folder.glob("[!_]*.py"))
    assert spatial_widgets.server.tasks.__all__ == modules
    assert set(REGISTRY) >= NAMES


@pytest.mark.parametrize("name", ESRI)
def test_parameters_have_esris_names(name):
    assert [p.name for p in REGISTRY[name].parameters] == ESRI[name].split()


@pytest.mark.parametrize("name", DEFAULTS)
def test_parameters_have_esris_defaults(name):
    told = {p.name: "!" if p.required else p.default for p in REGISTRY[name].inputs}
    assert {parameter: told[parameter] for parameter in DEFAULTS[name]} == DEFAULTS[name]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_task_and_parameter_is_described_and_restartable(name):
    task = REGISTRY[name]
    assert task.restartable
    assert task.description.splitlines()[0].endswith(".") or ":" in task.description
    assert all(p.description for p in task.parameters)
    json.dumps(task.to_json(), allow_nan=False)


def test_a_task_runs_from_the_texts_of_a_form_to_json(ctx):
    layer = encode_features(gpd.GeoDataFrame({"name": ["a"]}, geometry=[Point(10, 50)], crs=4326))
    form = {
        "INPUTLAYER": json.dumps(layer),
        "distances": "10 20",
        "units": "Mile",
        "ringType": "rings",
        "f": "json",
    }
    task = REGISTRY["CreateBuffers"]
    values = task.run(ctx, task.decode(task.given(form)))
    document = json.loads(json.dumps(values["bufferLayer"], allow_nan=False))
    assert document["geometryType"] == "esriGeometryPolygon"
    assert document["exceededTransferLimit"] is False
    assert decode_features(document)["BUFF_DIST"].tolist() == [10, 20]


def test_an_output_that_was_not_asked_for_is_an_empty_text(ctx):
    points = encode_features(gpd.GeoDataFrame(geometry=[Point(10, 50)], crs=4326))
    task = REGISTRY["AggregatePoints"]
    form = {
        "pointLayer": json.dumps(points),
        "binType": "Hexagon",
        "binSize": "5",
        "binSizeUnit": "kilometers",
    }
    values = task.run(ctx, task.decode(task.given(form)))
    assert values["groupSummary"] == ""
    assert values["aggregatedLayer"]["features"]


@pytest.mark.parametrize("name", ["FindHotSpots", "FindOutliers"])
def test_the_divisor_is_understood_as_the_page_and_as_the_service_spell_it(name):
    given = REGISTRY[name].given
    assert given({"divideByField": "people"}) == {"dividedByField": "people"}
    assert given({"dividedByField": "people", "divideByField": "area"}) == {"dividedByField": "people"}
    assert given({"dividedByField": " ", "divideByField": "area"}) == {"dividedByField": "area"}
