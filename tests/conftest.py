"""What every test gets: fakes on the path, and the promise that no thread of ours outlives it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no defect. In CI the same examples every time, and fewer where a test asks for no number:
# a new find is for the one who looks for it.
IN_CI = "CI" in os.environ
settings.register_profile(
    "house",
    deadline=dt.timedelta(seconds=10),
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=IN_CI,
    max_examples=40 if IN_CI else 100,
)
settings.load_profile("house")

# These take longest, and come first: where two processes share the tests, neither is left with one of them at the end.
LONGEST = ("test_binder.py", "test_code_blocks.py", "notebooks/")

STORE = pytest.StashKey[str]()
STATE = pytest.StashKey[str]()

sys.path.insert(0, str(Path(__file__).parent))


def pytest_sessionstart(session):
    """Give tests and notebooks a local service and a job history of their own, away from the developer's."""
    session.config.stash[STORE] = os.environ["SPATIAL_WIDGETS_STORE"] = tempfile.mkdtemp(
        prefix="spatial-widgets-test-"
    )
    session.config.stash[STATE] = os.environ["SPATIAL_WIDGETS_STATE"] = tempfile.mkdtemp(
        prefix="spatial-widgets-test-state-"
    )
    os.environ.pop("SPATIAL_WIDGETS_HISTORY", None)


def pytest_collection_modifyitems(items):
    """Put the longest files first, and the browser's evenly among the rest: two of them at once get into each other's way."""
    files = {path: n for n, path in enumerate(dict.fromkeys(item.path.as_posix() for item in items))}
    seen = [path for path in files if "/tests/ui/" in path]
    others = [path for path in files if path not in set(seen) and not any(name in path for name in LONGEST)]
    places = {path: (n + 0.5) / len(seen) for n, path in enumerate(seen)}
    places |= {path: n / len(others) for n, path in enumerate(others)}
    items.sort(key=lambda item: (places.get(item.path.as_posix(), -1), files[item.path.as_posix()]))


def pytest_sessionfinish(session):
    from spatial_widgets import LocalService
    from spatial_widgets.client import history

    history.close()
    shutil.rmtree(session.config.stash[STATE], ignore_errors=True)
    store = session.config.stash[STORE]
    running = LocalService.running(store=store)
    if running is not None:
        running.stop()
    shutil.rmtree(store, ignore_errors=True)


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
            with contextlib.suppress(RuntimeError):  # one that is just about to start cannot be joined yet
                thread.join(0.2)
    assert not ours()
