"""CalculateDensity as a whole; kernels and classes are checked in test_kernels.py and test_classes.py."""

from __future__ import annotations

import sys

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from shapely import LineString, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.server.tasks.density import calculate_density

GEOD = pyproj.Geod(ellps="WGS84")


def km2(shape):
    parts = shapely.get_parts(shapely.get_parts(shapely.segmentize(shape, 0.2)))
    return sum(abs(GEOD.geometry_area_perimeter(part)[0]) for part in parts) / 1e6


def between(layer):
    """The least and the most that the areas can hold by their limits."""
    area = np.array([km2(shape) for shape in layer.to_crs(4326).geometry])
    return (area * layer["Value_Min"]).sum(), (area * layer["Value_Max"]).sum()


def spread(n=300, lon=10.0, lat=50.0, crs=4326, seed=1):
    rng = np.random.default_rng(seed)
    points = gpd.points_from_xy(rng.normal(lon, 0.5, n), rng.normal(lat, 0.3, n))
    return gpd.GeoDataFrame({"many": rng.integers(1, 5, n)}, geometry=points, crs=4326).to_crs(crs)


def test_earthquakes_of_the_world_are_densest_where_most_of_them_are(ctx):
    quakes = sample("earthquakes")
    made = calculate_density(ctx, quakes, numClasses=8)["resultLayer"]
    assert list(made.columns) == ["Class", "Value_Min", "Value_Max", "geometry"]
    assert made["Class"].tolist() == sorted(made["Class"])
    assert made.crs.to_epsg() == 4326
    assert made.geometry.is_valid.all()
    least, most = between(made)
    assert least < 1707 < most
    densest = made.geometry.iloc[-1]
    assert densest.bounds[0] > -126
    assert densest.bounds[2] < -113
    assert quakes.within(shapely.union_all(made.geometry.to_numpy())).all()
    assert "Radius: 268 km, by Silverman's rule" in ctx.text()


@pytest.mark.parametrize(
    "kind", ["EqualInterval", "EqualArea", "GeometricInterval", "NaturalBreaks", "StandardDeviation"]
)
def test_classes_lie_side_by_side_and_hold_the_points(ctx, kind):
    made = calculate_density(ctx, spread(), classificationType=kind, numClasses=20)["resultLayer"]
    assert made["Value_Min"].tolist()[1:] == made["Value_Max"].tolist()[:-1]
    assert made["Value_Min"].iloc[0] == 0
    whole = shapely.union_all(made.geometry.to_numpy())
    assert whole.area == pytest.approx(shapely.area(made.geometry.to_numpy()).sum(), rel=1e-6)
    least, most = between(made)
    assert least < 300 < most


def test_many_classes_add_up_to_the_number_of_points_times_the_field(ctx):
    layer = spread()
    made = calculate_density(ctx, layer, field="many", numClasses=32)["resultLayer"]
    least, most = between(made)
    assert (least + most) / 2 == pytest.approx(layer["many"].sum(), rel=0.03)
    assert f"of {layer['many'].sum():,.6g} read" in ctx.text()


@pytest.mark.parametrize("crs", [3857, 32632, 2263])
def test_coordinate_systems_agree(ctx, crs):
    here = spread(lon=-74, lat=40.8) if crs == 2263 else spread()  # US survey feet, New York
    parameters = {"radius": 30.0, "radiusUnits": "Kilometers", "cellSize": 3.0, "cellSizeUnits": "Kilometers"}
    first = calculate_density(ctx, here, **parameters)["resultLayer"]
    second = calculate_density(ctx, here.to_crs(crs), **parameters)["resultLayer"]
    assert second.crs.to_epsg() == crs
    assert second["Value_Max"].iloc[-1] == pytest.approx(first["Value_Max"].iloc[-1], rel=0.02)
    same = shapely.union_all(first.geometry.iloc[5:].to_numpy())
    other = shapely.union_all(second.to_crs(4326).geometry.iloc[5:].to_numpy())
    assert same.symmetric_difference(other).area < 0.1 * same.area


def test_square_miles_hold_more(ctx):
    parameters = {"radius": 30.0, "radiusUnits": "Kilometers"}
    km, miles = (
        calculate_density(ctx, spread(), areaUnits=unit, **parameters)["resultLayer"]["Value_Max"].max()
        for unit in ("SquareKilometers", "SquareMiles")
    )
    assert miles / km == pytest.approx(1.609344**2)


def test_lines_give_their_length_for_each_unit_of_area(ctx):
    line = gpd.GeoDataFrame({"lanes": [3]}, geometry=[LineString([(0, 0), (0, 1), (1, 1.5)])], crs=4326)
    made = calculate_density(ctx, line, field="lanes", radius=20, radiusUnits="Kilometers", numClasses=32)[
        "resultLayer"
    ]
    least, most = between(made)
    km = 3 * GEOD.geometry_length(line.geometry.iloc[0]) / 1000
    assert least < km < most
    assert (least + most) / 2 == pytest.approx(km, rel=0.05)


def test_points_across_180_degrees_make_one_hill_that_is_cut_there(ctx):
    here, there = spread(lon=0.0, lat=-17.0), spread(lon=0.0, lat=-17.0)
    xy = shapely.get_coordinates(there.geometry.to_numpy())
    there = there.set_geometry(gpd.points_from_xy((xy[:, 0] + 360) % 360 - 180, xy[:, 1]), crs=4326)
    first, second = (calculate_density(ctx, one)["resultLayer"] for one in (here, there))
    assert second["Value_Max"].to_numpy() == pytest.approx(first["Value_Max"].to_numpy(), rel=1e-4)
    assert second.geometry.is_valid.all()
    assert second.total_bounds[[0, 2]].tolist() == [-180, 180]
    assert [km2(s) for s in second.geometry] == pytest.approx([km2(s) for s in first.geometry], rel=0.01)


def test_around_the_pole_the_hill_holds_the_pole(ctx):
    layer = gpd.GeoDataFrame(geometry=[Point(lon, 88.5) for lon in range(-180, 180, 10)], crs=4326)
    made = calculate_density(ctx, layer, radius=250_000, cellSize=5_000)["resultLayer"]
    assert made.geometry.is_valid.all()
    assert made.total_bounds == pytest.approx([-180, 86.2, 180, 90], abs=0.1)
    least, most = between(made)
    assert least < 36 < most
    reach_km = np.deg2rad(1.5) * 6371 + 250
    assert sum(km2(shape) for shape in made.geometry) == pytest.approx(np.pi * reach_km**2, rel=0.03)


def test_a_bounding_layer_cuts_the_result_and_shows_where_nothing_is(ctx):
    bounds = gpd.GeoDataFrame(geometry=[box(9, 49, 10, 51), box(20, 49, 21, 50)], crs=4326)
    made = calculate_density(ctx, spread(), boundingPolygonLayer=bounds, radius=30_000)["resultLayer"]
    whole = shapely.union_all(made.geometry.to_numpy())
    assert whole.symmetric_difference(shapely.union_all(bounds.geometry.to_numpy())).area < 0.02
    lowest = made.geometry.iloc[0]
    assert lowest.intersects(box(20.2, 49.2, 20.8, 49.8))
    assert made["Value_Min"].iloc[0] == 0


def test_the_order_of_rows_does_not_matter(ctx):
    layer = spread()
    first, second = (
        calculate_density(ctx, one, field="many")["resultLayer"]
        for one in (layer, layer.sample(frac=1, random_state=1))
    )
    assert second["Value_Max"].to_numpy() == pytest.approx(first["Value_Max"].to_numpy())
    areas = [shapely.area(one.geometry.to_numpy()) for one in (first, second)]
    assert areas[1] == pytest.approx(areas[0])


def test_multipoints_count_each_of_their_points_and_nulls_are_told(ctx):
    layer = spread(40)
    layer["many"] = layer["many"].astype("Float64")
    layer.loc[0, "many"] = None
    layer.loc[1, "many"] = 0
    calculate_density(ctx, layer, field="many")
    assert "1 features left out, whose many is null." in ctx.text("warn")
    together = gpd.GeoDataFrame(geometry=[shapely.MultiPoint(list(layer.geometry))], crs=4326)
    made = calculate_density(ctx, together, radius=20_000)["resultLayer"]
    least, most = between(made)
    assert least < 40 < most


@pytest.mark.parametrize(
    ("layer", "parameters", "reason"),
    [
        (spread().assign(many=-1), {"field": "many"}, "field: many has 300 values below 0"),
        (spread().assign(many=0), {"field": "many"}, "field: many is 0 or null everywhere"),
        (spread(), {"field": "few"}, "field: the layer has no field 'few'"),
        (spread().iloc[:0], {}, "inputLayer: the layer has no features"),
        (spread().iloc[[0, 0, 0]], {}, "radius: the features lie at one place"),
        (spread(), {"radius": 0.0}, "radius: 0 is no usable distance"),
        (spread(), {"radius": 10.0, "cellSize": 1000.0}, "radius: 10 m is less than 2 cells of 1 km"),
        (spread(), {"cellSize": 1.0}, "cellSize: cells of this size would be about .* Choose larger cells"),
        (
            spread(),
            {
                "boundingPolygonLayer": gpd.GeoDataFrame(geometry=[box(30, 0, 31, 1)], crs=4326),
                "radius": 9000.0,
            },
            "boundingPolygonLayer: no feature is within the radius",
        ),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layer, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        calculate_density(ctx, layer, **parameters)


def test_without_contourpy_the_extra_is_named(ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "contourpy", None)
    with pytest.raises(SpatialWidgetsError, match=r'CalculateDensity needs .* "spatial_widgets\[stats\]"'):
        calculate_density(ctx, spread())
