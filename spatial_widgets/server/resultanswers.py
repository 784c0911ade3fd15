"""What is answered to a request for a result: a value as JSON text, a layer's address, a file."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from spatial_widgets.server.featureserver.naming import layer_value
from spatial_widgets.server.fileresults import addressed, disposition
from spatial_widgets.server.jobfiles import layer_number
from spatial_widgets.server.layerformats import layer_answer, refuse_layer_format
from spatial_widgets.server.outputs import shown_as
from spatial_widgets.server.registry import is_file
from spatial_widgets.server.routes import ROOT
from spatial_widgets.server.wire import Fault, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spatial_widgets.protocol import ParameterInfo
    from spatial_widgets.server.environment import ResultView
    from spatial_widgets.server.schema import JobView
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.wire import Request

__all__ = ["ResultAnswers"]

_LOG = logging.getLogger("spatial_widgets.server")


class ResultAnswers:
    """The results in a store, as they are given out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def text(self, view: JobView, parameter: ParameterInfo, shown: ResultView, request: Request) -> bytes:
        """Return the result resource of an output that the job has, as JSON text.

        Raises
        ------
        Fault : its file is damaged or gone.
        """
        head = Response.of({"paramName": parameter.name, "dataType": parameter.data_type}).body
        return head[:-1] + b',"value":' + self._value(view, parameter, shown, request) + b"}"

    def _value(self, view: JobView, parameter: ParameterInfo, shown: ResultView, request: Request) -> bytes:
        result = view.results[parameter.name]
        number = layer_number(result)
        name = self._store.hosted_name(view.row.id) if number is not None else None
        if number is not None and name is not None:
            return Response.of(layer_value(name, number, view.row.id, request)).body
        with _damage_told(view, parameter.name):
            text = self._store.files.read(view.row.id, result)
        if is_file(parameter):
            return addressed(text, _results_url(view, request))
        # The value is JSON text on the disk already; it is read into objects only to be changed.
        return shown_as(text, shown, parameter.name)

    def layer(self, view: JobView, parameter: ParameterInfo, shown: ResultView, chosen: str) -> Response:
        """Return an output that is a layer in one of the formats of layers.

        Raises
        ------
        Fault : it is no layer, or kept as one of a feature service; its file is damaged or gone.
        """
        result = view.results[parameter.name]
        if layer_number(result) is not None:
            raise refuse_layer_format(
                chosen, f"the result {parameter.name!r} is the address of one, which answers queries with it"
            )
        with _damage_told(view, parameter.name):
            text = self._store.files.read(view.row.id, result)
        return layer_answer(shown_as(text, shown, parameter.name), chosen, shown, parameter.name)

    def file(self, view: JobView, address: str) -> Response:
        """Return the file at an address below the job's results, to be kept and not shown.

        Raises
        ------
        Fault : there is none, or it is damaged.
        """
        folded = address.casefold()
        found = next((r for r in view.results.values() if r.name.casefold() == folded), None)
        if found is None:
            raise Fault(
                404,
                f"The job {view.row.id} has no file {address[:200]!r}. Ask for the result, and take its url.",
            )
        headers = {
            "Content-Disposition": disposition(found.name.rpartition("/")[2]),
            "Content-Length": str(found.size),
        }
        with _damage_told(view, found.name):
            file = self._store.files.opened(view.row.id, found)
        return Response(b"", content_type="application/octet-stream", headers=headers, file=file)


@contextlib.contextmanager
def _damage_told(view: JobView, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _LOG.exception("result %s of job %s", name, view.row.id)
        text = f"The result {name!r} of job {view.row.id} is damaged or gone from the disk. Submit the job again."
        raise Fault(500, text) from error


def _results_url(view: JobView, request: Request) -> str:
    """Return the address of a job's results, under the name by which the client knows this service."""
    host = request.headers.get("host", "")
    path = f"{ROOT}/{quote(view.row.task, safe='')}/jobs/{view.row.id}/results"
    return f"http://{host}{path}" if host else path
