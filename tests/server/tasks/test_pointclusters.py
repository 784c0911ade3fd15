"""FindPointClusters, against scikit-learn called with other metrics, and against DBSCAN by its definition."""

from __future__ import annotations

import sys
import time

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN, HDBSCAN, OPTICS

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.server.analysis.clusters import COLORS, cluster, colors_of
from spatial_widgets.server.analysis.neighbors import Sites
from spatial_widgets.server.tasks.pointclusters import find_point_clusters

RADIUS_M = 6371008.8


@pytest.fixture(scope="module")
def quakes():
    return sample("earthquakes")


def points(xy, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapely.points(np.asarray(xy, dtype=float)), crs=crs)


def radians(layer):
    return np.deg2rad(np.column_stack([layer.geometry.y, layer.geometry.x]))


def partition(labels):
    """Sets of rows, so that the names of clusters do not matter."""
    labels = np.asarray(labels)
    return {frozenset(np.flatnonzero(labels == one).tolist()) for one in np.unique(labels[labels != -1])}


def test_dbscan_finds_what_scikit_learn_finds_by_haversines(ctx, quakes):
    made = find_point_clusters(
        ctx, quakes, minFeaturesCluster=5, searchDistance=50, searchDistanceUnit="Kilometers"
    )["pointClustersResultLayer"]
    reference = DBSCAN(eps=50_000 / RADIUS_M, min_samples=5, metric="haversine", algorithm="ball_tree")
    labels = reference.fit_predict(radians(quakes))
    core = reference.core_sample_indices_
    ours = made["CLUSTER_ID"].to_numpy()
    assert partition(ours[core]) == partition(labels[core])
    assert (ours == -1).tolist() == (labels == -1).tolist()
    assert len(partition(ours)) == 29
    assert made["CLUSTER_ID"].max() == 29
    assert (np.diff(np.bincount(ours[ours > 0])[1:]) <= 0).all()  # the largest is number 1
    assert list(made.columns[-3:]) == ["CLUSTER_ID", "COLOR_ID", "geometry"]
    assert "Method: DBSCAN, at least 5 points, search distance 50 km." in ctx.text()


def test_hdbscan_is_the_default_and_that_of_scikit_learn(ctx, quakes):
    regional = quakes.to_crs(5070).cx[-2.5e6:-1.5e6, 1e6:3e6]
    made = find_point_clusters(ctx, regional, minFeaturesCluster=10)["pointClustersResultLayer"]
    xy = shapely.get_coordinates(regional.geometry.to_numpy())
    order = np.lexsort(xy.T[::-1])  # ties are settled by the order of the input
    labels = np.empty(len(xy), dtype=int)
    labels[order] = HDBSCAN(min_cluster_size=10, copy=True).fit_predict(xy[order])
    assert partition(made["CLUSTER_ID"]) == partition(labels)
    assert len(partition(labels)) > 5
    assert "Method: HDBSCAN, at least 10 points." in ctx.text()


def test_hdbscan_on_the_globe_agrees_with_haversines_on_nearly_all(ctx, quakes):
    from sklearn.metrics import adjusted_rand_score

    made = find_point_clusters(ctx, quakes, minFeaturesCluster=20)["pointClustersResultLayer"]
    labels = HDBSCAN(min_cluster_size=20, metric="haversine", copy=True).fit_predict(radians(quakes))
    assert adjusted_rand_score(labels, made["CLUSTER_ID"]) > 0.99


def test_optics_is_that_of_scikit_learn(ctx, quakes):
    some = quakes.to_crs(5070).cx[-2.5e6:-1.5e6, 1e6:3e6].iloc[:300]
    made = find_point_clusters(ctx, some, method="OPTICS", minFeaturesCluster=6, searchDistance=80_000)[
        "pointClustersResultLayer"
    ]
    xy = shapely.get_coordinates(some.geometry.to_numpy())
    order = np.lexsort(xy.T[::-1])
    labels = np.empty(len(xy), dtype=int)
    labels[order] = OPTICS(min_samples=6, max_eps=80_000).fit_predict(xy[order])
    assert partition(made["CLUSTER_ID"]) == partition(labels)
    assert len(partition(labels)) > 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=30),
    st.integers(1, 4),
    st.integers(2, 5),
)
def test_dbscan_is_what_its_definition_says(xy, distance, fewest):
    xy = np.array(xy, dtype=float)
    made = cluster(Sites(xy, spherical=False), "DBSCAN", fewest, float(distance))
    near = cdist(xy, xy) <= distance
    core = near.sum(axis=1) >= fewest
    _, component = connected_components(csr_array(near & core[:, None] & core[None, :]))
    assert partition(made[core]) == partition(component[core])
    for i in np.flatnonzero(~core):
        reachable = set(made[core & near[i]].tolist())
        assert made[i] in reachable if reachable else made[i] == -1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["DBSCAN", "HDBSCAN", "OPTICS"]))
def test_the_order_of_rows_does_not_matter(seed, method):
    rng = np.random.default_rng(seed)
    xy = np.round(rng.normal(size=(40, 2)) + rng.integers(0, 3, (40, 1)) * 4, 1)
    shuffled = rng.permutation(40)
    first, second = (
        cluster(Sites(one, spherical=False), method, 4, None if method == "HDBSCAN" else 1.0)
        for one in (xy, xy[shuffled])
    )
    # Points at one place may swap their numbers when a border point is among them.
    key = [tuple(p) for p in xy]
    assert sorted(zip(key, first.tolist(), strict=True)) == sorted(
        zip([key[i] for i in shuffled], second.tolist(), strict=True)
    )


def test_a_cluster_across_180_degrees_and_one_around_the_pole_are_whole(ctx):
    rng = np.random.default_rng(2)
    dateline = np.column_stack([(180 + rng.normal(0, 0.1, 40) + 180) % 360 - 180, rng.normal(0, 0.1, 40)])
    pole = np.column_stack([rng.uniform(-180, 180, 40), 90 - rng.uniform(0, 0.2, 40)])
    layer = points(np.vstack([dateline, pole, [[10, 50], [-60, -20]]]))
    for crs in (4326, 3857):
        given_layer = layer if crs == 4326 else points(dateline).to_crs(3857)
        made = find_point_clusters(
            ctx, given_layer, searchDistance=40, searchDistanceUnit="Kilometers", minFeaturesCluster=4
        )["pointClustersResultLayer"]
        clusters = made["CLUSTER_ID"].to_numpy()
        assert made.crs.to_epsg() == crs
        assert len(set(clusters[:40])) == 1
        if crs == 4326:
            assert len(set(clusters[40:80])) == 1
            assert clusters[0] != clusters[40]
            assert clusters[80:].tolist() == [-1, -1]


def test_clusters_next_to_each_other_differ_in_colour():
    rng = np.random.default_rng(3)
    middle = rng.uniform(0, 1000, (150, 2))
    sites = Sites(np.repeat(middle, 5, axis=0) + rng.normal(0, 0.5, (750, 2)), spherical=False)
    clusters = np.repeat(np.arange(1, 151), 5)
    colors = colors_of(sites, clusters)
    each = colors[::5]
    nearest = (cdist(middle, middle) + np.eye(150) * 1e9).argmin(axis=1)
    assert (each != each[nearest]).all()
    assert 1 <= colors.min() < colors.max() <= COLORS
    assert (colors.reshape(150, 5) == each[:, None]).all()
    assert colors_of(Sites(np.zeros((3, 2)), spherical=False), np.array([-1, -1, -1])).tolist() == [
        -1,
        -1,
        -1,
    ]


def test_points_at_one_place_are_one_cluster_of_dbscan(ctx):
    made = find_point_clusters(ctx, points([(10, 50)] * 8 + [(11, 50)]), searchDistance=1.0)[
        "pointClustersResultLayer"
    ]
    assert made["CLUSTER_ID"].tolist() == [1] * 8 + [-1]
    assert made["COLOR_ID"].tolist() == [1] * 8 + [-1]


@pytest.mark.parametrize("method", ["HDBSCAN", "OPTICS"])
def test_points_at_one_place_only_end_without_an_error(ctx, method):
    made = find_point_clusters(ctx, points([(10, 50)] * 8), method=method)["pointClustersResultLayer"]
    assert len(made) == 8
    assert made["CLUSTER_ID"].nunique() == 1


@pytest.mark.parametrize("method", ["DBSCAN", "HDBSCAN", "OPTICS"])
def test_many_points_at_the_same_places_are_in_the_same_cluster(method):
    rng = np.random.default_rng(7)
    base = rng.uniform(0, 100, (40, 2))
    xy = np.vstack([base[rng.integers(0, 40, 400)], rng.normal(50, 20, (200, 2))])
    found = cluster(Sites(xy, spherical=False), method, 5, None if method == "HDBSCAN" else 5.0)
    assert found.max() > 1
    same = [set(found[:400][(xy[:400] == place).all(axis=1)].tolist()) for place in base]
    assert sum(len(labels) == 1 for labels in same) >= 36


@pytest.mark.parametrize("method", ["DBSCAN", "OPTICS"])
def test_nothing_dense_is_told(ctx, method):
    made = find_point_clusters(ctx, points([(i, 0) for i in range(9)]), method=method, searchDistance=10.0)[
        "pointClustersResultLayer"
    ]
    assert (made["CLUSTER_ID"] == -1).all()
    assert "No cluster was found" in ctx.text("warn")


def test_fields_of_the_same_names_are_kept(ctx):
    made = find_point_clusters(ctx, points([(10, 50)] * 6, CLUSTER_ID=["mine"] * 6), searchDistance=1.0)[
        "pointClustersResultLayer"
    ]
    assert made["CLUSTER_ID"].tolist() == ["mine"] * 6
    assert made["CLUSTER_ID_1"].tolist() == [1] * 6


@pytest.mark.parametrize(
    ("layer", "parameters", "reason"),
    [
        (points([(0, 0)] * 4), {}, "minFeaturesCluster: the layer has 4 points, fewer than the 5"),
        (points([(0, 0)] * 9), {"method": "DBSCAN"}, "searchDistance: DBSCAN needs one"),
        (points([(0, 0)] * 9), {"searchDistance": 0.0}, "searchDistance: 0 is no usable distance"),
        (points([(0, 0)] * 9).iloc[:0], {}, "analysisLayer: the layer has no features"),
        (
            gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)] * 9, crs=4326),
            {},
            "analysisLayer: .* but points are needed",
        ),
        (
            points(np.zeros((20_001, 2))),
            {"method": "OPTICS"},
            "OPTICS needs one with more than 20,000 points",
        ),
        (points(np.zeros((20_001, 2))), {"searchDistance": 5.0}, "makes more than 50,000,000 pairs"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layer, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        find_point_clusters(ctx, layer, **parameters)


def test_a_dense_crowd_is_refused_without_counting_all_its_pairs(ctx):
    crowd = points(np.random.default_rng(0).normal(10, 0.001, (200_000, 2)))
    begin = time.process_time()
    with pytest.raises(ParameterError, match="searchDistance: 100 m makes more than 50,000,000 pairs"):
        find_point_clusters(ctx, crowd, searchDistance=100.0)
    assert time.process_time() - begin < 10  # counted one by one it takes minutes


def test_a_distance_that_hdbscan_has_no_use_for_is_told(ctx, quakes):
    find_point_clusters(ctx, quakes.head(100), method="HDBSCAN", searchDistance=5.0)
    assert "searchDistance: not used" in ctx.text("warn")


def test_without_scikit_learn_the_extra_is_named(ctx, quakes, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(SpatialWidgetsError, match=r'FindPointClusters needs .* "spatial_widgets\[stats\]"'):
        find_point_clusters(ctx, quakes)


def test_points_keep_their_heights(ctx):
    layer = gpd.GeoDataFrame(
        {"k": range(6)}, geometry=shapely.points([[i / 1000, 0, i] for i in range(6)]), crs=4326
    )
    made = find_point_clusters(ctx, layer, searchDistance=200.0, minFeaturesCluster=3)
    assert shapely.get_z(made["pointClustersResultLayer"].geometry.to_numpy()).tolist() == [0, 1, 2, 3, 4, 5]
