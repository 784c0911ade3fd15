"""DissolveBoundaries: counties into states."""

from __future__ import annotations

from verification import below, geodesic_area

from spatial_widgets.data import sample

TASK = "DissolveBoundaries"


def parameters():
    return {"inputLayer": sample("counties"), "dissolveFields": ["state"], "multiPartFeatures": True}


def confirm(results):
    made = results["dissolvedLayer"]
    assert len(made) == 56
    assert made["Count"].sum() == 3231


def check_areas(run):
    """Area of each state, dissolved from 3,231 counties, beside the sum of its counties' areas, by GeographicLib; largest relative difference (in the source a few counties overlap)."""
    counties = sample("counties")
    made = run(**parameters())["dissolvedLayer"].set_index("state").geometry
    whole = counties.geometry.map(geodesic_area).groupby(counties["state"]).sum()
    assert set(made.index) == set(whole.index)
    worst = max(abs(geodesic_area(made[name]) / whole[name] - 1) for name in whole.index)
    assert worst < 1e-5  # counties of Virginia, Louisiana and California overlap a little
    return below(worst)
