"""The unit words of the Spatial Analysis tasks; feet, yards and miles are the international ones.

The factors are those of the protocol's one table.

Source: https://developers.arcgis.com/rest/analysis/api-reference/sa-create-buffers/
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol.units import AREAL_UNITS, LINEAR_UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["METERS_IN", "SQUARE_METERS_IN", "in_words", "to_meters"]

#: Metres in one unit.
METERS_IN: Mapping[str, float] = {
    word: float(LINEAR_UNITS[name] or 0)
    for word, name in {
        "Meters": "esriMeters",
        "Kilometers": "esriKilometers",
        "Feet": "esriIntFeet",
        "Yards": "esriIntYards",
        "Miles": "esriIntMiles",
        "NauticalMiles": "esriIntNauticalMiles",
    }.items()
}
#: Square metres in one unit; without ``US`` in their names these are the international ones.
SQUARE_METERS_IN: Mapping[str, float] = {
    word: float(AREAL_UNITS[f"esri{word}"] or 0)
    for word in (
        "SquareMeters",
        "SquareKilometers",
        "Hectares",
        "Acres",
        "SquareFeet",
        "SquareYards",
        "SquareMiles",
        "SquareInches",
    )
}
_SINGULAR = {"foot": "Feet"} | {word.casefold().removesuffix("s"): word for word in METERS_IN}


def to_meters(distance: float, units: str | None, *, parameter: str) -> float:
    """Return a distance in metres; the unit word may be in any case, singular or plural.

    Raises
    ------
    ParameterError : the unit is unknown, or the distance is not a positive finite number.
    """
    folded = (units or "Meters").casefold().replace(" ", "")
    word = _SINGULAR.get(folded) or _SINGULAR.get(folded.removesuffix("s"))
    if word is None:
        known = ", ".join(METERS_IN)
        raise ParameterError(
            f"{parameter}: {units!r} is no unit of length here; use one of {known}.",
            parameter=parameter,
            value=units,
            expected=known,
        )
    if not math.isfinite(distance) or distance <= 0:
        raise ParameterError(
            f"{parameter}: {distance:g} is no usable distance; give a number greater than 0.",
            parameter=parameter,
            value=distance,
        )
    return float(distance) * METERS_IN[word]


def in_words(meters: float) -> str:
    """Return a length for a message: ``"0.25 m"``, ``"850 m"``, ``"12.3 km"``."""
    return (
        f"{meters:.3g} m"
        if meters < 10
        else f"{meters:,.0f} m"
        if meters < 1000
        else f"{meters / 1000:,.3g} km"
        if meters < 1e6
        else f"{meters / 1000:,.0f} km"
    )
