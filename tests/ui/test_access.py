"""The widgets for every reader: with axe-core in every theme, by keyboard, by ear, narrow, from right to left, without motion."""

from __future__ import annotations

import axe
import gallery
import pytest
from host import Host
from playwright.sync_api import expect
from states import table_rows

from spatial_widgets import JobTable
from spatial_widgets.widgets.job import JobWidget
from spatial_widgets.widgets.phrases import say

SHOTS = gallery.FOLDER


@pytest.fixture(scope="module")
def axe_text(tmp_path_factory):
    return axe.fetch(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def sheet(request, browser, states):
    """A page with every state, kept as a picture."""
    shown = gallery.sheet(browser, request.param, states)
    SHOTS.mkdir(parents=True, exist_ok=True)
    gallery.shoot(shown, SHOTS / f"{request.param}.png")
    # Then everything is unfolded, and nothing may be out of sight, and so not looked at.
    lowest = shown.page.evaluate(
        """async () => {
          for (const place of document.querySelectorAll(".place"))
            for (const node of place.shadowRoot.querySelectorAll("details")) node.open = true;
          for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame);
          return document.querySelector("section:last-of-type .place").getBoundingClientRect().bottom;
        }"""
    )
    assert lowest < gallery.TALL
    yield shown
    assert shown.wrong == []
    shown.page.context.close()


@pytest.fixture
def host(browser):
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.set_default_timeout(15_000)
    hosting = Host(page, "light")
    yield hosting
    assert hosting.wrong == []
    page.close()


def show(host, state):
    host.open("job", JobWidget._esm, state.traits, state.messages)
    return host.show("job")


# Every text that is painted: its colour, and the colours of what lies behind it, as red, green, blue and alpha.
CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, ground) => [...[0, 1, 2].map((i) => top[i] * top[3] + ground[i] * (1 - top[3])), 1];
  const parent = (node) => node.parentElement ?? node.getRootNode().host;
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = {};
  for (const place of document.querySelectorAll(".place"))
    for (const node of place.shadowRoot.querySelectorAll("*")) {
      const isEmpty = Boolean(node.placeholder) && !node.value;
      if (!isEmpty && ![...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim())) continue;
      if (node.tagName === "STYLE" || !node.checkVisibility() || node.closest(":disabled, .sw-unseen")) continue;
      const grounds = [];
      let opacity = 1;
      for (let at = node; at; at = parent(at)) {
        grounds.push(rgba(getComputedStyle(at).backgroundColor));
        opacity *= Number(getComputedStyle(at).opacity);
      }
      const ground = grounds.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
      const ink = rgba(getComputedStyle(node, isEmpty ? "::placeholder" : null).color);
      ink[3] *= opacity;
      const [a, b] = [light(over(ink, ground)), light(ground)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const name = `${node.tagName.toLowerCase()}.${node.className}`;
      if (ratio < (found[name] ?? 99)) found[name] = ratio;
    }
  return found;
}"""

# Texts whose direction is the page's instead of their own.
TURNED = """() => {
  const found = new Set();
  for (const place of document.querySelectorAll(".place"))
    for (const node of place.shadowRoot.querySelectorAll("*")) {
      if (![...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim())) continue;
      if (/^(STYLE|OPTION|TEXTAREA)$/.test(node.tagName)) continue;
      if (!/plaintext|isolate/.test(getComputedStyle(node).unicodeBidi)) found.add(`${node.tagName.toLowerCase()}.${node.className}`);
    }
  return [...found];
}"""

# What sticks out of its widget, or is cut off by what it stands in.
OVERFLOW = """() => {
  const found = [];
  const parent = (node) => node.parentElement ?? node.getRootNode().host;
  for (const place of document.querySelectorAll(".place")) {
    const frame = place.getBoundingClientRect();
    for (const node of place.shadowRoot.querySelectorAll("*")) {
      if (!node.checkVisibility() || node.closest(".sw-unseen")) continue;
      const style = getComputedStyle(node);
      const name = `${place.dataset.widget}: ${node.tagName.toLowerCase()}.${node.className}`;
      const box = node.getBoundingClientRect();
      let scrolls = false;
      for (let at = parent(node); at && at !== place; at = parent(at)) scrolls ||= /auto|scroll/.test(getComputedStyle(at).overflowX);
      if (!scrolls && box.width && (box.left < frame.left - 1 || box.right > frame.right + 1)) found.push(`${name} sticks out`);
      const isClipped = /hidden|clip/.test(style.overflowX) && node.scrollWidth > node.clientWidth + 1;
      if (isClipped && style.textOverflow !== "ellipsis" && node.textContent.trim()) found.push(`${name} is cut off`);
      if (node.matches(".sw-log") && node.scrollWidth > node.clientWidth + 1) found.push(`${name} scrolls sideways`);
    }
  }
  const page = document.scrollingElement;
  if (page.scrollWidth > page.clientWidth) found.push("the page scrolls sideways");
  return found;
}"""


@pytest.mark.node
@pytest.mark.parametrize("sheet", ["light", "dark", "contrast", "forced-colors"], indirect=True)
def test_axe_finds_nothing_in_any_state(sheet, axe_text):
    assert axe.violations(sheet.page, axe_text, ".place") == []


@pytest.mark.parametrize(
    "sheet", [label for label in gallery.SHEETS if label != "forced-colors"], indirect=True
)
def test_every_text_can_be_read_and_nothing_sticks_out_or_is_cut_off(sheet):
    assert sheet.page.evaluate(OVERFLOW) == []
    assert sheet.page.evaluate(TURNED) == []
    ratios = sheet.page.evaluate(CONTRAST)
    assert len(ratios) > 8
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.node
def test_axe_and_the_measures_find_what_is_wrong(host, states, axe_text):
    state = states["long names"]
    spoiled = ".sw-title { color: #bbb; } .sw-job .sw-results { overflow-wrap: normal; width: 1200px; }"
    host.open("job", JobWidget._esm, state.traits, state.messages, css=spoiled)
    host.show("job")
    found = " ".join(axe.violations(host.page, axe_text, ".place"))
    assert "color-contrast" in found
    assert any(ratio < 4.5 for ratio in host.page.evaluate(CONTRAST).values())
    assert any("sticks out" in line for line in host.page.evaluate(OVERFLOW))


# ---------------------------------------------------------------- by keyboard, by ear, without motion

STOPS = """() => {
  const root = document.querySelector(".place").shadowRoot;
  const can = "button:enabled, select:enabled, input:enabled, a[href], summary, [tabindex='0']";
  return [...root.querySelectorAll(can)].filter((node) => node.checkVisibility()).length;
}"""
FOCUSED = """() => {
  const root = document.querySelector(".place").shadowRoot;
  const node = root.activeElement;
  if (!node) return null;
  const style = getComputedStyle(node);
  const can = [...root.querySelectorAll("*")];
  return { at: can.indexOf(node), tag: node.tagName, name: node.getAttribute("aria-label") ?? node.textContent.trim().slice(0, 40),
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 };
}"""
# Presses of what is in the view are noted, and nothing comes of them; and what waits for a press is noted as well.
PRESSES = """() => {
  window.pressed = [];
  window.listening = [];
  const listen = EventTarget.prototype.addEventListener;
  listen.call(window, "click", (event) => {
    const [node] = event.composedPath();
    window.pressed.push([...node.getRootNode().querySelectorAll("*")].indexOf(node));
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
  const pointed = /^(click|dblclick|auxclick|contextmenu|mouse|pointer|touch|drag)/;
  EventTarget.prototype.addEventListener = function (kind, ...rest) {
    if (pointed.test(kind) && !window.listening.includes(this.tagName)) window.listening.push(this.tagName);
    return listen.call(this, kind, ...rest);
  };
}"""
HEARD = """() => {
  const root = document.querySelector(".place").shadowRoot;
  window.heard = [];
  const voice = (node) => {
    const region = (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest("[aria-live], [role=status], [role=alert], [role=log]");
    return region && region.getAttribute("aria-live") !== "off" ? region : null;
  };
  new MutationObserver((changes) => {
    const regions = new Set(changes.map(({ target }) => voice(target)).filter(Boolean));
    for (const region of regions) if (region.textContent.trim()) window.heard.push(region.textContent.trim());
  }).observe(root, { subtree: true, childList: true, characterData: true });
}"""


def frames(host, number=2):
    host.page.evaluate("async (n) => { while (n-- > 0) await new Promise(requestAnimationFrame); }", number)


@pytest.mark.parametrize(
    "name",
    [
        "with its requests",
        "succeeded with points",
        "executing with progress",
        "failed with errors",
        "loading",
        "the kernel was lost",
    ],
)
def test_every_control_is_reached_and_pressed_by_keys_in_reading_order_and_seen_to_be(host, states, name):
    host.page.evaluate(PRESSES)
    show(host, states[name])
    host.page.evaluate(
        """() => document.querySelector(".place").shadowRoot.querySelectorAll("details").forEach((node) => { node.open = true; })"""
    )
    frames(host)
    reached = []
    for _ in range(host.page.evaluate(STOPS)):
        host.page.keyboard.press("Tab")
        reached.append(host.page.evaluate(FOCUSED))
        assert reached[-1] is not None
        if reached[-1]["tag"] in {"BUTTON", "SUMMARY"}:
            for key in ("Enter", "Space"):
                host.page.keyboard.press(key)
            assert host.page.evaluate("window.pressed.splice(0)") == [reached[-1]["at"]] * 2
    order = [stop["at"] for stop in reached]
    assert order == sorted(set(order))
    assert [stop["name"] for stop in reached if not stop["ring"]] == []
    host.page.keyboard.press("Tab")
    assert host.page.evaluate(FOCUSED) is None  # and out of it again
    assert host.page.evaluate("window.listening") == ["BUTTON"]  # nothing else is there for a mouse alone


def test_what_a_mouse_can_do_a_keyboard_can(host, states):
    view = show(host, states["executing with progress"])
    cancel = view.get_by_role("button", name=say("job.cancel"), exact=True)
    cancel.press("Enter")
    assert {"kind": "cancel"} in host.sent("job")
    copy = view.get_by_role("button", name=say("job.copy"))
    copy.press("Space")
    # This page may not write to the clipboard: then the URL is shown, to be selected.
    expect(view.locator(".sw-note, button").filter(has_text=states["executing with progress"].traits["job_url"]).or_(
        view.get_by_role("button", name=say("job.copied"))).first).to_be_visible()  # fmt: skip
    view.get_by_role("combobox").press("ArrowDown")
    expect(view.locator(".sw-line")).to_have_count(1)
    view.get_by_role("searchbox").press_sequentially("nothing like it")
    expect(view.locator(".sw-line")).to_have_count(0)


def test_each_change_of_status_is_said_once_and_no_message_is(host, states):
    view = show(host, states["Submitted"])
    frames(host)
    host.page.evaluate(HEARD)
    for status in ("esriJobWaiting", "esriJobExecuting"):
        host.take("job", job_status=status)
    for number in range(30):
        host.take("job", progress=float(number), progress_text="Counting", message_total=number + 6)
        lines = [["warning", f"Row {number} was read"]]
        host.on(
            "job",
            "model.tell(values[0])",
            {"kind": "log", "seq": number + 5, "lines": lines, "total": number + 6},
        )
    for number in range(10):
        figures = say("loading.figures", name="cut", figures=f"{number} kB")
        host.take("job", job_status="esriJobSucceeded", loading={"state": "running", "text": figures})
    host.take("job", loading={}, results_ready=True)
    expect(view.locator(".sw-line")).to_have_count(35)
    assert host.page.evaluate("window.heard") == [
        say("status.esriJobWaiting"),
        say("status.esriJobExecuting"),
        say("status.esriJobSucceeded"),
        say("loading.said"),
        say("loading.done"),
    ]


def test_a_failure_is_said_once(host, states):
    show(host, states["Executing"])
    frames(host)
    host.page.evaluate(HEARD)
    for _ in range(3):
        host.take("job", job_status="esriJobFailed", error="It failed.")
    assert host.page.evaluate("window.heard") == [say("status.esriJobFailed"), "It failed."]


def test_a_kernel_that_went_is_said_once(host, states):
    show(host, states["Executing"])
    frames(host)
    host.page.evaluate(HEARD)
    for _ in range(3):
        host.on("job", "model.fire('comm_live_update')")
    (heard,) = host.page.evaluate("window.heard")
    assert heard.startswith("Connection to the kernel was lost")


def test_who_wants_no_motion_gets_none(browser, states):
    for motion, moves in (("no-preference", True), ("reduce", False)):
        page = browser.new_page(reduced_motion=motion)
        host = Host(page)
        show(host, states["Executing"])
        moving = page.evaluate(
            """() => [...document.querySelector(".place").shadowRoot.querySelectorAll("*")].some((node) => {
              const { animationName, transitionDuration } = getComputedStyle(node);
              return animationName !== "none" || transitionDuration.split(", ").some((time) => time !== "0s"); })"""
        )
        assert moving is moves
        page.close()


# ---------------------------------------------------------------- the table of jobs


def show_table(host):
    host.open("table", JobTable._esm, {"saved_rows": [], "saved_total": 0})
    view = host.show("table")
    told = {
        "kind": "rows",
        "seq": 1,
        "all": True,
        "rows": table_rows(),
        "outcome": "",
        "heard": 0,
        "now": 1.7e9 + 83,
    }
    host.on("table", "model.tell(values[0])", told)
    expect(view.locator(".sw-row").first).to_be_visible()
    return view


@pytest.mark.node
@pytest.mark.parametrize("label", gallery.SHEETS)
def test_axe_finds_nothing_in_a_table_of_jobs(browser, axe_text, label):
    theme, forced, direction, width = gallery.SHEETS[label]
    page = browser.new_page(
        viewport={"width": width + 16, "height": 900}, forced_colors=forced, reduced_motion="reduce"
    )
    page.set_default_timeout(15_000)
    host = Host(page, theme, direction=direction)
    view = show_table(host)
    first = say("table.job", **table_rows()[0])
    view.get_by_role("button", name=say("table.details", job=first)).click()
    view.get_by_role("checkbox", name=say("table.select.all")).check()
    frames(host)
    page.screenshot(path=str(SHOTS / f"table-{label}.png"))
    found = axe.violations(page, axe_text, ".place")
    cancel = view.get_by_role("button", name=say("table.cancel.all", n="*").split("(")[0])
    cancel.click()
    expect(view.get_by_role("button", name=say("table.sure.no"), exact=True)).to_be_focused()
    view.get_by_role("searchbox").fill("nothing like it")
    expect(view.locator(".sw-empty")).to_have_text(say("table.no_match"))
    found += axe.violations(page, axe_text, ".place")
    view.get_by_role("searchbox").fill("")
    expect(view.locator(".sw-row").first).to_be_visible()
    host.on("table", "model.fire('comm_live_update')")
    frames(host)
    found += axe.violations(page, axe_text, ".place")
    assert found == []
    assert page.evaluate(OVERFLOW) == []
    assert page.evaluate(TURNED) == []
    if forced == "none":
        assert {name: ratio for name, ratio in page.evaluate(CONTRAST).items() if ratio < 4.5} == {}
    assert host.wrong == []
    page.close()
