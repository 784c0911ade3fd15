"""A parameter's value, encoded and checked as the task's description asks: members, columns, alternatives, filters."""

from __future__ import annotations

import decimal
import numbers
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from spatial_widgets.codec.checks import check, coded_value, suggestion
from spatial_widgets.codec.encode import ENCODERS, REFUSED
from spatial_widgets.codec.json_out import json_value
from spatial_widgets.codec.jsontext import plain
from spatial_widgets.codec.layers_out import local_files
from spatial_widgets.codec.scalars_out import is_date, is_missing
from spatial_widgets.codec.shown import parse_json, show
from spatial_widgets.codec.valuetable_out import encode_table_of
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.protocol.parameter import ParameterInfo
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

__all__ = ["alternatives_of", "encode_parameter", "encode_value", "member_of"]

_MULTI = "GPMultiValue:"


def encode_value(data_type: str, value: Any) -> Any:
    """Return the JSON value for a parameter of a data type; None stays None (not sent).

    Raises
    ------
    CodecError : the value cannot be of that type; the message says what is expected.
    """
    encoded = encode_parameter(ParameterInfo(name="", data_type=data_type), value)
    for file in local_files(encoded):
        raise CodecError(
            f"expected a URL or {{'itemID': …}}; the file {str(file.path)!r} is on this machine, "
            "and has to be uploaded first, as GPTask.submit does"
        )
    return plain(encoded)


def encode_parameter(parameter: ParameterInfo, value: Any) -> Any:
    """Return the JSON value for a parameter as its description has it; None stays None (not sent).

    Layers in it are ready to be written (see :mod:`.jsontext`), files of this machine wait for their
    upload (:class:`.layers_out.LocalFile`).

    Raises
    ------
    CodecError : the value cannot be of that type, or is outside of what the task allows.
    """
    if value is None:
        return None
    data_type = parameter.data_type
    if data_type in REFUSED:
        raise CodecError(f"{data_type} is not supported: {REFUSED[data_type]}")
    if is_missing(value) and not isinstance(value, (numbers.Real, decimal.Decimal)):
        raise CodecError(
            f"expected a value, got {show(value)}, a missing one; leave the parameter out, or pass None"
        )
    named = coded_value(parameter, value)
    if named is not None:
        return named[0]
    try:
        encoded = _encode(parameter, value)
    except (CodecError, ParameterError) as error:
        allowed = "" if data_type.startswith(_MULTI) else suggestion(parameter, value)
        if not allowed and isinstance(error, CodecError):
            raise
        raise CodecError(f"{error}{allowed and '.' + allowed}") from error
    if not data_type.startswith(_MULTI):
        check(parameter, encoded)
    return encoded


def _encode(parameter: ParameterInfo, value: Any) -> Any:
    data_type = parameter.data_type
    if data_type.startswith(_MULTI):
        return _encode_members(parameter, value)
    if data_type == "GPValueTable" and parameter.members:
        return encode_table_of(parameter.members, value, encode_parameter)
    if data_type == "GPComposite" and parameter.members:
        return _encode_alternative(parameter, value)
    # A data type newer than the table: whatever is JSON already may be right.
    return ENCODERS.get(data_type, json_value)(value)


def _encode_members(parameter: ParameterInfo, value: Any) -> list[Any]:
    member = member_of(parameter)
    expected = f"a list of {member.data_type} values"
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = parse_json(value, expected)
    if isinstance(value, (gpd.GeoSeries, pd.DataFrame, shapely.Geometry)):
        raise CodecError(f"expected {expected}, got one {type(value).__name__}; put it into a list: [layer]")
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise CodecError(f"expected {expected}, got {show(value)}")
    return [_encode_member(member, item, number) for number, item in enumerate(value)]


def _encode_member(member: ParameterInfo, item: Any, number: int) -> Any:
    path = f"[{number}]"
    if is_missing(item):
        raise CodecError(
            f"expected a {member.data_type}, got {show(item)}, a missing value; leave it out", path=path
        )
    try:
        return encode_parameter(member, item)
    except CodecError as error:
        raise CodecError(str(error), path=path) from error


def member_of(parameter: ParameterInfo) -> ParameterInfo:
    """Return the description of one value of a multi-value."""
    data_type = parameter.data_type.removeprefix(_MULTI)
    inner = parameter.members
    described = inner[0] if len(inner) == 1 and inner[0].data_type == data_type else None
    return ParameterInfo(
        name=parameter.name,
        data_type=data_type,
        choices=parameter.choices or (described.choices if described else ()),
        filter=parameter.filter or (described.filter if described else None),
        members=described.members if described else inner,
    )


def _encode_alternative(parameter: ParameterInfo, value: Any) -> dict[str, Any]:
    """Return ``{"dataType", "value"}`` of the first alternative that takes the value.

    Alternatives that the value belongs to by its own type come first: a text is no number, though a number
    may be read from it.
    """
    alternatives = alternatives_of(parameter)
    names = ", ".join(alternative.data_type for alternative in alternatives)
    if isinstance(value, dict) and set(value) == {"dataType", "value"}:
        chosen = [a for a in alternatives if a.data_type == value["dataType"]]
        if not chosen:
            raise CodecError(f"expected one of {names}, got a {value['dataType']}")
        value = value["value"]
        alternatives = chosen
    own = [a for a in alternatives if a.data_type not in _OWN or _OWN[a.data_type](value)]
    reasons: dict[str, str] = {}
    for alternative in [*own, *(a for a in alternatives if a not in own)]:
        try:
            encoded = encode_parameter(alternative, value)
        except CodecError as error:
            reasons.setdefault(alternative.data_type, str(error))
        else:
            return {"dataType": alternative.data_type, "value": encoded}
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise CodecError(f"expected one of {names}, got {show(value)} ({told})")


def alternatives_of(parameter: ParameterInfo) -> list[ParameterInfo]:
    """Return the descriptions of the types that a composite may have, each with its own filter."""
    limits = parameter.filter or {}
    listed = limits.get("list") if limits.get("type") == "composite" else None
    filters = listed if isinstance(listed, list) else []
    return [
        replace(alternative, filter=filters[number])
        if number < len(filters) and isinstance(filters[number], dict)
        else alternative
        for number, alternative in enumerate(parameter.members)
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Real, decimal.Decimal)) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


#: Whether a value is of a data type by its own Python type; types that are not here are tried on everything.
_OWN: Mapping[str, Callable[[Any], bool]] = {
    "GPString": _is_text,
    "GPStringHidden": _is_text,
    "GPSQLExpression": _is_text,
    "GPLong": _is_number,
    "GPDouble": _is_number,
    "GPBoolean": lambda value: not _is_text(value),
    "GPDate": lambda value: is_date(value) or _is_text(value),
    "GPLinearUnit": lambda value: not isinstance(value, (ArealUnit, TimeUnit)),
    "GPArealUnit": lambda value: not isinstance(value, (LinearUnit, TimeUnit)),
    "GPTimeUnit": lambda value: not isinstance(value, (LinearUnit, ArealUnit)),
    "Field": lambda value: isinstance(value, dict) and "type" in value,
    "GPSpatialReference": lambda value: not _is_number(value),
    "GPCoordinateSystem": lambda value: not _is_number(value),
}
