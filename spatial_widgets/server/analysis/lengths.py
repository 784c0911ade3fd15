"""The unit words of the Spatial Analysis tasks; feet, yards and miles are the international ones.

Source: https://developers.arcgis.com/rest/analysis/api-reference/sa-create-buffers/
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["METERS_IN", "in_words", "to_meters"]

#: Metres in one unit; the definitions of NIST Special Publication 811, appendix B.
METERS_IN: Mapping[str, float] = {
    "Meters": 1.0,
    "Kilometers": 1000.0,
    "Feet": 0.3048,
    "Yards": 0.9144,
    "Miles": 1609.344,
    "NauticalMiles": 1852.0,
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
    """Return a length for a message: ``"850 m"``, ``"12.3 km"``."""
    return (
        f"{meters:,.0f} m"
        if meters < 1000
        else f"{meters / 1000:,.3g} km"
        if meters < 1e6
        else f"{meters / 1000:,.0f} km"
    )
