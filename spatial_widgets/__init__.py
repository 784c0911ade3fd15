"""Run ArcGIS geoprocessing jobs from a notebook.

Everything public is here, and loaded when first used: importing this package costs nothing but itself.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spatial_widgets.client import GPService, GPTask, Job
    from spatial_widgets.data import sample
    from spatial_widgets.errors import SpatialWidgetsError
    from spatial_widgets.local import LocalService, connect
    from spatial_widgets.protocol import ArealUnit, JobInfo, JobMessage, JobStatus, LinearUnit
    from spatial_widgets.server.registry import task
    from spatial_widgets.widgets import JobTable, JobWidget, TaskForm

__all__ = [
    "ArealUnit",
    "GPService",
    "GPTask",
    "Job",
    "JobInfo",
    "JobMessage",
    "JobStatus",
    "JobTable",
    "JobWidget",
    "LinearUnit",
    "LocalService",
    "SpatialWidgetsError",
    "TaskForm",
    "connect",
    "sample",
    "task",
]

__version__ = "0.1.0"

_HOMES = {
    "ArealUnit": "protocol",
    "GPService": "client",
    "GPTask": "client",
    "Job": "client",
    "JobInfo": "protocol",
    "JobMessage": "protocol",
    "JobStatus": "protocol",
    "JobTable": "widgets",
    "JobWidget": "widgets",
    "LinearUnit": "protocol",
    "LocalService": "local",
    "SpatialWidgetsError": "errors",
    "TaskForm": "widgets",
    "connect": "local",
    "sample": "data",
    "task": "server.registry",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _show_in_notebooks() -> None:
    """Let what ends a cell show its widget: a Job, a Batch, a GPTask, a GPService. Registers names only, imports nothing."""
    ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if ipython is None:
        return

    def show(job: Any) -> None:
        from spatial_widgets.widgets.job import show_job

        show_job(job)._ipython_display_()

    def show_table(batch: Any) -> None:
        from spatial_widgets.widgets.batchtable import show_batch

        show_batch(batch)._ipython_display_()

    def show_tasks(service: Any) -> None:
        from spatial_widgets.widgets.tasklist import show_service

        show_service(service)._ipython_display_()

    def show_task(task: Any) -> None:
        from spatial_widgets.widgets.form import show_form

        show_form(task)._ipython_display_()

    formatter = ipython.display_formatter.ipython_display_formatter
    formatter.for_type_by_name("spatial_widgets.client.batch", "Batch", show_table)
    formatter.for_type_by_name("spatial_widgets.client.service", "GPService", show_tasks)
    formatter.for_type_by_name("spatial_widgets.client.job", "Job", show)
    formatter.for_type_by_name("spatial_widgets.client.task", "GPTask", show_task)


_show_in_notebooks()
