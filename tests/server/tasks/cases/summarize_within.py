"""SummarizeWithin: counties by state."""

from __future__ import annotations

import shapely
from geographiclib.geodesic import Geodesic
from verification import below

from spatial_widgets.data import sample

TASK = "SummarizeWithin"


def parameters():
    return {
        "summaryLayer": sample("earthquakes"),
        "sumWithinLayer": sample("states"),
        "summaryFields": ["mag Mean"],
        "groupByField": "magType",
    }


def confirm(results):
    made = results["resultLayer"].set_index("name")
    assert made.loc[["California", "Alaska", "Nevada"], "Point_Count"].tolist() == [831, 213, 167]
    assert results["groupBySummary"]["Point_Count"].sum() == made["Point_Count"].sum()


def check_areas(run):
    """Area of counties within eight inland states, cut by GEOS and measured by GeographicLib; largest relative difference."""
    states = sample("states")
    names = ["Colorado", "Wyoming", "Kansas", "Nebraska", "Utah", "Iowa", "Nevada", "Missouri"]
    states = states[states["name"].isin(names)]
    counties = sample("counties")
    made = run(summaryLayer=counties, sumWithinLayer=states, shapeUnits="SquareKilometers")["resultLayer"]
    worst = 0.0
    for state, ours in zip(states.geometry, made["sum_Area_SquareKilometers"], strict=True):
        near = counties.geometry[counties.intersects(state)].to_numpy()
        pieces = shapely.get_parts(shapely.intersection(near, state))
        pieces = pieces[shapely.get_dimensions(pieces) == 2]
        total = 0.0
        for piece in pieces:
            # Sides are straight in degrees, those of GeographicLib are geodesics: short ones are alike.
            polygon = Geodesic.WGS84.Polygon()
            for lon, lat in shapely.get_coordinates(shapely.segmentize(piece, 0.1))[:-1]:
                polygon.AddPoint(lat, lon)
            total += abs(polygon.Compute()[2]) / 1e6
        worst = max(worst, abs(ours / total - 1))
    assert worst < 1e-4
    return below(worst, 1e-6)
