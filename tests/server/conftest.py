from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from faces import CoreFace, HttpFace, family, gone
from tasks_for_tests import TOYS

from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.launcher import LocalServiceProcess


@pytest.fixture
def core(tmp_path):
    with build_core(tmp_path / "store", TOYS) as made:
        yield made


@pytest.fixture
def face(core):
    return CoreFace(core)


@pytest.fixture
def start(tmp_path):
    """Start services of the test's store; all of them, and all below them, are gone at the end."""
    started, members = [], []

    def begin(**settings):
        settings = {"store": tmp_path / "store", "tasks": ["tasks_for_tests"], "workers": 1} | settings
        service = LocalServiceProcess.start(**settings)
        started.append(service)
        return HttpFace(service)

    yield begin
    for service in started:
        with contextlib.suppress(psutil.Error):
            members += family(service.pid)
        service.stop()
    gone(members)


@pytest.fixture
def service(start):
    return start()
