"""OverlayLayers: states and squares of ten degrees."""

from __future__ import annotations

import geopandas as gpd
import shapely
from verification import below, geodesic_area

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


def check_areas(run):
    """Area of four inland states beside that of their parts in and outside of squares, by GeographicLib; relative difference."""
    states = sample("states")
    states = states[states["name"].isin(["Colorado", "Kansas", "Utah", "Iowa"])]
    parts = [
        run(inputLayer=states, overlayLayer=squares(), overlayType=kind)["outputLayer"]
        for kind in ("Intersect", "Erase")
    ]
    whole = geodesic_area(states.geometry.to_numpy(), 0.05)
    apart = sum(geodesic_area(part.geometry.to_numpy(), 0.05) for part in parts)
    worst = abs(apart / whole - 1)
    assert worst < 1e-6
    return below(worst, 1e-6)
