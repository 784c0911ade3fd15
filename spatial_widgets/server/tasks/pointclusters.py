"""FindPointClusters: where points lie densely together, apart from the noise around them."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

import geopandas as gpd
import numpy as np

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.clusters import Method, cluster, colors_of
from spatial_widgets.server.analysis.extras import require_libraries
from spatial_widgets.server.analysis.lengths import in_words, to_meters
from spatial_widgets.server.analysis.neighbors import Sites, places
from spatial_widgets.server.analysis.prepare import free_name, prepare, to_output
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["find_point_clusters"]

_MOST_PAIRS = 50_000_000  # DBSCAN and OPTICS keep the neighbours of all points
_MOST_OPTICS = 20_000  # without a distance, every point is compared with every other


class _Outputs(TypedDict):
    pointClustersResultLayer: Annotated[
        gpd.GeoDataFrame, Note("the points with CLUSTER_ID (-1 is noise) and COLOR_ID")
    ]


@task("FindPointClusters", restartable=True)
def find_point_clusters(
    ctx: Context,
    analysisLayer: Annotated[gpd.GeoDataFrame, Note("the points")],
    method: Annotated[
        Literal["DBSCAN", "HDBSCAN", "OPTICS"] | None,
        Note("without one: DBSCAN with a searchDistance, HDBSCAN otherwise"),
    ] = None,
    minFeaturesCluster: Annotated[
        int, Note("the fewest points that make a cluster, or a dense place; the default is ours", minimum=2)
    ] = 5,
    searchDistance: Annotated[
        float | None,
        Note("DBSCAN: the radius that is dense or not; OPTICS: the longest distance that counts"),
    ] = None,
    searchDistanceUnit: Annotated[
        Literal["Meters", "Kilometers", "Feet", "Miles", "NauticalMiles", "Yards"],
        Note("unit of searchDistance (choices and default are ours)"),
    ] = "Meters",
) -> _Outputs:
    """Find clusters of points, and the points that belong to none.

    DBSCAN takes places with at least minFeaturesCluster points within searchDistance, the point itself
    counted, and joins them. HDBSCAN tries all distances and keeps the clusters that last longest. OPTICS cuts
    the plot of reachabilities where it is steep (xi = 0.05). They are those of scikit-learn, and their clusters
    need not be Esri's to the last point.

    ``CLUSTER_ID`` is 1 for the largest cluster and -1 for noise. ``COLOR_ID``, from 1 to 8, is chosen by a rule of
    ours so that clusters next to each other differ; it is -1 for noise. Neither depends on the order of
    the rows. A searchDistance follows great circles (0.6 % accurate), or is planar in a projected layer; HDBSCAN and
    OPTICS compare straight lines through the Earth. A multipoint counts as one point in its middle.
    """
    require_libraries("FindPointClusters", "scipy.spatial", "sklearn.cluster")
    layer = prepare(ctx, analysisLayer, "analysisLayer", kinds=("points",))
    distance = (
        None
        if searchDistance is None
        else to_meters(searchDistance, searchDistanceUnit, parameter="searchDistance")
    )
    chosen: Method = method or ("HDBSCAN" if distance is None else "DBSCAN")
    sites = Sites.of(places(layer), layer.crs)
    distance = _check(ctx, sites, chosen, minFeaturesCluster, distance)
    ctx.info(
        f"Method: {chosen}{', as given' if method else ''}, at least {minFeaturesCluster} points"
        + (f", search distance {in_words(distance)}." if distance else ".")
    )
    ctx.info(
        f"{chosen} is scikit-learn's: at the edges of clusters single points may belong elsewhere than by Esri's."
    )
    ctx.progress(20, "Layer read")
    found = cluster(sites, chosen, minFeaturesCluster, distance)
    ctx.progress(90, "Clusters found")
    names = {name: free_name(name, layer.columns) for name in ("CLUSTER_ID", "COLOR_ID")}
    result = layer.assign(
        geometry=analysisLayer.geometry.iloc[layer.index].to_numpy(),  # as they came, with heights
        **{names["CLUSTER_ID"]: found, names["COLOR_ID"]: colors_of(sites, found)},
    ).reset_index(drop=True)
    _tell(ctx, found)
    ctx.progress(100)
    result = result[[*(c for c in result.columns if c != "geometry"), "geometry"]]
    return {"pointClustersResultLayer": to_output(ctx, result, analysisLayer.crs)}


def _check(ctx: Context, sites: Sites, method: Method, fewest: int, distance: float | None) -> float | None:
    """Return the distance that the method takes."""
    if len(sites) < fewest:
        raise ParameterError(
            f"minFeaturesCluster: the layer has {len(sites):,} points, fewer than the {fewest:,} of one cluster.",
            parameter="minFeaturesCluster",
            value=fewest,
        )
    if method == "HDBSCAN":
        if distance is not None:
            ctx.warn("searchDistance: not used, because HDBSCAN tries all distances.")
        return None
    if method == "DBSCAN" and distance is None:
        raise ParameterError(
            "searchDistance: DBSCAN needs one; or leave the method out.", parameter="searchDistance"
        )
    if distance is None and len(sites) > _MOST_OPTICS:
        raise ParameterError(
            f"searchDistance: OPTICS needs one with more than {_MOST_OPTICS:,} points, or it takes too long; HDBSCAN does not.",
            parameter="searchDistance",
        )
    if distance is not None and sites.pair_count(distance, _MOST_PAIRS) > _MOST_PAIRS:
        raise ParameterError(
            f"searchDistance: {in_words(distance)} makes more than {_MOST_PAIRS:,} pairs of neighbours; choose a shorter one.",
            parameter="searchDistance",
            value=distance,
        )
    return distance


def _tell(ctx: Context, found: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    count = int(found.max(initial=0))
    inside = int((found > 0).sum())
    if count < 1:
        ctx.warn(
            "No cluster was found: all points are noise. Fewer points or a longer distance may give some."
        )
        return
    sizes = np.bincount(found[found > 0])[1:]
    ctx.info(
        f"{count:,} clusters with {inside:,} of {len(found):,} points, the largest with {sizes.max():,}; {len(found) - inside:,} are noise."
    )
