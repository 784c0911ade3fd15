from __future__ import annotations

from itertools import combinations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Point

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.facilities import choose_best_facilities

GEOD = pyproj.Geod(ellps="WGS84")


def layer(xy, crs=32633, **columns):
    return gpd.GeoDataFrame(
        columns, geometry=shapely.points(np.array(xy, dtype=float).reshape(-1, 2)), crs=crs
    )


@pytest.fixture
def homes():
    return layer([(0, 0), (1000, 0), (2000, 0), (9000, 0)], people=[1.0, 2.0, 3.0, 4.0], name=list("abcd"))


@pytest.fixture
def shops():
    return layer([(1000, 100), (8000, 0), (2000, 50)], room=[3.0, 4.0, 1.0], shop=["x", "y", "z"])


def chosen(results):
    made = results["assignedFacilitiesLayer"]
    return made.loc[made["FacilityType"] == "Chosen", "ORIG_FID"].tolist()


def test_demand_goes_to_the_nearest_required_facility_within_range(ctx, homes, shops):
    made = choose_best_facilities(
        ctx,
        goal="Allocate",
        demandLocationsLayer=homes,
        demandField="people",
        requiredFacilitiesLayer=shops.iloc[:2],
        maxTravelRange=1.2,
    )
    demand, lines, facilities = (
        made[f"{word}Layer"] for word in ("allocatedDemandLocations", "allocationLines", "assignedFacilities")
    )
    assert demand["FacilityID"].tolist() == [0, 0, 0, 1]
    assert demand["Total_Kilometers"].tolist() == pytest.approx([1.005, 0.1, 1.005, 1], abs=1e-3)
    assert facilities["AllocatedDemand"].tolist() == [6, 4]
    assert facilities["DemandCount"].tolist() == [3, 1]
    assert facilities["shop"].tolist() == ["x", "y"]
    assert lines["DemandID"].tolist() == [0, 1, 2, 3]
    assert shapely.get_coordinates(lines.geometry.iloc[0]).tolist() == [[1000, 100], [0, 0]]
    assert "10 of 10 demand (100 %) is served by 2 facilities" in ctx.text()
    short = choose_best_facilities(
        ctx,
        goal="Allocate",
        demandLocationsLayer=homes,
        requiredFacilitiesLayer=shops.iloc[:2],
        maxTravelRange=0.5,
    )
    assert short["allocatedDemandLocationsLayer"]["FacilityID"].isna().tolist() == [True, False, True, True]
    assert short["allocatedDemandLocationsLayer"]["AllocatedDemand"].tolist() == [0, 1, 0, 0]
    assert len(short["allocationLinesLayer"]) == 1
    assert "3 points are served by none" in ctx.text("warn")


def test_lines_may_run_from_the_demand(ctx, homes, shops):
    made = choose_best_facilities(
        ctx,
        goal="Allocate",
        demandLocationsLayer=homes,
        requiredFacilitiesLayer=shops.iloc[:1],
        travelDirection="DemandToFacility",
    )
    assert shapely.get_coordinates(made["allocationLinesLayer"].geometry.iloc[0]).tolist() == [
        [0, 0],
        [1000, 100],
    ]


def test_goals_choose_what_they_say(ctx, homes, shops):
    common = {"demandField": "people", "candidateFacilitiesLayer": shops}
    assert chosen(
        choose_best_facilities(
            ctx, goal="MinimizeImpedance", demandLocationsLayer=homes, candidateCount=2, **common
        )
    ) == [
        1,
        2,
    ]
    near = {"maxTravelRange": 1100, "maxTravelRangeUnits": "Meters"}
    assert chosen(
        choose_best_facilities(ctx, goal="MaximizeCoverage", demandLocationsLayer=homes, **near, **common)
    ) == [0]
    full = choose_best_facilities(ctx, goal="PercentCoverage", demandLocationsLayer=homes, **near, **common)
    assert chosen(full) == [0, 1]
    assert chosen(
        choose_best_facilities(
            ctx,
            goal="PercentCoverage",
            demandLocationsLayer=homes,
            percentDemandCoverage=60,
            **near,
            **common,
        )
    ) == [0]
    capped = choose_best_facilities(
        ctx,
        goal="MaximizeCapacitatedCoverage",
        demandLocationsLayer=homes,
        candidateCount=2,
        candidateFacilitiesCapacityField="room",
        **near,
        **common,
    )
    assert chosen(capped) == [0, 1]
    facilities = capped["assignedFacilitiesLayer"]
    assert (facilities["AllocatedDemand"] <= facilities["room"]).all()
    assert facilities["AllocatedDemand"].sum() == 7
    assert "every choice was tried, and this one is the best" in ctx.text()


def test_required_facilities_stay_and_count(ctx, homes, shops):
    made = choose_best_facilities(
        ctx, goal="MinimizeImpedance", demandLocationsLayer=homes, requiredFacilitiesLayer=shops.iloc[[2]], candidateFacilitiesLayer=shops.iloc[:2],
        candidateCount=2,
    )  # fmt: skip
    facilities = made["assignedFacilitiesLayer"]
    assert facilities[["FacilityType", "ORIG_FID", "shop"]].to_numpy().tolist() == [
        ["Required", 0, "z"],
        ["Chosen", 1, "y"],
    ]


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 4),
    goal=st.sampled_from(["MinimizeImpedance", "MaximizeCoverage"]),
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_choices_equal_every_choice_tried_on_the_ellipsoid(ctx, seed, count, goal):
    rng = np.random.default_rng(seed)
    here = np.column_stack([rng.uniform(-180, 180, 15), rng.uniform(-80, 80, 15)])
    there = np.column_stack([rng.uniform(-180, 180, 6), rng.uniform(-80, 80, 6)])
    weight = rng.integers(0, 5, 15).astype(float)
    made = choose_best_facilities(
        ctx, goal=goal, demandLocationsLayer=layer(here, 4326, w=weight), demandField="w", candidateFacilitiesLayer=layer(there, 4326),
        candidateCount=count, maxTravelRange=4000.0,
    )  # fmt: skip
    far = np.array([[GEOD.inv(*a, *b)[2] for b in there] for a in here])

    def worth(some):
        nearest = far[:, list(some)].min(axis=1)
        if goal == "MaximizeCoverage":
            return weight[nearest <= 4e6].sum()
        return -(weight * np.minimum(nearest, 4e6)).sum()

    best = max(worth(some) for some in combinations(range(6), count))
    assert worth(chosen(made)) == pytest.approx(best)
    demand = made["allocatedDemandLocationsLayer"]
    assert made["assignedFacilitiesLayer"]["AllocatedDemand"].sum() == pytest.approx(
        demand["AllocatedDemand"].sum()
    )
    assert (demand["Total_Kilometers"].dropna() <= 4000).all()


def test_many_choices_are_searched_and_the_messages_say_so(ctx):
    quakes, airports = sample("earthquakes").iloc[:300], sample("airports").iloc[::40]
    made = choose_best_facilities(
        ctx,
        goal="MinimizeImpedance",
        demandLocationsLayer=quakes,
        candidateFacilitiesLayer=airports,
        candidateCount=5,
    )
    assert len(chosen(made)) == 5
    assert "added one by one and exchanged while that helped; a better choice may exist" in ctx.text()
    again = choose_best_facilities(
        ctx,
        goal="MinimizeImpedance",
        demandLocationsLayer=quakes.iloc[::-1],
        candidateFacilitiesLayer=airports.iloc[::-1],
        candidateCount=5,
    )
    one, other = (set(found["assignedFacilitiesLayer"]["iata"]) for found in (made, again))
    assert one == other


def test_ranges_and_demand_may_come_from_fields_with_nulls(ctx, homes, shops):
    places = homes.assign(people=[None, -1.0, 3.0, 4.0], far=[None, 0.5, 0.01, 2.0])
    made = choose_best_facilities(
        ctx, goal="Allocate", demandLocationsLayer=places, demandField="people", requiredFacilitiesLayer=shops, maxTravelRange=0.1,
        maxTravelRangeField="far",
    )["allocatedDemandLocationsLayer"]  # fmt: skip
    assert made["FacilityID"].fillna(-1).tolist() == [-1, 0, -1, 1]
    assert made["Demand"].tolist() == [0, 0, 3, 4]
    assert "demandField: 2 points have no demand" in ctx.text("warn")


def test_layers_in_different_systems_are_measured_on_the_ellipsoid(ctx):
    here = layer([(179.9, 10)], 4326)
    there = layer([(-179.9, 10), (170, 10)], 4326).to_crs(3857)
    made = choose_best_facilities(
        ctx, goal="Allocate", demandLocationsLayer=here, requiredFacilitiesLayer=there
    )
    assert made["allocatedDemandLocationsLayer"]["FacilityID"].tolist() == [0]
    assert made["assignedFacilitiesLayer"].crs.to_epsg() == 3857
    assert made["allocationLinesLayer"].geometry.iloc[0].geom_type == "MultiLineString"


@pytest.mark.parametrize(
    ("goal", "parameters", "reason"),
    [
        ("Allocate", {}, "requiredFacilitiesLayer: the goal Allocate needs it"),
        ("MinimizeImpedance", {}, "candidateFacilitiesLayer: the goal MinimizeImpedance needs it"),
        ("MaximizeCoverage", {"candidates": True}, "maxTravelRange: the goal MaximizeCoverage needs it"),
        (
            "MinimizeImpedance",
            {"candidates": True, "required": True},
            "candidateCount: 1 facilities are wanted, and 3 are",
        ),
        (
            "Allocate",
            {"required": True, "travelMode": "Driving"},
            "travelMode: travel modes need a street network",
        ),
        (
            "Allocate",
            {"required": True, "maxTravelRangeUnits": "Minutes"},
            "maxTravelRangeUnits: times need a street network",
        ),
        ("Allocate", {"required": True, "demandField": "name"}, "demandField: the field 'name' holds"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, homes, shops, goal, parameters, reason):
    given = dict(parameters)
    if given.pop("candidates", False):
        given["candidateFacilitiesLayer"] = shops
    if given.pop("required", False):
        given["requiredFacilitiesLayer"] = shops
    with pytest.raises(ParameterError, match=reason):
        choose_best_facilities(ctx, goal=goal, demandLocationsLayer=homes, **given)


def test_too_many_pairs_are_refused(ctx, monkeypatch, homes, shops):
    monkeypatch.setattr("spatial_widgets.server.tasks.facilities._MOST_PAIRS", 5)
    with pytest.raises(ParameterError, match="12 pairs of demand and facility; at most 5"):
        choose_best_facilities(
            ctx, goal="Allocate", demandLocationsLayer=homes, requiredFacilitiesLayer=shops
        )


def test_lines_need_points(ctx, shops):
    lines = gpd.GeoDataFrame(geometry=[Point(0, 0).buffer(1)], crs=32633)
    with pytest.raises(ParameterError, match="points are needed"):
        choose_best_facilities(
            ctx, goal="Allocate", demandLocationsLayer=lines, requiredFacilitiesLayer=shops
        )
