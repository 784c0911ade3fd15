"""The job widget before real eyes: JupyterLab and Notebook 7 in Chromium, a real kernel, a real local service."""

from __future__ import annotations

import json

import psutil
from jupyter import HOLD
from playwright.sync_api import expect

SETUP = """
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
service = local.service()
slow = service.task("SlowTask")
"""

WATCH_BADGE = """() => {
  const badge = document.querySelector('.sw-badge');
  window.seen = [badge.textContent];
  new MutationObserver(() => { if (window.seen.at(-1) !== badge.textContent) window.seen.push(badge.textContent); })
    .observe(badge, {childList: true, characterData: true, subtree: true});
}"""


def test_the_badge_follows_the_job_while_another_cell_sleeps(notebook, server, shoot):
    nb = notebook(
        SETUP,
        "first = slow.submit(seconds=3)\nw = sw.JobWidget(slow.submit(seconds=4))\nw",
        HOLD,
        "print(w.job_status, w.results_ready, len(w.messages), w.result())",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-badge")).to_be_visible()
    page.evaluate(WATCH_BADGE)
    nb.start(2)
    badge = page.locator(".sw-badge")
    expect(badge).to_have_text("Executing", timeout=15_000)
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-executing-{theme}")
    expect(badge).to_have_text("Succeeded", timeout=15_000)
    expect(page.locator(".sw-job")).to_have_attribute("data-job-status", "esriJobSucceeded")
    expect(page.locator(".sw-results li")).to_have_count(1)
    for theme in ("dark", "light"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-succeeded-{theme}")
    seen = page.evaluate("window.seen")
    assert seen in (["Submitted", "Waiting", "Executing", "Succeeded"], ["Waiting", "Executing", "Succeeded"])
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()
    expect(page.locator(".sw-job [role=progressbar]")).to_have_attribute("aria-valuenow", "100")
    assert page.locator(".sw-log .sw-line").count() >= 4
    nb.go_on(2)
    assert nb.run(3).startswith("esriJobSucceeded True")


def test_cancel_stops_the_work_itself(notebook, server, shoot):
    nb = notebook(
        SETUP,
        "w = sw.JobWidget(slow.submit(seconds=300))\nw",
        """
        import psutil
        family = psutil.Process(local.pid).children(recursive=True)
        print([p.pid for p in family])
        """,
        HOLD,
        "w.wait(timeout=20, check=False)\nprint(w.job_status)",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-badge")).to_have_text("Executing")
    expect(page.locator(".sw-log")).to_contain_text("Second 1 of")  # the worker itself speaks: it is there
    before = json.loads(nb.run(2))
    nb.start(3)  # a blocking cell: the click must come through all the same
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator(".sw-badge")).to_have_text("Cancelled", timeout=20_000)
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-cancelled-{theme}")
    nb.go_on(3)
    assert nb.run(4).strip() == "esriJobCancelled"
    gone = [pid for pid in before if not psutil.pid_exists(pid)]
    assert gone, "the worker's process must be gone"


def test_a_job_that_ends_a_cell_shows_itself_and_a_failure_says_why(notebook, server, shoot):
    nb = notebook(
        SETUP,
        "job = service.task('FailingTask').submit(text='<b>no</b> such field')\njob",
        "job.wait(check=False)\nprint(job.status.value)",
    )
    nb.run(0)
    nb.run(1)
    assert nb.run(2).strip() == "esriJobFailed"
    page = nb.page
    expect(page.locator(".sw-badge")).to_have_text("Failed")
    expect(page.locator(".sw-note")).to_contain_text("<b>no</b> such field")
    assert page.locator(".sw-job b").count() == 0
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-failed-{theme}")
    saved = [o["data"] for o in nb.save()["cells"][1]["outputs"] if "data" in o]
    assert "esriJobFailed" in "".join(saved[0]["text/plain"])
    assert "esriJobFailed" in "".join(saved[0]["text/html"])
    assert "<b>" not in "".join(saved[0]["text/html"])


def test_after_a_kernel_restart_the_same_job_is_shown_again_with_its_result(notebook, server, shoot):
    nb = notebook(
        SETUP,
        """
        job = slow.submit(seconds=3)
        open("job-url.txt", "w").write(job.url)
        job
        """,
        """
        import spatial_widgets as sw
        local = sw.LocalService.start(workers=1)
        again = sw.JobWidget.from_url(open("job-url.txt").read(), auth=local.token)
        again
        """,
        "print(again.result(), again.job_status)",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-badge")).to_have_text("Executing")
    nb.restart_kernel()
    expect(page.locator(".sw-note").first).to_contain_text("from_url")
    shoot(page.locator(".sw-job").first, f"{server.app}-kernel-restarted")
    nb.run(2)
    expect(page.locator(".sw-badge").last).to_have_text("Succeeded", timeout=20_000)
    assert "esriJobSucceeded" in nb.run(3)


def test_several_views_show_the_same_and_dark_text_can_be_read(notebook, server, shoot):
    nb = notebook(SETUP, "w = sw.JobWidget(slow.submit(seconds=1))\nw", "w", "w.wait()\nprint('done')")
    for index in range(4):
        nb.run(index)
    page = nb.page
    expect(page.locator(".sw-job")).to_have_count(2)
    expect(page.locator(".sw-job[data-job-status=esriJobSucceeded]")).to_have_count(2)
    for theme in ("light", "dark"):
        nb.theme(theme)
        ratios = page.evaluate(CONTRAST)
        assert min(ratios.values()) >= 4.5, ratios


CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const v = parse(c).slice(0, 3).map((x) => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const ground = (n) => { while (n) { const c = getComputedStyle(n).backgroundColor; const p = parse(c); if (p.length < 4 || p[3] > 0) return c; n = n.parentElement; } return 'rgb(255,255,255)'; };
  const found = {};
  for (const q of ['.sw-badge', '.sw-title', '.sw-clock', '.sw-log', '.sw-results', '.sw-id', '.sw-button'])
    { const n = document.querySelector('.sw-job ' + q); if (!n) continue;
      const [a, b] = [light(getComputedStyle(n).color), light(ground(n))]; found[q] = (Math.max(a, b) + .05) / (Math.min(a, b) + .05); }
  return found;
}"""
