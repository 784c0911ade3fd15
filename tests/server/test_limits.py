"""The numbers of a service: as options, as text, and in the docs."""

import argparse
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from faces import CoreFace

from spatial_widgets.codec import encode_features
from spatial_widgets.data import sample
from spatial_widgets.protocol import JobInfo
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.executors.process import ProcessExecutor
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.registry import REGISTRY
from spatial_widgets.server.routes import ROUTES

DOCS = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
OTHERS = Limits(timeout_s=7.5, queue=3, input_hosts=("A.example", "b.example"), keep_bytes=0)


def parsed(words):
    parser = argparse.ArgumentParser()
    Limits.add_options(parser)
    return Limits.from_options(parser.parse_args(words))


def test_options_say_the_same_as_the_numbers():
    assert Limits().to_options() == []
    assert parsed([]) == Limits()
    assert parsed(OTHERS.to_options()) == OTHERS
    assert OTHERS.input_hosts == ("a.example", "b.example")
    assert Limits.from_json(OTHERS.to_json() | {"later": 1}) == OTHERS


@pytest.mark.parametrize(
    "wrong", [{"queue": -1}, {"timeout_s": float("nan")}, {"fields": "9"}, {"features": True}]
)
def test_a_number_that_is_none_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


def test_the_docs_list_every_limit_and_every_route():
    for limit in fields(Limits):
        assert f"| `{limit.metadata['option']}` |" in DOCS
        assert f"(`{limit.name}`)" in DOCS
    for route in ROUTES:
        assert f"| `/{route.path}` |" in DOCS


LAYERS = {
    "pointLayer": json.dumps(encode_features(sample("earthquakes").iloc[:300])),
    "boundingPolygonLayer": json.dumps(encode_features(sample("states").iloc[[4]])),
}


def test_the_most_cells_reach_the_worker_and_are_named_where_they_are_too_few(tmp_path):
    REGISTRY.load_installed()
    points = LAYERS["pointLayer"]
    squares = {"pointLayer": points, "binType": "Square", "binSize": "50", "binSizeUnit": "Kilometers"}
    with build_core(tmp_path, REGISTRY, executor=ProcessExecutor(1), limits=Limits(cells=30)) as core:
        face = CoreFace(core)
        document = face.ended(face.submit("AggregatePoints", **squares))
    assert document["jobStatus"] == "esriJobFailed", document
    (said,) = JobInfo.from_json(document).errors
    assert re.match(r"binSize: .*; at most 30 are made\. Choose larger cells, or .* \(--cells\)", said)


@pytest.mark.parametrize(
    ("size", "bounding", "found"),
    [
        ("10", {}, "cellSize: .* cells are too many; at most 30 are made"),
        (
            "10",
            {"boundingPolygonLayer": LAYERS["boundingPolygonLayer"]},
            "cellSize: .* would hold .* at most 30",
        ),
        (None, {"boundingPolygonLayer": LAYERS["boundingPolygonLayer"]}, "^$"),
    ],
)
def test_hot_spots_keep_to_the_most_cells(tmp_path, size, bounding, found):
    REGISTRY.load_installed()
    form = {"analysisLayer": LAYERS["pointLayer"], "cellSizeUnits": "Kilometers", **bounding}
    form |= {} if size is None else {"cellSize": size}
    with build_core(tmp_path, REGISTRY, limits=Limits(cells=30)) as core:
        face = CoreFace(core)
        document = face.ended(face.submit("FindHotSpots", **form))
    said = "".join(JobInfo.from_json(document).errors)
    assert re.search(found, said), document
