"""A service's default as an entry of a form; what no entry can show starts empty. Pure."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spatial_widgets.widgets.formfield import Field

__all__ = ["CORNERS", "EPOCH", "UNITS", "blank_of", "start_of"]

CORNERS = ("xmin", "ymin", "xmax", "ymax")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
#: Kind of a quantity to its class and the name of its number.
UNITS: Mapping[str, tuple[type[LinearUnit | ArealUnit | TimeUnit], str]] = {
    "linear": (LinearUnit, "distance"),
    "areal": (ArealUnit, "area"),
    "time": (TimeUnit, "time"),
}
_MOST_ROWS = 200  # of a default that is shown row by row


def blank_of(kind: str, parts: Sequence[Field]) -> Any:
    """Return the entry that leaves a parameter out."""
    if kind in UNITS:
        return {"number": "", "units": UNITS[kind][0](0.0).units}
    if kind in {"list", "rows"}:
        return []
    if kind in {"layer", "table", "file"}:
        return {"from": "url" if kind == "file" else "variable", "text": ""}
    if kind == "extent":
        return {**dict.fromkeys(CORNERS, ""), "crs": ""}
    if kind == "composite":
        return {"type": "0", "value": parts[0].blank}
    return ""


def start_of(field: Field, default: Any) -> Any:
    """Return the entry that stands for a default, and the empty one where there is none, or none that can be shown."""
    if default is None or default == "":
        return field.blank
    try:
        return _STARTS.get(field.kind, _nothing)(field, default)
    except (ArithmeticError, AttributeError, CodecError, LookupError, ParameterError, TypeError, ValueError):
        return field.blank  # a description may hold anything


def _nothing(field: Field, _default: Any) -> Any:
    return field.blank


def _text(_field: Field, default: Any) -> str:
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)


def _only_text(field: Field, default: Any) -> Any:
    return default if isinstance(default, str) else field.blank


def _field_name(field: Field, default: Any) -> Any:
    return _only_text(field, default["name"] if isinstance(default, dict) else default)


def _json(_field: Field, default: Any) -> str:
    return json.dumps(default, ensure_ascii=False)


def _number(field: Field, default: Any) -> str:
    if isinstance(default, bool):
        raise TypeError
    number = float(default)
    if not math.isfinite(number) or (field.kind == "whole" and number != int(number)):
        raise ValueError
    # A large whole number keeps its digits.
    return _plain(number) if isinstance(default, float) else str(default).strip()


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def _boolean(_field: Field, default: Any) -> str:
    word = str(default).strip().casefold()
    if word not in {"true", "false"}:
        raise ValueError
    return word


def _date(_field: Field, default: Any) -> str:
    if isinstance(default, bool):
        raise TypeError
    if isinstance(default, (int, float)):
        moment = EPOCH + dt.timedelta(milliseconds=default)
    else:
        moment = dt.datetime.fromisoformat(default)
        moment = moment.astimezone(dt.UTC) if moment.tzinfo else moment
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _quantity(field: Field, default: Any) -> dict[str, str]:
    kind, number = UNITS[field.kind]
    made = kind.from_json(default)
    amount = float(getattr(made, number))
    if not math.isfinite(amount):
        raise ValueError
    return {"number": _plain(amount), "units": made.units}


def _choice(field: Field, default: Any) -> str:
    limits = field.parameter.filter or {}
    coded = () if field.parameter.choices else tuple(str(code["value"]) for code in limits["list"])
    for spelled in (str, str.casefold):
        for index, value in enumerate(coded or field.values):
            if spelled(str(value)) == spelled(str(default)):
                return str(index)
    raise LookupError


def _list(field: Field, default: Any) -> list[Any]:
    if not isinstance(default, list) or len(default) > _MOST_ROWS:
        raise TypeError
    return [_whole(field.parts[0], item) for item in default]


def _rows(field: Field, default: Any) -> list[list[Any]]:
    if not isinstance(default, list) or len(default) > _MOST_ROWS:
        raise TypeError
    rows = []
    for row in default:
        cells = [row.get(part.name) for part in field.parts] if isinstance(row, dict) else list(row)
        rows.append([start_of(part, cell) for part, cell in zip(field.parts, cells, strict=True)])
    return rows


def _whole(field: Field, value: Any) -> Any:
    """Return the entry of one of several values; where one cannot be shown, none is."""
    entry = start_of(field, value)
    if entry == field.blank:
        raise ValueError
    return entry


def _composite(field: Field, default: Any) -> dict[str, Any]:
    if isinstance(default, dict) and set(default) == {"dataType", "value"}:
        for index, part in enumerate(field.parts):
            if part.parameter.data_type == default["dataType"]:
                return {"type": str(index), "value": _whole(part, default["value"])}
        raise LookupError
    for index, part in enumerate(field.parts):
        entry = start_of(part, default)
        if entry != part.blank:
            return {"type": str(index), "value": entry}
    raise LookupError


def _reference(_field: Field, default: Any) -> str:
    if isinstance(default, dict):
        wkid = default.get("latestWkid") or default.get("wkid")
        return str(wkid) if wkid and set(default) <= {"wkid", "latestWkid"} else _json(_field, default)
    return str(default)


def _extent(field: Field, default: Any) -> dict[str, str]:
    corners = {corner: _plain(float(default[corner])) for corner in CORNERS}
    reference = default.get("spatialReference") or default.get("spatial_reference")
    return {**corners, "crs": _reference(field, reference) if reference else ""}


_STARTS: Mapping[str, Callable[[Field, Any], Any]] = {
    "text": _text,
    "where": _only_text,
    "field": _field_name,
    "json": _json,
    "boolean": _boolean,
    "whole": _number,
    "number": _number,
    "date": _date,
    "linear": _quantity,
    "areal": _quantity,
    "time": _quantity,
    "choice": _choice,
    "list": _list,
    "rows": _rows,
    "composite": _composite,
    "reference": _reference,
    "extent": _extent,
}
