"""JoinFeatures: counties to states, by their names."""

from __future__ import annotations

import sqlite3

from spatial_widgets.data import sample

TASK = "JoinFeatures"


def parameters():
    return {
        "targetLayer": sample("states"),
        "joinLayer": sample("earthquakes"),
        "spatialRelationship": "Contains",
        "summaryFields": ["mag Max"],
    }


def confirm(results):
    made = results["outputLayer"].set_index("name")
    assert made.loc[["California", "Alaska", "Nevada"], "Join_Count"].tolist() == [831, 213, 167]
    assert (made["Join_Count"] > 0).all()


def check_sql(run):
    """Pairs of 3,231 counties that lie in the same state, by an SQL join in SQLite."""
    counties = sample("counties")
    relation = [{"targetField": "state", "joinField": "state", "operator": "equal"}]
    made = run(targetLayer=counties, joinLayer=counties, attributeRelationship=relation)["outputLayer"]
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE counties (name, state)")
    database.executemany(
        "INSERT INTO counties VALUES (?, ?)", zip(counties["name"], counties["state"], strict=True)
    )
    expected = database.execute(
        "SELECT count(*) FROM counties a JOIN counties b ON a.state = b.state"
    ).fetchone()[0]
    database.close()
    assert made["Join_Count"].sum() == expected
    return f"{expected:,} pairs"
