"""A form sends what the same call in Python sends: for every task of the local service, and for descriptions of all kinds."""

import datetime as dt
import getpass
import os

import geopandas as gpd
import pandas as pd
import pytest
from fakes import ScriptedApp
from programs import ended_well, program
from task_descriptions import DESCRIPTIONS

import spatial_widgets as sw
from spatial_widgets.client import UserLogin
from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import ParameterInfo, TaskInfo, TimeUnit
from spatial_widgets.server.registry import REGISTRY
from spatial_widgets.widgets.formorigins import NotebookOrigins

REGISTRY.load_installed()
LOCAL = {name: task.to_json() for name, task in REGISTRY.items()}
ALL = {**{f"local {name}": document for name, document in LOCAL.items()}, **DESCRIPTIONS}

points = gpd.GeoDataFrame(
    {"n": [1, 2], "w": [0.5, 1.0]}, geometry=gpd.points_from_xy([1, 2], [3, 4]), crs=4326
)
stops = pd.DataFrame({"name": ["a", "b"]})
NAMES = {"points": points, "stops": stops, "_hidden": points, "number": 5}

# What a reader enters, and what a call is given for the same.
BY_TYPE = {
    "GPString": ("some 'text' \"here\"", "some 'text' \"here\""),
    "GPStringHidden": ("secret", "secret"),
    "GPSQLExpression": ("n > 1", "n > 1"),
    "GPBoolean": ("true", True),
    "GPLong": ("7", 7),
    "GPDouble": ("0.25", 0.25),
    "GPDate": ("2026-11-30T14:05:09", dt.datetime(2026, 11, 30, 14, 5, 9, tzinfo=dt.UTC)),
    "GPLinearUnit": ({"number": "2.5", "units": "esriKilometers"}, sw.LinearUnit(2.5, "kilometers")),
    "GPArealUnit": ({"number": "7", "units": "esriHectares"}, (7, "hectares")),
    "GPTimeUnit": ({"number": "3", "units": "esriTimeUnitsDays"}, TimeUnit(3, "days")),
    "GPFeatureRecordSetLayer": ({"from": "variable", "text": "points"}, points),
    "GPRecordSet": ({"from": "variable", "text": "stops"}, stops),
    "GPRasterDataLayer": ({"from": "url", "text": "https://host.test/dem2"}, "https://host.test/dem2"),
    "GPDataFile": ({"from": "url", "text": "https://host.test/a.zip"}, "https://host.test/a.zip"),
    "Field": ("n", "n"),
    "GPSpatialReference": ("25832", 25832),
    "GPCoordinateSystem": ("EPSG:3035", "EPSG:3035"),
    "GPExtent": ({"xmin": "1", "ymin": "2", "xmax": "3.5", "ymax": "4", "crs": ""}, (1, 2, 3.5, 4)),
    "GPEnvelope": (
        {"xmin": "1", "ymin": "2", "xmax": "3.5", "ymax": "4", "crs": "25832"},
        {"xmin": 1, "ymin": 2, "xmax": 3.5, "ymax": 4, "spatialReference": 25832},
    ),
    "GPValueTable": ('[["x", 1]]', [["x", 1]]),
    "GPComposite": ('{"dataType": "GPLong", "value": 3}', {"dataType": "GPLong", "value": 3}),
    "GPMeshLayer": ('{"lod": 5}', {"lod": 5}),
}
ELSEWHERE = (
    {"from": "url", "text": "https://host.test/FeatureServer/0"},
    "https://host.test/FeatureServer/0",
)
SPECIAL = {
    ("Weighted Overlay", "weights"): (
        [["1", "0.75", "1970-01-02T00:00:00"], ["0", "1", ""]],
        [["AREA", 0.75, dt.datetime(1970, 1, 2, tzinfo=dt.UTC)], ["POP", 1, None]],
    ),
    ("Either Or", "distance_or_field"): ({"type": "2", "value": "7"}, {"dataType": "GPLong", "value": 7}),
    ("Either Or", "coded"): ("0", "One"),  # the default is Two
    ("Missing", "d"): (['"x"'], ["x"]),
    ("Missing", "e"): ([["x"]], [["x"]]),
    ("Unknown", "deep"): ([[[[["1", "2"]]]]], [[[[[1, 2]]]]]),
    ("local SlowTask", "timeLimit"): ("3", 3),
}


def change_of(task, parameter):
    """Return another entry than the default's for one input, and the value of the call that says the same."""
    if (task, parameter.name) in SPECIAL:
        return SPECIAL[task, parameter.name]
    data_type = parameter.data_type
    if data_type.startswith("GPMultiValue:"):
        if parameter.choices:
            return ["1", "0"], [parameter.choices[1], parameter.choices[0]]
        entry, value = change_of(
            task, ParameterInfo("", data_type.removeprefix("GPMultiValue:"), filter=parameter.filter)
        )
        return [entry, entry], [value, value]
    if parameter.choices:
        index = next(n for n, choice in enumerate(parameter.choices) if str(choice) != str(parameter.default))
        return str(index), parameter.choices[index]
    if data_type == "GPString" and parameter.name.endswith("Layer"):
        return {"from": "variable", "text": "points"}, points
    if data_type == "GPBoolean":
        word = "false" if str(parameter.default).casefold() == "true" else "true"
        return word, word == "true"
    return BY_TYPE[data_type]


def inputs_of(document):
    """Return the inputs that a call can name, each once, as the client finds them."""
    named = {p.name: p for p in reversed(TaskInfo.from_json(document).inputs) if p.name}
    return [named[name] for name in reversed(named)]


class Talk:
    """A form and its server."""

    def __init__(self, document):
        self.app = ScriptedApp(task=document, results={})
        self.app.capabilities = "Uploads"
        self.task = self.app.service().task(document["name"])
        self.form = sw.TaskForm(self.task, namespace=NAMES)

    def enter(self, name, entry):
        self.tell({"kind": "edit", "name": name, "entry": entry})

    def tell(self, content):
        self.form.comm.handle_msg(custom(content))

    def sent(self):
        return [asked.form for asked in self.app.asked if asked.operation in {"submitJob", "execute"}]


def custom(content):
    return {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}


@pytest.fixture
def talk():
    open_forms = []

    def start(document):
        # A task's name in a URL is one segment; the scripted server knows it by its plain name.
        talk = Talk({**document, "name": "Task"})
        open_forms.append(talk.form)
        return talk

    yield start
    for form in open_forms:
        for job in form.jobs:
            sw.widgets.job.show_job(job).close()
        form.close()


@pytest.mark.parametrize("name", ALL)
def test_a_form_changed_in_one_field_sends_what_the_call_sends(talk, name):
    document = ALL[name]
    talking = talk(document)
    for parameter in inputs_of(document):
        if parameter.data_type != "GPWorkspace":
            talking.tell({"kind": "reset"})
            talking.app.asked.clear()
            compare(talking, name, parameter.name)


def compare(talking, name, changed):
    """Change one field, and those that need a value, in a form and in a call; both, and the form's code, send the same."""
    call = {}
    for parameter in inputs_of(ALL[name]):
        if parameter.name == changed or needs_a_value(parameter):
            is_layer = parameter.name != changed and parameter.data_type == "GPFeatureRecordSetLayer"
            entry, call[parameter.name] = ELSEWHERE if is_layer else change_of(name, parameter)
            talking.enter(parameter.name, entry)
        elif parameter.required:
            call[parameter.name] = parameter.default
    assert talking.form.errors == {}, changed
    talking.form.submit()
    talking.task.submit(call)
    by_form, by_call = talking.sent()
    assert by_form == by_call, changed
    assert changed in by_form

    talking.task.submit(talking.form.parameters)
    run(talking)
    assert talking.sent()[2:] == [by_call, by_call], changed


def needs_a_value(parameter):
    return parameter.required and (parameter.default in (None, "") or "features" in str(parameter.default))


def run(talking):
    """Run the program that a form gives, on its own scripted server."""
    code = talking.form.code()
    head = f"service = sw.GPService({talking.task.service.url!r})\n"
    assert head in code
    names = {**NAMES, "service": talking.task.service}
    exec(code.replace(head, "").replace("getpass('password: ')", "'secret'"), names)
    return code


@pytest.mark.parametrize("name", ALL)
def test_a_form_that_nobody_touched_sends_only_what_is_required(talk, name):
    talking = talk(ALL[name])
    info = TaskInfo.from_json(ALL[name])
    missing = {p.name for p in info.inputs if needs_a_value(p)}
    assert set(talking.form.errors) == missing
    if missing:
        with pytest.raises(ParameterError, match="Nothing was sent"):
            talking.form.submit()
        assert talking.sent() == []
        return
    talking.form.submit()
    assert set(talking.sent()[0]) == {"f"} | {p.name for p in info.inputs if p.required}


def test_a_default_is_sent_by_name_only_where_the_service_requires_a_value(talk):
    talking = talk(DESCRIPTIONS["Buffer Points"])
    talking.enter("Input_Points", {"from": "sample", "text": "airports"})
    talking.form.submit()
    assert set(talking.sent()[0]) == {"f", "Input_Points", "Distance"}
    assert talking.sent()[0]["Distance"] == '{"distance":0.5,"units":"esriMiles"}'


def test_names_that_are_no_keywords_are_called_all_the_same(talk):
    talking = talk(DESCRIPTIONS["__import__('os').abort()"])
    for name, entry in {"reuse": "true", "class": "x", "x); import os; (": "5", "values": "y"}.items():
        talking.enter(name, entry)
    talking.form.submit()
    code = run(talking)
    assert "'x); import os; (': 5," in code
    first, second = talking.sent()
    assert first == second
    assert first["reuse"] == "true"


def test_a_hidden_text_is_neither_in_the_code_nor_in_what_a_page_keeps(talk):
    talking = talk(DESCRIPTIONS["Import"])
    talking.enter("archive", {"from": "url", "text": "https://host.test/a.zip"})
    talking.enter("password", "hunter2")
    assert talking.form.parameters["password"] == "hunter2"
    assert "hunter2" not in talking.form.code()
    assert "getpass('password: ')" in talking.form.code()
    talking.form._show()
    assert "hunter2" not in str(talking.form.get_state())


def test_a_url_with_a_token_is_refused_and_not_kept(talk):
    talking = talk(DESCRIPTIONS["Import"])
    talking.enter("archive", {"from": "url", "text": "https://host.test/a.zip?token=s3cret"})
    assert "token" in talking.form.errors["archive"]
    assert "s3cret" not in str(talking.form.get_state()) + talking.form.code() + str(talking.form.errors)


def test_a_text_with_a_token_is_asked_for_by_the_code_and_not_kept(talk, monkeypatch):
    talking = talk(DESCRIPTIONS["SummarizeNearby"])
    texts = {
        "sumNearbyLayer": '{"url": "https://host.test/FeatureServer/0", "serviceToken": "s3cret"}',
        "summaryLayer": "https://host.test/FeatureServer/1?token=s3cret",
        "distances": "token: s3cret",
    }
    for name in ("sumNearbyLayer", "summaryLayer"):
        talking.enter(name, {"from": "text", "text": texts[name]})
    talking.enter("distances", texts["distances"])
    talking.form.submit()
    assert talking.form.errors == {}
    talking.form._show()
    assert "s3cret" not in str(talking.form.get_state()) + talking.form.code() + talking.form._html_text()
    monkeypatch.setattr(getpass, "getpass", lambda prompt: texts[prompt.removesuffix(": ")])
    run(talking)
    by_form, by_code = talking.sent()
    assert by_form == by_code
    assert "s3cret" in by_form["sumNearbyLayer"]

    talking = talk(DESCRIPTIONS["Unknown"])
    talking.enter("mesh", '{"url": "https://host.test/mesh", "token": "s3cret"}')
    talking.form.submit()
    assert "s3cret" not in talking.form.code()
    monkeypatch.setattr(
        getpass, "getpass", lambda _prompt: '{"url": "https://host.test/mesh", "token": "s3cret"}'
    )
    run(talking)
    assert talking.sent()[0] == talking.sent()[1]


def test_the_code_leaves_a_frame_its_name(talk):
    for taken in ("service", "job"):
        talking = talk(DESCRIPTIONS["911 Calls Hotspot"])
        names = {taken: points}
        talking.form._contents.origins = NotebookOrigins(names)
        talking.enter("Calls", {"from": "variable", "text": taken})
        talking.form.submit()
        code = talking.form.code()
        head = f"sw.GPService({talking.task.service.url!r})"
        assert head in code
        exec(code.replace(head, "own"), names | {"own": talking.task.service}, names)
        assert talking.sent()[0] == talking.sent()[1]
        assert names[taken] is points


def test_the_code_asks_for_the_token_of_the_service():
    app = ScriptedApp(task=DESCRIPTIONS["Many"])
    form = sw.TaskForm(app.service(auth="t0ken").task("Many"))
    code = form.code()
    assert 'auth=getpass("Token: ")' in code
    assert "t0ken" not in code
    assert code.startswith("from getpass import getpass\nimport spatial_widgets as sw\n")
    assert compile(code, "form", "exec")
    form.close()


def test_the_code_asks_for_name_and_password_where_one_signed_in_with_them():
    app = ScriptedApp(task=DESCRIPTIONS["Many"])
    app.answers["generateToken"] = [{"token": "t0ken", "expires": 4_000_000_000_000}]
    login = UserLogin("ana", "pa55word", token_url="https://gp.test/arcgis/tokens/generateToken")
    form = sw.TaskForm(app.service(auth=login).task("Many"))
    code = form.code()
    assert 'auth=UserLogin(input("Name: "), getpass))' in code
    assert "from spatial_widgets.client import UserLogin\n" in code
    assert not any(secret in code for secret in ("'ana'", '"ana"', "pa55word", "t0ken"))
    form.close()


def test_the_code_runs_as_pasted_in_a_session_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    with sw.LocalService.start(workers=1) as local:
        form = sw.TaskForm(local.service().task("CreateBuffers"))
        for name, entry in {
            "inputLayer": {"from": "sample", "text": "airports"},
            "distances": ["5"],
            "units": "0",
        }.items():
            form.comm.handle_msg(custom({"kind": "edit", "name": name, "entry": entry}))
        assert form.errors == {}
        told = ended_well(program(form.code() + "\nprint(len(job.result()))"))
        assert int(told) == len(sw.sample("airports"))
        form.close()


def test_no_description_makes_a_form_run_anything(talk, monkeypatch):
    monkeypatch.setattr(os, "abort", lambda: pytest.fail("a default was run"))
    for document in DESCRIPTIONS.values():
        form = talk(document).form
        assert compile(form.code(), "form", "exec")
        assert form.parameters
