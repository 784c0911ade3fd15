from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial_widgets.server.analysis.classes import class_limits

KINDS = ["EqualInterval", "EqualArea", "GeometricInterval", "NaturalBreaks", "StandardDeviation"]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 3)), min_size=1, max_size=60), st.integers(2, 12))
def test_limits_ascend_from_the_least_to_the_largest_value(kind, values, count):
    limits = class_limits(np.array(values), kind, count)
    assert limits[0] == min(values)
    assert limits[-1] == max(values)
    assert 2 <= len(limits) <= count + 1
    assert (np.diff(limits) > 0).all() or min(values) == max(values)


def test_equal_intervals_and_equal_areas_are_equal():
    values = np.random.default_rng(1).gamma(1, 5, 1000)
    assert np.ptp(np.diff(class_limits(values, "EqualInterval", 5))) < 1e-9
    sizes = np.histogram(values, class_limits(values, "EqualArea", 5))[0]
    assert sizes.tolist() == [200] * 5


def test_geometric_intervals_grow_by_one_ratio_and_even_out_skewed_values():
    values = np.random.default_rng(2).lognormal(0, 1, 5000)
    limits = class_limits(values, "GeometricInterval", 6)
    steps = np.diff(limits)
    assert steps[1:] / steps[:-1] == pytest.approx(np.full(5, steps[1] / steps[0]))
    equal = np.histogram(values, class_limits(values, "EqualInterval", 6))[0]
    made = np.histogram(values, limits)[0]
    assert (made.astype(float) ** 2).sum() < (equal.astype(float) ** 2).sum() / 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-30, 30), min_size=4, max_size=11), st.integers(2, 4))
def test_natural_breaks_are_the_best_of_all_divisions(values, count):
    values = np.sort(np.array(values, dtype=float))
    distinct = np.unique(values)
    if len(distinct) <= count:
        return

    def unlike(cuts):
        groups = np.split(distinct, cuts)
        return sum(
            ((members - members.mean()) ** 2).sum()
            for g in groups
            for members in [values[np.isin(values, g)]]
        )

    best = min(unlike(cuts) for cuts in combinations(range(1, len(distinct)), count - 1))
    limits = class_limits(values, "NaturalBreaks", count)
    assert len(limits) == count + 1
    assert unlike(np.searchsorted(distinct, limits[1:-1])) == pytest.approx(best)


def test_natural_breaks_of_many_values_find_the_gaps():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(m, 0.1, 2000) for m in (0, 5, 6, 20)])
    inner = class_limits(values, "NaturalBreaks", 4)[1:-1]
    assert 0.5 < inner[0] < 4.5
    assert 5.3 < inner[1] < 5.7
    assert 6.5 < inner[2] < 19.5


def test_standard_deviations_count_from_the_mean():
    values = np.random.default_rng(4).normal(100, 15, 4000)
    limits = class_limits(values, "StandardDeviation", 6)
    assert (limits[1:-1] - values.mean()) / values.std() == pytest.approx([-2, -1, 0, 1, 2], abs=1e-9)


def test_one_value_is_one_class():
    for kind in KINDS:
        assert class_limits(np.full(5, 2.5), kind, 4).tolist() == [2.5, 2.5]
