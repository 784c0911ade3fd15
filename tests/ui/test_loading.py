"""A large result comes slowly: the widget shows how far it is, and a button stops it."""

from __future__ import annotations

import re

import pytest
from jupyter import HOLD
from playwright.sync_api import expect
from slow_server import HEAD, ROWS, SlowServer

# One of the two is enough here: how a view sits in either is seen in test_job_widget.py and test_busy.py.
pytestmark = pytest.mark.parametrize("server", ["lab"], indirect=True)

SHOW = """
import spatial_widgets as sw
w = sw.JobWidget.from_url({url!r})
w
"""
BUSY = f"""
{HOLD}
print(w.loading["state"], w.results_ready)
"""
STOPPED = "Loading was stopped; w.result() loads it"


@pytest.fixture
def slow():
    with SlowServer(aggregatedLayer=None, steps=12) as server:
        yield server


def rows_in(text):
    return int(re.search(r"([\d,]+) rows", text).group(1).replace(",", ""))


def test_the_figures_grow_and_stop_ends_the_loading(notebook, server, shoot, slow):
    nb = notebook(SHOW.format(url=slow.job_url), "w", BUSY, "print(len(w.result()), w.job_status)")
    nb.run(0)
    nb.run(1)
    page = nb.page
    figures, said = page.locator(".sw-figures"), page.locator(".sw-said")
    expect(page.locator(".sw-job")).to_have_count(2)
    for view in (0, 1):
        expect(figures.nth(view)).to_have_text("Loading aggregatedLayer…")
        expect(said.nth(view)).to_have_text("Loading the results")
    grown = [0]
    for steps in (2, 5):
        slow.give("aggregatedLayer", steps)
        page.wait_for_function(
            """(least) => [...document.querySelectorAll('.sw-figures')].every((node) => {
              const rows = node.textContent.match(/^Loading aggregatedLayer: [\\d.]+ MB, ([\\d,]+) rows$/);
              return rows && Number(rows[1].replaceAll(',', '')) > least; })""",
            arg=grown[-1] + (steps - 2) * ROWS,
        )
        grown.append(rows_in(figures.first.text_content()))
        expect(said.first).to_have_text("Loading the results")
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job").first, f"{server.app}-loading-{theme}")
    button = page.get_by_role("button", name="Stop loading")
    expect(button).to_have_count(2)
    page.get_by_role("button", name="Copy job URL").first.focus()
    page.keyboard.press("Tab")  # the only way there without a mouse
    expect(button.first).to_be_focused()
    shoot(page.locator(".sw-job").first, f"{server.app}-loading-focus")
    nb.start(2)  # a cell that blocks: the stop must come through all the same
    button.first.press("Enter")
    for view in (0, 1):
        expect(said.nth(view)).to_have_text(STOPPED)
        expect(said.nth(view)).to_be_visible()
    expect(button).to_have_count(0)
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job").first, f"{server.app}-loading-stopped-{theme}")
    assert nb.go_on(2).split() == ["stopped", "False"]
    expect(page.locator(".sw-job").first).to_have_attribute("data-job-status", "esriJobSucceeded")
    saved = nb.save()["cells"][0]["outputs"][0]["data"]
    assert STOPPED in "".join(saved["text/plain"])
    assert STOPPED in "".join(saved["text/html"])
    slow.give_all()
    assert nb.run(3).split() == [str(12 * ROWS), "esriJobSucceeded"]
    expect(page.locator(".sw-results li").first).to_contain_text(f"{12 * ROWS:,} rows")
    expect(said.first).not_to_have_text(STOPPED)
    shoot(page.locator(".sw-job").first, f"{server.app}-loading-after-all")


def test_without_a_kernel_nothing_says_loading(notebook, server, shoot, slow):
    nb = notebook(SHOW.format(url=slow.job_url))
    nb.run(0)
    page = nb.page
    slow.give("aggregatedLayer", 3)
    expect(page.locator(".sw-figures")).to_contain_text("rows")
    nb.restart_kernel()
    expect(page.locator(".sw-note")).to_contain_text("while the results were loaded")
    expect(page.locator(".sw-loading")).to_be_hidden()
    shoot(page.locator(".sw-job"), f"{server.app}-loading-kernel-restarted")


def test_a_result_that_cannot_be_loaded_says_what_to_call(notebook, server, shoot):
    cut = {**HEAD, "features": [{"attributes": {"n": 1}, "geometry": {"x": 1, "y": 2}}]}
    with SlowServer(whole=cut, cut={**cut, "exceededTransferLimit": True}) as slow:
        nb = notebook(SHOW.format(url=slow.job_url), "print(len(w.result('cut', allow_truncated=True)))")
        nb.run(0)
        note = nb.page.locator(".sw-note")
        expect(note).to_contain_text("w.result('cut', allow_truncated=True) gives the rows that did come.")
        expect(nb.page.locator(".sw-results li")).to_have_count(1)
        for theme in ("light", "dark"):
            nb.theme(theme)
            shoot(nb.page.locator(".sw-job"), f"{server.app}-result-problem-{theme}")
        assert nb.run(1).strip() == "1"
