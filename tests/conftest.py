"""What every test gets: fakes on the path, and the promise that no thread of ours outlives it."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def no_thread_is_left(request):
    from spatial_widgets.client import Poller

    Poller.shared()._workers._idle_s = 0.05  # an idle thread may go at once: the next test waits for it
    yield
    if "ui" in request.keywords:
        return
    deadline = time.monotonic() + 12

    def ours() -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t.name.startswith("spatial-widgets")]

    while ours() and time.monotonic() < deadline:
        for thread in ours():
            thread.join(0.2)
    assert not ours()
