"""What is entered in each kind of field, as a Python value and as the Python text of it. No browser here."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError
from spatial_widgets.widgets.formgiven import EntryError, Given, Origins
from spatial_widgets.widgets.formstart import CORNERS, UNITS
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spatial_widgets.widgets.formfield import Field

__all__ = ["TOKEN", "is_blank", "made_of", "sentence"]

#: What gives a token away in a text.
TOKEN = re.compile(r"token\W*[=:]", flags=re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d{1,400}")


def is_blank(field: Field, entry: Any) -> bool:
    """Whether nothing was entered."""
    if entry is None or entry == field.blank:
        return True
    if field.kind in UNITS:
        return isinstance(entry, dict) and not _str(entry.get("number")).strip()
    if field.kind in {"layer", "table", "file"}:
        return isinstance(entry, dict) and not _str(entry.get("text")).strip()
    if field.kind == "extent":
        return isinstance(entry, dict) and not any(_str(value).strip() for value in entry.values())
    if field.kind == "composite":
        part = _part(field, entry)
        return is_blank(part, entry["value"])
    return isinstance(entry, str) and not entry.strip()


def sentence(error: Exception) -> str:
    """Return what an exception says, to be ended with a full stop."""
    return str(error).rstrip(".")


def made_of(field: Field, entry: Any, origins: Origins) -> Given:
    """Return the value that an entry stands for, which is not blank; raises EntryError."""
    return _READERS[field.kind](field, entry, origins)


def _str(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EntryError(say("form.garbled"))
    return value


def _dict(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise EntryError(say("form.garbled"))
    return entry


def _list(entry: Any) -> list[Any]:
    if not isinstance(entry, list):
        raise EntryError(say("form.garbled"))
    return entry


def _plain(value: Any) -> Given:
    return Given(value, repr(value))


# ---------------------------------------------------------------- one value


def _text(field: Field, entry: Any, origins: Origins) -> Given:
    text = _str(entry)
    return _hidden(field, text, origins) if TOKEN.search(text) else _plain(text)


def _hidden(field: Field, entry: Any, _origins: Origins) -> Given:
    # Not a word of it is in the text: the text asks.
    return Given(_str(entry), f"getpass({field.name + ': '!r})", frozenset({"getpass"}))


def _json(field: Field, entry: Any, origins: Origins) -> Given:
    text = _str(entry)
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (RecursionError, ValueError):
        return _text(field, text, origins)
    if TOKEN.search(text):
        asked = _hidden(field, text, origins)
        return Given(value, f"json.loads({asked.code})", asked.needs | {"json"})
    return _plain(value)


def _boolean(_field: Field, entry: Any, _origins: Origins) -> Given:
    word = _str(entry)
    return _plain(word == "true" if word in {"true", "false"} else word)


def _number_of(entry: Any) -> int | float | str:
    """Return the number that a text is, else the text: the codec says what is wrong with it."""
    text = _str(entry).strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _number(_field: Field, entry: Any, _origins: Origins) -> Given:
    number = _number_of(entry)
    if isinstance(number, str) or number in (float("inf"), float("-inf")):
        raise EntryError(say("form.number", text=_short(_str(entry))))
    return _plain(number)


def _date(_field: Field, entry: Any, _origins: Origins) -> Given:
    text = _str(entry).strip()
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise EntryError(say("form.date", text=_short(text))) from None
    try:
        moment = moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except OverflowError:
        raise EntryError(say("form.date", text=_short(text))) from None
    return Given(moment, repr(moment), frozenset({"datetime"}))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _quantity(field: Field, entry: Any, _origins: Origins) -> Given:
    given = _dict(entry)
    number = _number_of(given.get("number"))
    if isinstance(number, str):
        raise EntryError(say("form.number", text=_short(number)))
    kind = UNITS[field.kind][0]
    try:
        quantity = kind(number, _str(given.get("units")) or kind(0.0).units)
    except ParameterError as error:
        raise EntryError(say("form.wrong", reason=sentence(error))) from error
    code = f"{kind.__name__}({number!r}, {quantity.units!r})"
    if field.kind == "time":  # not among the names at the top
        return Given(quantity, code, frozenset({"TimeUnit"}))
    return Given(quantity, f"sw.{code}")


def _choice(field: Field, entry: Any, _origins: Origins) -> Given:
    text = _str(entry)
    if not text.isdecimal() or len(text) > 6 or int(text) >= len(field.values):
        raise EntryError(say("form.garbled"))
    return _plain(field.values[int(text)])


def _reference(_field: Field, entry: Any, _origins: Origins) -> Given:
    text = _str(entry).strip()
    return _plain(int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text)


def _extent(_field: Field, entry: Any, _origins: Origins) -> Given:
    given = _dict(entry)
    corners = {corner: _number_of(given.get(corner)) for corner in CORNERS}
    for corner, number in corners.items():
        if number == "":
            raise EntryError(say("form.extent", corner=corner))
        if isinstance(number, str):
            raise EntryError(say("form.number", text=_short(number)))
    crs = _str(given.get("crs")).strip()
    if not crs:
        return _plain(tuple(corners.values()))
    reference = int(crs) if crs.isascii() and crs.isdigit() and len(crs) < 10 else crs
    return _plain({**corners, "spatialReference": reference})


def _named(field: Field, entry: Any, origins: Origins) -> Given:
    given = _dict(entry)
    origin, text = _str(given.get("from")), _str(given.get("text")).strip()
    if origin == "text" and field.parameter.data_type == "GPString":
        return _text(field, text, origins)
    if origin == "url" and TOKEN.search(text):
        raise EntryError(say("form.url.token"))
    return origins.given(field, origin, text)


def _refused(field: Field, _entry: Any, _origins: Origins) -> Given:
    raise EntryError(field.problem)


# ---------------------------------------------------------------- several


def _members(field: Field, entry: Any, origins: Origins) -> Given:
    made = []
    for number, item in enumerate(_list(entry), 1):
        if is_blank(field.parts[0], item):
            raise EntryError(say("form.member", n=number, problem=say("form.required")))
        try:
            made.append(made_of(field.parts[0], item, origins))
        except EntryError as error:
            raise EntryError(say("form.member", n=number, problem=error)) from error
    return _joined(made)


def _joined(made: list[Given]) -> Given:
    return Given(
        [each.value for each in made],
        f"[{', '.join(each.code for each in made)}]",
        frozenset().union(*(each.needs for each in made)),
        frozenset().union(*(each.variables for each in made)),
    )


def _rows(field: Field, entry: Any, origins: Origins) -> Given:
    rows = []
    for number, row in enumerate(_list(entry), 1):
        if len(_list(row)) != len(field.parts):
            raise EntryError(say("form.garbled"))
        cells = []
        for part, cell in zip(field.parts, row, strict=True):
            try:
                cells.append(_plain(None) if is_blank(part, cell) else made_of(part, cell, origins))
            except EntryError as error:
                raise EntryError(say("form.cell", n=number, column=part.label, problem=error)) from error
        rows.append(_joined(cells))
    return _joined(rows)


def _part(field: Field, entry: Any) -> Field:
    number = _str(_dict(entry).get("type"))
    if not number.isdecimal() or len(number) > 3 or int(number) >= len(field.parts) or "value" not in entry:
        raise EntryError(say("form.garbled"))
    return field.parts[int(number)]


def _composite(field: Field, entry: Any, origins: Origins) -> Given:
    part = _part(field, entry)
    made = made_of(part, entry["value"], origins)
    # Named, so that a text that reads like a number stays the text that was chosen.
    data_type = part.parameter.data_type
    code = f"{{'dataType': {data_type!r}, 'value': {made.code}}}"
    return Given({"dataType": data_type, "value": made.value}, code, made.needs, made.variables)


_READERS: Mapping[str, Callable[[Field, Any, Origins], Given]] = {
    "text": _text,
    "where": _text,
    "field": _text,
    "hidden": _hidden,
    "json": _json,
    "boolean": _boolean,
    "whole": _number,
    "number": _number,
    "date": _date,
    "linear": _quantity,
    "areal": _quantity,
    "time": _quantity,
    "choice": _choice,
    "reference": _reference,
    "extent": _extent,
    "layer": _named,
    "table": _named,
    "file": _named,
    "list": _members,
    "rows": _rows,
    "composite": _composite,
    "refused": _refused,
}
