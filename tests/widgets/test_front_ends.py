"""The table of places where the widgets are read: each of its checks exists, and Colab's is here."""

import ast
import re
import sys
import types
from pathlib import Path

from fakes import ScriptedApp

import spatial_widgets as sw

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "front-ends.md").read_text(encoding="utf-8")


def names_in(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_check_that_the_page_names_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?(?:\[[\w-]+\])?`", PAGE)
    assert len(named) > 20
    for path, name in named:
        assert not name or name in names_in(path), f"{path}::{name}"


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
