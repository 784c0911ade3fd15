"""Results before real eyes: seen without a network, copied as Python, and downloaded into files that are the layer again."""

from __future__ import annotations

import io

import geopandas as gpd
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from playwright.sync_api import expect
from programs import ended_well, program

# One of the two is enough here: how a view sits in either is seen in test_job_widget.py and test_busy.py.
pytestmark = pytest.mark.parametrize("server", ["notebook"], indirect=True)

SETUP = """
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
service = local.service()
"""
HOT = """
w = sw.JobWidget(service.task("CreateBuffers").submit(
    inputLayer=sw.sample("airports").head(40), distances=[30], units="Kilometers"))
w.job.wait()
w
"""
KEEP = """
name = next(iter(w.results))
w.result(name).to_parquet("kept.parquet")
print(name)
"""


def press(page, name, **options):
    """Press a button that downloads, and return the file's name and bytes."""
    with page.expect_download(timeout=60_000) as got:
        page.get_by_role("button", name=name, **options).first.click()
    return got.value.suggested_filename, got.value.path().read_bytes()


def test_the_picture_and_the_table_are_seen_without_a_network_and_each_file_is_the_layer(
    notebook, server, shoot
):
    nb = notebook(SETUP, HOT, KEEP)
    nb.run(0)
    nb.run(1)
    name = nb.run(2).strip()
    kept = gpd.read_parquet(server.root / "kept.parquet")
    page = nb.page
    picture = page.locator(".sw-picture img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(img) => img.complete && img.naturalWidth > 0")
    assert name in picture.get_attribute("alt")
    table = page.locator(".sw-rows table")
    expect(table.locator("tbody tr")).to_have_count(5)
    expect(table.locator("thead th")).to_have_count(kept.shape[1])
    expect(table.locator("caption")).to_have_text("The first 5 of 40 rows.")
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-result-{theme}")

    file, whole = press(page, f"Download GeoParquet: {name}")
    assert file == f"{name}.parquet"
    assert_geodataframe_equal(gpd.read_parquet(io.BytesIO(whole)), kept)
    expect(page.locator(".sw-told").first).to_contain_text(f"{name}.parquet")
    file, whole = press(page, f"Download GeoJSON: {name}")
    assert file == f"{name}.geojson"
    back = gpd.read_file(io.BytesIO(whole))
    assert back.geometry.geom_equals_exact(kept.to_crs(4326).geometry, 1e-9).all()
    file, whole = press(page, f"Download CSV: {name}")
    assert file == f"{name}.csv"
    back = pd.read_csv(io.BytesIO(whole))
    assert gpd.GeoSeries.from_wkt(back["geometry"], crs=kept.crs).geom_equals(kept.geometry).all()


def test_a_file_result_is_downloaded_as_it_is(notebook, server):
    nb = notebook(
        SETUP,
        """
        from pathlib import Path
        @sw.task("Report")
        def report(ctx, text: str) -> Path:
            made = ctx.scratch / "report.txt"
            made.write_text(text * 400_000)
            return made
        local = sw.LocalService.start(workers=1)
        w = sw.JobWidget(service.task("Report").submit(text="hello"))
        w.job.wait()
        w
        """,
    )
    nb.run(0)
    nb.run(1)
    file, whole = press(nb.page, "Download the file", exact=False)
    assert file == "report.txt"
    assert whole == b"hello" * 400_000


def test_copy_as_python_runs_as_pasted(notebook, server):
    nb = notebook(SETUP, HOT)
    nb.run(0)
    nb.run(1)
    page = nb.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as Python").first.click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('job.result(')")
    code = page.evaluate("navigator.clipboard.readText()")
    store = str(server.home / "service")
    out = ended_well(
        program(f"{code}\nprint(type(result).__name__, len(result))", SPATIAL_WIDGETS_STORE=store)
    )
    assert out.strip() == "GeoDataFrame 40"
    assert "token" not in code.casefold()


def test_the_map_can_be_moved_and_asks_nobody(notebook, server, shoot):
    nb = notebook(SETUP, HOT, "w.map()")
    for index in range(3):
        nb.run(index)
    page = nb.page
    shown = page.locator(".leaflet-container")
    expect(shown).to_be_visible()
    expect(shown.locator(".leaflet-overlay-pane path").nth(100)).to_be_attached()
    expect(shown).to_contain_text("40 features.")
    shown.scroll_into_view_if_needed()
    shoot(shown, f"{server.app}-map")
    shown.get_by_role("button", name="Zoom in").click()
