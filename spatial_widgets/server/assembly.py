"""Puts a whole service together in one process: store, executor, supervisor, core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.server.core import GPCore
from spatial_widgets.server.executors.inline import InlineExecutor
from spatial_widgets.server.journal import Journal
from spatial_widgets.server.store import Store
from spatial_widgets.server.supervisor import Drive, Supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spatial_widgets.server.executors.base import Executor
    from spatial_widgets.server.faults import Faults
    from spatial_widgets.server.limits import Limits
    from spatial_widgets.server.registry import Task

__all__ = ["build_core"]


def build_core(
    store: Path,
    tasks: Mapping[str, Task],
    *,
    executor: Executor | None = None,
    drive: Drive | None = None,
    limits: Limits | None = None,
    strict_arcgis: bool = False,
    is_anonymous: bool = False,
    faults: Faults | None = None,
) -> GPCore:
    """Put a whole service together in this process, without a socket, and start it.

    Parameters
    ----------
    store : folder of the service; made if need be, owned until :meth:`GPCore.close`.
    tasks : a :class:`~spatial_widgets.server.registry.Registry`.
    executor : how jobs are run; in the calling thread (:class:`InlineExecutor`) by default.
    drive : ``"thread"``, a supervisor thread (default for executors that can kill); ``"submit"``, the job has
        ended when ``submitJob`` answers (default inline); ``"step"``, nothing happens until ``supervisor.step()``
        or ``supervisor.run_pending()`` is called.
    """
    chosen = InlineExecutor(tasks) if executor is None else executor
    opened = Store(store)
    opened.journal = Journal(store)
    try:
        mode: Drive = drive or ("thread" if chosen.hard_kill else "submit")
        supervisor = Supervisor(tasks, opened, chosen, limits=limits, drive=mode)
        supervisor.start()
    except BaseException:
        opened.close()
        raise
    return GPCore(
        tasks,
        opened,
        supervisor,
        limits=limits,
        strict_arcgis=strict_arcgis,
        is_anonymous=is_anonymous,
        faults=faults,
    )
