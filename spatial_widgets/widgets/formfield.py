"""One input of a task as a form shows it: made from the task's description alone. Pure.

What a reader enters is an *entry*: plain JSON of texts, as elements of a page give them. An empty one leaves the
parameter out. formvalues.py makes Python values of entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec import alternatives_of, member_of
from spatial_widgets.codec.encode import REFUSED
from spatial_widgets.protocol.units import AREAL_UNITS, LINEAR_UNITS, TIME_UNITS
from spatial_widgets.widgets.formstart import blank_of, start_of
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.protocol import ParameterInfo, TaskInfo

__all__ = ["QUANTITIES", "Field", "field_of", "fields_of"]

#: Kind of a quantity to its unit words and the prefix that readers need not see.
QUANTITIES: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "linear": (LINEAR_UNITS, "esri"),
    "areal": (AREAL_UNITS, "esri"),
    "time": (TIME_UNITS, "esriTimeUnits"),
}
_MULTI = "GPMultiValue:"
_KINDS = {
    "GPString": "text",
    "GPStringHidden": "hidden",
    "GPSQLExpression": "where",
    "GPBoolean": "boolean",
    "GPLong": "whole",
    "GPDouble": "number",
    "GPDate": "date",
    "GPLinearUnit": "linear",
    "GPArealUnit": "areal",
    "GPTimeUnit": "time",
    "GPFeatureRecordSetLayer": "layer",
    "GPRecordSet": "table",
    "GPRasterData": "file",
    "GPRasterDataLayer": "file",
    "GPDataFile": "file",
    "Field": "field",
    "GPSpatialReference": "reference",
    "GPCoordinateSystem": "reference",
    "GPExtent": "extent",
    "GPEnvelope": "extent",
}
_OF_MEMBERS = {"GPValueTable": "rows", "GPComposite": "composite"}
_RANGES = {
    (True, True): "form.range.both",
    (True, False): "form.range.low",
    (False, True): "form.range.high",
}
_DEEPEST = 6  # a description may hold descriptions; what lies deeper is entered as JSON


@dataclass(frozen=True, slots=True)
class Field:
    """One input.

    Attributes
    ----------
    kind : what it is entered with: text, hidden, where, json, boolean, whole, number, date, linear, areal, time, choice,
        layer, table, file, field, reference, extent, list, rows, composite, or refused.
    start : the entry that stands for the service's own default, which is not sent.
    values : of a choice: what is sent, in the order of ``labels``.
    parts : the columns of a value table, the alternatives of a composite, or the one member of a list.
    problem : why nothing can be entered, "" where it can.
    """

    parameter: ParameterInfo
    kind: str
    blank: Any
    start: Any
    values: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    parts: tuple[Field, ...] = ()
    problem: str = ""

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    @property
    def label(self) -> str:
        """What stands beside it."""
        return self.parameter.display_name or self.name or self.parameter.data_type

    @property
    def required(self) -> bool:
        """Whether the service wants a value sent."""
        return self.parameter.required

    @property
    def names_a_column(self) -> bool:
        """Whether columns of a layer are worth offering."""
        folded = self.name.casefold()
        by_name = self.kind == "text" and folded.endswith(("field", "fields"))
        return by_name or self.kind in {"where", "field"}

    @property
    def words(self) -> list[str]:
        """The words of its filter: geometry types, extensions, field types."""
        listed = (self.parameter.filter or {}).get("list")
        return [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []

    def hint(self) -> str:
        """Return what is allowed, in words."""
        limits = self.parameter.filter or {}
        kind = limits.get("type")
        if kind == "range":
            low, high = _number(limits.get("minimum")), _number(limits.get("maximum"))
            name = _RANGES.get((bool(low), bool(high)), "")
            return name and say(name, low=low, high=high)
        if kind == "featureClass" and self.words:
            return say("form.geometry", words=", ".join(w.removeprefix("esriGeometry") for w in self.words))
        if kind == "field" and self.words:
            return say(
                "form.fieldtypes", words=", ".join(w.removeprefix("esriFieldType") for w in self.words)
            )
        if kind == "file" and self.words:
            return say("form.extensions", words=", ".join("." + w.lstrip(".") for w in self.words))
        return say("form.utc") if self.kind == "date" else ""

    def default(self) -> str:
        """Return the service's default in words, where no entry shows it."""
        given = self.parameter.default
        if self.start != self.blank or given in (None, "", [], {}):
            return ""
        if isinstance(given, dict) and isinstance(given.get("features"), list):
            return say("form.default.layer", n=len(given["features"])) if given["features"] else ""
        text = str(given)
        return say("form.default", text=text if len(text) <= 100 else text[:99] + "…")

    def notes(self) -> list[str]:
        """Return what stands below it beside its help; of columns and alternatives their own help and limits as well."""
        own = [self.hint(), self.default(), self.problem]
        if self.kind == "list":
            own.append(self.parts[0].hint())
        elif self.kind in {"rows", "composite"}:
            for part in self.parts:
                words = "\n".join(filter(None, [part.parameter.description, *part.notes()]))
                own.append(words and say("form.remark", name=part.label, problem=words))
        return list(dict.fromkeys(filter(None, own)))

    def to_json(self) -> dict[str, Any]:
        """Return what a view needs to know."""
        table, prefix = QUANTITIES.get(self.kind, ({}, ""))
        return {
            "name": self.name,
            "label": self.label,
            "kind": self.kind,
            "type": self.parameter.data_type,
            "required": self.required,
            "help": self.parameter.description,
            "group": self.parameter.category,
            "notes": self.notes(),
            "blank": self.blank,
            "start": self.start,
            "labels": list(self.labels),
            "units": [[word, word.removeprefix(prefix)] for word in table],
            "words": self.words if (self.parameter.filter or {}).get("type") != "codedValue" else [],
            "columns": self.names_a_column,
            "depends": self.parameter.dependency or "",
            "takes_text": self.kind == "layer" and self.parameter.data_type == "GPString",
            "parts": [part.to_json() for part in self.parts],
        }


def _number(value: Any) -> str:
    try:
        return f"{float(value):.15g}"
    except (TypeError, ValueError):
        return ""


def fields_of(info: TaskInfo) -> tuple[Field, ...]:
    """Return the inputs of a task that can be named in a call, each name once, in the service's order."""
    named: dict[str, Field] = {}
    for parameter in info.inputs:
        if parameter.name and parameter.name not in named:
            named[parameter.name] = field_of(parameter)
    return tuple(named.values())


def field_of(parameter: ParameterInfo, depth: int = 0) -> Field:
    """Return how a parameter is entered; whatever its description says or leaves out, there is a way."""
    kind = _kind_of(parameter, depth)
    values, labels = _choices_of(parameter) if kind == "choice" else ((), ())
    parts: tuple[Field, ...] = ()
    if kind == "list":
        parts = (field_of(member_of(parameter), depth + 1),)
    elif kind == "rows":
        parts = tuple(field_of(column, depth + 1) for column in parameter.members)
    elif kind == "composite":
        parts = tuple(field_of(other, depth + 1) for other in alternatives_of(parameter))
    problem = (
        say("form.refused", type=parameter.data_type, reason=REFUSED[parameter.data_type])
        if kind == "refused"
        else ""
    )
    blank = blank_of(kind, parts)
    bare = Field(parameter, kind, blank, blank, values, labels, parts, problem)
    start = start_of(bare, parameter.default)
    return Field(parameter, kind, blank, start, values, labels, parts, problem)


def _kind_of(parameter: ParameterInfo, depth: int) -> str:
    data_type = parameter.data_type
    if depth > _DEEPEST:
        return "json"
    if data_type in REFUSED:
        return "refused"
    if data_type.startswith(_MULTI):
        return "list"
    if parameter.choices or _codes(parameter):
        return "choice"
    if data_type in _OF_MEMBERS:
        return _OF_MEMBERS[data_type] if parameter.members else "json"
    # The hosted analyses declare their layers as text, and say only by the name that they are layers.
    if data_type == "GPString" and parameter.name.casefold().endswith("layer"):
        return "layer"
    return _KINDS.get(data_type, "json")


def _codes(parameter: ParameterInfo) -> list[dict[str, Any]]:
    limits = parameter.filter or {}
    listed = limits.get("list") if limits.get("type") == "codedValue" else None
    return [code for code in listed if isinstance(code, dict)] if isinstance(listed, list) else []


def _choices_of(parameter: ParameterInfo) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    if parameter.choices:
        return parameter.choices, tuple(map(str, parameter.choices))
    names = tuple(str(code.get("name")) for code in _codes(parameter))
    return names, names  # a name stands for its value, as in a call
