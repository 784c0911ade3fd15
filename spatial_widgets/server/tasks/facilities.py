"""ChooseBestFacilities: which places serve a spread-out demand best."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.between import Between
from spatial_widgets.server.analysis.facilitygoals import Facilities, Goal, Problem
from spatial_widgets.server.analysis.facilityresults import Served
from spatial_widgets.server.analysis.lengths import METERS_IN, to_meters
from spatial_widgets.server.analysis.prepare import as_they_came, numbers_of, prepare, to_output
from spatial_widgets.server.analysis.siting import allocate
from spatial_widgets.server.analysis.travel import only_lengths, only_straight_lines
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["choose_best_facilities"]

Array = np.ndarray[Any, Any]

_NO_LIMIT = 2147483647.0
_MOST_PAIRS = 25_000_000


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
    maxTravelRange: Annotated[
        float, Note("up to which distance demand is served; without one, whatever the distance", minimum=0)
    ] = _NO_LIMIT,
    maxTravelRangeField: Annotated[
        str | None, Note("instead of maxTravelRange: a numeric field of the demand that holds it")
    ] = None,
    maxTravelRangeUnits: Annotated[
        Literal["Seconds", "Minutes", "Hours", "Days", "Meters", "Kilometers", "Feet", "Yards", "Miles"]
        | None,
        Note(
            "unit of maxTravelRange and of distances; kilometres without one (ours: the hosted service's minutes need streets)"
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
    only_lengths(maxTravelRangeUnits, "maxTravelRangeUnits")
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
    ctx.info("Distances are straight lines, where Esri's are along streets.")
    ctx.progress(50, "Distances measured")
    problem = Problem(ctx, far, np.minimum(reach, 1e12), weights, facilities)
    chosen = problem.solve(goal, candidateCount, percentDemandCoverage)
    served = allocate(far[:, chosen], reach, weights, facilities.capacity[chosen] if capped else None)
    ctx.progress(90, "Facilities chosen")
    result = Served(places, facilities, sites, chosen, served, weights, far, units)
    result.tell(ctx)
    backwards = travelDirection == "DemandToFacility"
    ctx.progress(100)
    return {
        "allocatedDemandLocationsLayer": result.demand().assign(
            geometry=as_they_came(demandLocationsLayer, places)
        ),
        "allocationLinesLayer": to_output(ctx, result.lines(backwards=backwards), demandLocationsLayer.crs),
        "assignedFacilitiesLayer": result.assigned(),
    }


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


def _reach(places: gpd.GeoDataFrame, distance: float, field: str | None, units: str) -> Array:
    """Return the range of each point in metres; infinite where none is given."""
    common = np.inf if distance >= _NO_LIMIT else to_meters(distance, units, parameter="maxTravelRange")
    if not field:
        return np.full(len(places), common)
    values = numbers_of(places, field, "maxTravelRangeField").to_numpy() * METERS_IN[units]
    return np.where(np.isnan(values), common, values)


def _facilities(
    ctx: Context, goal: Goal, required: tuple[Any, ...], candidates: tuple[Any, ...], *, capped: bool
) -> Facilities:
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
        attributes = attributes.assign(geometry=as_they_came(layer, ready))
        frames.append(attributes.assign(FacilityType=kind, ORIG_FID=ready.index.to_numpy(dtype="int64")))
        capacities.append(capacity)
        sizes.append(len(ready))
    same = [frame.to_crs(frames[0].crs) for frame in frames]
    both = (
        same[0] if len(same) == 1 else gpd.GeoDataFrame(pd.concat(same, ignore_index=True), crs=frames[0].crs)
    )
    return Facilities(
        both.reset_index(drop=True), np.concatenate(capacities), np.arange(sum(sizes)) < sizes[0]
    )
