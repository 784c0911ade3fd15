"""Rings of one polygon: which is a hole, where they touch, and where there are thousands."""

import tracemalloc

import numpy as np
import pytest

from spatial_widgets.codec import decode_geometries


def polygon_of(*rings):
    (polygon,) = decode_geometries([{"rings": [[*ring, ring[0]] for ring in rings]}])
    return polygon


def circle(x, y, radius, corners):
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.column_stack([x + radius * np.cos(turn), y + radius * np.sin(turn)]).tolist()


@pytest.mark.parametrize("first", range(3))
@pytest.mark.parametrize("up", [1, -1])
@pytest.mark.parametrize("step", [1, -1])
def test_a_hole_may_touch_its_shell_at_the_top(first, up, step):
    shell = [[0, 0], [5, 5 * up], [10, 0], [5, -5 * up]]
    corners = [[5, 5 * up], [4, 0], [6, 0]]
    polygon = polygon_of(shell, [*corners[first:], *corners[:first]][::step])
    assert (polygon.geom_type, polygon.area) == ("Polygon", 45)


@pytest.mark.parametrize("beside", [1e-5, -1e-5, 1e-9, -1e-9])
def test_a_hole_whose_touching_vertex_was_rounded_is_a_hole(beside):
    x, y = 5e5, 5e6
    shell = [[x, y], [x + 70, y + 70], [x + 140, y]]
    hole = [[x + 35 - beside, y + 35 + beside], [x + 60, y + 10], [x + 70, y + 20]]
    polygon = polygon_of(hole, shell)
    assert (polygon.geom_type, len(polygon.interiors)) == ("Polygon", 1)


def test_a_lake_district_does_not_compare_each_lake_with_each_vertex_of_the_shore():
    lakes = [circle(i % 50, i // 50, 0.3, 6) for i in range(2500)]
    pond = circle(10, 10, 0.1, 6)
    beyond = circle(56, 56, 0.1, 6)  # in the box of the shore
    tracemalloc.start()
    try:
        shape = polygon_of(*lakes, circle(25, 25, 40, 50_000), pond, beyond)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sorted(len(part.interiors) for part in shape.geoms) == [0, 0, 2500]
    assert most < 200e6


def test_thousands_of_islands_are_not_compared_with_each_other():
    islands = [circle(i % 200, i // 200, 0.3, 4) for i in range(40_000)]
    assert len(polygon_of(*islands).geoms) == len(islands)
