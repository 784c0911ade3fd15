from __future__ import annotations

import pytest

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.lengths import in_words, to_meters


@pytest.mark.parametrize(
    ("distance", "units", "meters"),
    [
        (3, "Meters", 3.0),
        (2, "kilometers", 2000.0),
        (1, "Mile", 1609.344),  # international mile, exactly
        (1, "miles", 1609.344),
        (10, "FEET", 3.048),
        (1, "foot", 0.3048),
        (1, "Yard", 0.9144),
        (1, "NauticalMiles", 1852.0),
        (1, "nautical mile", 1852.0),
        (5, None, 5.0),
    ],
)
def test_units_are_international_in_any_case_singular_or_plural(distance, units, meters):
    assert to_meters(distance, units, parameter="distances") == pytest.approx(meters, rel=1e-15)


def test_an_unknown_unit_is_refused_with_the_list():
    with pytest.raises(
        ParameterError, match=r"binSize: 'furlongs' is no unit of length here; use one of Meters, Kilom"
    ):
        to_meters(1, "furlongs", parameter="binSize")


@pytest.mark.parametrize("distance", [0, -1, float("nan"), float("inf")])
def test_a_distance_that_is_not_positive_is_refused(distance):
    with pytest.raises(ParameterError, match="greater than 0"):
        to_meters(distance, "Meters", parameter="distances")


@pytest.mark.parametrize(
    ("meters", "words"),
    [(0.25, "0.25 m"), (850.2, "850 m"), (12345, "12.3 km"), (999_000, "999 km"), (4_119_351, "4,119 km")],
)
def test_lengths_are_written_for_people(meters, words):
    assert in_words(meters) == words
