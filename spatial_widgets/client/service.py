"""A geoprocessing service and its tasks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.auth import hidden
from spatial_widgets.client.body import form_size
from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.parameters import form_fields
from spatial_widgets.client.session import GPSession
from spatial_widgets.client.uploads import check_uploads, upload
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
from spatial_widgets.protocol import GPUrl, JobInfo, ServiceInfo, TaskInfo
from spatial_widgets.protocol.spelling import did_you_mean
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.job import Job

__all__ = ["GPService", "GPTask"]

# Below this the kind of encoding makes no difference worth a question to the service.
_LARGE = 1 << 20


class GPService:
    """A GPServer: the tasks at one URL.

    Parameters
    ----------
    url : the service, ``…/GPServer``; a task's or job's URL is cut back to it.
    auth : what to sign in with: a token or API key, a function that returns one (asked again when the service
        refuses the old one), a ``UserLogin``, ``AppLogin`` or ``Token`` of :mod:`spatial_widgets.client.auth`, or a
        ``requests.auth.AuthBase``. A token travels in a request header, to this origin only.

    Raises
    ------
    ParameterError : the URL is not a GPServer's, or carries a token itself.

    Warns
    -----
    UserWarning : with ``auth``, where the address is plain http and not this machine; once per origin.

    Notes
    -----
    Making one costs no request. A pickle of it holds no token or password: what is read from it says to sign in
    again when it is used.
    """

    def __init__(self, url: str, *, auth: Any = None, session: GPSession | None = None) -> None:
        auth = hidden(auth)
        self.url = GPUrl.parse(url).service
        self.session = session or GPSession(self.url, auth=auth)
        self._known: ServiceInfo | None = None

    @property
    def auth(self) -> Any:
        """What signs in to it, to be passed on as ``auth=``; the text of a token is hidden in a :class:`.Token`."""
        return self.session.auth

    def info(self, *, deadline_s: float | None = None) -> ServiceInfo:
        """Return the service's description of itself. One GET, of at most ``deadline_s`` in all."""
        document = self.session.get_json(self.url, deadline_s=deadline_s)
        self._known = ServiceInfo.from_json(document, url=self.url)
        return self._known

    def known_info(self) -> ServiceInfo:
        """Return the description that was read last. One GET the first time."""
        return self._known or self.info()

    def tasks(self) -> list[str]:
        """Return the names of the tasks, in the service's order. One GET."""
        return list(self.info().tasks)

    def task(self, name: str) -> GPTask:
        """Return a task by name. No request: a wrong name is told when the task is first used."""
        return GPTask(self, name)

    def __repr__(self) -> str:
        return f"<GPService {vars(self).get('url', 'not made')}>"  # a traceback may show it half made


class GPTask:
    """One task of a service; made by :meth:`GPService.task`."""

    def __init__(self, service: GPService, name: str) -> None:
        if not name or "/" in name:
            raise ParameterError(f"{name!r} is no task name.", parameter="name", value=name)
        self.service = service
        self.name = name
        self.url = join(service.url, name)
        self._info: TaskInfo | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

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

    def submit(self, **parameters: Any) -> Job:
        """Submit a job and return it at once.

        Parameters
        ----------
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
        TransportError : no answer came. If the request went out, the job may exist all the same;
            the message says so. It is not sent again.

        Notes
        -----
        One POST, never repeated, and one GET for the task's description the first time; one POST more for
        each file that is uploaded, and one GET for the service's description the first time that a file or
        more than a megabyte is sent. A layer is written block by block and streamed: it needs little more
        memory than its text.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/submit-gp-job/
        """
        from spatial_widgets.client.job import Job

        if self.info().is_synchronous:
            raise ParameterError(
                f"{self.name} is a synchronous task; call .execute(…), which returns the results."
            )
        document = self._post("submitJob", self._form(parameters))
        info = JobInfo.from_json(document, url=self.url)
        if not info.job_id:
            raise ProtocolError(
                f"POST {self.url}/submitJob: the answer has no jobId.", url=self.url, excerpt=repr(document)
            )
        return Job(self, info)

    def execute(self, **parameters: Any) -> Any:
        """Run a synchronous task; return its value, or a dict of output name to value if it has several.

        One POST, never repeated, and one GET for the description the first time.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/execute-gp-task/
        """
        if not self.info().is_synchronous:
            raise ParameterError(
                f"{self.name} is an asynchronous task; call .submit(…), which returns a job."
            )
        document = self._post("execute", self._form(parameters))
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
        """Return the job of that ID, as it stands now. One GET.

        Raises
        ------
        ServiceError : the service does not know the job (it may have been cleaned away).
        """
        from spatial_widgets.client.job import Job

        url = join(self.url, "jobs", job_id)
        try:
            document = self.session.get_json(url)
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
        return Job(self, JobInfo.from_json(document, job_id=job_id, url=url))

    def _form(self, parameters: Mapping[str, Any]) -> dict[str, FormValue]:
        """Return the checked form, once the local files in it were uploaded."""
        submission = form_fields(self.name, self.info(), parameters)
        for name, file in submission.files:
            check_uploads(self.service.known_info(), file.path, parameter=name, url=self.service.url)
        for _, file in submission.files:
            try:
                file.update(upload(self.session, self.service.url, file.path))
            except (ServiceError, TransportError) as error:
                error.args = (
                    f"{str(file.path)!r} was not uploaded, and {self.name} not submitted. {error.args[0]}",
                )
                raise
        return submission.finished()

    def _takes_multipart(self, form: Mapping[str, FormValue]) -> bool:
        """Whether a form is worth the question, and the service says that it reads multipart bodies."""
        if form_size(form) < _LARGE:
            return False
        try:
            return self.service.known_info().takes_multipart
        except (ServiceError, ProtocolError, TransportError):
            return False  # a service that does not describe itself may still take the job

    def _post(self, operation: str, form: Mapping[str, FormValue]) -> Any:
        as_multipart = self._takes_multipart(form)
        try:
            return self.session.post_json(join(self.url, operation), form, as_multipart=as_multipart)
        except TransportError as error:
            if "Nothing was sent" not in str(error) and operation == "submitJob":
                doubt = (
                    "The service may have accepted the job all the same, so it was not sent again: "
                    "look at the service's job list, if you can, before you submit once more."
                )
                error.args = (f"{error.args[0]} {doubt}",)
            raise
        except AuthenticationError:
            raise
        except ServiceError as error:
            error.args = (f"{self.name} was not submitted. {error.args[0]}",)
            raise
