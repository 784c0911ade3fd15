"""What Binder makes of ``binder/``: the environment from those files alone, in an empty prefix, and two notebooks in it."""

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = {".git", ".venv", "screenshots", "dist"}


def run(folder, *command, **environment):
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=900, check=False
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def cpu_of_children_s():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_an_environment_of_these_files_alone_runs_the_first_notebooks(tmp_path):
    home, copy, prefix = tmp_path / "home", tmp_path / "copy", tmp_path / "prefix"
    home.mkdir()
    shutil.copytree(
        ROOT,
        copy,
        ignore=lambda _folder, names: [
            n for n in names if n in LEFT_OUT or n.startswith(".") or n == "__pycache__"
        ],
    )
    run(tmp_path, sys.executable, "-m", "venv", prefix)
    place = {
        "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": "",
        "VIRTUAL_ENV": str(prefix),
        "SPATIAL_WIDGETS_STORE": str(tmp_path / "store"),
        "SPATIAL_WIDGETS_STATE": str(tmp_path / "state"),
    }
    # Everything is pinned: uv installs the same as pip does, with a tenth of the work.
    uv = [
        Path(sys.executable).with_name("uv"),
        "pip",
        "install",
        "--quiet",
        "--python",
        prefix / "bin" / "python",
    ]
    run(copy, *uv, "-r", "binder/requirements.txt")
    run(copy, "bash", "binder/postBuild", **place)
    shutil.rmtree(copy / "spatial_widgets")  # what runs from now on is what was installed
    begun, spent = time.monotonic(), cpu_of_children_s()
    run(copy, "bash", "binder/start", "python3", "-c", "import spatial_widgets as sw; sw.connect()", **place)
    assert cpu_of_children_s() - spent < 20  # what a start takes on a machine that does nothing else
    assert time.monotonic() - begun < 60
    try:
        for name in ("01_first_job", "02_checking_job_status"):
            told = run(
                copy / "notebooks",
                *(
                    "bash",
                    "../binder/start",
                    "jupyter",
                    "nbconvert",
                    "--to",
                    "notebook",
                    "--execute",
                    "--stdout",
                ),
                *("--log-level=ERROR", f"{name}.ipynb"),
                **place,
            )
            assert "esriJobSucceeded" in told
    finally:
        stop = "import spatial_widgets as sw; running = sw.LocalService.running(); running and running.stop()"
        run(copy, "python3", "-c", stop, **place)


def test_every_version_is_pinned():
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 50
    assert all("==" in pin for pin in pins)
