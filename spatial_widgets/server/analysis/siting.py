"""Which places to choose: a few out of many, so that what it costs to serve everybody is least.

Small problems are solved by trying every choice, larger ones by adding the best place again and again and then
exchanging one for another while that helps: M. B. Teitz and P. Bart, Heuristic Methods for Estimating the Generalized
Vertex Median of a Weighted Graph, Operations Research 16 (1968), https://doi.org/10.1287/opre.16.5.955
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Choice", "allocate", "choose", "choose_with_capacity"]

Array = np.ndarray[Any, Any]

_MOST_CHOICES = 20_000
_MOST_WORK = 20_000_000
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Choice:
    """Chosen columns in rising order, and whether every other choice was tried and none is better."""

    columns: tuple[int, ...]
    is_best: bool


def choose(costs: Array, number: int, fixed: Array) -> Choice:
    """Return the ``number`` columns for which the sum over the rows of the least cost is least.

    Parameters
    ----------
    costs : what it costs to serve a row from a column, shape ``(rows, columns)``.
    fixed : what it costs to serve a row without any of them, shape ``(rows,)``.
    """
    columns = costs.shape[1]
    number = min(number, columns)
    if comb(columns, number) <= _MOST_CHOICES and comb(columns, number) * costs.shape[0] <= _MOST_WORK:
        return _every(
            range(columns),
            number,
            lambda some: -np.minimum(costs[:, list(some)].min(axis=1, initial=np.inf), fixed).sum(),
        )
    return Choice(tuple(sorted(_exchanged(costs, _added(costs, number, fixed), fixed))), is_best=False)


def _every(columns: range, number: int, worth: Callable[[tuple[int, ...]], float]) -> Choice:
    best: tuple[int, ...] = ()
    most = -np.inf
    for some in combinations(columns, number):
        found = float(worth(some))
        if np.isinf(most) or found > most + _TINY * max(1.0, abs(most)):
            best, most = some, found
    return Choice(best, is_best=True)


def _added(costs: Array, number: int, fixed: Array) -> list[int]:
    """Return columns, each the one that helps most after those before it."""
    now, chosen = fixed.copy(), list[int]()
    for _ in range(number):
        total = np.array([np.minimum(now, column).sum() for column in costs.T])
        total[chosen] = np.inf
        best = int(total.argmin())
        chosen.append(best)
        now = np.minimum(now, costs[:, best])
    return chosen


def _exchanged(costs: Array, chosen: list[int], fixed: Array) -> list[int]:
    """Return columns after every exchange of one for another that helps, the best one first."""
    while chosen:
        open_costs = np.column_stack([costs[:, chosen], fixed])
        order = np.argpartition(open_costs, 1, axis=1)[:, :2]
        two = np.take_along_axis(open_costs, order, axis=1)
        swap = two[:, 0] > two[:, 1]
        nearest = np.where(swap, order[:, 1], order[:, 0])
        first, second = two.min(axis=1), two.max(axis=1)
        best = (_TINY * max(1.0, float(first.sum())), -1, -1)
        for column in sorted(set(range(costs.shape[1])) - set(chosen)):
            new = costs[:, column]
            gain = float(np.maximum(first - new, 0).sum())
            if gain <= best[0]:
                continue
            lost = np.where(new >= first, np.minimum(second, new) - first, 0)
            losses = np.bincount(nearest, lost, minlength=len(chosen) + 1)[:-1]
            out = int(losses.argmin())
            if gain - losses[out] > best[0]:
                best = (gain - float(losses[out]), out, column)
        if best[1] < 0:
            break
        chosen[best[1]] = best[2]
    return chosen


# ---------------------------------------------------------------- places that hold so much and no more


def choose_with_capacity(
    far: Array, reach: Array, demand: Array, capacity: Array, number: int, required: Array
) -> Choice:
    """Return the columns beside the required ones that serve most demand, none beyond its capacity.

    Parameters
    ----------
    far : distances, shape ``(rows, columns)``.
    reach : up to which distance each row can be served, shape ``(rows,)``.
    demand, capacity : of each row, and of each column.
    required : which columns are chosen in any case.
    """
    free = np.flatnonzero(~required)
    number = min(number, len(free))
    always = np.flatnonzero(required)

    def worth(some: tuple[int, ...]) -> float:
        columns = np.concatenate([always, free[list(some)]])
        served = allocate(far[:, columns], reach, demand, capacity[columns])
        return float(demand[served >= 0].sum())

    tries = comb(len(free), number)
    if tries <= _MOST_CHOICES and tries * far.size <= _MOST_WORK:
        found = _every(range(len(free)), number, worth)
        return Choice(tuple(int(free[i]) for i in found.columns), is_best=True)
    waiting = demand.copy()
    served = allocate(far[:, always], reach, demand, capacity[always])
    waiting[served >= 0] = 0
    order = np.argsort(far, axis=0, kind="stable")
    near = np.take_along_axis(far, order, axis=0) <= reach[order]
    chosen = list[int]()
    for _ in range(number):
        sums = np.cumsum(np.where(near, waiting[order], 0), axis=0)
        worths = np.where(sums <= capacity, sums, 0).max(axis=0, initial=0)
        worths[[*always, *chosen]] = -1
        best = int(worths.argmax())
        chosen.append(best)
        now = np.where(far[:, best] <= reach, far[:, best], np.inf)
        waiting[allocate(now[:, None], reach, waiting, capacity[[best]]) >= 0] = 0
    return Choice(tuple(sorted(chosen)), is_best=False)


def allocate(far: Array, reach: Array, demand: Array, capacity: Array | None = None) -> Array:
    """Return the column that serves each row, -1 for none.

    Without capacities that is the nearest within reach. With them the nearest pairs come first, and a row
    whose demand no longer fits goes to the next column that has room.
    """
    if far.shape[1] == 0:
        return np.full(len(far), -1)
    if capacity is None or (np.isinf(capacity)).all():
        nearest = far.argmin(axis=1)
        return np.where(far[np.arange(len(far)), nearest] <= reach, nearest, -1)
    served, room = np.full(len(far), -1), capacity.astype(float).copy()
    rows, columns = np.nonzero(far <= reach[:, None])
    order = np.argsort(far[rows, columns], kind="stable")
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if served[row] < 0 and demand[row] <= room[column] * (1 + _TINY):
            served[row] = column
            room[column] -= demand[row]
    return served
