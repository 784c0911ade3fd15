"""Saved notebooks, opened where no kernel is and no network: exported by nbconvert, and in a JupyterLab that starts anew."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import expect

import spatial_widgets

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
LOADED_MS = 60_000  # a notebook that is opened anew
ROOT = Path(spatial_widgets.__file__).parents[1]
CELLS = [
    """
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
service = local.service()
""",
    """
w = sw.JobWidget(service.task("CreateBuffers").submit(
    inputLayer=sw.sample("airports").head(40), distances=[30], units="Kilometers"))
w
""",
    """
import threading
done = threading.Event()
w.observe(lambda change: done.set(), "results_ready")
assert w.results_ready or done.wait(60)
""",
    """
failing = sw.JobWidget(service.task("FailingTask").submit(text="no <b>such</b> field"))
failing
""",
    """
failing.wait(check=False)
local.stop()
""",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Return a function that runs the notebook without any browser, once in each way, and gives its path."""

    @functools.cache
    def run(*, keeps_state, freezes):
        folder = tmp_path_factory.mktemp("executed")
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS])
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SPATIAL_WIDGETS_STORE": str(folder / "service"),
            "SPATIAL_WIDGETS_FREEZE": "1" if freezes else "",
            "IPYTHONDIR": str(folder / "ipython"),
        }
        NotebookClient(made, timeout=120, store_widget_state=keeps_state).execute(
            cwd=str(folder), env=environment
        )
        path = folder / "job.ipynb"
        nbformat.write(made, path)
        return path

    return run


def export(path, *options):
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", *options, path.name],
        cwd=path.parent,
        check=True,
        capture_output=True,
    )
    return path.with_suffix(".html")


@pytest.fixture
def offline(browser):
    """Return a function that opens a file in a page that has no network."""
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 1200})
    page = context.new_page()

    def visit(path):
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        return page

    yield visit
    context.close()


@pytest.mark.parametrize(
    ("keeps_state", "freezes", "options"),
    [(False, False, []), (True, True, []), (False, False, ["--sanitize-html"])],
    ids=["without-state", "with-state-frozen", "sanitized"],
)
def test_the_exported_page_tells_the_job_without_a_network(
    executed, offline, shoot, request, keeps_state, freezes, options
):
    path = executed(keeps_state=keeps_state, freezes=freezes)
    assert ("widgets" in nbformat.read(path, 4).metadata) is keeps_state
    page = offline(export(path, *options))
    body = page.locator("body")
    expect(body).to_contain_text("esriJobSucceeded")
    expect(page.get_by_text("Last message:").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"Last message: Succeeded at"))).to_be_visible()
    expect(
        page.get_by_text("bufferLayer: GeoDataFrame, 40 rows \u00d7 8 columns, EPSG:4326").first
    ).to_be_visible()
    expect(page.get_by_text("no <b>such</b> field").first).to_be_visible()
    expect(page.get_by_text("What to try:")).to_be_visible()
    shoot(page, f"saved-{request.node.callspec.id}")
    if options:
        return  # this sanitizer shows the tags of pictures and of what is folded as text
    picture = page.locator("img[alt^='Map of bufferLayer']")
    expect(picture).to_be_visible()
    assert picture.evaluate("(img) => img.complete && img.naturalWidth > 0")
    folded = page.locator("details", has_text="Messages (").first
    expect(folded.locator("pre")).to_be_hidden()
    folded.locator("summary").click()
    expect(folded.locator("pre")).to_be_visible()


@pytest.mark.parametrize("keeps_state", [False, True], ids=["without-state", "with-state"])
def test_a_saved_notebook_grows_by_less_than_50_kb_a_widget_beside_its_picture(executed, keeps_state):
    made = nbformat.read(executed(keeps_state=keeps_state, freezes=False), 4)
    states = made.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    picture = re.compile(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+")
    for cell in (made.cells[1], made.cells[3]):
        (output,) = (o for o in cell.outputs if o.output_type in {"display_data", "execute_result"})
        model = output.data[VIEW]["model_id"]
        kept = [states[model]] if keeps_state else []
        assert len(picture.sub("", json.dumps([output, kept]))) < 50_000
        assert all(state["state"]["_esm"] and state["state"]["message_tail"] for state in kept)
    told = json.dumps([[cell.outputs for cell in made.cells], states]).casefold()
    assert "token" not in told


def test_a_frozen_widget_is_read_in_a_lab_that_starts_anew(notebook, server, shoot):
    nb = notebook(*CELLS[:3], "w.freeze()")
    for index in range(4):
        nb.run(index)
    page = nb.page
    expect(page.locator(".sw-job")).to_have_count(0)
    nb.save()
    nb.restart_kernel()
    page.reload()
    page.wait_for_function("window.jupyterapp", timeout=90_000)
    expect(
        page.get_by_text("bufferLayer: GeoDataFrame, 40 rows \u00d7 8 columns, EPSG:4326").first
    ).to_be_visible(timeout=LOADED_MS)
    expect(page.locator("img[alt^='Map of bufferLayer']")).to_be_visible()
    shoot(page, f"{server.app}-frozen-reopened")


def test_a_notebook_from_elsewhere_is_read_before_it_is_trusted(browser, server, executed, shoot):
    path = executed(keeps_state=False, freezes=False)
    (server.root / "elsewhere.ipynb").write_bytes(path.read_bytes())
    page = browser.new_page(viewport={"width": 1100, "height": 1000})
    page.set_default_timeout(30_000)
    place = "lab/tree" if server.app == "lab" else "notebooks"
    page.goto(f"{server.url}/{place}/elsewhere.ipynb?token={server.token}")
    page.wait_for_function("window.jupyterapp", timeout=90_000)
    expect(
        page.get_by_text("bufferLayer: GeoDataFrame, 40 rows \u00d7 8 columns, EPSG:4326").first
    ).to_be_visible(timeout=LOADED_MS)
    picture = page.locator("img[alt^='Map of bufferLayer']")
    expect(picture).to_be_visible()
    assert picture.evaluate("(img) => img.complete && img.naturalWidth > 0")
    expect(page.get_by_text(re.compile(r"Last message: Succeeded at")).first).to_be_visible()
    expect(page.locator(".sw-job")).to_have_count(0)
    shoot(page, f"{server.app}-not-trusted")
    page.close()
    for session in json.loads(server.get("/api/sessions")):
        if session["path"] == "elsewhere.ipynb":
            server.get(f"/api/sessions/{session['id']}", method="DELETE")
