"""The GPServer face: everything at and below ``…/GPServer``, by the table of routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.server import documents, routes
from spatial_widgets.server.jobroutes import JobRoutes
from spatial_widgets.server.layerformats import LAYER_FORMATS, refuse_layer_format
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.openapi import describe
from spatial_widgets.server.references import References
from spatial_widgets.server.resultanswers import ResultAnswers
from spatial_widgets.server.routes import LAYER_FORMAT, find_task
from spatial_widgets.server.submitroutes import SubmitRoutes
from spatial_widgets.server.uploadroutes import UploadRoutes
from spatial_widgets.server.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spatial_widgets.server.faults import Faults
    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.routes import Asked
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.supervisor import Supervisor
    from spatial_widgets.server.uploads import Uploads
    from spatial_widgets.server.wire import Request

__all__ = ["GPServer"]


class GPServer:
    """Answers by route: the service and its tasks itself, what makes jobs, the jobs, and uploads through routes of their own."""

    #: What may be asked for as ``f``, at one route or another.
    formats = frozenset({"", *LAYER_FORMAT.choices})

    def __init__(
        self,
        tasks: Mapping[str, Task],
        store: Store,
        supervisor: Supervisor,
        uploads: Uploads,
        *,
        limits: Limits | None = None,
        strict_arcgis: bool = False,
        is_anonymous: bool = False,
        faults: Faults | None = None,
    ) -> None:
        bounds = limits or Limits()
        self._tasks = tasks
        self._limits = bounds
        self._is_anonymous = is_anonymous
        self._faults = faults
        answers = ResultAnswers(store)
        submits = SubmitRoutes(
            tasks, store, supervisor, answers, References(store, uploads, tasks, bounds), limits=bounds
        )
        jobs = JobRoutes(
            tasks,
            store,
            supervisor,
            answers,
            limits=bounds,
            strict_arcgis=strict_arcgis,
            is_anonymous=is_anonymous,
        )
        owners = (self, submits, jobs, UploadRoutes(uploads))
        self._operations: dict[str, Callable[[Asked], Any]] = {
            route.operation: next(
                getattr(owner, route.operation) for owner in owners if hasattr(owner, route.operation)
            )
            for route in routes.ROUTES
        }

    def answer(self, request: Request, segments: list[str]) -> Any:
        """Answer a request at a path below the service.

        Raises
        ------
        Fault, ParameterError : the answer is an error.
        """
        asked = routes.find(request, segments)
        if asked is None:
            raise Fault(404, self._nothing(request.path, segments))
        if asked.route.changes and request.is_navigation:
            raise Fault(
                403,
                "These pages are for reading. Submit, cancel and upload with a client such as spatial_widgets.",
            )
        chosen = request.option("f").casefold()
        if chosen in LAYER_FORMATS and not asked.route.is_layer:
            raise refuse_layer_format(chosen, "this is none: only results/<name> can be")
        return self._operations[asked.route.operation](asked)

    def _nothing(self, path: str, segments: list[str]) -> str:
        if len(segments) > 3 and segments[1].casefold() == "jobs":
            below = "A job has cancel, results and inputs."
        elif segments[0].casefold() == "uploads":
            below = "Below uploads there are info, upload, register and <itemID>."
        else:
            find_task(self._tasks, segments[0])
            below = "Below a task there are submitJob, execute, validate, jobs and jobs/<jobId>."
        return f"There is nothing at {path[:200]!r}. {below}"

    def service(self, _: Asked) -> dict[str, Any]:
        """Return the service resource."""
        return documents.service(
            self._tasks, maximum_records=self._limits.maximum_records, faults=self._faults
        )

    def info(self, _: Asked) -> dict[str, Any]:
        """Return what the service is."""
        return documents.service_info()

    def openapi(self, _: Asked) -> dict[str, Any]:
        """Return the OpenAPI description."""
        return describe(list(self._tasks.values()), is_anonymous=self._is_anonymous)

    def task(self, asked: Asked) -> dict[str, Any]:
        """Return a task resource."""
        return find_task(self._tasks, asked.values["task"]).to_json()
