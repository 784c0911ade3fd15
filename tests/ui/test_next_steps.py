"""After a failure the errors are read first; where contact was lost, the line that shows the job again is at hand."""

from __future__ import annotations

import pytest
from host import Host
from playwright.sync_api import expect
from states import all_states

from spatial_widgets.widgets.job import JobWidget
from spatial_widgets.widgets.phrases import say


@pytest.fixture(scope="module")
def states():
    return all_states()


@pytest.fixture
def show(browser, states):
    context = browser.new_context(viewport={"width": 900, "height": 900})
    page = context.new_page()
    page.set_default_timeout(15_000)
    host = Host(page, "plain")

    def shown(name):
        state = states[name]
        host.open("job", JobWidget._esm, state.traits, state.messages)
        view = host.show("job")
        if not state.has_kernel:
            host.on("job", "model.fire('comm_live_update')")
        return host, view, state.traits

    yield shown
    assert host.wrong == []
    context.close()


def test_a_failure_shows_its_last_errors_then_what_to_try_and_folds_the_log(show, shoot):
    _, view, _ = show("failed with errors")
    note, advice = view.locator(".sw-note"), view.locator(".sw-steps li")
    expect(note).to_contain_text("ERROR 000732: Input layer: Dataset <b>quakes</b> does not exist")
    expect(advice.first).to_have_text(say("advice.first"))
    expect(advice.last).to_have_text(say("advice.number", number="000732"))
    log = view.locator(".sw-log")
    expect(log).to_be_hidden()
    tops = [part.bounding_box()["y"] for part in (note, advice.first, view.locator(".sw-fold"))]
    assert tops == sorted(tops)
    shoot(view, "next-steps-failed")
    view.locator(".sw-fold > summary").click()
    expect(log).to_be_visible()
    expect(log).to_contain_text("Counted 1,707 points in 412 cells.")
    expect(view.locator(".sw-attach")).to_be_hidden()


@pytest.mark.parametrize(
    "name", ["contact was lost", "the kernel was lost", "the kernel was lost while loading"]
)
def test_lost_contact_gives_the_line_that_shows_the_job_again(show, shoot, name):
    host, view, traits = show(name)
    line = view.locator(".sw-attach code")
    expect(line).to_have_text(traits["attach"])
    assert traits["attach"] == f"sw.JobWidget.from_url({traits['job_url']!r})"
    shoot(view, f"next-steps-{name.replace(' ', '-')}")
    button = view.get_by_role("button", name=say("attach.copy"))
    button.click()
    expect(view.locator(".sw-attach button")).to_have_text(say("job.copied"))
    host.page.evaluate("document.body.append(document.createElement('textarea'))")
    host.page.locator("textarea").focus()
    host.page.keyboard.press("Control+V")
    assert host.page.locator("textarea").input_value() == traits["attach"]


def test_a_job_that_is_well_has_neither(show):
    _, view, _ = show("executing with progress")
    expect(view.locator(".sw-attach")).to_be_hidden()
    expect(view.locator(".sw-next-label")).to_be_hidden()
    expect(view.locator(".sw-log")).to_be_visible()
