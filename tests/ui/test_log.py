"""The message log of a job before real eyes: long, searched, copied, and read from the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

# One of the two is enough here: how a view sits in either is seen in test_job_widget.py and test_busy.py.
pytestmark = pytest.mark.parametrize("server", ["notebook"], indirect=True)

TESTS = Path(__file__).parents[1]

SETUP = f"""
import sys, json
sys.path.insert(0, {str(TESTS)!r})
import spatial_widgets as sw
from fakes import ScriptedApp, message

def widget_of(*lists, end="esriJobExecuting", every_s=0.3):
    "A widget of a job that says one list after the other."
    polls = [{{"jobId": "j0123456789abcdef0123456789abcdef", "jobStatus": "esriJobExecuting", "messages": said}} for said in lists]
    polls.append({{**polls[-1], "jobStatus": end}})
    job = ScriptedApp(polls).submit()
    job.poll_interval = every_s
    return sw.JobWidget(job)

def lines(start, end):
    kind = lambda n: "Error" if n % 10_000 == 9_999 else "Warning" if n % 1_000 == 999 else "Informative"
    return [message(f"line {{n}}", kind(n)) for n in range(start, end)]
"""


def lines_in(page):
    return page.locator(".sw-log .sw-line")


def until_at_end(page):
    page.wait_for_function(
        "() => { const n = document.querySelector('.sw-log'); return n.scrollHeight - n.scrollTop - n.clientHeight < 8; }"
    )


def test_fifty_thousand_messages_are_all_there_and_few_of_them_in_the_page(notebook, server, shoot):
    nb = notebook(SETUP, "w = widget_of(lines(0, 20), lines(0, 50_000))\nw", "print(w.message_total)")
    nb.run(0)
    nb.run(1)
    page = nb.page
    told = page.locator(".sw-told")
    expect(told).to_have_text("50,000 messages", timeout=60_000)
    expect(lines_in(page).last).to_have_text("✕ Error: line 49999")
    expect(lines_in(page).last).to_be_in_viewport()
    assert lines_in(page).count() <= 300
    assert nb.run(2).strip() == "50000"

    log = page.locator(".sw-log")
    for part in (0.7, 0.31, 0.0):
        log.evaluate("(node, part) => { node.scrollTop = part * node.scrollHeight; }", part)
        page.wait_for_function(
            """() => { const box = document.querySelector('.sw-log').getBoundingClientRect();
            const seen = [...document.querySelectorAll('.sw-line')].map((n) => n.getBoundingClientRect());
            return seen.some((r) => r.top <= box.top + 8) && seen.some((r) => r.bottom >= box.bottom - 8); }"""
        )
        assert lines_in(page).count() <= 300
    expect(lines_in(page).first).to_have_text("line 0")
    expect(lines_in(page).first).to_be_in_viewport()
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-log-start-{theme}")

    page.get_by_role("combobox", name="Which messages").select_option("error")
    expect(told).to_have_text("5 of 50,000 messages")
    expect(lines_in(page)).to_have_text([f"✕ Error: line {n}" for n in range(9_999, 50_000, 10_000)])
    page.get_by_role("combobox", name="Which messages").select_option("warning")
    expect(told).to_have_text("50 of 50,000 messages")
    page.get_by_role("searchbox", name="Search messages").fill("LINE 2")
    expect(told).to_have_text("11 of 50,000 messages")
    expect(lines_in(page).first).to_have_text("⚠ Warning: line 2999")
    for theme in ("dark", "light"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-log-filtered-{theme}")


def test_the_end_is_followed_until_the_reader_scrolls_up_and_again_when_he_wants_to(notebook, server, shoot):
    more = """
        w.job.session._adapter().polls = [{"jobId": w.job_id, "jobStatus": "esriJobExecuting", "messages": lines(0, %d)}]
        w.refresh()
        """
    nb = notebook(SETUP, "w = widget_of(lines(0, 80))\nw", more % 90, more % 100)
    nb.run(0)
    nb.run(1)
    page = nb.page
    log, end = page.locator(".sw-log"), page.locator(".sw-toend")
    expect(lines_in(page).last).to_have_text("line 79")
    expect(lines_in(page).last).to_be_in_viewport()
    expect(end).to_be_hidden()

    log.evaluate("(node) => { node.scrollTop = 0; }")
    expect(end).to_have_text("Go to the end")
    nb.run(2)
    expect(end).to_have_text("Go to the end (10 new)")
    assert log.evaluate("(node) => node.scrollTop") == 0
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-log-behind-{theme}")

    end.press("Enter")
    expect(lines_in(page).last).to_have_text("line 89")
    expect(lines_in(page).last).to_be_in_viewport()
    expect(end).to_be_hidden()
    expect(log).to_be_focused()
    nb.run(3)
    expect(lines_in(page).last).to_have_text("line 99")
    until_at_end(page)
    expect(end).to_be_hidden()


def test_json_in_a_message_is_read_as_a_sentence_and_shown_as_sent_on_demand(notebook, server, shoot):
    nb = notebook(
        SETUP,
        """
        said = [message("Executing…"), message(json.dumps({"cost": 12}), "Warning"),
                message(json.dumps({"messageCode": "SS_84464", "message": "Uses ${n} <b>neighbours</b>.", "params": {"n": "20"}}))]
        w = widget_of(said)
        w
        """,
    )
    nb.run(0)
    nb.run(1)
    page = nb.page
    expect(lines_in(page)).to_have_count(3)
    cost = lines_in(page).nth(1)
    expect(cost).to_contain_text("⚠ Warning: Cost: 12 credits")
    expect(cost.locator("code")).to_be_hidden()
    cost.get_by_text("As sent").click()
    expect(cost.locator("code")).to_have_text('{"cost": 12}')
    expect(lines_in(page).nth(2)).to_contain_text("Uses 20 <b>neighbours</b>. (SS_84464)")
    for theme in ("light", "dark"):
        nb.theme(theme)
        shoot(page.locator(".sw-job"), f"{server.app}-log-sentences-{theme}")


def test_copy_all_copies_what_is_not_in_the_page_too(notebook, server):
    nb = notebook(SETUP, "w = widget_of(lines(0, 5_000))\nw")
    nb.run(0)
    nb.run(1)
    page = nb.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.locator(".sw-told")).to_have_text("5,000 messages", timeout=30_000)
    page.get_by_role("button", name="Copy all").click()
    expect(page.get_by_role("button", name="Copied 5,000 messages")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert len(copied) == 5_000
    assert copied[999] == "Warning: line 999"
