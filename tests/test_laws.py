"""The laws of the house: who may import what, how large a module gets, and what importing the package costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import spatial_widgets

ROOT = Path(spatial_widgets.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
FLOORS = {
    "errors": 0,
    "protocol": 1,
    "codec": 2,
    "data": 2,
    "client": 3,
    "widgets": 5,
    "cli": 5,
    "demo": 5,
    "local": 5,
    "pasting": 5,
    "pastjobs": 5,
    "servicejobs": 5,
    "terminal": 5,
}
JUPYTER = {"IPython", "ipywidgets", "traitlets", "anywidget"}
WEB = {"starlette", "uvicorn", "multipart", "python_multipart"}
DASK = {"server/executors/dask.py", "server/executors/daskworker.py"}  # the service's side, the worker's side
THREADED = {
    "client/poller.py",
    "client/requestpool.py",
}  # beside server/; the widget loads results on the poller's pool


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path, *, runtime_only: bool = False) -> set[str]:
    """Return every module that a file imports, anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set()
    if runtime_only:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                hidden |= {id(inner) for inner in ast.walk(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            found.add(node.module or "")
    return found


def own(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("spatial_widgets.")}


@pytest.mark.parametrize("path", [m for m in MODULES if package_of(m) in FLOORS], ids=name_of)
def test_imports_go_down_or_sideways(path):
    floor = FLOORS[package_of(path)]
    for target in own(path) & FLOORS.keys():
        assert FLOORS[target] < floor or target == package_of(path) or floor == 5, (
            f"{name_of(path)} imports {target}"
        )


@pytest.mark.parametrize("path", [m for m in MODULES if package_of(m) in {"client", "server"}], ids=name_of)
def test_client_and_server_do_not_know_each_other(path):
    assert not own(path) & ({"client", "server"} - {package_of(path)})
    assert not own(path) & {"widgets", "cli", "demo", "local"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_neighbours_are_met_in_one_place_each(path):
    roots = {name.split(".")[0] for name in imports(path)}
    if package_of(path) not in {"widgets", "cli", "demo", "local"}:
        assert not roots & JUPYTER
    assert "requests" not in roots or name_of(path) == "client/session.py"
    assert not roots & WEB or name_of(path) == "server/asgi.py"
    assert not roots & {"dask", "distributed"} or name_of(path) in DASK


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_threads_start_in_known_places(path):
    text = path.read_text(encoding="utf-8")
    starts = "threading.Thread(" in text or "ThreadPoolExecutor" in text.replace(
        "Not a ThreadPoolExecutor", ""
    )
    assert not starts or name_of(path) in THREADED or package_of(path) == "server"


def test_nothing_is_called_utils():
    assert not [m for m in MODULES if m.stem in {"utils", "util", "helpers", "common", "misc"}]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_runs_into_the_wall(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 500


def test_the_median_module_is_small():
    sizes = sorted(len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES)
    assert sizes[len(sizes) // 2] <= 200


def test_importing_the_package_loads_neither_geopandas_nor_jupyter():
    code = "import sys, spatial_widgets; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    heavy = {
        "numpy",
        "pandas",
        "geopandas",
        "shapely",
        "pyproj",
        "requests",
        "starlette",
        "uvicorn",
        *JUPYTER,
    }
    assert not heavy & set(loaded)


def test_every_public_name_is_there_and_sorted():
    assert spatial_widgets.__all__ == sorted(spatial_widgets.__all__)
    for name in spatial_widgets.__all__:
        assert getattr(spatial_widgets, name) is not None
    assert dir(spatial_widgets) == spatial_widgets.__all__


def test_a_misspelt_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="JobWidgt"):
        _ = spatial_widgets.JobWidgt
