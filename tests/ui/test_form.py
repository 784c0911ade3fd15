"""Forms before real eyes: by keyboard and by mouse, whatever a description says, in light and dark."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import axe
import geopandas as gpd
import pytest
import shapely
from gallery import FOLDER
from host import Host
from jupyter import HOLD
from playwright.sync_api import expect
from task_descriptions import DESCRIPTIONS, HUGE
from test_access import CONTRAST, OVERFLOW, TURNED
from wiredform import WiredForm

from spatial_widgets import TaskForm
from spatial_widgets.widgets.phrases import say

points = gpd.GeoDataFrame({"n": [1, 2]}, geometry=gpd.points_from_xy([1, 2], [3, 4]), crs=4326)
squares = gpd.GeoDataFrame({"k": [1]}, geometry=gpd.GeoSeries([shapely.box(0, 0, 1, 1)]), crs=4326)


@pytest.fixture
def host(browser):
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.set_default_timeout(15_000)
    hosting = Host(page, "light")
    yield hosting
    assert hosting.wrong == []
    page.close()


@pytest.fixture
def wire(host):
    made = []

    def start(name, **names):
        made.append(WiredForm(host, DESCRIPTIONS[name], title=f"form {len(made)}", **names))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_a_form_is_filled_in_and_submitted_by_keyboard_alone(wire, host):
    wired = wire("Buffer Points", points=points, squares=squares)
    advanced = wired.view.get_by_role("group", name="Advanced", exact=True)
    names = advanced.locator(".sw-entry").evaluate_all("(all) => all.map((each) => each.dataset.name)")
    assert names == ["Smallest_Part", "End"]
    keys = host.page.keyboard
    wired.view.locator("select").first.focus()
    keys.press("Tab")  # from where the layer comes to which it is
    keys.type("points")
    keys.press("Tab")
    wired.pump()
    keys.press("ControlOrMeta+A")
    keys.type("far")
    keys.press("Tab")
    wired.pump()
    wrong = wired.field("Distance").locator(".sw-wrong")
    expect(wrong).to_have_text("far is no number; write it like 12.5")
    expect(wired.field("Distance").get_by_label("Distance", exact=True)).to_have_attribute(
        "aria-invalid", "true"
    )
    keys.press("Shift+Tab")
    keys.press("ControlOrMeta+A")
    keys.type("2.5")
    keys.press("Tab")
    keys.type("Kilo")
    keys.press("Tab")
    keys.press("Space")  # the box of Dissolve
    wired.pump()
    expect(wrong).to_have_text("")
    keys.press("Enter")  # in a form, as anywhere
    wired.pump()
    sent = next(asked.form for asked in wired.app.asked if asked.operation == "submitJob")
    assert sent["Distance"] == '{"distance":2.5,"units":"esriKilometers"}'
    assert sent["Dissolve"] == "true"
    assert sent.keys() == {"f", "Input_Points", "Distance", "Dissolve"}
    expect(wired.view.get_by_role("group", name=say("form.job"))).to_contain_text(wired.form.jobs[0].url)
    expect(wired.view.get_by_role("button", name=say("form.submit"))).to_be_enabled()


def test_a_submit_with_wrong_values_goes_to_the_first_of_them(wire, host):
    wired = wire("Solve Routes")
    wired.view.get_by_label("Vehicles").fill("0")
    wired.view.get_by_role("button", name=say("form.submit")).click()
    wired.pump()
    expect(wired.view.get_by_role("alert")).to_have_text("2 values need your attention.")
    expect(wired.field("stops").locator(".sw-wrong")).to_have_text(say("form.required"))
    expect(wired.field("vehicles").locator(".sw-wrong")).to_contain_text("at least 1")
    assert wired.app.count("submitJob") == 0
    focused = host.page.evaluate(
        "document.querySelector('.place').shadowRoot.activeElement.closest('.sw-entry').dataset.name"
    )
    assert focused == "stops"


def test_several_values_are_added_put_in_order_and_removed(wire):
    wired = wire("Lists", points=points.assign(w=0.5))
    numbers = wired.field("numbers")
    numbers.get_by_role("button", name="Add one to Numbers").click()
    numbers.get_by_label("Numbers, no. 4", exact=True).fill("20")
    numbers.get_by_role("button", name="Up: Numbers, no. 4").click()
    numbers.get_by_role("button", name="Remove: Numbers, no. 1").click()
    wired.field("words").get_by_role("button", name="Add one to Words").click()
    wired.field("words").get_by_label("Words, no. 2", exact=True).select_option("c")
    wired.field("layers").get_by_role("button", name="Add one to Layers").click()
    wired.pump()
    expect(wired.field("layers").locator(".sw-wrong")).to_have_text("")  # before anything could be entered
    wired.field("layers").get_by_label("Layers, no. 1", exact=True).locator("visible=true").select_option(
        "points"
    )
    wired.pump()
    assert wired.form.errors == {}
    values = wired.form.parameters
    assert values["numbers"] == [10.5, 20, 15]
    assert values["words"] == ["a", "c"]
    assert list(values["layers"][0]["n"]) == [1, 2]
    assert values["flags"] is None  # it stands at its default
    fields = wired.field("fields")
    fields.get_by_role("button", name="Add one to Fields").click()
    offered = fields.get_by_label("Insert a field into Fields, no. 1")
    expect(offered.locator("option")).to_have_text(["Insert a field…", "w (float64)"])  # n is no Double
    offered.select_option("w")
    wired.pump()
    assert wired.form.parameters["fields"] == ["w"]


def test_a_table_is_filled_in_row_by_row(wire):
    wired = wire("Weighted Overlay")
    weights = wired.field("weights")
    weights.get_by_role("button", name="Add one to Weights").click()
    weights.get_by_label("Weights, row 2, Field").select_option("AREA")
    weights.get_by_label("Weights, row 2, Weight").fill("2")
    weights.get_by_label("Weights, row 2, Since").fill("2026-11-30T14:05")
    wired.pump()
    expect(weights.locator(".sw-wrong")).to_contain_text("expected 0.0 to 1.0")
    weights.get_by_label("Weights, row 2, Weight").fill("0.25")
    weights.get_by_label("Weights, row 2, Weight").blur()
    wired.pump()
    since = dt.datetime(2026, 11, 30, 14, 5, tzinfo=dt.UTC)
    assert wired.form.parameters["weights"] == [["POP", 0.5, None], ["AREA", 0.25, since]]


def test_one_of_several_types_a_system_and_an_extent_are_entered(wire):
    either = wire("Either Or")
    field = either.field("distance_or_field")
    field.get_by_label("Type of Distance Or Field").select_option("Long")
    field.get_by_label("Distance Or Field", exact=True).fill("7")
    field.get_by_label("Distance Or Field", exact=True).blur()
    either.pump()
    assert either.form.parameters["distance_or_field"] == {"dataType": "GPLong", "value": 7}

    places = wire("Reproject", squares=squares)
    out = places.field("out")
    out.get_by_label("Out", exact=True).fill("utm 32n etrs89")
    out.get_by_role("button", name="Search systems: Out").click()
    places.pump()
    found = out.get_by_label("Systems found for Out")
    expect(found).to_be_focused()
    found.press("ArrowDown")
    found.press("Enter")
    places.pump()
    expect(out.get_by_label("Out", exact=True)).to_have_value("25832")
    expect(found).to_be_hidden()
    expect(out.locator(".sw-wrong")).to_have_text("")
    for corner, number in {"xmin": 5, "ymin": 1, "xmax": 3, "ymax": 2}.items():
        places.field("box").get_by_label(f"Box, {corner}").fill(str(number))
    places.field("box").get_by_label("Box, ymax").blur()
    places.pump()
    expect(places.field("box").locator(".sw-wrong")).to_contain_text("xmin ≤ xmax")
    places.field("box").get_by_label("Box, xmax").fill("8")
    places.field("box").get_by_label("Box, xmax").blur()
    places.pump()
    places.field("extent").get_by_label("Take it from a layer: Extent").select_option("variable squares")
    places.pump()
    corners = {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1}
    assert places.form.parameters["extent"] == {**corners, "spatialReference": 4326}
    assert places.form.parameters["out"] == 25832
    assert places.form.parameters["box"] == (5, 1, 8, 2)


def test_layers_are_offered_by_their_geometry_and_their_columns_can_be_inserted(wire, host):
    wired = wire("911 Calls Hotspot", points=points, squares=squares)
    calls = wired.field("Calls")
    calls.get_by_label("Where Calls comes from").select_option("variable")
    choices = calls.locator(".sw-pickone option").all_text_contents()
    assert choices == ["Choose one", "points (Point, 2 rows, EPSG:4326)"]
    calls.get_by_label("Where Calls comes from").select_option("sample")
    names = calls.locator(".sw-pickone option").all_text_contents()
    assert [name.split()[0] for name in names] == ["Choose", "earthquakes", "airports"]
    calls.locator(".sw-pickone").select_option("earthquakes")
    wired.pump()
    query = wired.field("Query")
    query.get_by_label("Query", exact=True).fill(" > 5")
    query.get_by_label("Query", exact=True).press("Home")
    query.get_by_label("Insert a field into Query").select_option("mag")
    query.get_by_label("Query", exact=True).blur()
    wired.pump()
    assert wired.form.parameters["Query"] == "mag > 5"
    expect(wired.view.locator(".sw-program")).to_contain_text("sw.sample('earthquakes')")
    host.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for query in ("mag > 5", " OR ".join(f"mag > {n}" for n in range(500))):
        wired.field("Query").get_by_label("Query", exact=True).fill(query)
        wired.field("Query").get_by_label("Query", exact=True).blur()
        wired.pump()
        wired.view.get_by_role("button", name=say("form.copy")).click()
        wired.pump()  # of a long call the page has the beginning: it asks for the rest
        expect(wired.view.get_by_role("button", name=say("job.copied"))).to_be_visible()
        assert host.page.evaluate("navigator.clipboard.readText()") == wired.form.code()
        expect(wired.view.get_by_role("button", name=say("form.copy"))).to_be_visible()


def test_a_file_of_the_readers_is_uploaded_through_the_kernel(wire, tmp_path):
    wired = wire("Import")
    file = tmp_path / "large.zip"
    file.write_bytes(bytes(range(256)) * 8000)  # several parts
    archive = wired.field("archive")
    archive.get_by_label("Where Archive comes from").select_option("file")
    wired.pump()
    assert archive.locator("input[type=file]").get_attribute("accept") == ".zip,.gpkg"
    archive.locator("input[type=file]").set_input_files(file)
    expect(archive.get_by_role("status")).to_contain_text("large.zip")
    wired.pump()
    expect(archive.get_by_role("status")).to_have_text("large.zip is uploaded.")
    assert wired.form.parameters["archive"].read_bytes() == file.read_bytes()
    assert wired.form.errors == {}


def test_what_a_description_says_is_text_and_nothing_runs(wire, host):
    for name in ("Scripts", "__import__('os').abort()", "Missing", "Unknown", "Many"):
        wired = wire(name)
        assert wired.view.locator("script, img, b, i").count() == 0
        assert wired.view.locator(".sw-entry").count() == len(wired.form.parameters)
    assert host.page.evaluate("window.broken") is None
    scripts = host.page.locator(".place").first
    expect(scripts).to_contain_text("<b>Bold</b> <script>window.broken = 1</script> {n} ${n}")
    assert scripts.get_by_role("link").count() == 0
    whole = scripts.locator(".sw-about").text_content()
    assert whole.count("and more of it") == 30  # a long text is folded, and all of it is there
    assert scripts.get_by_role("group", name="<i>Group</i>").count() == 1
    code = wired.field("code").locator("select")  # the last of them, Many
    assert code.locator("option").count() == 501  # and "left out"
    assert code.evaluate("(node) => node.selectedOptions[0].textContent") == "Choice 250"


def test_views_of_one_form_show_the_same_and_reset_brings_the_defaults_back(wire, host):
    wired = wire("Viewshed")
    second = host.show(wired.title)
    wired.view.get_by_label("Observer Height").fill("20")
    wired.view.get_by_label("Observer Height").blur()
    wired.pump()
    expect(second.get_by_label("Observer Height")).to_have_value("20")
    left = wired.field("Observer_Height").get_by_text(say("form.left"))
    expect(left).to_be_hidden()
    wired.view.get_by_label("Observer Height").fill("")
    wired.view.get_by_label("Observer Height").blur()
    wired.pump()
    expect(left).to_be_visible()  # who empties it is told what that means
    assert wired.form.parameters["Observer_Height"] is None
    wired.view.get_by_label("Observer Height").fill("20")
    wired.view.get_by_label("Observer Height").blur()
    wired.pump()
    expect(left).to_be_hidden()
    third = host.show(wired.title)  # as after the page was loaded anew
    expect(third.get_by_label("Observer Height")).to_have_value("20")
    third.get_by_role("button", name=say("form.reset")).click()
    wired.pump()
    for view in (wired.view, second, third):
        expect(view.get_by_label("Observer Height")).to_have_value("1.75")
    host.on(wired.title, "widget.close()")
    assert host.on(wired.title, "model.listening") == 0


def test_without_a_kernel_it_says_so_and_submits_nothing(wire, host):
    wired = wire("Viewshed")
    host.on(wired.title, "model.fire('comm_live_update')")
    expect(wired.view.get_by_role("alert")).to_have_text(say("form.cold"))
    expect(wired.view.get_by_role("button", name=say("form.submit"))).to_be_disabled()


def test_a_page_without_a_kernel_says_that_a_form_is_too_large_for_it(host):
    wired = WiredForm(host, HUGE, title="live")
    expect(wired.view.locator(".sw-rest")).to_have_count(0)  # a kernel told the rest
    host.open("saved", TaskForm._esm, wired.form.get_state())
    expect(host.show("saved").locator(".sw-rest")).to_have_text(say("form.fields.cut"))
    wired.close()


def test_what_was_entered_before_a_large_form_was_whole_stays_and_so_does_the_focus(host):
    wired = WiredForm(host, {**HUGE, "parameters": HUGE["parameters"][:2]}, quiet=True)
    expect(wired.view.locator(".sw-rest")).to_have_count(1)
    chosen, held = (wired.field(f"choice_{n}").get_by_role("combobox") for n in (0, 1))
    chosen.select_option("no 2 of 0")
    held.focus()
    wired.pump()
    expect(wired.view.locator(".sw-rest")).to_have_count(0)
    assert wired.form.parameters["choice_0"] == "no 2 of 0"
    expect(held).to_be_focused()
    expect(chosen.locator("option:checked")).to_have_text("no 2 of 0")
    chosen.select_option("no 2999 of 0")  # only the whole form has it
    held.evaluate("(node) => { node.stays = true; }")
    host.on(wired.title, "model.send({ kind: 'offers' })")  # as another page does
    wired.pump()
    assert held.evaluate("(node) => node.stays")
    assert wired.form.parameters["choice_0"] == "no 2999 of 0"
    wired.close()


@pytest.fixture(scope="module")
def axe_text(tmp_path_factory):
    return axe.fetch(tmp_path_factory.mktemp("axe"))


@pytest.mark.node
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_form_can_be_read_and_used_by_everybody(browser, axe_text, theme):
    page = browser.new_page(viewport={"width": 1700, "height": 900})
    host = Host(page, theme, columns=2)
    forms = [WiredForm(host, document, title=name, points=points) for name, document in DESCRIPTIONS.items()]
    for wired in forms:  # with what is told of wrong values as well
        wired.view.get_by_role("button", name=say("form.submit")).click()
        wired.view.locator(".sw-code > summary").click()
        wired.pump()
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(FOLDER / f"forms-{theme}.png"), full_page=True)
    assert axe.violations(page, axe_text, ".place") == []
    assert {name: ratio for name, ratio in page.evaluate(CONTRAST).items() if ratio < 4.5} == {}
    assert page.evaluate(OVERFLOW) == []
    assert host.wrong == []
    for wired in forms:
        wired.close()
    page.close()


@pytest.mark.parametrize(("theme", "direction"), [("contrast", "ltr"), ("plain dark", "rtl")])
def test_nothing_sticks_out_of_a_narrow_form(browser, theme, direction):
    page = browser.new_page(viewport={"width": 1340, "height": 900})
    host = Host(page, theme, direction=direction, columns=4)
    forms = [
        WiredForm(host, document, title=name, width=320, points=points)
        for name, document in DESCRIPTIONS.items()
    ]
    assert {name: ratio for name, ratio in page.evaluate(CONTRAST).items() if ratio < 4.5} == {}
    assert page.evaluate(OVERFLOW) == []
    assert page.evaluate(TURNED) == []
    assert host.wrong == []
    for wired in forms:
        wired.close()
    page.close()


NOTEBOOK = """
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
quakes = sw.sample("airports").iloc[:50]
task = local.service().task("CreateBuffers")
task
"""


@pytest.mark.parametrize("server", ["lab"], indirect=True)
def test_a_task_at_the_end_of_a_cell_is_a_form_whose_job_is_shown_below(notebook, server, shoot):
    nb = notebook(NOTEBOOK)
    nb.run(0)
    page = nb.page
    form = page.locator(".sw-form")
    distances = form.locator('[data-name="distances"]')
    distances.get_by_role("button", name="Add").click()
    distances.locator("input").press("5")  # a key that JupyterLab has no say in
    distances.locator("input").blur()
    form.get_by_role("button", name=say("form.submit"), exact=True).click()
    expect(form.get_by_role("alert").first).to_have_text("1 value needs your attention.")
    layer = form.locator('[data-name="inputLayer"]')
    expect(layer.locator(".sw-wrong")).to_have_text(say("form.required"))
    layer.locator(".sw-pickone").select_option("quakes")
    expect(layer.locator(".sw-wrong")).to_have_text("")
    form.locator('[data-name="units"] select').select_option("Kilometers")
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(form, f"{server.app}-form-{theme}")
    form.get_by_role("button", name=say("form.submit"), exact=True).click()
    job = form.locator(".sw-below .sw-job")
    expect(job.locator(".sw-badge").first).to_have_text("Succeeded", timeout=60_000)
    expect(form.locator(".sw-program")).to_contain_text("inputLayer=quakes,")
    expect(layer.locator(".sw-pickone")).to_have_value("quakes")  # the form stays
    shoot(form, f"{server.app}-form-submitted")


BUSY = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from fakes import ScriptedApp
from task_descriptions import DESCRIPTIONS
import spatial_widgets as sw
app = ScriptedApp(task=DESCRIPTIONS["Import"], results={{}})
form = sw.TaskForm(app.service().task("Import"))
form
"""


@pytest.mark.parametrize("server", ["lab"], indirect=True)
def test_entries_are_checked_and_files_uploaded_while_a_cell_is_busy(notebook, server, tmp_path):
    nb = notebook(BUSY, HOLD, "print(form.parameters['archive'].read_bytes() == bytes(range(256)) * 8000)")
    nb.run(0)
    file = tmp_path / "large.zip"
    file.write_bytes(bytes(range(256)) * 8000)
    archive = nb.page.locator('.sw-form [data-name="archive"]')
    nb.start(1)
    archive.locator("input.sw-wide").fill("ftp://host.test/a.zip")
    archive.locator("input.sw-wide").blur()
    expect(archive.locator(".sw-wrong")).to_have_text(say("form.url"))
    archive.get_by_label("Where Archive comes from").select_option("file")
    archive.locator("input[type=file]").set_input_files(file)
    expect(archive.get_by_role("status")).to_have_text("large.zip is uploaded.")
    expect(archive.locator(".sw-wrong")).to_have_text("")
    nb.go_on(1)
    assert nb.run(2) == "True\n"
