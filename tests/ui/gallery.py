"""All states of a job's widget on one page: ``python -m tests.ui.gallery [folder]``. Needs the ``test`` extra and a Chromium.

Writes one picture for each theme, and of the narrow and the right-to-left page, to a folder that git ignores.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from host import Host
from jupyter import CHROMIUM_FLAGS, find_chromium
from states import State, all_states

from spatial_widgets.widgets.job import JobWidget

FOLDER = Path(__file__).parents[2] / "screenshots" / "gallery"
COLUMNS = 3
WIDE = 840
TALL = 16_000  # all of it in sight: a browser does not draw what is not
#: Name of a picture to theme, forced colours, direction and width of a widget.
SHEETS = {
    "light": ("light", "none", "ltr", WIDE),
    "dark": ("dark", "none", "ltr", WIDE),
    "contrast": ("contrast", "none", "ltr", WIDE),
    "forced-colors": ("plain dark", "active", "ltr", WIDE),
    "plain": ("plain", "none", "ltr", WIDE),
    "plain-dark": ("plain dark", "none", "ltr", WIDE),
    "vscode": ("vscode", "none", "ltr", WIDE),
    "right-to-left": ("light", "none", "rtl", WIDE),
    "narrow": ("light", "none", "ltr", 320),
}


def hang(host: Host, states: dict[str, State]) -> None:
    """Put one widget in each state on a page."""
    for name, state in states.items():
        host.open(name, JobWidget._esm, state.traits, state.messages)
        host.show(name, title=name)
        if not state.has_kernel:
            host.on(name, "model.fire('comm_live_update')")


def sheet(browser, label: str, states: dict[str, State], *, columns: int = COLUMNS) -> Host:
    """Open the page of one picture, in a context of its own."""
    theme, forced, direction, width = SHEETS[label]
    context = browser.new_context(
        viewport={"width": (width + 14) * columns + 2, "height": TALL},
        forced_colors=forced,
        reduced_motion="reduce",
    )
    host = Host(context.new_page(), theme, direction=direction, columns=columns)
    hang(host, states)
    host.page.evaluate(
        "async () => { for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame); }"
    )
    return host


def shoot(host: Host, path: Path) -> None:
    """Keep a picture of the whole page."""
    host.page.locator("main").screenshot(path=str(path))


def main(folder: Path = FOLDER) -> None:
    """Make all pictures."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    states = all_states()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        for label in SHEETS:
            host = sheet(browser, label, states)
            shoot(host, folder / f"{label}.png")
            if host.wrong:
                raise RuntimeError("\n".join(host.wrong))
            host.page.context.close()
        browser.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
