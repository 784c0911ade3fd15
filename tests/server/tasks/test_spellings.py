"""Names that pages of Esri's spell otherwise than its service are understood, and the job says so."""

from __future__ import annotations

import json

import geopandas as gpd
import pytest
from faces import ROOT
from shapely import Point

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.codec import encode_features
from spatial_widgets.server.registry import REGISTRY

POINTS = encode_features(
    gpd.GeoDataFrame(
        {"v": [float(i % 7) for i in range(60)], "n": [2.0] * 60},
        geometry=[Point(i % 10 / 10, i // 10 / 10) for i in range(60)],
        crs=4326,
    )
)
SQUARE = encode_features(
    gpd.GeoDataFrame({"k": ["a"]}, geometry=[Point(0.4, 0.2).buffer(0.3)], crs=4326).to_crs(4326)
)


def said(face, job):
    ended = face.ended(job)
    assert ended["jobStatus"] == "esriJobSucceeded", ended["messages"]
    return [message["description"] for message in ended["messages"]]


@pytest.mark.parametrize("name", ["FindHotSpots", "FindOutliers"])
def test_the_divisor_is_understood_as_the_page_and_as_the_service_spell_it(name):
    given = REGISTRY[name].given
    assert given({"divideByField": "people"}) == {"dividedByField": "people"}
    assert given({"dividedByField": "people", "divideByField": "area"}) == {"dividedByField": "people"}
    assert given({"dividedByField": " ", "divideByField": "area"}) == {"dividedByField": "area"}


def test_the_older_search_distance_of_clusters_is_understood_with_a_message(face):
    form = {"analysisLayer": json.dumps(POINTS), "minFeaturesCluster": 3, "searchDistanceUnit": "Kilometers"}
    lines = said(face, face.submit("FindPointClusters", **form, searchDistanceValue=12))
    assert "searchDistanceValue: understood as searchDistance, which is the service's name for it." in lines
    assert any("DBSCAN" in line and "12 km" in line for line in lines)
    lines = said(face, face.submit("FindPointClusters", **form, searchDistanceValue=900, searchDistance=12))
    assert "searchDistanceValue: not used, because there is searchDistance, which means the same." in lines
    assert any("12 km" in line for line in lines)


def test_another_spelling_is_checked_before_there_is_a_job(face):
    reply = face.ask(
        f"{ROOT}/FindPointClusters/submitJob", analysisLayer=json.dumps(POINTS), searchDistanceValue="far"
    )
    assert reply["error"]["code"] == 400
    assert "searchDistance" in reply["error"]["message"]


def test_a_result_is_found_by_the_name_of_the_page_too(face):
    job = face.submit("FindHotSpots", analysisLayer=json.dumps(POINTS), analysisField="v", divideByField="n")
    lines = said(face, job)
    assert "divideByField: understood as dividedByField, which is the service's name for it." in lines
    found = face.ask(f"{job}/results/hotSpotResultLayer")
    assert found["paramName"] == "hotSpotsResultLayer"
    assert len(found["value"]["features"]) == 60
    pointer = json.dumps({"url": f"{job}/results/hotSpotResultLayer", "filter": "Gi_Bin = 0"})
    said(face, face.submit("FindCentroids", inputLayer=pointer))


def test_the_table_of_groups_is_found_by_both_names(face):
    job = face.submit(
        "SummarizeWithin",
        summaryLayer=json.dumps(POINTS),
        sumWithinLayer=json.dumps(SQUARE),
        groupByField="v",
    )
    said(face, job)
    assert face.ask(f"{job}/results/groupSummary") == face.ask(f"{job}/results/groupBySummary")


def test_names_of_outputs_are_found_whatever_the_case(face):
    job = face.submit(
        "SummarizeCenterAndDispersion", analysisLayer=json.dumps(POINTS), summarizeType='["MeanCenter"]'
    )
    said(face, job)
    found = face.ask(f"{job}/results/MeanCenterResultLayer")
    assert found["paramName"] == "meanCenterResultLayer"
    assert face.ask(f"{job}/results/CentralFeatureResultLayer")["value"] == ""


def test_the_submit_of_joins_is_found_with_its_capital(face):
    form = {"targetLayer": json.dumps(POINTS), "joinLayer": json.dumps(SQUARE)}
    reply = face.ask(f"{ROOT}/JoinFeatures/SubmitJob", **form, spatialRelationship="intersects")
    assert reply["jobStatus"] == "esriJobSubmitted"


def test_a_task_of_the_same_input_names_is_not_meant():
    assert REGISTRY["FindNearest"].remarks({"searchDistanceValue": "5", "divideByField": "x"}) == []
