"""FindCentroids: a point for each feature."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.server.analysis.centers import centers_in_degrees
from spatial_widgets.server.analysis.prepare import free_name, in_lonlat, prepare, to_output
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["find_centroids"]

Array = np.ndarray[Any, Any]


class _Outputs(TypedDict):
    outputLayer: Annotated[gpd.GeoDataFrame, Note("the centres, with the features' attributes")]


@task("FindCentroids", restartable=True)
def find_centroids(
    ctx: Context,
    inputLayer: Annotated[gpd.GeoDataFrame, Note("multipoints, lines or polygons")],
    pointLocation: Annotated[
        bool, Note("true: the point lies on or in its feature, false: in its centre of gravity")
    ] = False,
) -> _Outputs:
    """Find the centre of each feature.

    In degrees and in Web Mercator the centre is that on the Earth: it does not depend on where 180 degrees is, and
    is right near the poles. In any other projection it is the centroid in the plane. With pointLocation a centre
    outside of its feature moves: into the widest place of a polygon, to the vertex of a line or multipoint that is
    nearest to the middle. ``ORIG_FID`` (a name of ours) is the feature's number in the layer, from 0.
    """
    layer = prepare(ctx, inputLayer, "inputLayer")
    geodesic = is_geodesic(layer.crs)
    work = in_lonlat(layer) if geodesic else layer
    shapes = work.geometry.to_numpy()
    ctx.progress(20, "Layer read")
    centers = centers_in_degrees(shapes) if geodesic else shapely.centroid(shapes)
    if pointLocation:
        outside = ~shapely.covers(shapes, centers)
        centers[outside] = shapely.point_on_surface(shapes[outside])
        ctx.info(f"{int(outside.sum()):,} centres lay outside of their features and were moved into them.")
    result = work.set_geometry(gpd.GeoSeries(centers, index=work.index, crs=work.crs))
    result.insert(0, free_name("ORIG_FID", result.columns), result.index.astype("int64"))
    ctx.info(f"{len(result):,} centres found, {'on the Earth' if geodesic else 'in the plane'}.")
    ctx.progress(100)
    return {"outputLayer": to_output(ctx, result.reset_index(drop=True), inputLayer.crs)}
