"""The examples in docstrings run, and give what they show: they are on the pages of the reference."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import spatial_widgets as sw

ROOT = Path(sw.__file__).parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def names():
    """What the examples take for given: a service, one of its tasks, a layer, jobs that have ended."""
    service = sw.connect()
    jobs = [service.task("SlowTask").submit(seconds=0) for _ in range(2)]
    for job in jobs:
        job.wait(timeout=60)
    task = service.task("CreateBuffers")
    airports = sw.sample("airports").head(3)
    return {"sw": sw, "service": service, "task": task, "jobs": jobs, "job": jobs[0], "airports": airports}


@pytest.mark.slow
@pytest.mark.parametrize("path", MODULES, ids=[path.relative_to(ROOT).as_posix() for path in MODULES])
def test_the_examples_of_a_module(path, names):
    dotted = (
        path.relative_to(ROOT.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    )
    module = importlib.import_module(dotted)
    given = vars(module) | {name: value for name, value in names.items() if name not in vars(module)}
    told = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    found = [test for test in doctest.DocTestFinder().find(module, dotted, globs=given) if test.examples]
    assert found
    for test in found:
        assert not any(doctest.SKIP in example.options for example in test.examples)
        runner.run(test, out=told.append)
    assert not runner.failures, "".join(told)
