"""Layers at the poles, across 180 degrees, in rows, at one place, of one feature: a valid result, or an error that is meant."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.registry import REGISTRY

CALLS = {
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


@pytest.mark.parametrize("name", CALLS)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(layer=layers())
def test_an_odd_layer_gives_a_valid_result_or_an_error_that_is_meant(ctx, name, layer):
    task = REGISTRY[name]
    parameters = {task.inputs[0].name: layer, **CALLS[name]}
    try:
        results = task.call(ctx, parameters)
    except ParameterError:
        return
    for frame in results.values():
        if isinstance(frame, gpd.GeoDataFrame):
            assert frame.crs == layer.crs
            assert frame.geometry.is_valid.all()
            assert not len(frame) or (np.abs(frame.total_bounds) <= [180, 90, 180, 90]).all()
