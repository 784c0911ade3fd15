"""What clients ask about jobs: submit, execute, validate, look, cancel, and fetch what comes of them."""

from __future__ import annotations

import json
import logging
import re
import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import JobStatus
from spatial_widgets.protocol.message import ERROR
from spatial_widgets.server import documents
from spatial_widgets.server.environment import Environment, ResultView
from spatial_widgets.server.featureserver.naming import HOSTED, output_name
from spatial_widgets.server.inputs import ENVIRONMENT
from spatial_widgets.server.layerformats import LAYER_FORMATS
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.refusals import QueueFull, StoreUnwritable
from spatial_widgets.server.registry import is_hosted
from spatial_widgets.server.resultanswers import ResultAnswers
from spatial_widgets.server.spellings import REMARKS
from spatial_widgets.server.wire import Fault, Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spatial_widgets.server.references import References
    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.routes import Asked
    from spatial_widgets.server.schema import JobRow, JobView
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.supervisor import Supervisor

__all__ = ["JobRoutes", "find_task"]

_LOG = logging.getLogger("spatial_widgets.server")
_REFUSED = "Invalid or missing input parameters."
_JOB_ID = re.compile(r"j[0-9a-f]{32}", re.ASCII)
_LOOK_EVERY_S = 1.0
_MOST_LISTED = 100


def find_task(tasks: Mapping[str, Task], name: str) -> Task:
    """Return a task by its name in any case.

    Raises
    ------
    Fault : there is none; the message lists those there are.
    """
    found = tasks.get(name) or next((t for n, t in tasks.items() if n.casefold() == name.casefold()), None)
    if found is None:
        known = ", ".join(tasks) or "none"
        raise Fault(404, f"There is no task {name[:100]!r}. The tasks of this service are: {known}.")
    return found


class JobRoutes:
    """The operations of a task and its jobs, by the names that the table of routes has."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        store: Store,
        supervisor: Supervisor,
        references: References,
        *,
        limits: Limits | None = None,
        strict_arcgis: bool = False,
        is_anonymous: bool = False,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._supervisor = supervisor
        self._references = references
        self._answers = ResultAnswers(store)
        self._limits = limits or Limits()
        self._strict = strict_arcgis
        # Without a token nobody can say whose the jobs of earlier services were.
        self._hidden = store.ids() if is_anonymous else frozenset()
        self._turns = threading.BoundedSemaphore(max(1, self._limits.executes))

    # ------------------------------------------------------------ making jobs

    def submit(self, asked: Asked) -> dict[str, Any]:
        """Keep a job and answer with its ID."""
        task = find_task(self._tasks, asked.values["task"])
        if task.synchronous:
            raise Fault(400, f"The task {task.name!r} is synchronous: use execute instead of submitJob.")
        key = asked.request.headers.get("x-idempotency-key") or asked.option("x-idempotency-key") or None
        job_id = self._add(task, asked, f"{task.name}/{key}" if key else None)
        return {"jobId": job_id, "jobStatus": JobStatus.SUBMITTED.value}

    def execute(self, asked: Asked) -> Response:
        """Run a synchronous task, wait for its end, and answer with its results."""
        task = find_task(self._tasks, asked.values["task"])
        if not task.synchronous:
            raise Fault(400, f"The task {task.name!r} is asynchronous: use submitJob instead of execute.")
        view = ResultView.of(asked.request, is_result=False)
        if not self._turns.acquire(blocking=False):
            raise Fault(
                503,
                f"{self._limits.executes} calls of synchronous tasks are being waited for. Try again in a moment.",
            )
        try:
            row = self._await(self._add(task, asked, None))
        finally:
            self._turns.release()
        return self._executed(task, row, view, asked)

    def _add(self, task: Task, asked: Asked, key: str | None) -> str:
        try:
            return self._keep(task, asked, key)
        except (Fault, ParameterError) as error:
            if self._store.journal is not None:
                self._store.journal.refused(task.name, getattr(error, "code", 400))
            raise

    def _keep(self, task: Task, asked: Asked, key: str | None) -> str:
        if not self._supervisor.is_accepting:
            raise Fault(503, "The service is stopping. Start it again, and submit the job then.")
        if task.refusal:
            raise Fault(400, task.refusal)
        given, values, files = self._checked(task, asked)
        hosted = output_name(asked.request, {p.name.casefold() for p in task.inputs})
        if hosted is not None and any(is_hosted(p) for p in task.outputs):
            files[HOSTED] = json.dumps({"name": hosted}).encode()
        else:
            hosted = None
        timeout_s = task.timeout_s(values) if callable(task.timeout_s) else task.timeout_s
        try:
            job_id = self._store.add(
                task.name,
                given,
                restartable=task.restartable,
                timeout_s=self._limits.timeout_s if timeout_s is None else timeout_s,
                key=key,
                queue_limit=self._limits.queue,
                files=files,
                hosted=hosted,
            )
        except (QueueFull, StoreUnwritable) as error:
            raise Fault(503, str(error)) from error
        except FileNotFoundError as error:
            raise Fault(400, "An input was deleted in this very moment. Send it again.") from error
        self._supervisor.submitted()
        return job_id

    def _checked(
        self, task: Task, asked: Asked
    ) -> tuple[dict[str, str], dict[str, Any], dict[str, bytes | Path]]:
        """Return the inputs as they were sent, decoded as far as they are here, and the files of the job.

        Raises
        ------
        ParameterError : something is wrong that can be seen before the job runs.
        """
        environment = Environment.of(asked.request, _names(task))
        given = task.given(asked.request.form)
        try:
            values = task.check(given)
        except RecursionError as error:
            raise ParameterError(f"{task.name}: a parameter is nested too deeply to be read.") from error
        files = self._references.files(task, given) | dict(task.files)
        if not environment.is_plain:
            files[ENVIRONMENT] = environment.to_json()
        remarks = task.remarks(asked.request.form)
        if remarks:
            files[REMARKS] = json.dumps(remarks).encode()
        return given, values, files

    def _await(self, job_id: str) -> JobRow:
        ended = False
        try:
            while self._supervisor.is_accepting:
                row = self._store.await_end(job_id, _LOOK_EVERY_S)
                if row is None or row.status.is_terminal:
                    ended = True
                    break
            else:
                raise Fault(503, "The service is stopping. Start it again, and call the task then.")
        finally:
            if not ended:
                self._supervisor.cancel(job_id)
        if row is None:
            raise Fault(500, "The job is gone. Call the task again.")
        return row

    def _executed(self, task: Task, row: JobRow, view: ResultView, asked: Asked) -> Response:
        job = self._store.view(row.id)
        if job is None:
            raise Fault(500, "The job is gone. Call the task again.")
        said = [message.to_json() for message in job.messages]
        if row.status is not JobStatus.SUCCEEDED:
            reasons = [line["description"] for line in said if line["type"] == ERROR]
            raise Fault(400, reasons[-1] if reasons else f"{task.name}: {row.status.value}.", reasons)
        texts = [
            self._answers.text(job, p, view, asked.request) for p in task.outputs if p.name in job.results
        ]
        rest = Response.of(said).body
        return Response(b'{"results":[' + b",".join(texts) + b'],"messages":' + rest + b"}")

    def validate(self, asked: Asked) -> dict[str, Any]:
        """Look at inputs without running anything."""
        task = find_task(self._tasks, asked.values["task"])
        given = task.given(asked.request.form)
        problems: dict[str, str] = {}
        if task.refusal:
            return documents.validation(task, given, {"": task.refusal})
        for parameter in task.inputs:
            try:
                task.check_one(parameter, given)
                self._references.files(task, {parameter.name: given.get(parameter.name, "")})
            except (ParameterError, RecursionError) as error:
                problems[parameter.name] = str(error) or "nested too deeply"
        try:
            Environment.of(asked.request, _names(task))
        except ParameterError as error:
            problems[""] = str(error)
        return documents.validation(task, given, problems)

    # ------------------------------------------------------------ looking at jobs

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


def _names(task: Task) -> set[str]:
    return {parameter.name.casefold() for parameter in task.inputs}


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
