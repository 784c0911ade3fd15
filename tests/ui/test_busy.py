"""A kernel that is busy, and a page that is full: updates arrive, and a press of Cancel takes effect."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter import COMPUTE
from playwright.sync_api import expect

TESTS = Path(__file__).parents[1]
LOADED_MS = 120_000  # on a machine that has much else to do

SETUP = """
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
service = local.service()
slow = service.task("SlowTask")
"""

MANY = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import itertools
import ipywidgets
import spatial_widgets as sw
from fakes import ScriptedApp, message

class Busy(ScriptedApp):
    def __init__(self, n):
        super().__init__()
        self.job_id, self.lines, self.steps = f"j{{n}}", [], itertools.count()

    def job(self):
        k = next(self.steps)
        self.lines.append(message(f"line {{k}}"))
        progress = {{"type": "step", "percent": k % 101, "message": f"step {{k}}"}}
        return {{"jobId": self.job_id, "jobStatus": "esriJobExecuting", "progress": progress, "messages": self.lines}}

def busy(n):
    job = Busy(n).submit()
    job.poll_interval = 1.0
    return sw.JobWidget(job)
"""

WATCH_BUTTON = """() => {
  const button = [...document.querySelectorAll('.sw-job button')].find((b) => b.textContent === 'Cancel');
  window.said = ['Cancel'];
  new MutationObserver(() => { if (window.said.at(-1) !== button.textContent) window.said.push(button.textContent); })
    .observe(button, {childList: true, characterData: true, subtree: true});
}"""

GAPS = """(ms) => new Promise((done) => {
  const gaps = [];
  let last = performance.now();
  const beat = () => { const now = performance.now(); gaps.push(now - last); last = now;
    if (now - start < ms) setTimeout(beat, 10); else done(gaps.sort((a, b) => a - b)); };
  const start = last;
  setTimeout(beat, 10);
})"""


def test_cancel_takes_effect_while_a_cell_waits_for_the_result(notebook, server):
    nb = notebook(
        SETUP,
        "w = sw.JobWidget(slow.submit(seconds=300))\nw",
        """
        from spatial_widgets import errors
        try:
            w.job.result()
        except errors.JobCancelled:
            print("cancelled")
        """,
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-log")).to_contain_text("Second 1 of")
    nb.start(2)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[2].model.executionState === 'running'"
    )
    page.evaluate(WATCH_BUTTON)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator(".sw-badge")).to_have_text("Cancelled", timeout=20_000)
    assert nb.finish(2).strip() == "cancelled"
    said = page.evaluate("window.said")
    assert said[:2] == ["Cancel", "Cancel sent"]
    assert "Cancelling…" in said
    expect(page.locator(".sw-note")).to_have_text("")


def test_the_badge_follows_the_job_while_a_cell_computes(notebook, server):
    nb = notebook(
        SETUP,
        "w = sw.JobWidget(slow.submit(seconds=2))\nw",
        COMPUTE,
    )
    nb.run(0)
    nb.run(1)
    nb.start(2)
    page = nb.page
    expect(page.locator(".sw-badge")).to_have_text("Succeeded", timeout=15_000)
    expect(page.locator(".sw-log")).to_contain_text("Second 2 of")
    nb.go_on(2)


@pytest.mark.parametrize("server", ["lab"], indirect=True)
def test_two_hundred_widgets_leave_the_page_and_the_kernel_responsive(notebook, server):
    nb = notebook(
        MANY,
        "widgets = [busy(n) for n in range(200)]\nipywidgets.VBox(widgets)",
        "print(sum(w.progress > 3 for w in widgets))\n[w.close() for w in widgets]",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-job")).to_have_count(200, timeout=LOADED_MS)
    last = page.locator(".sw-job").last
    expect(last.locator(".sw-step")).to_contain_text("step", timeout=LOADED_MS)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = busy_s(devtools)
    gaps = page.evaluate(GAPS, 5_000)
    # Seconds of the processor: other work on the machine makes a page slow, but not these more.
    assert busy_s(devtools) - before < 4.5
    # A page that lays itself out for each of them has one gap of all five seconds, even on a quick machine.
    assert gaps[len(gaps) // 2] < 1_000
    told = last.locator(".sw-step").text_content()
    expect(last.locator(".sw-step")).not_to_have_text(told, timeout=LOADED_MS)
    last.get_by_role("button", name="Copy job URL").press("Enter")
    assert int(nb.run(2)) == 200
    expect(page.locator(".sw-job")).to_have_count(0, timeout=LOADED_MS)


def busy_s(devtools):
    """Return the seconds that the page's own thread has computed."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(each["value"] for each in metrics if each["name"] == "TaskDuration")
