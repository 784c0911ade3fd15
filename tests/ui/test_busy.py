"""A kernel that is busy, and a page that is full: updates arrive, and a press of Cancel takes effect."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

TESTS = Path(__file__).parents[1]

SETUP = """
import time
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
service = local.service()
slow = service.task("SlowTask")
"""

MANY = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import spatial_widgets as sw
from fakes import ScriptedApp, message

def busy(n):
    polls = [{{"jobId": f"j{{n}}", "jobStatus": "esriJobExecuting", "progress": {{"type": "step", "percent": k % 101, "message": f"step {{k}}"}},
              "messages": [message(f"line {{m}}") for m in range(k)]}} for k in range(400)]
    app = ScriptedApp(polls)
    app.job_id = f"j{{n}}"
    job = app.submit()
    job.poll_interval = 1.0
    return sw.JobWidget(job)
"""

WATCH_BUTTON = """() => {
  const button = [...document.querySelectorAll('.sw-job button')].find((b) => b.textContent === 'Cancel');
  window.said = ['Cancel'];
  new MutationObserver(() => { if (window.said.at(-1) !== button.textContent) window.said.push(button.textContent); })
    .observe(button, {childList: true, characterData: true, subtree: true});
}"""

PULSE = """(ms) => new Promise((done) => {
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
        "end, n = time.time() + 9, 0\nwhile time.time() < end:\n    n += 1\nprint(n > 0)",
    )
    nb.run(0)
    nb.run(1)
    nb.start(2)
    page = nb.page
    expect(page.locator(".sw-badge")).to_have_text("Succeeded", timeout=15_000)
    expect(page.locator(".sw-log")).to_contain_text("Second 2 of")
    assert nb.is_running(2)
    nb.finish(2)


def test_two_hundred_widgets_leave_the_page_and_the_kernel_responsive(notebook, server):
    nb = notebook(
        MANY,
        "import ipywidgets\nwidgets = [busy(n) for n in range(200)]\nipywidgets.VBox(widgets)",
        "print(sum(w.progress > 3 for w in widgets))",
        "[w.close() for w in widgets]\nprint('closed')",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-job")).to_have_count(200, timeout=60_000)
    last = page.locator(".sw-job").last
    expect(last.locator(".sw-step")).to_contain_text("step", timeout=120_000)
    gaps = page.evaluate(PULSE, 5_000)
    # A page that lays itself out for each of them has one gap of all five seconds, even on a quick machine.
    assert gaps[len(gaps) // 2] < 300
    assert gaps[-1] < 3_000
    before = last.locator(".sw-step").text_content()
    page.wait_for_function(
        "(text) => [...document.querySelectorAll('.sw-step')].at(-1).textContent !== text", arg=before
    )
    assert int(nb.run(2)) == 200
    last.get_by_role("button", name="Copy job URL").press("Enter")
    assert nb.run(3).strip() == "closed"
