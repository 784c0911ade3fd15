"""Tasks of a notebook's cells, run by the local service: in a real kernel, in scripts, and what is refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading

import pytest
from faces import ROOT
from jupyter_client.manager import start_new_kernel
from tasks_for_tests import TOYS

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.server import handover
from spatial_widgets.server.form import FilePart
from spatial_widgets.server.handover import ServedTasks, handed_task, offer, own_tasks, refuse_clashes
from spatial_widgets.server.registry import Registry, task
from spatial_widgets.server.wire import Request

CELL = '''
import geopandas as gpd
import spatial_widgets as sw
from typing import TypedDict

FACTOR = 2

def doubled(number):
    return FACTOR * number

class Both(TypedDict):
    ring: gpd.GeoDataFrame
    metres: float

@sw.task
def buffer_twice(ctx, places: gpd.GeoDataFrame, distance: sw.LinearUnit = sw.LinearUnit(5, "esriKilometers")) -> Both:
    """Buffer places by a distance, twice.

    Parameters
    ----------
    distance : LinearUnit
        How far.
    """
    metres = doubled(distance.meters)
    ctx.info(f"{len(places)} places")
    ctx.progress(50, "half way")
    with open(ctx.scratch / "note.txt", "w") as file:
        file.write("x")
    return Both(ring=places.to_crs(3857).buffer(metres).to_frame("geometry"), metres=metres)

service = sw.LocalService.start(workers=1).service()
'''
SUBMIT = """
places = gpd.GeoDataFrame(geometry=gpd.points_from_xy([1.0], [2.0]), crs=4326)
job = service.task("buffer_twice").submit(places=places)
print(job.result("metres"), job.result("ring").geom_type[0], service.task("buffer_twice").info().parameters[1].description)
"""


class Kernel:
    def __init__(self, store):
        self.manager, self.client = start_new_kernel(
            kernel_name="python3",
            env=os.environ | {"SPATIAL_WIDGETS_STORE": str(store), "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def run(self, cell):
        said = []

        def hear(message):
            content = message["content"]
            said.append(content.get("text") or "\n".join(content.get("traceback", [])))

        reply = self.client.execute_interactive(cell, timeout=120, output_hook=hear)
        return reply["content"]["status"], "".join(said)

    def ok(self, cell):
        status, said = self.run(cell)
        assert status == "ok", said
        return said.strip()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def store(tmp_path):
    yield tmp_path / "store"
    from spatial_widgets import LocalService

    running = LocalService.running(store=tmp_path / "store")
    if running is not None:
        running.stop()


@pytest.fixture
def kernel(store):
    made = Kernel(store)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cell_defines_a_task_and_the_service_runs_it_also_when_it_runs_already(kernel, store):
    kernel.ok(CELL)
    assert kernel.ok(SUBMIT) == "10000.0 Polygon How far."
    pid = kernel.ok("print(sw.LocalService.running().pid)")
    late = kernel.ok(
        "@sw.task\ndef late(x: float) -> float:\n    'Half.'\n    return x / FACTOR\n\n"
        "service = sw.LocalService.start().service()\n"
        "print('late' in service.tasks(), service.task('late').submit(x=3).result())"
    )
    assert late == "True 1.5"
    # A job runs the code that it was submitted with; the next one the new code.
    kernel.ok(
        "import time\n@sw.task\ndef late(x: float, wait: float = 0) -> str:\n    time.sleep(wait)\n    return 'old'\n"
        "service = sw.LocalService.start().service()\n"
        "running = service.task('late').submit(x=1, wait=1)\nwaiting = service.task('late').submit(x=1)"
    )
    again = kernel.ok(
        "@sw.task\ndef late(x: float) -> str:\n    return 'new'\n"
        "service = sw.LocalService.start().service()\n"
        "print(running.result(), waiting.result(), service.task('late').submit(x=1).result(), len(service.task('late').info().inputs))"
    )
    assert again == "old old new 1"
    assert kernel.ok("print(sw.LocalService.running().pid)") == pid, "all that by one service"
    for path in [store / "tasks", *(store / "tasks").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    clash = kernel.run(
        "@sw.task('SlowTask')\ndef mine(x: float) -> float:\n    return x\nsw.LocalService.start()"
    )
    assert clash[0] == "error"
    assert "MySlowTask" in clash[1]
    assert (
        kernel.ok(
            "service = sw.LocalService.start().service(); print(service.task('SlowTask').info().parameters[0].name)"
        )
        == "seconds"
    )
    failing = kernel.run(
        "@sw.task\ndef broken(x: float) -> float:\n    return nothing_of_that_name\n"
        "sw.LocalService.start().service().task('broken').submit(x=1).result()"
    )
    assert "nothing_of_that_name" in failing[1]


SCRIPT = """
import spatial_widgets as sw
from beside import three

@sw.task
def triple(x: float) -> float:
    return three() * x

if __name__ == "__main__":
    with sw.LocalService.start() as local:
        print(local.service().task("triple").submit(x=2).result(), local.service().task("Beside").submit().result())
"""
BESIDE = "import spatial_widgets as sw\n\ndef three():\n    return 3\n\n@sw.task('Beside')\ndef beside() -> int:\n    return three()\n"


@pytest.mark.slow
def test_a_script_and_a_module_beside_it_bring_their_tasks_too(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "beside.py").write_text(BESIDE)
    environment = os.environ | {
        "SPATIAL_WIDGETS_STORE": str(tmp_path / "store"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["6.0", "3"], done.stderr


# ---------------------------------------------------------------- without processes


@pytest.fixture
def registry(monkeypatch):
    made = Registry()
    monkeypatch.setattr(handover, "REGISTRY", made)
    return made


def adds(number=1, **settings):
    registry = Registry()

    @task("Add", registry=registry, **settings)
    def add(x: float) -> float:
        """Add."""
        return x + number

    return registry


def test_handed_over_tasks_appear_change_and_are_forgotten(tmp_path):
    served = ServedTasks(TOYS, tmp_path)
    assert "Add" not in served
    assert offer(tmp_path, adds().values()) == ["Add"]
    assert (served["Add"].description, list(served)) == ("Add.", sorted([*TOYS, "Add"]))
    first = served["Add"].files
    assert served["Add"].to_json() == adds()["Add"].to_json()
    offer(tmp_path, adds(2).values())
    assert served["Add"].files != first
    assert len(list((tmp_path / "tasks").glob("*.pickle"))) == 1
    served.forget(3600)
    assert "Add" in served
    served.forget(-1)
    assert "Add" not in served
    assert list((tmp_path / "tasks").iterdir()) == []


def test_an_installed_task_is_not_replaced(tmp_path, registry):
    def greet(name: str) -> str:
        return name

    task("GREET", registry=registry)(greet)
    offered = offer(tmp_path, registry.values())
    served = ServedTasks(TOYS, tmp_path)
    with pytest.raises(SpatialWidgetsError, match=r"@task\(\"MyGREET\"\)"):
        refuse_clashes(tmp_path, offered, {"Greet": "elsewhere"})
    assert "GREET" not in served
    assert not registry, "so that the next start goes well"


def test_what_the_service_has_from_the_same_module_is_left_to_it(tmp_path, registry):
    def greet(name: str) -> str:
        return name

    task("Greet", registry=registry)(greet)
    refuse_clashes(tmp_path, offer(tmp_path, registry.values()), {"Greet": __name__})
    assert list(registry) == ["Greet"]
    assert not list((tmp_path / "tasks").glob("*.json"))


def test_only_own_tasks_are_handed_over(registry):
    def greet(name: str) -> str:
        return name

    assert own_tasks(registry) == []
    task(registry=registry)(greet)
    greet.__module__ = "spatial_widgets.server.tasks.more"
    assert own_tasks(registry) == []
    greet.__module__ = "__main__"
    assert [t.name for t in own_tasks(registry)] == ["greet"]


@pytest.mark.parametrize(
    ("settings", "number", "told"),
    [
        ({"timeout_s": lambda given: 1.0}, 1, "time limit"),
        ({}, threading.Lock(), "cannot be handed.*Make that inside"),
        ({}, bytes(70_000_000), "70,.*over 67,108,864.*parameter"),
    ],
    ids=["time limit", "lock", "size"],
)
def test_what_cannot_be_handed_over_is_said(tmp_path, settings, number, told):
    registry = adds(number, **settings)
    registry["Add"].function.__module__ = "__main__"
    with pytest.raises(SpatialWidgetsError, match=f"(?s)'Add'.*{told}"):
        offer(tmp_path, registry.values())


def test_a_worker_runs_only_what_its_owner_alone_can_write(tmp_path):
    registry = adds(4)
    registry["Add"].function.__module__ = "__main__"
    offer(tmp_path, registry.values())
    code = ServedTasks({}, tmp_path)["Add"].files["task.pickle"]
    job = tmp_path / "job"
    job.mkdir()
    assert handed_task(job) is None
    os.link(code, job / "task.pickle")
    assert handed_task(job).call(None, {"x": 1.0}) == {"result": 5.0}
    (job / "task.pickle").chmod(0o622)
    with pytest.raises(SpatialWidgetsError, match="somebody else"):
        handed_task(job)


def test_another_python_is_told(tmp_path, monkeypatch):
    registry = adds()
    registry["Add"].function.__module__ = "__main__"
    offer(tmp_path, registry.values())
    job = tmp_path / "job"
    job.mkdir()
    os.link(ServedTasks({}, tmp_path)["Add"].files["task.pickle"], job / "task.pickle")
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    with pytest.raises(SpatialWidgetsError, match=r"runs 3\.99.*Stop the service"):
        handed_task(job)


def test_a_damaged_description_does_not_stop_the_service(tmp_path, caplog):
    offer(tmp_path, adds().values())
    (tmp_path / "tasks" / "other.json").write_text("{")
    assert list(ServedTasks({}, tmp_path)) == ["Add"]
    assert "other.json" in caplog.text


@pytest.mark.parametrize("name", ["task.pickle", "../task.pickle", "../../tasks/evil.json", "evil.json"])
def test_nothing_that_comes_over_http_is_taken_for_code(core, face, name):
    files = {"file": FilePart(name, b"evil")}
    uploaded = core.handle(Request("POST", f"{ROOT}/uploads/upload", {}, {}, files)).json()
    item = uploaded.get("item", {}).get("itemID", "")
    reply = face.ask(
        f"{ROOT}/ReadFile/submitJob", inputFile=f'{{"itemID": "{item}"}}', **{"task.pickle": "evil"}
    )
    assert ("jobId" in reply) == bool(item), reply
    assert not list(core.store.folder.rglob("task.pickle"))
    assert not (core.store.folder / "tasks").exists()
    assert "evil" not in face.ask(ROOT)["tasks"]
