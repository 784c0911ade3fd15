"""What a teacher points at: the course of a job, and the requests about it; and keys that stay where they are pressed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect

SETUP = """
import time
import spatial_widgets as sw
local = sw.LocalService.start(workers=1)
service = local.service()
slow = service.task("SlowTask")
"""

TESTS = Path(__file__).parents[1]

IDLE = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import spatial_widgets as sw
from fakes import ScriptedApp
"""

HEAR = """() => { window.heard = []; const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.anyMessage.connect((_, args) => { window.heard.push(args.msg.header.msg_type); }); }"""


def test_waiting_and_running_are_told_apart_and_the_course_is_shown(notebook, server, shoot):
    nb = notebook(SETUP, "w = sw.JobWidget(slow.submit(seconds=6))\nw")
    nb.run(0)
    nb.run(1)
    page = nb.page
    clock, stations = page.locator(".sw-clock"), page.locator(".sw-station")
    expect(page.locator(".sw-badge")).to_have_text("Executing")
    first = clock.text_content()
    assert re.fullmatch(r"waited \d+\.\d s, ran \d+\.\d s", first)
    page.wait_for_function(
        "(before) => document.querySelector('.sw-clock').textContent !== before", arg=first
    )
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-times-{theme}")
    expect(page.locator(".sw-badge")).to_have_text("Succeeded", timeout=20_000)
    expect(stations.last).to_contain_text("Succeeded")
    expect(stations.first).to_contain_text("+0.0 s")
    times = stations.locator("time").all_text_contents()
    assert times == sorted(times) or "00:00" in times[-1]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", t) for t in times)
    for theme in ("dark", "light"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-times-ended-{theme}")


def test_time_goes_on_in_the_browser_without_a_message(notebook, server):
    nb = notebook(
        IDLE,
        """
        job = ScriptedApp(["esriJobExecuting"]).submit()
        job.poll_interval = 0.2
        w = sw.JobWidget(job)
        w
        """,
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-badge")).to_have_text("Executing")
    seen = "() => document.querySelector('.sw-clock').textContent"
    # From the moment that all is told.
    page.evaluate(HEAR)
    page.wait_for_function(
        "() => { if (window.heard.length) { window.heard = []; window.since = 0; } window.since = (window.since ?? 0) + 1; return window.since > 20; }",
        polling=100,
    )
    before = page.evaluate(seen)
    page.wait_for_function(
        "(before) => document.querySelector('.sw-clock').textContent !== before", arg=before
    )
    page.wait_for_function(
        "(s) => Number(document.querySelector('.sw-clock').textContent.match(/ran ([\\d.]+) s/)[1]) > s + 2",
        arg=float(re.search(r"ran ([\d.]+) s", before)[1]),
    )
    assert page.evaluate("window.heard") == []


def test_a_job_that_was_found_has_no_invented_times(notebook, server, shoot):
    nb = notebook(
        SETUP,
        "job = slow.submit(seconds=2)\njob.wait()\nsw.JobWidget.from_url(job.url, auth=lambda: local.token)",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-station")).to_have_count(1)
    expect(page.locator(".sw-station")).to_contain_text("first seen")
    expect(page.locator(".sw-clock")).to_have_text("")
    shoot(page.locator(".sw-job"), f"{server.app}-times-found")


def test_the_requests_about_a_job_are_seen_happening(notebook, server, shoot):
    nb = notebook(
        SETUP,
        "w = sw.JobWidget(slow.submit(seconds=4), show_requests=True)\nw",
        "print(local.token)",
        "w.result()\nprint(w.job_status)",
        "w",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    items = page.locator(".sw-requests").first.locator(".sw-request")
    expect(items.first).to_contain_text("POST …/GPServer/SlowTask/submitJob")
    expect(items.nth(2)).to_contain_text("GET …/GPServer/SlowTask/jobs/")
    items.first.locator("summary").first.press("Enter")
    expect(items.first.locator(".sw-fields")).to_contain_text("seconds")
    expect(items.first.locator(".sw-fields")).to_contain_text("Bearer ***")
    items.first.get_by_text("Answer").click()
    expect(items.first.locator(".sw-answer")).to_contain_text('"jobStatus": "esriJobSubmitted"')
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-requests-{theme}")
    nb.run(3)
    expect(items.last).to_contain_text("/results/")
    token = nb.run(2).strip()
    assert len(token) > 10
    assert token not in page.locator(".sw-job").first.inner_html()
    nb.run(4)  # another view has the last of them too
    expect(page.locator(".sw-requests")).to_have_count(2)
    again = page.locator(".sw-requests").nth(1).locator(".sw-request")
    expect(again.last).to_contain_text("/results/")
    expect(again.nth(9)).to_contain_text("GET …/GPServer/SlowTask/jobs/")
    saved = json.dumps(nb.save())
    assert saved.count(token) == 1  # where it was printed


def test_keys_that_are_pressed_in_the_widget_do_nothing_to_the_notebook(notebook, server):
    nb = notebook(
        SETUP,
        "w = sw.JobWidget(slow.submit(seconds=300))\nw",
        "x = 1",
        "w.wait(timeout=30, check=False)\nprint(w.job_status)",
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(page.locator(".sw-log")).to_contain_text("Second 1 of")
    state = """() => { const nb = window.jupyterapp.shell.currentWidget.content;
      return [nb.mode, nb.widgets.length, nb.activeCellIndex, nb.widgets.map((c) => c.model.type).join()]; }"""
    before = page.evaluate(state)
    copy = page.get_by_role("button", name="Copy job URL")
    for target in (copy, page.locator(".sw-log"), page.get_by_role("combobox", name="Which messages")):
        target.focus()
        for key in ("a", "b", "m", "x", "d", "d", "j", "k", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
    assert page.evaluate(state) == before
    search = page.get_by_role("searchbox", name="Search messages")
    search.focus()
    page.keyboard.type("bad mood")
    expect(search).to_have_value("bad mood")
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    cancel.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sw-badge")).to_have_text("Cancelled", timeout=20_000)
    assert page.evaluate(state)[1:] == before[1:]
    nb.run(3)
