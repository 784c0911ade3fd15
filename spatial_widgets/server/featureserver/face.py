"""The FeatureServer face: everything at and below ``/arcgis/rest/services/Hosted``. It only reads.

::

    Hosted
    Hosted/<name>/FeatureServer[/layers | /0[/query]]
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol import JobStatus
from spatial_widgets.server.featureserver.answering import Answer
from spatial_widgets.server.featureserver.describing import describe_folder, describe_layer, describe_service
from spatial_widgets.server.featureserver.layerfile import LayerFile
from spatial_widgets.server.featureserver.query import FORMATS, Query
from spatial_widgets.server.featureserver.selecting import Selections
from spatial_widgets.server.jobfiles import layer_number
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Fault, Response

if TYPE_CHECKING:
    from spatial_widgets.server.jobfiles import ResultFile
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.wire import Request

__all__ = ["FeatureServer"]

_LOG = logging.getLogger("spatial_widgets.server")
_OPENED = 16


class FeatureServer:
    """The outputs of jobs that were submitted with an ``outputName``, as layers that can be queried.

    Parameters
    ----------
    is_anonymous : without a token nobody can say whose the jobs of earlier services were: they are not shown.
    """

    #: What a query may ask for as ``f``.
    formats = frozenset(FORMATS)

    def __init__(self, store: Store, *, limits: Limits | None = None, is_anonymous: bool = False) -> None:
        self._store = store
        self._limits = limits or Limits()
        self._hidden = store.ids() if is_anonymous else frozenset()
        self._selections = Selections(self._limits.where_s)
        self._opened: OrderedDict[tuple[str, str], LayerFile] = OrderedDict()
        self._mutex = threading.Lock()
        # Each query may hold some tens of megabytes: so many at a time.
        self._turns = threading.BoundedSemaphore(max(1, self._limits.queries))

    def answer(self, request: Request, segments: list[str]) -> Any:
        """Answer a request at a path below the folder.

        Raises
        ------
        Fault, ParameterError, CodecError : the answer is an error.
        """
        words = [segment.casefold() for segment in segments]
        is_query = len(words) == 4 and words[3] == "query"
        if not is_query and request.option("f").casefold() in {"pbf", "geojson"}:
            raise Fault(400, "Only a query answers so. Ask for f=json.")
        page = max(1, self._limits.page_records)
        match words:
            case []:
                names = [name for name, job_id in self._store.hosted() if job_id not in self._hidden]
                return describe_folder(names)
            case [_, "featureserver"]:
                name, layers = self._layers(segments[0])
                return describe_service(name, layers, page=page)
            case [_, "featureserver", "layers"]:
                _, layers = self._layers(segments[0])
                found = [
                    (number, layer.is_spatial, describe_layer(number, layer, page=page))
                    for number, layer in sorted(layers.items())
                ]
                return {
                    "layers": [document for _, is_spatial, document in found if is_spatial],
                    "tables": [document for _, is_spatial, document in found if not is_spatial],
                }
            case [_, "featureserver", number]:
                return describe_layer(*self._layer(segments[0], number), page=page)
            case [_, "featureserver", number, "query"]:
                _, layer = self._layer(segments[0], number)
                return self._query(request, layer, page)
        raise Fault(
            404,
            f"There is nothing at {request.path[:200]!r}. Below a service there are layers, <number> and <number>/query.",
        )

    def _query(self, request: Request, layer: LayerFile, page: int) -> Response:
        names = [field["name"] for field in layer.fields]
        query = Query.of(request, names, id_field=layer.id_field)
        if query.format == "pbf" and not layer.described.get("isWhole", True):
            raise Fault(
                400,
                "Some z or m of this layer are missing, which has no form in a protocol buffer. Ask for f=json.",
            )
        try:
            with self._turns:
                return Answer(layer, query, self._selections.rows(layer, query), page=page).response()
        except FileNotFoundError as error:
            raise Fault(
                404, "The layer went with its job in this very moment. Submit the job again."
            ) from error

    # ------------------------------------------------------------ finding layers

    def _layer(self, name: str, number: str) -> tuple[int, LayerFile]:
        spelled, layers = self._layers(name)
        found = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else -1
        if found not in layers:
            known = ", ".join(map(str, sorted(layers)))
            raise Fault(
                404, f"The service {spelled!r} has no layer {number[:20]!r}. Its layers are: {known}."
            )
        return found, layers[found]

    def _layers(self, name: str) -> tuple[str, dict[int, LayerFile]]:
        hosted = self._store.hosted_job(name)
        view = self._store.view(hosted[1]) if hosted is not None and hosted[1] not in self._hidden else None
        if hosted is None or view is None:
            raise Fault(
                404,
                f"There is no service {name[:100]!r}. It is there when the job that was submitted with this "
                "outputName has succeeded, and goes with that job.",
            )
        if view.row.status is not JobStatus.SUCCEEDED:
            raise Fault(
                400, f"The job {view.row.id}, which is to write {hosted[0]!r}, is {view.row.status.value}."
            )
        files = {layer_number(result): result for result in view.results.values()}
        return hosted[0], {
            number: self._open(view.row.id, result) for number, result in files.items() if number is not None
        }

    def _open(self, job_id: str, result: ResultFile) -> LayerFile:
        key = job_id, result.file
        with self._mutex:
            if key in self._opened:
                self._opened.move_to_end(key)
                return self._opened[key]
        try:
            path = self._store.files.checked(job_id, result)
            layer = LayerFile.open(path, result.sha256)
        except OSError as error:
            _LOG.exception("layer %s of job %s", result.name, job_id)
            text = f"The layer {result.name!r} of job {job_id} is damaged or gone from the disk. Submit the job again."
            raise Fault(500, text) from error
        with self._mutex:
            self._opened[key] = layer
            if len(self._opened) > _OPENED:
                self._opened.popitem(last=False)
        return layer
