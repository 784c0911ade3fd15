"""Kernel density of points and lines, along great circles or in a plane; needs scipy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.centrography import distances_from, mean_center
from spatial_widgets.server.analysis.neighbors import Sites
from spatial_widgets.server.analysis.sphere import EARTH_RADIUS_M

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["choose_radius", "kernel_density", "pieces_of_lines"]

Array = np.ndarray[Any, Any]

_AT_ONCE = 3_000_000  # pairs in memory
_MOST_PAIRS = 150_000_000
_QUADRATURE = 4001


def choose_radius(sites: Sites, weights: Array) -> float:
    """Return the search radius in metres of Esri's rule, which is Silverman's made robust; 0 for a single place.

    It is 0.9 n^(-1/5) times the standard distance, or times the median distance from the mean center divided
    by √(ln 2), whichever is less. For weights, n is the number of equal ones that vary as much, (Σw)² / Σw²: so
    the unit of the weights does not matter, which is a choice of ours.

    Source: https://pro.arcgis.com/en/pro-app/latest/tool-reference/spatial-analyst/how-kernel-density-works.htm
    """
    center = mean_center(sites, weights)
    if center is None:
        return 0.0
    distance = distances_from(sites, center)
    standard = float(np.sqrt(np.average(distance**2, weights=weights)))
    order = np.argsort(distance)
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    median = float(distance[order][min(int(middle), len(distance) - 1)])
    n = float(weights.sum() ** 2 / (weights**2).sum())
    return float(0.9 * min(standard, median / np.sqrt(np.log(2))) * n**-0.2)


def pieces_of_lines(lines: gpd.GeoDataFrame, weights: Array, longest_m: float) -> tuple[Sites, Array]:
    """Return the middles of pieces of lines, none longer than ``longest_m``, and their weighted lengths in metres."""
    parts, owner = shapely.get_parts(lines.geometry.to_numpy(), return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    vertices = Sites.of(xy, lines.crs)
    same = part[1:] == part[:-1]
    start, end = vertices.positions[:-1][same], vertices.positions[1:][same]
    length = vertices.arc(np.linalg.norm(end - start, axis=1))
    count = np.maximum(1, np.ceil(length / longest_m)).astype("int64")
    segment = np.repeat(np.arange(len(length)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    share = ((np.arange(len(segment)) - first + 0.5) / count[segment])[:, None]
    middle = start[segment] * (1 - share) + end[segment] * share
    if vertices.spherical:
        # Along the great circle in equal steps, not along the chord.
        angle = (length / EARTH_RADIUS_M)[segment][:, None]
        bent = angle > 1e-9
        sine = np.where(bent, np.sin(angle), 1.0)
        arc = (np.sin((1 - share) * angle) * start[segment] + np.sin(share * angle) * end[segment]) / sine
        middle = np.where(bent, arc, middle)
    weight = weights[owner[part[:-1][same]]]
    return Sites(middle, vertices.spherical), (length * weight / count)[segment]


def _peak(sites: Sites, radius: float) -> float:
    """Return the kernel's value in its middle, so that it adds up to 1 over the plane or the sphere, in 1/m²."""
    if not sites.spherical:
        return 3 / (np.pi * radius**2)
    reach = min(radius, np.pi * EARTH_RADIUS_M)
    distance = np.linspace(0, reach, _QUADRATURE)
    ring = 2 * np.pi * EARTH_RADIUS_M * np.sin(distance / EARTH_RADIUS_M)
    return float(1 / np.trapezoid((1 - (distance / radius) ** 2) ** 2 * ring, distance))


def kernel_density(nodes: Sites, sources: Sites, weights: Array, radius: float) -> Array:
    """Return the density at nodes in weight per square metre, shape ``(n,)``.

    The kernel is the quartic one, (1 - (d / radius)²)² up to the radius and 0 beyond.

    Source: Silverman, B. W. (1986), Density Estimation for Statistics and Data Analysis, p. 76, eq. 4.5.

    Raises
    ------
    ParameterError : more pairs of nodes and sources than can be computed in reasonable time.
    """
    from scipy.spatial import KDTree

    places, back = np.unique(sources.positions, axis=0, return_inverse=True)
    mass = np.bincount(back.ravel(), weights, minlength=len(places))
    tree, reach = KDTree(places), nodes.chord(radius)
    density = np.zeros(len(nodes))
    near = np.flatnonzero(np.isfinite(tree.query(nodes.positions, distance_upper_bound=reach)[0]))
    if len(near) == 0:
        return density
    pairs = int(KDTree(nodes.positions[near]).count_neighbors(tree, reach))
    if pairs > _MOST_PAIRS:
        raise ParameterError(
            f"radius: {pairs:,} pairs of cells and features are too many; choose a shorter radius or larger cells.",
            parameter="radius",
        )
    for rows in np.array_split(near, int(np.ceil(pairs / _AT_ONCE))):
        if not len(rows):
            continue
        found = KDTree(nodes.positions[rows]).sparse_distance_matrix(tree, reach, output_type="ndarray")
        kernel = (1 - np.minimum(nodes.arc(found["v"]) / radius, 1) ** 2) ** 2
        density[rows] = np.bincount(found["i"], kernel * mass[found["j"]], minlength=len(rows))
    return density * _peak(nodes, radius)
