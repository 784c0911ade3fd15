"""Processes told apart from their successors of the same number, and ended for certain.

A bare process number may long belong to somebody else; together with its start time it names one process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

__all__ = ["SUPPORTS_GROUPS", "end_group", "is_alive", "kill_group", "kill_process", "start_mark"]

SUPPORTS_GROUPS = hasattr(os, "killpg")
_HAS_PROC = Path("/proc/self/stat").exists()
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def start_mark(pid: int) -> str | None:
    """Return a text that tells this process from others that had or will have its number; None if it is gone.

    A process that has ended and only waits to be collected by its parent is gone.
    """
    if _HAS_PROC:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        # The second field is the program's name in brackets and may hold anything; count behind it.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in {"Z", "X"} else fields[19]
    return _start_elsewhere(pid)


def _start_elsewhere(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def is_alive(pid: int | None, mark: str | None) -> bool:
    """Return whether exactly that process still runs."""
    return pid is not None and mark is not None and start_mark(pid) == mark


def kill_group(pid: int) -> None:
    """Kill what is left of the group that a process led; an empty group is no error."""
    if SUPPORTS_GROUPS:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, _SIGKILL)


def kill_process(pid: int) -> None:
    """Kill a process and the group it leads; one that is gone is no error."""
    kill_group(pid)
    # Until it has called setsid a new worker leads no group yet.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, _SIGKILL)


def end_group(pid: int | None, mark: str | None, *, timeout_s: float = 5.0) -> bool:
    """Kill a process and its group, and return whether it is gone.

    A process that already carries another start mark is somebody else's and left alone.
    """
    if pid is None or mark is None:
        return True
    until = time.monotonic() + timeout_s
    while start_mark(pid) == mark:
        kill_process(pid)
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
