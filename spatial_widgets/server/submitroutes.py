"""What makes jobs: submit one, execute a synchronous task, or have the inputs validated."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import JobStatus
from spatial_widgets.protocol.message import ERROR
from spatial_widgets.server import documents
from spatial_widgets.server.environment import Environment, ResultView
from spatial_widgets.server.featureserver.naming import HOSTED, output_name
from spatial_widgets.server.inputs import ENVIRONMENT
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.refusals import QueueFull, StoreUnwritable
from spatial_widgets.server.registry import is_hosted
from spatial_widgets.server.routes import find_task
from spatial_widgets.server.spellings import REMARKS
from spatial_widgets.server.wire import Fault, Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spatial_widgets.server.references import References
    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.resultanswers import ResultAnswers
    from spatial_widgets.server.routes import Asked
    from spatial_widgets.server.schema import JobRow
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.supervisor import Supervisor

__all__ = ["SubmitRoutes"]

_LOOK_EVERY_S = 1.0


class SubmitRoutes:
    """The operations of a task that take its inputs, by the names that the table of routes has."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        store: Store,
        supervisor: Supervisor,
        answers: ResultAnswers,
        references: References,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._supervisor = supervisor
        self._answers = answers
        self._references = references
        self._limits = limits or Limits()
        self._turns = threading.BoundedSemaphore(max(1, self._limits.executes))

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


def _names(task: Task) -> set[str]:
    return {parameter.name.casefold() for parameter in task.inputs}
