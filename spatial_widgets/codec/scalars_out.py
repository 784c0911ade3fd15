"""Numbers, text, dates and quantities: Python values in, JSON values out."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.codec.fieldvalues import to_epoch_ms
from spatial_widgets.codec.shown import show
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.protocol.units import ArealUnit, LinearUnit, TimeUnit

__all__ = [
    "encode_boolean",
    "encode_date",
    "encode_double",
    "encode_hidden",
    "encode_long",
    "encode_text",
    "is_missing",
    "quantity_encoder",
]

# From 11.2 on; https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
_LONG = range(-(2**52) + 1, 2**52)
# The years 1 to 9999, in milliseconds since 1970.
_DATES = range(-62_135_596_800_000, 253_402_300_800_000)


def is_missing(value: Any) -> bool:
    """Whether a single value stands for a missing one: None, NaN, ``pandas.NA`` or ``NaT``."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def encode_boolean(value: Any) -> bool:
    """Return a boolean for True, False, or these words."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value.strip().casefold() in {"true", "false"}:
        return value.strip().casefold() == "true"
    raise CodecError(f"expected True or False, got {show(value)}")


def _number(value: Any, expected: str) -> int | float:
    """Return a finite number of Python's own for any real number, or for the text of one."""
    given = value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, decimal.Decimal)):
        raise CodecError(f"expected {expected}, got {show(given)}")
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, decimal.Decimal) and value.is_finite() and value == int(value):
        return int(value)
    number = _float(value)
    if number is None:
        raise CodecError(f"expected {expected}, got {show(given)}")
    return number


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def encode_long(value: Any) -> int:
    """Return a whole number; text of one and floats without a fraction are taken as well."""
    number = _number(value, "a whole number")
    if number != int(number):
        raise CodecError(f"expected a whole number, got {show(value)}")
    if int(number) not in _LONG:
        raise CodecError(f"expected a whole number within ±{_LONG.stop - 1}, got {show(value)}")
    return int(number)


def encode_double(value: Any) -> int | float:
    """Return a finite number; one that was whole stays so."""
    number = _number(value, "a finite number")
    if isinstance(number, float) or abs(number) < 2**53:
        return number
    rounded = _float(number)
    if rounded is None:
        raise CodecError(f"expected a finite number, got {show(value)}")
    return rounded


def encode_date(value: Any) -> Any:
    """Return milliseconds since 1970-01-01 UTC; what has no time zone is taken as UTC.

    ``{"date", "format"}``, a service's own way to read a text, goes as it is.
    """
    expected = "expected a date (datetime, date, Timestamp, datetime64, ISO text, or epoch ms)"
    if isinstance(value, dict):
        if set(value) == {"date", "format"} and all(isinstance(text, str) for text in value.values()):
            return value
        raise CodecError(f"{expected} or {{'date', 'format'}} with two texts, got {show(value)}")
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, pd.Period):
        raise CodecError(f"{expected}, got {show(value)}; pass its start: period.to_timestamp()")
    try:
        moment = to_epoch_ms(value.to_pydatetime(warn=False) if isinstance(value, pd.Timestamp) else value)
    except (TypeError, ValueError, OverflowError) as error:
        raise CodecError(f"{expected}, got {show(value)}") from error
    if moment not in _DATES:
        raise CodecError(f"{expected} within the years 1 to 9999, got {show(value)}")
    return moment


def encode_text(value: Any) -> str:
    """Return a text as it is."""
    if not isinstance(value, str):
        raise CodecError(f"expected text, got {show(value)}")
    return str.__str__(value)


def encode_hidden(value: Any) -> str:
    """Return a text that no message may show."""
    if not isinstance(value, str):
        raise CodecError(f"expected text, got {type(value).__name__}")
    return str.__str__(value)


def quantity_encoder(
    quantity: type[LinearUnit | ArealUnit | TimeUnit], number: str, example: str
) -> Callable[[Any], Any]:
    """Return the encoder of a number with a unit, for an object of ours, a pair, a dict or a text."""

    def encode(value: Any) -> dict[str, Any]:
        made = value
        try:
            if isinstance(value, tuple):
                made = quantity(*value)
            elif isinstance(value, (dict, str)):
                made = quantity.from_json(value)
        except (AttributeError, TypeError, ValueError) as error:
            raise CodecError(f"expected {example}, got {show(value)}: {error}") from error
        if not isinstance(made, quantity):
            raise CodecError(f"expected {example}, got {show(value)}")
        amount = getattr(made, number)
        try:
            return {**made.to_json(), number: encode_double(None if isinstance(amount, str) else amount)}
        except CodecError as error:
            raise CodecError(f"expected {example} with a finite number, got {show(value)}") from error

    return encode


def is_date(value: Any) -> bool:
    """Whether a value is a date by its own type."""
    return isinstance(value, (dt.date, np.datetime64))
