"""The goals of ChooseBestFacilities, and the choice that each of them asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.siting import choose, choose_with_capacity

if TYPE_CHECKING:
    import geopandas as gpd

    from spatial_widgets.server.registry import Context

__all__ = ["Facilities", "Goal", "Problem"]

Array = np.ndarray[Any, Any]
Goal = Literal[
    "Allocate", "MinimizeImpedance", "MaximizeCoverage", "MaximizeCapacitatedCoverage", "PercentCoverage"
]


@dataclass(frozen=True, slots=True)
class Facilities:
    """The required facilities, and then the candidates."""

    frame: gpd.GeoDataFrame
    capacity: Array
    required: Array


@dataclass(frozen=True, slots=True)
class Problem:
    """Distances in metres, shape ``(demand, facilities)``, and what is to be served how far."""

    ctx: Context
    far: Array
    reach: Array
    weights: Array
    facilities: Facilities

    def solve(self, goal: Goal, count: int, percent: float) -> Array:
        """Return the positions of the chosen facilities, the required ones first."""
        required = np.flatnonzero(self.facilities.required)
        if goal == "Allocate":
            return required
        free = np.flatnonzero(~self.facilities.required)
        if goal == "PercentCoverage":
            chosen, is_best = self._for_percent(free, required, percent)
        else:
            number = self._number(count, len(required), len(free))
            if goal == "MaximizeCapacitatedCoverage":
                found = choose_with_capacity(
                    self.far,
                    self.reach,
                    self.weights,
                    self.facilities.capacity,
                    number,
                    self.facilities.required,
                )
                chosen, is_best = np.array(found.columns, dtype="int64"), found.is_best
            else:
                costs = self._costs(covering=goal == "MaximizeCoverage")
                found = choose(
                    costs[:, free],
                    number,
                    self._without(costs, required, covering=goal == "MaximizeCoverage"),
                )
                chosen, is_best = free[list(found.columns)], found.is_best
        self._tell(goal, len(chosen), len(free), is_best=is_best)
        return np.concatenate([required, chosen])

    def _number(self, wanted: int, required: int, free: int) -> int:
        if wanted < required:
            raise ParameterError(
                f"candidateCount: {wanted} facilities are wanted, and {required} are required already.",
                parameter="candidateCount",
            )
        if wanted - required > free:
            self.ctx.warn(f"candidateCount: there are {free:,} candidates only, and all are chosen.")
        return min(wanted - required, free)

    def _costs(self, *, covering: bool) -> Array:
        """Return what it costs to serve demand: weighted distance, or first of all whether it is in range."""
        short = np.minimum(self.far, self.reach[:, None])
        if not covering:
            costs: Array = self.weights[:, None] * short
            return costs
        longest = max(float(self.reach[np.isfinite(self.reach)].max(initial=1.0)), 1.0)
        # Distances weigh so little that all together they are less than any demand.
        least = 1e-7 * short / longest / max(1, len(self.far))
        covered: Array = self.weights[:, None] * ((self.far > self.reach[:, None]) + least)
        return covered

    def _without(self, costs: Array, required: Array, *, covering: bool) -> Array:
        """Return what demand costs that is served by required facilities, or by none."""
        none = self.weights * (1.0 + 1e-7 if covering else np.minimum(self.reach, 1e9))
        best: Array = np.minimum(costs[:, required].min(axis=1, initial=np.inf), none)
        return best

    def _for_percent(self, free: Array, required: Array, percent: float) -> tuple[Array, bool]:
        costs = self._costs(covering=True)
        fixed = self._without(costs, required, covering=True)
        goal = percent / 100 * self.weights.sum()
        for number in range(len(free) + 1):
            found = choose(costs[:, free], number, fixed)
            chosen = free[list(found.columns)]
            near = (self.far[:, np.concatenate([required, chosen])] <= self.reach[:, None]).any(axis=1)
            if self.weights[near].sum() >= goal * (1 - 1e-12):
                return chosen, found.is_best
        self.ctx.warn(
            f"percentDemandCoverage: all facilities together do not cover {percent:g} %; all are chosen."
        )
        return free, True

    def _tell(self, goal: Goal, chosen: int, free: int, *, is_best: bool) -> None:
        way = (
            "every choice was tried, and this one is the best"
            if is_best
            else "the choices are too many to try, so the best facilities were added one by one"
            + ("" if goal == "MaximizeCapacitatedCoverage" else " and exchanged while that helped")
            + "; a better choice may exist"
        )
        self.ctx.info(f"{goal}: {chosen:,} of {free:,} candidates chosen; {way}.")
