"""A context that remembers what a task says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from listener import Listener


@pytest.fixture
def ctx(tmp_path):
    return Listener(tmp_path)
