"""Every geometry that a GPServer writes, in whole documents; expectations by hand."""

import itertools

import pytest
import shapely
from feeders import every_feed, layer, shapes
from shapely import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon

from spatial_widgets.errors import CodecError

pytestmark = every_feed

SQUARE = [[0, 0], [0, 10], [10, 10], [10, 0], [0, 0]]  # clockwise: an exterior ring
HOLE = [[1, 1], [9, 1], [9, 9], [1, 9], [1, 1]]  # counter-clockwise
ISLAND = [[2, 2], [2, 8], [8, 8], [8, 2], [2, 2]]
POND = [[3, 3], [7, 3], [7, 7], [3, 7], [3, 3]]
APART = [[20, 0], [20, 5], [25, 5], [25, 0], [20, 0]]
HOLE_APART = [[21, 1], [24, 1], [24, 4], [21, 4], [21, 1]]


def same(mine, expected):
    """Whether two geometries have the same parts, rings and vertices, in whatever order."""
    assert mine.geom_type == expected.geom_type
    return shapely.normalize(mine).equals_exact(shapely.normalize(expected), 0)


class TestPointsAndLines:
    def test_points(self, read):
        found = shapes(read, {"x": -122.41234567890123, "y": 5e-324}, {"y": 2, "x": 1}, kind="Point")
        assert found == [Point(-122.41234567890123, 5e-324), Point(1, 2)]

    def test_a_point_may_carry_a_name_and_a_reference_of_its_own(self, read):
        point = {"x": 1, "y": 2, "id": 7, "spatialReference": {"wkid": 4326, "latestWkid": 4326}}
        assert shapes(read, point, kind="Point") == [Point(1, 2)]

    def test_multipoints(self, read):
        found = shapes(read, {"points": [[1, 2]]}, {"points": [[1, 2], [3, 4], [1, 2]]}, kind="Multipoint")
        assert same(found[0], MultiPoint([(1, 2)]))
        assert same(found[1], MultiPoint([(1, 2), (3, 4), (1, 2)]))

    def test_lines_of_one_path_and_of_several(self, read):
        one, two = [[1, 2], [3, 4.5], [5, 6]], [[7, 8], [9, 10]]
        found = shapes(read, {"paths": [one]}, {"paths": [one, two]}, {"paths": [two, one]}, kind="Polyline")
        assert found[0] == LineString(one)
        assert found[1] == MultiLineString([one, two])
        assert found[2] == MultiLineString([two, one])

    def test_envelopes_are_rectangles(self, read):
        found = shapes(
            read, {"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 4, "zmin": 5, "zmax": 6}, kind="Envelope"
        )
        assert same(found[0], Polygon([(0, 1), (0, 4), (2, 4), (2, 1)]))

    def test_the_type_shows_in_the_geometry_where_the_layer_does_not_say_it(self, read):
        for geometry, kind in (
            ({"x": 1, "y": 2}, "Point"),
            ({"points": [[1, 2]]}, "MultiPoint"),
            ({"paths": [SQUARE]}, "LineString"),
            ({"rings": [SQUARE]}, "Polygon"),
        ):
            assert [g.geom_type for g in shapes(read, geometry)] == [kind]


class TestRings:
    def test_a_shell_a_hole_an_island_and_a_pond(self, read):
        found = shapes(
            read,
            {"rings": [SQUARE]},
            {"rings": [SQUARE, HOLE]},
            {"rings": [SQUARE, HOLE, ISLAND]},
            {"rings": [SQUARE, HOLE, ISLAND, POND]},
            {"rings": [SQUARE, APART]},
            {"rings": [SQUARE, HOLE, APART, HOLE_APART]},
            kind="Polygon",
        )
        holed, inner, apart = Polygon(SQUARE, [HOLE]), Polygon(ISLAND, [POND]), Polygon(APART, [HOLE_APART])
        assert same(found[0], Polygon(SQUARE))
        assert same(found[1], holed)
        assert same(found[2], MultiPolygon([holed, Polygon(ISLAND)]))
        assert same(found[3], MultiPolygon([holed, inner]))
        assert same(found[4], MultiPolygon([Polygon(SQUARE), Polygon(APART)]))
        assert same(found[5], MultiPolygon([holed, apart]))

    @pytest.mark.parametrize("turned", ["none", "all", "shells", "holes"])
    def test_neither_order_nor_orientation_of_rings_matters(self, read, turned):
        rings = {"s1": SQUARE, "h1": HOLE, "s2": ISLAND, "h2": POND, "s3": APART, "h3": HOLE_APART}
        flip = {"none": "", "all": "sh", "shells": "s", "holes": "h"}[turned]
        turned_rings = [ring[::-1] if name[0] in flip else ring for name, ring in rings.items()]
        orders = list(itertools.permutations(turned_rings))[::37]
        expected = MultiPolygon(
            [Polygon(SQUARE, [HOLE]), Polygon(ISLAND, [POND]), Polygon(APART, [HOLE_APART])]
        )
        found = shapes(read, *({"rings": list(order)} for order in orders), kind="Polygon")
        assert all(same(shape, expected) for shape in found)

    def test_a_shell_within_the_bounds_of_another_is_no_hole(self, read):
        corner = [[0, 0], [0, 10], [10, 10], [10, 9], [1, 9], [1, 0], [0, 0]]  # an L
        inside = [[5, 5], [5, 6], [6, 6], [6, 5], [5, 5]]
        for rings in ([corner, inside], [inside, corner]):
            found = shapes(read, {"rings": rings}, kind="Polygon")
            assert same(found[0], MultiPolygon([Polygon(corner), Polygon(inside)]))

    def test_a_hole_may_touch_its_shell_and_another_hole_at_a_point(self, read):
        touching = [[0, 5], [3, 3], [3, 7], [0, 5]]
        second = [[3, 3], [5, 2], [5, 4], [3, 3]]
        found = shapes(read, {"rings": [SQUARE, touching, second]}, kind="Polygon")
        assert same(found[0], Polygon(SQUARE, [touching, second]))

    def test_parts_may_touch_at_a_point(self, read):
        beside = [[10, 10], [10, 20], [20, 20], [20, 10], [10, 10]]
        found = shapes(read, {"rings": [SQUARE, beside]}, kind="Polygon")
        assert same(found[0], MultiPolygon([Polygon(SQUARE), Polygon(beside)]))

    def test_unclosed_rings_are_closed(self, read):
        found = shapes(
            read,
            {"rings": [SQUARE[:-1]]},
            {"rings": [SQUARE[:-1], HOLE[:-1]]},
            {"rings": [SQUARE, HOLE[:-1]]},
            {"rings": [[[0, 0], [0, 1], [1, 0]]]},
            kind="Polygon",
        )
        assert same(found[0], Polygon(SQUARE))
        assert same(found[1], Polygon(SQUARE, [HOLE]))
        assert same(found[2], Polygon(SQUARE, [HOLE]))
        assert same(found[3], Polygon([(0, 0), (0, 1), (1, 0)]))

    def test_degenerate_parts_lose_no_feature(self, read):
        found = shapes(
            read,
            {"rings": [[[1, 1]]]},
            {"rings": [[[1, 1], [2, 2], [1, 1]]]},
            {"rings": [SQUARE, []]},
            {"rings": [SQUARE]},
            kind="Polygon",
        )
        assert [shape.area for shape in found] == [0, 0, 100, 100]
        found = shapes(read, {"paths": [[[1, 1]]]}, {"paths": [SQUARE, []]}, kind="Polyline")
        assert [shape.length for shape in found] == [0, 40]


class TestNothing:
    @pytest.mark.parametrize(
        ("kind", "nothing"),
        [
            ("Point", [{"x": None, "y": None}, {"x": None}, {"x": "NaN", "y": "NaN"}, {"x": "NaN"}]),
            ("Multipoint", [{"points": []}]),
            ("Polyline", [{"paths": []}, {"paths": [[]]}]),
            ("Polygon", [{"rings": []}, {"rings": [[]]}, {"rings": [[], []]}]),
            ("Envelope", [{"xmin": None}, {"xmin": None, "ymin": None, "xmax": None, "ymax": None}]),
        ],
    )
    def test_null_is_none_and_empty_is_empty(self, read, kind, nothing):
        some = {"Point": {"x": 1, "y": 2}, "Polygon": {"rings": [SQUARE]}, "Polyline": {"paths": [SQUARE]}}
        filled = [some[kind]] if kind in some else []
        found = shapes(read, None, *nothing, None, *filled, kind=kind)
        assert found[0] is None
        assert found[len(nothing) + 1] is None
        assert all(shape is not None and shape.is_empty for shape in found[1 : len(nothing) + 1])
        assert not any(shape.is_empty for shape in found[len(nothing) + 2 :])

    def test_a_missing_geometry_is_none(self, read):
        document = layer({"x": 1, "y": 2}, {"x": 3, "y": 4}, kind="Point")
        del document["features"][0]["geometry"]
        assert list(read(document).geometry) == [None, Point(3, 4)]

    def test_a_layer_of_nulls_is_a_layer(self, read):
        assert shapes(read, None, None, kind="Polygon") == [None, None]
        document = layer(None, kind="Polygon")
        del document["features"][0]["geometry"]
        assert list(read(document).geometry) == [None]

    def test_an_empty_object_is_no_shape(self, read):
        [found] = shapes(read, {}, kind="Polyline")
        assert found is None or found.is_empty


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "curve"),
        [
            ("Polygon", {"curveRings": [[[0, 0], {"c": [[3, 3], [1, 4]]}, {"b": [[0, 0], [1, 1], [2, 2]]}]]}),
            ("Polygon", {"curveRings": [[[0, 0], {"a": [[0, 0], [3, 3], 0, 1]}]], "rings": []}),
            ("Polyline", {"curvePaths": [[[0, 0], {"a": [[3, 0], [1, 0], 0, 1, 0.5, 2, 0.5]}]]}),
            ("Polyline", {"hasZ": True, "curvePaths": [[[0, 0, 1], {"c": [[3, 3, 1], [1, 4, 1]]}]]}),
        ],
    )
    def test_curves_alone_are_refused_by_name_with_their_feature(self, read, kind, curve):
        plain = {"Polygon": {"rings": [SQUARE]}, "Polyline": {"paths": [SQUARE]}}[kind]
        document = layer(plain, plain, curve, plain, kind=kind)
        with pytest.raises(CodecError, match=next(key for key in curve if "curve" in key)) as caught:
            read(document)
        assert caught.value.path.startswith("features[2].geometry")
        with pytest.raises(CodecError) as caught:
            read({"layerDefinition": {}, "featureSet": document})
        assert caught.value.path.startswith("featureSet.features[2].geometry")

    def test_the_plain_twin_of_a_curve_is_used(self, read):
        curve = [[[0, 0], {"c": [[3, 3], [1, 4]]}]]
        for geometry in (
            {"curveRings": curve, "rings": [SQUARE, HOLE]},
            {"rings": [SQUARE, HOLE], "curveRings": curve},
        ):
            assert same(shapes(read, geometry, kind="Polygon")[0], Polygon(SQUARE, [HOLE]))
        assert shapes(read, {"curvePaths": curve, "paths": [SQUARE]}, kind="Polyline") == [LineString(SQUARE)]
        assert shapes(read, {"curvePaths": [], "paths": [SQUARE]}, kind="Polyline") == [LineString(SQUARE)]

    @pytest.mark.parametrize(
        ("kind", "junk"),
        [
            ("Point", {"x": {}, "y": 1}),
            ("Point", {"x": "east", "y": 1}),
            ("Point", 5),
            ("Point", [1, 2]),
            ("Multipoint", {"points": [[1]]}),
            ("Multipoint", {"points": [[None, 1]]}),
            ("Polyline", {"paths": [[0, 0], [1, 1]]}),
            ("Polyline", {"paths": 5}),
            ("Polyline", {"paths": [[[0, "a"], [1, 1]]]}),
            ("Polygon", {"rings": [[[0, 0], {"c": [[3, 3], [1, 4]]}]]}),
            ("Polygon", {"rings": {"0": SQUARE}}),
        ],
    )
    def test_what_is_no_geometry_is_refused_with_its_place(self, read, kind, junk):
        good = {"Point": {"x": 1, "y": 2}, "Multipoint": {"points": SQUARE}, "Polyline": {"paths": [SQUARE]}}
        document = layer(*[good.get(kind, {"rings": [SQUARE]})] * 3, junk, kind=kind)
        with pytest.raises(CodecError) as caught:
            read(document)
        assert caught.value.path.startswith("features[3].geometry")
