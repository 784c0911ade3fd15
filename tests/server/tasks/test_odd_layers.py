"""Layers at the poles, across 180 degrees, in rows, at one place, of one feature: a valid result, or an error that is meant."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verification import local_tasks

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.catalogue import APPROXIMATES, CATALOGUE
from spatial_widgets.server.registry import REGISTRY

SQUARES = gpd.GeoDataFrame(
    {"w": [1.0, 2.0, 3.0]},
    geometry=[shapely.box(-180, 60, 180, 90), shapely.box(170, -20, 180, 20), shapely.box(0, 0, 30, 30)],
    crs=4326,
)
PLACES = gpd.GeoDataFrame({"w": [1.0, 2.0]}, geometry=shapely.points([[0, 90], [-180, 10]]), crs=4326)
CALLS = {
    "AggregatePoints": {"polygonLayer": SQUARES, "summaryFields": ["v Mean"], "groupByField": "g"},
    "CalculateCompositeIndex": {"inputVariables": [{"field": "v"}, {"field": "v", "reverseVariable": True}]},
    "ChooseBestFacilities": {"requiredFacilitiesLayer": PLACES},
    "CreateBuffers": {"distances": [50.0, 900.0], "units": "Kilometers", "ringType": "Rings"},
    "EnrichLayer": {"distance": 100.0, "units": "Kilometers", "enrichmentLayer": SQUARES},
    "FieldCalculator": {"expressions": [{"field": "made", "expression": "!v! * 2 + 1"}]},
    "FindCentroids": {"pointLocation": True},
    "FindHotSpots": {"shapeType": "Hexagon"},
    "FindNearest": {"nearLayer": PLACES, "maxCount": 2},
    "FindSimilarLocations": {"searchLayer": PLACES.rename(columns={"w": "v"}), "analysisFields": ["v"]},
    "JoinFeatures": {
        "joinLayer": PLACES,
        "spatialRelationship": "WithinDistance",
        "spatialRelationshipDistance": 9000.0,
        "spatialRelationshipDistanceUnits": "Kilometers",
        "joinOperation": "JoinOneToMany",
    },
    "MergeLayers": {"mergeLayer": PLACES},
    "OverlayLayers": {"overlayLayer": SQUARES},
    "SummarizeNearby": {"summaryLayer": PLACES, "distances": [800.0], "units": "Kilometers"},
    "SummarizeWithin": {"sumWithinLayer": SQUARES, "summaryFields": ["v Sum"]},
    "CalculateDensity": {"radius": 500_000.0, "field": "v"},
    "FindOutliers": {"permutations": "Speed", "shapeType": "Hexagon"},
    "FindPointClusters": {"searchDistance": 300_000.0, "minFeaturesCluster": 3},
    "InterpolatePoints": {"field": "v", "interpolateOption": 1, "outputPredictionError": True},
    "SummarizeCenterAndDispersion": {
        "summarizeType": ["CentralFeature", "MeanCenter", "MedianCenter", "Ellipse"],
        "weightField": "v",
        "groupField": "g",
    },
}


#: Tasks that give features of an input back, and in which of their outputs.
COPIES = {
    "AggregatePoints": "aggregatedLayer",
    "CalculateCompositeIndex": "indexResultLayer",
    "ChooseBestFacilities": "allocatedDemandLocationsLayer",
    "EnrichLayer": "enrichedLayer",
    "FieldCalculator": "resultLayer",
    "FindHotSpots": "hotSpotsResultLayer",
    "FindNearest": "nearestLayer",
    "FindOutliers": "outliersResultLayer",
    "FindPointClusters": "pointClustersResultLayer",
    "FindSimilarLocations": "similarResultLayer",
    "InterpolatePoints": "predictedPointLayer",
    "JoinFeatures": "outputLayer",
    "MergeLayers": "mergedLayer",
    "SummarizeCenterAndDispersion": "centralFeatureResultLayer",
    "SummarizeNearby": "resultLayer",
    "SummarizeWithin": "resultLayer",
}
FOR_COPIES = {
    "FindHotSpots": {"analysisField": "v"},
    "FindOutliers": {"analysisField": "v"},
    "InterpolatePoints": {"predictAtPointLayer": PLACES},
    "SummarizeNearby": {"returnBoundaries": False},
}
#: Tasks that take no layer, polygons or a list of layers, and where their properties are.
ELSEWHERE = {
    "DeriveNewLocations": "test_locations.py",
    "DissolveBoundaries": "test_dissolve.py",
    "ExtractData": "test_extract.py",
    "FindExistingLocations": "test_locations.py",
    "GenerateTessellations": "test_tessellations.py",
}


@st.composite
def layers(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([1, 2, 3, 12, 40]))
    spread = draw(st.sampled_from([1e-4, 0.5, 20.0]))
    lon, lat = rng.uniform(-180, 180), rng.uniform(-80, 80)
    kind = draw(st.sampled_from(["world", "dateline", "pole", "lattice", "row", "place"]))
    xy = {
        "world": np.column_stack([rng.uniform(-180, 180, n), rng.uniform(-90, 90, n)]),
        "dateline": np.column_stack([180 + rng.normal(0, spread, n), lat + rng.normal(0, spread, n)]),
        "pole": np.column_stack([rng.uniform(-180, 180, n), 90 - np.abs(rng.normal(0, spread, n))]),
        "lattice": rng.integers(-3, 4, (n, 2)) * spread / 3 + [lon, lat / 2],
        "row": np.column_stack([np.full(n, lon), lat / 2 + np.linspace(-1, 1, n) * spread]),
        "place": np.tile([lon, lat], (n, 1)),
    }[kind]
    xy = np.column_stack([(xy[:, 0] + 180) % 360 - 180, np.clip(xy[:, 1], -90, 90)])
    values = rng.choice([0.0, 1, 2, 5, np.nan], n) if draw(st.booleans()) else rng.gamma(1, 3, n)
    return gpd.GeoDataFrame(
        {"v": values, "g": rng.choice(["a", "b", None], n)}, geometry=shapely.points(xy), crs=4326
    )


def ordinary():
    rng = np.random.default_rng(5)
    xy = rng.normal(10, 8, (80, 2))
    return gpd.GeoDataFrame(
        {"v": rng.gamma(2, 3, 80), "g": rng.choice(["a", "b"], 80)}, geometry=shapely.points(xy), crs=4326
    )


def raised(value):
    if not isinstance(value, gpd.GeoDataFrame):
        return value
    return value.assign(geometry=shapely.force_3d(value.geometry.to_numpy(), 5.0))


def layer_of(task):
    return next(p.name for p in task.inputs if p.required and p.name not in CALLS[task.name])


def test_every_local_task_has_a_property_here_or_in_its_own_file():
    assert {*CALLS, *ELSEWHERE} == set(local_tasks())
    for name in ELSEWHERE.values():
        assert "@given(" in (Path(__file__).parent / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CALLS)
def test_an_ordinary_layer_gives_a_result(ctx, name):
    task = REGISTRY[name]
    results = task.call(ctx, {layer_of(task): ordinary(), **CALLS[name]})
    assert any(isinstance(frame, gpd.GeoDataFrame) for frame in results.values())
    assert CATALOGUE[name].word != APPROXIMATES or "Esri's" in ctx.text()


@pytest.mark.parametrize("name", COPIES)
def test_features_that_come_back_keep_their_heights(ctx, name):
    task = REGISTRY[name]
    given = {layer_of(task): ordinary(), **CALLS[name], **FOR_COPIES.get(name, {})}
    made = task.call(ctx, {key: raised(value) for key, value in given.items()})[COPIES[name]]
    assert len(made)
    assert set(shapely.get_coordinates(made.geometry.to_numpy(), include_z=True)[:, 2]) == {5.0}


@pytest.mark.parametrize("name", CALLS)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(layer=layers())
def test_an_odd_layer_gives_a_valid_result_or_an_error_that_is_meant(ctx, name, layer):
    task = REGISTRY[name]
    parameters = {layer_of(task): layer, **CALLS[name]}
    try:
        results = task.call(ctx, parameters)
    except ParameterError:
        return
    for frame in results.values():
        if isinstance(frame, gpd.GeoDataFrame):
            assert frame.crs == layer.crs
            assert frame.geometry.is_valid.all()
            assert not len(frame) or (np.abs(frame.total_bounds) <= [180, 90, 180, 90]).all()
