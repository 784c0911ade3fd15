"""Make the pictures of the README: ``python tests/ui/screenshots.py``. Needs the ``test`` extra and a Chromium.

A real cell of a real JupyterLab submits the main job, once in each theme. Each run is filmed from the cell before it runs to
the result, and the finished widget is kept as a still. Takes half a minute; the files are to be committed.
"""

from __future__ import annotations

import io
import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from jupyter import CHROMIUM_FLAGS, JupyterServer, Notebook, find_chromium
from PIL import Image
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = Path(__file__).parents[2] / ".github" / "images"
THEMES = ("light", "dark")
CELLS = [
    """
    import spatial_widgets as sw
    service = sw.LocalService.start().service()
    quakes = sw.sample("earthquakes")
    """,
    """
    job = service.task("FindHotSpots").submit(analysisLayer=quakes, shapeType="Hexagon")
    job
    """,
]
TALL = 700  # CSS pixels of the film: the cell, and of its result the map and the table
FIRST_S, LAST_S = 1.5, 4.0  # how long the first and the last frame stay
LONGEST_S = 1.0  # and any other: a film is no place for waiting


def film(page: Page, notebook: Notebook, index: int) -> list[tuple[float, bytes]]:
    """Run a cell, and return what was seen from before its start to its result, each sight with its moment."""
    cell = page.locator(".jp-Cell").nth(index)
    box = cell.bounding_box()
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": TALL}
    seen = [(time.monotonic(), page.screenshot(clip=clip))]
    notebook.start(index)
    shown = cell.locator(".sw-picture img")
    while not shown.count():
        seen.append((time.monotonic(), page.screenshot(clip=clip)))
    page.wait_for_function("(img) => img.complete && img.naturalWidth > 0", arg=shown.element_handle())
    seen.append((time.monotonic(), page.screenshot(clip=clip)))
    notebook.finish(index)
    return seen


def keep(seen: list[tuple[float, bytes]], path: Path) -> None:
    """Write a film as an animated WebP, each different picture once."""
    frames: list[bytes] = []
    starts: list[float] = []
    for moment, picture in seen:
        if not frames or picture != frames[-1]:
            frames.append(picture)
            starts.append(moment)
    lasting = [min(LONGEST_S, after - before) for before, after in itertools.pairwise(starts)]
    lasting = [FIRST_S, *lasting[1:], LAST_S]
    images = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    images[0].save(
        path, save_all=True, append_images=images[1:], duration=[round(s * 1000) for s in lasting], loop=0,
        quality=80, method=6, minimize_size=True,
    )  # fmt: skip


def main() -> None:
    """Run the main job in JupyterLab in both themes; keep the film and the finished widget."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, home = Path(folder) / "root", Path(folder) / "home"
        root.mkdir()
        home.mkdir()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_page(
            viewport={"width": 1200, "height": 1500}, device_scale_factor=2, reduced_motion="reduce"
        )
        page.set_default_timeout(120_000)
        with JupyterServer("lab", root, home) as server:
            notebook = Notebook(page, server, "picture.ipynb", CELLS)
            notebook.run(0)
            for theme in THEMES:
                notebook.theme(theme)
                page.evaluate("window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
                expect(page.locator(".sw-job")).to_have_count(0)
                keep(film(page, notebook, 1), PICTURES / f"job-running-{theme}.webp")
                widget = page.locator(".sw-job")
                expect(widget.locator(".sw-results li")).to_have_count(2)
                widget.screenshot(path=str(PICTURES / f"job-widget-{theme}.png"))
            notebook.shut_down()
        browser.close()


if __name__ == "__main__":
    main()
