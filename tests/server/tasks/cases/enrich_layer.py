"""EnrichLayer: airports with the earthquakes around them, squares with the number of counties."""

from __future__ import annotations

import geopandas as gpd
import shapely
from verification import below

from spatial_widgets.data import sample

TASK = "EnrichLayer"


def parameters():
    return {
        "inputLayer": sample("states"),
        "enrichmentLayer": sample("counties").assign(counties=1.0),
        "analysisVariables": ["counties"],
    }


def confirm(results):
    made = results["enrichedLayer"].set_index("name")["counties"]
    assert abs(made["Colorado"] - 64) < 0.5
    assert abs(made["Iowa"] - 99) < 0.5


def check_mass(run):
    """Sum of a figure of 3,231 counties over squares that cover them all, beside the sum of the figure itself; relative difference."""
    counties = sample("counties")
    counties["n"] = range(len(counties))
    squares = gpd.GeoDataFrame(
        geometry=[
            shapely.box(x, y, x + 10, y + 10) for x in range(-180, 180, 10) for y in range(-90, 90, 10)
        ],
        crs=4326,
    )
    made = run(inputLayer=squares, enrichmentLayer=counties, analysisVariables=["n"])["enrichedLayer"]
    worst = abs(made["n"].sum() / counties["n"].sum() - 1)
    return below(worst, 1e-9)
