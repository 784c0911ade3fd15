"""The table of places where the widgets are read: each of its checks exists, and Colab's is here."""

import ast
import re
import sys
import types
from pathlib import Path

import pytest
from fakes import ScriptedApp

import spatial_widgets as sw

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "front-ends.md").read_text(encoding="utf-8")


NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?(?:\[[\w-]+\])?`")


def parsed(path):
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def names_in(path):
    return {node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)}


def servers_in(marks):
    """Return the servers that marks of pytest have a test tried at; both where they say nothing of it."""
    for mark in marks:
        if isinstance(mark, ast.Call) and mark.args and getattr(mark.args[0], "value", "") == "server":
            return {each.value for each in mark.args[1].elts}
    return {"lab", "notebook"}


def servers_of(path, only):
    """Yield each test of a file that opens a notebook, or the one that is named, and the servers that it is tried at."""
    tree = parsed(path)
    marks = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "pytestmark"
    ]
    for node in tree.body:
        is_one = isinstance(node, ast.FunctionDef) and "notebook" in {each.arg for each in node.args.args}
        if is_one and only in {"", node.name}:
            yield node.name, servers_in([*node.decorator_list, *marks])


def test_every_check_that_the_page_names_is_there():
    named = NAMED.findall(PAGE)
    assert len(named) > 20
    for path, name in named:
        assert not name or name in names_in(path), f"{path}::{name}"


@pytest.mark.parametrize(("place", "server"), [("JupyterLab 4", "lab"), ("Notebook 7", "notebook")])
def test_what_the_page_says_is_tried_in_a_place_is_tried_there(place, server):
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {place}"))
    named = NAMED.findall(row)
    assert len(named) > 5
    for path, only in named:
        tests = dict(servers_of(path, only))
        assert tests, path
        for name, servers in tests.items():
            assert server in servers, f"{path}::{name}"


def test_what_colab_needs_travels_with_the_output(monkeypatch):
    asked = []
    output = types.SimpleNamespace(
        enable_custom_widget_manager=lambda: asked.append(True),
        _widgets=types.SimpleNamespace(_installed_url="https://colab.test/manager.js"),
    )
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    w = sw.JobWidget(ScriptedApp(["esriJobCancelled"]).submit())
    try:
        data, metadata = w._repr_mimebundle_()
    finally:
        w.close()
    (view,) = (name for name in data if "widget-view" in name)
    assert metadata[view] == {"colab": {"custom_widget_manager": {"url": "https://colab.test/manager.js"}}}
    assert asked
