"""The form of a task: what it offers, what it refuses in words, what a view and the kernel say to each other."""

import re
import threading
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from fakes import ScriptedApp, error
from hypothesis import given, settings
from hypothesis import strategies as st
from task_descriptions import DESCRIPTIONS

import spatial_widgets as sw
from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import ParameterInfo, TaskInfo
from spatial_widgets.widgets import form
from spatial_widgets.widgets._base import module_text
from spatial_widgets.widgets.crssearch import found_references
from spatial_widgets.widgets.formentry import given_of, without_secrets
from spatial_widgets.widgets.formfield import field_of, fields_of
from spatial_widgets.widgets.formgiven import EntryError, Given
from spatial_widgets.widgets.formorigins import NotebookOrigins
from spatial_widgets.widgets.job import show_job
from spatial_widgets.widgets.phrases import say
from spatial_widgets.widgets.uploading import Uploading

points = gpd.GeoDataFrame({"n": [1, 2]}, geometry=gpd.points_from_xy([1, 2], [3, 4]), crs=4326)


def field(data_type, **more):
    return field_of(ParameterInfo.from_json({"name": "p", "dataType": data_type, **more}))


def refusal(data_type, entry, origins=None, **more):
    with pytest.raises(EntryError) as caught:
        given_of(field(data_type, **more), entry, origins or NotebookOrigins({}))
    return str(caught.value)


class Form:
    """A form, its server, and what its views were told."""

    def __init__(self, app=None, **names):
        self.app = app or ScriptedApp(results={})
        self.told = []
        self.form = sw.TaskForm(self.app.service().task(self.app.task["name"]), namespace=names)
        self.form.send = lambda content, buffers=None: self.told.append(content)
        self.changed = threading.Condition()
        self.form.observe(self._notice)

    def _notice(self, _change):
        with self.changed:
            self.changed.notify_all()

    def say(self, content, *buffers):
        data = {"method": "custom", "content": content}
        self.form.comm.handle_msg({"content": {"data": data}, "buffers": list(buffers)})

    def enter(self, name, entry):
        self.say({"kind": "edit", "name": name, "entry": entry})

    def until(self, condition):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.form), 20)

    def close(self):
        for job in self.form.jobs:
            show_job(job).close()
        self.form.close()


@pytest.fixture
def shown():
    made = []

    def show(*args, **names):
        made.append(Form(*args, **names))
        return made[-1]

    yield show
    for each in made:
        each.close()


# ---------------------------------------------------------------- what is wrong, in words


def test_wrong_values_are_told_in_words():
    assert refusal("GPLong", "abc") == "abc is no number; write it like 12.5"
    assert "whole number" in refusal("GPLong", "1.5")
    assert "0 to 10" in refusal(
        "GPDouble", "11", filter={"type": "range", "minimum": 0, "maximum": 10}
    ).replace(".0", "")
    assert "1_000" in refusal("GPDouble", "1_000")
    assert "tomorrow is no date" in refusal("GPDate", "tomorrow")
    assert "ymax" in refusal("GPExtent", {"xmin": "1", "ymin": "2", "xmax": "3", "ymax": "", "crs": ""})
    assert "xmin ≤ xmax" in refusal(
        "GPExtent", {"xmin": "9", "ymin": "2", "xmax": "3", "ymax": "4", "crs": ""}
    )
    assert "coordinate system" in refusal("GPSpatialReference", "Atlantis 2000")
    assert refusal("GPMultiValue:GPLong", ["1", "x"]).startswith("No. 2: x is no number")
    assert "No. 2: It needs a value." in refusal("GPMultiValue:GPLong", ["1", ""])
    assert refusal("GPLinearUnit", {"number": "far", "units": "esriMeters"}).startswith("far is no number")
    assert "server's own disk" in refusal("GPWorkspace", "C:\\data.gdb")
    table = {"parameterInfos": [{"name": "a", "dataType": "GPLong", "displayName": "Count"}]}
    assert refusal("GPValueTable", [["1"], ["x"]], **table).startswith("Row 2, Count: x is no number")


def test_layers_that_do_not_fit_are_told_in_words():
    polygons = {"type": "featureClass", "list": ["esriGeometryPolygon"]}
    origins = NotebookOrigins({"points": points})
    entry = {"from": "variable", "text": "points"}
    assert "expected esriGeometryPolygon" in refusal(
        "GPFeatureRecordSetLayer", entry, origins, filter=polygons
    )
    gone = {"from": "variable", "text": "gone"}
    assert refusal("GPFeatureRecordSetLayer", gone) == "There is no frame called gone in the notebook."
    assert "http" in refusal("GPFeatureRecordSetLayer", {"from": "url", "text": "ftp://x"})
    assert "no file" in refusal("GPDataFile", {"from": "file", "text": "/nowhere/at.all"})
    assert ".zip" in refusal(
        "GPDataFile",
        {"from": "url", "text": "https://h.test/a.gpkg"},
        filter={"type": "file", "list": ["zip"]},
    )


def test_an_empty_required_field_is_told_only_after_it_was_touched_but_is_an_error_all_the_time(shown):
    talk = shown()
    assert talk.form.told == {}
    assert talk.form.errors == {"inputLayer": say("form.required")}
    talk.enter("inputLayer", {"from": "variable", "text": ""})
    talk.until(lambda form: form.told == {"inputLayer": say("form.required")})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["from", "text", "number", "units", "type", "value", "xmin", "crs"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
FIELDS = [each for document in DESCRIPTIONS.values() for each in fields_of(TaskInfo.from_json(document))]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(FIELDS), JSON)
def test_whatever_a_page_sends_is_a_value_or_told_in_words(each, entry):
    origins = NotebookOrigins({"points": points})
    try:
        made = given_of(each, entry, origins)
    except EntryError as caught:
        made = str(caught) or "no words"
    assert made != "no words"
    assert made is None or isinstance(made, (str, Given))
    assert without_secrets(each, entry) in (entry, each.blank)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted({f.parameter.data_type for f in FIELDS} | {"GPUnheardOf"})), JSON, JSON)
def test_whatever_a_description_says_there_is_a_field(data_type, default, limits):
    made = field_of(
        ParameterInfo.from_json(
            {"name": "p", "dataType": data_type, "defaultValue": default, "filter": limits}
        )
    )
    assert made.to_json()["kind"]


def test_what_is_allowed_is_told_of_columns_members_and_alternatives_too():
    def notes(name, parameter):
        info = TaskInfo.from_json(DESCRIPTIONS[name])
        return {each.name: each.notes() for each in fields_of(info)}[parameter]

    assert notes("Weighted Overlay", "weights") == ["Weight: From 0 to 1", "Since: Date and time in UTC"]
    assert notes("Lists", "numbers") == ["From 0 to 1000"]
    assert notes("Lists", "fields") == ["Takes fields of type Double"]
    assert notes("Either Or", "distance_or_field") == ["Number: From 0 to 9"]
    assert notes("Viewshed", "Observer_Height") == ["From 0 to 500"]
    assert field("GPMultiValue:GPDate").notes() == ["Date and time in UTC"]
    column = {"name": "a", "dataType": "GPLong", "displayName": "A", "description": "<b>How many</b>"}
    assert field("GPValueTable", parameterInfos=[column]).notes() == ["A: <b>How many</b>"]


# ---------------------------------------------------------------- what there is to choose from


def test_frames_of_the_notebook_are_offered_with_type_rows_and_crs():
    lines = gpd.GeoSeries.from_wkt(["LINESTRING (0 0, 1 1)", None])
    names = {
        "points": points, "lines": lines, "table": pd.DataFrame({"a": [1], "b": [2]}), "_own": points, "n": 5,
        "bare": gpd.GeoDataFrame({"a": [1]}), "none": points.iloc[:0],
    }  # fmt: skip
    offers = {o["name"]: o for o in NotebookOrigins(names).offers() if o["from"] == "variable"}
    assert list(offers) == ["bare", "lines", "none", "points", "table"]
    assert offers["points"]["told"] == "Point, 2 rows, EPSG:4326"
    assert offers["points"]["geometry"] == ["esriGeometryPoint"]
    assert offers["lines"]["told"] == "LineString, 2 rows, no CRS"
    assert offers["lines"]["geometry"] == ["esriGeometryPolyline"]
    assert offers["none"]["told"] == "empty, 0 rows, EPSG:4326"
    assert offers["table"]["told"] == "table, 1 row, 2 columns"
    assert not offers["bare"]["is_layer"]


def test_the_extent_of_a_layer_is_told_with_its_reference():
    origins = NotebookOrigins({"points": points, "none": points.iloc[:0], "table": pd.DataFrame({"a": [1]})})
    assert origins.extent("variable", "points") == {
        "xmin": "1.0",
        "ymin": "3.0",
        "xmax": "2.0",
        "ymax": "4.0",
        "crs": "4326",
    }
    assert origins.extent("sample", "states")["crs"] == "4326"
    for nothing in (
        ("variable", "none"),
        ("variable", "table"),
        ("variable", "gone"),
        ("sample", "x"),
        ("url", "u"),
        (None, 1),
    ):
        assert origins.extent(*nothing) is None


def test_the_samples_are_offered_and_named_in_the_code(shown):
    talk = shown()
    talk.say({"kind": "offers"})
    samples = {o["name"]: o for o in talk.told[-1]["offers"] if o["from"] == "sample"}
    assert samples.keys() == set(sw.sample()["name"])
    assert samples["states"]["geometry"] == ["esriGeometryPolygon"]
    talk.enter("inputLayer", {"from": "sample", "text": "airports"})
    assert "inputLayer=sw.sample('airports')," in talk.form.code()
    assert talk.form.errors == {}


def test_a_variable_is_looked_up_when_it_is_sent(shown):
    names = {"layer": points}
    talk = Form()
    talk.form._contents.origins = NotebookOrigins(names)
    talk.enter("inputLayer", {"from": "variable", "text": "layer"})
    names["layer"] = points.iloc[:1]
    assert len(talk.form.parameters["inputLayer"]) == 1
    del names["layer"]
    assert "layer" in talk.form.errors["inputLayer"]
    talk.close()


def test_the_columns_of_the_chosen_layer_are_told(shown):
    talk = shown(points=points)
    talk.enter("inputLayer", {"from": "variable", "text": "points"})
    talk.until(lambda form: form.columns == {"inputLayer": [["n", "int64"]]})


def test_the_columns_of_a_layer_elsewhere_of_a_file_and_of_a_default_are_told(shown, tmp_path):
    app = ScriptedApp(task={**DESCRIPTIONS["911 Calls Hotspot"], "name": "Task"}, results={})
    layer = "https://host.test/FeatureServer/0"
    described = {"fields": [{"name": "DATE_", "type": "esriFieldTypeDate"}, {"name": 5}, None, {"name": "x"}]}
    real = app.answer
    app.answer = lambda asked: described if asked.url.startswith(layer) else real(asked)
    talk = shown(app)
    assert talk.form.columns == {
        "Calls": [["OBJECTID", "OID"]]
    }  # of the empty layer that shows what is wanted
    talk.enter("Calls", {"from": "url", "text": f"{layer}/"})
    talk.until(lambda form: form.columns == {"Calls": [["DATE_", "Date"], ["x", ""]]})
    talk.enter("Calls", {"from": "url", "text": f"{layer}?token=s3cret"})
    talk.enter("Calls", {"from": "url", "text": "https://host.test/gone"})
    talk.until(lambda form: form.columns == {})
    assert not any("s3cret" in asked.url for asked in app.asked)
    points.to_file(tmp_path / "p.gpkg")
    talk.enter("Calls", {"from": "file", "text": str(tmp_path / "p.gpkg")})
    talk.until(lambda form: form.columns == {"Calls": [["n", "int64"]]})
    (tmp_path / "text.txt").write_text("no layer")
    talk.enter("Calls", {"from": "file", "text": str(tmp_path / "text.txt")})
    talk.until(lambda form: form.columns == {})


def test_layers_of_a_list_tell_their_columns_each_once(shown):
    app = ScriptedApp(task={**DESCRIPTIONS["Lists"], "name": "Task"}, results={})
    talk = shown(app, points=points, more=points.assign(k=1))
    talk.enter("layers", [{"from": "variable", "text": name} for name in ("points", "more")])
    talk.until(lambda form: form.columns == {"layers": [["n", "int64"], ["k", "int64"]]})


def test_reference_systems_are_found_by_code_name_and_area_without_network():
    assert found_references("25832")[0]["name"] == "ETRS89 / UTM zone 32N"
    assert found_references("EPSG:3857")[0]["code"] == "3857"
    assert found_references("utm 32n etrs89")[0]["code"] == "25832"
    assert found_references("wgs 84")[0] == {"code": "4326", "name": "WGS 84", "area": "World"}
    assert "2056" in [each["code"] for each in found_references("switzerland lv95")]
    assert found_references("  ") == found_references("no such place at all") == []
    assert len(found_references("utm")) == 20


def test_a_file_comes_part_by_part_and_is_gone_with_the_form():
    told = []
    uploading = Uploading(told.append)
    part = {"kind": "file-part", "ticket": "t", "file": "../../evil/päth.zip"}
    uploading.take({**part, "seq": 0, "last": False}, [b"abc"])
    assert told[-1] == {"kind": "file-got", "ticket": "t", "seq": 0}
    uploading.take({**part, "seq": 1, "last": True}, [memoryview(b"def")])
    path = Path(told[-1]["path"])
    assert path.name == "päth.zip"
    assert path.read_bytes() == b"abcdef"
    uploading.close()
    assert not path.exists()


@pytest.mark.parametrize("name", ["..", "", "\n", "a/..", "C:\\x\\.."])
def test_a_file_with_an_odd_name_stays_in_its_folder(name):
    told = []
    uploading = Uploading(told.append)
    uploading.take({"ticket": "t", "file": name, "seq": 0, "last": True}, [b"x"])
    assert Path(told[-1]["path"]).is_file()
    assert Path(told[-1]["path"]).name == "file"
    uploading.close()


def test_a_part_that_was_lost_is_told():
    told = []
    uploading = Uploading(told.append)
    uploading.take({"ticket": "t", "file": "a", "seq": 0, "last": False}, [b"x"])
    uploading.take({"ticket": "t", "file": "a", "seq": 2, "last": True}, [b"x"])
    assert told[-1]["problem"] == say("form.upload.lost")
    assert not told[-1]["path"]
    uploading.take({"ticket": "u", "file": "a", "seq": 1, "last": True}, [b"x"])
    assert told[-1]["problem"] == say("form.upload.lost")
    uploading.close()


def test_an_uploaded_file_is_a_value_of_the_form(shown):
    app = ScriptedApp(task=DESCRIPTIONS["Import"], results={})
    app.capabilities = "Uploads"
    talk = shown(app)
    talk.say({"kind": "file-part", "ticket": "t", "seq": 0, "file": "a.zip", "last": True}, b"PK")
    path = talk.told[-1]["path"]
    talk.enter("archive", {"from": "file", "text": path})
    assert talk.form.errors == {}
    assert f"Path({path!r})" in talk.form.code()
    talk.form.submit()
    assert '"itemID"' in next(a.form["archive"] for a in app.asked if a.operation == "submitJob")


# ---------------------------------------------------------------- submitting


def test_a_view_submits_and_the_job_is_shown_below(shown):
    talk = shown(points=points)
    talk.say(
        {"kind": "submit", "entries": {"inputLayer": {"from": "variable", "text": "points"}, "distance": "5"}}
    )
    talk.until(lambda form: form.job_url and not form.is_busy)
    (job,) = talk.form.jobs
    assert talk.form.job_widget == show_job(job).model_id
    assert talk.app.asked[-1].form.get("f") == "json"
    assert next(a.form["distance"] for a in talk.app.asked if a.operation == "submitJob") == "5"
    talk.say({"kind": "submit", "entries": {"distance": "6"}})  # the form stays, for the next try
    talk.until(lambda form: len(form.jobs) == 2 and not form.is_busy)


def test_what_is_wrong_is_told_beside_every_field_and_nothing_is_sent(shown):
    talk = shown()
    talk.say({"kind": "submit", "entries": {"distance": "500"}})
    talk.until(lambda form: set(form.told) == {"inputLayer", "distance"} and not form.is_busy)
    assert talk.form.problem == "2 values need your attention."
    assert talk.app.count("submitJob") == 0
    with pytest.raises(ParameterError, match=r"inputLayer: It needs a value"):
        talk.form.submit()


def test_what_the_service_says_is_told_above_the_button(shown):
    app = ScriptedApp(results={})
    app.answers["submitJob"] = [error(400, "<b>Not today</b>")]
    talk = shown(app, points=points)
    talk.say({"kind": "submit", "entries": {"inputLayer": {"from": "variable", "text": "points"}}})
    talk.until(lambda form: "<b>Not today</b>" in form.problem and not form.is_busy)
    assert talk.form.jobs == ()


def test_a_press_that_comes_while_a_submit_runs_sends_nothing(shown):
    talk = shown(points=points)
    gate, arrived = threading.Event(), threading.Event()
    talk.app.answers["submitJob"] = []
    real = talk.app.answer

    def slow(asked):
        if asked.operation == "submitJob":
            arrived.set()
            assert gate.wait(20)
        return real(asked)

    talk.app.answer = slow
    entries = {"inputLayer": {"from": "variable", "text": "points"}}
    talk.say({"kind": "submit", "entries": entries})
    assert arrived.wait(20)
    talk.say({"kind": "submit", "entries": entries})
    gate.set()
    talk.until(lambda form: form.job_url and not form.is_busy)
    assert talk.app.count("submitJob") == 1


def test_reset_brings_the_defaults_back(shown):
    talk = shown(points=points)
    talk.enter("distance", "500")
    talk.until(lambda form: form.told)
    talk.say({"kind": "reset"})
    talk.until(lambda form: form.entries == {} and form.told == {})
    assert talk.form.parameters["distance"] is None


def test_a_synchronous_task_gives_its_call_and_submits_nothing(shown):
    app = ScriptedApp(task={**DESCRIPTIONS["Many"], "executionType": "esriExecutionTypeSynchronous"})
    talk = shown(app)
    assert not talk.form.can_submit
    assert talk.form.problem == say("form.synchronous")
    assert "result = service.task('Many').execute()" in talk.form.code()


# ---------------------------------------------------------------- the widget


def test_a_form_takes_a_task_and_nothing_else():
    with pytest.raises(TypeError, match="takes a GPTask, got str"):
        sw.TaskForm("Buffer")


def test_a_browser_writes_no_trait(shown):
    talk = shown()
    talk.form.set_state({"title": "mine", "fields": []})
    assert talk.form.title == "Buffer"
    assert len(talk.form.fields) == 3


def test_a_saved_page_shows_the_call_as_text(shown):
    talk = shown(ScriptedApp(task=DESCRIPTIONS["Scripts"]))
    talk.enter("a", "<b>Task")
    talk.until(lambda form: "<b>Task" in form.call)
    bundle, _ = talk.form._repr_mimebundle_()
    assert "<b>Task" not in bundle["text/html"]
    assert "&lt;b&gt;Task" in bundle["text/html"]
    assert "import spatial_widgets as sw" in bundle["text/plain"]


def test_a_view_has_the_beginning_of_a_long_call_and_can_ask_for_all_of_it(shown):
    talk = shown(ScriptedApp(task=DESCRIPTIONS["Scripts"]))
    assert talk.form.get_state("call_cut") == {"call_cut": False}
    talk.enter("a", "a long story. " * 400)
    talk.until(lambda form: form.call_cut)
    assert len(talk.form.get_state("call")["call"]) < 2600
    talk.say({"kind": "code"})
    assert talk.told[-1] == {"kind": "code", "text": talk.form.call}
    assert talk.form.call.count("a long story. ") == 400


def test_an_address_of_help_that_is_a_script_is_no_link(shown):
    assert shown(ScriptedApp(task=DESCRIPTIONS["Scripts"])).form.docs == ""
    assert shown(ScriptedApp(task=DESCRIPTIONS["Import"])).form.docs.startswith("https://")


def test_traits_are_written_on_the_pollers_thread(shown):
    talk = shown(points=points)
    threads = set()
    talk.form.observe(lambda _change: threads.add(threading.current_thread().name), ["entries", "told"])
    for n in range(20):
        talk.enter("distance", str(n))
    talk.until(lambda form: form.entries == {"distance": "19"})
    assert threads == {"spatial-widgets-poller"}


def test_what_a_view_reads_is_what_is_sent_to_it():
    modules = module_text("form.js")
    read = set(re.findall(r"""model\.get\("(\w+)"\)""", modules))
    synced = {name for name, trait in sw.TaskForm.class_own_traits().items() if trait.metadata.get("sync")}
    assert read == synced - {"task_name"}
    heard = set(re.findall(r"""kind: "([\w-]+)\"""", modules))
    source = Path(form.__file__).read_text(encoding="utf-8")
    assert heard == set(re.findall(r"""kind == "([\w-]+)\"""", source))
