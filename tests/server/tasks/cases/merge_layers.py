"""MergeLayers: airports and earthquakes in one layer."""

from __future__ import annotations

import sqlite3

from spatial_widgets.data import sample

TASK = "MergeLayers"


def parameters():
    return {
        "inputLayer": sample("airports"),
        "mergeLayer": sample("earthquakes"),
        "mergingAttributes": ["place Match name", "mag Rename magnitude", "time Remove"],
    }


def confirm(results):
    made, airports, quakes = results["mergedLayer"], sample("airports"), sample("earthquakes")
    assert len(made) == len(airports) + len(quakes)
    assert made["name"].tolist() == [*airports["name"], *quakes["place"]]
    assert made["magnitude"].isna().sum() == len(airports)
    assert not {"place", "mag", "time"} & set(made.columns)


def check_union(run):
    """Rows, distinct names and the sum of magnitudes of 3,376 airports and 1,707 earthquakes, by SQL's UNION ALL in SQLite."""
    made = run(**parameters())["mergedLayer"]
    ours = (len(made), made["name"].nunique(), round(float(made["magnitude"].sum()), 6))
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE airports (name)")
    database.execute("CREATE TABLE quakes (place, mag)")
    database.executemany("INSERT INTO airports VALUES (?)", [(n,) for n in sample("airports")["name"]])
    quakes = sample("earthquakes")
    database.executemany("INSERT INTO quakes VALUES (?, ?)", zip(quakes["place"], quakes["mag"], strict=True))
    rows, names, total = database.execute(
        "SELECT count(*), count(DISTINCT name), sum(mag) FROM "
        "(SELECT name, NULL AS mag FROM airports UNION ALL SELECT place, mag FROM quakes)"
    ).fetchone()
    database.close()
    assert ours == (rows, names, round(total, 6))
    return f"all agree: {rows:,}, {names:,}, {total:,.2f}"
