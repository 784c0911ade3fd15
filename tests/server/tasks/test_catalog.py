"""What the built-in tasks tell about themselves, and that they run through texts and JSON as a service runs them."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
from shapely import Point

import spatial_widgets.server.tasks
from spatial_widgets.codec import decode_features, encode_features
from spatial_widgets.server.catalogue import CATALOGUE
from spatial_widgets.server.registry import REGISTRY

NAMES = {*(name for name, entry in CATALOGUE.items() if entry.is_local), "FailingTask", "SlowTask"}


def test_importing_the_package_registers_all_tasks():
    folder = Path(spatial_widgets.server.tasks.__file__).parent
    modules = sorted(path.stem for path in folder.glob("[!_]*.py"))
    assert spatial_widgets.server.tasks.__all__ == modules
    assert set(REGISTRY) >= NAMES


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
