"""CreateBuffers around the airports of the United States."""

from __future__ import annotations

import shapely
from geographiclib.geodesic import Geodesic
from verification import below

from spatial_widgets.data import sample

TASK = "CreateBuffers"


def parameters():
    return {"inputLayer": sample("airports"), "distances": [10, 25], "units": "Kilometers"}


def confirm(results):
    made = results["bufferLayer"]
    assert len(made) == 2 * 3376
    assert made.crs.to_epsg() == 4326
    assert sorted(made["BUFF_DIST"].unique()) == [10, 25]


def check_geographiclib(run):
    """Distance of the vertices of 85 buffers of 25 km from their airports, by GeographicLib; largest difference in metres."""
    airports = sample("airports").iloc[::40]
    made = run(inputLayer=airports, distances=[25], units="Kilometers")["bufferLayer"]
    worst = 0.0
    for airport, area in zip(airports.geometry, made.geometry, strict=True):
        for lon, lat in shapely.get_coordinates(area):
            found = Geodesic.WGS84.Inverse(airport.y, airport.x, lat, lon, Geodesic.DISTANCE)["s12"]
            # Vertices on ±180 lie where a side was cut, nearer than the circle.
            worst = max(worst, abs(found - 25_000) if abs(lon) < 180 else 0.0)
    assert len(made) == 85
    assert worst < 1e-3
    return below(worst, 1e-6)
