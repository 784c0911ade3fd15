"""The widgets for every reader: with axe-core in every theme, by keyboard, by ear, narrow, from right to left, without motion."""

from __future__ import annotations

import axe
import gallery
import pytest
from host import Host
from states import all_states

from spatial_widgets.widgets.job import JobWidget

SHOTS = gallery.FOLDER


@pytest.fixture(scope="module")
def states():
    return all_states()


@pytest.fixture(scope="module")
def axe_text(tmp_path_factory):
    return axe.fetch(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def sheet(request, browser, states):
    """A page with every state, kept as a picture."""
    shown = gallery.sheet(browser, request.param, states)
    SHOTS.mkdir(parents=True, exist_ok=True)
    shown.page.screenshot(path=str(SHOTS / f"{request.param}.png"), full_page=True)
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
    host.open("job", JobWidget._esm, JobWidget._css, state.traits, state.messages)
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
      if (![...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim())) continue;
      if (node.tagName === "STYLE" || !node.checkVisibility() || node.closest(":disabled, .sw-unseen")) continue;
      const grounds = [];
      let opacity = 1;
      for (let at = node; at; at = parent(at)) {
        grounds.push(rgba(getComputedStyle(at).backgroundColor));
        opacity *= Number(getComputedStyle(at).opacity);
      }
      const ground = grounds.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
      const ink = rgba(getComputedStyle(node).color);
      ink[3] *= opacity;
      const [a, b] = [light(over(ink, ground)), light(ground)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const name = `${node.tagName.toLowerCase()}.${node.className}`;
      if (ratio < (found[name] ?? 99)) found[name] = ratio;
    }
  return found;
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
    ratios = sheet.page.evaluate(CONTRAST)
    assert len(ratios) > 8
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.node
def test_axe_and_the_measures_find_what_is_wrong(host, states, axe_text):
    state = states["long names"]
    spoiled = (
        JobWidget._css + ".sw-title { color: #bbb; } .sw-results { overflow-wrap: normal; width: 1200px; }"
    )
    host.open("job", JobWidget._esm, spoiled, state.traits, state.messages)
    host.show("job")
    found = " ".join(axe.violations(host.page, axe_text, ".place"))
    assert "color-contrast" in found
    assert any(ratio < 4.5 for ratio in host.page.evaluate(CONTRAST).values())
    assert any("sticks out" in line for line in host.page.evaluate(OVERFLOW))
