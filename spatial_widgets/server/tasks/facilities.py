"""ChooseBestFacilities: which places serve a spread-out demand best."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.between import Between
from spatial_widgets.server.analysis.connecting import geodesics, straight_lines
from spatial_widgets.server.analysis.lengths import METERS_IN, to_meters
from spatial_widgets.server.analysis.prepare import free_name, numbers_of, prepare, to_output
from spatial_widgets.server.analysis.siting import allocate, choose, choose_with_capacity
from spatial_widgets.server.analysis.travel import only_straight_lines
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["choose_best_facilities"]

Array = np.ndarray[Any, Any]
Goal = Literal[
    "Allocate", "MinimizeImpedance", "MaximizeCoverage", "MaximizeCapacitatedCoverage", "PercentCoverage"
]

_NO_LIMIT = 2147483647.0
_MOST_PAIRS = 25_000_000
_TIMES = {"Seconds", "Minutes", "Hours", "Days"}


class _Outputs(TypedDict):
    allocatedDemandLocationsLayer: Annotated[
        gpd.GeoDataFrame, Note("the demand, with the facility that serves it and how far that is")
    ]
    allocationLinesLayer: Annotated[gpd.GeoDataFrame, Note("lines between the demand and its facilities")]
    assignedFacilitiesLayer: Annotated[
        gpd.GeoDataFrame, Note("the required and the chosen facilities, with what they serve")
    ]


@task("ChooseBestFacilities", restartable=True)
def choose_best_facilities(
    ctx: Context,
    *,
    goal: Annotated[
        Goal,
        Note(
            "Allocate demand to required facilities; or choose candidates for the least weighted distance, for most "
            "demand within range, for most within range and capacity, or as few as cover a percentage"
        ),
    ] = "Allocate",
    demandLocationsLayer: Annotated[gpd.GeoDataFrame, Note("points with demand")],
    demand: Annotated[float, Note("the demand of each point", minimum=0)] = 1.0,
    demandField: Annotated[str | None, Note("instead of demand: a numeric field that holds it")] = None,
    maxTravelRange: Annotated[float | None, Note("up to which distance demand is served", minimum=0)] = None,
    maxTravelRangeField: Annotated[
        str | None, Note("instead of maxTravelRange: a numeric field of the demand that holds it")
    ] = None,
    maxTravelRangeUnits: Annotated[
        Literal["Seconds", "Minutes", "Hours", "Days", "Meters", "Kilometers", "Feet", "Yards", "Miles"]
        | None,
        Note(
            "unit of maxTravelRange and of distances; kilometres without one (ours). Times are for travel modes"
        ),
    ] = None,
    travelMode: Annotated[
        str | None,
        Note("StraightLine or nothing; travel modes need a street network, which this service does not have"),
    ] = None,
    timeOfDay: Annotated[dt.datetime | None, Note("for travel modes; not used")] = None,
    timeZoneForTimeOfDay: Annotated[  # noqa: ARG001 -- clients send it
        Literal["GeoLocal", "UTC"], Note("for travel modes; not used")
    ] = "GeoLocal",
    travelDirection: Annotated[
        Literal["FacilityToDemand", "DemandToFacility"], Note("which way lines run")
    ] = "FacilityToDemand",
    requiredFacilitiesLayer: Annotated[
        gpd.GeoDataFrame | None, Note("facilities that are chosen in any case; needed to Allocate")
    ] = None,
    requiredFacilitiesCapacity: Annotated[
        float, Note("how much demand each of them serves; with MaximizeCapacitatedCoverage", minimum=0)
    ] = _NO_LIMIT,
    requiredFacilitiesCapacityField: Annotated[
        str | None, Note("instead of that number: a numeric field of theirs")
    ] = None,
    candidateFacilitiesLayer: Annotated[
        gpd.GeoDataFrame | None, Note("facilities to choose from; needed but to Allocate")
    ] = None,
    candidateCount: Annotated[
        int, Note("how many facilities there are to be, the required ones among them", minimum=1)
    ] = 1,
    candidateFacilitiesCapacity: Annotated[
        float, Note("how much demand each candidate serves; with MaximizeCapacitatedCoverage", minimum=0)
    ] = _NO_LIMIT,
    candidateFacilitiesCapacityField: Annotated[
        str | None, Note("instead of that number: a numeric field of theirs")
    ] = None,
    percentDemandCoverage: Annotated[
        float, Note("for PercentCoverage: the share of demand to cover", minimum=0, maximum=100)
    ] = 100.0,
    pointBarrierLayer: Annotated[gpd.GeoDataFrame | None, Note("for travel modes; not used")] = None,
    lineBarrierLayer: Annotated[gpd.GeoDataFrame | None, Note("for travel modes; not used")] = None,
    polygonBarrierLayer: Annotated[gpd.GeoDataFrame | None, Note("for travel modes; not used")] = None,
) -> _Outputs:
    """Choose the facilities that serve demand best, and allocate the demand to them.

    Distances are straight lines, geodesic unless all layers have one projection, where Esri's are along streets.
    Each demand goes to the nearest facility within range. MinimizeImpedance has the least sum of demand times
    distance, in which demand out of range counts with its range. Of equally good choices for coverage the one
    with the shorter distances is taken. With capacities the nearest pairs of demand and facility come first; demand
    is not divided.

    Where the choices are few, all are tried, and the best one is found. Where they are many, the best facility is added
    again and again, and one exchanged for another while that helps (Teitz and Bart); the result is good, but a
    better one may exist. With capacities nothing is exchanged. The messages tell which it was.

    ``FacilityID`` numbers the facilities of the result, ``FacilityType`` is Required or Chosen, ``ORIG_FID`` the number
    in its own layer, from 0; ``Demand``, ``AllocatedDemand``, ``DemandCount`` and ``Total_Kilometers`` say what is served and
    how far that is (the names are ours).
    """
    only_straight_lines(
        ctx,
        travelMode,
        "travelMode",
        timeOfDay=timeOfDay,
        pointBarrierLayer=pointBarrierLayer,
        lineBarrierLayer=lineBarrierLayer,
        polygonBarrierLayer=polygonBarrierLayer,
    )
    if maxTravelRangeUnits in _TIMES:
        raise ParameterError(
            "maxTravelRangeUnits: times need a street network with travel times, which this service does not have. "
            "Use a unit of length.",
            parameter="maxTravelRangeUnits",
        )
    units = maxTravelRangeUnits or "Kilometers"
    _check_goal(goal, requiredFacilitiesLayer, candidateFacilitiesLayer)
    places = prepare(ctx, demandLocationsLayer, "demandLocationsLayer", kinds=("points",))
    weights = _weights(ctx, places, demand, demandField)
    reach = _reach(places, maxTravelRange, maxTravelRangeField, units)
    _check_range(goal, reach)
    capped = goal == "MaximizeCapacitatedCoverage"
    facilities = _facilities(
        ctx,
        goal,
        (requiredFacilitiesLayer, requiredFacilitiesCapacity, requiredFacilitiesCapacityField),
        (candidateFacilitiesLayer, candidateFacilitiesCapacity, candidateFacilitiesCapacityField),
        capped=capped,
    )
    ctx.progress(20, "Layers read")
    sites = Between.of(ctx, places, facilities.frame)
    if sites.pairs > _MOST_PAIRS:
        raise ParameterError(
            f"demandLocationsLayer: {sites.pairs:,} pairs of demand and facility; at most {_MOST_PAIRS:,} are measured. "
            "Use fewer candidates, or aggregate the demand.",
            parameter="demandLocationsLayer",
        )
    far = sites.distances()
    ctx.progress(50, "Distances measured")
    problem = _Problem(ctx, far, np.minimum(reach, 1e12), weights, facilities)
    chosen = problem.solve(goal, candidateCount, percentDemandCoverage)
    served = allocate(far[:, chosen], reach, weights, facilities.capacity[chosen] if capped else None)
    ctx.progress(90, "Facilities chosen")
    result = _Result(places, facilities, sites, chosen, served, weights, far, units)
    result.tell(ctx)
    backwards = travelDirection == "DemandToFacility"
    ctx.progress(100)
    return {
        "allocatedDemandLocationsLayer": to_output(ctx, result.demand(), demandLocationsLayer.crs),
        "allocationLinesLayer": to_output(ctx, result.lines(backwards=backwards), demandLocationsLayer.crs),
        "assignedFacilitiesLayer": result.assigned(),
    }


# ---------------------------------------------------------------- what is given


def _check_goal(goal: Goal, required: gpd.GeoDataFrame | None, candidates: gpd.GeoDataFrame | None) -> None:
    missing = {
        "requiredFacilitiesLayer": goal == "Allocate" and required is None,
        "candidateFacilitiesLayer": goal != "Allocate" and candidates is None,
    }
    for name, is_missing in missing.items():
        if is_missing:
            raise ParameterError(f"{name}: the goal {goal} needs it.", parameter=name)


def _check_range(goal: Goal, reach: Array) -> None:
    if goal in {"MaximizeCoverage", "PercentCoverage"} and np.isinf(reach).all():
        raise ParameterError(
            f"maxTravelRange: the goal {goal} needs it, or maxTravelRangeField; without a range everything is covered.",
            parameter="maxTravelRange",
        )


def _weights(ctx: Context, places: gpd.GeoDataFrame, demand: float, field: str | None) -> Array:
    if not field:
        return np.full(len(places), float(demand))
    values = numbers_of(places, field, "demandField").to_numpy()
    bad = ~(values >= 0)
    if bad.any():
        ctx.warn(f"demandField: {int(bad.sum()):,} points have no demand, for theirs is null or less than 0.")
    return np.where(bad, 0.0, values)


def _reach(places: gpd.GeoDataFrame, distance: float | None, field: str | None, units: str) -> Array:
    """Return the range of each point in metres; infinite where none is given."""
    common = np.inf if distance is None else to_meters(distance, units, parameter="maxTravelRange")
    if not field:
        return np.full(len(places), common)
    values = numbers_of(places, field, "maxTravelRangeField").to_numpy() * METERS_IN[units]
    return np.where(np.isnan(values), common, values)


@dataclass(frozen=True, slots=True)
class _Facilities:
    """The required facilities, and then the candidates."""

    frame: gpd.GeoDataFrame
    capacity: Array
    required: Array


def _facilities(
    ctx: Context, goal: Goal, required: tuple[Any, ...], candidates: tuple[Any, ...], *, capped: bool
) -> _Facilities:
    frames, capacities, sizes = [], [], []
    for name, (layer, number, field) in (
        ("requiredFacilities", required),
        ("candidateFacilities", candidates),
    ):
        if layer is None or (name == "candidateFacilities" and goal == "Allocate"):
            sizes.append(0)
            continue
        ready = prepare(ctx, layer, f"{name}Layer", kinds=("points",))
        capacity = np.full(len(ready), np.inf if number >= _NO_LIMIT else float(number))
        if field:
            own = numbers_of(ready, field, f"{name}CapacityField").to_numpy()
            capacity = np.where(np.isnan(own), capacity, own)
        if not capped and np.isfinite(capacity).any():
            ctx.warn(f"{name}Capacity: not used, because the goal is {goal}.")
        kind = "Required" if name == "requiredFacilities" else "Chosen"
        attributes = ready.drop(columns=["FacilityType", "FacilityID", "ORIG_FID"], errors="ignore")
        frames.append(attributes.assign(FacilityType=kind, ORIG_FID=ready.index.to_numpy(dtype="int64")))
        capacities.append(capacity)
        sizes.append(len(ready))
    same = [frame.to_crs(frames[0].crs) for frame in frames]
    both = (
        same[0] if len(same) == 1 else gpd.GeoDataFrame(pd.concat(same, ignore_index=True), crs=frames[0].crs)
    )
    return _Facilities(
        both.reset_index(drop=True), np.concatenate(capacities), np.arange(sum(sizes)) < sizes[0]
    )


# ---------------------------------------------------------------- the choice


@dataclass(frozen=True, slots=True)
class _Problem:
    """Distances in metres, shape ``(demand, facilities)``, and what is to be served how far."""

    ctx: Context
    far: Array
    reach: Array
    weights: Array
    facilities: _Facilities

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


# ---------------------------------------------------------------- what comes out


@dataclass(frozen=True, slots=True)
class _Result:
    places: gpd.GeoDataFrame
    facilities: _Facilities
    sites: Between
    chosen: Array
    served: Array
    weights: Array
    far: Array
    units: str

    @property
    def _rows(self) -> Array:
        return np.flatnonzero(self.served >= 0)

    @property
    def _lengths(self) -> Array:
        """The distance of each served demand, in the unit asked for."""
        rows = self._rows
        meters: Array = self.far[rows, self.chosen[self.served[rows]]]
        return meters / METERS_IN[self.units]

    def tell(self, ctx: Context) -> None:
        """Say how much is served, and how far it is."""
        total, given = float(self.weights.sum()), float(self.weights[self._rows].sum())
        share = 100 * given / total if total else 0.0
        mean = float((self.weights[self._rows] * self._lengths).sum() / given) if given else 0.0
        ctx.info(
            f"{given:,.6g} of {total:,.6g} demand ({share:.4g} %) is served by {len(self.chosen):,} facilities, "
            f"at a mean distance of {mean:,.4g} {self.units}."
        )
        if len(self._rows) < len(self.served):
            ctx.warn(f"{len(self.served) - len(self._rows):,} points are served by none.")

    def demand(self) -> gpd.GeoDataFrame:
        """Return the demand with its facility."""
        rows, table = self._rows, self.places.reset_index(drop=True)
        lengths = np.full(len(table), np.nan)
        lengths[rows] = self._lengths
        facility = pd.Series(self.served, dtype="Int64").where(self.served >= 0)
        columns = {
            "Demand": self.weights,
            "AllocatedDemand": np.where(self.served >= 0, self.weights, 0.0),
            "FacilityID": facility,
            f"Total_{self.units}": lengths,
        }
        made = table.assign(**{free_name(name, table.columns): values for name, values in columns.items()})
        return made[[*(c for c in made.columns if c != "geometry"), "geometry"]]

    def lines(self, *, backwards: bool) -> gpd.GeoDataFrame:
        """Return a line for each demand that is served."""
        rows = self._rows
        table = pd.DataFrame(
            {
                "FacilityID": self.served[rows].astype("int64"),
                "DemandID": self.places.index.to_numpy(dtype="int64")[rows],
                "AllocatedDemand": self.weights[rows],
                f"Total_{self.units}": self._lengths,
            }
        )
        ends = self.sites.here[rows], self.sites.there[self.chosen[self.served[rows]]]
        begins, stops = ends if backwards else ends[::-1]
        if self.sites.geodesic:
            return gpd.GeoDataFrame(table, geometry=geodesics(begins, stops), crs=4326)
        return gpd.GeoDataFrame(table, geometry=straight_lines(begins, stops), crs=self.places.crs)

    def assigned(self) -> gpd.GeoDataFrame:
        """Return the facilities with what they serve."""
        rows, number = self._rows, len(self.chosen)
        table = self.facilities.frame.iloc[self.chosen].reset_index(drop=True)
        weighted = np.bincount(self.served[rows], self.weights[rows] * self._lengths, minlength=number)
        columns = {
            "DemandCount": np.bincount(self.served[rows], minlength=number).astype("int64"),
            "AllocatedDemand": np.bincount(self.served[rows], self.weights[rows], minlength=number),
            f"TotalWeighted_{self.units}": weighted,
        }
        table.insert(0, "FacilityID", np.arange(number, dtype="int64"))
        made = table.assign(**{free_name(name, table.columns): values for name, values in columns.items()})
        return made[[*(c for c in made.columns if c != "geometry"), "geometry"]]
