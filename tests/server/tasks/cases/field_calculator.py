"""FieldCalculator: figures of earthquakes and states."""

from __future__ import annotations

import math
import sqlite3

from geographiclib.geodesic import Geodesic
from shapely import get_coordinates, get_parts, get_rings, segmentize
from verification import below

from spatial_widgets.data import sample

TASK = "FieldCalculator"


def parameters():
    return {
        "inputLayer": sample("states"),
        "expressions": [
            {"field": {"name": "km2", "type": "Double"}, "expression": "!shape.area@squarekilometers!"},
            {"field": "label", "expression": "!name!.upper() + ' ' + str(round(!km2!))"},
        ],
    }


def confirm(results):
    made = results["resultLayer"].set_index("name")
    assert abs(made["km2"]["Colorado"] / 269_601 - 1) < 0.002
    assert made["label"]["Colorado"].startswith("COLORADO 269")


def check_sql(run):
    """An expression with a condition, over 1,707 earthquakes, by the same in SQL (SQLite); values that agree."""
    quakes = sample("earthquakes")
    text = "int(!mag! * 10) + !sig! if !felt! is None else !felt! / (!tsunami! - 1)"
    made = run(inputLayer=quakes, expressions=[{"field": "made", "expression": text}])["resultLayer"]["made"]
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE quakes (mag REAL, sig INTEGER, felt REAL, tsunami INTEGER)")
    columns = [
        quakes[name].astype(object).where(quakes[name].notna(), None)
        for name in ("mag", "sig", "felt", "tsunami")
    ]
    database.executemany("INSERT INTO quakes VALUES (?, ?, ?, ?)", zip(*columns, strict=True))
    query = "SELECT CASE WHEN felt IS NULL THEN CAST(mag * 10 AS INTEGER) + sig ELSE felt / nullif(tsunami - 1, 0) END FROM quakes"
    expected = [value for (value,) in database.execute(query)]
    database.close()
    same = sum(
        a == b or (math.isnan(a) and b is None) for a, b in zip(made.astype(float), expected, strict=True)
    )
    return f"{same:,} of {len(expected):,}"


def check_area(run):
    """Areas of five states, by GeographicLib; largest relative difference."""
    states = sample("states")
    states = states[states["name"].isin(["Colorado", "Kansas", "Utah", "Iowa", "Nevada"])]
    made = run(inputLayer=states, expressions=[{"field": "m2", "expression": "!shape.area!"}])["resultLayer"][
        "m2"
    ]
    worst = 0.0
    for shape, ours in zip(states.geometry, made, strict=True):
        total = 0.0
        for part in get_parts(segmentize(shape, 0.02)):
            for number, ring in enumerate(get_rings(part)):
                polygon = Geodesic.WGS84.Polygon()
                for lon, lat in get_coordinates(ring)[:-1]:
                    polygon.AddPoint(lat, lon)
                total += abs(polygon.Compute()[2]) * (-1 if number else 1)
        worst = max(worst, abs(ours / total - 1))
    return below(worst, 1e-6)
