"""FindCentroids: countries and states."""

from __future__ import annotations

import geopandas as gpd
import pyproj
import shapely
from verification import below

from spatial_widgets.data import sample

TASK = "FindCentroids"


def parameters():
    return {"inputLayer": sample("countries"), "pointLocation": True}


def confirm(results):
    made, countries = results["outputLayer"], sample("countries")
    assert made["name"].tolist() == countries["name"].tolist()
    assert shapely.covers(shapely.make_valid(countries.geometry.to_numpy()), made.geometry.to_numpy()).all()
    fiji = made.set_index("name").geometry["Fiji"]
    assert 176 < abs(fiji.x) <= 180


def check_proj(run):
    """Distance of the centres of 56 states from their centroids in PROJ's equal-area projection around them; largest in metres."""
    states = sample("states")
    made = run(inputLayer=states)["outputLayer"]
    worst = 0.0
    for shape, center in zip(shapely.make_valid(states.geometry.to_numpy()), made.geometry, strict=True):
        plane = pyproj.CRS.from_proj4(f"+proj=laea +lat_0={center.y} +lon_0={center.x} +ellps=WGS84")
        there = gpd.GeoSeries([shapely.segmentize(shape, 0.1)], crs=4326).to_crs(plane).centroid.iloc[0]
        worst = max(worst, shapely.distance(there, shapely.Point(0, 0)))
    return below(worst, 1e-6)


def check_inside(run):
    """Countries that hold their point when it is to lie inside, by GEOS."""
    countries = sample("countries")
    made = run(inputLayer=countries, pointLocation=True)["outputLayer"]
    held = shapely.covers(shapely.make_valid(countries.geometry.to_numpy()), made.geometry.to_numpy())
    return f"{held.sum()} of {len(countries)}"
