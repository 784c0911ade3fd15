"""DissolveBoundaries: counties into states."""

from __future__ import annotations

import shapely
from geographiclib.geodesic import Geodesic
from verification import below

from spatial_widgets.data import sample

TASK = "DissolveBoundaries"


def parameters():
    return {"inputLayer": sample("counties"), "dissolveFields": ["state"], "multiPartFeatures": True}


def confirm(results):
    made = results["dissolvedLayer"]
    assert len(made) == 56
    assert made["Count"].sum() == 3231


def _area(shape):
    """Return the area of a shape in square metres, by GeographicLib."""
    total = 0.0
    for part in shapely.get_parts(shape):
        for i, ring in enumerate(shapely.get_rings(part)):
            polygon = Geodesic.WGS84.Polygon()
            for lon, lat in shapely.get_coordinates(ring)[:-1]:
                polygon.AddPoint(lat, lon)
            area = abs(polygon.Compute()[2])
            total += -area if i else area
    return total


def check_areas(run):
    """Area of each state, dissolved from 3,231 counties, beside the sum of its counties' areas, by GeographicLib; largest relative difference (in the source a few counties overlap)."""
    counties = sample("counties")
    made = run(**parameters())["dissolvedLayer"].set_index("state").geometry
    whole = counties.geometry.map(_area).groupby(counties["state"]).sum()
    assert set(made.index) == set(whole.index)
    worst = max(abs(_area(made[name]) / whole[name] - 1) for name in whole.index)
    assert worst < 1e-5  # counties of Virginia, Louisiana and California overlap a little
    return below(worst)
