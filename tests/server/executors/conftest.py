"""The engines that every promise is tried on."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
from pathlib import Path

import distributed
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from faces import CoreFace
from tasks_for_tests import TOYS

from spatial_widgets.server.assembly import build_core
from spatial_widgets.server.executors import daskworker
from spatial_widgets.server.executors.dask import DaskExecutor
from spatial_widgets.server.executors.inline import InlineExecutor
from spatial_widgets.server.executors.process import ProcessExecutor
from spatial_widgets.server.limits import Limits

LIMITS = Limits(timeout_s=20.0, result_bytes=200_000, messages=50)
CARRIED = 100_000
ENGINES = ["process", "spawn", "dask", "dask-apart", "inline"]


@pytest.fixture(scope="module")
def cluster():
    """Somebody's cluster, with all settings as they come."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        memory_limit=0,
        silence_logs=50,
        scheduler_kwargs={"dashboard_address": ":0"},  # another test may have a cluster at this moment
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """Leave the threads alone between tests: an engine serves a whole module, and is looked at when it closes."""


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, tmp_path_factory):
    """One service on each engine; ``dask-apart`` has workers that do not see the store."""
    kind = request.param
    with contextlib.ExitStack() as stack:
        if kind.startswith("dask"):
            executor = DaskExecutor(
                request.getfixturevalue("cluster").scheduler_address, carried_bytes=CARRIED
            )
        elif kind == "inline":
            executor = InlineExecutor(TOYS)
        else:
            executor = ProcessExecutor(2, method="spawn" if kind == "spawn" else None)
        if kind == "dask-apart":
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(daskworker, "Order", _without_the_store(daskworker.Order))
        core = stack.enter_context(
            build_core(
                tmp_path_factory.mktemp("store"), TOYS, executor=executor, drive="thread", limits=LIMITS
            )
        )
        face = CoreFace(core)
        face.kind, face.executor = kind, executor
        yield face
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("spatial-widgets")]


def _without_the_store(order):
    def made(spec, *rest):
        return order(dataclasses.replace(spec, folder=Path("/nowhere") / spec.job_id), *rest)

    return made
