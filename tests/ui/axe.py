"""Deque's axe-core, at one pinned version that npm fetches when a test asks for it; no script of the package runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FILES = Path(__file__).parent / "axe"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def fetch(folder: Path) -> str:
    """Return the text of axe-core, installed into a folder."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FILES / name, folder / name)
    npm = shutil.which("npm")
    assert npm, "npm is missing; it comes with Node.js"
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr[-3000:]
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page, axe: str, selector: str) -> list[str]:
    """Return what axe finds inside the elements that a selector names, a line for each element."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(f"() => {{ {axe} }}")
    found = page.evaluate(
        """async ([selector, rules]) => {
          const { violations } = await window.axe.run({ include: [[selector]] }, { ...rules, resultTypes: ["violations"] });
          return violations.flatMap(({ id, nodes }) => nodes.map((node) =>
            `${id}: ${node.html.slice(0, 160)} | ${node.failureSummary.split("\\n").slice(1).join(" ").trim().slice(0, 240)}`));
        }""",
        [selector, RULES],
    )
    return sorted(set(found))
