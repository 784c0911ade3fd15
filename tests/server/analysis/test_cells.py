from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import Point

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.cells import Grid, plane_for


def points(*xy, crs=4326):
    return gpd.GeoDataFrame(geometry=[Point(p) for p in xy], crs=crs)


@pytest.mark.parametrize(("shape", "area"), [("Square", 100.0), ("Hexagon", 100 * 3**0.5 / 2)])
def test_every_point_lies_in_its_own_cell_and_cells_tile(shape, area):
    grid = Grid(shape, 10.0)
    xy = np.random.default_rng(5).uniform(-200, 300, (500, 2))
    cells = grid.cell_of(xy)
    outlines = grid.polygons(cells, 1.0)
    assert shapely.intersects_xy(outlines, *xy.T).all()
    assert shapely.area(outlines) == pytest.approx(np.full(500, area))
    assert shapely.get_coordinates(shapely.centroid(outlines)) == pytest.approx(grid.centers(cells), abs=1e-9)
    everything = grid.covering(np.array([-200, -200, 300, 300]), parameter="cellSize")
    whole = shapely.union_all(grid.polygons(everything, 1.0))
    assert len(np.unique(everything, axis=0)) == len(everything)
    assert whole.covers(shapely.box(-200, -200, 300, 300))
    assert whole.area == pytest.approx(area * len(everything))
    assert shapely.is_ccw(shapely.get_exterior_ring(outlines)).all()


def test_a_hexagon_is_as_high_as_its_size_and_flat_on_top():
    west, south, east, north = Grid("Hexagon", 10.0).polygons(np.array([[0, 0]]), 1.0)[0].bounds
    assert north - south == pytest.approx(10)
    assert east - west == pytest.approx(20 / 3**0.5)


def test_too_many_cells_are_refused_before_they_are_made():
    with pytest.raises(
        ParameterError,
        match="binSize: cells of this size would be about 100,101,001 in number.* Choose larger cells",
    ):
        Grid("Square", 0.01).covering(np.array([0, 0, 10, 1000]), parameter="binSize")


def test_the_plane_suits_the_data():
    regional = plane_for(points((179, 60), (-175, 55)))
    assert regional.label.startswith("Lambert azimuthal equal-area around -177.8, 57.5")
    world = plane_for(points((0, 50), (100, -30), (-120, 40)))
    assert world.label == "cylindrical equal-area, true to shape at latitudes ±40"
    everywhere = gpd.GeoDataFrame(geometry=[shapely.box(-170, -70, 170, 70)], crs=4326)
    assert plane_for(points((179, 60), (-175, 55)), everywhere).world
    own = plane_for(points((500_000, 5_000_000), crs=32633))
    assert not own.local
    assert own.crs.to_epsg() == 32633
    assert plane_for(points((0, 0), (1e6, 1e6), crs=3857)).local


def test_cells_across_180_degrees_are_cut_there():
    site = points((180, 60), (-179, 61))
    plane = plane_for(site)
    grid = Grid("Hexagon", 50_000.0)
    cells = grid.covering(np.array([-200_000, -200_000, 200_000, 200_000]), parameter="cellSize")
    outlines = plane.outlines(grid, cells)
    assert outlines.is_valid.all()
    assert (outlines.geom_type == "MultiPolygon").any()
    parts = shapely.bounds(shapely.get_parts(outlines.to_numpy()))
    assert (parts[:, 2] - parts[:, 0]).max() < 5
    assert outlines.total_bounds[[0, 2]].tolist() == [-180, 180]


def test_a_cell_around_the_pole_holds_the_pole():
    site = points((0, 89), (180, 89), (90, 89.5))
    plane = plane_for(site)
    outline = plane.outlines(Grid("Hexagon", 100_000.0), np.array([[0, 0]])).iloc[0]
    assert outline.is_valid
    assert outline.bounds == pytest.approx((-180, 89.4, 180, 90), abs=0.2)


def test_cells_of_the_whole_world_end_at_180_degrees():
    site = points((-180, 0), (180, 0), (0, 60), (90, -60))
    plane = plane_for(site)
    grid = Grid("Square", 1_000_000.0)
    window = plane.window()
    outlines = plane.outlines(grid, grid.covering(window, parameter="binSize"))
    outlines = outlines[~outlines.is_empty]
    assert outlines.is_valid.all()
    assert outlines.total_bounds == pytest.approx([-180, -90, 180, 90])
    inside = plane.within(np.array([window[2:], window[:2]]))
    assert np.isin(grid.cell_of(inside).tolist(), grid.covering(window, parameter="binSize").tolist()).all()


@pytest.mark.parametrize("true", [0, 4, 36, 49, 56])
def test_cells_reach_the_poles_whatever_latitude_is_true_to_shape(true):
    plane = plane_for(points((-120, true), (0, -true), (120, true)))
    assert plane.label.endswith(f"±{true}")
    grid = Grid("Square", 2_000_000.0)
    outlines = plane.outlines(grid, grid.covering(plane.window(), parameter="binSize"))
    outlines = outlines[~outlines.is_empty]
    assert outlines.is_valid.all()
    assert outlines.total_bounds == pytest.approx([-180, -90, 180, 90])
