"""DeriveNewLocations: the parts of states near strong earthquakes."""

from __future__ import annotations

import json

from verification import below, geodesic_area

from spatial_widgets.data import sample

TASK = "DeriveNewLocations"


def _near(word):
    return json.dumps(
        [
            {"layer": 1, "where": "mag >= 3"},
            {"layer": 0, "spatialRel": word, "selectingLayer": 1, "distance": 100, "units": "Kilometers"},
        ]
    )


def parameters():
    return {"inputLayers": [sample("states"), sample("earthquakes")], "expressions": _near("withinDistance")}


def confirm(results):
    made = results["resultLayer"].set_index("name").geometry
    assert {"California", "Oklahoma", "Alaska"} <= set(made.index)
    whole = sample("states").set_index("name").geometry
    assert 0 < made["California"].area < whole["California"].area


def check_areas(run):
    """Parts of states within 100 km of strong earthquakes, and parts that are not: areas by GeographicLib add up to those of the states; largest relative difference."""
    inside, outside = (
        run(**parameters() | {"expressions": _near(word)})["resultLayer"].set_index("name").geometry
        for word in ("withinDistance", "notWithinDistance")
    )
    states = sample("states").set_index("name").geometry
    names = ["California", "Nevada", "Oklahoma", "Kansas", "Utah", "Texas"]
    worst = 0.0
    for name in names:
        parts = sum(geodesic_area(found[name], 0.05) for found in (inside, outside) if name in found.index)
        worst = max(worst, abs(parts / geodesic_area(states[name], 0.05) - 1))
    assert worst < 1e-5
    return below(worst, 1e-6)
