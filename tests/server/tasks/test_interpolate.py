"""InterpolatePoints as a whole; kriging itself is checked in test_kriging.py."""

from __future__ import annotations

import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.server.tasks.interpolate import SEED, interpolate_points


def slope(n=200, lon=10.0, lat=50.0, seed=1):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 1, (2, n))
    points = gpd.points_from_xy((lon + x + 180) % 360 - 180, lat + y)
    return gpd.GeoDataFrame({"height": 100 + 50 * x + 10 * y, "name": "p"}, geometry=points, crs=4326)


def class_at(layer, lon, lat):
    found = layer[layer.to_crs(4326).intersects(Point(lon, lat))]
    return found["Value_Min"].min(), found["Value_Max"].max()


def test_a_slope_is_predicted_as_it_is(ctx):
    made = interpolate_points(ctx, slope(), "height", outputPredictionError=True)
    surface = made["resultLayer"]
    assert list(surface.columns) == ["Class", "Value_Min", "Value_Max", "geometry"]
    assert surface.geometry.is_valid.all()
    assert surface["Class"].tolist() == list(range(1, len(surface) + 1))
    assert surface["Value_Min"].tolist()[1:] == surface["Value_Max"].tolist()[:-1]
    for x, y in ((-0.7, 0.2), (0, 0), (0.5, -0.6)):
        low, high = class_at(surface, 10 + x, 50 + y)
        assert low - 2 <= 100 + 50 * x + 10 * y <= high + 2
    errors = made["predictionError"]
    assert errors["Value_Min"].min() >= 0
    assert made["predictedPointLayer"] is None
    whole = shapely.union_all(surface.geometry.to_numpy())
    assert whole.area == pytest.approx(shapely.area(surface.geometry.to_numpy()).sum(), rel=1e-6)
    assert f"random seed {SEED}" in ctx.text()
    assert "Left out and predicted, 20 points are off by" in ctx.text()


def test_magnitudes_of_earthquakes_are_low_in_california_and_high_off_tonga(ctx):
    made = interpolate_points(ctx, sample("earthquakes"), "mag", interpolateOption=1)["resultLayer"]
    assert class_at(made, -119.5, 36.5)[1] < 2.6
    assert class_at(made, -175, -20)[0] > 3.5
    assert made.geometry.is_valid.all()


def test_measured_values_are_predicted_exactly_where_they_were_measured(ctx):
    layer = slope(60)
    made = interpolate_points(ctx, layer, "height", predictAtPointLayer=layer.to_crs(3857))[
        "predictedPointLayer"
    ]
    assert made.crs.to_epsg() == 3857
    assert made["PredValue"].to_numpy() == pytest.approx(layer["height"].to_numpy(), abs=0.01)
    assert made["StdError"].to_numpy() == pytest.approx(0, abs=1)
    assert made.columns.tolist() == ["height", "name", "PredValue", "StdError", "geometry"]


def test_values_left_out_are_predicted_as_well_as_by_a_gaussian_process(ctx):
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    quakes = sample("earthquakes").to_crs(5070).cx[-2.4e6:-1.6e6, 1e6:2.4e6].iloc[:330].reset_index(drop=True)
    train, test = quakes.iloc[:250], quakes.iloc[250:]
    made = interpolate_points(ctx, train, "depth", predictAtPointLayer=test)["predictedPointLayer"]
    xy = [shapely.get_coordinates(one.geometry.to_numpy()) / 1e5 for one in (train, test)]
    kernel = ConstantKernel(10.0) * Matern(1.0, nu=0.5) + WhiteKernel(5.0)
    process = GaussianProcessRegressor(kernel, normalize_y=True).fit(xy[0], train["depth"])
    truth = test["depth"].to_numpy()
    ours, theirs = (
        np.sqrt(((one - truth) ** 2).mean()) for one in (made["PredValue"].to_numpy(), process.predict(xy[1]))
    )
    assert ours < 1.1 * theirs


@pytest.mark.parametrize("crs", [3857, 32632])
def test_coordinate_systems_agree(ctx, crs):
    layer, at = slope(), gpd.GeoDataFrame(geometry=[Point(10.3, 50.2), Point(9.5, 49.6)], crs=4326)
    first = interpolate_points(ctx, layer, "height", predictAtPointLayer=at)
    second = interpolate_points(ctx, layer.to_crs(crs), "height", predictAtPointLayer=at.to_crs(crs))
    assert second["resultLayer"].crs.to_epsg() == crs
    ours, theirs = (made["predictedPointLayer"]["PredValue"].to_numpy() for made in (first, second))
    assert theirs == pytest.approx(ours, abs=0.5)


def test_points_across_180_degrees_make_one_surface_that_is_cut_there(ctx):
    here, there = slope(lon=0.0, lat=-17.0), slope(lon=180.0, lat=-17.0)
    first, second = (interpolate_points(ctx, one, "height")["resultLayer"] for one in (here, there))
    assert second["Value_Max"].to_numpy() == pytest.approx(first["Value_Max"].to_numpy(), rel=1e-3)
    assert second.geometry.is_valid.all()
    assert second.total_bounds[[0, 2]].tolist() == [-180, 180]
    assert (second.geom_type == "MultiPolygon").any()


def test_around_the_pole_the_surface_holds_the_pole(ctx):
    xy = [(lon, 90 - r) for lon in range(-180, 180, 15) for r in (1, 2, 3)]
    layer = gpd.GeoDataFrame({"r": [90 - lat for _, lat in xy]}, geometry=[Point(p) for p in xy], crs=4326)
    made = interpolate_points(ctx, layer, "r")["resultLayer"]
    assert made.geometry.is_valid.all()
    assert class_at(made, 0, 89.9)[0] < 1.1
    assert class_at(made, 33, 87.2)[1] > 2.5


def test_manual_limits_leave_larger_values_out(ctx):
    made = interpolate_points(
        ctx, slope(), "height", classificationType="Manual", classBreaks=[80.0, 100.0, 120.0]
    )["resultLayer"]
    assert made["Value_Max"].tolist() == [80, 100, 120]
    assert not made.intersects(Point(10.9, 50.5)).any()  # 150 there


def test_a_bounding_layer_says_where(ctx):
    bounds = gpd.GeoDataFrame(geometry=[box(9.5, 49.5, 10, 50), box(11, 50, 11.2, 50.2)], crs=4326)
    made = interpolate_points(ctx, slope(), "height", boundingPolygonLayer=bounds)["resultLayer"]
    whole = shapely.union_all(made.geometry.to_numpy())
    assert whole.symmetric_difference(shapely.union_all(bounds.geometry.to_numpy())).area < 0.003


def test_the_order_of_rows_does_not_matter(ctx):
    layer = slope(300)
    layer.loc[5:20, "geometry"] = layer.geometry[5]
    first, second = (
        interpolate_points(ctx, one, "height", interpolateOption=1)["resultLayer"]
        for one in (layer, layer.sample(frac=1, random_state=1))
    )
    assert second["Value_Max"].tolist() == pytest.approx(first["Value_Max"].tolist(), rel=1e-9)
    assert "15 points lie where others are; their values are averaged." in ctx.text()


def test_constant_values_and_nulls_are_told(ctx):
    layer = slope(40).assign(height=7.0)
    layer.loc[3, "height"] = None
    made = interpolate_points(ctx, layer, "height", outputPredictionError=True)
    assert made["resultLayer"]["Value_Min"].tolist() == made["resultLayer"]["Value_Max"].tolist() == [7]
    assert "1 points left out, whose height is null." in ctx.text("warn")
    assert "height is 7 everywhere" in ctx.text("warn")


@pytest.mark.parametrize(
    ("layer", "parameters", "reason"),
    [
        (slope(9), {}, "inputLayer: there are values at 9 different places, and at least 10"),
        (slope().assign(height=None), {}, "field: height is null everywhere"),
        (slope(), {"field": "name"}, "field: the field 'name' holds .*, not numbers"),
        (slope(), {"field": "depth"}, "field: the layer has no field 'depth'"),
        (slope().iloc[:0], {}, "inputLayer: the layer has no features"),
        (slope(), {"classificationType": "Manual"}, "classBreaks: with Manual give at least two"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layer, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        interpolate_points(ctx, layer, **{"field": "height"} | parameters)


def test_without_contourpy_the_extra_is_named(ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "contourpy", None)
    with pytest.raises(SpatialWidgetsError, match=r'InterpolatePoints needs .* "spatial_widgets\[stats\]"'):
        interpolate_points(ctx, slope(), "height")
