"""The service without a web framework: a request in, a response out. What is below which path is said here.

::

    /health
    /arcgis/rest/info
    /arcgis/rest/services
    /arcgis/rest/services/tasks/GPServer/…          (gpserver.py; more faces can be mounted beside it)
    /arcgis/rest/services/Hosted/…                  (featureserver/face.py)
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any, Protocol, Self

from spatial_widgets import __version__
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.server import documents
from spatial_widgets.server.featureserver.face import FeatureServer
from spatial_widgets.server.featureserver.naming import ROOT as HOSTED
from spatial_widgets.server.gpserver import GPServer
from spatial_widgets.server.htmlpage import page
from spatial_widgets.server.jsondepth import refuse_deep_json
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.routes import ROOT
from spatial_widgets.server.uploads import Uploads
from spatial_widgets.server.wire import Fault, Request, Response, error_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.server.faults import Faults
    from spatial_widgets.server.registry import Task
    from spatial_widgets.server.store import Store
    from spatial_widgets.server.supervisor import Supervisor

__all__ = ["Face", "GPCore"]

_LOG = logging.getLogger("spatial_widgets.server")
_FORMATS = frozenset({"json", "pjson", "html", ""})
_REFUSED = "Invalid or missing input parameters."


class Face(Protocol):
    """What answers below one path."""

    def answer(self, request: Request, segments: list[str]) -> Any:
        """Return a JSON document or a :class:`Response`; ``segments`` are what follows the face's own path.

        Raises
        ------
        Fault, ParameterError, CodecError : become Esri errors.
        """


class GPCore:
    """One service: its tasks, its store, its supervisor, and the faces that lead to them.

    Parameters
    ----------
    strict_arcgis : refuse a cancel while the job is still Submitted, or cancelled already, as ArcGIS does.
    is_anonymous, faults : told to clients only; the token and misbehaving are the adapter's business.
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
        faults: Faults | None = None,
    ) -> None:
        self.instance = secrets.token_hex(8)
        self.store = store
        self.supervisor = supervisor
        self._limits = limits or Limits()
        self._is_anonymous = is_anonymous
        self._faults = faults
        self.uploads = Uploads(store.folder / "uploads", self._limits)
        self._faces: list[tuple[list[str], Face]] = []
        self.mount(
            ROOT,
            GPServer(
                tasks,
                store,
                supervisor,
                self.uploads,
                limits=self._limits,
                strict_arcgis=strict_arcgis,
                is_anonymous=is_anonymous,
                faults=faults,
            ),
        )

        self.mount(HOSTED, FeatureServer(store, limits=self._limits, is_anonymous=is_anonymous))

    def mount(self, path: str, face: Face) -> None:
        """Let a face answer everything at and below a path; the words of a path are compared without case."""
        self._faces.append(([word.casefold() for word in path.split("/") if word], face))

    def close(self, grace_s: float = 0.0) -> None:
        """Stop the supervisor and give the store free; jobs that wait stay kept."""
        self.supervisor.stop(grace_s)
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def handle(self, request: Request) -> Response:
        """Answer a request. Never raises: what goes wrong is an Esri error body, without a traceback."""
        try:
            answer = self._route(request)
        except Fault as fault:
            answer = error_body(fault.code, str(fault), fault.details)
        except (ParameterError, CodecError) as error:
            answer = error_body(400, str(error), [_REFUSED])
        except Exception:  # noqa: BLE001 -- whatever it is, the answer is an Esri error
            number = secrets.token_hex(4)
            _LOG.exception("error %s at %s %r", number, request.method, request.path[:200])
            text = f"The service failed at this request; its log has more under error {number}."
            answer = error_body(500, text)
        return self._shown(request, answer)

    def _shown(self, request: Request, answer: Any) -> Response:
        if isinstance(answer, Response) and answer.file is not None:
            return answer
        if request.wants_html:
            return page(request.path, answer, is_anonymous=self._is_anonymous)
        if isinstance(answer, Response):
            return answer
        return Response.of(answer, pretty=request.option("f").casefold() == "pjson")

    def _route(self, request: Request) -> Any:
        if request.method not in {"GET", "POST", "HEAD"}:
            raise Fault(405, f"{request.method[:20]} is not supported. Use GET or POST.")
        segments = [segment for segment in request.path.split("/") if segment]
        words = [segment.casefold() for segment in segments]
        prefix, face = next(((p, f) for p, f in self._faces if words[: len(p)] == p), ([], None))
        if request.option("f").casefold() not in _FORMATS | getattr(face, "formats", _FORMATS):
            raise Fault(
                400, f"The output format {request.option('f')[:40]!r} is not supported. Ask for f=json."
            )
        for name, text in request.form.items():
            try:
                refuse_deep_json(text, self._limits.json_depth)
            except ValueError as error:
                raise ParameterError(f"{name[:100]}: {error}.", parameter=name) from error
        if words == ["health"]:
            return self._health()
        if words == ["arcgis", "rest", "info"]:
            return documents.site(is_anonymous=self._is_anonymous)
        if words == ["arcgis", "rest", "services"]:
            return documents.catalog()
        if face is not None:
            return face.answer(request, segments[len(prefix) :])
        raise Fault(
            404,
            f"There is nothing at {request.path[:200]!r}. The service is at /arcgis/rest/services/tasks/GPServer.",
        )

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
        } | ({} if self._faults is None else {"faults": self._faults.to_json()})
