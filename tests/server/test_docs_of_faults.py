"""The table of the page on faults; its cells, and those of the page on own tasks, are run with those of all pages."""

from __future__ import annotations

from pathlib import Path

from spatial_widgets.server.faults import MODES, Faults

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_faults_has_every_mode_and_its_share():
    text = (DOCS / "faults.md").read_text(encoding="utf-8")
    for mode, (rate, _) in MODES.items():
        line = next(line for line in text.splitlines() if line.startswith(f'| `"{mode}"`'))
        assert (f"{rate:.0%}".replace("%", " %") in line) == (rate < 1)
    for name in Faults.of("slow").to_json():
        assert name in {"slow", "retry_after_s"} or name in text
