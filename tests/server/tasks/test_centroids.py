from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, Point, Polygon, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.centroids import find_centroids

GEOD = pyproj.Geod(ellps="WGS84")


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def apart(point, lon, lat):
    return GEOD.inv(point.x, point.y, lon, lat)[2]


def test_the_contiguous_states_have_their_centre_near_the_published_one(ctx):
    states = sample("states")
    lower = states[
        ~states["name"].isin(["Alaska", "Hawaii", "Puerto Rico"])
        & (states.geometry.bounds["minx"].between(-130, -60))
    ]
    whole = layer(shapely.union_all(shapely.make_valid(lower.geometry.to_numpy())))
    center = find_centroids(ctx, whole)["outputLayer"].geometry.iloc[0]
    # Found by balancing a map, so good to some twenty miles:
    # 39°50' N, 98°35' W: U.S. Geological Survey, Elevations and Distances in the United States
    assert apart(center, -98 - 35 / 60, 39 + 50 / 60) < 40_000


def test_centres_are_those_of_proj_around_the_same_place(ctx):
    states = sample("states")
    made = find_centroids(ctx, states)["outputLayer"]
    assert made["name"].tolist() == states["name"].tolist()
    for shape, center in zip(shapely.make_valid(states.geometry.to_numpy()), made.geometry, strict=True):
        plane = pyproj.CRS.from_proj4(f"+proj=laea +lat_0={center.y} +lon_0={center.x} +ellps=WGS84")
        dense = gpd.GeoSeries([shapely.segmentize(shape, 0.1)], crs=4326).to_crs(plane)
        assert dense.centroid.iloc[0].distance(Point(0, 0)) < 500, (shape.bounds, center)


def test_the_antimeridian_and_the_poles_do_not_matter(ctx):
    fiji = Polygon([(178, -19), (182, -19), (182, -16), (178, -16)])
    cap = box(-180, 80, 180, 90)
    line = LineString([(170, 0), (-170, 0)])  # the long way, around the other side
    shapes = [layer(fiji, cap), layer(line), layer(MultiPoint([(179, 10), (-179, 10)]))]
    made = pd.concat([find_centroids(ctx, one)["outputLayer"] for one in shapes]).geometry
    assert abs(made.iloc[0].x) == pytest.approx(180, abs=1e-6)
    assert -17.6 < made.iloc[0].y < -17.4
    assert made.iloc[1].y == pytest.approx(90, abs=1e-4)
    assert (made.iloc[2].x, made.iloc[2].y) == pytest.approx((0, 0), abs=1e-6)
    assert abs(made.iloc[3].x) == pytest.approx(180, abs=1e-6)


def test_a_centre_can_be_kept_inside(ctx):
    horseshoe = box(0, 0, 10, 10).difference(box(2, 2, 10, 8))
    ring = LineString([(20, 0), (21, 0), (21, 1), (20, 1), (20, 0)])
    islands = MultiPoint([(40, 0), (50, 0)])
    features = layer(horseshoe, ring, islands, box(60, 0, 61, 1))
    for crs in (4326, 3857):
        free = find_centroids(ctx, features.iloc[:1].to_crs(crs))["outputLayer"]
        assert not features.iloc[:1].to_crs(crs).covers(free).iloc[0]
        for i in range(len(features)):
            one = features.iloc[[i]].to_crs(crs)
            made = find_centroids(ctx, one, pointLocation=True)["outputLayer"]
            assert shapely.distance(one.geometry.to_numpy(), made.geometry.to_numpy())[0] < 1e-6
    assert "1 centres lay outside" in ctx.text()


def test_every_country_holds_its_own_point(ctx):
    countries = sample("countries")
    made = find_centroids(ctx, countries, pointLocation=True)["outputLayer"]
    shapes = shapely.make_valid(countries.geometry.to_numpy())
    assert shapely.covers(shapes, made.geometry.to_numpy()).all()


def test_a_projected_layer_has_its_centroids_in_the_plane(ctx):
    parcels = layer(box(500_000, 5_000_000, 500_100, 5_000_300), crs=32633)
    made = find_centroids(ctx, parcels)["outputLayer"]
    assert made.crs == parcels.crs
    assert made.geometry.iloc[0].equals_exact(Point(500_050, 5_000_150), 1e-6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(-180, 180), st.floats(-80, 80), st.floats(0.01, 5), st.randoms(use_true_random=False))
def test_a_circle_has_its_centre_in_the_middle_wherever_it_lies(ctx, lon, lat, degrees, random):
    azimuth = np.linspace(0, 360, 73)[:-1]
    x, y, _ = GEOD.fwd(np.full(72, lon), np.full(72, lat), azimuth, np.full(72, degrees * 100_000))
    ring = Polygon(np.column_stack([lon + (np.array(x) - lon + 180) % 360 - 180, y]))
    made = find_centroids(ctx, layer(ring))["outputLayer"].geometry.iloc[0]
    assert apart(made, lon, lat) < degrees * 100_000 * 0.005 + 1


def test_the_order_of_rows_does_not_matter(ctx):
    states = sample("states")
    first = find_centroids(ctx, states)["outputLayer"].set_index("name")
    again = find_centroids(ctx, states.iloc[::-1])["outputLayer"].set_index("name").loc[first.index]
    assert shapely.distance(first.geometry.to_numpy(), again.geometry.to_numpy()).max() < 1e-12


def test_a_layer_without_features_is_refused(ctx):
    with pytest.raises(ParameterError, match="inputLayer: the layer has no features"):
        find_centroids(ctx, layer())
