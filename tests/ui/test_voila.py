"""A notebook with a job as a page for readers: Voilà runs it, and its widget lives on without a cell to be seen."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import geopandas as gpd
import nbformat
import pandas as pd
import pytest
from jupyter import JupyterServer
from playwright.sync_api import expect

from spatial_widgets.widgets.phrases import say

FIRST = Path(__file__).parents[2] / "notebooks" / "01_first_job.ipynb"
PAGE = """
import spatial_widgets as sw
slow = sw.LocalService.start(workers=2).service().task("SlowTask")
"""
QUICK = "sw.JobWidget(slow.submit(seconds=3))"
LAYER = """
buffers = sw.LocalService.start(workers=2).service().task("CreateBuffers")
sw.JobWidget(buffers.submit(inputLayer=sw.sample("airports").head(40), distances=[30], units="Kilometers"))
"""
LASTING = "sw.JobWidget(slow.submit(seconds=300))"


@pytest.fixture(scope="module")
def voila(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    cells = [nbformat.v4.new_code_cell(text.strip()) for text in (PAGE, QUICK, LASTING, LAYER)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), root / "page.ipynb"
    )
    shutil.copy(FIRST, root)
    with JupyterServer("voila", root, tmp_path_factory.mktemp("home")) as running:
        yield running


def is_seen_and_downloaded(page, view):
    """Check that a result has its picture and its table, and comes as a file, with no cell in sight."""
    picture = view.locator(".sw-picture img")
    expect(picture).to_be_visible()
    page.wait_for_function("(img) => img.complete && img.naturalWidth > 0", arg=picture.element_handle())
    expect(view.locator(".sw-rows tbody tr")).to_have_count(5)
    for kind, read in (("GeoParquet", gpd.read_parquet), ("GeoJSON", gpd.read_file), ("CSV", pd.read_csv)):
        with page.expect_download() as got:
            view.get_by_role("button", name=f"Download {kind}: bufferLayer").click()
        assert len(read(io.BytesIO(got.value.path().read_bytes()))) == 40


def with_patience(route):
    """Let the manager of widgets wait for the state of a widget for as long as that takes.

    That of ipywidgets 8.1.9 looks ten times a second, gives up after two seconds, and says "model not found" where the state
    came between its last look and that. On a busy machine there is much time between. No page is told of it
    again: https://github.com/jupyter-widgets/ipywidgets/issues/4026.
    """
    answer = route.fetch()
    route.fulfill(response=answer, body=re.sub(r"(Date\.now\(\)-\w+)<2e3\b", r"\1<6e5", answer.text()))


@pytest.fixture
def page(browser):
    """Return a page that reaches this machine only, and holds in ``strangers`` what it would have asked others for."""
    page = browser.new_page(viewport={"width": 1000, "height": 1100})
    page.set_default_timeout(60_000)
    page.strangers = []
    page.on("console", lambda said: print(said.type, said.text))  # noqa: T201  # for whoever reads a failure

    def to_strangers(route):
        page.strangers.append(route.request.url)
        route.abort()

    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), to_strangers)
    page.route(re.compile("/@jupyter-widgets/jupyterlab-manager/static/"), with_patience)
    yield page
    # Voilà's own page asks for its icons and diagrams; nothing of ours is fetched, and nothing of ours misses them.
    assert [url for url in page.strangers if not re.search(r"fontawesome|mermaid", url)] == []
    page.close()


def test_a_page_follows_a_job_to_its_end_and_cancels_another(page, voila, shoot):
    page.goto(f"{voila.url}/voila/render/page.ipynb?token={voila.token}")
    quick, lasting = page.locator(".sw-job").nth(0), page.locator(".sw-job").nth(1)
    expect(quick.locator(".sw-badge")).to_have_text(say("status.esriJobSucceeded"), timeout=60_000)
    expect(quick.locator(".sw-results > li").first).to_be_visible()
    expect(lasting.locator(".sw-badge")).to_have_text(say("status.esriJobExecuting"))
    expect(lasting.locator(".sw-log")).to_contain_text("Second")
    shoot(page.locator("body"), "voila-executing")
    lasting.get_by_role("button", name=say("job.cancel"), exact=True).click()
    expect(lasting.locator(".sw-badge")).to_have_text(say("status.esriJobCancelled"), timeout=30_000)
    shoot(page.locator("body"), "voila-cancelled")
    is_seen_and_downloaded(page, page.locator(".sw-job").nth(2))
    shoot(page.locator("body"), "voila-result")


def test_the_first_notebook_is_a_page_with_its_job_and_its_map(page, voila, shoot):
    page.goto(f"{voila.url}/voila/render/{FIRST.name}?token={voila.token}", timeout=180_000)
    expect(page.get_by_role("heading", name="Your first geoprocessing job")).to_be_visible(timeout=120_000)
    job, stopped = page.locator(".sw-job").nth(0), page.locator(".sw-job").nth(1)
    expect(job.locator(".sw-badge")).to_have_text(say("status.esriJobSucceeded"), timeout=120_000)
    expect(job.locator(".sw-results > li").first).to_be_visible(timeout=60_000)
    expect(stopped.locator(".sw-badge")).to_have_text(say("status.esriJobCancelled"), timeout=60_000)
    for picture in (job.locator(".sw-picture img"), page.locator(".jp-RenderedImage img")):
        expect(picture).to_be_visible(timeout=60_000)
        page.wait_for_function(
            "(img) => img.complete && img.naturalWidth > 300", arg=picture.element_handle()
        )
    wrong = page.locator("[data-mime-type='application/vnd.jupyter.error'], .sw-problem, .jp-mod-error")
    expect(wrong).to_have_count(0)
    expect(page.locator("body")).not_to_contain_text("Traceback")
    expect(page.locator("body")).not_to_contain_text("There was an error when executing cell")
    shoot(job, "voila-first-notebook")
