"""One task of a geoprocessing service: its description, submit, execute, attach."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import traces
from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.forms import form_of, takes_multipart
from spatial_widgets.client.parameters import form_fields
from spatial_widgets.client.snapshot import Snapshot
from spatial_widgets.client.submitting import Submitting
from spatial_widgets.codec import decode_value
from spatial_widgets.errors import (
    AuthenticationError,
    NotFound,
    ParameterError,
    ProtocolError,
    ServiceError,
    TransportError,
    TransportTimeout,
)
from spatial_widgets.protocol import TaskInfo
from spatial_widgets.protocol.spelling import did_you_mean
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.batch import Batch, OnError
    from spatial_widgets.client.job import Job
    from spatial_widgets.client.service import GPService
    from spatial_widgets.client.session import GPSession

__all__ = ["GPTask"]


class GPTask:
    """One task of a service; made by :meth:`GPService.task`."""

    def __init__(self, service: GPService, name: str) -> None:
        if not name or "/" in name:
            raise ParameterError(f"{name!r} is no task name.", parameter="name", value=name)
        self.service = service
        self.name = name
        self.url = join(service.url, name)
        self._info: TaskInfo | None = None
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Get a new lock, as in a forked child: who held the old one is not there."""
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.after_fork()
        renewed_after_fork(self)

    def __repr__(self) -> str:
        return f"<GPTask {self.name} of {self.service.url}>"

    @property
    def session(self) -> GPSession:
        """The session of the service."""
        return self.service.session

    def info(self, *, deadline_s: float | None = None) -> TaskInfo:
        """Return the task's description. One GET the first time, of at most ``deadline_s`` in all.

        Raises
        ------
        NotFound : the service has no such task; names those it has.
        """
        budget = Budget(self.session.clock, deadline_s)
        if not self._lock.acquire(timeout=-1 if deadline_s is None else deadline_s):
            raise TransportTimeout(
                f"GET {self.url}: another request took longer than {budget}.", url=self.url
            )
        try:
            if self._info is None:
                self._info = self._describe(budget)
            return self._info
        finally:
            self._lock.release()

    def _describe(self, budget: Budget) -> TaskInfo:
        try:
            document = self.session.get_json(self.url, deadline_s=budget.left_s)
            return TaskInfo.from_json(document, url=self.url)
        except AuthenticationError:
            raise
        except (ServiceError, ProtocolError) as error:
            # What a server says of an unknown task differs from server to server; its list decides.
            try:
                names = list(self.service.info(deadline_s=budget.left_s).tasks)
            except (ServiceError, ProtocolError, TransportError):
                raise error from None
            if self.name in names:
                raise
            raise NotFound(
                f"The service has no task {self.name!r}.{did_you_mean(self.name, names)} "
                f"Its tasks: {', '.join(names) or 'none'}.",
                code=getattr(error, "code", None),
                url=self.url,
            ) from error

    def submit(
        self, values: Mapping[str, Any] | None = None, /, *, reuse: bool = False, **parameters: Any
    ) -> Job:
        """Submit a job and return it at once.

        Parameters
        ----------
        values : more inputs, in a dict; the way to give one that is called ``reuse``: ``submit({"reuse": 5})``.
        reuse : return the newest job that this machine submitted with the same parameters, if it still runs or
            succeeded and the service still has it, instead of submitting again. A cell that is run again after a
            kernel restart then finds its job. Layers and local files count by their content, everything
            by what is sent, a token in a parameter too.
        **parameters : the task's inputs by Esri's names. None means "not given". By data type:

            - layers (GPFeatureRecordSetLayer, and the hosted tasks' GPString): a GeoDataFrame or GeoSeries with
              a CRS, a shapely geometry (in the CRS of its SRID; without one, longitude and latitude), the path
              of a file that geopandas reads, a layer's URL, a result file, a feature set as a dict;
            - tables (GPRecordSet): a DataFrame, a list of dicts, the path of a CSV or other file, a URL;
            - files and rasters: a URL, a result file, ``{"itemID": …}``, or the path of a local file, which is
              uploaded if the service takes uploads;
            - distances, areas, spans of time: ``LinearUnit`` and its like, ``(5, "kilometers")``, ``"5 kilometers"``;
            - dates: a datetime or date, a Timestamp or datetime64, ISO text, milliseconds since 1970 (no time
              zone means UTC);
            - multi-values: a list; value tables: a DataFrame, or a list of rows (lists, or dicts by column name);
            - composites: a value that one of the alternatives takes;
            - coordinate systems: a number, a ``pyproj.CRS``, a text that pyproj knows, a dict; extents: four
              numbers (xmin, ymin, xmax, ymax), a layer, a shapely geometry, a dict;
            - numbers, booleans, text, and for GPString anything that is JSON.

            Beside them ``context`` (a dict whose ``extent`` may be a layer and whose ``outSR`` a CRS),
            ``outputName`` and the like (see :data:`.environment.ENVIRONMENT`).

        Raises
        ------
        ParameterError : an unknown name, a missing input, a value of the wrong type or outside of what the
            task's choices and filters allow; the message names what is allowed. Nothing was sent.
        ServiceError : the service refused; no job exists.
        TransportError, ProtocolError : no answer came, or none that tells a job. If anything was sent, the job
            may exist all the same; the message says so, and where to look.
        SpatialWidgetsError : with ``reuse``: an earlier submit of these parameters, within the hour, has had no
            answer, or the history of jobs cannot be read. Nothing was sent.

        Notes
        -----
        One POST, and one GET each for the descriptions of the task and of its service the first time; one POST
        more for each file that is uploaded. With ``reuse``, one GET for a job that was found. A layer is written
        block by block and streamed: it needs little more memory than its text.

        The POST is never repeated, but for a service that says of itself that it makes one job of all submits
        with the same key, as the local one does: there, a lost answer is asked for again, up to four times within two
        minutes. Each submit leaves a trace in :mod:`.history`.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/submit-gp-job/
        """
        if self.info().is_synchronous:
            raise ParameterError(
                f"{self.name} is a synchronous task; call .execute(…), which returns the results."
            )
        merged = self._merged(values or {}, parameters, reuse)
        return Submitting(self, form_fields(self.name, self.info(), merged), reuse=reuse).run()

    def _merged(
        self, values: Mapping[str, Any], parameters: Mapping[str, Any], reuse: object
    ) -> dict[str, Any]:
        """Return all inputs; raises where one is given twice, or ``reuse`` may be meant as the task's own."""
        twice = sorted(values.keys() & parameters.keys())
        if twice:
            raise ParameterError(
                f"{self.name}: {twice[0]!r} is given twice, in the dict and by name. Nothing was sent.",
                parameter=twice[0],
            )
        is_ours = "reuse" in values or reuse is False or self.info().parameter("reuse") is None
        if not isinstance(reuse, bool) or not is_ours:
            raise ParameterError(
                f"{self.name}: reuse=True or False says whether an earlier job will do. An input of that name "
                f"goes into a dict: submit({{'reuse': {reuse!r}, …}}). Nothing was sent.",
                parameter="reuse",
                value=reuse,
                expected="True or False",
            )
        return {**values, **parameters}

    def map(self, rows: Any, *, max_running: int = 8, on_error: OnError = "keep", **common: Any) -> Batch:
        """Submit one job for each set of parameters, a few at a time; returns at once.

        Parameters
        ----------
        rows : a DataFrame, whose columns are inputs and whose index names the rows (an empty cell is an input that is not
            given), or a list of dicts.
        max_running : how many jobs are at the service at the same time, at most.
        on_error : "keep" goes on after a row that fails, "raise" submits nothing more.
        **common : inputs that all rows share, encoded once. As for :meth:`submit`.

        Raises
        ------
        ParameterError : as :meth:`submit`, for any row; it names the row. Nothing was sent.

        Notes
        -----
        One POST and the polls of one job for each row, in the background. A submit that fails before it was sent, or
        that the service has no room for, is tried again later; one whose answer is lost is not, except where the service
        makes one job of all submits with one key.

        Examples
        --------
        >>> batch = task.map([{"distances": [km]} for km in (1, 5, 20)], inputLayer=airports)
        >>> layers = dict(batch.results("bufferLayer"))
        """
        from spatial_widgets.client.batch import map_rows

        if self.info().is_synchronous:
            raise ParameterError(f"{self.name} is a synchronous task; call .execute(…) for each row.")
        return map_rows(self, rows, common, max_running=max_running, on_error=on_error)

    def execute(self, **parameters: Any) -> Any:
        """Run a synchronous task; return its value, or a dict of output name to value if it has several.

        One POST, never repeated, and one GET for the description the first time.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/execute-gp-task/
        """
        if not self.info().is_synchronous:
            raise ParameterError(
                f"{self.name} is an asynchronous task; call .submit(…), which returns a job."
            )
        form = form_of(self, form_fields(self.name, self.info(), parameters))
        try:
            document = self.session.post_json(
                join(self.url, "execute"), form, as_multipart=takes_multipart(self, form)
            )
        except AuthenticationError:
            raise
        except ServiceError as error:
            error.args = (f"{self.name} was not executed. {error.args[0]}",)
            raise
        results = document.get("results") if isinstance(document, dict) else None
        if not isinstance(results, list):
            raise ProtocolError(
                f"POST {self.url}/execute: the answer has no results.", url=self.url, excerpt=repr(document)
            )
        values = {
            str(r.get("paramName")): decode_value(
                str(r.get("dataType") or ""), r.get("value"), path=str(r.get("paramName"))
            )
            for r in results
            if isinstance(r, dict)
        }
        return next(iter(values.values())) if len(values) == 1 else values

    def attach(self, job_id: str) -> Job:
        """Return the job of that ID, as it stands now. One GET, or none where a poll under way tells it.

        Raises
        ------
        ServiceError : the service does not know the job (it may have been cleaned away).
        """
        from spatial_widgets.client.job import Job

        url = join(self.url, "jobs", job_id)
        snapshot = Snapshot.of(url, self.session)
        try:
            snapshot.ask(self.session, Budget(self.session.clock, None), job_id=job_id, anew=True)
        except AuthenticationError:
            raise
        except ServiceError as error:
            raise NotFound(
                f"The service knows no job {job_id!r} of task {self.name!r}: check the ID and the task's name; "
                f"services delete old jobs after a while. It said: {error}",
                code=error.code,
                details=error.details,
                url=url,
            ) from error
        job = Job(self, snapshot.info)
        traces.attached(self, job.info)
        return job
