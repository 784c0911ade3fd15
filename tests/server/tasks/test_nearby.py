from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.buffers import create_buffers
from spatial_widgets.server.tasks.nearby import summarize_nearby
from spatial_widgets.server.tasks.within import summarize_within

GEOD = pyproj.Geod(ellps="WGS84")


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def test_earthquakes_near_airports_are_those_that_geographiclib_measures(ctx):
    airports, quakes = sample("airports").head(200), sample("earthquakes")
    made = summarize_nearby(
        ctx, airports, quakes, distances=[250.0, 100.0], units="Kilometers", summaryFields=["mag Max"]
    )["resultLayer"]
    a, q = (np.array([(p.x, p.y) for p in frame.geometry]) for frame in (airports, quakes))
    far = np.array([GEOD.inv(np.full(len(q), x), np.full(len(q), y), *q.T)[2] for x, y in a])
    assert made["BUFF_DIST"].tolist() == [100, 250] * 200
    assert made["ORIG_FID"].tolist() == np.repeat(np.arange(200), 2).tolist()
    assert (
        made["Point_Count"].tolist()
        == np.column_stack([(far <= 100_000).sum(axis=1), (far <= 250_000).sum(axis=1)]).ravel().tolist()
    )
    assert made["Point_Count"].sum() > 100
    strongest = [quakes["mag"].to_numpy()[row <= 250_000].max(initial=-9) for row in far]
    assert made["max_mag"].iloc[1::2].fillna(-9).tolist() == pytest.approx(strongest)
    assert made.geom_type.isin(["Polygon", "MultiPolygon"]).all()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=12),
    st.floats(1, 9_000_000),
)
def test_every_pair_of_points_is_decided_by_its_geodesic_distance(ctx, places, meters):
    points = layer(*(Point(p) for p in places))
    made = summarize_nearby(ctx, points, points, distances=[meters])["resultLayer"]
    x, y = np.array(places).T
    n = len(places)
    far = np.reshape(GEOD.inv(np.repeat(x, n), np.repeat(y, n), np.tile(x, n), np.tile(y, n))[2], (n, n))
    assert made["Point_Count"].tolist() == (far <= meters).sum(axis=1).tolist()


def test_lines_and_polygons_nearby_count_as_within_their_buffers(ctx):
    around = layer(LineString([(10, 50), (12, 51)]), LineString([(20, 40), (20, 42)]))
    parcels = layer(box(10, 50, 11, 51), box(19.9, 41, 25, 41.1), kind=["a", "b"], people=[10, 20])
    made = summarize_nearby(
        ctx,
        around,
        parcels,
        distances=[30.0],
        units="Miles",
        shapeUnits="Acres",
        groupByField="kind",
        summaryFields=["people Sum"],
    )
    buffers = create_buffers(ctx, around, distances=[30.0], units="Miles")["bufferLayer"]
    other = summarize_within(ctx, parcels, buffers, shapeUnits="Acres", summaryFields=["people Sum"])[
        "resultLayer"
    ]
    result = made["resultLayer"]
    assert result["sum_Area_Acres"].tolist() == pytest.approx(other["sum_Area_Acres"].tolist())
    assert result["sum_people"].tolist() == pytest.approx(other["sum_people"].tolist())
    assert made["groupBySummary"]["kind"].tolist() == ["a", "b"]


def test_the_features_themselves_can_come_back(ctx):
    around = layer(Point(10, 50), Point(-179.99, 0), name=["a", "b"]).to_crs(3857)
    made = summarize_nearby(
        ctx, around, layer(Point(179.99, 0)), distances=[10_000.0], returnBoundaries=False
    )["resultLayer"]
    assert made["Point_Count"].tolist() == [0, 1]  # 2.2 km away, across 180 degrees
    assert made.geom_type.tolist() == ["Point", "Point"]
    assert made.crs.to_epsg() == 3857
    assert made["name"].tolist() == ["a", "b"]


def test_a_projected_layer_is_measured_in_its_plane(ctx):
    around = layer(Point(500_000, 5_000_000), crs=32633)
    others = layer(Point(503_000, 5_004_000), Point(503_001, 5_004_000), crs=32633)
    made = summarize_nearby(ctx, around, others, distances=[5.0], units="Kilometers")["resultLayer"]
    assert made["Point_Count"].tolist() == [1]
    assert "planar" in ctx.text()


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (
            {"distances": [1.0], "nearType": '{"type": "AUTOMOBILE"}'},
            "nearType: travel modes and times need a street network",
        ),
        ({"distances": [1.0], "units": "Minutes"}, "units: travel modes and times need a street network"),
        ({"distances": []}, "distances: give at least one"),
        ({"distances": [-1.0]}, "distances: -1 is no usable distance"),
        ({"distances": [20_000.0], "units": "Kilometers"}, "more than a quarter of the way around the Earth"),
        ({"distances": [1.0], "minorityMajority": True}, "minorityMajority: it describes groups"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        summarize_nearby(ctx, layer(Point(0, 0)), layer(Point(0, 0)), **parameters)


def test_a_time_of_day_is_named_as_not_used(ctx):
    summarize_nearby(
        ctx,
        layer(Point(0, 0)),
        layer(Point(0, 0)),
        distances=[1.0],
        timeOfDay=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )
    assert "timeOfDay: not used" in ctx.text("warn")
