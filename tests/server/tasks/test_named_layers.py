"""Layers that are only named, as the result of an earlier job, a hosted layer or an upload, are those that they name."""

from __future__ import annotations

import json

import geopandas as gpd
import pytest
from faces import ROOT, CoreFace
from shapely import Point, box

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.codec import encode_feature_collection, encode_features
from spatial_widgets.server.form import FilePart
from spatial_widgets.server.registry import REGISTRY
from spatial_widgets.server.wire import Request

POINTS = gpd.GeoDataFrame(
    {"v": [float(i % 5) for i in range(40)], "kind": ["a", "b"] * 20},
    geometry=[Point(i % 8, i // 8) for i in range(40)],
    crs=4326,
)
AREAS = gpd.GeoDataFrame(
    {"w": [1.5, 4.0]}, geometry=[box(-0.5, -0.5, 3.4, 6), box(3.4, -0.5, 8, 6)], crs=4326
)
FOUND = json.dumps([{"layer": 0, "spatialRel": "intersects", "selectingLayer": 1}])
#: A task of each family; P and A stand for the two layers.
CALLS = {
    "AggregatePoints": {"pointLayer": "P", "polygonLayer": "A", "summaryFields": '["v Mean"]'},
    "SummarizeWithin": {"summaryLayer": "P", "sumWithinLayer": "A", "groupByField": "kind"},
    "CreateBuffers": {"inputLayer": "A", "distances": "[2, 4]", "units": "Kilometers"},
    "FindNearest": {"analysisLayer": "P", "nearLayer": "A", "maxCount": "1"},
    "OverlayLayers": {"inputLayer": "A", "overlayLayer": "P"},
    "MergeLayers": {"inputLayer": "P", "mergeLayer": "P"},
    "JoinFeatures": {"targetLayer": "P", "joinLayer": "A", "spatialRelationship": "within"},
    "FindHotSpots": {"analysisLayer": "P", "analysisField": "v", "distanceBand": "200000"},
    "FindExistingLocations": {"inputLayers": "[P, A]", "expressions": FOUND},
    "EnrichLayer": {"inputLayer": "P", "enrichmentLayer": "A", "distance": "50", "units": "Kilometers"},
}


class Service(CoreFace):
    """A service, and the ways to name the two layers that it has."""

    def __init__(self, core):
        super().__init__(core)
        self.ways = {
            "inline": [json.dumps(encode_features(layer)) for layer in (POINTS, AREAS)],
            "result": [f'{{"url": "{self._copy(layer)}"}}' for layer in (POINTS, AREAS)],
            "hosted": [
                json.dumps({"url": self._copy(layer, name)["url"]})
                for layer, name in ((POINTS, "Places"), (AREAS, "Areas"))
            ],
            "upload": [json.dumps({"itemID": self._upload(layer)}) for layer in (POINTS, AREAS)],
        }

    def _copy(self, layer, name=""):
        job = self.submit("MergeLayers", **self._twice(layer), outputName=name)
        assert self.ended(job)["jobStatus"] == "esriJobSucceeded"
        return self.ask(f"{job}/results/mergedLayer")["value"] if name else f"{job}/results/mergedLayer"

    @staticmethod
    def _twice(layer):
        return {
            "inputLayer": json.dumps(encode_features(layer)),
            "mergeLayer": json.dumps(encode_feature_collection(layer) | {"filter": "1 = 0"}),
        }

    def _upload(self, layer):
        text = json.dumps(encode_features(layer)).encode()
        request = Request("POST", f"{ROOT}/uploads/upload", {}, {}, {"file": FilePart("layer.json", text)})
        return self.core.handle(request).json()["item"]["itemID"]

    def results(self, name, way):
        points, areas = self.ways[way]
        form = {
            key: {"P": points, "A": areas, "[P, A]": f"[{points}, {areas}]"}.get(value, value)
            for key, value in CALLS[name].items()
        }
        job = self.submit(name, **form)
        ended = self.ended(job)
        assert ended["jobStatus"] == "esriJobSucceeded", ended["messages"]
        return {p.name: self.ask(f"{job}/results/{p.name}")["value"] for p in REGISTRY[name].outputs}


@pytest.fixture(scope="module")
def service(core):
    return Service(core)


@pytest.mark.parametrize("name", CALLS)
def test_a_layer_that_is_named_gives_what_it_gives_inline(service, name):
    expected = service.results(name, "inline")
    assert any(value and len(value.get("features", ())) for value in expected.values() if value)
    for way in ("result", "hosted", "upload"):
        assert service.results(name, way) == expected, way


def test_layers_are_named_in_different_ways_in_one_call_and_filtered(service):
    pointer = json.loads(service.ways["result"][0]) | {"filter": "v > 2"}
    areas = service.ways["upload"][1]
    job = service.submit("AggregatePoints", pointLayer=json.dumps(pointer), polygonLayer=areas)
    assert service.ended(job)["jobStatus"] == "esriJobSucceeded"
    rows = service.ask(f"{job}/results/aggregatedLayer")["value"]["features"]
    assert sum(row["attributes"]["Point_Count"] for row in rows) == (POINTS["v"] > 2).sum()
