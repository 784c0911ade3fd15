"""A context that remembers what a task says, and a service with all tasks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from faces import CoreFace
from listener import Listener

import spatial_widgets.server.tasks  # noqa: F401 -- importing registers
from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.registry import REGISTRY


@pytest.fixture
def ctx(tmp_path):
    return Listener(tmp_path)


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    with build_core(tmp_path_factory.mktemp("store"), REGISTRY) as made:
        yield made


@pytest.fixture(scope="module")
def face(core):
    return CoreFace(core)
