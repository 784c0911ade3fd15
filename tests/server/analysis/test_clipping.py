from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, box

from spatial_widgets.server.analysis.clipping import of_dimension, pieces_within
from spatial_widgets.server.analysis.measures import areas_m2
from spatial_widgets.server.analysis.together import in_degrees, in_one_system

AREAS = np.array([box(0, 0, 1, 1), box(1, 0, 2, 1), box(8, 8, 9, 9)])


def test_lines_and_polygons_are_cut_and_what_only_touches_has_no_part():
    features = np.array([box(0.5, 0.5, 1.5, 0.6), box(0.1, 0.1, 0.2, 0.2), box(2, 0, 3, 1)])
    made = pieces_within(features, AREAS.copy())
    assert list(zip(made.area, made.feature, made.is_whole, strict=True)) == [
        (0, 0, False),
        (0, 1, True),
        (1, 0, False),
    ]
    assert shapely.area(made.shapes) == pytest.approx([0.05, 0.01, 0.05])
    lines = np.array([LineString([(-1, 0.5), (3, 0.5)]), LineString([(2, -1), (2, 0)])])
    made = pieces_within(lines, AREAS.copy())
    assert list(zip(made.area, made.feature, shapely.length(made.shapes), strict=True)) == [
        (0, 0, 1),
        (1, 0, 1),
    ]


def test_points_and_lines_left_by_cutting_are_dropped():
    mixed = shapely.GeometryCollection([box(0, 0, 1, 1), LineString([(5, 5), (6, 6)])])
    made = of_dimension(np.array([mixed, mixed, box(0, 0, 1, 1)]), np.array([2, 1, 1]))
    assert [shape.geom_type for shape in made[:2]] == ["Polygon", "LineString"]
    assert made[2].is_empty


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 9)] * 4), min_size=1, max_size=8), st.randoms())
def test_pieces_are_what_every_pair_gives_by_itself(corners, random):
    features = np.array([box(x, y, x + w + 1, y + h + 1) for x, y, w, h in corners])
    areas = np.array([box(x, y, x + 3, y + 3) for x in range(0, 12, 3) for y in range(0, 12, 3)])
    expected = {
        (a, f): area
        for a, one in enumerate(areas)
        for f, other in enumerate(features)
        if (area := one.intersection(other).area) > 0
    }
    made = pieces_within(features, areas)
    found = dict(
        zip(
            zip(made.area.tolist(), made.feature.tolist(), strict=True),
            shapely.area(made.shapes),
            strict=True,
        )
    )
    assert found == pytest.approx(expected)
    assert list(found) == sorted(found)


def test_layers_of_one_projection_stay_there_and_others_meet_in_degrees():
    one = gpd.GeoDataFrame(geometry=[box(500_000, 5_000_000, 700_000, 5_200_000)], crs=32633)
    assert in_one_system(one, one)[1] is one
    degrees = gpd.GeoDataFrame(geometry=[box(15, 45, 16, 46)], crs=4326)
    moved, same = in_one_system(one, degrees)
    assert moved.crs == same.crs == degrees.crs
    size = areas_m2(one.geometry.to_numpy(), one.crs)
    assert areas_m2(moved.geometry.to_numpy(), moved.crs) == pytest.approx(size, rel=1e-6)


@pytest.mark.parametrize("kind", ["polygon", "line"])
def test_what_crosses_180_degrees_in_a_plane_is_cut_there(kind):
    pacific = pyproj.CRS.from_proj4("+proj=laea +lat_0=-20 +lon_0=180 +datum=WGS84")
    square = box(-300_000, -300_000, 300_000, 300_000)
    shape = square if kind == "polygon" else LineString([(-300_000, 0), (300_000, 0)])
    moved = in_degrees(gpd.GeoDataFrame(geometry=[shape], crs=pacific)).geometry
    assert moved.is_valid.all()
    assert moved.total_bounds[[0, 2]].tolist() == [-180, 180]
    assert max(part.bounds[2] - part.bounds[0] for part in moved.iloc[0].geoms) < 4
