from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.tasks.locations import derive_new_locations, find_existing_locations


def layer(shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@pytest.fixture
def parcels():
    return layer(
        [box(0, 0, 10, 10), box(10, 0, 20, 10), box(20, 0, 30, 10), box(50, 0, 60, 10)],
        name=["a", "b", "c", "d"],
        status=["VACANT", "VACANT", "BUILT", "VACANT"],
        worth=[1.0, 2.0, 3.0, None],
    )


@pytest.fixture
def floods():
    return layer([box(-5, -5, 15, 5), box(52, 2, 54, 4)], kind=["river", "pond"])


def found(ctx, layers, *expressions):
    return find_existing_locations(ctx, list(layers), json.dumps(expressions))["resultLayer"]


def derived(ctx, layers, *expressions):
    return derive_new_locations(ctx, list(layers), json.dumps(expressions))["resultLayer"]


def rel(word, other=1, operator="and", **more):
    return {"operator": operator, "layer": 0, "selectingLayer": other, "spatialRel": word, **more}


VACANT = {"layer": 0, "where": "status = 'VACANT'"}


@pytest.mark.parametrize(
    ("expressions", "names"),
    [
        ([VACANT], "abd"),
        ([rel("intersects")], "abd"),
        ([rel("notIntersects")], "c"),
        ([rel("contains")], "d"),
        ([rel("notContains")], "abc"),
        ([rel("within")], ""),
        ([rel("withinDistance", distance=5, units="Meters")], "abcd"),
        ([rel("withinDistance", distance=4.9, units="Meters")], "abd"),
        ([rel("notWithinDistance", distance=4.9, units="Meters")], "c"),
        ([VACANT, rel("contains")], "d"),
        ([VACANT, rel("notContains", operator="or")], "abcd"),
        ([{"layer": 1, "where": "kind = 'pond'"}, rel("intersects")], "d"),
        ([rel("intersects"), {"operator": "and", "layer": 0, "where": "worth > 1"}], "b"),
        # A group of the last two, and the same three from left to right.
        ([{"layer": 0, "where": "name = 'a'"}, [{**VACANT, "operator": "or"}, rel("contains")]], "ad"),
        ([{"layer": 0, "where": "name = 'a'"}, {**VACANT, "operator": "or"}, rel("contains")], "d"),
    ],
)
def test_expressions_choose_whole_features(ctx, parcels, floods, expressions, names):
    made = found(ctx, [parcels, floods], *expressions)
    assert "".join(made["name"]) == names
    assert made.crs == parcels.crs
    whole = parcels.set_index("name").geometry
    assert all(shape.equals(whole[name]) for name, shape in zip(made["name"], made.geometry, strict=True))


def test_identical_shapes_may_begin_elsewhere(ctx, parcels):
    other = layer([shapely.Polygon([(10, 10), (0, 10), (0, 0), (10, 0)])])
    assert found(ctx, [parcels, other], rel("identical"))["name"].tolist() == ["a"]
    assert found(ctx, [parcels, other], rel("notIdentical"))["name"].tolist() == ["b", "c", "d"]


def test_derived_locations_are_parts(ctx, parcels, floods):
    made = derived(ctx, [parcels, floods], VACANT, rel("intersects")).set_index("name")
    assert made.area.to_dict() == {"a": 50, "b": 25, "d": 4}
    dry = derived(ctx, [parcels, floods], VACANT, rel("notIntersects")).set_index("name")
    assert dry.area.to_dict() == {"a": 50, "b": 75, "d": 96}
    near = derived(ctx, [parcels, floods], rel("withinDistance", distance=10, units="Meters"))
    assert near.set_index("name").area["c"] == pytest.approx(25 + 25, abs=22)
    assert derived(ctx, [parcels, floods], rel("contains")).area.tolist() == [100]


def test_a_feature_that_only_touches_gives_no_part(ctx, parcels):
    assert found(ctx, [parcels, layer([box(30, 0, 40, 10)])], rel("intersects"))["name"].tolist() == ["c"]
    assert len(derived(ctx, [parcels, layer([box(30, 0, 40, 10)])], rel("intersects"))) == 0


def test_points_and_lines_of_the_other_layer_cut_nothing(ctx, parcels):
    made = derived(ctx, [parcels, layer([LineString([(5, 5), (12, 5)])])], rel("intersects"))
    assert made.area.tolist() == [100, 100]
    roads = layer([LineString([(0, 0), (100, 0)])], name=["road"])
    assert derived(ctx, [roads, layer([box(10, -1, 20, 1)])], rel("intersects")).length.tolist() == [10]


@given(
    corners=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 6), st.integers(1, 6)),
        min_size=2,
        max_size=12,
    ),
    first=st.integers(1, 10),
    distance=st.integers(1, 5),
)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_relations_equal_all_pairs_and_parts_add_up(ctx, corners, first, distance):
    shapes = [box(x, y, x + w, y + h) for x, y, w, h in corners]
    split = min(first, len(shapes) - 1)
    here, there = layer(shapes[:split], n=range(split)), layer(shapes[split:])
    pairs = np.array(
        [
            [(a.intersects(b), a.within(b), a.contains(b), a.distance(b)) for b in shapes[split:]]
            for a in shapes[:split]
        ]
    )
    for i, word in enumerate(["intersects", "within", "contains"]):
        expected = np.flatnonzero(pairs[:, :, i].any(axis=1))
        assert found(ctx, [here, there], rel(word))["n"].tolist() == expected.tolist()
    expected = np.flatnonzero((pairs[:, :, 3] <= distance).any(axis=1))
    assert (
        found(ctx, [here, there], rel("withinDistance", distance=distance, units="Meters"))["n"].tolist()
        == expected.tolist()
    )
    inside, outside = (
        derived(ctx, [here, there], rel(word)).area.sum() for word in ("intersects", "notIntersects")
    )
    assert inside + outside == pytest.approx(here.area.sum())
    assert inside == pytest.approx(sum(a.intersection(there.union_all()).area for a in here.geometry))


def test_counties_of_california_with_a_strong_earthquake(ctx):
    layers = [sample("counties"), sample("earthquakes")]
    strong = {"layer": 1, "where": "mag >= 3"}
    made = found(ctx, layers, strong, {"layer": 0, "where": "state = 'California'"}, rel("contains"))
    quakes = sample("earthquakes").query("mag >= 3")
    joined = gpd.sjoin(
        sample("counties").query("state == 'California'"), quakes[["geometry"]], predicate="contains"
    )
    assert made["id"].tolist() == sorted(set(joined["id"]), key=sample("counties")["id"].tolist().index)
    assert made["name"].tolist() == ["Fresno", "Kings"]


def test_distances_are_geodesic_and_go_across_180_degrees(ctx):
    here = layer([Point(179.95, 60), Point(179, 60)], crs=4326, n=[1, 2])
    there = layer([Point(-179.95, 60)], crs=4326).to_crs(3857)
    near = rel("withinDistance", distance=6, units="Kilometers")
    assert found(ctx, [here, there], near)["n"].tolist() == [1]
    line = layer([LineString([(179, 60), (180, 60)])], crs=4326)
    cut = derived(ctx, [line, there], rel("withinDistance", distance=20, units="Kilometers"))
    assert cut.total_bounds[[0, 2]].tolist() == pytest.approx([179.692, 180], abs=0.002)


def test_the_order_of_rows_does_not_matter(ctx, parcels, floods):
    expressions = [VACANT, rel("intersects"), rel("contains", operator="or")]
    first = found(ctx, [parcels, floods], *expressions)["name"].tolist()
    again = found(ctx, [parcels.iloc[::-1], floods.iloc[::-1]], *expressions)["name"].tolist()
    assert again == first[::-1]


def test_nothing_found_keeps_columns_and_system(ctx, parcels):
    for task in (found, derived):
        made = task(ctx, [parcels], {"layer": 0, "where": "worth > 99"})
        assert list(made.columns) == ["name", "status", "worth", "geometry"]
        assert len(made) == 0
        assert made.crs == parcels.crs
    none = found(ctx, [parcels, parcels], {"layer": 1, "where": "worth > 99"}, rel("notIntersects"))
    assert len(none) == 4


def test_each_expression_is_told_with_what_it_found(ctx, parcels, floods):
    found(ctx, [parcels, floods], VACANT, rel("notWithinDistance", distance=2, units="Miles"))
    assert "layer 0 where status = 'VACANT': 3 of 4 features." in ctx.text()
    assert "layer 0 not withinDistance of 3.22 km layer 1: 0 of 4 features." in ctx.text()
    assert "0 of 4 features found." in ctx.text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "expressions: this is no JSON list"),
        ("[]", "expressions: a list is needed"),
        ('["name"]', r"expressions\[0\]: an expression is an object"),
        (
            '[{"layer": 5, "where": "a = 1"}]',
            r"expressions\[0\].layer: 5 is no layer's number; inputLayers has 2",
        ),
        ('[{"layer": 0}]', r"expressions\[0\]: give either where, or spatialRel"),
        ('[{"layer": 0, "wher": "a"}]', r"there is no 'wher'. Did you mean 'where'\?"),
        ('[{"layer": 0, "where": ""}]', r"expressions\[0\].where: a where clause is needed"),
        ('[{"layer": 0, "where": "nothing = 1"}]', "nothing"),
        ('[{"layer": 0, "where": "1=1); DROP TABLE x"}]', r"expressions\[0\].where"),
        (
            '[{"layer": 0, "operator": "xor", "where": "worth = 1"}]',
            "operator is and, or or nothing, got 'xor'",
        ),
        (
            '[{"layer": 0, "spatialRel": "near", "selectingLayer": 1}]',
            "spatialRel: 'near' is none of intersects",
        ),
        ('[{"layer": 0, "spatialRel": "within"}]', "spatialRel needs a selectingLayer"),
        (
            '[{"layer": 0, "spatialRel": "withinDistance", "selectingLayer": 1}]',
            "withinDistance needs a distance",
        ),
        (
            '[{"layer": 0, "spatialRel": "withinDistance", "selectingLayer": 1, "distance": 1, "units": "Hours"}]',
            "'Hours' is no unit of length",
        ),
        ("[" + ",".join(['{"layer": 0, "where": "worth = 1"}'] * 101) + "]", "at most 100 expressions"),
        ("[" * 3000 + "]" * 3000, "expressions"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(ctx, parcels, floods, text, reason):
    with pytest.raises(ParameterError, match=reason):
        find_existing_locations(ctx, [parcels, floods], text)


def test_existing_locations_come_whole_with_their_heights(ctx):
    walks = layer(
        [None, LineString([(0, 0, 5), (9, 0, 6)]), LineString([(50, 0, 1), (60, 0, 2)])], k=[0, 1, 2]
    )
    made = found(ctx, [walks], {"layer": 0, "where": "k = 1"})
    assert made.geometry.iloc[0].wkt == "LINESTRING Z (0 0 5, 9 0 6)"
