"""Stand-ins with no network and no real time: a clock, a GPServer that follows a script, workers that run at once."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from spatial_widgets.client import GPService, GPSession
from spatial_widgets.server.form import parse_form

URL = "https://gp.test/arcgis/rest/services/tasks/GPServer"

TASK = {
    "name": "Buffer",
    "displayName": "Buffer",
    "description": "",
    "category": "",
    "helpUrl": "",
    "executionType": "esriExecutionTypeAsynchronous",
    "parameters": [
        {"name": "inputLayer", "dataType": "GPFeatureRecordSetLayer", "displayName": "", "direction": "esriGPParameterDirectionInput", "defaultValue": None, "parameterType": "esriGPParameterTypeRequired", "category": ""},
        {"name": "distance", "dataType": "GPDouble", "displayName": "", "direction": "esriGPParameterDirectionInput", "defaultValue": 1.0, "parameterType": "esriGPParameterTypeOptional", "category": "", "filter": {"type": "range", "minimum": 0, "maximum": 100}},
        {"name": "units", "dataType": "GPString", "displayName": "", "direction": "esriGPParameterDirectionInput", "defaultValue": "Meters", "parameterType": "esriGPParameterTypeOptional", "category": "", "choiceList": ["Meters", "Kilometers"]},
        {"name": "bufferLayer", "dataType": "GPFeatureRecordSetLayer", "displayName": "", "direction": "esriGPParameterDirectionOutput", "defaultValue": None, "parameterType": "esriGPParameterTypeDerived", "category": ""},
    ],
}  # fmt: skip

POINT_LAYER = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326, "latestWkid": 4326},
    "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
    "features": [{"attributes": {"n": 1}, "geometry": {"x": 10.0, "y": 50.0}}],
    "exceededTransferLimit": False,
}


class FakeClock:
    """Time that moves only when somebody waits."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.ahead = 1.7e9  # of the wall clock
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time + self.ahead

    def sleep(self, seconds: float) -> None:
        """Sleep as a laptop does under Linux: only the wall clock goes on."""
        self.ahead += seconds

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        assert timeout_s is not None, "a wait without end, with nobody to wake it"
        self.waits.append(timeout_s)
        self.time += timeout_s
        return False


class InlineWorkers:
    """Runs work at once, on the caller's thread."""

    def submit(self, work: Callable[[], None]) -> None:
        work()


class Raw:
    """An HTTP answer to give: status, body, headers."""

    def __init__(
        self, body: bytes | str | Mapping[str, Any] | list[Any], status: int = 200, **headers: str
    ) -> None:
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        self.body = text if isinstance(text, bytes) else text.encode()
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Asked:
    """A request that came in."""

    def __init__(self, method: str, url: str, form: dict[str, str], headers: Mapping[str, str]) -> None:
        self.method, self.url, self.form, self.headers = method, url, form, headers
        self.path = urlsplit(url).path

    @property
    def operation(self) -> str:
        return self.path.rstrip("/").rpartition("/")[2]


def read_body(request: requests.PreparedRequest) -> bytes:
    """Return what goes over the wire: of a streamed body, exactly as much as its length says."""
    body: Any = request.body
    if hasattr(body, "read"):
        whole = b"".join(iter(lambda: body.read(16384), b""))
        assert len(whole) == int(request.headers["Content-Length"])
        return whole
    return body.encode() if isinstance(body, str) else body or b""


class ScriptedApp(BaseAdapter):
    """A GPServer with one task whose jobs follow ``polls``, one entry a poll; the last one stays.

    An entry is a status word, a job document, a :class:`Raw` answer, or an exception to raise.
    """

    def __init__(
        self,
        polls: list[Any] | None = None,
        *,
        task: Mapping[str, Any] = TASK,
        results: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.polls = list(polls or ["esriJobSucceeded"])
        self.task = task
        self.results = {"bufferLayer": POINT_LAYER} if results is None else results
        self.asked: list[Asked] = []
        self.answers: dict[str, list[Any]] = {}  # operation to answers that come first
        self.job_id = "j0123456789abcdef0123456789abcdef"
        self.capabilities = ""
        self.is_ours = False  # whether the service's description says that it reads multipart forms
        self.takes_key = False  # and that it makes one job of submits with one key

    def count(self, operation: str) -> int:
        return sum(a.operation == operation for a in self.asked)

    def service(self, *, clock: FakeClock | None = None, auth: Any = None) -> GPService:
        session = GPSession(URL, auth=auth, adapter=lambda: self, **({"clock": clock} if clock else {}))
        return GPService(URL, auth=auth, session=session)

    def submit(self, *, clock: FakeClock | None = None, auth: Any = None) -> Any:
        return self.service(clock=clock, auth=auth).task("Buffer").submit(inputLayer=POINT_LAYER)

    # requests' side

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        body = read_body(request)
        kind = str(request.headers.get("Content-Type", ""))
        asked = Asked(
            str(request.method),
            str(request.url),
            dict(parse_qsl(parts.query)) | (parse_form(body, kind) if body else {}),
            dict(request.headers),
        )
        self.asked.append(asked)
        answer = self.answer(asked)
        if isinstance(answer, BaseException):
            raise answer
        raw = answer if isinstance(answer, Raw) else Raw(answer)
        response = requests.Response()
        response.status_code = raw.status
        response.headers.update(raw.headers)
        response.raw = io.BytesIO(raw.body)
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        pass

    def answer(self, asked: Asked) -> Any:
        """Return the answer that was prepared for the operation, or the ordinary one."""
        prepared = self.answers.get(asked.operation)
        if prepared:
            return prepared.pop(0)
        match asked.path.removeprefix(urlsplit(URL).path).strip("/").split("/"):
            case [""]:
                return {
                    "currentVersion": 11.1,
                    "serviceDescription": "",
                    "tasks": [self.task["name"]],
                    "executionType": self.task["executionType"],
                    "resultMapServerName": "",
                    "maximumRecords": 1000,
                    "capabilities": self.capabilities,
                    **({"formEncodings": ["multipart/form-data"]} if self.is_ours else {}),
                    **({"takesIdempotencyKey": True} if self.takes_key else {}),
                }
            case [name] if name == self.task["name"]:
                return self.task
            case ["uploads", "upload"]:
                return {"success": True, "item": {"itemID": f"i{self.count('upload')}", "committed": True}}
            case [name, "submitJob"] if name == self.task["name"]:
                return {"jobId": self.job_id, "jobStatus": "esriJobSubmitted"}
            case [_, "jobs", job_id] if job_id == self.job_id:
                return self.job()
            case [_, "jobs", _, "cancel"]:
                return {"jobId": self.job_id, "jobStatus": "esriJobCancelling"}
            case [_, "jobs", _, "results", name] if name in self.results:
                return {"paramName": name, "dataType": "GPFeatureRecordSetLayer", "value": self.results[name]}
        return error(400, f"Unable to complete operation: {asked.path}")

    def job(self) -> Any:
        entry = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        if not isinstance(entry, str):
            return entry
        document: dict[str, Any] = {"jobId": self.job_id, "jobStatus": entry, "messages": []}
        if entry == "esriJobSucceeded":
            document["results"] = {name: {"paramUrl": f"results/{name}"} for name in self.results}
        return document


def error(code: int, message: str, details: list[str] | None = None) -> dict[str, Any]:
    """Return an Esri error body."""
    return {"error": {"code": code, "message": message, "details": details or []}}


def message(text: str, kind: str = "Informative") -> dict[str, str]:
    """Return one entry of a job's messages."""
    return {"type": f"esriJobMessageType{kind}", "description": text}
