"""AggregatePoints: earthquakes by state."""

from __future__ import annotations

import sqlite3
from itertools import pairwise

import shapely

from spatial_widgets.data import sample

TASK = "AggregatePoints"

# A point is inside where a ray to the east crosses the outline an odd number of times.
_COUNT = """
SELECT state, COUNT(*), SUM(mag), MAX(mag) FROM (
  SELECT quake.mag AS mag, box.state AS state FROM quake
  JOIN box ON quake.x BETWEEN box.west AND box.east AND quake.y BETWEEN box.south AND box.north
  JOIN side ON side.state = box.state AND (side.y1 > quake.y) <> (side.y2 > quake.y)
    AND quake.x < side.x1 + (quake.y - side.y1) / (side.y2 - side.y1) * (side.x2 - side.x1)
  GROUP BY quake.rowid, box.state HAVING COUNT(*) % 2 = 1
) GROUP BY state ORDER BY state"""


def parameters():
    return {
        "pointLayer": sample("earthquakes"),
        "polygonLayer": sample("states"),
        "summaryFields": ["mag Mean", "mag Max"],
        "groupByField": "magType",
    }


def confirm(results):
    made = results["aggregatedLayer"]
    assert made.set_index("name").loc[["California", "Alaska", "Nevada"], "Point_Count"].tolist() == [
        831,
        213,
        167,
    ]
    assert results["groupSummary"]["Point_Count"].sum() == made["Point_Count"].sum()


def check_sql(run):
    """Count, sum and largest magnitude of the earthquakes in each state, by SQL alone (rays across sides, in SQLite); states that agree."""
    quakes, states = sample("earthquakes"), sample("states")
    made = run(pointLayer=quakes, polygonLayer=states, summaryFields=["mag Sum", "mag Max"])[
        "aggregatedLayer"
    ]
    made = made[made["Point_Count"] > 0].sort_values("name")
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE quake (x REAL, y REAL, mag REAL)")
        xy = quakes.geometry.get_coordinates()
        db.executemany(
            "INSERT INTO quake VALUES (?, ?, ?)", zip(xy["x"], xy["y"], quakes["mag"], strict=True)
        )
        db.execute("CREATE TABLE box (state TEXT, west REAL, south REAL, east REAL, north REAL)")
        db.execute("CREATE TABLE side (state TEXT, x1 REAL, y1 REAL, x2 REAL, y2 REAL)")
        for name, shape in zip(states["name"], states.geometry, strict=True):
            for part in shapely.get_parts(shape):
                for ring in shapely.get_rings(part):
                    points = shapely.get_coordinates(ring)
                    db.executemany(
                        "INSERT INTO side VALUES (?, ?, ?, ?, ?)",
                        [(name, *a, *b) for a, b in pairwise(points)],
                    )
            db.execute("INSERT INTO box VALUES (?, ?, ?, ?, ?)", (name, *shape.bounds))
        db.execute("CREATE INDEX sides ON side (state)")
        told = db.execute(_COUNT).fetchall()
    db.close()
    ours = made[["name", "Point_Count", "sum_mag", "max_mag"]].itertuples(index=False)
    same = [
        (one[0], one[1], round(one[2], 6), one[3]) == (other[0], other[1], round(other[2], 6), other[3])
        for one, other in zip(ours, told, strict=True)
    ]
    assert all(same)
    return f"{sum(same)} of {len(told)}"
