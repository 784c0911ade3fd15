"""Runs the blocks of a page in a process of its own, in a folder that looks like the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from pagecode.blocks import ROOT, RUN
from pagecode.standins import Standing

HERE = Path(__file__).parent
PROGRAMS = ["dask", "git", "jupyter", "mkdocs", "mypy", "pip", "pytest", "python", "python3", "ruff", "spatial-widgets", "voila"]  # fmt: skip


class PageError(AssertionError):
    """A block of a page does not do what the page says; the text names page and line."""


def run_page(found, folder, *, standing=None, ending="", timeout=280):
    """Run the blocks of one page in order, in ``folder``.

    ``standing`` says what stands in for the outer world, ``ending`` is Python that holds after the last block.
    """
    standing = standing or Standing()
    page, servers = _lay_out(folder / "page"), folder / "servers"
    servers.mkdir()
    environment = {
        "PATH": f"{_programs(folder / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "DOCS_SERVERS": str(servers),
        "PYTHONWARNINGS": "",
    }
    sessions = _sessions(found)
    for session in sessions:
        blocks = [
            asdict(block) | {"code": standing.replaced(block.code), "is_output": block.is_output}
            for block in session
        ]
        last = ending if session is sessions[-1] else ""
        plan = folder / "plan.json"
        plan.write_text(json.dumps({"prelude": standing.prelude, "blocks": blocks, "ending": last}))
        done = subprocess.run(
            [sys.executable, HERE / "drive.py", plan],
            cwd=page,
            env=os.environ | environment | standing.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise PageError(f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}")


def _sessions(found):
    sessions = [[]]
    for block in found:
        if block.is_new_session:
            sessions.append([])
        if block.language in RUN or block.is_output:
            sessions[-1].append(block)
    return sessions


def _lay_out(folder):
    """Make a folder with all that is in the repository. The pages are copies: some commands write into them."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name == "docs":
            shutil.copytree(path, folder / path.name)
        elif path.name not in {".venv", ".git"}:
            (folder / path.name).symlink_to(path)
    _programs(folder / ".venv" / "bin")
    return folder


def _programs(folder):
    folder.mkdir(parents=True)
    for name in PROGRAMS:
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "commands.py"}" {name} "$@"\n')
        script.chmod(0o755)
    return folder
