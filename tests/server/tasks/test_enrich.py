from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.enrich import enrich_layer
from spatial_widgets.server.tasks.nearby import summarize_nearby


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


SOURCE = layer(box(0, 0, 1, 1), box(1, 0, 2, 1), people=[100, 200], income=[10.0, 40.0], name=["a", "b"])


def enrich(ctx, features, **parameters):
    return enrich_layer(ctx, features, enrichmentLayer=parameters.pop("source", SOURCE), **parameters)[
        "enrichedLayer"
    ]


def test_polygons_receive_their_share(ctx):
    made = enrich(
        ctx,
        layer(box(0.5, 0, 1.5, 1), box(7, 7, 8, 8), id=["x", "y"]),
        analysisVariables=["people", "income Mean"],
    )
    assert list(made.columns) == ["id", "people", "mean_income", "geometry"]
    assert made["people"].iloc[0] == pytest.approx(150)
    assert made["mean_income"].iloc[0] == pytest.approx(25)
    assert made.iloc[1][["people", "mean_income"]].isna().all()
    assert "in 1 nothing of enrichmentLayer lies" in ctx.text()


def test_without_variables_all_numbers_come(ctx):
    made = enrich(ctx, layer(box(0, 0, 2, 1), people=["taken"]))
    assert list(made.columns) == ["people", "people_1", "income", "geometry"]
    assert made["people_1"].iloc[0] == pytest.approx(300)


def test_points_and_lines_are_enriched_from_their_surroundings(ctx):
    places = layer(Point(10, 50), Point(20, 50), Point(170, 0))
    quakes = sample("earthquakes")
    made = enrich(
        ctx, places, source=quakes, analysisVariables=["sig", "mag Max"], distance=3000.0, units="Kilometers"
    )
    nearby = summarize_nearby(
        ctx, places, quakes, distances=[3000.0], units="Kilometers", summaryFields=["sig Sum", "mag Max"]
    )["resultLayer"]
    assert made["sig"].tolist() == nearby["sum_sig"].tolist()
    assert made["max_mag"].tolist() == pytest.approx(nearby["max_mag"].tolist(), nan_ok=True)
    assert made.geom_type.tolist() == ["Point"] * 3
    rings = enrich(ctx, places, source=quakes, distance=10.0, returnBoundaries=True)
    assert rings.geom_type.tolist() == ["Polygon"] * 3
    line = enrich(ctx, layer(LineString([(0, 0.5), (2, 0.5)])), distance=200.0, units="Kilometers")
    assert line["people"].iloc[0] == pytest.approx(300)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.integers(0, 8)] * 4, st.integers(0, 1000)), min_size=1, max_size=7))
def test_what_a_tiling_receives_adds_up_to_the_whole(ctx, corners):
    source = layer(
        *(box(x + 0.3, y + 0.3, x + w + 1, y + h + 1) for x, y, w, h, _ in corners), n=[c[4] for c in corners]
    )
    tiles = layer(*(box(x, y, x + 3, y + 3) for x in range(0, 18, 3) for y in range(0, 18, 3)))
    made = enrich(ctx, tiles, source=source)
    assert made["n"].sum() == pytest.approx(sum(c[4] for c in corners))


def test_the_input_keeps_its_system(ctx):
    made = enrich(ctx, layer(box(0, 0, 2, 1)).to_crs(3857))
    assert made.crs.to_epsg() == 3857
    assert made["people"].iloc[0] == pytest.approx(300, rel=1e-9)


def test_counties_inherit_the_figures_of_their_states(ctx):
    states, counties = sample("states"), sample("counties")
    states["n"] = np.arange(len(states), dtype=float)
    inland = counties[counties["state"].isin(["Colorado", "Kansas"])]
    made = enrich(ctx, inland, source=states, analysisVariables=["n"])
    expected = states.set_index("name")["n"]
    for state in ("Colorado", "Kansas"):
        assert made[made["state"] == state]["n"].sum() == pytest.approx(expected[state], rel=0.01)
    assert shapely.equals(made.geometry.to_numpy(), inland.geometry.to_numpy()).all()


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"dataCollections": ["KeyFacts"]}, "dataCollections: This service has no demographic data"),
        (
            {"enrichmentLayer": None},
            "enrichmentLayer: This service has no demographic data; give a layer of your own",
        ),
        ({"analysisVariables": ["nothing"]}, "analysisVariables: the layer has no field 'nothing'"),
        ({"analysisVariables": ["name"]}, "Sum of the field 'name' cannot be computed"),
        ({"bufferType": "Driving Time", "distance": 5.0}, "bufferType: travel modes need a street network"),
        ({"distance": 5.0, "units": "Minutes"}, "units: times need a street network"),
        ({"distance": -1.0}, "distance: -1 is no usable distance"),
        ({}, "distance: points and lines have no area"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        enrich_layer(ctx, layer(Point(0, 0)), **{"enrichmentLayer": SOURCE, **parameters})


def test_what_is_for_hosted_data_is_named_as_not_used(ctx):
    enrich(ctx, layer(box(0, 0, 1, 1)), country="US", hierarchy="census")
    assert "country: not used" in ctx.text("warn")
    assert "hierarchy: not used" in ctx.text("warn")
