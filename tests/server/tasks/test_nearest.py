from __future__ import annotations

import datetime as dt

import geopandas as gpd
import pytest
import shapely
from shapely import Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.nearest import find_nearest


@pytest.fixture
def homes():
    return gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=[Point(179.9, 0), Point(0, 89.9)], crs=4326)


@pytest.fixture
def shops():
    return gpd.GeoDataFrame(
        {"kind": ["far", "across", "beyond the pole"]},
        geometry=[Point(170, 0), Point(-179.9, 0), Point(180, 89.9)],
        crs=4326,
    )


def test_neighbours_across_180_degrees_and_a_pole_are_near(ctx, homes, shops):
    made = find_nearest(ctx, homes, shops, maxCount=1)
    lines = made["connectingLinesLayer"]
    assert lines[["NearRank", "From_ID", "To_ID", "From_name", "To_kind"]].to_numpy().tolist() == [
        [1, 0, 1, "a", "across"],
        [1, 1, 2, "b", "beyond the pole"],
    ]
    assert lines["Total_Kilometers"].tolist() == pytest.approx([22.2639, 22.3388], abs=1e-3)
    assert lines.geometry.iloc[0].geom_type == "MultiLineString"
    assert made["nearestLayer"]["kind"].tolist() == ["across", "beyond the pole"]
    assert made["routeLayerItems"] is None
    assert "2 lines from 2 of 2 features to 2 near ones." in ctx.text()


def test_a_cutoff_and_its_unit(ctx, homes, shops):
    made = find_nearest(ctx, homes, shops, searchCutoff=13, searchCutoffUnits="Miles")
    lines = made["connectingLinesLayer"]
    assert len(lines) == 0
    assert list(lines.columns) == [
        "NearRank", "Total_Miles", "From_ID", "To_ID", "From_name", "To_kind", "geometry",
    ]  # fmt: skip
    assert list(made["nearestLayer"].columns) == ["kind", "geometry"]
    assert "2 features have nothing near within 20.9 km." in ctx.text("warn")
    made = find_nearest(ctx, homes, shops, searchCutoff=14, searchCutoffUnits="Miles")
    assert made["connectingLinesLayer"]["Total_Miles"].tolist() == pytest.approx([13.834, 13.881], abs=1e-2)


def test_a_layer_with_itself_finds_itself_first_and_draws_no_line_of_length_0(ctx, shops):
    lines = find_nearest(ctx, shops, shops, maxCount=2)["connectingLinesLayer"]
    first = lines[lines["NearRank"] == 1]
    assert first["From_ID"].tolist() == first["To_ID"].tolist()
    assert first["Total_Kilometers"].tolist() == [0, 0, 0]
    assert first.geometry.isna().all()
    assert lines[lines["NearRank"] == 2].geometry.notna().all()


def test_layers_of_one_projection_are_measured_in_its_plane(ctx):
    here = gpd.GeoDataFrame(geometry=[Point(500_000, 0)], crs=32633)
    there = gpd.GeoDataFrame(geometry=[Point(500_300, 400), box(500_000, 250, 501_000, 900)], crs=32633)
    lines = find_nearest(ctx, here, there.iloc[[0]], searchCutoffUnits="Meters")["connectingLinesLayer"]
    assert lines["Total_Meters"].tolist() == [500]
    assert lines.geometry.iloc[0].length == 500
    assert "planar" in ctx.text()
    lines = find_nearest(ctx, here, there.iloc[[1]], searchCutoffUnits="Meters")["connectingLinesLayer"]
    assert lines["Total_Meters"].tolist() == [250]


def test_layers_of_different_systems_are_measured_on_the_ellipsoid(ctx, homes, shops):
    expected = find_nearest(ctx, homes.iloc[:1], shops)["connectingLinesLayer"]
    mixed = find_nearest(ctx, homes.iloc[:1].to_crs(3857), shops)["connectingLinesLayer"]
    assert mixed.crs.to_epsg() == 3857
    assert mixed["Total_Kilometers"].tolist() == pytest.approx(expected["Total_Kilometers"].tolist())


def test_the_order_of_rows_does_not_matter(ctx):
    quakes, airports = sample("earthquakes").iloc[:300], sample("airports")
    first = find_nearest(ctx, quakes, airports, maxCount=3)["connectingLinesLayer"]
    again = find_nearest(
        ctx, quakes.sample(frac=1, random_state=2), airports.sample(frac=1, random_state=3), maxCount=3
    )["connectingLinesLayer"]
    key = ["From_id_1", "NearRank"]  # the task's own From_ID differs by case only
    one, other = (made.sort_values(key)[[*key, "To_iata", "Total_Kilometers"]] for made in (first, again))
    assert one["To_iata"].tolist() == other["To_iata"].tolist()
    assert one["Total_Kilometers"].tolist() == pytest.approx(other["Total_Kilometers"].tolist(), abs=1e-9)


def test_the_countries_next_to_the_largest_earthquake(ctx):
    quake = sample("earthquakes").nlargest(1, "mag")
    lines = find_nearest(ctx, quake, sample("countries"), maxCount=3)["connectingLinesLayer"]
    assert lines["To_name"].tolist() == ["Taiwan", "China", "Philippines"]
    assert lines["Total_Kilometers"].round().tolist() == [0, 271, 629]
    assert shapely.is_valid(lines.geometry.to_numpy()[1:]).all()


@pytest.mark.parametrize("mode", ["Driving Time", '{"name": "Walking"}'])
def test_travel_modes_are_refused_and_say_which_data_is_missing(ctx, homes, shops, mode):
    with pytest.raises(
        ParameterError, match="travel modes need a street network.*Use measurementType StraightLine"
    ):
        find_nearest(ctx, homes, shops, measurementType=mode)


def test_what_is_for_travel_modes_is_named_and_not_used(ctx, homes, shops):
    find_nearest(ctx, homes, shops, timeOfDay=dt.datetime.now(dt.UTC), pointBarrierLayer=shops, maxCount=1)
    assert ctx.text("warn").splitlines() == [
        f"{name}: not used, because it is for travel modes and not for straight lines."
        for name in ("timeOfDay", "pointBarrierLayer")
    ]


def test_a_cutoff_of_0_is_refused(ctx, homes, shops):
    with pytest.raises(ParameterError, match="searchCutoff: 0 is no usable distance"):
        find_nearest(ctx, homes, shops, searchCutoff=0)


def test_near_features_are_copies_with_their_heights_and_in_their_system(ctx, homes):
    deep = gpd.GeoDataFrame({"k": [1, 2]}, geometry=[Point(0, 0, 7), Point(179, 0, 8)], crs=4326).to_crs(3857)
    made = find_nearest(ctx, homes, deep, maxCount=1)["nearestLayer"]
    assert made["k"].tolist() == [1, 2]
    assert shapely.get_z(made.geometry.to_numpy()).tolist() == [7, 8]
    assert made.crs == deep.crs
