"""One browser, one JupyterLab and one Notebook for all browser tests, and one local service behind them."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from jupyter import CHROMIUM_FLAGS, JupyterServer, Notebook, find_chromium

SHOTS = Path(os.environ.get("SCREENSHOTS", "screenshots"))


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.ui)


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """Return a function that gives the running server of an app: the first call starts it, and it stays to the end."""
    with contextlib.ExitStack() as running:

        @functools.cache
        def server_of(app: str) -> JupyterServer:
            made = JupyterServer(app, tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home"))
            return running.enter_context(made)

        yield server_of


@pytest.fixture(scope="session", params=["lab", "notebook"])
def server(request, servers):
    """Not itself what is kept: pytest drops a fixture's value for another parameter, and files alternate."""
    return servers(request.param)


@pytest.fixture(scope="session", autouse=True)
def patience():
    """Have every look at a page wait for what it expects as long as a machine with much else to do may need."""
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def browser():
    """A browser for the tests of one file: while there is one, this thread has a running event loop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_FLAGS, headless=True
        )
        yield chromium
        chromium.close()


@pytest.fixture
def notebook(browser, server, request):
    """Return a function that opens a notebook with these cells; the page may ask nobody but its own server."""
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    strangers: list[str] = []
    page.on(
        "request",
        lambda r: strangers.append(r.url) if r.url.startswith("http") and "127.0.0.1" not in r.url else None,
    )
    opened: list[Notebook] = []

    def open_notebook(*cells: str) -> Notebook:
        name = "".join(c if c.isalnum() else "_" for c in request.node.name)
        opened.append(Notebook(page, server, f"{name}.ipynb", list(cells)))
        return opened[-1]

    yield open_notebook
    for each in opened:
        each.shut_down()
    context.close()
    assert strangers == []


@pytest.fixture(scope="session")
def states():
    """Every state of a job's widget, by its name."""
    from states import all_states

    return all_states()


@pytest.fixture
def shoot(request):
    """Return a function that keeps a picture of a locator or a page, to be looked at."""

    def take(target, label: str) -> bytes | None:
        SHOTS.mkdir(exist_ok=True)
        from playwright.sync_api import Error

        for attempt in range(5):
            try:
                return target.screenshot(path=str(SHOTS / f"{label}.png"))
            except Error as error:
                # At a job's end the output is replaced by its final form, in the middle of a picture perhaps.
                if attempt == 4 or "not attached" not in str(error):
                    raise
        return None

    return take
