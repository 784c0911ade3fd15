"""The expressions of FindExistingLocations and DeriveNewLocations, read and checked; nothing in them is executed.

::

    [{"layer": 0, "where": "mag > 2"},
     {"operator": "and", "layer": 0, "spatialRel": "withinDistance", "selectingLayer": 1, "distance": 50, "units": "Miles"},
     {"operator": "or", …}]

A list within the list is a group, that is answered by itself and then joined by the operator of its first expression.

Source of the words: https://developers.arcgis.com/rest/analysis/tasks/find-existing-locations
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol.spelling import did_you_mean
from spatial_widgets.server.analysis.lengths import in_words, to_meters

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RELATIONS", "Criterion", "Group", "read_criteria"]

Operator = Literal["and", "or"]

#: The relations, without the ``not`` that may stand before each.
RELATIONS = ("intersects", "withinDistance", "within", "contains", "identical")
_KEYS = {"operator", "layer", "where", "spatialRel", "selectingLayer", "distance", "units"}
_MOST = 100


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on the features of a layer: a where clause, or a relation to another layer."""

    place: str
    operator: Operator
    layer: int
    where: str = ""
    relation: str = ""
    negated: bool = False
    other: int = 0
    meters: float = 0.0

    def __str__(self) -> str:
        if self.where:
            return f"layer {self.layer} where {self.where}"
        far = f" of {in_words(self.meters)}" if self.relation == "withinDistance" else ""
        return f"layer {self.layer} {'not ' if self.negated else ''}{self.relation}{far} layer {self.other}"


@dataclass(frozen=True, slots=True)
class Group:
    """Criteria that are answered together."""

    operator: Operator
    members: tuple[Criterion | Group, ...]


def read_criteria(text: Any, layers: int) -> Group:
    """Return the expressions of a job that has so many layers.

    Raises
    ------
    ParameterError : they are no list of expressions; names the place, such as ``expressions[1]``, and what to write.
    """
    document = text
    if isinstance(text, str):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _refusal("expressions", f"this is no JSON list ({error})") from error
    if isinstance(document, dict):
        document = [document]
    if not isinstance(document, list) or not document:
        raise _refusal("expressions", 'a list is needed, such as [{"layer": 0, "where": "mag > 2"}]')
    group = _group(document, "expressions", layers)
    if _count(group) > _MOST:
        raise _refusal("expressions", f"at most {_MOST} expressions are answered, here are {_count(group)}")
    return group


def _refusal(place: str, reason: str) -> ParameterError:
    return ParameterError(f"{place}: {reason}.", parameter="expressions")


def _count(group: Group) -> int:
    return sum(_count(one) if isinstance(one, Group) else 1 for one in group.members)


def _group(document: list[Any], place: str, layers: int) -> Group:
    members: list[Criterion | Group] = []
    for i, one in enumerate(document):
        at = f"{place}[{i}]"
        if isinstance(one, list) and one:
            members.append(_group(one, at, layers))
        elif isinstance(one, dict):
            members.append(_criterion(one, at, layers))
        else:
            raise _refusal(
                at, "an expression is an object with layer and where, or layer, spatialRel and selectingLayer"
            )
    return Group(members[0].operator, tuple(members))


def _criterion(document: Mapping[str, Any], place: str, layers: int) -> Criterion:
    unknown = [key for key in document if key not in _KEYS]
    if unknown:
        raise _refusal(
            place,
            f"there is no {unknown[0]!r}.{did_you_mean(str(unknown[0]), sorted(_KEYS))} It has {', '.join(sorted(_KEYS))}",
        )
    word = str(document.get("operator") or "and").strip().casefold() or "and"
    if word not in {"and", "or"}:
        raise _refusal(place, f"operator is and, or or nothing, got {document['operator']!r:.40}")
    operator: Operator = "or" if word == "or" else "and"
    layer = _number(document.get("layer", 0), f"{place}.layer", layers)
    where = document.get("where")
    if (where is None) == (document.get("spatialRel") is None):
        raise _refusal(place, "give either where, or spatialRel with selectingLayer")
    if where is not None:
        if not isinstance(where, str) or not where.strip():
            raise _refusal(f"{place}.where", "a where clause is needed, such as mag > 2")
        return Criterion(place, operator, layer, where=where)
    return _spatial(document, place, Criterion(place, operator, layer), layers)


def _spatial(document: Mapping[str, Any], place: str, begun: Criterion, layers: int) -> Criterion:
    word = str(document["spatialRel"]).strip()
    plain = word[3:] if word.casefold().startswith("not") else word
    relation = next((r for r in RELATIONS if r.casefold() == plain.strip().casefold()), None)
    if relation is None:
        known = ", ".join(RELATIONS)
        raise _refusal(
            f"{place}.spatialRel", f"{word[:40]!r} is none of {known}, nor one of them with not before it"
        )
    if "selectingLayer" not in document:
        raise _refusal(place, "spatialRel needs a selectingLayer, the number of the other layer")
    other = _number(document["selectingLayer"], f"{place}.selectingLayer", layers)
    meters = 0.0
    if relation == "withinDistance":
        distance = document.get("distance")
        if isinstance(distance, bool) or not isinstance(distance, (int, float)):
            raise _refusal(place, "withinDistance needs a distance, a number, and its units")
        meters = to_meters(distance, document.get("units"), parameter=f"{place}.distance")
    return Criterion(
        place,
        begun.operator,
        begun.layer,
        relation=relation,
        negated=plain is not word,
        other=other,
        meters=meters,
    )


def _number(value: Any, place: str, layers: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < layers:
        raise _refusal(
            place, f"{value!r:.40} is no layer's number; inputLayers has {layers}, numbered from 0"
        )
    return value
