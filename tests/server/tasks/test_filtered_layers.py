"""Feature collections with a filter are an input of every family of tasks, also in lists, and as GPString."""

from __future__ import annotations

import json

import geopandas as gpd
import pytest
from shapely import Point, box

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.codec import encode_feature_collection, encode_features
from spatial_widgets.server.registry import REGISTRY

POINTS = gpd.GeoDataFrame(
    {"v": [float(i) for i in range(60)]}, geometry=[Point(i % 10, i // 10) for i in range(60)], crs=4326
)
SOME = json.dumps(encode_feature_collection(POINTS) | {"filter": "v >= 40"})
AREA = json.dumps(encode_features(gpd.GeoDataFrame({"w": [1.0]}, geometry=[box(-1, -1, 11, 11)], crs=4326)))
FOUND = [{"layer": 0, "spatialRel": "intersects", "selectingLayer": 1}]
CALLS = {
    "CalculateCompositeIndex": {"inputLayer": SOME, "inputVariables": '[{"field": "v"}, {"field": "v"}]'},
    "CreateBuffers": {"inputLayer": SOME, "distances": "[10]"},
    "FieldCalculator": {"inputLayer": SOME, "expressions": '[{"field": "k", "expression": "!v! + 1"}]'},
    "FindExistingLocations": {"inputLayers": f"[{SOME}, {AREA}]", "expressions": json.dumps(FOUND)},
    "FindNearest": {"analysisLayer": SOME, "nearLayer": AREA},
    "FindPointClusters": {"analysisLayer": SOME, "searchDistance": "200", "searchDistanceUnit": "Kilometer"},
    "JoinFeatures": {"targetLayer": SOME, "joinLayer": AREA, "spatialRelationship": "intersects"},
}
OUTPUTS = {"FindNearest": "connectingLinesLayer"}


@pytest.mark.parametrize("name", CALLS)
def test_only_what_the_filter_leaves_is_worked_on(face, name):
    job = face.submit(name, **CALLS[name])
    assert face.ended(job)["jobStatus"] == "esriJobSucceeded"
    output = OUTPUTS.get(name) or next(p.name for p in REGISTRY[name].outputs)
    value = face.ask(f"{job}/results/{output}")["value"]
    made = json.loads(value) if isinstance(value, str) else value
    assert len(made["features"]) == 20
