"""A typed Python function as a task: what its signature and docstring say to clients, and what is refused."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypedDict

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point

import spatial_widgets as sw
from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import TaskInfo
from spatial_widgets.server.docstring import read_docstring
from spatial_widgets.server.registry import Registry, task
from spatial_widgets.tasktypes import Context, File, Layer, P, Table, TimeUnit


def made(function, **settings):
    registry = Registry()
    task(registry=registry, **settings)(function)
    return registry[function.__name__]


def described(function):
    """Return the task as a client reads it, by parameter name."""
    document = json.loads(json.dumps(made(function).to_json(), allow_nan=False))
    info = TaskInfo.from_json(document)
    return info, {p.name: p for p in info.parameters}


class Outputs(TypedDict):
    places: gpd.GeoDataFrame
    total: Annotated[float, P("sum of all")]


def everything(  # noqa: PLR0917 -- that is its point
    ctx: Context,
    layer: Layer,
    table: Table,
    file: File,
    number: float,
    whole: int,
    flag: bool,
    text: str,
    moment: dt.datetime,
    distance: sw.LinearUnit,
    area: sw.ArealUnit,
    span: TimeUnit,
    choice: Literal["a", "b"],
    step: Literal[1, 2, 4],
    many: list[float],
    layers: list[gpd.GeoDataFrame],
    rows: pd.DataFrame | None = None,
    path: Path | None = None,
    words: list[Literal["x", "y"]] = ["x"],  # noqa: B006 -- as people write it
) -> Outputs:
    """Take everything.

    Nothing is left out.

    Parameters
    ----------
    number : float
        How many
        there are.
    whole, flag : text beside the colon, in one line
    layer : GeoDataFrame

    Returns
    -------
    places : GeoDataFrame
        Where they are.

    Notes
    -----
    A note.
    """
    raise AssertionError


def test_a_sequence_is_a_list_with_an_empty_one_as_its_default():
    def count(
        words: Sequence[str] = (), sizes: Annotated[Sequence[int], P("how large", minimum=1)] = ()
    ) -> int:
        return len(words) + len(sizes)

    task, found = described(count)
    assert [(p.data_type, p.required, p.default) for p in task.inputs] == [
        ("GPMultiValue:GPString", False, []),
        ("GPMultiValue:GPLong", False, []),
    ]
    assert found["sizes"].filter == {"type": "range", "minimum": 1}


def test_each_type_has_its_data_type():
    _, found = described(everything)
    assert {name: p.data_type for name, p in found.items()} == {
        "layer": "GPFeatureRecordSetLayer",
        "table": "GPRecordSet",
        "file": "GPDataFile",
        "number": "GPDouble",
        "whole": "GPLong",
        "flag": "GPBoolean",
        "text": "GPString",
        "moment": "GPDate",
        "distance": "GPLinearUnit",
        "area": "GPArealUnit",
        "span": "GPTimeUnit",
        "choice": "GPString",
        "step": "GPLong",
        "many": "GPMultiValue:GPDouble",
        "layers": "GPMultiValue:GPFeatureRecordSetLayer",
        "rows": "GPRecordSet",
        "path": "GPDataFile",
        "words": "GPMultiValue:GPString",
        "places": "GPFeatureRecordSetLayer",
        "total": "GPDouble",
    }
    assert found["choice"].choices == ("a", "b")
    assert found["step"].choices == (1, 2, 4)
    assert found["words"].choices == ("x", "y")
    assert {name for name, p in found.items() if p.is_input and not p.required} == {"rows", "path", "words"}
    assert [p.parameter_type for p in found.values()][-1] == "esriGPParameterTypeDerived"


def test_the_docstring_gives_the_texts_and_keeps_its_other_sections():
    info, found = described(everything)
    assert info.description == "Take everything.\n\nNothing is left out.\n\nNotes\n-----\nA note."
    assert found["number"].description == "How many there are."
    assert found["whole"].description == found["flag"].description == "text beside the colon, in one line"
    assert found["layer"].description == "", "a word beside the colon is the type"
    assert found["places"].description == "Where they are."
    assert found["total"].description == "sum of all"


def test_a_note_gives_help_a_range_a_label_and_what_it_depends_on():
    def near(
        layer: Layer,
        field: Annotated[str, P("a field", depends_on="layer")],
        share: Annotated[
            float, P("a share", minimum=0, maximum=1, display_name="Share", category="More")
        ] = 0.5,
        least: Annotated[int, "plain text will do"] | None = None,
        many: list[Annotated[int, P(minimum=1)]] = [3],  # noqa: B006
    ) -> Annotated[float, "the answer"]:
        """Look near."""

    _, found = described(near)
    assert found["share"].filter == {"type": "range", "minimum": 0, "maximum": 1}
    assert (found["share"].display_name, found["share"].category, found["share"].default) == (
        "Share",
        "More",
        0.5,
    )
    assert found["least"].description == "plain text will do"
    assert found["field"].dependency == "layer"
    assert found["result"].description == "the answer"
    assert found["many"].filter == {"type": "range", "minimum": 1}
    for name, text in (("share", "1.5"), ("many", "[1, 0]")):
        with pytest.raises(ParameterError, match=rf"near: parameter '{name}' got .*; expected"):
            made(near).check({"layer": "{}", "field": "x", name: text})


def test_the_cell_a_user_would_love():
    @sw.task(registry=Registry())
    def buffer_twice(
        places: gpd.GeoDataFrame,
        distance: sw.LinearUnit = sw.LinearUnit(5, "esriKilometers"),  # noqa: B008 -- it never changes
    ) -> gpd.GeoDataFrame:
        "Buffer places by a distance, twice."
        return places

    info, found = described(buffer_twice)
    assert (info.name, info.description) == ("buffer_twice", "Buffer places by a distance, twice.")
    assert found["distance"].default == {"distance": 5, "units": "esriKilometers"}
    assert found["places"].required
    places = gpd.GeoDataFrame(geometry=[Point(1, 2)], crs=4326)
    assert buffer_twice(places) is places, "the function itself stays as it is"


def test_without_brackets_the_task_has_the_functions_name(monkeypatch):
    registry = Registry()
    monkeypatch.setattr("spatial_widgets.server.registry.REGISTRY", registry)

    @sw.task
    def plain(x: float) -> float:
        return x

    @sw.task("Fancy", restartable=True)
    def other(x: float) -> float:
        return x

    assert (list(registry), plain(2), registry["Fancy"].restartable) == (["Fancy", "plain"], 2, True)


def test_a_choice_is_taken_in_any_case_and_given_in_its_own_type():
    def pick(step: Literal[1, 2] = 1, words: list[Literal["Big", "Small"]] | None = None) -> None: ...

    found = made(pick)
    assert found.check({"step": "2", "words": '["big"]'}) == {"step": 2, "words": ["Big"]}
    assert found.outputs == ()
    for form in ({"step": "3"}, {"words": '["huge"]'}):
        with pytest.raises(ParameterError, match="choose one of"):
            found.check(form)


def test_a_single_output_may_be_a_dict_of_any_keys_and_named_ones_are_held_to_their_names():
    def loose() -> dict:
        return {}

    def strict() -> Outputs:
        return {"total": 1.0, "totle": 2.0}

    assert made(loose).call(None, {}) == {"result": {}}
    with pytest.raises(TypeError, match="totle.*places, total"):
        made(strict).call(None, {})


# ---------------------------------------------------------------- refused when decorated

REFUSED = {
    "def bad(x: float): ...": "what it returns.*-> float",
    "def bad(x) -> float: ...": "'x'.*no type.*x: float",
    "def bad(x: complex) -> float: ...": "'x'.*complex; use one of",
    "def bad(x: 'int | float') -> float: ...": "'x'.*one type",
    "def bad(x: list) -> float: ...": r"'x'.*list\[float\]",
    "def bad(x: list[list[float]]) -> float: ...": "'x'.*single ones",
    "def bad(x: Literal['a', 1]) -> float: ...": "'x'.*choices of a Literal",
    "def bad(x: 'Nowhere') -> float: ...": "'x'.*Nowhere.*Import",
    "def bad(x: float) -> 'Nowhere': ...": "Nowhere.*Import",
    "def bad(x: float) -> complex: ...": "'result'.*complex",
    "def bad(*args: float) -> float: ...": "'args'.*any number",
    "def bad(**kwargs: float) -> float: ...": "'kwargs'.*any number",
    "def bad(x: float, /) -> float: ...": "'x'.*Remove the /",
    "def bad(x: float, ctx: Context) -> float: ...": "'ctx' must come first",
    "def bad(x: float = '5') -> float: ...": "'x' has the default '5', which is no float",
    "def bad(x: int = 1.5) -> float: ...": "'x'.*1.5, which is no int",
    "def bad(x: int = True) -> float: ...": "'x'.*True, which is no int",
    "def bad(x: bool = 1) -> float: ...": "'x'.*1, which is no bool",
    "def bad(x: float = float('nan')) -> float: ...": "'x'.*nan",
    "def bad(x: float = None) -> float: ...": r"'x'.*Write float \| None = None",
    "def bad(x: list[float] = [1, 'b']) -> float: ...": r"'x'.*no list\[float\]",
    "def bad(x: Literal['a', 'b'] = 'c') -> float: ...": "'x'.*none of its choices 'a', 'b'",
    "def bad(x: Annotated[float, P(minimum=0)] = -1) -> float: ...": "'x'.*-1.*at least 0",
    "def bad(x: Annotated[str, P(minimum=0)]) -> float: ...": "'x'.*minimum and maximum",
    "def bad(x: Annotated[str, P(depends_on='y')]) -> float: ...": "'x'.*'y', which is no parameter",
    "def bad(token: str) -> float: ...": "'token'.*Rename",
    "def bad(inputLayer: str, input_layer: str) -> float: ...": "'input_layer' and 'inputLayer' are one name",
    "def bad(result: str) -> float: ...": "'result' and 'result'",
    "async def bad(x: float) -> float: ...": "no plain function",
    "def bad(x: float) -> float:\n yield x": "no plain function",
    "class bad: ...": "no plain function",
    "def bad(x: float) -> float:\n '''T.\n\n Parameters\n ----------\n y : float\n  Z.\n '''": "'y' is in the docstring, not in the signature.* x",
    "def bad(x: float) -> Outputs:\n '''T.\n\n Returns\n -------\n placs : float\n  Z.\n '''": "'placs' is in the docstring.*places",
}


@pytest.mark.parametrize("source", REFUSED)
def test_what_makes_no_task_is_refused_with_the_next_step(source):
    names = dict(globals())
    exec(compile(source, "<cell>", "exec", dont_inherit=True), names)
    with pytest.raises(ParameterError, match=f"(?s)^@task.*bad.*{REFUSED[source]}"):
        task(registry=Registry())(names["bad"])


@pytest.mark.parametrize("name", ["", " ", "a/b", "uploads", "Jobs"])
def test_a_task_has_a_name_that_a_url_can_carry(name):
    with pytest.raises(ParameterError, match="cannot be called"):
        task(name, registry=Registry())(everything)


@given(st.text(max_size=300))
def test_any_docstring_can_be_read(text):
    found = read_docstring(text)
    assert isinstance(found.description, str)


# ---------------------------------------------------------------- other people's packages


def install(folder, name, module, source):
    """Lay out a distribution as pip would: the module, and a .dist-info with an entry point."""
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[spatial_widgets.tasks]\nall = {module}\n")


SOURCE = """
from spatial_widgets import task

@task("CountRows")
def count_rows(rows: list[str]) -> int:
    "Count."
    return len(rows)
"""


def test_an_installed_package_brings_its_tasks_and_a_broken_one_does_no_harm(tmp_path):
    install(tmp_path, "good_tasks", "good_tasks_module", SOURCE)
    install(tmp_path, "bad_tasks", "bad_tasks_module", "import no_such_module_at_all")
    code = (
        "from spatial_widgets.server.registry import REGISTRY, installed_packages; REGISTRY.load_installed();"
        "print('CountRows' in REGISTRY, 'SlowTask' in REGISTRY, 'good_tasks_module' in installed_packages())"
    )
    path = ":".join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path}, check=True
    )
    assert done.stdout.split() == ["True", "True", "True"]
    assert "bad_tasks" in done.stderr
    assert "update or remove it" in done.stderr
    assert importlib.metadata.entry_points(group="spatial_widgets.tasks") is not None
