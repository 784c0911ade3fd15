"""FindPointClusters: swarms of earthquakes."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.metrics import adjusted_rand_score

from spatial_widgets.data import sample

TASK = "FindPointClusters"


def parameters():
    return {
        "analysisLayer": sample("earthquakes"),
        "minFeaturesCluster": 5,
        "searchDistance": 50,
        "searchDistanceUnit": "Kilometers",
    }


def confirm(results):
    made = results["pointClustersResultLayer"]
    assert len(made) == 1707
    assert made["CLUSTER_ID"].max() == 29
    assert set(made["COLOR_ID"]) <= {-1, *range(1, 9)}


def radians():
    return np.deg2rad(sample("earthquakes").geometry.get_coordinates()[["y", "x"]].to_numpy())


def check_dbscan(run):
    """Clusters of DBSCAN (50 km) among 1,707 earthquakes by scikit-learn with haversine distances: core points in the same cluster, and the same noise."""
    made = run(**parameters())["pointClustersResultLayer"]["CLUSTER_ID"].to_numpy()
    reference = DBSCAN(eps=50 / 6371.0088, min_samples=5, metric="haversine").fit(radians())
    core = reference.core_sample_indices_
    assert adjusted_rand_score(reference.labels_[core], made[core]) == 1
    assert ((made == -1) == (reference.labels_ == -1)).all()
    return f"all {len(core):,} core points, all {(made == -1).sum():,} of noise, {made.max()} clusters"


def check_hdbscan(run):
    """Clusters of HDBSCAN (at least 20) by scikit-learn with haversine distances instead of chords: adjusted Rand index."""
    made = run(analysisLayer=sample("earthquakes"), minFeaturesCluster=20)["pointClustersResultLayer"]
    labels = HDBSCAN(min_cluster_size=20, metric="haversine", copy=True).fit_predict(radians())
    score = adjusted_rand_score(labels, made["CLUSTER_ID"])
    assert score > 0.99
    return "> 0.99"
