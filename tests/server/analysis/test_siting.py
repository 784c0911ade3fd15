"""Choices of places, beside every choice."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial_widgets.server.analysis import siting
from spatial_widgets.server.analysis.siting import allocate, choose, choose_with_capacity

SEEDS = st.integers(0, 2**32 - 1)


def problem(seed, rows=12, columns=7):
    rng = np.random.default_rng(seed)
    costs = np.round(rng.uniform(0, 10, (rows, columns)), 1)
    return costs, np.full(rows, 8.0)


def total(costs, fixed, some):
    return np.minimum(costs[:, list(some)].min(axis=1, initial=np.inf), fixed).sum()


@given(seed=SEEDS, number=st.integers(0, 8))
@settings(deadline=None, max_examples=60)
def test_few_choices_are_all_tried(seed, number):
    costs, fixed = problem(seed)
    found = choose(costs, number, fixed)
    every = combinations(range(7), min(number, 7))
    assert found.is_best
    assert total(costs, fixed, found.columns) == pytest.approx(
        min(total(costs, fixed, some) for some in every)
    )


@given(seed=SEEDS, number=st.integers(1, 6))
@settings(deadline=None, max_examples=60)
def test_adding_and_exchanging_ends_where_no_exchange_helps_and_close_to_the_best(seed, number):
    costs, fixed = problem(seed)
    found = siting._exchanged(costs, siting._added(costs, number, fixed), fixed)
    assert len(set(found)) == number
    worth = total(costs, fixed, found)
    for out in found:
        for new in set(range(7)) - set(found):
            assert total(costs, fixed, {*found} - {out} | {new}) >= worth - 1e-9
    best = min(total(costs, fixed, some) for some in combinations(range(7), number))
    assert best - 1e-9 <= worth
    # A local optimum of single exchanges serves at least half of what can be saved.
    assert fixed.sum() - worth >= (fixed.sum() - best) / 2 - 1e-9


def test_many_choices_are_not_all_tried():
    rng = np.random.default_rng(1)
    costs = rng.uniform(0, 1, (200, 60))
    found = choose(costs, 10, np.full(200, 2.0))
    assert not found.is_best
    assert len(found.columns) == 10


@given(seed=SEEDS, number=st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_capacities_are_kept_and_few_choices_all_tried(seed, number):
    rng = np.random.default_rng(seed)
    far, demand = rng.uniform(0, 10, (10, 5)), rng.integers(1, 4, 10).astype(float)
    reach, capacity = np.full(10, 6.0), rng.integers(0, 9, 5).astype(float)
    required = np.array([True, False, False, False, False])
    found = choose_with_capacity(far, reach, demand, capacity, number, required)

    def served(some):
        columns = [0, *some]
        at = allocate(far[:, columns], reach, demand, capacity[columns])
        loads = np.bincount(at[at >= 0], demand[at >= 0], minlength=len(columns))
        assert (loads <= capacity[columns]).all()
        assert (far[:, columns][np.flatnonzero(at >= 0), at[at >= 0]] <= 6).all()
        return demand[at >= 0].sum()

    assert found.is_best
    assert served(found.columns) == max(served(some) for some in combinations(range(1, 5), number))


def test_without_capacities_everybody_goes_to_the_nearest_within_reach():
    far = np.array([[3.0, 1.0], [2.0, 5.0], [9.0, 9.0]])
    assert allocate(far, np.full(3, 4.0), np.ones(3)).tolist() == [1, 0, -1]
    assert allocate(far[:, :0], np.full(3, 4.0), np.ones(3)).tolist() == [-1, -1, -1]
    assert allocate(far, np.full(3, 9.0), np.ones(3), np.array([1.0, 1.0])).tolist() == [1, 0, -1]


def test_many_places_with_capacities_fill_up_one_after_the_other():
    rng = np.random.default_rng(3)
    far, demand = rng.uniform(0, 10, (400, 60)), np.ones(400)
    found = choose_with_capacity(
        far, np.full(400, 9.0), demand, np.full(60, 20.0), 15, np.zeros(60, dtype=bool)
    )
    assert not found.is_best
    columns = list(found.columns)
    assert len(set(columns)) == 15
    assert (allocate(far[:, columns], np.full(400, 9.0), demand, np.full(15, 20.0)) >= 0).sum() == 300
