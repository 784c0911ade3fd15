"""Local Moran's I against esda, against moments known exactly, and against every permutation of a small set."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from pathlib import Path

import esda
import geopandas as gpd
import numpy as np
import pytest
from gal import neighbours_in
from hypothesis import given, settings
from hypothesis import strategies as st
from libpysal import examples
from libpysal.graph import Graph
from scipy.spatial.distance import cdist

from spatial_widgets.server.analysis.localmoran import cluster_types, local_moran

# esda announces that its p-values will double; those of today are compared.
pytestmark = pytest.mark.filterwarnings("ignore:The alternative hypothesis:DeprecationWarning")


def pairs_within(xy, distance):
    near = cdist(xy, xy) <= distance
    np.fill_diagonal(near, False)
    return np.nonzero(near)


def graph_of(focal, neighbor):
    return Graph.from_arrays(focal, neighbor, np.ones(len(focal)))


def esda_local(values, focal, neighbor, permutations=999):
    return esda.Moran_Local(values, graph_of(focal, neighbor), permutations=permutations, seed=5)


def quadrants(statistic):
    """Esda's numbers: 1 HH, 2 LH, 3 LL, 4 HL."""
    return np.where(
        statistic.own, np.where(statistic.around, 1, 4), np.where(statistic.around, 2, 3)
    ).tolist()


def test_the_example_of_esda_has_its_published_quadrants():
    # https://pysal.org/esda/generated/esda.Moran_Local.html
    focal, neighbor = neighbours_in(examples.get_path("desmith.gal"))
    rows = Path(examples.get_path("desmith.txt")).read_text().split()[2:]
    values = np.array([float(row.split(",")[1]) for row in rows])
    made = local_moran(values, focal, neighbor, 99, np.random.default_rng(1))
    assert quadrants(made) == [4, 4, 4, 2, 3, 3, 1, 4, 3, 3]


@pytest.mark.parametrize("name", ["sids2", "columbus"])
def test_real_data_gives_what_esda_gives(name):
    table = gpd.read_file(examples.get_path(f"{name}.dbf"))
    values = table["SIDR79" if name == "sids2" else "CRIME"].to_numpy()
    focal, neighbor = neighbours_in(examples.get_path(f"{name}.gal"))
    made = local_moran(values, focal, neighbor, 9999, np.random.default_rng(2))
    reference = esda_local(values, focal, neighbor, 9999)
    assert made.index == pytest.approx(reference.Is, abs=1e-12)
    assert quadrants(made) == reference.q.tolist()
    assert made.p == pytest.approx(reference.p_sim, abs=0.03)
    assert made.z == pytest.approx(reference.z_sim, abs=0.06)


def test_z_approaches_the_exact_moments_of_sokal():
    rng = np.random.default_rng(3)
    xy = rng.random((200, 2))
    values = np.sin(6 * xy[:, 0]) + rng.normal(size=200)
    focal, neighbor = pairs_within(xy, 0.2)
    made = local_moran(values, focal, neighbor, 19_999, rng)
    exact = esda_local(values, focal, neighbor, 9)
    assert made.z == pytest.approx((exact.Is - exact.EIc) / np.sqrt(exact.VIc), rel=0.03, abs=0.05)


def test_p_approaches_the_share_of_all_permutations():
    values = np.array([1.0, 2, 4, 7, 11, 3])
    xy = np.array([[0.0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [2, 1]])
    focal, neighbor = pairs_within(xy, 1.1)
    made = local_moran(values, focal, neighbor, 30_000, np.random.default_rng(4))
    for i in range(6):
        others = [v for j, v in enumerate(values) if j != i]
        around = neighbor[focal == i]
        seen = values[around].sum()
        sums = np.array([sum(dealt[: len(around)]) for dealt in permutations(others)])
        share = min((sums >= seen - 1e-9).sum(), (sums <= seen + 1e-9).sum()) / factorial(5)
        assert made.p[i] == pytest.approx(share, abs=0.012)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=4, max_size=12).filter(lambda v: len(set(v)) > 1),
    st.integers(0, 2**32 - 1),
)
def test_the_index_is_that_of_the_textbook_for_any_values(values, seed):
    rng = np.random.default_rng(seed)
    x, n = np.array(values, dtype=float), len(values)
    near = rng.random((n, n)) < 0.4
    near = (near | near.T) & ~np.eye(n, dtype=bool)
    focal, neighbor = np.nonzero(near)
    if not len(focal):
        return
    made = local_moran(x, focal, neighbor, 99, rng)
    deviation = x - x.mean()
    for i in range(n):
        if not near[i].any():
            assert np.isnan([made.index[i], made.z[i], made.p[i]]).all()
            continue
        expected = (n - 1) * deviation[i] * deviation[near[i]].mean() / (deviation**2).sum()
        assert made.index[i] == pytest.approx(expected, abs=1e-12)
        assert np.isnan(made.p[i]) == (abs(deviation[i]) < 1e-12) or 0.01 <= made.p[i] <= 1
    assert made.neighbors.tolist() == near.sum(axis=1).tolist()


def test_types_name_the_feature_and_its_neighbours_and_are_corrected():
    rng = np.random.default_rng(6)
    x, y = (part.ravel() for part in np.meshgrid(np.arange(20.0), np.arange(20.0)))
    values = np.where((x < 6) & (y < 6), 10.0, 0.0) + rng.normal(size=400)
    values[21], values[210] = -5, 20  # a low one among high ones; a high one among low ones
    focal, neighbor = pairs_within(np.column_stack([x, y]), 1.5)
    made = local_moran(values, focal, neighbor, 999, rng)
    types = cluster_types(made)
    assert types[21] == "LH"
    assert types[63] == types[84] == "HH"
    assert set(types) <= {"HH", "LH", "HL", "LL", ""}
    noise = local_moran(rng.permutation(values), focal, neighbor, 999, rng)
    assert (cluster_types(noise) != "").mean() < 0.02
