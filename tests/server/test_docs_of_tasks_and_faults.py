"""The cells of the pages on own tasks and on faults run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spatial_widgets import LocalService
from spatial_widgets.server.faults import MODES, Faults
from spatial_widgets.server.launcher import faults_store

DOCS = Path(__file__).parents[2] / "docs"
ENDS = {
    "own-tasks": "assert len(buffers) == 2 and buffers.crs and count == 2 and zipfile.is_zipfile(saved)",
    "faults": 'assert all(renewed) and refused == 498 and "bufferLayer" in told and text == "Waited 1 seconds."',
}


@pytest.mark.slow
@pytest.mark.parametrize("page", ENDS)
def test_the_cells_run_as_they_stand(page, tmp_path, monkeypatch):
    cells = re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    script = tmp_path / "page.py"
    script.write_text("\n".join([*cells, ENDS[page]]), encoding="utf-8")
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    for store in (tmp_path / "store", faults_store()):
        running = LocalService.running(store=store)
        if running is not None:
            running.stop()
    assert done.returncode == 0, done.stderr


def test_the_table_of_faults_has_every_mode_and_its_share():
    text = (DOCS / "faults.md").read_text(encoding="utf-8")
    for mode, (rate, _) in MODES.items():
        line = next(line for line in text.splitlines() if line.startswith(f'| `"{mode}"`'))
        assert (f"{rate:.0%}".replace("%", " %") in line) == (rate < 1)
    for name in Faults.of("slow").to_json():
        assert name in {"slow", "retry_after_s"} or name in text
