"""What a service says of itself, its tasks and their parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ParameterInfo", "ServiceInfo", "TaskInfo"]

_DIRECTION = "esriGPParameterDirection"
_REQUIRED = "esriGPParameterTypeRequired"
#: A word in the list ``formEncodings`` of our own service's description.
MULTIPART = "multipart/form-data"
SYNCHRONOUS = "esriExecutionTypeSynchronous"


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """One parameter of a task.

    ``data_type`` is Esri's word (``GPLong``, ``GPMultiValue:GPString`` …), ``direction`` is
    ``"input"`` or ``"output"``, ``choices`` the choice list (empty: anything goes), ``filter`` the
    service's own filter object or None. ``holds_rows`` marks a GPString that is a layer or a table, as those of
    the hosted analyses are; only a service's own tasks know, for the wire does not say it.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-task/
    """

    name: str
    data_type: str
    direction: str = "input"
    required: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    filter: Mapping[str, Any] | None = None
    display_name: str = ""
    description: str = ""
    category: str = ""
    parameter_type: str = "esriGPParameterTypeOptional"
    dependency: str | None = None
    members: tuple[ParameterInfo, ...] = ()
    holds_rows: bool = False

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ParameterInfo:
        """Read one entry of ``parameters``; keys that old servers leave out take their default."""
        kind = str(document.get("parameterType") or "esriGPParameterTypeOptional")
        direction = str(document.get("direction") or "").removeprefix(_DIRECTION).lower() or "input"
        chosen = document.get("choiceList")
        limits = document.get("filter")
        members = document.get("parameterInfos")
        return cls(
            name=str(document.get("name") or ""),
            data_type=str(document.get("dataType") or "GPString"),
            direction=direction,
            required=direction == "input" and kind == _REQUIRED,
            default=document.get("defaultValue"),
            choices=tuple(chosen) if isinstance(chosen, list) else (),
            filter=limits if isinstance(limits, dict) else None,
            display_name=str(document.get("displayName") or ""),
            description=str(document.get("description") or ""),
            category=str(document.get("category") or ""),
            parameter_type=kind,
            dependency=document.get("dependency") or None,
            members=tuple(cls.from_json(m) for m in members if isinstance(m, dict))
            if isinstance(members, list)
            else (),
        )

    @property
    def is_input(self) -> bool:
        """Whether a client sends this parameter."""
        return self.direction == "input"


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task's description: its name and its parameters, inputs and outputs, in the service's order.

    ``refusal`` is why our own service takes no job of it, "" where it takes them; ArcGIS says nothing of the kind.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-task/
    """

    name: str
    parameters: tuple[ParameterInfo, ...] = ()
    display_name: str = ""
    description: str = ""
    category: str = ""
    help_url: str = ""
    execution_type: str = ""
    refusal: str = ""

    @classmethod
    def from_json(cls, document: Any, *, url: str = "") -> TaskInfo:
        """Read a task resource.

        Raises
        ------
        ProtocolError : the body is not an object with ``parameters``.
        """
        if not isinstance(document, dict) or not isinstance(document.get("parameters"), list):
            raise ProtocolError(
                "The reply does not describe a task: it has no parameters. Check the task's name and URL.",
                url=url,
                excerpt=repr(document),
            )
        return cls(
            name=str(document.get("name") or ""),
            parameters=tuple(
                ParameterInfo.from_json(p) for p in document["parameters"] if isinstance(p, dict)
            ),
            display_name=str(document.get("displayName") or ""),
            description=str(document.get("description") or ""),
            category=str(document.get("category") or ""),
            help_url=str(document.get("helpUrl") or ""),
            execution_type=str(document.get("executionType") or ""),
            refusal=str(document.get("refusal") or ""),
        )

    @property
    def inputs(self) -> tuple[ParameterInfo, ...]:
        """The parameters a client sends."""
        return tuple(p for p in self.parameters if p.is_input)

    @property
    def outputs(self) -> tuple[ParameterInfo, ...]:
        """The parameters the service answers with."""
        return tuple(p for p in self.parameters if not p.is_input)

    @property
    def is_synchronous(self) -> bool:
        """Whether the task answers to ``execute`` instead of ``submitJob``."""
        return self.execution_type == SYNCHRONOUS

    def parameter(self, name: str) -> ParameterInfo | None:
        """Return the parameter of that name, by exact spelling first, then in any case."""
        folded = name.casefold()
        exact = (p for p in self.parameters if p.name == name)
        return next(exact, None) or next((p for p in self.parameters if p.name.casefold() == folded), None)


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A geoprocessing service's description of itself.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-service/
    """

    tasks: tuple[str, ...]
    description: str = ""
    version: float | None = None
    execution_type: str = ""
    maximum_records: int | None = None
    capabilities: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Any, *, url: str = "") -> ServiceInfo:
        """Read a service resource.

        Raises
        ------
        ProtocolError : the body is not an object with a list of ``tasks``.
        """
        if not isinstance(document, dict) or not isinstance(document.get("tasks"), list):
            raise ProtocolError(
                "The reply does not describe a geoprocessing service: it has no list of tasks. Check the URL.",
                url=url,
                excerpt=repr(document),
            )
        version = document.get("currentVersion")
        records = document.get("maximumRecords")
        return cls(
            tasks=tuple(str(name) for name in document["tasks"]),
            description=str(document.get("serviceDescription") or ""),
            version=float(version) if isinstance(version, (int, float)) else None,
            execution_type=str(document.get("executionType") or ""),
            maximum_records=records if isinstance(records, int) else None,
            capabilities=tuple(
                c.strip() for c in str(document.get("capabilities") or "").split(",") if c.strip()
            ),
            document=document,
        )

    @property
    def takes_multipart(self) -> bool:
        """Whether the service says that ``submitJob`` reads multipart forms; ArcGIS promises only URL-encoded ones."""
        kinds = self.document.get("formEncodings")
        return isinstance(kinds, list) and MULTIPART in kinds

    @property
    def spatial_analysis(self) -> dict[str, str]:
        """How each task of the hosted Spatial Analysis service stands at our own service, by name; empty elsewhere."""
        told = self.document.get("spatialAnalysis")
        return {str(name): str(word) for name, word in told.items()} if isinstance(told, dict) else {}

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the service says that submits with the same ``X-Idempotency-Key`` make one job; ArcGIS has no such thing."""
        return self.document.get("takesIdempotencyKey") is True
