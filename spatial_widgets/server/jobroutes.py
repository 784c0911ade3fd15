"""What clients ask about the jobs there are: list them, look at one, cancel it, and fetch what comes of it."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus
from spatial_widgets.server import documents
from spatial_widgets.server.environment import ResultView
from spatial_widgets.server.layerformats import LAYER_FORMATS
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.routes import find_task
from spatial_widgets.server.wire import Fault, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.resultanswers import ResultAnswers
    from spatial_widgets.server.routes import Asked
    from spatial_widgets.server.schema import JobView
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.supervisor import Supervisor

__all__ = ["JobRoutes"]

_LOG = logging.getLogger("spatial_widgets.server")
_REFUSED = "Invalid or missing input parameters."
_JOB_ID = re.compile(r"j[0-9a-f]{32}", re.ASCII)
_MOST_LISTED = 100


class JobRoutes:
    """The operations of a task's jobs, by the names that the table of routes has."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        store: Store,
        supervisor: Supervisor,
        answers: ResultAnswers,
        *,
        limits: Limits | None = None,
        strict_arcgis: bool = False,
        is_anonymous: bool = False,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._supervisor = supervisor
        self._answers = answers
        self._limits = limits or Limits()
        self._strict = strict_arcgis
        # Without a token nobody can say whose the jobs of earlier services were.
        self._hidden = store.ids() if is_anonymous else frozenset()

    def jobs(self, asked: Asked) -> dict[str, Any]:
        """List a task's jobs, newest first."""
        task = find_task(self._tasks, asked.values["task"])
        word = asked.option("jobStatus")
        statuses = [status for status in JobStatus if status.value.casefold() == word.casefold()]
        if word and not statuses:
            raise Fault(400, f"There is no jobStatus {word[:40]!r}; one is esriJobExecuting.")
        start, number = _count(asked, "start", 0), min(_MOST_LISTED, _count(asked, "num", 25))
        rows = [row for row in self._store.of_task(task.name, statuses) if row.id not in self._hidden][::-1]
        return {
            "total": len(rows),
            "start": start,
            "num": number,
            "nextStart": start + number if start + number < len(rows) else -1,
            "jobs": [documents.job_line(row) for row in rows[start : start + number]],
        }

    def job(self, asked: Asked) -> dict[str, Any]:
        """Return the job resource."""
        task, view = self._view(asked)
        flag = asked.request.flag("returnMessages", default=True)
        return documents.job(view, task, with_messages=flag is not False)

    def cancel(self, asked: Asked) -> dict[str, Any]:
        """Cancel a job."""
        _, view = self._view(asked)
        row = view.row
        refused = row.status.is_terminal and (self._strict or row.status is not JobStatus.CANCELLED)
        if refused or (self._strict and row.status is JobStatus.SUBMITTED):
            raise _no_cancel(row.id, row.status)
        if row.status is not JobStatus.CANCELLED and not self._supervisor.cancel(row.id):
            now = self._store.job(row.id)
            raise _no_cancel(row.id, now.status if now else JobStatus.DELETED)
        after = self._store.job(row.id)
        status = after.status if after else JobStatus.CANCELLED
        return {"jobId": row.id, "jobStatus": status.value}

    def inputs(self, asked: Asked) -> list[dict[str, Any]]:
        """Return all inputs, as they were sent."""
        task, view = self._view(asked)
        given = self._store.files.parameters(view.row.id)
        return [documents.input_value(p, given) for p in task.inputs]

    def input(self, asked: Asked) -> dict[str, Any]:
        """Return one input, as it was sent."""
        task, view = self._view(asked)
        name = asked.values["name"]
        found = next((p for p in task.inputs if p.name.casefold() == name.casefold()), None)
        if found is None:
            known = ", ".join(p.name for p in task.inputs)
            raise Fault(404, f"The task {task.name!r} has no input {name[:100]!r}. Its inputs are: {known}.")
        return documents.input_value(found, self._store.files.parameters(view.row.id))

    def results(self, asked: Asked) -> Response:
        """Return all results."""
        task, view = self._succeeded(asked)
        shown = ResultView.of(asked.request)
        texts = [
            self._answers.text(view, p, shown, asked.request) for p in task.outputs if p.name in view.results
        ]
        return _answer(b"[" + b",".join(texts) + b"]", asked)

    def result(self, asked: Asked) -> Response:
        """Return one result."""
        task, view = self._succeeded(asked)
        name = asked.values["name"]
        known = [p for p in task.outputs if p.name in view.results]
        found = task.output(name)
        if found is None or found not in known:
            names = ", ".join(p.name for p in known) or "none"
            raise Fault(404, f"The job {view.row.id} has no result {name[:100]!r}. Its results are: {names}.")
        shown = ResultView.of(asked.request)
        chosen = asked.option("f").casefold()
        if chosen in LAYER_FORMATS:
            return self._answers.layer(view, found, shown, chosen)
        return _answer(self._answers.text(view, found, shown, asked.request), asked)

    def result_file(self, asked: Asked) -> Response:
        """Return a file that a result points to."""
        _, view = self._succeeded(asked)
        return self._answers.file(view, "/".join(asked.values[part] for part in ("name", "number", "file")))

    def _view(self, asked: Asked) -> tuple[Task, JobView]:
        task = find_task(self._tasks, asked.values["task"])
        job_id = asked.values["jobId"].lower()
        view = self._store.view(job_id) if _JOB_ID.fullmatch(job_id) else None
        if view is None or view.row.task != task.name:
            hours = self._limits.keep_s / 3600
            raise Fault(
                400,
                f"The task {task.name!r} has no job {job_id[:60]!r}. Check the job ID; "
                f"ended jobs are kept for {hours:g} hours. Submit the job again if it is older.",
            )
        return task, view

    def _succeeded(self, asked: Asked) -> tuple[Task, JobView]:
        task, view = self._view(asked)
        row = view.row
        if row.status is not JobStatus.SUCCEEDED:
            hint = "it has no results" if row.status.is_terminal else "ask again when it is esriJobSucceeded"
            raise Fault(400, f"The job {row.id} is {row.status.value}: {hint}.")
        return task, view


def _answer(text: bytes, asked: Asked) -> Response:
    return (
        Response.of(json.loads(text), pretty=True)
        if asked.option("f").casefold() == "pjson"
        else Response(text)
    )


def _count(asked: Asked, name: str, default: int) -> int:
    text = asked.option(name)
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Fault(400, f"{name} is a whole number from 0 up, got {text[:40]!r}.")
    return int(text) if text else default


def _no_cancel(job_id: str, status: JobStatus) -> Fault:
    reason = (
        "it has ended already" if status.is_terminal else "cancel it again when it is waiting or executing"
    )
    # ArcGIS's own sentence: clients know a refused cancel by it.
    return Fault(400, _REFUSED, [f"The job {job_id} is {status.value} and cannot be cancelled: {reason}."])
