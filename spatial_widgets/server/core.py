"""The GPServer face without a web framework: a request in, a response out.

::

    /health
    /arcgis/rest/info
    /arcgis/rest/services
    /arcgis/rest/services/tasks/GPServer[/Task[/submitJob | /jobs/ID[/cancel | /results[/Name] | /inputs[/Name]]]]
"""

from __future__ import annotations

import logging
import re
import secrets
from typing import TYPE_CHECKING, Any, Self

from spatial_widgets import __version__
from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol import JobStatus
from spatial_widgets.server import documents
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.store import QueueFull, Store
from spatial_widgets.server.wire import Fault, Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.schema import JobView
    from spatial_widgets.server.supervisor import Supervisor

__all__ = ["GPCore"]

_LOG = logging.getLogger("spatial_widgets.server")
_SERVICE = ["arcgis", "rest", "services", "tasks", "gpserver"]
_JOB_ID = re.compile(r"j[0-9a-f]{32}", re.ASCII)
_FORMATS = {"json", "pjson", "html", ""}
_REFUSED = "Invalid or missing input parameters."


class GPCore:
    """One service: its tasks, its store, its supervisor, and the routes that lead to them.

    Parameters
    ----------
    strict_arcgis : refuse a cancel while the job is still Submitted, or cancelled already, as ArcGIS does.
    is_anonymous : told to clients only; the token is the adapter's business.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        store: Store,
        supervisor: Supervisor,
        *,
        limits: Limits | None = None,
        strict_arcgis: bool = False,
        is_anonymous: bool = False,
    ) -> None:
        self.instance = secrets.token_hex(8)
        self.store = store
        self.supervisor = supervisor
        self._tasks = tasks
        self._limits = limits or Limits()
        self._strict = strict_arcgis
        self._is_anonymous = is_anonymous

    def close(self, grace_s: float = 0.0) -> None:
        """Stop the supervisor and give the store free; jobs that wait stay kept."""
        self.supervisor.stop(grace_s)
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ routes

    def handle(self, request: Request) -> Response:
        """Answer a request. Never raises: what goes wrong is an Esri error body, without a traceback."""
        form = {name.casefold(): value for name, value in request.form.items()}
        pretty = form.get("f", "").casefold() == "pjson"
        try:
            answer = self._route(request, form)
            return answer if isinstance(answer, Response) else Response.of(answer, pretty=pretty)
        except Fault as fault:
            return Response.error(fault.code, str(fault), fault.details, pretty=pretty)
        except ParameterError as error:
            return Response.error(400, str(error), [_REFUSED], pretty=pretty)
        except Exception:  # noqa: BLE001 -- whatever it is, the answer is an Esri error
            number = secrets.token_hex(4)
            _LOG.exception("error %s at %s %s", number, request.method, request.path)
            return Response.error(
                500,
                f"The service failed at this request; its log has more under error {number}.",
                pretty=pretty,
            )

    def _route(self, request: Request, form: Mapping[str, str]) -> Any:
        if request.method not in {"GET", "POST", "HEAD"}:
            raise Fault(405, f"{request.method} is not supported. Use GET or POST.")
        if form.get("f", "").strip().casefold() not in _FORMATS:
            raise Fault(400, f"The output format {form['f']!r} is not supported. Ask for f=json.")
        segments = [segment for segment in request.path.split("/") if segment]
        words = [segment.casefold() for segment in segments]
        if words == ["health"]:
            return self._health()
        if words == ["arcgis", "rest", "info"]:
            return {
                "currentVersion": documents.CURRENT_VERSION,
                "fullVersion": f"{documents.CURRENT_VERSION}.0",
                "authInfo": {"isTokenBasedSecurity": not self._is_anonymous},
            }
        if words == ["arcgis", "rest", "services"]:
            return documents.catalog()
        if words[:5] == _SERVICE:
            return self._service(segments[5:], request, form)
        raise Fault(
            404,
            f"There is nothing at {request.path!r}. The service is at /arcgis/rest/services/tasks/GPServer.",
        )

    def _service(self, segments: list[str], request: Request, form: Mapping[str, str]) -> Any:
        if not segments:
            return documents.service(self._tasks, maximum_records=1_000_000)
        task = self._task(segments[0])
        match [segment.casefold() for segment in segments[1:]]:
            case []:
                return task.to_json()
            case ["submitjob"]:
                return self._submit(task, request, form)
            case ["execute"]:
                raise Fault(400, f"The task {task.name!r} is asynchronous: use submitJob instead of execute.")
            case ["jobs", job_id, *rest] if len(rest) <= 2:
                return self._job(self._view(task, job_id), task, [*rest[:1], *segments[4:]], form)
        raise Fault(
            404, f"There is nothing at {request.path!r}. Below a task there are submitJob and jobs/<jobId>."
        )

    def _task(self, name: str) -> Task:
        found = self._tasks.get(name) or next(
            (t for n, t in self._tasks.items() if n.casefold() == name.casefold()), None
        )
        if found is None:
            known = ", ".join(self._tasks) or "none"
            raise Fault(404, f"There is no task {name!r}. The tasks of this service are: {known}.")
        return found

    def _view(self, task: Task, job_id: str) -> JobView:
        view = self.store.view(job_id) if _JOB_ID.fullmatch(job_id) else None
        if view is None or view.row.task != task.name:
            hours = self._limits.keep_s / 3600
            raise Fault(
                404,
                f"The task {task.name!r} has no job {job_id!r}. Check the job ID; "
                f"ended jobs are kept for {hours:g} hours. Submit the job again if it is older.",
            )
        return view

    def _job(self, view: JobView, task: Task, rest: list[str], form: Mapping[str, str]) -> Any:
        match rest:
            case []:
                return documents.job(
                    view, task, with_messages=form.get("returnmessages", "").strip().casefold() != "false"
                )
            case ["cancel"]:
                return self._cancel(view)
            case ["results", *name]:
                return self._results(view, task, name, form)
            case ["inputs", *name]:
                return self._inputs(view, task, name)
        raise Fault(404, f"A job has no {rest[0]!r}. It has cancel, results and inputs.")

    # ------------------------------------------------------------ answers

    def _health(self) -> dict[str, Any]:
        executor = self.supervisor.executor
        return {
            "status": "ok" if self.supervisor.is_accepting else "stopping",
            "instance": self.instance,
            "version": __version__,
            "executor": executor.name,
            "workers": executor.capacity(),
            "anonymous": self._is_anonymous,
            "live": self.supervisor.live(),
            "jobs": self.store.counts(),
        }

    def _submit(self, task: Task, request: Request, form: Mapping[str, str]) -> dict[str, Any]:
        if not self.supervisor.is_accepting:
            raise Fault(503, "The service is stopping. Start it again, and submit the job then.")
        given = task.given(form)
        try:
            values = task.check(given)
        except RecursionError as error:
            raise ParameterError(f"{task.name}: a parameter is nested too deeply to be read.") from error
        timeout_s = task.timeout_s(values) if callable(task.timeout_s) else task.timeout_s
        key = request.headers.get("x-idempotency-key") or form.get("x-idempotency-key") or None
        try:
            job_id = self.store.add(
                task.name,
                given,
                restartable=task.restartable,
                timeout_s=self._limits.timeout_s if timeout_s is None else timeout_s,
                key=f"{task.name}/{key}" if key else None,
                queue_limit=self._limits.queue,
            )
        except QueueFull as error:
            raise Fault(503, str(error)) from error
        self.supervisor.submitted()
        return {"jobId": job_id, "jobStatus": JobStatus.SUBMITTED.value}

    def _cancel(self, view: JobView) -> dict[str, Any]:
        row = view.row
        refused = row.status.is_terminal and (self._strict or row.status is not JobStatus.CANCELLED)
        if refused or (self._strict and row.status is JobStatus.SUBMITTED):
            raise _no_cancel(row.id, row.status)
        if row.status is not JobStatus.CANCELLED and not self.supervisor.cancel(row.id):
            now = self.store.job(row.id)
            raise _no_cancel(row.id, now.status if now else JobStatus.DELETED)
        after = self.store.job(row.id)
        status = after.status if after else JobStatus.CANCELLED
        return {"jobId": row.id, "jobStatus": status.value}

    def _results(self, view: JobView, task: Task, name: list[str], form: Mapping[str, str]) -> Response:
        row = view.row
        if row.status is not JobStatus.SUCCEEDED:
            hint = "it has no results" if row.status.is_terminal else "ask again when it is esriJobSucceeded"
            raise Fault(400, f"The job {row.id} is {row.status.value}: {hint}.")
        wanted = [p for p in task.outputs if p.name in view.results]
        if name:
            known = ", ".join(p.name for p in wanted) or "none"
            wanted = [p for p in wanted if p.name.casefold() == name[0].casefold()]
            if not wanted:
                raise Fault(404, f"The job {row.id} has no result {name[0]!r}. Its results are: {known}.")
        texts = []
        for parameter in wanted:
            head = Response.of({"paramName": parameter.name, "dataType": parameter.data_type}).body
            # The value is JSON text on the disk already; it is not read into objects and written again.
            texts.append(head[:-1] + b',"value":' + self._value(view, parameter.name) + b"}")
        body = texts[0] if name else b"[" + b",".join(texts) + b"]"
        return (
            Response.of(Response(body).json(), pretty=True)
            if form.get("f", "").casefold() == "pjson"
            else Response(body)
        )

    def _value(self, view: JobView, name: str) -> bytes:
        try:
            return self.store.files.read(view.row.id, view.results[name])
        except OSError as error:
            _LOG.exception("result %s of job %s", name, view.row.id)
            text = f"The result {name!r} of job {view.row.id} is damaged or gone from the disk. Submit the job again."
            raise Fault(500, text) from error

    def _inputs(self, view: JobView, task: Task, name: list[str]) -> Any:
        given = self.store.files.parameters(view.row.id)
        if not name:
            return [documents.input_value(p, given) for p in task.inputs]
        found = next((p for p in task.inputs if p.name.casefold() == name[0].casefold()), None)
        if found is None:
            known = ", ".join(p.name for p in task.inputs)
            raise Fault(404, f"The task {task.name!r} has no input {name[0]!r}. Its inputs are: {known}.")
        return documents.input_value(found, given)


def _no_cancel(job_id: str, status: JobStatus) -> Fault:
    reason = (
        "it has ended already" if status.is_terminal else "cancel it again when it is waiting or executing"
    )
    # ArcGIS's own sentence: clients know a refused cancel by it.
    return Fault(400, _REFUSED, [f"The job {job_id} is {status.value} and cannot be cancelled: {reason}."])
