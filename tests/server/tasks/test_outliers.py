"""FindOutliers as a whole; the statistic itself is checked in test_localmoran.py."""

from __future__ import annotations

import sys

import esda
import geopandas as gpd
import numpy as np
import pytest
import shapely
from libpysal.graph import Graph
from scipy.spatial.distance import cdist

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError, SpatialWidgetsError
from spatial_widgets.server.tasks.outliers import SEED, find_outliers

# esda announces that its p-values will double; those of today are compared.
pytestmark = pytest.mark.filterwarnings("ignore:The alternative hypothesis:DeprecationWarning")


def lattice(n=14, step=10_000.0, crs=32633):
    x, y = np.meshgrid(500_000 + np.arange(n) * step, 5_000_000 + np.arange(n) * step)
    high = (x < 500_000 + 5 * step) & (y < 5_000_000 + 5 * step)
    value = np.where(high, 10.0, 1.0) + (x / 1000 * 7 + y / 1000 * 3) % 11 / 20
    value[2, 2] = 0.0
    value[10, 10] = 15.0
    return gpd.GeoDataFrame(
        {"value": value.ravel(), "people": 2.0}, geometry=shapely.points(x.ravel(), y.ravel()), crs=crs
    )


BAND = {"distanceBand": 15.0, "distanceBandUnits": "Kilometers"}


def test_a_low_value_in_a_high_corner_is_an_outlier(ctx):
    result = find_outliers(ctx, lattice(), analysisField="value", permutations="Precision", **BAND)
    made = result["outliersResultLayer"]
    assert list(made.columns) == [
        "SOURCE_ID",
        "value",
        "LMiIndex",
        "LMiZScore",
        "LMiPValue",
        "NNeighbors",
        "COType",
        "geometry",
    ]
    types = made["COType"].to_numpy().reshape(14, 14)
    assert types[2, 2] == "LH"
    assert types[4, 1] == types[3, 3] == "HH"
    assert made["LMiIndex"].iloc[2 * 14 + 2] < 0 < made["LMiIndex"].iloc[0]
    assert made["LMiPValue"].min() == pytest.approx(0.0001)
    assert f"9,999 permutations with the random seed {SEED}" in ctx.text("info")
    assert any("1 LH low among high (outlier)" in one["message"] for one in result["processInfo"])


def test_magnitudes_agree_with_esda_on_the_same_neighbours(ctx):
    quakes = sample("earthquakes").to_crs(5070).cx[-2.4e6:-1.6e6, 1e6:2.4e6].iloc[:400].reset_index(drop=True)
    made = find_outliers(
        ctx,
        quakes,
        analysisField="mag",
        distanceBand=30,
        distanceBandUnits="Kilometers",
        permutations="Speed",
    )["outliersResultLayer"]
    near = cdist(*[shapely.get_coordinates(quakes.geometry.to_numpy())] * 2) <= 30_000
    np.fill_diagonal(near, False)
    lonely = ~near.any(axis=1)
    focal, neighbor = np.nonzero(near | np.diag(lonely))
    weights = np.where(focal == neighbor, 0.0, 1.0)
    with np.errstate(invalid="ignore"):  # esda divides 0 by 0 where there are no neighbours
        reference = esda.Moran_Local(
            quakes["mag"].to_numpy(), Graph.from_arrays(focal, neighbor, weights), permutations=999, seed=1
        )
    some = ~lonely
    assert made["NNeighbors"].tolist() == near.sum(axis=1).tolist()
    assert made["LMiIndex"].isna().tolist() == lonely.tolist()
    assert made["LMiIndex"].to_numpy()[some] == pytest.approx(reference.Is[some], abs=1e-9)
    assert made["LMiPValue"].to_numpy()[some] == pytest.approx(reference.p_sim[some], abs=0.08)
    assert made["LMiZScore"].to_numpy()[some] == pytest.approx(reference.z_sim[some], rel=0.15, abs=0.15)


@pytest.mark.parametrize("parameters", [{"analysisField": "mag"}, {"shapeType": "Hexagon"}])
def test_the_order_of_rows_does_not_matter_at_all(ctx, parameters):
    quakes = sample("earthquakes")

    def table(layer):
        made = find_outliers(ctx, layer, permutations="Speed", **parameters)["outliersResultLayer"]
        at = made.geometry.representative_point()
        numbers = made[["LMiIndex", "LMiZScore", "LMiPValue", "NNeighbors"]].to_numpy(dtype=float)
        rows = np.column_stack([at.x, at.y, np.nan_to_num(numbers, nan=-99)])
        return rows[np.lexsort(rows.T[::-1])], made["COType"].value_counts().to_dict()

    first, second = table(quakes), table(quakes.sample(frac=1, random_state=3))
    assert second[0] == pytest.approx(first[0], rel=1e-6, abs=1e-9)
    assert second[1] == first[1]
    assert first[1]["HH"] > 20


def test_counts_in_counties_point_at_california_and_nevada(ctx):
    made = find_outliers(ctx, sample("earthquakes"), aggregationPolygonLayer=sample("counties"))[
        "outliersResultLayer"
    ]
    assert len(made) == 3231
    assert made["Join_Count"].sum() == 1392
    first = made.sort_values("LMiPValue").head(8)
    assert set(sample("counties")["state"].iloc[first["SOURCE_ID"]]) == {"California", "Nevada"}


def test_magnitudes_form_clusters_and_outliers_over_the_world(ctx):
    made = find_outliers(ctx, sample("earthquakes"), analysisField="mag")["outliersResultLayer"]
    assert len(made) == 1707
    by_type = made.groupby("COType")["mag"].mean()
    assert set(by_type.index) == {"", "HH", "HL", "LH", "LL"}
    assert by_type["HH"] > by_type["LH"] + 1
    assert by_type["HL"] > by_type["LL"] + 1
    california = sample("states").set_index("name").geometry["California"]
    assert set(made.loc[made.within(california), "COType"]) <= {"LL", "HL", ""}


def test_one_hundred_thousand_points_with_a_value(ctx):
    rng = np.random.default_rng(1)
    xy = rng.random((100_000, 2)) * 1e6
    layer = gpd.GeoDataFrame(
        {"v": np.sin(xy[:, 0] / 1e5) + rng.normal(size=100_000)}, geometry=shapely.points(xy), crs=32633
    )
    made = find_outliers(ctx, layer, analysisField="v", distanceBand=5000)["outliersResultLayer"]
    assert len(made) == 100_000
    assert made["LMiZScore"].mean() > 0.1


@pytest.mark.parametrize(
    ("layer", "parameters", "reason"),
    [
        (lattice().assign(value=5.0), {"analysisField": "value"}, "value is 5 for all 196 .* no outliers"),
        (lattice().head(2), {"analysisField": "value"}, "there are 2 features to compare, and at least 3"),
        (lattice().iloc[:0], {"analysisField": "value"}, "analysisLayer: the layer has no features"),
        (lattice(), {"analysisField": "height"}, "analysisField: the layer has no field 'height'"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layer, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        find_outliers(ctx, layer, **parameters)


def test_nulls_are_left_out_and_lonely_features_have_no_index(ctx):
    layer = lattice()
    layer.loc[[3, 4], "value"] = None
    made = find_outliers(ctx, layer, analysisField="value", distanceBand=1.0)["outliersResultLayer"]
    assert len(made) == 194
    assert made["LMiIndex"].isna().all()
    assert (made["COType"] == "").all()
    assert "2 features left out" in ctx.text("warn")
    assert "choose a longer distanceBand" in ctx.text("warn")


def test_without_esda_the_extra_is_named(ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "esda", None)
    with pytest.raises(
        SpatialWidgetsError, match=r'FindOutliers needs .* pip install "spatial_widgets\[stats\]"'
    ):
        find_outliers(ctx, lattice(), analysisField="value")
