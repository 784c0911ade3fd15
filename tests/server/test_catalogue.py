"""The thirty-three tasks of Spatial Analysis: all are listed, and those without their data refuse in one voice."""

from __future__ import annotations

from pathlib import Path

import pytest
from faces import ROOT, CoreFace

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.catalogue import ABSENT, CATALOGUE, words
from spatial_widgets.server.registry import REGISTRY

NAMES = {
    "AggregatePoints",
    "CalculateCompositeIndex",
    "CalculateDensity",
    "ChooseBestFacilities",
    "ConnectOriginsToDestinations",
    "CreateBuffers",
    "CreateDriveTimeAreas",
    "CreateRouteLayers",
    "CreateThresholdAreas",
    "CreateViewshed",
    "CreateWatersheds",
    "DeriveNewLocations",
    "DissolveBoundaries",
    "EnrichLayer",
    "ExtractData",
    "FieldCalculator",
    "FindCentroids",
    "FindExistingLocations",
    "FindHotSpots",
    "FindNearest",
    "FindOutliers",
    "FindPointClusters",
    "FindSimilarLocations",
    "GenerateTessellations",
    "InterpolatePoints",
    "JoinFeatures",
    "MergeLayers",
    "OverlayLayers",
    "PlanRoutes",
    "SummarizeCenterAndDispersion",
    "SummarizeNearby",
    "SummarizeWithin",
    "TraceDownstream",
}
REFUSED = {
    "ConnectOriginsToDestinations": ("a street network", "FindNearest"),
    "CreateDriveTimeAreas": ("a street network", "CreateBuffers"),
    "CreateRouteLayers": ("a route data item on a portal", "GPService"),
    "CreateThresholdAreas": ("demographic data", "SummarizeWithin"),
    "CreateViewshed": ("an elevation model", "CreateBuffers"),
    "CreateWatersheds": ("an elevation model", "JoinFeatures"),
    "PlanRoutes": ("a street network", "FindNearest"),
    "TraceDownstream": ("an elevation model", "OverlayLayers"),
}


README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def face(tmp_path):
    with build_core(tmp_path / "store", REGISTRY) as core:
        yield CoreFace(core)


def test_there_are_thirty_three_and_each_stands_somewhere(face):
    assert len(NAMES) == 33
    told = face.ask(ROOT)["spatialAnalysis"]
    assert list(told) == sorted(NAMES)
    assert all(
        word in {"local", "local, approximates", ABSENT} or word.startswith("needs ")
        for word in told.values()
    )


def test_a_word_is_true_of_what_is_registered():
    for name, word in words(REGISTRY).items():
        assert word.startswith("local") == (name in REGISTRY and not REGISTRY[name].refusal), name
    assert set(words([]).values()) == {ABSENT} | {e.word for e in CATALOGUE.values() if not e.is_local}


def test_every_task_that_is_to_be_local_is_here_and_the_readme_counts_them():
    told = list(words(REGISTRY).values())
    local = [word for word in told if word.startswith("local")]
    assert ABSENT not in told
    assert (len(local), len(told) - len(local)) == (25, 8)
    assert "twenty-five work here, eight need data" in README.read_text(encoding="utf-8")


def test_what_is_not_local_is_what_needs_data():
    assert {name for name, entry in CATALOGUE.items() if not entry.is_local} == set(REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_a_task_without_its_data_is_described_and_refuses_with_one_error(face, name):
    described = face.ask(f"{ROOT}/{name}", "GET")
    assert name in face.ask(ROOT)["tasks"]
    assert all(p["description"] for p in described["parameters"])
    directions = {p["direction"] for p in described["parameters"]}
    assert directions == {"esriGPParameterDirectionInput", "esriGPParameterDirectionOutput"}
    missing, instead = REFUSED[name]
    for form in ({}, {p["name"]: "nonsense" for p in described["parameters"]}):
        error = face.ask(f"{ROOT}/{name}/submitJob", **form)["error"]
        assert error["code"] == 400
        assert error["details"] == [error["message"]]
        assert f"it needs {missing}" in error["message"]
        assert instead in error["message"]
    checked = face.ask(f"{ROOT}/{name}/validate")
    assert [m["description"] for m in checked["additionalMessages"]] == [error["message"]]
    assert face.ask(f"{ROOT}/{name}/jobs")["total"] == 0


def test_defaults_of_tasks_without_data_are_of_their_own_type(face):
    for name in REFUSED:
        for parameter in face.ask(f"{ROOT}/{name}", "GET")["parameters"]:
            default, kind = parameter["defaultValue"], parameter["dataType"]
            if default is None:
                continue
            expected = {"GPBoolean": bool, "GPString": str, "GPDouble": (int, float), "GPLong": int}
            assert isinstance(default, expected.get(kind, list)), (name, parameter)
            assert not parameter.get("choiceList") or default in parameter["choiceList"]
