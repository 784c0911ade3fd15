"""Every local task on the bundled data: submitted to a real service, run in its processes, read back by the client."""

from __future__ import annotations

import time

import pytest
from verification import load_cases, local_tasks

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.cli import main
from spatial_widgets.server.catalogue import CATALOGUE, words
from spatial_widgets.server.registry import REGISTRY

pytestmark = pytest.mark.slow

MOST_S = 180.0
CASES = load_cases()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    with sw.LocalService.start(store=tmp_path_factory.mktemp("store"), workers=2) as made:
        yield made


@pytest.fixture(scope="module")
def ended(local):
    """All jobs and their results, or what went wrong; and the seconds it took."""
    service, began = local.service(), time.monotonic()
    jobs = {
        name: service.task(name).submit(**CASES[name].parameters()) for name in local_tasks() if name in CASES
    }
    results = {}
    for name, job in jobs.items():
        try:
            job.wait(timeout=240)
            results[name] = dict(job.results)
        except sw.SpatialWidgetsError as error:
            results[name] = error
    return results, time.monotonic() - began


@pytest.mark.parametrize("name", local_tasks())
def test_a_task_runs_through_the_service_and_back(name, ended):
    assert name in CASES, f"write tests/server/tasks/cases/…py with TASK = {name!r}"
    found = ended[0][name]
    if isinstance(found, Exception):
        raise found
    CASES[name].confirm(found)


def test_all_together_take_less_than_three_minutes(ended):
    assert ended[1] < MOST_S


@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if not entry.is_local])
def test_a_task_without_its_data_says_so_whatever_was_given(name, local):
    with pytest.raises(errors.ServiceError) as caught:
        local.service().task(name).submit()
    assert CATALOGUE[name].missing in str(caught.value)
    assert CATALOGUE[name].instead in str(caught.value)


def test_the_command_lists_all_tasks_and_how_each_stands(local, capsys, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_TOKEN", local.token)
    assert main(["tasks", "--url", local.url]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = dict(line.split(maxsplit=1) for line in lines[: len(CATALOGUE)])
    assert told == words(REGISTRY)
    assert lines[len(CATALOGUE) :] == ["", "Beside Spatial Analysis:", "FailingTask", "SlowTask"]
