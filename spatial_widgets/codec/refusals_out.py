"""Columns that no field can hold: the errors, with what to do instead."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["infinite", "no_field_type"]

#: What to do about values that no field holds.
_NEXT_STEPS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((dt.timedelta, np.timedelta64), "send seconds instead: frame[{name!r}].dt.total_seconds()"),
    ((bytes, bytearray, memoryview), "decode it to text, or drop the column"),
    (
        (complex, np.complexfloating),
        "send two columns: numpy.real(frame[{name!r}]) and numpy.imag(frame[{name!r}])",
    ),
    ((pd.Period,), "send its start instead: frame[{name!r}].dt.to_timestamp()"),
    ((pd.Interval,), "send text instead: frame[{name!r}].astype(str)"),
)
_GENERAL_STEP = "drop it, or turn it into text or numbers, such as frame[{name!r}].astype(str)"


def infinite(name: str) -> CodecError:
    """Return the error of a column that holds an infinite number."""
    return CodecError(
        f"column {name!r} holds an infinite number, which cannot be sent; make it a null: "
        f"frame[{name!r}].replace([numpy.inf, -numpy.inf], numpy.nan)",
        path=f"attributes.{name}",
    )


def no_field_type(name: str, column: pd.Series[Any], types: Iterable[type]) -> CodecError:
    """Return the error of a column whose values are of types that no field holds."""
    kinds = sorted(types, key=lambda found: found.__name__)
    holding = " and ".join(kind.__name__ for kind in kinds)
    if len(kinds) > 1:
        step = "make them one kind, such as frame[{name!r}].astype(str)"
    else:
        step = next((text for odd, text in _NEXT_STEPS if issubclass(kinds[0], odd)), _GENERAL_STEP)
    return CodecError(
        f"column {name!r} ({column.dtype}, holding {holding}) has no Esri field type; {step.format(name=name)}",
        path=f"attributes.{name}",
    )
