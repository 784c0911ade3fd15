"""FindHotSpots as a whole; the statistic itself is checked in test_gistar.py."""

from __future__ import annotations

import sys
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.tasks.hotspots import find_hot_spots


@pytest.fixture(scope="module")
def quakes():
    return sample("earthquakes")


def lattice(n=12, step=10_000.0, crs=32633):
    x, y = np.meshgrid(500_000 + np.arange(n) * step, 5_000_000 + np.arange(n) * step)
    value = np.where((x < 500_000 + 3 * step) & (y < 5_000_000 + 3 * step), 10.0, 1.0) + (x + y) % 7 / 100
    shapes = shapely.points(x.ravel(), y.ravel())
    return gpd.GeoDataFrame({"value": value.ravel(), "people": 2.0, "name": "p"}, geometry=shapes, crs=crs)


def test_a_corner_of_high_values_is_a_hot_spot(ctx):
    points = lattice()
    made = find_hot_spots(
        ctx, points, analysisField="value", distanceBand=15, distanceBandUnits="Kilometers"
    )["hotSpotsResultLayer"]
    assert list(made.columns) == [
        "SOURCE_ID",
        "value",
        "GiZScore",
        "GiPValue",
        "Gi_Bin",
        "NNeighbors",
        "geometry",
    ]
    assert made.crs.to_epsg() == 32633
    assert len(made) == 144
    hot = points.iloc[made.loc[made["Gi_Bin"] == 3, "SOURCE_ID"]]
    assert len(hot) >= 9
    assert hot.geometry.x.max() <= 530_000
    assert hot.geometry.y.max() <= 5_030_000
    assert (made["Gi_Bin"] >= 0).all()
    assert made["NNeighbors"].min() == 3  # corners of a lattice with diagonals
    assert made["NNeighbors"].max() == 8


def test_the_world_of_earthquakes_takes_seconds_and_shows_california(ctx, quakes):
    begin = time.perf_counter()
    result = find_hot_spots(ctx, quakes, shapeType="Hexagon")
    assert time.perf_counter() - begin < 5
    made = result["hotSpotsResultLayer"]
    assert made["Join_Count"].sum() == 1707
    assert (made["Join_Count"] > 0).all()
    assert made.crs.to_epsg() == 4326
    assert made.geometry.is_valid.all()
    assert (made.bounds["maxx"] - made.bounds["minx"]).max() < 180
    hot = made[made["Gi_Bin"] > 0]
    assert len(hot) >= 50
    western = box(-126, 30, -109, 49)
    assert shapely.within(hot.geometry.to_numpy(), western).mean() > 0.95
    told = [one["message"] for one in result["processInfo"]]
    assert told == [text for kind, text in ctx.said if "analysisLayer" not in text]
    assert all(one.keys() == {"messageCode", "message", "params", "style"} for one in result["processInfo"])
    assert any(text.startswith("Cell size: 40 km, twice the mean") for text in told)
    assert any(text.startswith("Distance band: ") for text in told)
    assert "Esri's optimized analyses" in ctx.text()
    assert "No cold spot, with 90 % confidence or more (FDR corrected)." in told


def test_areas_keep_their_heights_unless_they_are_repaired(ctx):
    points = lattice()
    squares = shapely.force_3d(points.geometry.buffer(4_000, cap_style="square").to_numpy(), 7.0)
    squares[3] = shapely.Polygon([(0, 0, 1), (9, 9, 1), (9, 0, 1), (0, 9, 1)])
    made = find_hot_spots(
        ctx, points.set_geometry(squares, crs=points.crs), analysisField="value", distanceBand=15_000
    )["hotSpotsResultLayer"]
    assert made.has_z.tolist() == [row != 3 for row in range(144)]
    assert made.geometry.is_valid.all()
    areas = gpd.GeoDataFrame(geometry=squares, crs=points.crs)
    points = pd.concat([points, points.iloc[:20]])
    made = find_hot_spots(ctx, points, aggregationPolygonLayer=areas)["hotSpotsResultLayer"]
    assert made.has_z.sum() == 143


def test_counties_show_every_region_that_shakes(ctx, quakes):
    counties = sample("counties")
    made = find_hot_spots(ctx, quakes, aggregationPolygonLayer=counties)["hotSpotsResultLayer"]
    assert len(made) == 3231
    assert made["Join_Count"].sum() == 1392
    states = set(counties["state"].iloc[made.loc[made["Gi_Bin"] > 0, "SOURCE_ID"]])
    assert {"Alaska", "California", "Hawaii", "Nevada"} <= states
    assert states <= {"Alaska", "California", "Hawaii", "Nevada", "Arizona"}


def test_magnitudes_are_low_in_california_where_small_ones_are_recorded(ctx, quakes):
    made = find_hot_spots(ctx, quakes, analysisField="mag")["hotSpotsResultLayer"]
    california = sample("states").set_index("name").geometry["California"]
    assert (made.loc[made.within(california), "Gi_Bin"] == -3).all()
    assert (made["Gi_Bin"] == 3).sum() > 100


@pytest.mark.parametrize(
    "parameters",
    [{}, {"analysisField": "mag"}, {"shapeType": "Hexagon", "cellSize": 100.0, "cellSizeUnits": "Miles"}],
)
def test_the_order_of_rows_does_not_matter(ctx, quakes, parameters):
    def table(layer):
        made = find_hot_spots(ctx, layer, **parameters)["hotSpotsResultLayer"]
        keys = made.geometry.representative_point()
        return (
            made.assign(x=keys.x, y=keys.y)
            .sort_values(["x", "y", "GiZScore"])[["x", "y", "GiZScore", "Gi_Bin", "NNeighbors"]]
            .to_numpy()
        )

    assert table(quakes.sample(frac=1, random_state=7)) == pytest.approx(table(quakes), rel=1e-6, abs=1e-9)


def test_a_bounding_layer_brings_empty_cells_and_leaves_points_outside_out(ctx):
    points = gpd.GeoDataFrame(
        geometry=[Point(0.5, 0.5)] * 30 + [Point(3.2, 3.3)] * 5 + [Point(20, 20)], crs=4326
    )
    bounds = gpd.GeoDataFrame(geometry=[box(0, 0, 4, 4)], crs=4326)
    made = find_hot_spots(ctx, points, boundingPolygonLayer=bounds, cellSize=50, cellSizeUnits="Kilometers")[
        "hotSpotsResultLayer"
    ]
    assert made["Join_Count"].sum() == 35
    assert (made["Join_Count"] == 0).sum() > 50
    assert "35 of 36 points lie in the bounding polygons." in ctx.text()


def test_an_automatic_cell_size_never_makes_too_many_cells(ctx, quakes):
    close = quakes[quakes["place"].str.contains("CA")]
    world = gpd.GeoDataFrame(geometry=[box(-170, -70, 170, 70)], crs=4326)
    made = find_hot_spots(
        ctx, close, boundingPolygonLayer=world, distanceBand=300, distanceBandUnits="Kilometers"
    )["hotSpotsResultLayer"]
    assert 1000 < len(made) < 60_000
    assert "so that no more than 50,000 are needed" in ctx.text()
    ctx.said.clear()
    ctx.limits = Limits(cells=500)
    made = find_hot_spots(ctx, quakes, distanceBand=500, distanceBandUnits="Kilometers")[
        "hotSpotsResultLayer"
    ]
    assert made["Join_Count"].sum() == 1707
    assert 300 < len(made) <= 500
    assert "so that no more than 500 are needed" in ctx.text()


def test_web_mercator_is_analysed_on_the_globe(ctx, quakes):
    first = find_hot_spots(ctx, quakes)["hotSpotsResultLayer"]
    made = find_hot_spots(ctx, quakes.to_crs(3857))["hotSpotsResultLayer"]
    assert made.crs.to_epsg() == 3857
    assert made["Gi_Bin"].value_counts().to_dict() == first["Gi_Bin"].value_counts().to_dict()


def test_a_value_can_be_divided_by_another(ctx):
    points = lattice()
    points.loc[0, "people"] = 0
    points.loc[1, "people"] = None
    points["double"] = points["value"] * 2
    band = {"distanceBand": 15.0, "distanceBandUnits": "Kilometers"}
    made = find_hot_spots(ctx, points, analysisField="double", dividedByField="people", **band)[
        "hotSpotsResultLayer"
    ]
    plain = find_hot_spots(ctx, points.iloc[2:], analysisField="value", **band)["hotSpotsResultLayer"]
    assert len(made) == 142
    assert made["GiZScore"].to_numpy() == pytest.approx(plain["GiZScore"].to_numpy())
    assert "2 features left out, whose value is null or divided by 0." in ctx.text("warn")


def test_few_features_give_a_warning_and_very_few_an_error(ctx):
    points = lattice(5)
    find_hot_spots(ctx, points, analysisField="value", distanceBand=15_000)
    assert "fewer than 30 features are not reliable; here are 25" in ctx.text("warn")
    with pytest.raises(ParameterError, match="there are 2 features to compare, and at least 3"):
        find_hot_spots(ctx, points.head(2), analysisField="value")


def test_a_band_over_everything_is_told(ctx):
    made = find_hot_spots(
        ctx, lattice(6), analysisField="value", distanceBand=1000, distanceBandUnits="Kilometers"
    )["hotSpotsResultLayer"]
    assert made["GiZScore"].isna().all()
    assert (made["Gi_Bin"] == 0).all()
    assert "choose a shorter distanceBand" in ctx.text("warn")


@pytest.mark.parametrize(
    ("layer", "parameters", "reason"),
    [
        (
            lattice().assign(value=5.0),
            {"analysisField": "value"},
            "value is 5 for all 144 features, and without differences",
        ),
        (lattice(), {"analysisField": "name"}, "analysisField: the field 'name' holds .*, not numbers"),
        (lattice(), {"cellSize": 5000.0}, "Join_Count is 1 for all 144 areas.* Choose a larger cellSize"),
        (lattice(), {"dividedByField": "people"}, "dividedByField: it divides an analysisField"),
        (
            lattice(),
            {"analysisField": "value", "distanceBand": -1.0},
            "distanceBand: -1 is no usable distance",
        ),
        (lattice().head(1), {}, "analysisLayer: all points lie in one place"),
        (
            gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs=4326),
            {},
            "analysisField: polygons need a numeric field",
        ),
        (
            gpd.GeoDataFrame(geometry=[LineString([(0, 0), (1, 1)])], crs=4326),
            {},
            "holds lines, but points or polygons",
        ),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layer, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        find_hot_spots(ctx, layer, **parameters)


def test_no_point_inside_the_bounds_is_refused(ctx):
    nowhere = gpd.GeoDataFrame(geometry=[box(50, 50, 51, 51)], crs=4326)
    with pytest.raises(ParameterError, match="boundingPolygonLayer: no point lies in"):
        find_hot_spots(ctx, lattice(), boundingPolygonLayer=nowhere)


def test_null_values_are_left_out_and_counted(ctx):
    points = lattice()
    points["value"] = points["value"].where(points.index > 4)
    made = find_hot_spots(ctx, points, analysisField="value", distanceBand=15_000)["hotSpotsResultLayer"]
    assert made["SOURCE_ID"].tolist() == list(range(5, 144))
    assert "5 features left out, whose value is null." in ctx.text("warn")
    assert made["Gi_Bin"].dtype == "int64"
    assert pd.api.types.is_integer_dtype(made["NNeighbors"])


def test_the_seam_at_180_degrees_makes_no_difference(ctx):
    rng = np.random.default_rng(8)
    lon, lat = rng.normal(0, 3, 500), rng.normal(50, 3, 500)
    here = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)
    there = gpd.GeoDataFrame(geometry=gpd.points_from_xy((lon + 360) % 360 - 180, lat), crs=4326)
    first, second = (
        find_hot_spots(ctx, layer, shapeType="Hexagon")["hotSpotsResultLayer"] for layer in (here, there)
    )
    assert np.sort(second["GiZScore"]) == pytest.approx(np.sort(first["GiZScore"]), abs=1e-6)
    assert second["Gi_Bin"].value_counts().to_dict() == first["Gi_Bin"].value_counts().to_dict()
    assert second.geometry.is_valid.all()
    assert (second.geom_type == "MultiPolygon").any()


def test_noise_over_the_whole_globe_has_no_hot_spots(ctx):
    rng = np.random.default_rng(9)
    lon, lat = rng.uniform(-180, 180, 3000), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 3000)))
    noise = gpd.GeoDataFrame({"v": rng.normal(size=3000)}, geometry=gpd.points_from_xy(lon, lat), crs=4326)
    made = find_hot_spots(ctx, noise, analysisField="v")["hotSpotsResultLayer"]
    assert (made["Gi_Bin"] != 0).mean() < 0.01
    assert made["GiZScore"].mean() == pytest.approx(0, abs=0.2)
    assert made["GiZScore"].std() == pytest.approx(1, abs=0.3)


def test_without_esda_the_extra_is_named(ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "esda", None)
    with pytest.raises(
        SpatialWidgetsError, match=r'FindHotSpots needs .* pip install "spatial_widgets\[stats\]"'
    ):
        find_hot_spots(ctx, lattice(), analysisField="value")
