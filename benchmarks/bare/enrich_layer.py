"""EnrichLayer: small areas, with the shares of counties that lie in them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.data import sample

TASK = "EnrichLayer"


def parameters(rows, rng):
    """Return rounded polygons over the United States, and counties with a figure."""
    lonlat = np.column_stack([rng.uniform(-125, -67, rows), rng.uniform(25, 49, rows)])
    shapes = shapely.buffer(shapely.points(lonlat), rng.uniform(0.02, 0.1, rows), quad_segs=4)
    layer = gpd.GeoDataFrame({"value": rng.normal(size=rows)}, geometry=shapes, crs=4326)
    return {
        "inputLayer": layer,
        "enrichmentLayer": sample("counties").assign(n=1.0),
        "analysisVariables": ["n"],
    }


def bare(given):
    """Intersect, measure in an equal-area projection, and add up."""
    layer, source = given["inputLayer"], given["enrichmentLayer"]
    whole = source.to_crs("+proj=cea").area
    parts = gpd.overlay(
        layer.assign(i=range(len(layer))), source.assign(j=range(len(source))), how="intersection"
    )
    share = parts.to_crs("+proj=cea").area.to_numpy() / whole.to_numpy()[parts["j"]]
    return np.bincount(parts["i"], share * parts["n"], minlength=len(layer))
