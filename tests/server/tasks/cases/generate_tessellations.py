"""GenerateTessellations over states of the United States."""

from __future__ import annotations

import h3
import numpy as np
import shapely
from verification import below, geodesic_area

from spatial_widgets.data import sample

TASK = "GenerateTessellations"


def _state(name):
    states = sample("states")
    return states[states["name"] == name]


def parameters():
    return {"binType": "Hexagon", "binSize": 500, "extentLayer": _state("Alaska"), "intersectStudyArea": True}


def confirm(results):
    made = results["tessellationLayer"]
    assert 3000 < len(made) < 4200
    assert made["GRID_ID"].is_unique


def check_areas(run):
    """Areas of cells of 1,000 km² over Colorado, five shapes, by GeographicLib; largest relative difference."""
    worst = 0.0
    for shape in ("Square", "Hexagon", "TransverseHexagon", "Triangle", "Diamond"):
        made = run(binType=shape, binSize=1000.0, extentLayer=_state("Colorado"))["tessellationLayer"]
        for cell in made.geometry:
            worst = max(worst, abs(geodesic_area(cell, 0.05) / 1e9 - 1))
    assert worst < 1e-3
    return below(worst)


def check_h3(run):
    """Earthquakes that lie in the polygon with the name that H3 itself gives to their cell (resolution 2, whole Earth)."""
    quakes = sample("earthquakes").geometry
    cells = run(binType="H3_Hexagon", binResolution=2)["tessellationLayer"].set_index("GRID_ID").geometry
    names = [h3.latlng_to_cell(point.y, point.x, 2) for point in quakes]
    inside = shapely.intersects(cells.loc[names].to_numpy(), quakes.to_numpy())
    # Sides are straight in degrees here and great circles in H3, so a point beside a side may be across it.
    away = shapely.distance(cells.loc[names].to_numpy(), quakes.to_numpy())
    assert away.max() < 0.05
    return f"{int(np.sum(inside))} of {len(names)}, the others next to a side"
