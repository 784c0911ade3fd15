"""Heights and measures, wherever they are said to be; expectations by hand."""

import math

import numpy as np
import pytest
import shapely
from feeders import every_feed, layer, shapes

pytestmark = every_feed

NAN = math.nan


def zm(shape):
    """Return x, y, z, m of every vertex; NaN where there is none."""
    return shapely.get_coordinates(shape, include_z=True, include_m=True).tolist()


def equal(rows, expected):
    return np.array_equal(np.array(rows, float), np.array(expected, float), equal_nan=True)


class TestHeightsAndMeasures:
    def test_heights(self, read):
        ring = [[0, 0, 1], [0, 9, 2], [9, 9, 3.5], [0, 0, 1]]
        assert zm(shapes(read, {"x": 1, "y": 2, "z": 3}, kind="Point", hasZ=True)[0])[0][:3] == [1, 2, 3]
        for geometry, kind in (
            ({"points": ring}, "Multipoint"),
            ({"paths": [ring]}, "Polyline"),
            ({"rings": [ring]}, "Polygon"),
        ):
            for found in (
                shapes(read, geometry, kind=kind, hasZ=True),
                shapes(read, {"hasZ": True, **geometry}, kind=kind),
                shapes(read, {**geometry, "hasZ": True}, kind=kind),
                shapes(read, {**geometry, "hasZ": True, "hasM": False}, kind=kind, hasZ=True, hasM=False),
            ):
                assert found[0].has_z
                assert not shapely.has_m(found[0])
                assert [row[:3] for row in zm(found[0])] == ring

    def test_the_flags_may_stand_in_the_definition_or_after_the_features(self, read):
        document = layer({"paths": [[[0, 0, 1], [1, 1, 2]]]}, kind="Polyline")
        flat = {"layerDefinition": {"hasZ": True}, "featureSet": document}
        for flagged in ({**document, "hasZ": True}, flat, {k: flat[k] for k in reversed(flat)}):
            assert [row[2] for row in zm(read(flagged).geometry[0])] == [1, 2]
        fields = [{"name": "n", "type": "esriFieldTypeInteger"}]
        late = {"fields": fields, **document, "hasZ": True, "hasM": False}
        assert [row[2] for row in zm(read(late).geometry[0])] == [1, 2]
        none = read({**late, "features": []})
        assert list(none.columns) == ["n", "geometry"]

    def test_a_missing_height_is_nan(self, read):
        found = shapes(read, {"paths": [[[0, 0, None], [1, 1, 2]]]}, kind="Polyline", hasZ=True)
        assert equal([row[2] for row in zm(found[0])], [NAN, 2])

    def test_measures_are_kept_beside_heights(self, read):
        line = [[0, 0, 5, 0.5], [1, 1, 6, 1.5], [2, 0, 7, 2.5]]
        ring = [*line, line[0]]
        more = {"hasZ": True, "hasM": True}
        for geometry, kind, rows in (
            ({"x": 1, "y": 2, "z": 3, "m": 4}, "Point", [[1, 2, 3, 4]]),
            ({"m": 4, "z": 3, "y": 2, "x": 1}, "Point", [[1, 2, 3, 4]]),
            ({"points": line}, "Multipoint", line),
            ({"paths": [line]}, "Polyline", line),
            ({"paths": [line, line]}, "Polyline", line + line),
            ({"rings": [ring]}, "Polygon", ring),
        ):
            for found in (
                shapes(read, geometry, kind=kind, **more),
                shapes(read, {**more, **geometry}, kind=kind),
                shapes(read, {**more, **geometry}, kind=kind, **more),
            ):
                assert found[0].has_z
                assert shapely.has_m(found[0])
                assert equal(zm(found[0]), rows)

    def test_a_lone_measure_is_never_a_height(self, read):
        line = [[0, 0, 5], [1, 1, 6], [0, 1, 7], [0, 0, 5]]
        for geometry, kind in (
            ({"x": 0, "y": 0, "m": 5}, "Point"),
            ({"points": line}, "Multipoint"),
            ({"paths": [line]}, "Polyline"),
            ({"rings": [line]}, "Polygon"),
        ):
            for found in (
                shapes(read, geometry, kind=kind, hasM=True),
                shapes(read, geometry, kind=kind, hasM=True, hasZ=False),
                shapes(read, {"hasM": True, **geometry}, kind=kind),
            ):
                assert not found[0].has_z
                assert zm(found[0])[0][3] == 5

    @pytest.mark.parametrize(("flags", "lead"), [({"hasM": True}, []), ({"hasZ": True, "hasM": True}, [9])])
    def test_a_measure_may_be_null_or_missing(self, read, flags, lead):
        holed = [[0, 0, *lead, 5], [1, 1, *lead, None], [2, 2, *lead]]
        whole = [[0, 0, *lead, 5], [1, 1, *lead, 6]]
        none = [[0, 0, *lead, None], [1, 1, *lead, None]]
        bare = [[0, 0, *lead], [1, 1, *lead]]
        lines = [{"paths": [part]} for part in (holed, whole, none, bare)]
        found = shapes(read, *lines, {"paths": [bare, whole]}, kind="Polyline", **flags)
        measures = [[row[3] for row in zm(shape)] for shape in found]
        expected = [[5, NAN, NAN], [5, 6], [NAN, NAN], [NAN, NAN], [NAN, NAN, 5, 6]]
        assert all(equal(m, e) for m, e in zip(measures, expected, strict=True))
        assert all(equal([row[2] for row in zm(shape)], (lead or [NAN]) * len(zm(shape))) for shape in found)
        point = {"x": 1, "y": 2, **({"z": 9} if lead else {})}
        for found in (
            shapes(read, {**point, "m": None}, kind="Point", **flags),
            shapes(read, point, kind="Point", **flags),
        ):
            assert equal(zm(found[0]), [[1, 2, *(lead or [NAN]), NAN]])

    def test_unclosed_rings_are_closed_with_height_and_measure(self, read):
        ring = [[0, 0, 1, 5], [0, 9, 2, 6], [9, 9, 3, 7]]
        found = shapes(read, {"rings": [ring]}, kind="Polygon", hasZ=True, hasM=True)
        assert equal(zm(found[0]), [*ring, ring[0]])

    def test_a_geometry_without_them_may_stand_among_others(self, read):
        flat, high = {"paths": [[[0, 0], [1, 1]]]}, {"paths": [[[0, 0, 5], [1, 1, 6]]]}
        found = shapes(read, flat, high, None, kind="Polyline", hasZ=True)
        assert equal([row[2] for row in zm(found[1])], [5, 6])
        assert equal([row[2] for row in zm(found[0])], [NAN, NAN])
