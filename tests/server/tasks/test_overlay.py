from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.measures import areas_m2
from spatial_widgets.server.tasks.overlay import overlay_layers


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


ONE = layer(box(0, 0, 2, 2), box(2, 0, 4, 2), a=["x", "y"], n=[1, 2])
TWO = layer(box(1, 1, 3, 3), box(9, 9, 10, 10), b=["p", "q"], n=[5, 6])


def overlay(ctx, *layers, **parameters):
    return overlay_layers(ctx, *layers, **parameters)["outputLayer"]


def test_intersect_gives_the_common_parts_with_both_attributes(ctx):
    made = overlay(ctx, ONE, TWO)
    assert list(made.columns) == ["a", "n", "b", "n_1", "geometry"]
    assert made.drop(columns="geometry").to_numpy().tolist() == [["x", 1, "p", 5], ["y", 2, "p", 5]]
    assert [
        shape.equals(other)
        for shape, other in zip(made.geometry, (box(1, 1, 2, 2), box(2, 1, 3, 2)), strict=True)
    ] == [True, True]


def test_union_adds_what_only_one_layer_covers(ctx):
    made = overlay(ctx, ONE, TWO, overlayType="Union")
    assert made["a"].isna().tolist() == [False, False, False, False, True, True]
    assert made["b"].isna().tolist() == [False, False, True, True, False, False]
    assert shapely.area(made.geometry.to_numpy()).tolist() == [1, 1, 3, 3, 2, 1]
    assert made["n"].tolist()[:4] == [1, 2, 1, 2]


def test_erase_keeps_what_lies_outside(ctx):
    made = overlay(ctx, ONE, TWO, overlayType="Erase")
    assert list(made.columns) == ["a", "n", "geometry"]
    assert shapely.area(made.geometry.to_numpy()).tolist() == [3, 3]
    lines = overlay(
        ctx, layer(LineString([(-1, 1), (5, 1)]), LineString([(1, 1.5), (2, 1.5)])), ONE, overlayType="Erase"
    )
    assert shapely.length(lines.geometry.to_numpy()).tolist() == [2]
    points = overlay(ctx, layer(Point(1, 1), Point(5, 5)), ONE, overlayType="Erase")
    assert [p.coords[0] for p in points.geometry] == [(5, 5)]


def test_lines_and_points_are_what_outlines_have_in_common(ctx):
    borders = overlay(ctx, ONE.iloc[:1], layer(box(2, 0, 4, 2), box(1, -1, 3, 1)), outputType="Line")
    assert shapely.length(borders.geometry.to_numpy()).tolist() == [2]
    crossings = overlay(ctx, ONE.iloc[:1], layer(box(1, 1, 3, 3)), outputType="Point")
    assert crossings.geom_type.tolist() == ["MultiPoint"]
    assert sorted(p.coords[0] for p in crossings.geometry.iloc[0].geoms) == [(1, 2), (2, 1)]
    inside = overlay(ctx, layer(LineString([(-1, 1), (5, 1)])), ONE)
    assert shapely.length(inside.geometry.to_numpy()).tolist() == [2, 2]
    assert overlay(ctx, layer(Point(1, 1), Point(7, 7)), ONE)["a"].tolist() == ["x"]


def test_nothing_in_common_is_an_empty_layer_with_all_fields(ctx):
    made = overlay(ctx, ONE, TWO.iloc[1:])
    assert len(made) == 0
    assert list(made.columns) == ["a", "n", "b", "n_1", "geometry"]
    assert made.crs == ONE.crs


def test_a_tolerance_closes_slivers(ctx):
    parcel = layer(box(0, 0, 100, 100), crs=32633)
    other = layer(box(0.02, 0, 100, 100.03), crs=32633)
    assert len(overlay(ctx, parcel, other, overlayType="Erase")) == 1
    assert len(overlay(ctx, parcel, other, overlayType="Erase", tolerance=0.1)) == 0
    assert len(overlay(ctx, parcel, other, overlayType="Erase", tolerance=0.1, snapToInput=True)) == 0
    assert "Vertices of overlayLayer moved to inputLayer" in ctx.text()
    snapped = overlay(ctx, parcel, other, tolerance=0.1, snapToInput=True)
    assert snapped.geometry.iloc[0].equals(parcel.geometry.iloc[0])


def test_layers_of_different_systems_meet_and_the_result_has_the_first_ones(ctx):
    made = overlay(ctx, ONE.to_crs(3857), TWO.to_crs(32631))
    assert made.crs.to_epsg() == 3857
    areas = areas_m2(made.to_crs(4326).geometry.to_numpy(), ONE.crs)
    plain = overlay(ctx, ONE, TWO)
    assert areas == pytest.approx(areas_m2(plain.geometry.to_numpy(), plain.crs), rel=1e-3)


def test_states_cut_by_a_grid_keep_every_square_kilometre(ctx):
    states = sample("states")
    grid = layer(*(box(x, y, x + 10, y + 10) for x in range(-180, -60, 20) for y in range(-20, 80, 20)))
    parts = {kind: overlay(ctx, states, grid, overlayType=kind) for kind in ("Intersect", "Erase", "Union")}
    area = {kind: areas_m2(made.geometry.to_numpy(), made.crs).sum() for kind, made in parts.items()}
    whole = areas_m2(shapely.make_valid(states.geometry.to_numpy()), states.crs).sum()
    assert area["Intersect"] + area["Erase"] == pytest.approx(whole, rel=1e-9)
    only_grid = parts["Union"][parts["Union"]["name"].isna()]
    assert area["Union"] == pytest.approx(
        whole + areas_m2(only_grid.geometry.to_numpy(), states.crs).sum(), rel=1e-9
    )


corner = st.integers(0, 6)
boxes = st.lists(
    st.builds(lambda x, y, w, h: box(x, y, x + w + 1, y + h + 1), corner, corner, corner, corner),
    min_size=1,
    max_size=7,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes, boxes)
def test_overlays_are_those_of_every_pair_by_itself(ctx, first, second):
    one, two = layer(*first, i=range(len(first))), layer(*second, j=range(len(second)))
    expected = {
        (i, j): a.intersection(b).area
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if a.intersection(b).area > 0
    }
    made = overlay(ctx, one, two)
    found = dict(
        zip(zip(made["i"], made["j"], strict=True), shapely.area(made.geometry.to_numpy()), strict=True)
    )
    assert found == pytest.approx(expected)
    cover = shapely.union_all(second)
    erased = overlay(ctx, one, two, overlayType="Erase").set_index("i").geometry
    for i, shape in enumerate(first):
        assert (erased[i].area if i in erased.index else 0) == pytest.approx(shape.difference(cover).area)
    union = overlay(ctx, one, two, overlayType="Union")
    assert shapely.union_all(union.geometry.to_numpy()).area == pytest.approx(
        shapely.union_all([*first, *second]).area
    )


def test_many_overlapping_shapes_are_taken_away_together(ctx):
    strips = layer(*(box(x / 10, 0, x / 10 + 0.05, 1) for x in range(40)))
    made = overlay(ctx, layer(box(0, 0, 4, 1)), strips, overlayType="Erase")
    assert shapely.area(made.geometry.to_numpy())[0] == pytest.approx(2)


@pytest.mark.parametrize(
    ("layers", "parameters", "reason"),
    [
        (
            (ONE, layer(Point(0, 0))),
            {"overlayType": "Union"},
            "Union needs polygons in both layers, not polygons and points",
        ),
        ((ONE, layer(Point(0, 0))), {"overlayType": "Erase"}, "Erase cannot take points away from polygons"),
        ((ONE, layer(Point(0, 0))), {"outputType": "Line"}, "outputType: points have no lines in common"),
        (
            (ONE, TWO),
            {"overlayType": "Erase", "outputType": "Point"},
            "outputType: Point belongs to overlayType Intersect",
        ),
        ((ONE, TWO), {"tolerance": -1.0}, "tolerance: -1 is no usable distance"),
        ((ONE, TWO), {"tolerance": 50.0}, "tolerance: all features of inputLayer are smaller than 50"),
    ],
)
def test_mistakes_are_refused_by_name(ctx, layers, parameters, reason):
    with pytest.raises(ParameterError, match=reason):
        overlay(ctx, *layers, **parameters)


def test_the_order_of_rows_does_not_matter(ctx):
    states, other = sample("states"), layer(box(-110, 30, -90, 45), box(-95, 40, -80, 50), k=[1, 2])
    first, again = (
        overlay(ctx, frame, other).set_index(["name", "k"]).sort_index()
        for frame in (states, states.iloc[::-1])
    )
    assert first.index.equals(again.index)
    assert np.allclose(shapely.area(first.geometry.to_numpy()), shapely.area(again.geometry.to_numpy()))


def test_a_tolerance_of_0_is_none(ctx):
    squares = gpd.GeoDataFrame({"k": [1]}, geometry=[box(0, 0, 2, 2)], crs=4326)
    others = gpd.GeoDataFrame({"m": [1]}, geometry=[box(1, 1, 3, 3)], crs=4326)
    made = overlay_layers(ctx, squares, others, tolerance=0.0)["outputLayer"]
    assert made.geometry.iloc[0].equals(box(1, 1, 2, 2))
