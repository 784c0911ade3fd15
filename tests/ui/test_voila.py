"""A notebook with a job as a page for readers: Voilà runs it, and its widget lives on without a cell to be seen."""

from __future__ import annotations

import io
import re

import geopandas as gpd
import nbformat
import pandas as pd
import pytest
from jupyter import JupyterServer
from playwright.sync_api import expect

from spatial_widgets.widgets.phrases import say

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


def test_a_page_follows_a_job_to_its_end_and_cancels_another(browser, voila, shoot):
    page = browser.new_page(viewport={"width": 1000, "height": 1100})
    page.set_default_timeout(60_000)
    strangers = []

    def to_strangers(route):
        strangers.append(route.request.url)
        route.abort()

    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), to_strangers)
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
    # Voilà's own page asks for its icons and diagrams; nothing of ours is fetched, and nothing of ours misses them.
    assert [url for url in strangers if not re.search(r"fontawesome|mermaid", url)] == []
    page.close()
