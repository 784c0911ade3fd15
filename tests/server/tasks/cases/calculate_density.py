"""CalculateDensity of earthquakes."""

from __future__ import annotations

import re

import numpy as np
import pyproj
import shapely
from scipy.spatial.distance import cdist
from shapely import Point
from verification import below

from spatial_widgets.data import sample

TASK = "CalculateDensity"


def parameters():
    return {"inputLayer": sample("earthquakes"), "classificationType": "GeometricInterval"}


def confirm(results):
    made = results["resultLayer"]
    assert len(made) == 10
    assert made.geometry.is_valid.all()
    assert made["Value_Min"].is_monotonic_increasing


def check_sum(run):
    """Earthquakes in the world, 1,707, beside the density added up over all cells; relative difference (distances on the sphere, areas on the ellipsoid)."""
    run(**parameters())
    total = float(re.search(r"adds up to ([\d,.]+) points", run.said)[1].replace(",", ""))
    assert abs(total / 1707 - 1) < 0.01
    return below(abs(total / 1707 - 1), 1e-3)


def check_areas(run):
    """Earthquakes in California beside what 32 areas hold, measured by GeographicLib and taken at the middle of their limits; relative difference."""
    layer = sample("earthquakes")
    layer = layer[layer["place"].str.endswith(", CA")]
    made = run(inputLayer=layer, numClasses=32, classificationType="NaturalBreaks")["resultLayer"]
    geod = pyproj.Geod(ellps="WGS84")
    area = np.array([abs(geod.geometry_area_perimeter(shape)[0]) / 1e6 for shape in made.geometry])
    least, most = (area * made["Value_Min"]).sum(), (area * made["Value_Max"]).sum()
    assert least < len(layer) < most
    return below(abs((least + most) / 2 / len(layer) - 1), 1e-2)


def check_kernel(run):
    """Silverman's formula over all pairs, in a plane (Albers, radius 50 km), at 200 places; places within the limits of the area that they are in, or of the next one."""
    layer = sample("earthquakes").to_crs(3310).cx[-5e5:6e5, -7e5:6e5].reset_index(drop=True)
    made = run(inputLayer=layer, radius=50_000, cellSize=4_000, classificationType="EqualArea")["resultLayer"]
    rng = np.random.default_rng(1)
    xy = layer.geometry.get_coordinates().to_numpy()
    places = xy[rng.integers(0, len(xy), 200)] + rng.normal(0, 10_000, (200, 2))
    u = np.minimum(cdist(places, xy) / 50_000, 1)
    density = (3 / (np.pi * 50**2) * (1 - u**2) ** 2).sum(axis=1)
    right = 0
    for place, value in zip(places, density, strict=True):
        inside = np.flatnonzero(shapely.intersects(made.geometry.to_numpy(), Point(place)))
        true = int(np.clip(np.searchsorted(made["Value_Max"], value), 0, len(made) - 1))
        right += any(abs(true - found) <= 1 for found in inside)
    assert right == 200
    return f"{right} of 200"
