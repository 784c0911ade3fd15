"""The widget in a page that gives it no more than any host must, and forbids what a strict one forbids."""

from __future__ import annotations

import json
import re

import pytest
from host import Host
from playwright.sync_api import expect
from states import table_rows

from spatial_widgets import JobTable
from spatial_widgets.widgets._base import module_text
from spatial_widgets.widgets.job import JobWidget
from spatial_widgets.widgets.phrases import PHRASES, say


@pytest.fixture
def host(browser):
    """A page whose widgets did nothing wrong when the test has ended."""
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.set_default_timeout(15_000)
    hosting = Host(page, "plain")
    yield hosting
    assert hosting.wrong == []
    page.close()


def test_the_module_exports_a_factory_and_sets_no_global(host, states):
    state = states["executing with progress"]
    host.open("job", JobWidget._esm, state.traits, state.messages)
    host.show("job")
    assert host.on("job", "widget.exports") == ["default"]
    assert (
        host.on("job", "typeof widget.widget.render + ' ' + typeof widget.widget.initialize")
        == "function function"
    )
    new = "Reflect.ownKeys(globalThis).filter((name) => name !== 'host' && !window.host.globals.has(name)).map(String)"
    assert host.page.evaluate(new) == []
    host.page.evaluate("globalThis[Symbol.for('mine')] = 1")
    assert host.page.evaluate(new) == ["Symbol(mine)"]  # such a one would have been seen


def test_a_model_is_ready_before_its_code_is_unpacked_which_its_first_view_has_done(host, states):
    # anywidget never updates a model that is not ready within two seconds, and a full page takes longer to unpack all.
    host.page.evaluate("""() => { window.host.unpacked = 0; const Stream = DecompressionStream;
        window.DecompressionStream = class extends Stream { constructor(kind) { super(kind); window.host.unpacked += 1; } }; }""")
    state = states["executing with progress"]
    host.open("job", JobWidget._esm, state.traits, state.messages)
    assert host.page.evaluate("window.host.unpacked") == 0
    host.take("job", progress=70)
    for _ in range(2):
        view = host.show("job")
        assert view.get_by_role("progressbar").get_attribute("aria-valuenow") == "70"
    assert host.page.evaluate("window.host.unpacked") == 1


def test_every_state_is_shown_without_a_request_and_without_markup_from_text(host, states):
    for name, state in states.items():
        host.open(name, JobWidget._esm, state.traits, state.messages)
        place = host.show(name)
        assert place.locator(".sw-badge").first.text_content() != ""
    for markup in ("b:text('quakes')", "i:text('cell')", "script"):  # what a server said is text
        assert host.page.locator(f".place {markup}").count() == 0


@pytest.mark.parametrize("shadow", [True, False], ids=["in a shadow root", "in the page"])
def test_several_views_follow_one_model_and_each_goes_by_itself(host, states, shadow):
    state = states["executing with progress"]
    host.open("job", JobWidget._esm, state.traits, state.messages)
    first = host.show("job", shadow=shadow)
    expect(first.locator(".sw-line")).to_have_count(5)  # told before there was a view
    host.on("job", "widget.hide(0)")
    before = host.on("job", "model.listening")
    views = [host.show("job", shadow=shadow) for _ in range(3)]
    host.take("job", job_status="esriJobCancelling", progress=50)
    for view in views:
        assert view.locator(".sw-badge").first.text_content() == say("status.esriJobCancelling")
        assert view.get_by_role("progressbar").get_attribute("aria-valuenow") == "50"
        expect(view.locator(".sw-line")).to_have_count(5)
    host.on("job", "widget.hide(1)")
    host.take("job", job_status="esriJobCancelled")
    assert host.page.locator(".place .sw-badge").all_text_contents() == [say("status.esriJobCancelled")] * 2
    late = host.show("job", shadow=shadow)
    expect(late.locator(".sw-line")).to_have_count(5)
    for _ in range(3):
        host.on("job", "widget.hide(0)")
    assert host.on("job", "model.listening") == before
    host.on("job", "widget.close()")
    assert host.on("job", "model.listening") == 0
    assert host.page.locator(".sw-job").count() == 0


SHEETS = "(root) => root.adoptedStyleSheets.map((sheet) => sheet.cssRules.length)"


def test_the_style_is_in_a_page_once_for_all_its_widgets_and_in_each_shadow_root(host, states):
    state = states["executing with progress"]
    for name in ("one", "two"):
        host.open(name, JobWidget._esm, state.traits, state.messages)
        host.show(name, shadow=False, late=True)
    host.open("table", JobTable._esm, {"saved_rows": [], "saved_total": 0})
    host.show("table", shadow=False)
    rules = host.page.evaluate(f"({SHEETS})(document)")
    assert len(rules) == 3  # what all have, and what a job and a table have of their own
    assert min(rules) > 30
    for late in (False, True):
        place = host.show("one", late=late)
        title = place.locator(".sw-title")
        expect(title).to_have_css("font-weight", "600")
        assert place.evaluate(f"(place) => ({SHEETS})(place.shadowRoot)") == rules[:2]


def test_a_page_without_a_kernel_says_what_was_too_much_to_be_kept_in_it(host, states):
    state = states["more than a saved page holds"]
    host.open("job", JobWidget._esm, state.traits)
    view = host.show("job")
    host.on("job", "model.fire('comm_live_update')")
    kept = len(state.traits["message_tail"])
    expect(view.locator(".sw-earlier")).to_have_text(say("log.earlier", n=80 - kept))
    left = 40 - len(state.traits["summary"])
    expect(view.locator(".sw-result").last).to_have_text(say("result.more", n=left))
    assert 0 < kept < 80
    assert 0 < left < 40
    row = {"key": 7, "task": "Buffer", "id": "j7", "url": "", "status": "esriJobFailed", "word": "failed"}
    host.open("table", JobTable._esm, {"saved_rows": [row], "saved_total": 1001})
    table = host.show("table")
    host.on("table", "model.fire('comm_live_update')")
    expect(table.locator(".sw-note")).to_have_text(say("table.left_out", n="1,000"))
    expect(table.locator(".sw-row")).to_have_count(1)


def test_two_widgets_of_one_module_share_nothing(host, states):
    for name in ("executing with progress", "failed with errors"):
        host.open(name, JobWidget._esm, states[name].traits, states[name].messages)
    one, two = host.show("executing with progress"), host.show("failed with errors")
    host.on("executing with progress", "model.fire('comm_live_update')")
    assert "from_url" in one.locator(".sw-note").text_content()
    assert "from_url" not in two.locator(".sw-note").text_content()


def test_a_view_that_was_closed_can_be_collected(host, states):
    state = states["executing with progress"]
    host.open("job", JobWidget._esm, state.traits, state.messages)
    host.show("job")
    host.on(
        "job",
        "(async () => { window.kept = new WeakRef(widget.views[0].el.firstChild); window.model = new WeakRef(model); "
        "await widget.close(); delete window.host.widgets.job; document.querySelector('main').replaceChildren(); })()",
    )
    session = host.page.context.new_cdp_session(host.page)
    for name in ("kept", "model"):
        for _ in range(50):
            session.send("HeapProfiler.collectGarbage")
            if host.page.evaluate(f"window.{name}.deref() === undefined"):
                break
        assert host.page.evaluate(f"window.{name}.deref() === undefined"), f"{name} is held by something"


def test_time_moves_while_a_job_runs_and_stands_still_afterwards(browser, states):
    page = browser.new_page()
    page.clock.install()
    host = Host(page, "plain")
    moving = {
        "Executing": True,
        "succeeded with points": False,
        "contact was lost": False,
        "the kernel was lost": False,
    }
    for name, moves in moving.items():
        host.open(name, JobWidget._esm, states[name].traits, states[name].messages)
        view = host.show(name)
        if not states[name].has_kernel:
            host.on(name, "model.fire('comm_live_update')")
        before = view.locator(".sw-clock").text_content()
        page.clock.run_for(5_000)
        assert (view.locator(".sw-clock").text_content() != before) is moves, name
    assert host.wrong == []
    page.close()


def test_a_click_is_a_message_and_its_answer_is_awaited(host, states):
    state = states["executing with progress"]
    host.open("job", JobWidget._esm, state.traits, state.messages)
    view = host.show("job")
    button = view.get_by_role("button", name=say("job.cancel"), exact=True)
    button.click()
    assert {"kind": "cancel"} in host.sent("job")
    assert view.get_by_role("button", name=say("job.cancel.sent")).is_disabled()
    host.page.wait_for_function("(text) => document.querySelector('.place').shadowRoot.querySelector('.sw-note').textContent === text",
                                arg=say("job.busy", what=say("job.cancel.what")))  # fmt: skip
    host.on("job", "model.tell({kind: 'cancel-ack'})")
    assert view.locator(".sw-note").text_content() == ""
    host.take("job", job_status="esriJobCancelling")
    assert view.locator(".sw-badge").first.text_content() == say("status.esriJobCancelling")


def test_a_kernel_that_is_gone_says_how_to_attach_again(host, states):
    state = states["executing with progress"]
    host.open("job", JobWidget._esm, state.traits, state.messages)
    view = host.show("job")
    host.on("job", "model.fire('comm_live_update')")
    note = view.locator(".sw-note").text_content()
    assert note == say("job.cold")
    assert re.search(r"Connection to the kernel was lost.*re-attach with JobWidget.from_url", note)
    (line,) = view.get_by_text(state.traits["job_url"]).all()  # once, where it can be copied
    assert line.text_content() == f"sw.JobWidget.from_url({state.traits['job_url']!r})"
    assert line.is_visible()
    assert line.locator("..").get_by_role("button", name=say("attach.copy")).is_visible()
    assert view.get_by_role("button", name=say("job.cancel"), exact=True).is_disabled()


def test_every_word_that_is_shown_can_be_translated(host, states):
    """In a language of ours each phrase is in brackets: what is shown outside of them is no word of ours."""
    plain = module_text("job.js", "base.css", "job.css")
    table = re.search(r"PHRASES = \{.*?^\};", plain, re.MULTILINE | re.DOTALL)[0]
    strange = {name: f"⟦{text}⟧" for name, text in PHRASES.items()}
    source = plain.replace(table, f"PHRASES = {json.dumps(strange)};")
    shown = """(texts) => {
      const found = new Set();
      const add = (text) => text?.trim() && found.add(text.trim());
      for (const node of document.querySelector(".place:last-of-type").shadowRoot.querySelectorAll(".sw-job, .sw-job *")) {
        for (const name of ["aria-label", "title", "placeholder", "alt", "aria-description"]) add(node.getAttribute(name));
        for (const child of node.childNodes) if (child.nodeType === Node.TEXT_NODE) add(child.data);
      }
      return [...found];
    }"""
    for name, state in states.items():
        host.open(name, source, state.traits, state.messages)
        host.show(name)
        if not state.has_kernel:
            host.on(name, "model.fire('comm_live_update')")
        theirs = json.dumps([state.traits, state.messages], ensure_ascii=False)
        for text in host.page.evaluate(shown):
            rest = re.sub(r"⟦[^⟦⟧]*⟧|⟦|⟧", " ", re.sub(r"⟦[^⟦⟧]*⟧", " ", text))
            words = re.findall(r"[A-Za-z]{3,}", rest)
            assert all(word in theirs for word in words), f"{name}: {text}"
        host.on(name, "widget.close()")


def test_a_table_of_jobs_needs_no_more_of_a_host(host):
    host.open("table", JobTable._esm, {"saved_rows": [], "saved_total": 0})
    view = host.show("table")
    rows = table_rows()
    rows[0]["widget"] = "a model that only Jupyter could show here"
    told = {"kind": "rows", "seq": 1, "all": True, "rows": rows, "outcome": "", "heard": 0, "now": 90.0}
    host.on("table", "model.tell(values[0])", told)
    name = say("table.job", **rows[0])
    view.get_by_role("button", name=say("table.details", job=name)).click()
    expect(view.locator(".sw-detail")).to_have_text(
        say("table.cannot_open")
    )  # there is nobody to make a view here
    assert view.locator("b").count() == 0
    # The reader's place is kept while rows move below the hand.
    view.get_by_role("button", name=say("table.column.progress")).click()
    held = view.get_by_role("checkbox", name=say("table.select", job=say("table.job", **rows[10])))
    held.focus()
    host.on(
        "table",
        "model.tell(values[0])",
        {**told, "seq": 2, "all": False, "rows": [{"key": 10, "progress": -1.0}]},
    )
    expect(view.locator(".sw-row").first).to_have_attribute("data-key", "10")
    expect(held).to_be_focused()
    held.press("ArrowDown")
    expect(view.locator(".sw-row").nth(1).get_by_role("checkbox")).to_be_focused()
