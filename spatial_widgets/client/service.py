"""A geoprocessing service and its tasks."""

from __future__ import annotations

import difflib
import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.session import GPSession
from spatial_widgets.codec import decode_value, encode_value, form_text
from spatial_widgets.errors import (
    AuthenticationError,
    CodecError,
    NotFound,
    ParameterError,
    ProtocolError,
    ServiceError,
    TransportError,
)
from spatial_widgets.protocol import GPUrl, JobInfo, ServiceInfo, TaskInfo
from spatial_widgets.protocol.urls import join

if TYPE_CHECKING:
    from spatial_widgets.client.job import Job
    from spatial_widgets.protocol import ParameterInfo

__all__ = ["GPService", "GPTask"]

#: Settings of a submission that every task takes beside its own parameters.
#: https://developers.arcgis.com/rest/services-reference/enterprise/submit-gp-job/
ENVIRONMENT = frozenset(
    {
        "context",
        "env:outSR",
        "env:processSR",
        "esri_out_feature_service_name",
        "esri_out_image_service",
        "outputName",
        "returnColumnName",
        "returnFeatureCollection",
        "returnM",
        "returnTrueCurves",
        "returnZ",
        "simplifyFeatures",
    }
)


class GPService:
    """A GPServer: the tasks at one URL.

    Parameters
    ----------
    url : the service, ``…/GPServer``; a task's or job's URL is cut back to it.
    auth : a token, a callable that returns one (asked again when the service refuses the old one),
        or a ``requests.auth.AuthBase``. The token travels in a request header, to this origin only.

    Raises
    ------
    ParameterError : the URL is not a GPServer's, or carries a token itself.

    Notes
    -----
    Making one costs no request.
    """

    def __init__(self, url: str, *, auth: Any = None, session: GPSession | None = None) -> None:
        self.url = GPUrl.parse(url).service
        self.auth = auth
        self.session = session or GPSession(self.url, auth=auth)

    def info(self) -> ServiceInfo:
        """Return the service's description of itself. One GET."""
        return ServiceInfo.from_json(self.session.get_json(self.url), url=self.url)

    def tasks(self) -> list[str]:
        """Return the names of the tasks, in the service's order. One GET."""
        return list(self.info().tasks)

    def task(self, name: str) -> GPTask:
        """Return a task by name. No request: a wrong name is told when the task is first used."""
        return GPTask(self, name)

    def __repr__(self) -> str:
        return f"<GPService {self.url}>"


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

    def __repr__(self) -> str:
        return f"<GPTask {self.name} of {self.service.url}>"

    @property
    def session(self) -> GPSession:
        """The session of the service."""
        return self.service.session

    def info(self) -> TaskInfo:
        """Return the task's description. One GET the first time.

        Raises
        ------
        NotFound : the service has no such task; names those it has.
        """
        with self._lock:
            if self._info is None:
                self._info = self._describe()
            return self._info

    def _describe(self) -> TaskInfo:
        try:
            return TaskInfo.from_json(self.session.get_json(self.url), url=self.url)
        except AuthenticationError:
            raise
        except (ServiceError, ProtocolError) as error:
            # What a server says of an unknown task differs from server to server; its list decides.
            try:
                names = self.service.tasks()
            except (ServiceError, ProtocolError, TransportError):
                raise error from None
            if self.name in names:
                raise
            raise NotFound(
                f"The service has no task {self.name!r}.{_did_you_mean(self.name, names)} "
                f"Its tasks: {', '.join(names) or 'none'}.",
                code=getattr(error, "code", None),
                url=self.url,
            ) from error

    def submit(self, **parameters: Any) -> Job:
        """Submit a job and return it at once.

        Parameters
        ----------
        **parameters : the task's inputs by Esri's names. GeoDataFrames for layers, DataFrames for tables,
            ``LinearUnit`` or ``"5 kilometers"`` for distances, lists for multi-values. None means "not given".
            Beside them ``context``, ``outputName`` and the like (see :data:`ENVIRONMENT`).

        Raises
        ------
        ParameterError : an unknown name, a missing input, a wrong type or choice. Nothing was sent.
        ServiceError : the service refused; no job exists.
        TransportError : no answer came. If the request went out, the job may exist all the same;
            the message says so. It is not sent again.

        Notes
        -----
        One POST, never repeated, and one GET for the task's description the first time.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/submit-gp-job/
        """
        from spatial_widgets.client.job import Job

        if self.info().is_synchronous:
            raise ParameterError(
                f"{self.name} is a synchronous task; call .execute(…), which returns the results."
            )
        document = self._post("submitJob", self.encode(parameters))
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
        document = self._post("execute", self.encode(parameters))
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

    def encode(self, parameters: dict[str, Any]) -> dict[str, str]:
        """Return the form fields for parameters, or say what is wrong with them. No request but for the description."""
        info = self.info()
        form: dict[str, str] = {}
        for name, value in parameters.items():
            parameter = next((p for p in info.inputs if p.name == name), None)
            if parameter is None and name not in ENVIRONMENT:
                names = [p.name for p in info.inputs]
                raise ParameterError(
                    f"{self.name} has no parameter {name!r}.{_did_you_mean(name, names)} Its parameters: {', '.join(names) or 'none'}.",
                    parameter=name,
                    value=value,
                    expected=", ".join(names),
                )
            if value is not None:
                form[name] = form_text(value) if parameter is None else self._encode_one(parameter, value)
        missing = [p for p in info.inputs if p.required and p.name not in form]
        if missing:
            wanted = ", ".join(f"{p.name} ({p.data_type})" for p in missing)
            raise ParameterError(
                f"{self.name} needs {wanted}. Nothing was sent.",
                parameter=missing[0].name,
                expected=missing[0].data_type,
            )
        return form

    def _encode_one(self, parameter: ParameterInfo, value: Any) -> str:
        try:
            encoded = encode_value(parameter.data_type, value)
        except CodecError as error:
            raise ParameterError(
                f"{self.name}: parameter {parameter.name!r} ({parameter.data_type}): {error}. Nothing was sent.",
                parameter=parameter.name,
                value=value,
                expected=parameter.data_type,
            ) from error
        _check_choice(self.name, parameter, encoded)
        _check_range(self.name, parameter, encoded)
        return form_text(encoded)

    def _post(self, operation: str, form: dict[str, str]) -> Any:
        try:
            return self.session.post_json(join(self.url, operation), form)
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


def _check_choice(task: str, parameter: ParameterInfo, encoded: Any) -> None:
    if not parameter.choices:
        return
    for item in encoded if isinstance(encoded, list) else [encoded]:
        if item not in parameter.choices:
            choices = ", ".join(map(str, parameter.choices))
            raise ParameterError(
                f"{task}: parameter {parameter.name!r} got {item!r}.{_did_you_mean(str(item), map(str, parameter.choices))} "
                f"Choose one of {choices}. Nothing was sent.",
                parameter=parameter.name,
                value=item,
                expected=choices,
            )


def _check_range(task: str, parameter: ParameterInfo, encoded: Any) -> None:
    limits = parameter.filter or {}
    if limits.get("type") != "range" or not isinstance(encoded, (int, float)):
        return
    low, high = (_float(limits.get(key)) for key in ("minimum", "maximum"))
    if (low is not None and encoded < low) or (high is not None and encoded > high):
        raise ParameterError(
            f"{task}: parameter {parameter.name!r} got {encoded!r}; expected {low} to {high}. Nothing was sent.",
            parameter=parameter.name,
            value=encoded,
            expected=f"{low} to {high}",
        )


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _did_you_mean(name: str, known: Any) -> str:
    folded = {str(k).casefold(): str(k) for k in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""
