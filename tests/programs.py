"""Python programs in processes of their own, with this package and the tests' stand-ins on their path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import spatial_widgets

TESTS = Path(__file__).parent
ROOT = Path(spatial_widgets.__file__).parents[1]


def program(code, *arguments, **environment):
    """Return a process that runs ``code`` with this package and the tests' fakes."""
    path = os.pathsep.join([str(ROOT), str(TESTS)])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended_well(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out
