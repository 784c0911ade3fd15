"""The table of jobs before real eyes: a thousand jobs in JupyterLab and Notebook 7, and real ones of a local service."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jupyter import HOLD
from playwright.sync_api import expect

# One of the two is enough here: how a view sits in either is seen in test_job_widget.py and test_busy.py.
pytestmark = pytest.mark.parametrize("server", ["lab"], indirect=True)

THOUSAND = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from fakes import ScriptedApp, message
import spatial_widgets as sw
from spatial_widgets.client.policy import PollPolicy

def job_of(number, status, percent=None):
    app = ScriptedApp([{{
        "jobStatus": status,
        "messages": [message(f"<b>Step</b> {{number}} of something that takes its time and says so at some length")],
        "progress": percent and {{"type": "percentage", "percent": percent}},
    }}], results={{}})
    app.job_id = f"j{{number:07d}}"
    job = app.submit()
    job.poll_policy = PollPolicy(fixed_s=3.0)
    job.app = app
    return job

ENDS = ["esriJobExecuting"] * 6 + ["esriJobSucceeded"] * 3 + ["esriJobFailed"]
jobs = [job_of(n, ENDS[n % 10], (n * 7) % 100 if n % 10 < 5 else None) for n in range(1000)]
table = sw.JobTable(jobs)
table
"""

REAL = """
import time
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
slow = local.service().task("SlowTask")
jobs = [local.service().task("FailingTask").submit(text="no such field"), *(slow.submit(seconds=300) for _ in range(6))]
table = sw.JobTable(jobs)
table
"""


def keys(page):
    """Return the keys of the rows in the page, in order."""
    return page.evaluate("[...document.querySelectorAll('.sw-row')].map((row) => Number(row.dataset.key))")


def test_a_thousand_jobs_are_in_the_table_and_few_in_the_page(notebook, server, shoot):
    nb = notebook(THOUSAND)
    nb.run(0)
    page = nb.page
    table = page.locator(".sw-table")
    expect(table.get_by_role("status")).to_have_text("600 running, 300 succeeded, 100 failed", timeout=30_000)
    expect(page.locator(".sw-scroller table")).to_have_attribute("aria-rowcount", "1001")
    assert 10 < page.locator(".sw-table tr").count() < 100
    assert page.locator(".sw-table b").count() == 0  # what a server says is text
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(table, f"{server.app}-table-{theme}")
        page.set_viewport_size({"width": 1600, "height": 900})
        shoot(table, f"{server.app}-table-wide-{theme}")
        page.set_viewport_size({"width": 1100, "height": 900})
        assert min(page.evaluate(CONTRAST).values()) >= 4.5, page.evaluate(CONTRAST)

    # One row is on the Tab key's way; the arrow keys go to the others.
    page.locator(".sw-row .sw-check").first.focus()
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".sw-row:focus-within")).to_have_attribute("data-key", "30")
    page.keyboard.press("End")
    expect(page.locator(".sw-row:focus-within")).to_have_attribute("data-key", "999")
    expect(page.locator(".sw-row:focus-within")).to_have_attribute("aria-rowindex", "1001")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Cancel selected (0)")).to_be_disabled()
    page.keyboard.press("Tab")  # to the button that opens the row, which Enter presses
    page.keyboard.press("Enter")
    expect(page.locator(".sw-detail .sw-job")).to_contain_text("j0000999", timeout=15_000)
    page.keyboard.press("Enter")
    expect(page.locator(".sw-detail")).to_have_count(0)
    assert page.locator(".sw-row [data-part][tabindex='0']").count() <= 5
    assert page.locator(".sw-table tr").count() < 100


def test_jobs_are_sorted_filtered_searched_and_grouped(notebook, server, shoot):
    nb = notebook(THOUSAND, "jobs[0].app.polls = ['esriJobFailed']\njobs[0].wait(check=False)")
    nb.run(0)
    page = nb.page
    table = page.locator(".sw-table")
    expect(page.locator(".sw-row").first).to_be_visible()
    page.get_by_role("button", name="Job ID").click()
    page.get_by_role("button", name="Job ID").click()
    expect(page.get_by_role("columnheader", name="Job ID")).to_have_attribute("aria-sort", "descending")
    expect(page.locator(".sw-row").first).to_have_attribute("data-key", "999")
    assert keys(page)[:5] == [999, 998, 997, 996, 995]

    page.get_by_label("Status", exact=True).select_option("failed")
    expect(page.locator(".sw-scroller table")).to_have_attribute("aria-rowcount", "101")
    assert set(page.locator(".sw-row .sw-badge").all_inner_texts()) == {"Failed"}
    page.get_by_label("Search jobs").fill("j000012 step")
    expect(page.locator(".sw-row")).to_have_count(1)
    page.get_by_label("Search jobs").fill("nothing like it")
    expect(page.locator(".sw-empty")).to_contain_text("No job matches")
    page.get_by_label("Search jobs").fill("")
    page.get_by_label("Status", exact=True).select_option("")
    page.get_by_label("Group by status").check()
    expect(page.locator(".sw-group").first).to_have_text("Executing (600)")
    shoot(table, f"{server.app}-table-grouped")
    nb.run(1)
    expect(table.get_by_role("status")).to_have_text("599 running, 300 succeeded, 101 failed", timeout=15_000)
    expect(page.locator(".sw-group").first).to_have_text("Executing (599)")
    page.get_by_role("button", name="Cancel all running (599)").click()
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("button", name="Cancel all running (599)")).to_be_visible()


def test_a_row_opens_to_the_live_widget_and_jobs_are_cancelled(notebook, server, shoot):
    nb = notebook(
        REAL,
        HOLD,
        "for job in jobs:\n    job.wait(timeout=60, check=False)\nprint(table.frame['status'].tolist())",
    )
    nb.run(0)
    page = nb.page
    running = page.locator(".sw-row[data-job-status=esriJobExecuting]")
    expect(running.first).to_be_visible(timeout=20_000)
    nb.start(1)  # a cell is busy, and all of this goes on
    row = page.locator(".sw-row").nth(1)
    row.get_by_role("button", name="Details of").click()
    inside = page.locator(".sw-detail .sw-job")
    expect(inside.locator(".sw-badge")).to_have_text("Executing", timeout=15_000)
    expect(inside.locator(".sw-log")).to_contain_text("Second")
    expect(row.get_by_role("button", name="Details of")).to_have_attribute("aria-expanded", "true")
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-table"), f"{server.app}-table-open-{theme}")
    row.get_by_role("button", name="Cancel SlowTask").click()
    expect(inside.locator(".sw-badge")).to_have_text("Cancelled", timeout=20_000)
    expect(row.locator(".sw-badge")).to_have_text("Cancelled")
    for number in (2, 3):
        page.locator(".sw-row").nth(number).locator(".sw-check").check()
    page.get_by_role("button", name="Cancel selected (2)").click()
    page.get_by_role("button", name="Yes, cancel 2 jobs").click()
    for number in (2, 3):
        expect(page.locator(".sw-row").nth(number).locator(".sw-badge")).to_have_text(
            "Cancelled", timeout=20_000
        )
    page.get_by_role("button", name="Cancel all running (3)").click()
    page.get_by_role("button", name="Yes, cancel 3 jobs").click()
    expect(page.locator(".sw-table > .sw-note")).to_contain_text("Cancel of 3 jobs", timeout=20_000)
    shoot(page.locator(".sw-table"), f"{server.app}-table-cancelled")
    nb.go_on(1)
    assert nb.run(2).count("esriJobCancelled") == 6
    expect(page.locator(".sw-summary")).to_have_text("1 failed, 6 cancelled", timeout=20_000)
    # At rest the output is replaced by its final form; the reader's view of it stays.
    page.wait_for_function(
        "(html) => JSON.stringify(window.jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON()).includes(html)",
        arg="1 failed, 6 cancelled",
    )
    expect(page.locator(".sw-detail .sw-job .sw-badge")).to_have_text("Cancelled")
    expect(page.locator(".sw-table > .sw-note")).to_contain_text("Cancel of 3 jobs")
    saved = [o["data"] for o in nb.save()["cells"][0]["outputs"] if "data" in o]
    assert "esriJobCancelled" in "".join(saved[0]["text/plain"])
    assert "no such field" in "".join(saved[0]["text/html"])
    row = page.locator(".sw-row").nth(1)
    row.get_by_role("button", name="Details of").click()
    expect(page.locator(".sw-detail")).to_have_count(0)
    page.get_by_role("button", name="Retry FailingTask").click()
    expect(page.locator(".sw-summary")).to_have_text("2 failed, 6 cancelled", timeout=20_000)
    expect(page.locator(".sw-row").last.locator(".sw-last")).to_have_text(
        page.locator(".sw-row").first.locator(".sw-last").inner_text()
    )
    nb.restart_kernel()
    expect(row.get_by_role("button", name="Details of")).to_be_visible()


def test_without_motion_in_high_contrast_and_without_a_kernel_it_can_be_read(notebook, server, shoot):
    nb = notebook(THOUSAND.replace("range(1000)", "range(20)"))
    page = nb.page
    page.emulate_media(reduced_motion="reduce", forced_colors="active")
    nb.run(0)
    expect(page.locator(".sw-row").first).to_be_visible()
    moving = page.evaluate("getComputedStyle(document.querySelector('.sw-row .sw-fill')).transitionDuration")
    assert moving == "0s"
    nb.restart_kernel()
    expect(page.locator(".sw-table > .sw-note")).to_contain_text("JobTable.recent()")
    # However many have ended by then: these jobs run by the clock.
    expect(page.get_by_role("button", name=re.compile(r"Cancel all running \(\d+\)"))).to_be_disabled()
    shoot(page.locator(".sw-table"), f"{server.app}-table-calm")


CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const v = parse(c).slice(0, 3).map((x) => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const ground = (n) => { while (n) { const c = getComputedStyle(n).backgroundColor; const p = parse(c); if (p.length < 4 || p[3] > 0) return c; n = n.parentElement; } return 'rgb(255,255,255)'; };
  const found = {};
  for (const q of ['.sw-summary', '.sw-row .sw-badge', '.sw-task', '.sw-row .sw-clock', '.sw-last', '.sw-jobid', '.sw-row .sw-button', '.sw-sort', '.sw-percent', '.sw-field'])
    { const n = document.querySelector('.sw-table ' + q); if (!n) continue;
      const [a, b] = [light(getComputedStyle(n).color), light(ground(n))]; found[q] = (Math.max(a, b) + .05) / (Math.min(a, b) + .05); }
  return found;
}"""
