"""SummarizeCenterAndDispersion as a whole; centers and ellipses themselves are checked in test_centrography.py."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from libpysal import examples
from shapely import Point

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.dispersion import summarize_center_and_dispersion

ALL = ["CentralFeature", "MeanCenter", "MedianCenter", "Ellipse"]
GEOD = pyproj.Geod(ellps="WGS84")


def points(*xy, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=[Point(p) for p in xy], crs=crs)


def total_km(layer, place):
    xy = shapely.get_coordinates(layer.geometry.to_numpy())
    n = len(xy)
    return GEOD.inv(xy[:, 0], xy[:, 1], np.full(n, place[0]), np.full(n, place[1]))[2].sum() / 1000


def test_all_four_of_the_earthquakes_in_california(ctx):
    california = sample("states").set_index("name").geometry["California"]
    quakes = sample("earthquakes")
    quakes = quakes[quakes.within(california)]
    made = summarize_center_and_dispersion(ctx, quakes, summarizeType=ALL)
    central = made["centralFeatureResultLayer"]
    assert set(quakes.columns) | {"MeanDistance"} == set(central.columns)
    sums = [total_km(quakes, xy) for xy in shapely.get_coordinates(quakes.geometry.to_numpy())]
    chosen = total_km(quakes, central.geometry.iloc[0].coords[0])
    assert chosen == pytest.approx(min(sums), rel=1e-3)  # on the ellipsoid; the task measures on the sphere
    assert central["MeanDistance"].iloc[0] == pytest.approx(chosen / len(quakes) * 1000, rel=0.006)
    median = made["medianCenterResultLayer"]
    assert total_km(quakes, median.geometry.iloc[0].coords[0]) <= min(sums) * 1.001
    mean = made["meanCenterResultLayer"]
    albers = quakes.to_crs(3310)  # a plane made for California
    flat = mean.to_crs(3310).geometry.iloc[0]
    assert flat.distance(Point(albers.geometry.x.mean(), albers.geometry.y.mean())) < 1000
    ellipse = made["ellipseResultLayer"]
    assert ellipse.columns.tolist() == [
        "CenterX", "CenterY", "MajorAxis", "MinorAxis", "Rotation", "Count", "geometry",
    ]  # fmt: skip
    assert ellipse["Count"].iloc[0] == len(quakes)
    offsets = shapely.get_coordinates(albers.geometry.to_numpy()) - [flat.x, flat.y]
    variance = np.linalg.eigvalsh(offsets.T @ offsets / len(offsets))
    assert ellipse[["MinorAxis", "MajorAxis"]].to_numpy()[0] == pytest.approx(np.sqrt(2 * variance), rel=0.01)
    area = np.pi * ellipse["MajorAxis"].iloc[0] * ellipse["MinorAxis"].iloc[0]
    assert abs(GEOD.geometry_area_perimeter(ellipse.geometry.iloc[0])[0]) == pytest.approx(area, rel=0.01)


def test_offenders_of_the_literature_have_the_centers_of_plain_numpy(ctx):
    layer = gpd.read_file(examples.get_path("juvenile.shp")).set_crs(32617)
    made = summarize_center_and_dispersion(
        ctx, layer, summarizeType=["MeanCenter", "CentralFeature", "Ellipse"]
    )
    xy = shapely.get_coordinates(layer.geometry.to_numpy())
    assert made["meanCenterResultLayer"][["XCoord", "YCoord"]].to_numpy()[0] == pytest.approx(xy.mean(axis=0))
    sums = np.linalg.norm(xy[:, None] - xy[None], axis=2).sum(axis=1)
    central = shapely.get_coordinates(made["centralFeatureResultLayer"].geometry.to_numpy())[0]
    assert central.tolist() == xy[sums.argmin()].tolist()
    axes = made["ellipseResultLayer"][["MinorAxis", "MajorAxis"]].to_numpy()[0]
    variance = np.linalg.eigvalsh(np.cov(xy.T, ddof=0))
    assert axes == pytest.approx(np.sqrt(2 * variance))


def test_groups_have_results_of_their_own(ctx):
    quakes = sample("earthquakes")
    made = summarize_center_and_dispersion(
        ctx, quakes, summarizeType=["MeanCenter", "MedianCenter", "CentralFeature"], groupField="net"
    )
    mean = made["meanCenterResultLayer"]
    assert mean["net"].tolist() == sorted(quakes["net"].unique())
    assert mean["Count"].sum() == 1707
    hawaii = quakes[quakes["net"] == "hv"]
    alone = summarize_center_and_dispersion(ctx, hawaii, summarizeType=["MedianCenter"])
    same = made["medianCenterResultLayer"].set_index("net").geometry["hv"]
    assert same.distance(alone["medianCenterResultLayer"].geometry.iloc[0]) < 1e-6
    assert made["centralFeatureResultLayer"]["net"].tolist() == mean["net"].tolist()
    assert made["ellipseResultLayer"] is None


def test_a_weight_counts_as_so_many_features(ctx):
    xy = [(500_000, 0), (501_000, 0), (500_000, 3000), (502_000, 1000)]
    weighted = points(*xy, crs=32633, w=[1, 2, 0, 3])
    repeated = points(xy[0], xy[1], xy[1], xy[3], xy[3], xy[3], crs=32633)
    first = summarize_center_and_dispersion(ctx, weighted, summarizeType=ALL, weightField="w")
    second = summarize_center_and_dispersion(ctx, repeated, summarizeType=ALL)
    for name, frame in first.items():
        assert frame.geometry.iloc[0].centroid.distance(second[name].geometry.iloc[0].centroid) < 0.01
    columns = ["MajorAxis", "MinorAxis", "Rotation"]
    ours, theirs = (made["ellipseResultLayer"][columns].to_numpy()[0] for made in (first, second))
    assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("crs", [4326, 3857, 4269])
def test_a_group_across_180_degrees_has_its_middle_there(ctx, crs):
    layer = points((179, -10), (-179, -10), (178, -12), (-178, -11.5), (180, -9)).to_crs(crs)
    made = summarize_center_and_dispersion(ctx, layer, summarizeType=ALL, ellipseSize="2 standard deviations")
    for name in ("meanCenterResultLayer", "medianCenterResultLayer"):
        assert made[name].crs.to_epsg() == crs
        point = made[name].to_crs(4326).geometry.iloc[0]
        assert abs(point.x) > 179.5
        assert -11 < point.y < -9.5
    ellipse = made["ellipseResultLayer"].to_crs(4326).geometry.iloc[0]
    assert ellipse.is_valid
    assert ellipse.geom_type == "MultiPolygon"
    assert {round(b) for b in ellipse.bounds[::2]} == {-180, 180}
    assert max(part.bounds[2] - part.bounds[0] for part in ellipse.geoms) < 10


def test_around_the_pole_the_mean_is_the_pole(ctx):
    layer = points(*[(lon, 80 + lon % 7) for lon in range(-180, 180, 7)])
    made = summarize_center_and_dispersion(ctx, layer, summarizeType=["MeanCenter", "Ellipse"])
    assert made["meanCenterResultLayer"].geometry.iloc[0].y > 89
    ellipse = made["ellipseResultLayer"].geometry.iloc[0]
    assert ellipse.is_valid
    assert ellipse.bounds[3] == 90
    assert ellipse.bounds[0] == -180


def test_the_order_of_rows_does_not_matter(ctx):
    quakes = sample("earthquakes")
    first, second = (
        summarize_center_and_dispersion(ctx, one, summarizeType=ALL, weightField="sig")
        for one in (quakes, quakes.sample(frac=1, random_state=2))
    )
    assert (
        first["centralFeatureResultLayer"]["id"].tolist()
        == second["centralFeatureResultLayer"]["id"].tolist()
    )
    for name in ("meanCenterResultLayer", "medianCenterResultLayer"):
        assert first[name].geometry.iloc[0].distance(second[name].geometry.iloc[0]) < 1e-6


def test_polygons_are_taken_by_their_middles_and_feet_become_metres(ctx):
    states = sample("states")
    made = summarize_center_and_dispersion(ctx, states[~states["name"].isin(["Alaska", "Hawaii"])])
    assert made["centralFeatureResultLayer"]["name"].iloc[0] in {
        "Indiana",
        "Kentucky",
        "Illinois",
        "Tennessee",
    }
    feet = points((0, 0), (1000, 0), (0, 2000), crs=2227)
    meters = points(*(np.array([(0, 0), (1000, 0), (0, 2000)]) * 1200 / 3937), crs=32610)
    axes = [
        summarize_center_and_dispersion(ctx, one, summarizeType=["Ellipse"])["ellipseResultLayer"]
        for one in (feet, meters)
    ]
    assert axes[0]["MajorAxis"].iloc[0] == pytest.approx(axes[1]["MajorAxis"].iloc[0])
    assert axes[0].geometry.area.iloc[0] == pytest.approx(axes[1].geometry.area.iloc[0] * (3937 / 1200) ** 2)


def test_nulls_are_counted_and_groups_without_ellipse_named(ctx):
    layer = points(
        (0, 0), (1, 1), (2, 0), (9, 9), (9, 8), w=[1.0, 1, 1, 1, None], g=["a", "a", "a", "b", None]
    )
    made = summarize_center_and_dispersion(
        ctx, layer, summarizeType=["Ellipse", "MeanCenter"], weightField="w", groupField="g"
    )
    assert made["ellipseResultLayer"]["g"].tolist() == ["a"]
    assert made["meanCenterResultLayer"]["g"].tolist() == ["a", "b"]
    assert "1 features left out, whose weight is null." in ctx.text("warn")
    assert "Ellipse: none for 1 group whose features lie at fewer than three places" in ctx.text("warn")


@pytest.mark.parametrize(
    ("layer", "parameters", "reason"),
    [
        (points((0, 0), (1, 1), w=[0, 0]), {"weightField": "w"}, "weightField: all weights are 0"),
        (points((0, 0), (1, 1), w=[1, -2]), {"weightField": "w"}, "weightField: w has 1 values below 0"),
        (points((0, 0), (1, 1)), {"weightField": "w"}, "weightField: the layer has no field 'w'"),
        (points((0, 0), w=[None], g=["a"]), {"weightField": "w", "groupField": "g"}, "w is null everywhere"),
        (points((0, 0), (1, 1)), {"groupField": "g"}, "groupField: the layer has no field 'g'"),
        (points((0, 0), (1, 1)), {"summarizeType": ["Ellipse"]}, "no such center or ellipse"),
        (points((0, 90), (0, -90)), {"summarizeType": ["MeanCenter"]}, "no such center or ellipse"),
        (points((0, 0)).iloc[:0], {}, "analysisLayer: the layer has no features"),
    ],
)
def test_what_has_no_answer_is_refused(ctx, layer, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        summarize_center_and_dispersion(ctx, layer, **parameters)


def test_an_ellipse_across_180_degrees_is_told_by_its_center(ctx):
    layer = points((179.9, 10), (-179.9, 10), (179.95, -16), (-179.5, 3))
    made = summarize_center_and_dispersion(ctx, layer, summarizeType=["MeanCenter", "Ellipse"])
    assert made["ellipseResultLayer"].geom_type[0] == "MultiPolygon"
    told = dict(line.split(": at ") for line in ctx.text().splitlines() if ": at " in line)
    assert told["Ellipse"] == told["MeanCenter"]
