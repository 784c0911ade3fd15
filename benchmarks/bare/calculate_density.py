"""CalculateDensity: pairs of cells and points from trees, the kernel, and contours."""

from __future__ import annotations

from itertools import pairwise

import contourpy
import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import KDTree

TASK = "CalculateDensity"
RADIUS_M, CELL_M = 20_000.0, 4_000.0


def parameters(rows, rng):
    """Return points around a middle, in a plane."""
    xy = rng.normal(0, 120_000, (rows, 2)) + np.array([500_000, 5e6])
    layer = gpd.GeoDataFrame(geometry=shapely.points(xy), crs=32633)
    return {"inputLayer": layer, "radius": RADIUS_M, "cellSize": CELL_M}


def bare(given):
    """Add up the kernels, and draw ten classes."""
    xy = shapely.get_coordinates(given["inputLayer"].geometry.array)
    low, high = xy.min(axis=0) - RADIUS_M, xy.max(axis=0) + RADIUS_M
    x, y = (np.arange(low[i], high[i] + CELL_M, CELL_M) for i in (0, 1))
    nodes = np.column_stack([part.ravel() for part in np.meshgrid(x, y)])
    density, tree = np.zeros(len(nodes)), KDTree(xy)
    for rows in np.array_split(np.arange(len(nodes)), 12):
        found = KDTree(nodes[rows]).sparse_distance_matrix(tree, RADIUS_M, output_type="ndarray")
        kernel = (1 - (found["v"] / RADIUS_M) ** 2) ** 2
        density[rows] = np.bincount(found["i"], kernel, minlength=len(rows))
    lines = contourpy.contour_generator(x, y, density.reshape(len(y), len(x)), fill_type="OuterOffset")
    limits = np.linspace(density.max() * 1e-6, density.max(), 11)
    return [lines.filled(a, b) for a, b in pairwise(limits)]
