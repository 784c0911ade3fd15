"""Make the pictures of the README: ``python tests/ui/screenshots.py``. Needs the ``test`` extra and a Chromium."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from jupyter import CHROMIUM_FLAGS, JupyterServer, Notebook, find_chromium
from playwright.sync_api import expect, sync_playwright

PICTURES = Path(__file__).parents[2] / ".github" / "images"

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
    """
    service  # the end: stop what the pictures needed
    sw.LocalService.start().stop()
    """,
]


def main() -> None:
    """Run the main job in JupyterLab and keep the finished widget in both themes."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, home = Path(folder) / "root", Path(folder) / "home"
        root.mkdir()
        home.mkdir()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 1500}, device_scale_factor=2)
        page.set_default_timeout(60_000)
        with JupyterServer("lab", root, home) as server:
            notebook = Notebook(page, server, "picture.ipynb", CELLS)
            notebook.run(0)
            notebook.run(1)
            widget = page.locator(".sw-job")
            expect(widget.locator(".sw-results li").first).to_be_visible()
            for theme in ("light", "dark"):
                notebook.theme(theme)
                widget.screenshot(path=str(PICTURES / f"job-widget-{theme}.png"))
            notebook.run(2)
            notebook.shut_down()
        browser.close()


if __name__ == "__main__":
    main()
