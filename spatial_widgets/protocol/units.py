"""Units of length, area and time, by Esri's own words, with their factors.

The unit words without a prefix are the US survey units and those with ``Int`` the international
ones, as in desktop geoprocessing; for areas it is the other way round, ``US`` marks the survey ones.

Sources: unit words https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/ ;
factors https://pro.arcgis.com/en/pro-app/latest/tool-reference/appendices/geoprocessing-considerations-for-length-and-area-units.htm
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from spatial_widgets.errors import CodecError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AREAL_UNITS", "LINEAR_UNITS", "TIME_UNITS", "ArealUnit", "LinearUnit", "TimeUnit"]

_SURVEY_FOOT = Fraction(1200, 3937)
_SURVEY_MILE = 5280 * _SURVEY_FOOT
_FOOT = Fraction(3048, 10000)

#: Metres in one unit; None where a length in metres does not exist.
LINEAR_UNITS: Mapping[str, Fraction | None] = {
    "esriUnknownUnits": None,
    "esriDecimalDegrees": None,
    "esriPoints": _SURVEY_FOOT / 12 / 72,
    "esriInches": _SURVEY_FOOT / 12,
    "esriFeet": _SURVEY_FOOT,
    "esriYards": 3 * _SURVEY_FOOT,
    "esriMiles": _SURVEY_MILE,
    "esriNauticalMiles": Fraction(1853248, 1000),
    "esriIntInches": _FOOT / 12,
    "esriIntFeet": _FOOT,
    "esriIntYards": 3 * _FOOT,
    "esriIntMiles": 5280 * _FOOT,
    "esriIntNauticalMiles": Fraction(1852),
    "esriMillimeters": Fraction(1, 1000),
    "esriCentimeters": Fraction(1, 100),
    "esriDecimeters": Fraction(1, 10),
    "esriMeters": Fraction(1),
    "esriKilometers": Fraction(1000),
}

#: Square metres in one unit.
AREAL_UNITS: Mapping[str, Fraction | None] = {
    "esriUnknownAreaUnits": None,
    "esriSquareInches": (_FOOT / 12) ** 2,
    "esriSquareFeet": _FOOT**2,
    "esriSquareYards": (3 * _FOOT) ** 2,
    "esriSquareMiles": (5280 * _FOOT) ** 2,
    "esriAcres": (5280 * _FOOT) ** 2 / 640,
    "esriSquareInchesUS": (_SURVEY_FOOT / 12) ** 2,
    "esriSquareFeetUS": _SURVEY_FOOT**2,
    "esriSquareYardsUS": (3 * _SURVEY_FOOT) ** 2,
    "esriSquareMilesUS": _SURVEY_MILE**2,
    "esriAcresUS": _SURVEY_MILE**2 / 640,
    "esriSquareMillimeters": Fraction(1, 10**6),
    "esriSquareCentimeters": Fraction(1, 10**4),
    "esriSquareDecimeters": Fraction(1, 100),
    "esriSquareMeters": Fraction(1),
    "esriAres": Fraction(100),
    "esriHectares": Fraction(10**4),
    "esriSquareKilometers": Fraction(10**6),
}

#: Seconds in one unit; None where the calendar decides.
TIME_UNITS: Mapping[str, Fraction | None] = {
    "esriTimeUnitsUnknown": None,
    "esriTimeUnitsMilliseconds": Fraction(1, 1000),
    "esriTimeUnitsSeconds": Fraction(1),
    "esriTimeUnitsMinutes": Fraction(60),
    "esriTimeUnitsHours": Fraction(3600),
    "esriTimeUnitsDays": Fraction(86400),
    "esriTimeUnitsWeeks": Fraction(7 * 86400),
    "esriTimeUnitsMonths": None,
    "esriTimeUnitsYears": None,
    "esriTimeUnitsDecades": None,
    "esriTimeUnitsCenturies": None,
}


class _Quantity:
    """What the three kinds of quantity share: a number, a unit word, a table of factors."""

    __slots__ = ()
    _table: ClassVar[Mapping[str, Fraction | None]]
    _number: ClassVar[str]
    _prefix: ClassVar[str]
    _default: ClassVar[str]

    if TYPE_CHECKING:  # what the dataclasses below bring
        units: str

        def __init__(self, number: float, units: str) -> None: ...

    @classmethod
    def _spell(cls, units: str) -> str:
        """Return Esri's spelling of a unit word, given with or without prefix, in any case."""
        folded = units.strip().casefold().replace(" ", "")
        for word in cls._table:
            bare = word.removeprefix(cls._prefix).casefold()
            if folded in {word.casefold(), bare, bare.removesuffix("s")}:
                return word
        known = ", ".join(word for word in cls._table)
        raise ParameterError(
            f"{cls.__name__}: unit {units!r} is not one of Esri's. Use one of {known}.",
            parameter="units",
            value=units,
            expected=known,
        )

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Read the wire form: an object, or text such as ``"3 SquareKilometers"``.

        Raises
        ------
        CodecError : it is neither.
        """
        try:
            if isinstance(document, dict):
                folded = {str(key).casefold(): value for key, value in document.items()}
                return cls(float(folded[cls._number]), str(folded.get("units") or cls._default))
            if isinstance(document, str):
                number, _, units = document.strip().partition(" ")
                return cls(float(number), units or cls._default)
        except (KeyError, TypeError, ValueError) as error:
            raise CodecError(f"{document!r} is not a {cls.__name__}: {error}") from error
        raise CodecError(f"{document!r} is not a {cls.__name__}; expected {{{cls._number!r}: …, 'units': …}}")

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {self._number: getattr(self, self._number), "units": self.units}

    def to(self, units: str) -> Self:
        """Return the same quantity in another unit.

        Raises
        ------
        ParameterError : either unit has no fixed factor, such as degrees or months.
        """
        source, target = self.units, self._spell(units)
        factors = self._table[source], self._table[target]
        if factors[0] is None or factors[1] is None:
            raise ParameterError(f"{source} cannot be converted to {target}: one of them has no fixed size.")
        number = Fraction(getattr(self, self._number)) * factors[0] / factors[1]
        return type(self)(float(number), target)


@dataclass(frozen=True, slots=True)
class LinearUnit(_Quantity):
    """A distance with its unit, Esri's GPLinearUnit.

    Parameters
    ----------
    distance : number of units.
    units : one of Esri's words (``esriMeters``), or the bare word in any case (``"kilometers"``).

    Examples
    --------
    >>> LinearUnit(5, "kilometers")
    LinearUnit(distance=5, units='esriKilometers')
    >>> LinearUnit(1, "esriIntMiles").meters
    1609.344
    """

    distance: float
    units: str = "esriMeters"

    _table: ClassVar[Mapping[str, Fraction | None]] = LINEAR_UNITS
    _number: ClassVar[str] = "distance"
    _prefix: ClassVar[str] = "esri"
    _default: ClassVar[str] = "esriMeters"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", self._spell(self.units))

    @property
    def meters(self) -> float:
        """The distance in metres."""
        return self.to("esriMeters").distance


@dataclass(frozen=True, slots=True)
class ArealUnit(_Quantity):
    """An area with its unit, Esri's GPArealUnit.

    Examples
    --------
    >>> ArealUnit(2, "hectares").square_meters
    20000.0
    """

    area: float
    units: str = "esriSquareMeters"

    _table: ClassVar[Mapping[str, Fraction | None]] = AREAL_UNITS
    _number: ClassVar[str] = "area"
    _prefix: ClassVar[str] = "esri"
    _default: ClassVar[str] = "esriSquareMeters"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", self._spell(self.units))

    @property
    def square_meters(self) -> float:
        """The area in square metres."""
        return self.to("esriSquareMeters").area


@dataclass(frozen=True, slots=True)
class TimeUnit(_Quantity):
    """A span of time with its unit, Esri's GPTimeUnit."""

    time: float
    units: str = "esriTimeUnitsSeconds"

    _table: ClassVar[Mapping[str, Fraction | None]] = TIME_UNITS
    _number: ClassVar[str] = "time"
    _prefix: ClassVar[str] = "esriTimeUnits"
    _default: ClassVar[str] = "esriTimeUnitsSeconds"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", self._spell(self.units))

    @property
    def seconds(self) -> float:
        """The span in seconds."""
        return self.to("esriTimeUnitsSeconds").time
