"""OverlayLayers: states and squares of ten degrees."""

from __future__ import annotations

import geopandas as gpd
import shapely
from geographiclib.geodesic import Geodesic
from verification import below

from spatial_widgets.data import sample

TASK = "OverlayLayers"


def squares():
    shapes = [shapely.box(x, y, x + 5, y + 5) for x in range(-130, -60, 10) for y in range(25, 50, 10)]
    return gpd.GeoDataFrame({"number": range(len(shapes))}, geometry=shapes, crs=4326)


def parameters():
    return {"inputLayer": sample("states"), "overlayLayer": squares(), "overlayType": "Union"}


def confirm(results):
    made = results["outputLayer"]
    assert {"id", "name", "number"} <= set(made.columns)
    assert made["name"].isna().any()
    assert made["number"].isna().any()
    assert (made["name"].notna() & made["number"].notna()).sum() > 40


def area(shapes):
    total = 0.0
    for part in shapely.get_parts(shapely.segmentize(shapes, 0.05)):
        for number, ring in enumerate(shapely.get_rings(part)):
            polygon = Geodesic.WGS84.Polygon()
            for lon, lat in shapely.get_coordinates(ring)[:-1]:
                polygon.AddPoint(lat, lon)
            total += abs(polygon.Compute()[2]) * (-1 if number else 1)
    return total


def check_areas(run):
    """Area of four inland states beside that of their parts in and outside of squares, by GeographicLib; relative difference."""
    states = sample("states")
    states = states[states["name"].isin(["Colorado", "Kansas", "Utah", "Iowa"])]
    parts = [
        run(inputLayer=states, overlayLayer=squares(), overlayType=kind)["outputLayer"]
        for kind in ("Intersect", "Erase")
    ]
    whole = area(states.geometry.to_numpy())
    apart = sum(area(part.geometry.to_numpy()) for part in parts)
    worst = abs(apart / whole - 1)
    assert worst < 1e-6
    return below(worst, 1e-6)
