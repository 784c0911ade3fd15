"""A page that hosts widgets without Jupyter: strict about what a module may do, and quick.

Its policy allows one script of its own and modules out of memory, no ``eval``, no markup from text, no request of any
kind: what works here needs no CDN and no permission that a strict host refuses.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
ADDRESS = "https://host.test/"
POLICY = (
    "default-src 'none'; script-src 'nonce-host' blob:; style-src 'nonce-host'; img-src data: blob:; "
    "require-trusted-types-for 'script'"
)
#: What a page looks like, as the style sheet of JupyterLab's theme; "plain" is a page with no theme at all, "vscode" one that
#: has of VS Code's the colours of an editor, dark (https://code.visualstudio.com/api/references/theme-color).
THEMES = {
    "light": "theme-light-extension",
    "dark": "theme-dark-extension",
    "contrast": "theme-dark-high-contrast-extension",
}
PAGE = """<!doctype html>
<html lang="en" dir="{direction}"><head><meta charset="utf-8"><title>Widgets</title>
<style nonce="host">{theme}</style>
<style nonce="host">
  :root {{ color-scheme: {scheme}; }}
  body {{
    margin: 0;
    padding: 8px;
    background: var(--jp-layout-color0, var(--vscode-editor-background, Canvas));
    color: var(--jp-content-font-color1, var(--vscode-editor-foreground, CanvasText));
  }}
  main {{ display: grid; grid-template-columns: repeat({columns}, minmax(0, 1fr)); gap: 0 14px; align-items: start; }}
  h2 {{ font: 600 13px system-ui; margin: 14px 0 4px; }}
</style>
<script nonce="host">{script}</script></head><body><main></main></body></html>"""


def theme_text(name: str) -> str:
    """Return a theme of the installed JupyterLab."""
    themes = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
    if name == "vscode":
        return ":root { --vscode-editor-background: #1f1f1f; --vscode-editor-foreground: #cccccc; }"
    return (themes / THEMES[name] / "index.css").read_text(encoding="utf-8") if name in THEMES else ""


class Host:
    """A page with widgets on it.

    Parameters
    ----------
    page : Playwright's, new.
    theme : one of ``THEMES``, "plain", "plain dark", or "vscode".
    columns : how many widgets stand side by side.
    """

    def __init__(self, page, theme: str = "light", *, direction: str = "ltr", columns: int = 1) -> None:
        self.page = page
        self.requests: list[str] = []
        text = PAGE.format(
            theme=theme_text(theme),
            scheme="light" if theme in {"light", "plain"} else "dark",
            direction=direction,
            columns=columns,
            script=(HERE / "host.js").read_text(encoding="utf-8"),
        )

        def answer(route) -> None:
            if route.request.url == ADDRESS:
                headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html; charset=utf-8"}
                route.fulfill(status=200, body=text, headers=headers)
            else:
                self.requests.append(route.request.url)
                route.abort()

        page.route("**/*", answer)
        page.goto(ADDRESS)

    def open(self, name: str, source: str, traits: dict, messages: list = (), *, css: str = "") -> None:
        """Make a widget of a module's text, and tell it what its kernel said; ``css`` is what a host adds."""
        self.page.evaluate(
            """async ([name, source, css, traits, messages]) => {
              const widget = (window.host.widgets[name] = new window.host.Widget(traits));
              await widget.open(source, css);
              for (const message of messages) widget.model.tell(message);
            }""",
            [name, source, css, traits, list(messages)],
        )

    def show(
        self, name: str, *, shadow: bool = True, late: bool = False, width: int | None = None, title: str = ""
    ):
        """Show one more view of a widget; returns the locator of its place."""
        number = self.page.evaluate(
            """async ([name, shadow, late, width, title]) => {
              const box = document.querySelector("main").appendChild(document.createElement("section"));
              if (title) box.append(Object.assign(document.createElement("h2"), { textContent: title }));
              const place = document.createElement("div");
              place.className = "place";
              place.dataset.widget = name;
              if (width) place.style.width = `${width}px`;
              box.append(place);
              await window.host.widgets[name].show(place, shadow, late);
              await new Promise(requestAnimationFrame);
              await new Promise(requestAnimationFrame);
              return document.querySelectorAll(".place").length - 1;
            }""",
            [name, shadow, late, width, title],
        )
        return self.page.locator(".place").nth(number)

    def on(self, name: str, code: str, *values):
        """Evaluate ``code`` with ``widget``, ``model`` and ``values`` at hand."""
        return self.page.evaluate(
            f"""async ([name, values]) => {{
              const widget = window.host.widgets[name];
              const {{ model }} = widget;
              return await ({code});
            }}""",
            [name, list(values)],
        )

    def take(self, name: str, **changes) -> None:
        """Have the kernel change traits."""
        self.on(name, "model.take(values[0])", changes)

    def sent(self, name: str) -> list[dict]:
        """Return what the views sent to the kernel."""
        return self.on(name, "model.sent")

    @property
    def wrong(self) -> list[str]:
        """What no widget may do: errors, breaches of the policy, requests."""
        return [*self.page.evaluate("window.host.wrong"), *self.requests]
