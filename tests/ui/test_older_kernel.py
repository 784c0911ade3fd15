"""The same widget on ipykernel 6, which has no subshells: a click waits for the cell, and the widget says so."""

from __future__ import annotations

import subprocess
import sys

import pytest
from jupyter import HOLD, JupyterServer
from playwright.sync_api import expect

from spatial_widgets.widgets.phrases import say

SETUP = """
import ipykernel
import spatial_widgets as sw
service = sw.LocalService.start(workers=2).service()
slow = service.task("SlowTask")
print(ipykernel.__version__)
"""
BLOCK = f"""
{HOLD}
print(w.job_status)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab whose kernels are of ipykernel's last release before 7; everything else is as installed."""
    older = tmp_path_factory.mktemp("ipykernel6", numbered=False)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(older), "ipykernel==6.31.0", "nest-asyncio>=1.6"],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    home = tmp_path_factory.mktemp("home")
    with JupyterServer("lab", tmp_path_factory.mktemp("root"), home, kernel_path=older) as running:
        yield running


def test_the_badge_moves_under_a_blocking_cell_and_a_click_waits_for_its_end(notebook, server, shoot):
    nb = notebook(
        SETUP,
        "w = sw.JobWidget(slow.submit(seconds=300))\nw",
        BLOCK,
        "w.wait(timeout=30, check=False)\nprint(w.job_status)",
    )
    assert nb.run(0).startswith("6.")
    nb.run(1)
    nb.start(2)
    page = nb.page
    badge, note = page.locator(".sw-badge"), page.locator(".sw-note")
    expect(badge).to_have_text(say("status.esriJobExecuting"), timeout=30_000)
    expect(page.locator(".sw-log")).to_contain_text("Second")
    page.get_by_role("button", name=say("job.cancel"), exact=True).click()
    expect(note).to_have_text(say("job.busy", what=say("job.cancel.what")))
    expect(page.get_by_role("button", name=say("job.cancel.sent"))).to_be_disabled()
    shoot(page.locator(".sw-job"), "ipykernel6-busy")
    nb.go_on(2)
    expect(badge).to_have_text(say("status.esriJobCancelled"), timeout=30_000)
    expect(note).to_have_text("")
    assert nb.run(3).strip() == "esriJobCancelled"


def test_a_result_comes_and_after_a_restart_the_widget_says_how_to_attach_again(notebook, server):
    nb = notebook(
        SETUP,
        "w = sw.JobWidget(slow.submit(seconds=1))\nw",
        "print(await w)",
        "sw.JobWidget(slow.submit(seconds=300))",
    )
    for index in range(4):
        nb.run(index)
    page = nb.page
    expect(page.locator(".sw-job").first).to_have_attribute("data-job-status", "esriJobSucceeded")
    expect(page.locator(".sw-job").first.locator(".sw-results > li")).to_have_count(1)
    expect(page.locator(".sw-badge").last).to_have_text(say("status.esriJobExecuting"), timeout=30_000)
    nb.restart_kernel()
    expect(page.locator(".sw-note").last).to_contain_text("Connection to the kernel was lost")
    expect(page.locator(".sw-note").last).to_contain_text("JobWidget.from_url(")
